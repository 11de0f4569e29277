"""What agents see of a payment."""

from datetime import timedelta

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
            rows=(Row("Amount", "$129.00"), Row("Can be refunded", "$129.00")),
        ),
    )


def test_partial_amounts_are_told():
    part = changed(PAYMENT, state="partially_refunded", captured="100.00", refunded="40.00", refundable="60.00")
    assert panel(payments=[part]).payments[0].rows == (
        Row("Amount", "$129.00"),
        Row("Captured", "$100.00"),
        Row("Refunded", "$40.00"),
        Row("Can be refunded", "$60.00"),
    )


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
            problem="The card has expired",
            attempts=(Row("Mon 23 Nov, 13:05", "Failed"), Row("Mon 23 Nov, 12:05", "Card expired")),
        ),
    )


def test_a_payment_given_back_says_that_nothing_is_left():
    back = changed(PAYMENT, state="refunded", refunded="129.00", refundable="0.00")
    assert panel(payments=[back]).payments[0].rows == (
        Row("Amount", "$129.00"),
        Row("Refunded", "$129.00"),
        Row("Can be refunded", "$0.00"),
    )


def test_a_single_good_attempt_is_not_worth_a_list():
    once = changed(PAYMENT, attempts=[AttemptContext(at=NOW, succeeded=True, failure_code="", failure_message="")])
    assert panel(payments=[once]).payments[0].attempts == ()


def test_a_dispute_says_until_when_to_answer():
    dispute = DisputeContext(
        id="d", state="needs_response", reason="fraudulent", amount="129.00", respond_by=NOW + timedelta(days=7)
    )
    rows = panel(payments=[changed(PAYMENT, dispute=dispute)]).payments[0].rows
    assert rows[-1] == Row("Disputed", "$129.00, fraudulent, needs response; answer by Mon 30 Nov, 14:05")
