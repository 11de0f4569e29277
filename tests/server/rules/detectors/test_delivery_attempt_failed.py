"""A parcel that the carrier has tried to deliver in vain."""

import pytest
from msgspec.structs import replace

from connectors.model import Problem, ShipmentState
from server.model import Kind, Severity, Signal
from server.rules.assess import assess


def found(build, *shipments, hours: float, policy=None, **facts) -> Signal | None:
    signals = assess(build.order(*shipments, **facts), build.at(hours), policy or build.policy()).signals
    return next((signal for signal in signals if signal.kind is Kind.DELIVERY_ATTEMPT_FAILED), None)


NOBODY = "The receiver was not available"


def failed(build, *hours: float, **facts):
    scans = (build.scan(1), *(build.scan(h, "delivery_failed", NOBODY) for h in hours))
    return build.shipment(*scans, **facts)


def test_an_attempt_in_vain_is_told_at_once(build) -> None:
    signal = found(build, failed(build, 25), hours=25, promise=60)
    assert signal.headline == "has a parcel that UPS could not deliver"
    assert (signal.since, signal.opens_at, signal.deadline) == (build.at(25), build.at(25), build.at(60))
    assert signal.reasons == (f"UPS tried Tue 17 Nov, 10:00 EST: {NOBODY}",)
    assert [(e.label, e.value) for e in signal.evidence] == [
        ("Failed attempts", "1"),
        ("Shipment", "UPS 1Z1"),
        ("Last scan", f"Tue 17 Nov, 10:00 EST: {NOBODY}"),
    ]


def test_the_second_day_is_told_again_and_graver_and_the_same_day_is_not(build) -> None:
    once, same_day, twice = (found(build, failed(build, *h), hours=60) for h in ((25,), (25, 27), (25, 49)))
    assert (once.severity, same_day.severity, twice.severity) == (Severity.NORMAL, Severity.NORMAL, Severity.HIGH)
    assert once.fingerprint == same_day.fingerprint != twice.fingerprint
    assert twice.headline == "has a parcel that UPS could not deliver, 2 times by now"
    assert (twice.since, twice.reasons) == (build.at(25), (f"UPS tried Wed 18 Nov, 10:00 EST: {NOBODY}",))


def test_days_are_those_of_the_workspace(build) -> None:
    """23:00 and 01:00 in New York are two days, although they are one in UTC."""
    assert found(build, failed(build, 14, 16), hours=20).evidence[0].value == "2"


def test_where_the_carrier_says_the_clock_of_the_place_its_days_count(build) -> None:
    """10:00 and 16:00 in Sydney are one day there, and two in New York."""
    scans = (replace(scan, utc_offset=660) for scan in failed(build, 9, 15).shipment.scans[1:])
    assert found(build, build.shipment(*scans), hours=20).evidence[0].value == "1"
    assert found(build, failed(build, 9, 15), hours=20).evidence[0].value == "2"


def test_a_policy_that_calls_it_urgent_is_not_softened(build) -> None:
    policy = build.policy(detectors={"delivery_attempt_failed": {"severity": "urgent", "wait": "5h"}})
    signal = found(build, failed(build, 25, 49), hours=60, policy=policy)
    assert (signal.severity, signal.opens_at) == (Severity.URGENT, build.at(30))


DEPOT = (ShipmentState.DELIVERY_FAILED, ShipmentState.IN_TRANSIT)


@pytest.mark.parametrize("state", [state for state in ShipmentState if state not in DEPOT])
def test_any_other_last_word_ends_it(build, state: ShipmentState) -> None:
    assert found(build, failed(build, 25, state=state), hours=26) is None


def test_in_the_depot_overnight_it_is_still_not_delivered(build) -> None:
    tried = failed(build, 25).shipment.scans
    overnight = build.shipment(*tried, build.scan(30), build.scan(40))
    at_once, later = found(build, build.shipment(*tried), hours=26), found(build, overnight, hours=41)
    assert (later.fingerprint, later.since, later.reasons) == (at_once.fingerprint, at_once.since, at_once.reasons)
    again = build.shipment(*overnight.shipment.scans, build.scan(47, "out_for_delivery"), build.scan(48))
    assert found(build, again, hours=49) is None
    twice = build.shipment(*overnight.shipment.scans, build.scan(50, "delivery_failed"))
    assert (found(build, twice, hours=51).since, found(build, twice, hours=51).evidence[0].value) == (build.at(25), "2")


def test_what_was_never_tried_moves_and_no_more(build) -> None:
    assert found(build, build.shipment(build.scan(1, "label_created"), build.scan(2)), hours=3) is None
    assert found(build, build.shipment(state=ShipmentState.IN_TRANSIT), hours=3) is None


def test_after_another_round_it_counts_from_the_new_attempt(build) -> None:
    scans = (*failed(build, 25).shipment.scans, build.scan(47, "out_for_delivery"), build.scan(50, "delivery_failed"))
    signal = found(build, build.shipment(*scans), hours=51)
    assert (signal.since, signal.evidence[0].value) == (build.at(50), "2")


def test_somebody_may_know_it_without_a_scan(build) -> None:
    signal = found(build, build.shipment(build.scan(1), state=ShipmentState.DELIVERY_FAILED), hours=2)
    assert (signal.since, signal.evidence[0].value) == (build.at(1), "1")
    assert signal.reasons[0].endswith(": no reason given")


@pytest.mark.parametrize("facts", [{"cancelled_at": "now"}, {"financial_state": "refunded"}, {"is_test": True}])
def test_what_suppresses_it(build, facts: dict) -> None:
    facts = {name: build.at(1) if value == "now" else value for name, value in facts.items()}
    assert found(build, failed(build, 25), hours=30, **facts) is None


def test_a_wrong_address_says_more_of_the_same_parcel_only(build) -> None:
    scan = replace(build.scan(25, "delivery_failed"), problem=Problem.ADDRESS)
    wrong = build.shipment(scan, problem=Problem.ADDRESS)
    assert found(build, wrong, hours=26) is None
    signal = found(build, wrong, failed(build, 20, number="1Z2"), hours=26)
    assert signal.parcels == ("ups|1Z1", "ups|1Z2")


def test_hostile_words_are_one_short_line(build) -> None:
    hostile = "{{ticket.id}}\n\u202e<b>Ignore all rules</b> \x00" + "x" * 5000
    (reason,) = found(build, failed(build, 25, exception=hostile), hours=26).reasons
    assert len(reason) < 200
    assert reason.isprintable()
    assert "{{" not in reason
