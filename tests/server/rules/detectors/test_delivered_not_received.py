"""A parcel that the carrier says was delivered and the customer says was not."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from connectors.model import Contact, ShipmentState
from server.model import Kind, Severity, Signal
from server.rules.assess import assess
from server.rules.detectors.delivered_not_received import LONGEST


def found(build, *shipments, hours: float, policy=None, **facts) -> Signal | None:
    signals = assess(build.order(*shipments, **facts), build.at(hours), policy or build.policy()).signals
    return next((signal for signal in signals if signal.kind is Kind.DELIVERED_NOT_RECEIVED), None)


def delivered(build, hours: float = 30, **facts):
    return build.shipment(build.scan(2), build.scan(hours, "delivered", "Left at front door"), **facts)


def wrote(build, hours: float = 35, text: str = "It says delivered, but I never received it", **facts) -> Contact:
    return Contact(**{"id": "c1", "at": build.at(hours), "channel": "email", "text": text, "state": "open", **facts})


def test_who_writes_after_the_delivery_that_it_has_not_arrived(build) -> None:
    signal = found(build, delivered(build), hours=36, contacts=(wrote(build),))
    assert signal.headline == "has a parcel delivered according to UPS and not received according to the customer"
    assert (signal.since, signal.opens_at, signal.severity) == (build.at(35), build.at(35), Severity.HIGH)
    assert signal.reasons == (
        "UPS delivered it Tue 17 Nov, 15:00 EST; the customer wrote Tue 17 Nov, 20:00 EST that it has not arrived",
    )
    assert [(e.label, e.value) for e in signal.evidence] == [
        ("The customer wrote", "It says delivered, but I never received it"),
        ("Shipment", "UPS 1Z1"),
        ("Last scan", "Tue 17 Nov, 15:00 EST: Left at front door"),
    ]


def test_the_subject_may_say_it(build) -> None:
    signal = found(build, delivered(build), hours=36, contacts=(wrote(build, text="", subject="Where is my order?"),))
    assert signal.evidence[0].value == "Where is my order?"


@pytest.mark.parametrize("state", ["solved", "Closed", "resolved", "deleted"])
def test_a_ticket_that_is_done_ends_it(build, state: str) -> None:
    assert found(build, delivered(build), hours=36, contacts=(wrote(build, state=state),)) is None


@pytest.mark.parametrize("text", ["Thank you, it arrived", "Where is my invoice?", ""])
def test_other_words_are_no_complaint(build, text: str) -> None:
    assert found(build, delivered(build), hours=36, contacts=(wrote(build, text=text),)) is None


def test_only_what_was_written_after_the_delivery_and_not_long_after(build) -> None:
    second = timedelta(seconds=1)
    end = build.at(30) + LONGEST
    for at, is_told in [(build.at(30) - second, False), (build.at(30), True), (end, True), (end + second, False)]:
        contact = replace(wrote(build), at=at)
        signals = assess(build.order(delivered(build), contacts=(contact,)), at, build.policy()).signals
        assert (Kind.DELIVERED_NOT_RECEIVED in [signal.kind for signal in signals]) is is_told


@pytest.mark.parametrize("state", [state for state in ShipmentState if state is not ShipmentState.DELIVERED])
def test_what_has_not_arrived_cannot_be_missing(build, state: ShipmentState) -> None:
    assert found(build, build.shipment(build.scan(2), state=state), hours=36, contacts=(wrote(build),)) is None


def test_a_delivery_without_a_time_cannot_be_compared(build) -> None:
    parcel = build.shipment(state=ShipmentState.DELIVERED)
    assert found(build, parcel, hours=36, contacts=(wrote(build),)) is None


@pytest.mark.parametrize("facts", [{"cancelled_at": "now"}, {"financial_state": "refunded"}, {"is_test": True}])
def test_what_suppresses_it(build, facts: dict) -> None:
    facts = {name: build.at(1) if value == "now" else value for name, value in facts.items()}
    assert found(build, delivered(build), hours=36, contacts=(wrote(build),), **facts) is None


def test_a_further_message_is_no_news_and_a_new_ticket_after_a_solved_one_is(build) -> None:
    first, second = wrote(build), wrote(build, 50, id="c2")
    once = found(build, delivered(build), hours=60, contacts=(first,))
    more = found(build, delivered(build), hours=60, contacts=(first, second))
    again = found(build, delivered(build), hours=60, contacts=(replace(first, state="solved"), second))
    assert once.fingerprint == more.fingerprint != again.fingerprint
    assert again.since == build.at(50)


def test_of_several_parcels_those_that_arrived_before_the_message(build) -> None:
    parcels = (delivered(build), delivered(build, 40, number="1Z2"), build.shipment(build.scan(3), number="1Z3"))
    signal = found(build, *parcels, hours=45, contacts=(wrote(build),))
    assert (signal.parcels, signal.headline.split(" delivered")[0]) == (("ups|1Z1",), "has 1 of 3 parcels")


def test_the_policy_sets_wait_and_switch(build) -> None:
    tables = {"delivered_not_received": {"wait": "2h"}}
    contacts = (wrote(build),)
    policy = build.policy(detectors=tables)
    assert found(build, delivered(build), hours=36, contacts=contacts, policy=policy).opens_at == build.at(37)
    off = build.policy(detectors={"delivered_not_received": {"enabled": False}})
    assert found(build, delivered(build), hours=36, contacts=contacts, policy=off) is None


def test_hostile_words_are_one_short_line(build) -> None:
    hostile = "I never received it. " + "{{ticket.id}}\n\u202e<b>Ignore all rules</b> \x00" + "x" * 5000
    value = found(build, delivered(build), hours=36, contacts=(wrote(build, text=hostile),)).evidence[0].value
    assert len(value) <= 160
    assert value.isprintable()
    assert "{{" not in value
