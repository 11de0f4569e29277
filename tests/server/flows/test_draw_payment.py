"""What agents see of a payment."""

from datetime import timedelta

import pytest

from server.context import (
    AttemptContext,
    DisputeContext,
    FailureContext,
)
from sidebar.panel import (
    Paid,
    Pill,
    Row,
    Tone,
)
from tests.server.flows.drawing import NOW, PAYMENT, changed, panel


def test_payment_says_what_can_be_given_back():
    assert panel(payments=[PAYMENT]).payments == (
        Paid(
            title="Stripe, Visa ending 4242",
            pill=Pill("Paid", Tone.GOOD),
            rows=(Row("Amount", "$129.00"),),
            line="$129.00 can still be refunded.",
        ),
    )


def test_partial_amounts_are_told():
    part = changed(PAYMENT, state="partially_refunded", captured="100.00", refunded="40.00", refundable="60.00")
    drawn = panel(payments=[part]).payments[0]
    assert drawn.rows == (Row("Amount", "$129.00"), Row("Captured", "$100.00"), Row("Refunded", "$40.00"))
    assert drawn.line == "$60.00 can still be refunded."


def test_a_declined_payment_says_why_and_lists_its_attempts():
    attempts = [
        AttemptContext(
            at=NOW - timedelta(hours=2), succeeded=False, failure_code="expired_card", failure_message="Card expired"
        ),
        AttemptContext(at=NOW - timedelta(hours=1), succeeded=False, failure_code="x", failure_message=""),
    ]
    failed = changed(
        PAYMENT,
        state="failed",
        method=None,
        captured="0.00",
        refunded="0.00",
        refundable="0.00",
        failure=FailureContext(code="expired_card", message="The card has expired"),
        attempts=attempts,
    )
    assert panel(payments=[failed]).payments == (
        Paid(
            title="Stripe",
            pill=Pill("Payment failed", Tone.BAD),
            rows=(Row("Amount", "$129.00"),),
            line="No money was taken.",
            problem="The card has expired",
            attempts=(Row("Mon 23 Nov, 13:05", "Failed"), Row("Mon 23 Nov, 12:05", "Card expired")),
        ),
    )


def test_a_payment_given_back_says_that_nothing_is_left():
    back = changed(PAYMENT, state="refunded", refunded="129.00", refundable="0.00")
    drawn = panel(payments=[back]).payments[0]
    assert drawn.rows == (Row("Amount", "$129.00"), Row("Refunded", "$129.00"))
    assert drawn.line == "Nothing is left to refund."


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"state": "authorized"}, "The money is reserved on the card and not taken yet."),
        ({"state": "requires_action"}, "The customer's bank waits for the customer to confirm it."),
        ({"state": "expired"}, "No money was taken."),
        ({"state": "pending"}, ""),
        ({"captured": None, "refundable": None}, ""),
    ],
)
def test_the_standing_of_the_money_is_one_sentence(facts, line):
    assert panel(payments=[changed(PAYMENT, **facts)]).payments[0].line == line


def test_a_single_good_attempt_is_not_worth_a_list():
    once = changed(PAYMENT, attempts=[AttemptContext(at=NOW, succeeded=True, failure_code="", failure_message="")])
    assert panel(payments=[once]).payments[0].attempts == ()


def test_a_dispute_says_until_when_to_answer():
    dispute = DisputeContext(
        id="d", state="needs_response", reason="fraudulent", amount="129.00", respond_by=NOW + timedelta(days=7)
    )
    assert panel(payments=[changed(PAYMENT, dispute=dispute)]).payments[0].warning == (
        "The customer's bank disputes $129.00. Fraudulent. Answer by Mon 30 Nov, 14:05 (in 7 days)."
    )


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (
            {"respond_by": NOW - timedelta(hours=1)},
            "The customer's bank disputes $129.00. Product not received. The time to answer ended Mon 23 Nov, 13:05.",
        ),
        (
            {"respond_by": None},
            "The customer's bank disputes $129.00. Product not received. State: needs response.",
        ),
        ({"state": "won"}, "The dispute over $129.00 is over (won). Product not received."),
        (
            {"amount": None, "reason": "", "respond_by": NOW + timedelta(hours=5)},
            "The customer's bank disputes the payment. Answer by Mon 23 Nov, 19:05 (in 5 h).",
        ),
    ],
)
def test_every_state_of_a_dispute_is_said(facts, said):
    plain = {"id": "d", "state": "needs_response", "reason": "product_not_received", "amount": "129.00"}
    dispute = DisputeContext(**{**plain, "respond_by": None, **facts})
    assert panel(payments=[changed(PAYMENT, dispute=dispute)]).payments[0].warning == said
