"""This file turns a payment of the context into what the panel shows of it."""

from datetime import datetime
from zoneinfo import ZoneInfo

from server.context import DisputeContext, PaymentContext
from sidebar import words
from sidebar.panel import Paid, Row

_TAKEN = ("paid", "partially_paid", "partially_refunded", "refunded")
_DISPUTE_OVER = ("won", "lost", "warning_closed", "closed", "prevented")


def draw_payment(payment: PaymentContext, zone: ZoneInfo, now: datetime) -> Paid:
    """What was paid, what can be given back, and why it failed."""
    currency = payment.currency
    amounts = (
        ("Amount", payment.amount),
        ("Captured", None if is_nothing(payment.captured) or payment.captured == payment.amount else payment.captured),
        ("Refunded", None if is_nothing(payment.refunded) else payment.refunded),
    )
    rows = [Row(label, words.money(value, currency)) for label, value in amounts if value is not None]
    problem = payment.failure.message or payment.failure.code if payment.failure else ""
    name = payment.processor.replace("_", " ").title()
    attempts = [
        Row(words.moment(tried.at, zone), "Worked" if tried.succeeded else tried.failure_message or "Failed")
        for tried in reversed(payment.attempts)
    ]
    return Paid(
        title=f"{name}, {payment.method}" if payment.method else name,
        pill=words.payment(payment.state),
        rows=tuple(rows),
        line=_standing(payment),
        problem=problem,
        warning=_dispute(payment.dispute, currency, zone, now) if payment.dispute else "",
        attempts=tuple(attempts) if len(attempts) > 1 or problem else (),
    )


def _standing(payment: PaymentContext) -> str:
    """How the money stands, in one sentence."""
    left = words.money(payment.refundable, payment.currency)
    match payment.state:
        case "authorized":
            return "The money is reserved on the card and not taken yet."
        case "requires_action":
            return "The customer's bank waits for the customer to confirm it."
        case "failed" | "cancelled" | "voided" | "expired":
            return "No money was taken."
    if payment.state not in _TAKEN or is_nothing(payment.captured or payment.refundable):
        return ""
    return "Nothing is left to refund." if is_nothing(payment.refundable) else f"{left} can still be refunded."


def _dispute(dispute: DisputeContext, currency: str | None, zone: ZoneInfo, now: datetime) -> str:
    """`The customer's bank disputes $129.00. Product not received. Answer by Fri 27 Nov, 14:05 (in 4 days).`"""
    about = words.money(dispute.amount, currency) or "the payment"
    plain = dispute.reason.replace("_", " ").rstrip(".")
    reason = f" {plain[:1].upper()}{plain[1:]}." if plain else ""
    state = dispute.state.replace("_", " ")
    if dispute.state.lower() in _DISPUTE_OVER:
        return f"The dispute over {about} is over ({state}).{reason}"
    said = f"The customer's bank disputes {about}.{reason}"
    if not dispute.respond_by:
        return f"{said} State: {state}."
    when = words.moment(dispute.respond_by, zone)
    if dispute.respond_by <= now:
        return f"{said} The time to answer ended {when}."
    return f"{said} Answer by {when} ({words.ago(dispute.respond_by, now)})."


def is_nothing(amount: str | None) -> bool:
    """Whether an amount is missing or zero."""
    return not (amount or "").strip("0.")
