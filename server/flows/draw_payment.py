"""This file turns a payment of the context into what the panel shows of it."""

from zoneinfo import ZoneInfo

from server.context import DisputeContext, PaymentContext
from sidebar import words
from sidebar.panel import Paid, Row


def draw_payment(payment: PaymentContext, zone: ZoneInfo) -> Paid:
    """What was paid, what can be given back, and why it failed."""
    currency = payment.currency
    amounts = (
        ("Amount", payment.amount),
        ("Captured", None if is_nothing(payment.captured) or payment.captured == payment.amount else payment.captured),
        ("Refunded", None if is_nothing(payment.refunded) else payment.refunded),
        # That nothing is left to refund is worth a line only where something was taken.
        ("Can be refunded", None if is_nothing(payment.captured or payment.refundable) else payment.refundable),
    )
    rows = [Row(label, words.money(value, currency)) for label, value in amounts if value is not None]
    problem = payment.failure.message or payment.failure.code if payment.failure else ""
    if payment.dispute:
        rows.append(Row("Disputed", _dispute(payment.dispute, currency, zone)))
    name = payment.processor.replace("_", " ").title()
    attempts = [
        Row(words.moment(tried.at, zone), "Worked" if tried.succeeded else tried.failure_message or "Failed")
        for tried in reversed(payment.attempts)
    ]
    return Paid(
        title=f"{name}, {payment.method}" if payment.method else name,
        pill=words.payment(payment.state),
        rows=tuple(rows),
        problem=problem,
        attempts=tuple(attempts) if len(attempts) > 1 or problem else (),
    )


def _dispute(dispute: DisputeContext, currency: str | None, zone: ZoneInfo) -> str:
    parts = (words.money(dispute.amount, currency), dispute.reason, dispute.state)
    said = ", ".join(part.replace("_", " ") for part in parts if part)
    return f"{said}; answer by {words.moment(dispute.respond_by, zone)}" if dispute.respond_by else said


def is_nothing(amount: str | None) -> bool:
    """Whether an amount is missing or zero."""
    return not (amount or "").strip("0.")
