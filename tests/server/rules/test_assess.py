"""What is wrong with an order at a time, and when to look again."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.model import Payment, PaymentAttempt, PaymentState, ShipmentState
from connectors.money import Money
from server.model import Assessment, Kind, Level, Severity
from server.rules.assess import assess
from server.rules.transit import UNLEARNED, Transit
from tests.server.rules.any_order import any_order, any_transit

HOUR = timedelta(hours=1)


def kinds(found: Assessment) -> list[Kind]:
    return [signal.kind for signal in found.signals]


def told(found: Assessment, transit: Transit = UNLEARNED) -> tuple[object, ...]:
    """What of an assessment may change only when something happens or `review_at` comes."""
    signals = tuple(
        (s.kind, s.fingerprint, s.severity, s.opens_at, s.since, s.deadline, s.causes, s.parcels) for s in found.signals
    )
    promise = found.promise
    # What was learnt makes the risk itself rise all the time; only its level is acted on.
    risk = None if promise is None or transit.is_learnt else promise.risk
    return (signals, found.silenced, promise and (promise.level, promise.words), risk)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nothing_changes_by_silence_alone_before_review_at(build, data) -> None:
    order, transit = data.draw(any_order(build)), data.draw(any_transit(build))
    policy = build.policy(calendar={"holidays": "US"})
    now = build.at(data.draw(st.integers(-30, 400)))
    found = assess(order, now, policy, transit)
    assert assess(order, now, policy, transit) == found
    until = now + timedelta(days=40)
    if found.review_at is not None:
        assert found.review_at > now
        until = min(until, found.review_at)
    # The last instant before is the likeliest to be wrong.
    shares = data.draw(st.lists(st.floats(0, 1), min_size=6, max_size=6))
    last = until - timedelta(microseconds=1)
    for moment in (*(now + (last - now) * share for share in shares), last):
        assert told(assess(order, min(moment, last), policy, transit), transit) == told(found, transit)


def test_an_order_on_its_way_in_good_time_has_no_signal_and_is_looked_at_again(build) -> None:
    order = build.order(build.shipment(build.scan(10)), promise=120)
    found = assess(order, build.at(12), build.policy())
    assert (kinds(found), found.promise.level) == ([], Level.ON_TRACK)
    assert found.review_at == build.at(10) + 24 * HOUR


def test_a_parcel_without_a_scan_for_48_working_hours_has_stalled(build) -> None:
    order = build.order(build.shipment(build.scan(10)))
    assert kinds(assess(order, build.at(10 + 48) - timedelta(seconds=1), build.policy())) == []
    found = assess(order, build.at(10 + 48), build.policy())
    assert [(s.kind, s.headline, s.opens_at) for s in found.signals] == [
        (Kind.TRACKING_STALLED, "has had no carrier scan for 48 hours", build.at(58))
    ]


def test_a_weekend_does_not_make_a_parcel_late(build) -> None:
    friday_noon = build.shipment(build.scan(4 * 24 + 3))
    monday_noon = build.at(7 * 24 + 3)
    assert kinds(assess(build.order(friday_noon), monday_noon, build.policy())) == []
    seven_days = build.policy(calendar={"working_days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]})
    assert kinds(assess(build.order(friday_noon), monday_noon, seven_days)) == [Kind.TRACKING_STALLED]


def test_a_public_holiday_does_not_make_a_parcel_late(build) -> None:
    wednesday_before_thanksgiving = build.shipment(build.scan(9 * 24))
    friday = build.at(11 * 24 + 1)
    order = build.order(wednesday_before_thanksgiving)
    assert kinds(assess(order, friday, build.policy(calendar={"holidays": "US"}))) == []
    assert kinds(assess(order, friday, build.policy())) == [Kind.TRACKING_STALLED]


@pytest.mark.parametrize("state", ["delivery_failed", "exception", "returning", "available_for_pickup"])
def test_a_stall_is_silent_when_something_clearer_is_known(build, state: str) -> None:
    order = build.order(build.shipment(build.scan(1), build.scan(2, state)))
    assert Kind.TRACKING_STALLED not in kinds(assess(order, build.at(300), build.policy()))


def test_a_stall_is_told_again_when_it_has_lasted_twice_as_long(build) -> None:
    order, policy = build.order(build.shipment(build.scan(0))), build.policy()
    once, later, twice = (assess(order, build.at(h), policy).signals[0] for h in (49, 95, 96))
    assert once.fingerprint == later.fingerprint != twice.fingerprint


def failed(build, hours: float, state: PaymentState = PaymentState.FAILED) -> Payment:
    attempt = PaymentAttempt(id="a", at=build.at(hours), succeeded=False, failure_message="The card was declined")
    return Payment(id="p1", processor="stripe", state=state, amount=Money(8210, "USD"), attempts=(attempt,))


def test_a_failed_payment_waits_out_its_grace_time(build) -> None:
    order = build.order(payments=(failed(build, 1),))
    found = assess(order, build.at(1.2), build.policy())
    assert [(s.kind, s.headline, s.opens_at) for s in found.signals] == [
        (Kind.PAYMENT_FAILED, "has a failed payment of $82.10", build.at(1.75))
    ]
    assert found.review_at == build.at(1.75)


@pytest.mark.parametrize(
    "facts",
    [
        {"financial_state": "paid"},
        {"financial_state": "voided"},
        {"cancelled_at": "now"},
        {"is_test": True},
        {"placed_at": "long ago"},
    ],
)
def test_a_failed_payment_of_a_settled_order_is_no_trouble(build, facts: dict) -> None:
    known = {"now": build.at(0), "long ago": build.at(-24 * 130)}
    facts = {name: known.get(value, value) if isinstance(value, str) else value for name, value in facts.items()}
    hours = -24 * 130 if "placed_at" in facts else 0
    order = build.order(payments=(failed(build, hours),), **facts)
    assert kinds(assess(order, build.at(5), build.policy())) == []


def test_a_later_payment_that_works_ends_the_trouble(build) -> None:
    good = Payment(id="p2", processor="stripe", state=PaymentState.PAID)
    order = build.order(payments=(failed(build, 1), good))
    assert kinds(assess(order, build.at(5), build.policy())) == []


@pytest.mark.parametrize(
    ("now", "risk", "level"),
    [(0, 0.05, Level.ON_TRACK), (28, 0.35, Level.WATCH), (52, 0.65, Level.AT_RISK), (76, 0.85, Level.AT_RISK)],
)
def test_the_nearer_the_promise_the_riskier_an_unshipped_order(build, now: int, risk: float, level: Level) -> None:
    found = assess(build.order(promise=100), build.at(now), build.policy()).promise
    assert (found.risk, found.level) == (risk, level)


def test_a_carriers_date_after_the_promise_puts_it_at_risk_with_the_reason(build) -> None:
    order = build.order(build.shipment(build.scan(2), estimate=build.at(120)), promise=72)
    found = assess(order, build.at(3), build.policy())
    assert kinds(found) == [Kind.PROMISE_AT_RISK]
    assert found.promise.reasons == ("UPS now estimates Sat 21 Nov, 2 days after the promise",)


def test_a_promise_that_has_passed_is_missed(build) -> None:
    order = build.order(build.shipment(build.scan(40)), promise=48)
    found = assess(order, build.at(49), build.policy())
    assert (found.promise.level, found.promise.risk) == (Level.MISSED, 1.0)
    assert found.signals[0].headline == "has missed its delivery promise today"


def test_everything_delivered_leaves_no_signal_but_says_whether_it_was_in_time(build) -> None:
    delivered = build.shipment(build.scan(20), build.scan(50, "delivered"))
    late = assess(build.order(delivered, promise=48), build.at(400), build.policy())
    assert (kinds(late), late.promise.level) == ([], Level.MISSED)
    kept = assess(build.order(delivered, promise=50), build.at(400), build.policy())
    assert (kinds(kept), kept.promise.level, kept.promise.risk) == ([], Level.ON_TRACK, 0.0)


def test_one_of_two_parcels_delivered_does_not_keep_the_promise(build) -> None:
    delivered = build.shipment(build.scan(20), build.scan(30, "delivered"), number="1Z1")
    moving = build.shipment(build.scan(40), number="1Z2")
    found = assess(build.order(delivered, moving, promise=48), build.at(49), build.policy())
    assert found.promise.level is Level.MISSED


def test_a_cancellation_after_shipping_is_trouble_until_the_parcel_comes_back(build) -> None:
    cancelled = {"cancelled_at": build.at(5)}
    shipped = build.order(build.shipment(build.scan(2)), **cancelled)
    found = assess(shipped, build.at(6), build.policy())
    assert [s.headline for s in found.signals] == ["was cancelled after fulfilment had begun"]
    returned = build.order(build.shipment(build.scan(2), build.scan(90, "returned")), **cancelled)
    stopped = build.order(build.shipment(state=ShipmentState.CANCELLED), **cancelled)
    assert [kinds(assess(o, build.at(100), build.policy())) for o in (returned, stopped)] == [[], []]


def test_a_cancellation_after_picking_began_is_trouble_before_there_is_a_parcel(build) -> None:
    order = build.order(cancel_requested_at=build.at(5), fulfillment_started_at=build.at(4))
    found = assess(order, build.at(6), build.policy())
    assert found.signals[0].headline == "is to be cancelled after fulfilment had begun"
    assert found.signals[0].evidence[-1].value == "Nothing has left the warehouse yet"
    assert kinds(assess(build.order(cancelled_at=build.at(5)), build.at(6), build.policy())) == []


def test_vips_and_near_deadlines_raise_the_severity(build) -> None:
    order = build.order(build.shipment(build.scan(2), estimate=build.at(120)), promise=72, vip=True)
    early, near = (assess(order, build.at(h), build.policy()).signals[0] for h in (3, 49))
    assert (early.severity, near.severity) == (Severity.HIGH, Severity.URGENT)
    assert early.fingerprint != near.fingerprint


def test_a_policys_condition_decides_and_one_that_cannot_be_told_keeps_the_signal(build) -> None:
    order = build.order(build.shipment(build.scan(0)))
    for when, expected in [
        ("order.value > 99.5", [Kind.TRACKING_STALLED]),
        ("order.value > 100 && customer.vip", []),
        ("order.country == 'US'", [Kind.TRACKING_STALLED]),
    ]:
        policy = build.policy(detectors={"tracking_stalled": {"when": when}})
        assert kinds(assess(order, build.at(60), policy)) == expected


def test_a_detector_that_is_switched_off_says_nothing(build) -> None:
    policy = build.policy(detectors={"tracking_stalled": {"enabled": False}})
    assert kinds(assess(build.order(build.shipment(build.scan(0))), build.at(90), policy)) == []
