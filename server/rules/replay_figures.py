"""This file measures a walk against what came of the orders: `docs/proof.md` says what each figure means.

Every share and rate counts an order as often as its row's weight says. What the file cannot tell yet is left out.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from server.model import Kind
from server.rules.history import HistoryRow
from server.rules.replay_truth import Bin, Trouble, calibration, late_handover, missed_promise
from server.rules.walk import Alert, Look

HOUR = timedelta(hours=1)


class KindFigures(Struct, frozen=True, kw_only=True):
    """How one detector did. Shares are None where there is nothing to take a share of."""

    kind: str
    alerts: int
    """Lines of the file, not weighted."""
    alerts_per_1000: float
    precision: float | None
    recall: float | None
    median_lead_hours: float | None
    complaints_preceded: float | None
    late: float
    """Weighted orders whose first alert came when it was too late to prevent anything."""
    leads_hours: tuple[tuple[float, float], ...] = ()
    """Of right alerts: hours before the deadline, and the weight."""


class Figures(Struct, frozen=True, kw_only=True):
    """Everything that is said of one walk."""

    rows: int
    orders: float
    """By weight, as all below."""
    begins: datetime
    ends: datetime
    without_promise: float
    censored: float
    """The promise lies after the end of what the file has seen."""
    measured: float
    missed: float
    complaints: float
    orders_with_alerts_per_1000: float
    complaints_preceded: float | None
    kinds: tuple[KindFigures, ...]
    bins: tuple[Bin, ...]
    looks: int
    brier: float | None
    """The mean squared distance between the risk stated and what came; `brier_of_base_rate` is what a constant gets."""
    brier_of_base_rate: float | None
    weeks: tuple[tuple[datetime, dict[str, int]], ...]
    """Alerts by kind for each week, from its Monday on."""


def figures(rows: Sequence[HistoryRow], alerts: Sequence[Alert], looks: Sequence[Look], ends: datetime) -> Figures:
    """Measure a walk whose history ends at *ends*."""
    promised = [row for row in rows if row.promised_date is not None]
    troubles = {row.order_id: found for row in rows if (found := missed_promise(row, ends)) is not None}
    by_kind = {kind: [alert for alert in alerts if alert.kind is kind] for kind in Kind}
    complained = [row for row in rows if row.complained_at is not None]
    bins, brier, base = calibration(looks, ends)
    weight_of = {row.order_id: row.weight for row in rows}
    alerted = {alert.order_id for alert in alerts}
    return Figures(
        rows=len(rows),
        orders=_weight(rows),
        begins=min(row.purchased_at for row in rows),
        ends=ends,
        without_promise=_weight(rows) - _weight(promised),
        censored=_weight(row for row in promised if row.order_id not in troubles),
        measured=_weight(row for row in promised if row.order_id in troubles),
        missed=_weight(row for row in promised if row.order_id in troubles and troubles[row.order_id].came),
        complaints=_weight(complained),
        orders_with_alerts_per_1000=1000 * sum(map(weight_of.__getitem__, sorted(alerted))) / _weight(rows),
        complaints_preceded=_preceded(complained, alerts),
        kinds=tuple(_of_kind(kind, rows, found, ends, complained) for kind, found in by_kind.items() if found),
        bins=bins,
        looks=len(looks),
        brier=brier,
        brier_of_base_rate=base,
        weeks=_weeks(alerts),
    )


def _trouble_of(kind: Kind) -> Callable[[HistoryRow, datetime], Trouble | None]:
    return late_handover if kind is Kind.MARKETPLACE_SLA_RISK else missed_promise


def _of_kind(
    kind: Kind, rows: Sequence[HistoryRow], alerts: Sequence[Alert], ends: datetime, complained: Sequence[HistoryRow]
) -> KindFigures:
    """An order counts once, by its first alert of this kind; only what came in time is right or wrong."""
    first: dict[str, datetime] = {}
    for alert in alerts:
        first.setdefault(alert.order_id, alert.at)
    trouble_of = _trouble_of(kind)
    told = came = right = late = 0.0
    leads: list[tuple[float, float]] = []
    for row in rows:
        trouble = trouble_of(row, ends)
        if trouble is None:
            continue
        came += row.weight if trouble.came else 0
        at = first.get(row.order_id)
        if at is None:
            continue
        # This kind says what has happened and foretells nothing, so it is never too late.
        if at >= trouble.deadline and kind is not Kind.PROMISE_MISSED:
            late += row.weight
            continue
        told += row.weight
        if trouble.came:
            right += row.weight
            leads.append(((trouble.deadline - at) / HOUR, row.weight))
    foretells = kind is not Kind.PROMISE_MISSED
    weight_of = {row.order_id: row.weight for row in rows}
    return KindFigures(
        kind=kind.value,
        alerts=len(alerts),
        alerts_per_1000=1000 * sum(weight_of[alert.order_id] for alert in alerts) / _weight(rows),
        precision=right / told if told else None,
        recall=right / came if came else None,
        median_lead_hours=weighted_median(leads) if foretells else None,
        complaints_preceded=_preceded(complained, alerts),
        late=late,
        leads_hours=tuple(leads) if foretells else (),
    )


def _preceded(complained: Sequence[HistoryRow], alerts: Iterable[Alert]) -> float | None:
    """The share of complaints before which there was an alert."""
    first: dict[str, datetime] = {}
    for alert in alerts:
        first.setdefault(alert.order_id, alert.at)
    preceded = [
        row
        for row in complained
        if row.complained_at is not None and row.order_id in first and first[row.order_id] < row.complained_at
    ]
    return _weight(preceded) / _weight(complained) if complained else None


def _weeks(alerts: Sequence[Alert]) -> tuple[tuple[datetime, dict[str, int]], ...]:
    """Every week from the first alert to the last, also those without any."""
    found: dict[datetime, dict[str, int]] = {}
    for alert in alerts:
        midnight = alert.at.replace(hour=0, minute=0, second=0, microsecond=0)
        week = found.setdefault(midnight - timedelta(days=midnight.weekday()), {})
        week[alert.kind.value] = week.get(alert.kind.value, 0) + 1
    if not found:
        return ()
    first, last = min(found), max(found)
    every = [first + timedelta(days=7 * number) for number in range((last - first).days // 7 + 1)]
    return tuple((week, found.get(week, {})) for week in every)


def _weight(rows: Iterable[HistoryRow]) -> float:
    return sum(row.weight for row in rows)


def weighted_median(values: Iterable[tuple[float, float]]) -> float | None:
    """The value below and above which half of the weight lies."""
    ordered = sorted(values)
    half, passed = sum(weight for _, weight in ordered) / 2, 0.0
    for value, weight in ordered:
        passed += weight
        if passed >= half:
            return value
    return None
