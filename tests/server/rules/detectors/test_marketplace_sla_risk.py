"""The clocks of a marketplace: hand over by, deliver by."""

import pytest

from connectors.model import ShipmentState
from server.model import Kind, Severity
from server.rules.assess import assess


def found(build, *shipments, hours: float, ship_by: float | None = 60, deliver_by: float | None = None, **facts):
    facts = {"financial_state": "paid", "marketplace": "amazon"} | facts
    order = build.order(
        *shipments,
        ship_by=None if ship_by is None else build.at(ship_by),
        deliver_by=None if deliver_by is None else build.at(deliver_by),
        **facts,
    )
    signals = assess(order, build.at(hours), build.policy()).signals
    return next((signal for signal in signals if signal.kind is Kind.MARKETPLACE_SLA_RISK), None)


def test_a_day_before_it_must_be_handed_over_and_is_not(build) -> None:
    assert found(build, hours=35.9) is None
    signal = found(build, hours=36, deliver_by=200, warehouse="Newark")
    assert (signal.headline, signal.clause, signal.since, signal.opens_at, signal.deadline, signal.severity) == (
        "must be handed over by Wed 18 Nov, 21:00 EST for Amazon, and is not yet",
        "it must be handed over within 24 hours for Amazon",
        build.at(36),
        build.at(36),
        build.at(60),
        Severity.URGENT,
    )
    assert [(e.label, e.value) for e in signal.evidence] == [
        ("Clock of", "Amazon"),
        ("Hand over by", "Wed 18 Nov, 21:00 EST"),
        ("Deliver by", "Tue 24 Nov, 17:00 EST"),
        ("Not sent yet", "Lamp"),
    ]
    assert signal.causes == ("warehouse:Newark",)


def test_the_clock_runs_through_the_weekend(build) -> None:
    sunday = 6 * 24
    assert found(build, hours=sunday - 24, ship_by=sunday) is not None


def test_an_order_that_was_given_little_time_is_not_late_at_once(build) -> None:
    assert found(build, hours=4.9, ship_by=10) is None
    assert found(build, hours=5, ship_by=10).since == build.at(5)


def test_a_label_is_not_handed_over_and_a_scan_is(build) -> None:
    label, scanned = build.shipment(), build.shipment(build.scan(20))
    assert found(build, label, hours=40).evidence[-1].value == "UPS 1Z1: label created"
    assert found(build, scanned, hours=40) is None
    assert found(build, scanned, hours=40, unfulfilled=1) is not None


def test_a_parcel_without_a_number_is_handed_over_when_the_shop_says_so(build) -> None:
    assert found(build, build.shipment(number="", shipped_at=build.at(20)), hours=40) is None
    assert found(build, build.shipment(number="", state=ShipmentState.LABEL_CREATED), hours=40) is not None


def test_the_shops_word_that_it_is_fulfilled_is_enough(build) -> None:
    assert found(build, hours=40, fulfillment_state="fulfilled") is None


def test_a_missed_time_is_told_again_and_no_longer_than_two_weeks(build) -> None:
    near, still_near, missed = (found(build, hours=hours) for hours in (40, 59.9, 60))
    assert near.fingerprint == still_near.fingerprint != missed.fingerprint
    late = found(build, hours=70)
    assert (late.headline, late.clause) == (
        "was not handed over by Wed 18 Nov, 21:00 EST, as Amazon asks",
        "Amazon's time for it to be handed over ran out 10 hours ago",
    )
    assert found(build, hours=60 + 14 * 24 - 0.1) is not None
    assert found(build, hours=60 + 14 * 24) is None


def test_once_handed_over_the_time_of_delivery_counts(build) -> None:
    parcel = build.shipment(build.scan(20))
    assert found(build, parcel, hours=70, deliver_by=100) is None
    signal = found(build, parcel, hours=76, deliver_by=100)
    assert (signal.clause, signal.deadline) == ("it must be delivered within 24 hours for Amazon", build.at(100))
    assert signal.causes == ("carrier:ups",)


def test_on_its_last_stretch_it_is_not_at_risk_until_it_is_late(build) -> None:
    parcel = build.shipment(build.scan(20), build.scan(80, "out_for_delivery"))
    assert found(build, parcel, hours=90, deliver_by=100) is None
    assert found(build, parcel, hours=100, deliver_by=100).headline.startswith("was not delivered by")


@pytest.mark.parametrize("facts", [{"cancelled_at": "now"}, {"closed_at": "now"}, {"financial_state": "refunded"}])
def test_what_is_over_has_no_clock(build, facts: dict) -> None:
    facts = {name: build.at(1) if value == "now" else value for name, value in facts.items()}
    assert found(build, hours=50, **facts) is None


def test_what_has_arrived_has_no_clock(build) -> None:
    parcel = build.shipment(build.scan(20), build.scan(90, "delivered"))
    assert found(build, parcel, hours=120, deliver_by=100) is None


def test_without_a_marketplace_it_is_an_agreement(build) -> None:
    assert found(build, hours=40, marketplace=None).evidence[0].value == "The seller's agreement"
