"""A valuable order is late before others are."""

import pytest

from connectors.model import Hold, Place
from connectors.money import Money
from server.model import Kind
from server.rules.assess import assess

LATE = (Kind.HIGH_VALUE_DELAYED, Kind.FULFILLMENT_DELAYED, Kind.LABEL_NOT_SCANNED, Kind.TRACKING_STALLED)


def signals(build, *shipments, hours: float, dollars: int = 310, tables=None, **facts):
    facts = {"financial_state": "paid", "total": Money(dollars * 100, "USD")} | facts
    order = build.order(*shipments, **facts)
    return [s for s in assess(order, build.at(hours), build.policy(**(tables or {}))).signals if s.kind in LATE]


def found(build, *shipments, hours: float, **facts):
    return next((s for s in signals(build, *shipments, hours=hours, **facts) if s.kind is LATE[0]), None)


def test_an_unsent_one_is_late_after_half_the_usual_time(build) -> None:
    assert found(build, hours=35.9) is None
    signal = found(build, hours=36, vip=True, warehouse="Newark", promise=500)
    assert (signal.headline, signal.clause, signal.since, signal.opens_at, signal.deadline) == (
        "of $310.00 is late: nothing has been sent for 36 hours",
        "it is worth $310.00 and nothing has been sent for 36 hours",
        build.at(0),
        build.at(36),
        build.at(500),
    )
    assert [(e.label, e.value) for e in signal.evidence][:2] == [
        ("Value", "$310.00, VIP customer"),
        ("Standing still", "nothing has been sent since Mon 16 Nov, 09:00 EST"),
    ]
    assert signal.causes == ("warehouse:Newark",)


def test_an_order_of_less_waits_its_turn_and_being_a_vip_alone_is_no_value(build) -> None:
    assert found(build, hours=40, dollars=199) is None
    assert found(build, hours=40, dollars=199, vip=True) is None
    assert found(build, hours=40, dollars=200) is not None


def test_a_silent_parcel_is_late_after_half_the_usual_time(build) -> None:
    parcel = build.shipment(build.scan(10))
    assert found(build, parcel, hours=33.9) is None
    signal = found(build, parcel, hours=34)
    assert (signal.headline, signal.causes) == (
        "of $310.00 is late: UPS has not scanned the parcel for 24 hours",
        ("carrier:ups",),
    )


def test_a_label_without_a_scan_is_late_after_half_the_usual_time(build) -> None:
    label = build.shipment(shipped_at=build.at(2))
    assert found(build, label, hours=37.9) is None
    assert found(build, label, hours=38).reasons == (
        "Orders of this value are looked at sooner: a label has been waiting for UPS's first scan for 36 hours",
    )


def test_once_it_is_late_for_any_order_that_kind_tells_it(build) -> None:
    parcel = build.shipment(build.scan(10))
    assert [s.kind for s in signals(build, parcel, hours=57.9)] == [Kind.HIGH_VALUE_DELAYED]
    assert [s.kind for s in signals(build, parcel, hours=58)] == [Kind.TRACKING_STALLED]
    assert [s.kind for s in signals(build, hours=72)] == [Kind.FULFILLMENT_DELAYED]


def test_where_that_kind_is_switched_off_it_stays(build) -> None:
    tables = {"detectors": {"tracking_stalled": {"enabled": False}}}
    kinds = [s.kind for s in signals(build, build.shipment(build.scan(10)), hours=90, tables=tables)]
    assert kinds == [Kind.HIGH_VALUE_DELAYED]


def test_a_parcel_that_crosses_a_border_is_given_half_of_its_longer_time(build) -> None:
    places = {"origin": Place(country="US"), "destination": Place(country="CA")}
    parcel = build.shipment(build.scan(0))
    assert found(build, parcel, hours=47.9, **places) is None
    assert found(build, parcel, hours=48, **places) is not None


def test_it_is_never_sooner_than_its_own_threshold(build) -> None:
    tables = {"detectors": {"high_value_delayed": {"threshold": "40h"}}}
    assert found(build, build.shipment(build.scan(0)), hours=39.9, tables=tables) is None
    assert found(build, build.shipment(build.scan(0)), hours=40, tables=tables) is not None


@pytest.mark.parametrize("state", ["exception", "delivery_failed", "returning", "available_for_pickup", "delivered"])
def test_something_clearer_is_told_by_others(build, state: str) -> None:
    assert found(build, build.shipment(build.scan(0), build.scan(1, state)), hours=40) is None


@pytest.mark.parametrize(
    "facts",
    [
        {"holds": (Hold(reason="other"),)},
        {"fulfillment_state": "scheduled"},
        {"cancelled_at": "now"},
        {"financial_state": "pending"},
        {"promise": 30},
    ],
)
def test_what_is_held_over_or_told_by_its_promise_is_not_told_again(build, facts: dict) -> None:
    facts = {name: build.at(1) if value == "now" else value for name, value in facts.items()}
    assert found(build, hours=40, **facts) is None


def test_only_a_new_delay_is_worth_telling(build) -> None:
    one, later = (found(build, build.shipment(build.scan(10)), hours=hours) for hours in (34, 57))
    moved = found(build, build.shipment(build.scan(10), build.scan(20)), hours=50)
    assert one.fingerprint == later.fingerprint != moved.fingerprint
