"""This file prints what a replay has found: a table by detector, then how well the stated risk holds."""

from zoneinfo import ZoneInfo

from rich.text import Text

from server.flows.history import HistoryFile
from server.flows.replay import Replayed
from server.reports.words import lead, share, summary, time
from server.rules.replay_compare import Comparison
from server.rules.replay_figures import Figures
from server.rules.wording import one_line
from server.terminal import out, print_table

MOST_MISTAKES = 20
MOST_DIFFERENCES = 40


def show_file(history: HistoryFile) -> None:
    """How much of a file could be used, and what was wrong with the rest."""
    lines = history.used + history.left_out
    _say(f"{history.path.name}: {history.used:,} of {lines:,} lines used")
    if history.ignored:
        _say(f"  columns that are not used: {', '.join(map(repr, history.ignored))[:300]}")
    for mistake in history.mistakes[:MOST_MISTAKES]:
        _say(f"  left out: {mistake}")
    more = len(history.mistakes) - MOST_MISTAKES
    if more > 0:
        _say(f"  ... and {more:,}{' or more' if history.left_out > len(history.mistakes) else ''} further mistakes")


def show_circumstances(policy: str, zone: ZoneInfo) -> None:
    """What a walk was made with."""
    _say(f"policy: {policy}; time zone: {zone}")


def show_replay(found: Replayed, zone: ZoneInfo) -> None:
    """The figures of a walk."""
    figures = found.figures
    out.print()
    _say(summary(found, zone))
    out.print()
    columns = ("detector", "alerts", "per 1,000", "precision", "recall", "median lead", "before complaint")
    print_table(
        columns,
        [
            (
                kind.kind,
                f"{kind.alerts:,}",
                f"{kind.alerts_per_1000:.1f}",
                share(kind.precision),
                share(kind.recall),
                lead(kind.median_lead_hours),
                share(kind.complaints_preceded),
            )
            for kind in figures.kinds
        ],
        names=True,
    )
    _show_calibration(figures)
    if found.comparison is not None:
        _show_comparison(found.comparison, zone)


def _show_calibration(figures: Figures) -> None:
    if figures.brier is None or figures.brier_of_base_rate is None:
        return
    out.print()
    _say(
        f"Is the stated risk right? {figures.looks:,} looks at orders under way; Brier score {figures.brier:.4f}, "
        f"{figures.brier_of_base_rate:.4f} for the same risk for all."
    )
    print_table(
        ("risk stated", "on average", "missed", "orders"),
        [
            (f"{found.low:.0%} to {found.high:.0%}", f"{found.stated:.1%}", f"{found.came:.1%}", f"{found.weight:,.0f}")
            for found in figures.bins
        ],
    )


def _show_comparison(found: Comparison, zone: ZoneInfo) -> None:
    out.print()
    _say("What the policy changes")
    print_table(
        (
            "detector",
            "before",
            "after",
            "only before",
            "only after",
            "opened earlier",
            "later",
            "closed earlier",
            "later",
        ),
        [
            (
                kind.kind,
                *(f"{number:,}" for number in (kind.before, kind.after, kind.only_before, kind.only_after)),
                *(f"{number:,}" for number in (kind.opened_earlier, kind.opened_later)),
                *(f"{number:,}" for number in (kind.closed_earlier, kind.closed_later)),
            )
            for kind in found.kinds
        ],
        names=True,
    )
    if not found.differences:
        _say("Nothing would be opened or closed differently.")
        return
    only = [each for each in found.differences if each.what.startswith("only")]
    for each in only[:MOST_DIFFERENCES]:
        opened, closed = each.opened_after or each.opened_before, each.closed_after or each.closed_before
        until = f"until {time(closed, zone)}" if closed else "and not closed"
        what = each.what.replace("_", " ")
        _say(f"  {what}: order {one_line(each.order_id, 60)}, {each.kind}, {time(opened, zone)} {until}")
    if len(found.differences) > min(len(only), MOST_DIFFERENCES):
        _say("  All differences with their times: --json, or --report")


def _say(text: str) -> None:
    # Not read as markup: it quotes what the file says.
    out.print(Text(text), soft_wrap=True)
