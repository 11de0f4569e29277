"""The delivery promise: where its date comes from, and every point of the rule that judges it."""

from datetime import UTC, datetime

import pytest

from connectors.model import ShipmentState
from server.model import Level, Promise
from server.rules.assess import assess
from server.rules.promise import promise_of


def judged(build, order, hours: float, **tables: object) -> tuple[Level, float, tuple[str, ...]]:
    found = assess(order, build.at(hours), build.policy(**tables)).promise
    assert found is not None
    return found.level, found.risk, found.reasons


def test_the_shops_date_comes_before_a_note_and_a_note_before_a_rule(build) -> None:
    policy = build.policy(promise={"attribute": "Delivery date", "business_days": 3})
    note = {"delivery date ": "2026-11-20"}
    assert [
        promise_of(build.order(promise=48, attributes=note), policy),
        promise_of(build.order(attributes=note), policy),
        promise_of(build.order(attributes={"delivery date": "20/11/2026"}), policy),
        promise_of(build.order(), build.policy()),
    ] == [
        Promise(build.at(48), "the shop"),
        Promise(datetime(2026, 11, 21, 4, 59, 59, tzinfo=UTC), 'order note "Delivery date"'),
        Promise(datetime(2026, 11, 20, 4, 59, 59, tzinfo=UTC), "policy: 3 working days"),
        None,
    ]


@pytest.mark.parametrize("text", ["2026-02-30", "soon", "", "0000-01-01", "2026-11-20x", "9999-99-99"])
def test_a_note_that_is_no_date_promises_nothing(build, text: str) -> None:
    policy = build.policy(promise={"attribute": "when"})
    assert promise_of(build.order(attributes={"when": text}), policy) is None


def test_a_weekend_leaves_no_time_to_ship(build) -> None:
    monday_evening, friday_afternoon = 7 * 24 + 10, 4 * 24 + 4
    assert judged(build, build.order(promise=monday_evening), friday_afternoon) == (
        Level.AT_RISK,
        0.65,
        ("Not everything is with the carrier yet, with 30 hours of working time left",),
    )


def test_a_label_alone_is_no_parcel(build) -> None:
    order = build.order(build.shipment(), promise=20)
    assert judged(build, order, 1) == (
        Level.AT_RISK,
        0.85,
        ("UPS has a label but not the parcel, with 19 hours of working time left",),
    )


def test_silence_near_the_date_is_a_risk_and_far_from_it_worth_watching(build) -> None:
    silent = build.shipment(build.scan(0))
    assert judged(build, build.order(silent, promise=51 + 40), 51)[1:] == (
        0.75,
        ("No scan by UPS for 51 hours with 40 hours left",),
    )
    assert judged(build, build.order(silent, promise=51 + 100), 51)[:2] == (Level.WATCH, 0.35)


def test_out_for_delivery_is_good_news_for_a_day_only(build) -> None:
    order = build.order(build.shipment(build.scan(0), build.scan(20, "out_for_delivery")), promise=60)
    assert judged(build, order, 40)[:2] == (Level.ON_TRACK, 0.05)
    assert judged(build, order, 45)[:2] == (Level.AT_RISK, 0.75)


def test_several_reasons_add_up_and_the_gravest_comes_first(build) -> None:
    order = build.order(build.shipment(build.scan(0), estimate=build.at(100)), promise=52)
    level, risk, reasons = judged(build, order, 49)
    assert (level, risk) == (Level.AT_RISK, 0.95)
    assert reasons == (
        "UPS now estimates Fri 20 Nov, 2 days after the promise",
        "No scan by UPS for 49 hours with 3 hours left",
    )


def test_an_estimate_later_on_the_promised_day_names_the_hour(build) -> None:
    order = build.order(build.shipment(build.scan(0), estimate=build.at(12)), promise=8)
    assert judged(build, order, 1)[2] == ("UPS now estimates Mon 16 Nov, 21:00 EST, later that day than promised",)


def test_what_nobody_can_follow_is_never_said_to_be_missed(build) -> None:
    untracked = build.shipment(number="", state=ShipmentState.UNKNOWN, fulfillment_id="f1", shipped_at=build.at(1))
    expected = (Level.ON_TRACK, 0.05, ("Nobody follows what is left of it",))
    assert judged(build, build.order(untracked, promise=48), 60) == expected
    assert judged(build, build.order(unfulfilled=0, promise=48), 60) == expected
    tracked = build.shipment(build.scan(1))
    assert judged(build, build.order(untracked, tracked, promise=48), 60)[0] is Level.MISSED


def test_a_parcel_that_came_back_has_missed_its_promise_whatever_else_arrived(build) -> None:
    back = build.shipment(build.scan(1), build.scan(9, "returned"))
    arrived = build.shipment(build.scan(1), build.scan(20, "delivered"), number="1Z2")
    assert judged(build, build.order(back, arrived, promise=48), 60) == (Level.MISSED, 1.0, ("It came back",))


def test_a_delivery_without_a_time_counts_as_kept(build) -> None:
    order = build.order(build.shipment(state=ShipmentState.DELIVERED), promise=48)
    assert judged(build, order, 60) == (Level.ON_TRACK, 0.0, ("Delivered, nobody says when",))


def test_the_risk_of_several_reasons_is_compared_as_it_is_shown(build) -> None:
    order = build.order(build.shipment(build.scan(0), estimate=build.at(100)), promise=52)
    assert judged(build, order, 49, detectors={"promise_at_risk": {"threshold": 0.95}})[0] is Level.AT_RISK
