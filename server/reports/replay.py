"""This file draws the report of a replay: one HTML file that needs nothing else."""

from functools import cache
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from server.flows.replay import Replayed
from server.model import Kind
from server.reports import charts
from server.reports.words import day, lead, share, summary, time
from server.rules.replay_figures import KindFigures

MOST_DIFFERENCES = 500


def render(found: Replayed, name: str, zone: ZoneInfo) -> str:
    """The page for the replay of the file *name*."""
    chart, colors = charts.weeks(found.figures)
    main = _main(found.figures.kinds)
    return _template().render(
        name=name,
        zone=zone.key,
        figures=found.figures,
        summary=summary(found, zone),
        reliability=charts.reliability(found.figures.bins),
        main=main,
        leads=charts.leads(main) if main else None,
        weeks=chart,
        colors=colors,
        comparison=found.comparison,
        differences=found.comparison.differences[:MOST_DIFFERENCES] if found.comparison else (),
        share=share,
        lead=lead,
        day=lambda moment: day(moment, zone),
        time=lambda moment: time(moment, zone),
    )


def _main(kinds: tuple[KindFigures, ...]) -> KindFigures | None:
    """Whose leads are drawn: the promise at risk, else the kind with most of them."""
    with_leads = [kind for kind in kinds if kind.leads_hours]
    at_risk = [kind for kind in with_leads if kind.kind == Kind.PROMISE_AT_RISK.value]
    return at_risk[0] if at_risk else max(with_leads, key=lambda kind: len(kind.leads_hours), default=None)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("server.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("replay.html")
