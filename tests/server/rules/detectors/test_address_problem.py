"""An address that nothing can be delivered to: the shop says so before shipping, the carrier after."""

import pytest
from msgspec.structs import replace

from connectors.model import Hold, Place, Problem, ShipmentState
from server.model import Kind, Severity, Signal
from server.rules.assess import assess


def found(build, *shipments, hours: float, policy=None, **facts) -> Signal | None:
    signals = assess(build.order(*shipments, **facts), build.at(hours), policy or build.policy()).signals
    return next((signal for signal in signals if signal.kind is Kind.ADDRESS_PROBLEM), None)


WRONG = {"address_problem": "No such street"}


def wrong(build, hours: float = 10, state: str = "exception", **facts):
    scan = replace(build.scan(hours, state, "Insufficient address"), problem=Problem.ADDRESS)
    return build.shipment(build.scan(2), scan, problem=Problem.ADDRESS, exception="Insufficient address", **facts)


def test_before_anything_is_sent_the_shop_says_so(build) -> None:
    destination = Place(city="Reno", region="NV", country="US")
    signal = found(build, hours=1, destination=destination, promise=100, **WRONG)
    assert (signal.headline, signal.clause) == (
        "has an address that nothing can be sent to",
        "its address is not right",
    )
    assert (signal.since, signal.opens_at, signal.deadline) == (build.at(0), build.at(0), build.at(100))
    assert (signal.severity, signal.reasons) == (Severity.HIGH, ("What is wrong with the address: No such street",))
    assert [(e.label, e.value) for e in signal.evidence] == [("Where it should go", "Reno, NV, US")]
    assert signal.parcels == ()


@pytest.mark.parametrize(("text", "said"), [("Unit is missing", "Unit is missing"), ("", "it is marked as incorrect")])
def test_a_hold_for_the_address_says_it_too(build, text: str, said: str) -> None:
    holds = (Hold(reason="other"), Hold(reason="incorrect_address", text=text, since=build.at(5)))
    signal = found(build, hours=6, holds=holds, ship_by=build.at(90))
    assert (signal.since, signal.deadline) == (build.at(5), build.at(90))
    assert signal.reasons == (f"What is wrong with the address: {said}",)


@pytest.mark.parametrize(
    "facts",
    [
        {"address_problem": ""},
        {"address_problem": None},
        {"holds": (Hold(reason="other"),)},
        {"holds": ()},
        {**WRONG, "cancelled_at": "now"},
        {**WRONG, "financial_state": "refunded"},
        {**WRONG, "is_test": True},
    ],
)
def test_what_clears_and_suppresses_it_before_shipping(build, facts: dict) -> None:
    facts = {name: build.at(0) if value == "now" else value for name, value in facts.items()}
    assert found(build, hours=1, **facts) is None


def test_once_it_is_sent_only_the_carrier_knows(build) -> None:
    assert found(build, build.shipment(build.scan(2)), hours=3, **WRONG) is None
    cancelled = build.shipment(state=ShipmentState.CANCELLED)
    assert found(build, cancelled, hours=3, **WRONG) is not None


@pytest.mark.parametrize("state", ["exception", "delivery_failed"])
def test_the_carrier_says_so_of_a_parcel(build, state: str) -> None:
    signal = found(build, wrong(build, state=state), hours=11, destination=Place(city="Reno"))
    assert signal.headline == "has a parcel with an address that UPS cannot deliver to"
    assert (signal.since, signal.opens_at, signal.parcels) == (build.at(10), build.at(10), ("ups|1Z1",))
    assert signal.reasons == ("UPS says: Insufficient address",)
    assert [(e.label, e.value) for e in signal.evidence] == [
        ("Where it should go", "Reno"),
        ("Shipment", "UPS 1Z1"),
        ("Last scan", "Mon 16 Nov, 19:00 EST: Insufficient address"),
    ]


def test_the_word_of_the_scan_alone_is_enough(build) -> None:
    parcel = wrong(build)
    assert found(build, replace(parcel, shipment=replace(parcel.shipment, problem=None)), hours=11) is not None


@pytest.mark.parametrize("problem", [None, *(problem for problem in Problem if problem is not Problem.ADDRESS)])
def test_other_trouble_is_another_kind(build, problem: Problem | None) -> None:
    parcel = build.shipment(replace(build.scan(2, "exception"), problem=problem), problem=problem)
    assert found(build, parcel, hours=3) is None


@pytest.mark.parametrize("state", ["in_transit", "out_for_delivery", "delivered", "returning", "available_for_pickup"])
def test_the_carrier_goes_on(build, state: str) -> None:
    parcel = wrong(build)
    later = build.shipment(*parcel.shipment.scans, build.scan(20, state), problem=Problem.ADDRESS)
    assert found(build, later, hours=21) is None


def test_a_failed_attempt_for_the_address_is_told_once(build) -> None:
    order = build.order(wrong(build, state="delivery_failed"))
    told = assess(order, build.at(11), build.policy())
    assert [signal.kind for signal in told.signals] == [Kind.ADDRESS_PROBLEM]


def test_after_such_an_attempt_a_depot_changes_nothing_and_another_round_does(build) -> None:
    tried = wrong(build, state="delivery_failed").shipment.scans
    signal = found(build, build.shipment(*tried, build.scan(20)), hours=21)
    assert (signal.since, signal.reasons) == (build.at(10), ("UPS says: Insufficient address",))
    assert signal.fingerprint == found(build, wrong(build, state="delivery_failed"), hours=21).fingerprint
    assert found(build, build.shipment(*tried, build.scan(20, "out_for_delivery")), hours=21) is None


def test_a_repeated_scan_is_no_news_and_another_parcel_is(build) -> None:
    parcel, scan = wrong(build), replace(build.scan(30, "exception"), problem=Problem.ADDRESS)
    once = found(build, parcel, hours=31)
    again = found(build, build.shipment(*parcel.shipment.scans, scan), hours=31)
    both = found(build, parcel, wrong(build, 12, number="1Z2"), hours=31)
    assert (once.fingerprint, once.since, once.opens_at) == (again.fingerprint, again.since, again.opens_at)
    assert both.fingerprint != once.fingerprint
    assert both.headline == "has 2 of 2 parcels with an address that UPS cannot deliver to"
    assert both.parcels == ("ups|1Z1", "ups|1Z2")


def test_what_is_wrong_changes_the_fingerprint_before_shipping(build) -> None:
    prints = {
        found(build, hours=1, address_problem=text).fingerprint for text in ("No such street", "No such street", "x")
    }
    assert len(prints) == 2


def test_hostile_words_are_one_short_line(build) -> None:
    hostile = "{{ticket.id}}\n\u202e<b>Ignore all rules</b> \x00" + "x" * 5000
    for signal in (
        found(build, hours=1, address_problem=hostile),
        found(build, build.shipment(build.scan(1, "exception"), problem=Problem.ADDRESS, exception=hostile), hours=2),
    ):
        (reason,) = signal.reasons
        assert len(reason) < 200
        assert reason.isprintable()
        assert "{{" not in reason


def test_the_policy_sets_wait_and_severity(build) -> None:
    policy = build.policy(detectors={"address_problem": {"wait": "2h", "severity": "low"}})
    signal = found(build, hours=1, policy=policy, **WRONG)
    assert (signal.opens_at, signal.severity) == (build.at(2), Severity.LOW)
    off = build.policy(detectors={"address_problem": {"enabled": False}})
    assert found(build, hours=1, policy=off, **WRONG) is None
