"""This file works out where everything in a chart stands; the template draws it as SVG."""

import math
from collections.abc import Sequence

from msgspec import Struct

from server.rules.replay_figures import Figures, KindFigures
from server.rules.replay_truth import Bin

WIDTH, HEIGHT = 400.0, 360.0
"""Of a chart that has another one beside it."""
WIDE, LOW = 920.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 24.0, 12.0, 36.0
MOST_KINDS = 8
"""That get a colour of their own."""
LONGEST_LEAD = 14
"""Days; what is earlier is drawn together."""


class Tick(Struct, frozen=True):
    at: float
    label: str


class Bar(Struct, frozen=True, kw_only=True):
    x: float
    y: float
    width: float
    height: float
    color: int
    title: str


class Dot(Struct, frozen=True, kw_only=True):
    x: float
    y: float
    radius: float
    title: str


class Chart(Struct, frozen=True, kw_only=True):
    """A plot area with its ticks and what is drawn in it; lengths are SVG units."""

    width: float
    height: float
    label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    bars: tuple[Bar, ...] = ()
    dots: tuple[Dot, ...] = ()
    x_title: str = ""

    @property
    def left(self) -> float:
        return LEFT

    @property
    def right(self) -> float:
        return self.width - RIGHT

    @property
    def top(self) -> float:
        return TOP

    @property
    def bottom(self) -> float:
        return self.height - BOTTOM


def reliability(bins: Sequence[Bin]) -> Chart | None:
    """How often it came, over how likely it was said to be: on the diagonal both are alike."""
    if not bins:
        return None
    across, up = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    largest = max(found.weight for found in bins)
    dots = tuple(
        Dot(
            x=round(LEFT + found.stated * across, 1),
            y=round(TOP + (1 - found.came) * up, 1),
            radius=round(3 + 9 * math.sqrt(found.weight / largest), 1),
            title=f"stated {found.stated:.1%}, missed {found.came:.1%}, {found.weight:,.0f} looks by weight",
        )
        for found in bins
    )
    shares = [number / 5 for number in range(6)]
    return Chart(
        width=WIDTH,
        height=HEIGHT,
        label="Share of promises missed, over the risk that was stated",
        x_ticks=tuple(Tick(round(LEFT + share * across, 1), f"{share:.0%}") for share in shares),
        y_ticks=tuple(Tick(round(TOP + (1 - share) * up, 1), f"{share:.0%}") for share in shares),
        dots=dots,
        x_title="risk stated",
    )


def leads(kind: KindFigures) -> Chart | None:
    """How many days before the deadline right alerts came."""
    total = sum(weight for _, weight in kind.leads_hours)
    if not total:
        return None
    shares = [0.0] * (LONGEST_LEAD + 1)
    for hours, weight in kind.leads_hours:
        shares[min(int(hours // 24), LONGEST_LEAD)] += weight / total
    columns = [([(0, share)], f"{_days(number)}: {share:.1%} of right alerts") for number, share in enumerate(shares)]
    labels = [str(number) if number < LONGEST_LEAD else f"{LONGEST_LEAD}+" for number in range(LONGEST_LEAD + 1)]
    return _columns(
        columns, labels, "Right alerts by days before the deadline", "days before the deadline", (WIDTH, HEIGHT)
    )


def weeks(figures: Figures) -> tuple[Chart | None, tuple[str, ...]]:
    """Alerts of each week, and the kinds in order of their colours."""
    if not figures.weeks:
        return None, ()
    kinds = sorted(figures.kinds, key=lambda kind: -kind.alerts)[:MOST_KINDS]
    names = tuple(kind.kind for kind in kinds)
    columns = []
    for week, counts in figures.weeks:
        parts: list[tuple[int, float]] = [(color, float(counts.get(name, 0))) for color, name in enumerate(names)]
        told = ", ".join(f"{name} {counts[name]}" for name in names if name in counts) or "none"
        columns.append((parts, f"week of {week:%Y-%m-%d}: {told}"))
    every = max(1, math.ceil(len(columns) / 9))
    labels = [f"{week:%d %b %y}" if number % every == 0 else "" for number, (week, _) in enumerate(figures.weeks)]
    return _columns(columns, labels, "Alerts by week", "week", (WIDE, LOW)), names


def _columns(
    columns: Sequence[tuple[Sequence[tuple[int, float]], str]],
    labels: Sequence[str],
    label: str,
    x_title: str,
    size: tuple[float, float],
) -> Chart:
    """Columns of coloured parts, one on the other; values below 1 are shares."""
    width, height = size
    steps = _steps(max(sum(value for _, value in parts) for parts, _ in columns))
    slot = (width - LEFT - RIGHT) / len(columns)
    up = (height - TOP - BOTTOM) / steps[-1]
    bars = []
    for number, (parts, title) in enumerate(columns):
        base = height - BOTTOM
        for color, value in parts:
            base -= value * up
            place = {"x": round(LEFT + (number + 0.1) * slot, 1), "width": round(slot * 0.8, 1)}
            if value:
                bars.append(Bar(**place, y=round(base, 1), height=round(value * up, 1), color=color, title=title))
    is_share = steps[-1] <= 1
    return Chart(
        width=width,
        height=height,
        label=label,
        x_ticks=tuple(Tick(round(LEFT + (n + 0.5) * slot, 1), text) for n, text in enumerate(labels) if text),
        y_ticks=tuple(
            Tick(round(height - BOTTOM - step * up, 1), f"{step:.0%}" if is_share else f"{step:,.0f}") for step in steps
        ),
        bars=tuple(bars),
        x_title=x_title,
    )


def _steps(most: float) -> list[float]:
    """Round numbers from 0 to at least *most*, about four of them."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / 4
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= rough)
    return [step * number for number in range(math.ceil(most / step - 1e-9) + 1)]


def _days(number: int) -> str:
    if number == LONGEST_LEAD:
        return f"{number} days or more before"
    return f"{number} to {number + 1} days before"
