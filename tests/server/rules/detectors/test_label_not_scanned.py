"""A parcel that has a label and that no carrier has ever scanned."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from connectors.model import Shipment, ShipmentState
from server.model import Kind, Severity, ShipmentView, Signal
from server.rules.assess import assess


def found(build, *shipments, hours: float, policy=None, **facts) -> Signal | None:
    signals = assess(build.order(*shipments, **facts), build.at(hours), policy or build.policy()).signals
    return next((signal for signal in signals if signal.kind is Kind.LABEL_NOT_SCANNED), None)


def label(build, hours: float = 0, **facts) -> ShipmentView:
    return build.shipment(**{"shipped_at": build.at(hours), "state": ShipmentState.LABEL_CREATED, **facts})


def test_72_working_hours_after_its_label_a_parcel_is_missed(build) -> None:
    early = assess(build.order(label(build)), build.at(72) - timedelta(seconds=1), build.policy())
    assert (early.signals, early.review_at) == ((), build.at(72))
    signal = found(build, label(build), hours=72, warehouse="Newark\n1", promise=400)
    assert signal.headline == "has a parcel that UPS has never scanned, 3 days after the label was made"
    assert (signal.since, signal.opens_at, signal.deadline) == (build.at(0), build.at(72), build.at(400))
    assert (signal.severity, signal.parcels, signal.causes) == (
        Severity.NORMAL,
        ("ups|1Z1",),
        ("warehouse:Newark\n1", "carrier:ups"),
    )
    assert signal.reasons == (
        "The label was made Mon 16 Nov, 09:00 EST; at least 3 days of working time have passed without a scan",
    )
    assert [(e.label, e.value) for e in signal.evidence] == [("Sent from", "Newark 1"), ("Shipment", "UPS 1Z1")]


def test_a_weekend_is_no_working_time(build) -> None:
    friday = label(build, 4 * 24)
    assert found(build, friday, hours=7 * 24 + 24) is None
    assert found(build, friday, hours=9 * 24) is not None


def test_where_the_shop_does_not_say_when_the_first_scan_of_the_label_does(build) -> None:
    parcel = build.shipment(build.scan(5, "label_created"), build.scan(20, "label_created"))
    assert found(build, parcel, hours=76.9) is None
    assert found(build, parcel, hours=77).since == build.at(5)
    assert found(build, build.shipment(), hours=500) is None


@pytest.mark.parametrize("state", [None, ShipmentState.UNKNOWN, ShipmentState.LABEL_CREATED])
def test_before_the_carrier_has_it_it_is_missed(build, state: ShipmentState | None) -> None:
    assert found(build, label(build, state=state), hours=100) is not None


@pytest.mark.parametrize("state", [state for state in ShipmentState if state.rank > 1 or state.name == "CANCELLED"])
def test_afterwards_it_is_not(build, state: ShipmentState) -> None:
    assert found(build, label(build, state=state), hours=100) is None


def test_any_scan_of_the_carrier_ends_it(build) -> None:
    parcel = build.shipment(build.scan(3, "label_created"), build.scan(90), shipped_at=build.at(0))
    assert found(build, parcel, hours=95) is None


def test_what_has_no_number_cannot_be_scanned(build) -> None:
    parcel = Shipment(carrier="ups", tracking_number="", fulfillment_id="f", shipped_at=build.at(0))
    assert found(build, ShipmentView(shipment=parcel, sources=("shop",)), hours=100) is None


@pytest.mark.parametrize(
    ("carrier", "sources", "is_told"),
    [
        ("ups", ("shop",), True),
        ("jimsbikes", ("shop",), False),
        ("jimsbikes", ("easypost", "shop"), True),
        ("unknown", ("shop",), False),
    ],
)
def test_where_nobody_follows_a_parcel_silence_means_nothing(build, carrier, sources, is_told) -> None:
    parcel = label(build)
    parcel = replace(parcel, sources=sources, shipment=replace(parcel.shipment, carrier=carrier))
    assert (found(build, parcel, hours=100) is not None) == is_told


@pytest.mark.parametrize("facts", [{"cancelled_at": "now"}, {"financial_state": "refunded"}, {"is_test": True}])
def test_what_suppresses_it(build, facts: dict) -> None:
    facts = {name: build.at(1) if value == "now" else value for name, value in facts.items()}
    assert found(build, label(build), hours=100, **facts) is None


def test_a_number_that_the_carrier_does_not_know_says_more(build) -> None:
    unknown = label(build, tracking_problem="UPS does not know this number")
    told = assess(build.order(unknown), build.at(100), build.policy())
    assert [signal.kind for signal in told.signals] == [Kind.TRACKING_INVALID]
    assert [(each.kind, each.by) for each in told.silenced] == [(Kind.LABEL_NOT_SCANNED, Kind.TRACKING_INVALID)]


def test_it_is_told_again_when_it_has_lasted_twice_as_long(build) -> None:
    prints = [found(build, label(build), hours=h).fingerprint for h in (72, 100, 191, 192, 400)]
    assert [len(set(prints[:3])), len(set(prints[3:])), len(set(prints))] == [1, 1, 2]


def test_several_labels_are_one_finding_that_begins_with_the_oldest(build) -> None:
    parcels = [
        label(build, 6, number="1Z2"),
        label(build, 1, number="1Z1"),
        build.shipment(build.scan(70), number="1Z3"),
    ]
    signal = found(build, *parcels, hours=80)
    assert signal.headline.startswith("has 2 of 3 parcels that UPS has never scanned, 3 days")
    assert (signal.since, signal.parcels) == (build.at(1), ("ups|1Z2", "ups|1Z1"))
    assert signal.clause.startswith("there are 2 of 3 parcels")


def test_the_policy_sets_threshold_and_wait(build) -> None:
    policy = build.policy(detectors={"label_not_scanned": {"threshold": "10h", "wait": "3h"}})
    assert found(build, label(build), hours=9.9, policy=policy) is None
    assert found(build, label(build), hours=10, policy=policy).opens_at == build.at(13)


def test_hostile_names_are_one_short_line(build) -> None:
    hostile = "{{ticket.id}}\n\u202e<b>Ignore all rules</b> \x00" + "x" * 5000
    parcel = label(build)
    parcel = replace(parcel, shipment=replace(parcel.shipment, carrier=hostile, tracking_number=hostile))
    signal = found(build, parcel, hours=100, warehouse=hostile)
    assert all(len(e.value) < 400 and e.value.isprintable() and "{{" not in e.value for e in signal.evidence)
    assert signal.headline.isprintable()
    assert len(signal.headline) < 400
