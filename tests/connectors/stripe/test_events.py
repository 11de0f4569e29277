"""This file tests what Stripe's events say, whole."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.model import (
    Dispute,
    FraudWarning,
    Observation,
    Payment,
    PaymentAttempt,
    PaymentState,
    References,
    Refund,
)
from connectors.money import Money

Read = Callable[..., tuple[Observation, ...]]
Make = Callable[..., dict[str, Any]]
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
ABOUT = References(order_ids=("5001",), payments=("ch_1", "pi_1"))


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def test_declined_payment_is_told_in_words(read: Read, make: Make) -> None:
    error = {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": "insufficient_funds",
        "message": "Your card has insufficient funds.",
        "charge": "ch_1",
        "payment_method": {"type": "card", "card": {"brand": "visa", "last4": "4242"}},
    }
    (seen,) = read("payment_intent.payment_failed", make("payment_intent", last_payment_error=error))
    why = "There is not enough money on the card"
    assert seen == Observation(
        source="pay",
        kind="payment.failed",
        identity=seen.identity,
        at=AT,
        about=ABOUT,
        text=f"Payment of $41.94 failed (Visa ending 4242): {why}",
        payments=(
            Payment(
                id="stripe:pi_1",
                processor="stripe",
                state=PaymentState.FAILED,
                amount=usd(4194),
                captured=usd(0),
                method="Visa ending 4242",
                created_at=AT,
                failure_code="insufficient_funds",
                failure_message=why,
                references=("ch_1", "pi_1"),
                attempts=(
                    PaymentAttempt(
                        id="ch_1", at=AT, succeeded=False, failure_code="insufficient_funds", failure_message=why
                    ),
                ),
            ),
        ),
    )


def test_paid_payment_has_no_failure_any_more(read: Read, make: Make) -> None:
    (seen,) = read(
        "payment_intent.succeeded",
        make("payment_intent", status="succeeded", amount_received=4194, latest_charge="ch_2"),
    )
    assert (seen.kind, seen.text) == ("payment.succeeded", "Payment of $41.94 succeeded")
    assert seen.payments == (
        Payment(
            id="stripe:pi_1",
            processor="stripe",
            state=PaymentState.PAID,
            amount=usd(4194),
            captured=usd(4194),
            created_at=AT,
            failure_code="",
            failure_message="",
            references=("ch_2", "pi_1"),
        ),
    )


def test_charge_and_its_intent_are_one_payment(read: Read, make: Make) -> None:
    (seen,) = read("charge.succeeded", make("charge"))
    assert seen == Observation(
        source="pay",
        kind="payment.succeeded",
        identity=seen.identity,
        at=AT,
        about=ABOUT,
        payments=(
            Payment(
                id="stripe:pi_1",
                processor="stripe",
                state=PaymentState.PAID,
                amount=usd(4194),
                captured=usd(4194),
                refunded=usd(0),
                refundable=usd(4194),
                method="Visa ending 4242",
                created_at=AT,
                failure_code="",
                failure_message="",
                references=("ch_1", "pi_1"),
                attempts=(PaymentAttempt(id="ch_1", at=AT, succeeded=True),),
            ),
        ),
    )


def test_charge_of_its_own_tells_its_own_story(read: Read, make: Make) -> None:
    charge = make("charge", payment_intent=None, status="failed", captured=False, failure_code="expired_card")
    (seen,) = read("charge.failed", charge)
    assert seen.payments[0].id == "stripe:ch_1"
    assert seen.text == "Payment of $41.94 failed (Visa ending 4242): The card has expired"


@pytest.mark.parametrize(
    ("changes", "state", "refunded", "refundable"),
    [
        ({"status": "pending"}, PaymentState.PENDING, usd(0), usd(4194)),
        ({"captured": False, "amount_captured": 0}, PaymentState.AUTHORIZED, usd(0), None),
        (
            {"captured": False, "amount_captured": 0, "refunded": True, "amount_refunded": 4194},
            PaymentState.CANCELLED,
            usd(0),
            None,
        ),
        ({"amount_refunded": 1000}, PaymentState.PARTIALLY_REFUNDED, usd(1000), usd(3194)),
        ({"amount_refunded": 4194, "refunded": True}, PaymentState.REFUNDED, usd(4194), usd(0)),
        ({"status": "beamed_up"}, PaymentState.UNKNOWN, usd(0), usd(4194)),
    ],
)
def test_charge_says_where_the_money_is(
    read: Read, make: Make, changes: dict[str, Any], state: PaymentState, refunded: Money, refundable: Money | None
) -> None:
    (payment,) = read("charge.refunded", make("charge", **changes))[0].payments
    assert (payment.state, payment.refunded, payment.refundable) == (state, refunded, refundable)


@pytest.mark.parametrize(
    ("type_", "status", "state", "text"),
    [
        ("created", "requires_payment_method", PaymentState.PENDING, ""),
        ("processing", "processing", PaymentState.PENDING, ""),
        (
            "requires_action",
            "requires_action",
            PaymentState.REQUIRES_ACTION,
            "Payment of $41.94 waits for the customer to confirm it with the bank",
        ),
        (
            "amount_capturable_updated",
            "requires_capture",
            PaymentState.AUTHORIZED,
            "Payment of $41.94 authorised",
        ),
        ("canceled", "canceled", PaymentState.CANCELLED, "Payment of $41.94 cancelled"),
        (
            "payment_failed",
            "requires_payment_method",
            PaymentState.FAILED,
            "Payment of $41.94 failed: The payment was refused without a reason",
        ),
    ],
)
def test_intent_says_where_the_payment_is(
    read: Read, make: Make, type_: str, status: str, state: PaymentState, text: str
) -> None:
    (seen,) = read(f"payment_intent.{type_}", make("payment_intent", status=status))
    assert (seen.payments[0].state, seen.text) == (state, text)


def test_try_that_made_no_charge_is_an_attempt_of_its_own(read: Read, make: Make) -> None:
    error = {"type": "invalid_request_error", "code": "payment_intent_authentication_failure"}
    (payment,) = read("payment_intent.payment_failed", make("payment_intent", last_payment_error=error))[0].payments
    (attempt,) = payment.attempts
    assert attempt.id == f"stripe:pi_1:{int(AT.timestamp())}"
    assert attempt.failure_message == "The customer did not pass the bank's confirmation"


def test_failed_try_that_is_touched_later_says_nothing_of_the_payment(read: Read, make: Make) -> None:
    charge = make("charge", status="failed", captured=False, outcome={"reason": "do_not_honor"})
    (payment,) = read("charge.updated", charge)[0].payments
    assert (payment.state, payment.amount, payment.failure_code) == (None, None, None)
    assert [attempt.failure_code for attempt in payment.attempts] == ["do_not_honor"]


@pytest.mark.parametrize(
    ("failure_code", "reason", "code", "message"),
    [
        ("card_declined", "insufficient_funds", "insufficient_funds", "There is not enough money on the card"),
        ("card_declined", None, "card_declined", "The bank declined the card"),
        ("expired_card", "expired_card", "expired_card", "The card has expired"),
        (
            "card_declined",
            "stolen_card",
            "stolen_card",
            "The bank declined the card; the customer has to use another one",
        ),
        ("card_declined", "beamed_up", "beamed_up", "Beamed up"),
        (None, None, "", "Beamed up"),
    ],
)
def test_decline_codes_have_words_and_unknown_ones_stripes_own(
    read: Read, make: Make, failure_code: str | None, reason: str | None, code: str, message: str
) -> None:
    charge = make("charge", status="failed", failure_code=failure_code, failure_message="Beamed up.")
    (payment,) = read("charge.failed", {**charge, "outcome": {"reason": reason}})[0].payments
    assert (payment.failure_code, payment.failure_message) == (code, message)


@pytest.mark.parametrize(
    ("currency", "minor", "money"),
    [
        ("usd", 4194, Money(4194, "USD")),
        ("jpy", 500, Money(500, "JPY")),
        ("krw", 500, Money(500, "KRW")),
        ("kwd", 5120, Money(5120, "KWD")),
        ("isk", 500, Money(5, "ISK")),  # two decimals that are always 00
        ("ugx", 500, Money(5, "UGX")),
        ("huf", 1045, Money(1045, "HUF")),  # without decimals in payouts alone
        ("twd", 80045, Money(80045, "TWD")),
        ("mga", 500, Money(500, "MGA")),
    ],
)
def test_minor_units_are_stripes_and_not_always_those_of_iso(
    read: Read, make: Make, currency: str, minor: int, money: Money
) -> None:
    (payment,) = read("charge.succeeded", make("charge", currency=currency, amount=minor))[0].payments
    assert payment.amount == money


def test_refund_leads_to_its_payment_and_leaves_the_sum_to_the_charge(read: Read, make: Make) -> None:
    (made,) = read("refund.created", make("refund"))
    assert (made.text, made.about) == ("Refund of $10.00 made", References(payments=("ch_1", "pi_1")))
    given = Refund(id="re_1", at=AT, state="succeeded", amount=usd(1000))
    assert made.payments == (
        Payment(id="stripe:pi_1", processor="stripe", references=("ch_1", "pi_1"), refunds=(given,)),
    )
    (charge,) = read("charge.refunded", make("charge", amount_refunded=1000))
    assert charge.text == "Refunded so far: $10.00 of $41.94"


@pytest.mark.parametrize(
    ("type_", "changes", "text"),
    [
        ("refund.created", {"status": "pending"}, "Refund of $10.00 on its way"),
        (
            "refund.failed",
            {"failure_reason": "lost_or_stolen_card"},
            "Refund of $10.00 failed: the card can no longer be used",
        ),
        ("refund.failed", {"failure_reason": None}, "Refund of $10.00 failed: no reason given"),
        ("refund.updated", {"status": "canceled"}, "Refund of $10.00 called off"),
        ("refund.updated", {"status": "requires_action"}, "Refund of $10.00 waits for the customer's bank details"),
        ("refund.updated", {}, ""),
        ("charge.refund.updated", {"status": "failed"}, ""),  # refund.failed says it
    ],
)
def test_refund_is_told_once(read: Read, make: Make, type_: str, changes: dict[str, Any], text: str) -> None:
    assert read(type_, make("refund", **changes))[0].text == text


@pytest.mark.parametrize(
    ("type_", "changes", "state", "failure"),
    [
        ("refund.created", {"status": "pending"}, "pending", ""),
        ("refund.updated", {"status": "requires_action"}, "requires_action", ""),
        (
            "refund.failed",
            {"status": "failed", "failure_reason": "lost_or_stolen_card"},
            "failed",
            "the card can no longer be used",
        ),
        ("charge.refund.updated", {"status": "failed", "failure_reason": "bank_closed"}, "failed", "bank closed"),
        ("refund.updated", {"status": "canceled"}, "cancelled", ""),
        ("refund.updated", {"status": "something_new"}, "pending", ""),
        ("refund.created", {"status": None}, "succeeded", ""),
    ],
)
def test_refund_says_where_it_is_as_of_the_event(
    read: Read, make: Make, type_: str, changes: dict[str, Any], state: str, failure: str
) -> None:
    (payment,) = read(type_, make("refund", **changes))[0].payments
    assert payment.refunds == (Refund(id="re_1", at=AT, state=state, amount=usd(1000), failure=failure),)


def test_charge_of_an_older_version_brings_its_refunds(read: Read, make: Make) -> None:
    made = AT - timedelta(hours=2)
    listed = {"data": [make("refund", created=int(made.timestamp()), status="failed"), make("refund", id="re_2")]}
    (payment,) = read("charge.refunded", make("charge", refunds=listed))[0].payments
    assert payment.refunds == (Refund(id="re_1", at=made, state="failed", amount=usd(1000)),)


def test_dispute_says_until_when_to_answer(read: Read, make: Make) -> None:
    (seen,) = read("charge.dispute.created", make("dispute"))
    why = "The customer says the goods never arrived"
    assert (seen.kind, seen.text) == (
        "payment.disputed",
        f"Dispute of $41.94 opened: {why}; evidence is due by 03 Dec 2026",
    )
    assert seen.payments == (
        Payment(
            id="stripe:pi_1",
            processor="stripe",
            references=("ch_1", "pi_1"),
            dispute=Dispute(
                id="dp_1",
                state="needs_response",
                reason=why,
                amount=usd(4194),
                respond_by=datetime(2026, 12, 3, 9, tzinfo=UTC),
            ),
        ),
    )
    (closed,) = read("charge.dispute.closed", make("dispute", status="warning_closed", evidence_details=None))
    assert (closed.kind, closed.text) == ("dispute.closed", "Inquiry of $41.94 closed: warning closed")


def test_warning_and_review_lead_to_the_payment(read: Read) -> None:
    warning = {"id": "issfr_1", "charge": {"id": "ch_1"}, "fraud_type": "made_with_stolen_card"}
    (seen,) = read("radar.early_fraud_warning.created", warning)
    assert (seen.text, seen.about.payments) == ("The bank warns of fraud: a stolen card was used", ("ch_1",))
    assert seen.payments[0].fraud_warning == FraudWarning(id="issfr_1", at=AT, reason="a stolen card was used")
    made = AT - timedelta(hours=1)
    later = warning | {"actionable": False, "created": int(made.timestamp())}
    (seen,) = read("radar.early_fraud_warning.updated", later)
    assert (seen.kind, seen.text) == ("payment.fraud_warning", "")
    assert seen.payments[0].fraud_warning == FraudWarning(
        id="issfr_1", at=made, reason="a stolen card was used", is_actionable=False
    )
    review = {"id": "prv_1", "payment_intent": "pi_1", "charge": None, "open": True, "reason": "rule"}
    (seen,) = read("review.opened", review)
    assert seen.text == "The payment is held for a review: one of the shop's rules asks for it"
    assert seen.payments[0].id == "stripe:pi_1"


def test_checkout_ties_the_payment_to_the_order(read: Read, make: Make) -> None:
    (seen,) = read("checkout.session.completed", make("session", payment_status="paid"))
    assert seen.about == References(order_ids=("5001", "#1001"), payments=("pi_1",))
    assert (seen.payments[0].state, seen.payments[0].amount) == (PaymentState.PAID, usd(4194))
    (failed,) = read("checkout.session.async_payment_failed", make("session"))
    assert (failed.kind, failed.payments[0].state) == ("payment.failed", PaymentState.FAILED)


def test_checkout_without_a_payment_is_a_line_of_history(read: Read, make: Make) -> None:
    (seen,) = read("checkout.session.expired", make("session", payment_intent=None))
    assert (seen.text, seen.payments, seen.about.order_ids) == (
        "The checkout expired without a payment",
        (),
        ("5001", "#1001"),
    )
