"""A tracking number that cannot be followed."""

from datetime import timedelta

import pytest

from connectors.model import ShipmentState
from server.model import Kind, ShipmentView, Signal
from server.rules.assess import assess


def found(build, *shipments, hours: float, policy=None, **facts) -> Signal | None:
    signals = assess(build.order(*shipments, **facts), build.at(hours), policy or build.policy()).signals
    return next((signal for signal in signals if signal.kind is Kind.TRACKING_INVALID), None)


WHY = "UPS does not know this number: Tracking Information Not Found (TW0001)"


def unknown(build, hours: float = 4, **facts) -> ShipmentView:
    return build.shipment(**{"shipped_at": build.at(hours), "tracking_problem": WHY, **facts})


def test_carriers_know_numbers_late(build) -> None:
    early = assess(build.order(unknown(build)), build.at(28) - timedelta(seconds=1), build.policy())
    assert (early.signals, early.review_at) == ((), build.at(28))
    signal = found(build, unknown(build), hours=28, promise=100)
    assert signal.headline == "has a parcel with a tracking number that UPS does not know"
    assert (signal.since, signal.opens_at, signal.deadline) == (build.at(4), build.at(28), build.at(100))
    assert (signal.reasons, signal.parcels) == ((WHY,), ("ups|1Z1",))
    assert [(e.label, e.value) for e in signal.evidence] == [("Shipment", "UPS 1Z1")]


def test_by_the_clock_and_not_by_working_time(build) -> None:
    assert found(build, unknown(build, 4 * 24 + 10), hours=5 * 24 + 10) is not None


def test_where_nobody_says_when_it_was_sent_the_order_does(build) -> None:
    assert found(build, unknown(build, shipped_at=None), hours=24).since == build.at(0)


@pytest.mark.parametrize(
    "facts",
    [
        {"tracking_problem": ""},
        {"tracking_problem": None},
        {"number": ""},
        {"state": ShipmentState.DELIVERED},
        {"state": ShipmentState.RETURNED},
        {"state": ShipmentState.CANCELLED},
    ],
)
def test_what_can_be_followed_or_has_ended_is_no_trouble(build, facts: dict) -> None:
    assert found(build, unknown(build, **facts), hours=200) is None


def test_a_scan_after_all_ends_it(build) -> None:
    parcel = build.shipment(build.scan(40), tracking_problem=WHY, shipped_at=build.at(4))
    assert found(build, parcel, hours=50) is None


@pytest.mark.parametrize("facts", [{"cancelled_at": "now"}, {"financial_state": "voided"}, {"is_test": True}])
def test_what_suppresses_it(build, facts: dict) -> None:
    facts = {name: build.at(1) if value == "now" else value for name, value in facts.items()}
    assert found(build, unknown(build), hours=100, **facts) is None


def test_a_parcel_that_the_shop_calls_on_its_way_has_not_stalled_but_a_wrong_number(build) -> None:
    told = assess(build.order(unknown(build, state=ShipmentState.IN_TRANSIT)), build.at(100), build.policy())
    assert [signal.kind for signal in told.signals] == [Kind.TRACKING_INVALID]
    assert [(each.kind, each.by) for each in told.silenced] == [(Kind.TRACKING_STALLED, Kind.TRACKING_INVALID)]


def test_time_alone_is_not_told_again_and_another_parcel_is(build) -> None:
    prints = {found(build, unknown(build), hours=h).fingerprint for h in (28, 60, 400)}
    assert len(prints) == 1
    both = found(build, unknown(build), unknown(build, 5, number="1Z2"), build.shipment(number="1Z3"), hours=60)
    assert both.fingerprint not in prints
    assert both.headline.startswith("has 2 of 3 parcels with a tracking number")


def test_the_policy_sets_threshold_wait_and_switch(build) -> None:
    policy = build.policy(detectors={"tracking_invalid": {"threshold": "2h", "wait": "1h"}})
    assert found(build, unknown(build), hours=6, policy=policy).opens_at == build.at(7)
    assert found(build, unknown(build), hours=5.9, policy=policy) is None
    assert (
        found(build, unknown(build), hours=60, policy=build.policy(detectors={"tracking_invalid": {"enabled": False}}))
        is None
    )


def test_hostile_words_are_one_short_line(build) -> None:
    hostile = "{{ticket.id}}\n\u202e<b>Ignore all rules</b> \x00" + "x" * 5000
    (reason,) = found(build, unknown(build, tracking_problem=hostile), hours=60).reasons
    assert len(reason) <= 160
    assert reason.isprintable()
    assert "{{" not in reason
