"""The report of a replay: one file, no script, nothing from elsewhere, and every figure of it."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from msgspec.structs import replace

from server.flows.replay import Replayed, replay
from server.reports import charts
from server.reports.replay import render
from server.reports.words import lead, summary
from server.rules.replay_truth import Bin
from tests.server.rules.histories import ZONE, delivered, past, policy, row


def replayed(**given: object) -> Replayed:
    late = [delivered(f"late-{n}", bought=n, takes=14, complained_at=n + 12) for n in range(5)]
    rows = [*(delivered(f"good-{n}", bought=n / 4) for n in range(80)), *late, row("end", bought=60)]
    return replay(rows, policy(), lambda *_: lambda _: None, learn=past(), **given)  # type: ignore[arg-type]


class Tags(HTMLParser):
    """Every tag with its attributes; complains of what is closed and was not opened."""

    EMPTY = frozenset({"meta", "line", "rect", "circle", "polyline", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag) -> None:
        if tag not in self.EMPTY:
            assert self.open.pop() == tag


def tags(page: str) -> Tags:
    parser = Tags()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def test_it_is_one_whole_file_without_scripts_or_anything_from_elsewhere() -> None:
    page = render(replayed(before=policy()), "history.csv", ZONE)
    found = tags(page)
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in found.found}
    assert not [name for _, attributes in found.found for name in attributes if name in ("src", "href", "style")]
    assert not re.search(r"https?://|url\(|@import|javascript:|\son\w+=", page)


def test_it_shows_every_detector_and_the_charts() -> None:
    result = replayed()
    page = render(result, "history.csv", ZONE)
    for kind in result.figures.kinds:
        assert f"<td>{kind.kind}</td>" in page
    assert page.count("<svg") == 3
    labels = [a["aria-label"] for tag, a in tags(page).found if tag == "svg"]
    assert labels == [
        "Share of promises missed, over the risk that was stated",
        "Right alerts by days before the deadline",
        "Alerts by week",
    ]


def test_it_shows_what_a_policy_changes() -> None:
    off = policy(detectors={"promise_missed": {"enabled": False}})
    page = render(replayed(before=off), "history.csv", ZONE)
    assert "What the policy changes" in page
    assert "<td>late-0</td>" in page
    assert "only after" in page
    same = render(replayed(before=policy()), "history.csv", ZONE)
    assert "Nothing would be opened or closed differently." in same


def test_a_name_is_shown_as_it_is_and_never_as_html() -> None:
    assert "<h1>Replay of &lt;script&gt;alert(1)&lt;/script&gt;.csv</h1>" in render(
        replayed(), "<script>alert(1)</script>.csv", ZONE
    )


def test_a_replay_without_an_alert_has_a_report_too() -> None:
    quiet = replay([row("1")], policy(), lambda *_: lambda _: None)
    page = render(quiet, "history.csv", ZONE)
    tags(page)
    assert "No alerts." in page
    assert "<svg" not in page


def test_a_perfect_risk_lies_on_the_diagonal() -> None:
    bins = [Bin(low=share, high=share + 0.1, weight=1, stated=share, came=share) for share in (0.1, 0.5, 0.9)]
    chart = charts.reliability(bins)
    assert chart is not None
    across, up = chart.right - chart.left, chart.bottom - chart.top
    for dot in chart.dots:
        assert (dot.x - chart.left) / across == pytest.approx((chart.bottom - dot.y) / up, abs=0.01)


def test_columns_are_as_high_as_what_they_stand_for() -> None:
    kind = replace(replayed().figures.kinds[0], leads_hours=((5.0, 1.0), (30.0, 3.0), (24 * 20.0, 1.0)))
    chart = charts.leads(kind)
    assert chart is not None
    assert [bar.title for bar in chart.bars] == [
        "0 to 1 days before: 20.0% of right alerts",
        "1 to 2 days before: 60.0% of right alerts",
        "14 days or more before: 20.0% of right alerts",
    ]
    heights = [bar.height for bar in chart.bars]
    assert heights[1] == pytest.approx(3 * heights[0], abs=0.3)
    top = next(tick for tick in chart.y_ticks if tick.label == "60%")
    assert chart.bars[1].y == pytest.approx(top.at, abs=0.2)


def test_weeks_are_stacked_without_gaps_and_inside_the_plot() -> None:
    chart, names = charts.weeks(replayed().figures)
    assert chart is not None
    assert len(names) == len(set(names)) <= charts.MOST_KINDS
    for x in {bar.x for bar in chart.bars}:
        column = [bar for bar in chart.bars if bar.x == x]
        assert column[0].y + column[0].height == pytest.approx(chart.bottom, abs=0.2)
        for below, above in pairwise(column):
            assert above.y + above.height == pytest.approx(below.y, abs=0.2)
    assert all(chart.left <= bar.x and bar.x + bar.width <= chart.right + 0.1 for bar in chart.bars)
    assert all(bar.y >= chart.top - 0.1 for bar in chart.bars)


def test_the_summary_says_what_was_left_out() -> None:
    rows = [
        delivered("1"),
        delivered("open", bought=25, delivered_at=None),
        row("none", bought=26),
        row("e", bought=30),
    ]
    text = summary(replay(rows, policy(), lambda *_: lambda _: None), ZONE)
    assert text.startswith(
        "4 orders, 2026-03-02 to 2026-04-01. Of 1 promises whose day has come, 0 were missed (0.0%)."
    )
    assert "Left out: 1 whose promise lies after the end of the history, 2 without a promise." in text


def test_a_lead_is_in_days_unless_it_is_short() -> None:
    assert [lead(hours) for hours in (None, 0.4, 47, 60)] == ["", "0 hours", "47 hours", "2.5 days"]
