"""A failed payment that nobody made good."""

import pytest

from connectors.model import Payment, PaymentAttempt, PaymentState
from connectors.money import Money
from server.model import Kind
from server.rules.assess import assess


def payment(build, *attempts: tuple[float, bool], state: PaymentState | None = PaymentState.FAILED, **facts: object):
    return Payment(
        id="p1",
        processor="stripe",
        state=state,
        amount=Money(8210, "USD"),
        attempts=tuple(PaymentAttempt(id=f"a{hours}", at=build.at(hours), succeeded=good) for hours, good in attempts),
        **facts,
    )


def found(build, *payments, hours: float = 9, **facts):
    signals = assess(build.order(payments=payments, **facts), build.at(hours), build.policy()).signals
    return [signal for signal in signals if signal.kind is Kind.PAYMENT_FAILED]


def test_the_latest_attempt_decides_in_whatever_sequence_they_are_told(build) -> None:
    assert found(build, payment(build, (3, True), (1, False))) == []
    [signal] = found(build, payment(build, (3, False), (1, True)))
    assert (signal.since, signal.opens_at) == (build.at(3), build.at(3.75))


@pytest.mark.parametrize("state", [PaymentState.PENDING, PaymentState.PAID, PaymentState.AUTHORIZED])
def test_money_on_its_way_is_no_failure(build, state: PaymentState) -> None:
    assert found(build, payment(build, (1, False), state=state)) == []


@pytest.mark.parametrize("state", [PaymentState.REQUIRES_ACTION, PaymentState.CANCELLED, None])
def test_a_payment_that_was_left_after_its_attempt_failed_is_one(build, state: PaymentState | None) -> None:
    assert [signal.since for signal in found(build, payment(build, (1, False), state=state))] == [build.at(1)]


def test_without_attempts_it_failed_when_it_was_made(build) -> None:
    assert [s.since for s in found(build, payment(build, created_at=build.at(2)))] == [build.at(2)]
    early, late = (found(build, payment(build), updated_at=build.at(hours)) for hours in (3, 8))
    assert [s.since for s in early] == [s.since for s in late] == [build.at(0)]


def test_the_evidence_says_who_how_much_how_often_and_why_in_words(build) -> None:
    [signal] = found(
        build, payment(build, (1, False), (2, False), failure_code="do_not_honor", failure_message="Bank\nsays {{no}}")
    )
    assert [(e.label, e.value) for e in signal.evidence] == [
        ("Payment", "Stripe of $82.10"),
        ("Why it was declined", "Bank says { {no} }"),
        ("Failed attempts", "2"),
    ]


def test_every_further_failure_is_worth_telling(build) -> None:
    [once], [twice] = (found(build, payment(build, *attempts)) for attempts in ([(1, False)], [(1, False), (2, False)]))
    assert once.fingerprint != twice.fingerprint
