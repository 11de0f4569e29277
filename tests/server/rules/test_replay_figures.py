"""What a walk is measured by: every figure on orders few enough to reckon by hand."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.model import Kind
from server.rules.history import HistoryRow
from server.rules.replay_figures import KindFigures, figures, weighted_median
from server.rules.replay_truth import late_handover, missed_promise
from server.rules.walk import Alert, Look
from tests.server.rules.histories import at, delivered, row

END = at(30)
LATE = delivered("late", takes=12, complained_at=12)
"""Promised for day 10, delivered on day 13."""
LOST = delivered("lost", delivered_at=None, weight=2.0)
KEPT = delivered("kept", takes=3, weight=5.0)
OPEN = delivered("open", bought=25, delivered_at=None)
"""Its promise lies after the end."""
NO_PROMISE = delivered("none", promised_date=None, weight=2.0)
ROWS = [LATE, LOST, KEPT, OPEN, NO_PROMISE]


def alert(order_id: str, day: float, kind: Kind = Kind.PROMISE_AT_RISK) -> Alert:
    return Alert(order_id, kind, at(day), 0.7, ())


def of(alerts: list[Alert], kind: Kind = Kind.PROMISE_AT_RISK, rows: list[HistoryRow] = ROWS) -> KindFigures:
    return next(found for found in figures(rows, alerts, [], END).kinds if found.kind == kind)


def test_a_promise_is_missed_when_its_day_ends_without_a_delivery() -> None:
    on_time = delivered("1", delivered_at=10)
    a_moment_late = delivered("1", delivered_at=at(10) + timedelta(microseconds=1))
    never = delivered("1", delivered_at=None)
    found = [missed_promise(each, END) for each in (on_time, a_moment_late, never)]
    assert [trouble.came for trouble in found if trouble] == [False, True, True]
    assert [missed_promise(each, END) for each in (OPEN, NO_PROMISE)] == [None, None]
    assert missed_promise(never, at(10)) == missed_promise(never, END)


def test_what_the_shop_calls_it_in_the_end_makes_no_difference() -> None:
    assert missed_promise(delivered("1", delivered_at=None, status="canceled"), END) == missed_promise(
        delivered("1", delivered_at=None, status="shipped"), END
    )


def test_a_hand_over_is_late_after_the_marketplaces_time() -> None:
    rows = [
        row(ship_by=2, handed_over_at=2),
        row(ship_by=2, handed_over_at=2.1),
        row(ship_by=2),
        row(ship_by=2, delivered_at=1),
    ]
    assert [trouble.came for r in rows if (trouble := late_handover(r, END))] == [False, True, True, False]
    assert late_handover(row(ship_by=31), END) is None


def test_orders_are_counted_by_weight_and_what_cannot_be_known_is_left_out() -> None:
    found = figures(ROWS, [alert("late", 5), alert("late", 6, Kind.PROMISE_MISSED), alert("open", 26)], [], END)
    assert (found.rows, found.orders, found.measured, found.missed) == (5, 11, 8, 3)
    assert (found.censored, found.without_promise, found.complaints) == (1, 2, 1)
    assert found.orders_with_alerts_per_1000 == pytest.approx(1000 * 2 / 11)
    assert (found.begins, found.ends) == (at(0), END)


def test_precision_recall_and_lead() -> None:
    found = of([alert("late", 8), alert("kept", 3), alert("open", 26)])
    assert found.alerts == 3
    assert found.alerts_per_1000 == pytest.approx(1000 * 7 / 11)
    assert found.precision == pytest.approx(1 / 6)
    assert found.recall == pytest.approx(1 / 3)
    assert found.median_lead_hours == 48


def test_an_order_counts_once_by_its_first_alert() -> None:
    found = of([alert("late", 4), alert("late", 9)])
    assert (found.alerts, found.precision, found.median_lead_hours) == (2, 1.0, 144)


def test_an_alert_at_the_end_of_the_promise_or_later_is_too_late() -> None:
    found = of([alert("late", 10), alert("lost", 11)])
    assert (found.precision, found.recall, found.median_lead_hours, found.late) == (None, 0.0, None, 3.0)


def test_a_missed_promise_is_a_fact_and_never_too_late() -> None:
    found = of([alert("late", 10.01, Kind.PROMISE_MISSED)], Kind.PROMISE_MISSED)
    assert (found.precision, found.recall, found.median_lead_hours) == (1.0, pytest.approx(1 / 3), None)


def test_the_marketplaces_alert_is_measured_by_the_marketplaces_time() -> None:
    rows = [row("late", ship_by=5, handed_over_at=6), row("kept", ship_by=5, handed_over_at=4)]
    kind = Kind.MARKETPLACE_SLA_RISK
    found = of([alert("late", 4, kind), alert("kept", 3, kind)], kind, rows)
    assert (found.precision, found.recall, found.median_lead_hours) == (0.5, 1.0, 24)


def test_a_complaint_is_preceded_by_an_alert_that_came_before_it() -> None:
    later = delivered("later", takes=12, complained_at=4)
    found = figures([LATE, later], [alert("late", 8), alert("later", 8)], [], END)
    assert (found.complaints_preceded, found.kinds[0].complaints_preceded) == (0.5, 0.5)
    assert figures([KEPT], [], [], END).complaints_preceded is None


def test_calibration_compares_what_was_stated_with_what_came() -> None:
    def look(found: HistoryRow, risk: float) -> Look:
        return Look(found, timedelta(days=1), risk)

    looks = [look(LATE, 0.95), look(LOST, 0.91), look(KEPT, 0.92), look(KEPT, 0.0), look(OPEN, 0.5), look(LATE, 1.0)]
    found = figures(ROWS, [], looks, END)
    assert [(b.low, b.weight) for b in found.bins] == [(0.0, 5.0), (0.9, 9.0)]
    assert found.bins[1].stated == pytest.approx((0.95 + 2 * 0.91 + 5 * 0.92 + 1.0) / 9)
    assert found.bins[1].came == pytest.approx(4 / 9)
    assert found.brier == pytest.approx((0.05**2 + 2 * 0.09**2 + 5 * 0.92**2) / 14)
    assert found.brier_of_base_rate == pytest.approx(4 / 14 * 10 / 14)


def test_weeks_begin_on_monday_and_none_is_missing() -> None:
    found = figures(ROWS, [alert("late", 6), alert("kept", 6.9), alert("lost", 21)], [], END).weeks
    assert [(week.isoformat()[:10], counts) for week, counts in found] == [
        ("2026-03-02", {"promise_at_risk": 1}),
        ("2026-03-09", {"promise_at_risk": 1}),
        ("2026-03-16", {}),
        ("2026-03-23", {"promise_at_risk": 1}),
    ]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 5)), min_size=1))
def test_the_weighted_median_is_the_median_of_as_many_values(pairs) -> None:
    plain = sorted(value for value, weight in pairs for _ in range(weight))
    assert weighted_median(pairs) == plain[(len(plain) - 1) // 2]


def test_nothing_has_no_median() -> None:
    assert weighted_median([]) is None
