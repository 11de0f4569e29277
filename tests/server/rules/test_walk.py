"""Walking the past: with the live code, in the sequence of time, and with nothing known before it was."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from server.model import Issue, IssueState, Kind
from server.rules.assess import assess
from server.rules.history import HistoryRow, key_of, leg_of_row, moments, observations
from server.rules.plan import plan
from server.rules.policy import Policy
from server.rules.timeline import empty, fold, view
from server.rules.transit_clock import transit_clock
from server.rules.transit_learning import TransitLearner
from server.rules.walk import LOOKS, WORKSPACE, Alert, Walk
from tests.server.rules.histories import any_rows, at, delivered, past, policy, row

FACTS = ("approved_at", "handed_over_at", "delivered_at", "complained_at")


def walked(rows: list[HistoryRow], rules: Policy | None = None, *, learn: list[HistoryRow] | None = None) -> Walk:
    walk = Walk(rows, rules or policy(), learn=learn or ())
    assert sum(walk.steps()) == walk.events
    return walk


# --- what is found ----------------------------------------------------------------------------------------------------


def test_an_order_that_is_not_sent_is_found_when_its_time_has_come_and_not_before() -> None:
    walk = walked([row(approved_at=0), row("2", bought=20)])
    # 72 hours of working time from Monday morning.
    assert [(a.order_id, a.kind, a.at) for a in walk.alerts] == [("1", Kind.FULFILLMENT_DELAYED, at(3))]
    assert walk.alerts[0].risk is None
    assert "working time" in walk.alerts[0].reasons[0]
    assert [(i.state, i.opened_at) for i in walk.issues] == [(IssueState.OPEN, at(3))]


def test_an_issue_ends_when_the_order_recovers() -> None:
    walk = walked([row(approved_at=0, handed_over_at=7, delivered_at=9)])
    assert [(i.kind, i.opened_at, i.solved_at) for i in walk.issues] == [(Kind.FULFILLMENT_DELAYED, at(3), at(7))]


def test_a_slow_parcel_is_told_with_its_risk_before_the_promise_and_a_quick_one_is_not() -> None:
    slow, quick = delivered("slow", takes=12), delivered("quick", takes=3)
    walk = walked([slow, quick, row("end", bought=30)], learn=past())
    at_risk = [alert for alert in walk.alerts if alert.kind is Kind.PROMISE_AT_RISK]
    assert [alert.order_id for alert in at_risk] == ["slow"]
    assert at(4) < at_risk[0].at < at(10)
    assert 0.6 <= (at_risk[0].risk or 0) <= 1
    assert at_risk[0].reasons


def test_a_promise_that_passes_in_silence_is_told_as_missed() -> None:
    walk = walked([delivered("1", delivered_at=None), row("end", bought=30)])
    missed = [alert for alert in walk.alerts if alert.kind is Kind.PROMISE_MISSED]
    assert [(alert.order_id, alert.at - at(10) < timedelta(minutes=5)) for alert in missed] == [("1", True)]


def test_a_marketplace_order_that_is_late_is_told_before_its_time() -> None:
    walk = walked([row(approved_at=0, ship_by=2, handed_over_at=3), row("end", bought=30)])
    found = [alert for alert in walk.alerts if alert.kind is Kind.MARKETPLACE_SLA_RISK]
    assert [(alert.order_id, at(0) < alert.at < at(2)) for alert in found] == [("1", True)]


def test_kinds_that_need_scans_are_silent_because_a_history_has_none() -> None:
    walk = walked([delivered("1", delivered_at=None), row("end", bought=100)])
    silent = {Kind.TRACKING_STALLED, Kind.LABEL_NOT_SCANNED, Kind.TRACKING_INVALID, Kind.PAYMENT_FAILED}
    assert not silent & {alert.kind for alert in walk.alerts}


def test_what_lies_after_the_end_of_the_history_is_not_guessed() -> None:
    assert walked([row(approved_at=0), row("2", bought=2.9)]).alerts == []


def test_dry_runs_are_walked_as_well_and_marked() -> None:
    rules = policy(detectors={"fulfillment_delayed": {"dry_run": True}})
    walk = walked([row(approved_at=0), row("2", bought=20)], rules)
    assert [alert.kind for alert in walk.alerts] == [Kind.FULFILLMENT_DELAYED]
    assert [issue.dry_run for issue in walk.issues] == [True]


def test_no_rows_are_walked_in_no_time() -> None:
    assert walked([], learn=past()).alerts == []


# --- learning ---------------------------------------------------------------------------------------------------------


def test_it_learns_from_the_walk_itself() -> None:
    seen = walked([*past(), delivered("slow", takes=12), row("end", bought=30)])
    risks = [a for a in seen.alerts if a.kind is Kind.PROMISE_AT_RISK and a.order_id == "slow"]
    assert risks
    assert "n=" in " ".join(risks[0].reasons)


def test_what_another_history_tells_is_not_known_before_it_happened() -> None:
    ours = [delivered("slow", takes=12), row("end", bought=30)]
    late = past(bought=40)  # all of it after our last order
    assert walked(ours, learn=late).alerts == walked(ours).alerts
    assert walked(ours, learn=past()).alerts != walked(ours).alerts


def test_an_order_in_both_histories_is_learnt_once() -> None:
    rows = [*past(), delivered("slow", takes=12), row("end", bought=30)]
    assert walked(rows, learn=past()).alerts == walked(rows).alerts


# --- properties -------------------------------------------------------------------------------------------------------


@given(rows=any_rows(), data=st.data())
@settings(max_examples=40, deadline=None)
def test_the_sequence_of_the_rows_does_not_matter(rows, data) -> None:
    first, second = walked(rows, learn=past()), walked(data.draw(st.permutations(rows)), learn=list(reversed(past())))
    assert first.alerts == second.alerts
    assert list(first.issues) == list(second.issues)
    assert first.looks == second.looks


@given(rows=any_rows(), data=st.data(), hours=st.integers(0, 60 * 24))
@settings(max_examples=60, deadline=None)
def test_nothing_that_comes_later_changes_an_earlier_alert(rows, data, hours) -> None:
    """Later facts are changed at random or left out, final states too, and orders that come later are dropped."""
    now = at(hours / 24)
    changed = []
    for found in rows:
        later = {
            name: data.draw(st.none() | st.integers(1, 400).map(lambda h: now + timedelta(hours=h)), label=name)
            for name in FACTS
            if getattr(found, name) is None or getattr(found, name) > now
        }
        if found.purchased_at <= now or data.draw(st.booleans(), label="keep"):
            changed.append(replace(found, **later, status=data.draw(st.sampled_from(["", "canceled", "delivered"]))))
    # Both see the world go on for as long, so that reviews come alike.
    end = row("the end", bought=120)
    one, other = walked([*rows, end], learn=past()), walked([*changed, end], learn=past())
    assert [a for a in one.alerts if a.at <= now] == [a for a in other.alerts if a.at <= now]


@given(rows=any_rows(most=4))
@settings(max_examples=25, deadline=None)
def test_it_finds_what_the_live_chain_finds(rows) -> None:
    """Observations folded one by one, every order looked at again when it asks for it, and what follows is planned."""
    rules = policy()
    walk = walked(rows, rules, learn=past())
    alerts, issues = _live(rows, rules, past())
    assert sorted(walk.alerts, key=_name) == sorted(alerts, key=_name)
    assert sorted(walk.issues, key=lambda i: i.id) == sorted(issues, key=lambda i: i.id)


def _name(alert: Alert) -> tuple[object, ...]:
    return (alert.at, alert.order_id, alert.kind)


def _live(rows: list[HistoryRow], rules: Policy, learn: list[HistoryRow]) -> tuple[list[Alert], list[Issue]]:
    """The plain way: no index, no short cut, every moment in turn."""
    calendar = rules.calendar
    learner = TransitLearner(transit_clock(rules.timezone, calendar.country, calendar.subdivision))
    learner.learn_all(leg for r in learn if (leg := leg_of_row(r, rules)) is not None)
    records = {r.order_id: empty(key_of(r, WORKSPACE)) for r in rows}
    told = {r.order_id: {said.at: said for said in observations(r, WORKSPACE)} for r in rows}
    reviews: dict[str, object] = {}
    issues: dict[str, list[Issue]] = {r.order_id: [] for r in rows}
    alerts: list[Alert] = []
    times = sorted({moment for r in rows for moment in moments(r)})
    now = times[0] - timedelta(days=1)
    while True:
        coming = [t for t in times if t > now] + [t for t in reviews.values() if now < t <= times[-1]]
        if not coming:
            return alerts, [issue for mine in issues.values() for issue in mine]
        now = min(coming)
        # As live: what was due is taken up before what has just arrived.
        due = sorted(name for name, t in reviews.items() if t == now and now not in told[name])
        for name in (*due, *sorted(name for name in told if now in told[name])):
            if now in told[name]:
                records[name] = fold(records[name], told[name][now])
            order = view(records[name])
            assessment = assess(order, now, rules, learner.transit)
            known = {issue.id: issue for issue in issues[name]}
            planned = plan(order, assessment, issues[name], (), rules, helpdesk=None, now=now)
            risks = {signal.kind: signal.risk for signal in assessment.signals}
            for issue in planned.issues:
                if issue.id not in known:
                    alerts.append(Alert(name, issue.kind, now, risks[issue.kind], issue.reasons))
                known[issue.id] = issue
            issues[name] = list(known.values())
            reviews.pop(name, None)
            if assessment.review_at is not None:
                reviews[name] = max(assessment.review_at, now + timedelta(seconds=1))
            found = next(r for r in rows if r.order_id == name)
            if found.delivered_at == now and (leg := leg_of_row(found, rules)) is not None:
                learner.learn(leg)


# --- looks ------------------------------------------------------------------------------------------------------------


def test_risks_are_noted_before_the_promise_of_what_has_not_arrived() -> None:
    walk = walked([delivered("slow", takes=12), delivered("quick", takes=3), row("end", bought=30)], learn=past())
    noted = {name: [look for look in walk.looks if look.row.order_id == name] for name in ("slow", "quick")}
    assert [look.before for look in noted["slow"]] == list(LOOKS)
    assert [look.before for look in noted["quick"]] == [before for before in LOOKS if before > timedelta(days=6)]
    assert all(0 <= look.risk <= 1 for look in walk.looks)
    assert noted["slow"][-1].risk > noted["slow"][0].risk


def test_looking_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*past(), delivered("slow", takes=12), row("end", bought=30)]
    before = walked(rows).alerts
    monkeypatch.setattr("server.rules.walk.LOOKS", ())
    assert walked(rows).alerts == before


def test_of_many_orders_a_sample_is_looked_at_and_always_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.rules.walk.MOST_LOOKS", 120)
    rows = [delivered(str(number), bought=number / 50, takes=12) for number in range(200)]
    looked = Counter(look.row.order_id for look in walked(rows).looks)
    assert 5 < len(looked) < 45
    assert looked == Counter(look.row.order_id for look in walked(rows[::-1]).looks)


def test_a_higher_threshold_tells_later() -> None:
    rows = [delivered("slow", takes=12), row("end", bought=30)]
    early, late = (
        [
            a.at
            for a in walked(rows, policy(detectors={"promise_at_risk": {"threshold": share}}), learn=past()).alerts
            if a.kind is Kind.PROMISE_AT_RISK
        ]
        for share in (0.4, 0.9)
    )
    assert early[0] < late[0]
