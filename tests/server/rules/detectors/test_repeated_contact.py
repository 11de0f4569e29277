"""A customer who writes again and again about one order."""

import pytest

from connectors.model import Contact
from server.model import Kind
from server.rules.assess import assess


def contact(build, hours: float, state: str = "open", **facts: object) -> Contact:
    facts = {"channel": "web_form", "subject": "Where is\nmy order?"} | facts
    return Contact(id=facts.pop("id", f"t{hours}"), at=build.at(hours), state=state, **facts)


def found(build, *contacts: Contact, hours: float, shipments=(), tables=None, **facts):
    order = build.order(*shipments, contacts=contacts, **facts)
    signals = assess(order, build.at(hours), build.policy(**(tables or {}))).signals
    return next((signal for signal in signals if signal.kind is Kind.REPEATED_CONTACT), None)


def test_the_second_message_in_three_days_is_one_too_many(build) -> None:
    assert found(build, contact(build, 1), hours=10) is None
    signal = found(build, contact(build, 1), contact(build, 31, ""), hours=40)
    assert (signal.headline, signal.clause, signal.since, signal.opens_at) == (
        "has made the customer write 2 times within 30 hours",
        "the customer has written 2 times within 30 hours",
        build.at(31),
        build.at(31),
    )
    assert [(e.label, e.value) for e in signal.evidence] == [
        ("Contact by web form", "Mon 16 Nov, 10:00 EST (open): Where is my order?"),
        ("Contact by web form", "Tue 17 Nov, 16:00 EST: Where is my order?"),
    ]


def test_three_days_between_them_are_no_repetition(build) -> None:
    assert found(build, contact(build, 1), contact(build, 73), hours=80) is not None
    assert found(build, contact(build, 1), contact(build, 73.1), hours=80) is None


def test_the_same_ticket_told_twice_is_one(build) -> None:
    # The fold keeps one contact for each id; here is what detects it.
    assert found(build, contact(build, 1, id="t"), hours=10) is None


def test_it_ends_when_all_are_solved_and_not_before(build) -> None:
    assert found(build, contact(build, 1, "solved"), contact(build, 9, "closed"), hours=10) is None
    assert found(build, contact(build, 1, "solved"), contact(build, 9, "pending"), hours=10) is not None


def test_it_ends_when_the_customer_has_been_silent_for_as_long(build) -> None:
    pair = (contact(build, 1), contact(build, 9))
    assert found(build, *pair, hours=80.9) is not None
    assert found(build, *pair, hours=81) is None


def test_every_further_message_is_worth_telling_and_time_is_not(build) -> None:
    pair = (contact(build, 1), contact(build, 9))
    early, later = found(build, *pair, hours=10), found(build, *pair, hours=70)
    third = found(build, *pair, contact(build, 60), hours=70)
    assert early.fingerprint == later.fingerprint != third.fingerprint
    assert third.headline == "has made the customer write 3 times within 59 hours"


@pytest.mark.parametrize(
    "facts", [{"cancelled_at": "now"}, {"financial_state": "refunded"}, {"shipments": "delivered"}]
)
def test_that_the_order_is_over_is_often_why_they_write(build, facts: dict) -> None:
    known = {"now": build.at(0), "delivered": (build.shipment(build.scan(-9), build.scan(-2, "delivered")),)}
    facts = {name: known.get(value, value) for name, value in facts.items()}
    assert found(build, contact(build, 1), contact(build, 9), hours=10, **facts) is not None


def test_a_message_from_the_future_does_not_count_yet(build) -> None:
    pair = (contact(build, 1), contact(build, 9))
    assert found(build, *pair, hours=8) is None
    assert assess(build.order(contacts=pair), build.at(8), build.policy()).review_at == build.at(9)


def test_only_the_latest_are_shown(build) -> None:
    signal = found(build, *(contact(build, n, subject=f"No {n}") for n in range(20)), hours=30)
    assert [e.value.rpartition(" ")[2] for e in signal.evidence] == [str(n) for n in range(12, 20)]
