"""A parcel that comes back although nobody asked for it."""

import pytest

from connectors.model import RefundRequest, ShipmentState
from server.model import Kind, Severity, Signal
from server.rules.assess import assess


def found(build, *shipments, hours: float, policy=None, **facts) -> Signal | None:
    signals = assess(build.order(*shipments, **facts), build.at(hours), policy or build.policy()).signals
    return next((signal for signal in signals if signal.kind is Kind.RETURNED_TO_SENDER), None)


def back(build, *states: str, hours: float = 10, **facts):
    texts = ("Refused", "Returned to sender")
    scans = [build.scan(hours + 24 * n, state, texts[n]) for n, state in enumerate(states or ("returning",))]
    return build.shipment(build.scan(2), *scans, **facts)


def test_a_parcel_that_turns_round_is_told_at_once(build) -> None:
    signal = found(build, back(build), hours=10, promise=100)
    assert signal.headline == "has a parcel on the way back to the sender"
    assert (signal.since, signal.opens_at, signal.deadline) == (build.at(10), build.at(10), build.at(100))
    assert (signal.severity, signal.parcels) == (Severity.HIGH, ("ups|1Z1",))
    assert signal.reasons == ("It turned round Mon 16 Nov, 19:00 EST: Refused",)
    assert [(e.label, e.value) for e in signal.evidence] == [
        ("Shipment", "UPS 1Z1"),
        ("Last scan", "Mon 16 Nov, 19:00 EST: Refused"),
    ]


def test_its_arrival_is_told_again_and_is_still_trouble(build) -> None:
    under_way, arrived = (
        found(build, back(build), hours=40),
        found(build, back(build, "returning", "returned"), hours=40),
    )
    assert arrived.headline == "has a parcel back at the sender"
    assert (arrived.since, arrived.reasons) == (under_way.since, under_way.reasons)
    assert arrived.fingerprint != under_way.fingerprint
    assert found(build, back(build, "returning", "returned"), hours=400) is not None


def test_somebody_may_know_it_without_a_scan(build) -> None:
    signal = found(build, build.shipment(build.scan(2), state=ShipmentState.RETURNED), hours=10)
    assert (signal.since, signal.reasons[0].endswith("no reason given")) == (build.at(2), True)


@pytest.mark.parametrize("state", [s for s in ShipmentState if s.name not in ("RETURNING", "RETURNED")])
def test_any_other_last_word_is_no_return(build, state: ShipmentState) -> None:
    assert found(build, back(build, state=state), hours=11) is None


@pytest.mark.parametrize(
    ("state", "is_told"), [("requested", False), ("approved", False), ("declined", True), ("closed", True)]
)
def test_what_the_customer_asked_for_is_no_trouble(build, state: str, is_told: bool) -> None:
    request = RefundRequest(id="r", at=build.at(5), state=state)
    assert (found(build, back(build), hours=11, refund_requests=(request,)) is not None) is is_told


@pytest.mark.parametrize(
    "facts",
    [{"cancelled_at": "now"}, {"financial_state": "refunded"}, {"financial_state": "Voided"}, {"is_test": True}],
)
def test_what_suppresses_it(build, facts: dict) -> None:
    facts = {name: build.at(1) if value == "now" else value for name, value in facts.items()}
    assert found(build, back(build), hours=30, **facts) is None


def test_another_parcel_sent_afterwards_ends_it(build) -> None:
    after = build.shipment(shipped_at=build.at(11), number="1Z2")
    scanned = build.shipment(build.scan(12), number="1Z2")
    before = build.shipment(shipped_at=build.at(9), number="1Z2")
    never = build.shipment(number="1Z2")
    told = [found(build, back(build), other, hours=20) is not None for other in (after, scanned, before, never)]
    assert told == [False, False, True, True]
    also_back = back(build, hours=15, number="1Z2", shipped_at=build.at(11))
    assert found(build, back(build), also_back, hours=20).headline == "has 2 of 2 parcels on the way back to the sender"


def test_the_policy_sets_wait_and_severity(build) -> None:
    policy = build.policy(detectors={"returned_to_sender": {"wait": "3h", "severity": "normal"}})
    signal = found(build, back(build), hours=11, policy=policy)
    assert (signal.opens_at, signal.severity) == (build.at(13), Severity.NORMAL)


def test_hostile_words_are_one_short_line(build) -> None:
    hostile = "{{ticket.id}}\n\u202e<b>Ignore all rules</b> \x00" + "x" * 5000
    (reason,) = found(build, back(build, exception=hostile), hours=11).reasons
    assert len(reason) < 200
    assert reason.isprintable()
    assert "{{" not in reason
