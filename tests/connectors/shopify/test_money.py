"""This file tests what transactions, refunds and disputes of Shopify say."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.model import Dispute, Observation, Payment, PaymentAttempt, PaymentState, References
from connectors.money import Money

Read = Callable[[str, bytes | dict[str, Any]], tuple[Observation, ...]]
Make = Callable[..., dict[str, Any]]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def test_sale_is_a_payment_with_its_attempt(read: Read, make: Make) -> None:
    (seen,) = read("order_transactions/create", make("transaction"))
    when = at("2026-11-20T14:00:01Z")
    assert seen == Observation(
        source="shop",
        kind="payment.succeeded",
        identity=seen.identity,
        at=when,
        about=References(shop_order="5001"),
        text="Payment of $41.94 succeeded (Visa ending 4242)",
        payments=(
            Payment(
                id="shopify:801",
                processor="shopify_payments",
                state=PaymentState.PAID,
                amount=usd(4194),
                captured=usd(4194),
                method="Visa ending 4242",
                created_at=when,
                failure_code="",
                failure_message="",
                references=("c77.1",),
                attempts=(PaymentAttempt(id="shopify:801", at=when, succeeded=True),),
            ),
        ),
    )


def test_declined_sale_is_a_failed_payment_in_words(read: Read, make: Make) -> None:
    body = make(
        "transaction",
        status="failure",
        error_code="insufficient_funds",
        message="Bogus",
        authorization="pi_3Nxyz0123456789",
    )
    (seen,) = read("order_transactions/create", body)
    when, why = at("2026-11-20T14:00:01Z"), "There is not enough money on the card"
    assert (seen.kind, seen.text) == ("payment.failed", f"Payment of $41.94 failed (Visa ending 4242): {why}")
    assert seen.payments == (
        Payment(
            id="shopify:801",
            processor="shopify_payments",
            state=PaymentState.FAILED,
            amount=usd(4194),
            method="Visa ending 4242",
            created_at=when,
            failure_code="insufficient_funds",
            failure_message=why,
            references=("c77.1", "pi_3Nxyz0123456789"),
            attempts=(
                PaymentAttempt(
                    id="shopify:801",
                    at=when,
                    succeeded=False,
                    failure_code="insufficient_funds",
                    failure_message=why,
                ),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("changes", "kind", "state", "text"),
    [
        ({"kind": "authorization"}, "payment.authorized", PaymentState.AUTHORIZED, "Payment of $41.94 authorised"),
        ({"kind": "capture", "parent_id": 800}, "payment.succeeded", PaymentState.PAID, "Payment of $41.94 taken"),
        (
            {"kind": "void", "parent_id": 800},
            "payment.cancelled",
            PaymentState.CANCELLED,
            "Payment of $41.94 released without taking it",
        ),
        ({"kind": "refund", "parent_id": 800}, "refund.updated", None, ""),
        (
            {"kind": "refund", "parent_id": 800, "status": "error", "message": "No funds."},
            "refund.failed",
            None,
            "Refund of $41.94 failed: No funds",
        ),
        (
            {"kind": "capture", "parent_id": 800, "status": "failure", "error_code": "AUTHORIZATION_EXPIRED"},
            "payment.failed",
            None,
            "Taking the payment of $41.94 failed: The authorisation ran out before the money was taken",
        ),
        ({"status": "pending"}, "payment.pending", PaymentState.PENDING, ""),
        (
            {"status": "failure", "error_code": "beamed_up", "message": None},
            "payment.failed",
            PaymentState.FAILED,
            "Payment of $41.94 failed: The payment was refused without a reason",
        ),
    ],
)
def test_every_kind_of_transaction_has_its_words(
    read: Read, make: Make, changes: dict[str, Any], kind: str, state: PaymentState | None, text: str
) -> None:
    (seen,) = read("order_transactions/create", make("transaction", payment_details=None, **changes))
    first = "800" if "parent_id" in changes else "801"
    assert (seen.kind, seen.text, seen.payments[0].id, seen.payments[0].state) == (
        kind,
        text,
        f"shopify:{first}",
        state,
    )


def test_later_transactions_lead_to_the_payment_they_belong_to(read: Read, make: Make) -> None:
    capture = read("order_transactions/create", make("transaction", id=802, kind="capture", parent_id=801))[0]
    refund = read("order_transactions/create", make("transaction", id=803, kind="refund", parent_id=802))[0]
    assert (capture.payments[0].id, capture.payments[0].references) == ("shopify:801", ("c77.1", "shopify:802"))
    assert (refund.payments[0].id, refund.payments[0].references) == ("shopify:802", ("c77.1", "shopify:803"))


def test_names_that_others_share_are_no_references(read: Read, make: Make) -> None:
    body = make(
        "transaction",
        authorization="123456",
        payment_id=None,
        receipt={
            "charges": {"data": [{"id": "ch_3Nabcdefgh"}]},
            "note": "not ch_3Nabcdefgh",
            "n": 5,
            "py": ["py_3Nabcdefgh"],
        },
    )
    (seen,) = read("order_transactions/create", body)
    assert seen.payments[0].references == ("ch_3Nabcdefgh", "py_3Nabcdefgh")
    assert seen.payments[0].attempts[0].id == "ch_3Nabcdefgh"  # the processor's own name of the same try


def test_dispute_hangs_on_a_payment_of_its_own_until_the_order_says_which(read: Read) -> None:
    body = {
        "id": 97,
        "order_id": 5001,
        "type": "chargeback",
        "amount": "11.50",
        "currency": "USD",
        "reason": "product_not_received",
        "status": "needs_response",
        "evidence_due_by": "2026-12-03T19:00:00-05:00",
        "initiated_at": "2026-11-20T20:00:00-05:00",
    }
    (seen,) = read("disputes/create", body)
    why = "The customer says the goods never arrived"
    assert seen == Observation(
        source="shop",
        kind="payment.disputed",
        identity=seen.identity,
        at=at("2026-11-21T01:00:00Z"),
        about=References(shop_order="5001"),
        text=f"Chargeback of $11.50 opened: {why}; evidence is due by 04 Dec 2026",
        payments=(
            Payment(
                id="shopify:dispute:97",
                processor="shopify_payments",
                dispute=Dispute(
                    id="97",
                    state="needs_response",
                    reason=why,
                    amount=usd(1150),
                    respond_by=at("2026-12-04T00:00:00Z"),
                    opened_at=at("2026-11-21T01:00:00Z"),
                ),
            ),
        ),
    )
    won = read("disputes/update", {**body, "status": "won", "finalized_on": "2026-11-22T00:00:00Z"})[0]
    assert (won.at, won.kind, won.text) == (at("2026-11-22T00:00:00Z"), "dispute.updated", "Chargeback of $11.50: won")
    assert read("disputes/create", {**body, "order_id": None}) == ()
