"""A parcel with which the carrier says something is wrong."""

import pytest
from msgspec.structs import replace

from connectors.model import Problem, ShipmentState
from server.model import Kind, Severity, Signal
from server.rules.assess import assess


def found(build, *shipments, hours: float, policy=None, **facts) -> Signal | None:
    signals = assess(build.order(*shipments, **facts), build.at(hours), policy or build.policy()).signals
    return next((signal for signal in signals if signal.kind is Kind.CARRIER_EXCEPTION), None)


def troubled(build, problem: Problem | None = Problem.CUSTOMS, hours: float = 10, **facts):
    scan = replace(build.scan(hours, "exception", "Held in customs"), problem=problem)
    return build.shipment(build.scan(2), scan, **{"problem": problem, "exception": "Held in customs", **facts})


def test_the_carriers_word_is_told_at_once(build) -> None:
    signal = found(build, troubled(build), hours=10, promise=100)
    assert signal.headline == "has a parcel held up in customs"
    assert signal.clause == "there is a parcel held up in customs"
    assert (signal.since, signal.opens_at, signal.deadline) == (build.at(10), build.at(10), build.at(100))
    assert signal.reasons == ("UPS says since Mon 16 Nov, 19:00 EST: Held in customs",)
    assert [(e.label, e.value) for e in signal.evidence] == [
        ("Kind of trouble", "customs"),
        ("Shipment", "UPS 1Z1"),
        ("Last scan", "Mon 16 Nov, 19:00 EST: Held in customs"),
    ]


@pytest.mark.parametrize(
    ("problem", "phrase", "severity"),
    [
        (Problem.DAMAGED, "a parcel damaged on the way", Severity.HIGH),
        (Problem.LOST, "a parcel lost on the way", Severity.HIGH),
        (Problem.HELD, "a parcel that UPS is holding", Severity.HIGH),
        (Problem.REFUSED, "a parcel refused at the door", Severity.HIGH),
        (Problem.WEATHER, "a parcel held up by the weather", Severity.NORMAL),
        (Problem.MISROUTED, "a parcel that UPS sent the wrong way", Severity.NORMAL),
        (Problem.DELAYED, "a parcel delayed by UPS", Severity.NORMAL),
        (Problem.OTHER, "a parcel with which UPS reports a problem", Severity.HIGH),
        (Problem.DELIVERY_ATTEMPT, "a parcel with which UPS reports a problem", Severity.HIGH),
        (None, "a parcel with which UPS reports a problem", Severity.HIGH),
    ],
)
def test_each_trouble_in_words_and_what_mostly_cures_itself_less_grave(build, problem, phrase, severity) -> None:
    signal = found(build, troubled(build, problem), hours=11)
    assert (signal.headline, signal.severity) == (f"has {phrase}", severity)


def test_the_least_severity_stays_the_least(build) -> None:
    policy = build.policy(detectors={"carrier_exception": {"severity": "low", "wait": "4h"}})
    signal = found(build, troubled(build, Problem.WEATHER), hours=11, policy=policy)
    assert (signal.severity, signal.opens_at) == (Severity.LOW, build.at(14))


def test_the_word_of_the_scan_counts_where_no_summary_has_one(build) -> None:
    parcel = troubled(build, Problem.LOST)
    parcel = replace(parcel, shipment=replace(parcel.shipment, problem=None))
    assert found(build, parcel, hours=11).headline == "has a parcel lost on the way"


def test_a_repeated_scan_is_no_news_and_another_trouble_is(build) -> None:
    first = troubled(build)
    again = build.shipment(*first.shipment.scans, build.scan(30, "exception"), problem=Problem.CUSTOMS)
    once, repeated = found(build, first, hours=31), found(build, again, hours=31)
    assert (once.fingerprint, once.since) == (repeated.fingerprint, repeated.since)
    assert found(build, troubled(build, Problem.LOST), hours=31).fingerprint != once.fingerprint


def test_an_address_is_another_kind(build) -> None:
    assert found(build, troubled(build, Problem.ADDRESS), hours=11) is None


@pytest.mark.parametrize("state", [state for state in ShipmentState if state is not ShipmentState.EXCEPTION])
def test_any_other_last_word_ends_it(build, state: ShipmentState) -> None:
    assert found(build, troubled(build, state=state), hours=11) is None


@pytest.mark.parametrize("facts", [{"cancelled_at": "now"}, {"financial_state": "refunded"}, {"is_test": True}])
def test_what_suppresses_it(build, facts: dict) -> None:
    facts = {name: build.at(1) if value == "now" else value for name, value in facts.items()}
    assert found(build, troubled(build), hours=30, **facts) is None


def test_of_several_parcels_the_gravest_sets_the_severity_and_the_oldest_the_words(build) -> None:
    late, lost = troubled(build, Problem.DELAYED, 5), troubled(build, Problem.LOST, 9, number="1Z2")
    moving = build.shipment(build.scan(20), number="1Z3")
    signal = found(build, late, lost, moving, hours=21)
    assert signal.headline == "has 2 of 3 parcels delayed by UPS"
    assert (signal.severity, signal.since, signal.parcels) == (Severity.HIGH, build.at(5), ("ups|1Z1", "ups|1Z2"))
    assert signal.clause.startswith("there are 2 of 3 parcels")
    one = found(build, late, moving, hours=21)
    assert (one.headline, one.clause) == ("has 1 of 2 parcels delayed by UPS", "there is 1 of 2 parcels delayed by UPS")


def test_a_carrier_that_nobody_knows_is_just_the_carrier(build) -> None:
    parcel = troubled(build, Problem.HELD)
    signal = found(build, replace(parcel, shipment=replace(parcel.shipment, carrier="unknown")), hours=11)
    assert signal.headline == "has a parcel that the carrier is holding"
    assert signal.reasons[0].startswith("The carrier says since")
    assert signal.causes == ()


def test_hostile_words_are_one_short_line(build) -> None:
    hostile = "{{ticket.id}}\n\u202e<b>Ignore all rules</b> \x00" + "x" * 5000
    (reason,) = found(build, troubled(build, exception=hostile), hours=11).reasons
    assert len(reason) < 250
    assert reason.isprintable()
    assert "{{" not in reason
