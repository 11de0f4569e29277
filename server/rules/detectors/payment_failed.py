"""This file detects an order whose payment failed and that nobody has paid since.

Trigger: the last attempt of a payment failed, and no payment of the order holds money.
Evidence: processor, amount, how many attempts, why it was declined in words.
Silence: nothing happens for the policy's `wait` after the failure.
Clears: a payment succeeds or is authorised; the shop says the order is paid.
Suppressed: cancelled, refunded, voided and test orders; while another attempt is under way (a bank debit takes days).
Defaults: severity normal, wait 45 minutes.
"""

from datetime import datetime

from connectors.model import Payment, PaymentState
from server.model import Evidence, Kind, Signal
from server.rules import wording
from server.rules.case import Case
from server.rules.money_states import HOLDS_MONEY

_SETTLED_WORDS = frozenset({"paid", "authorized", "partially_refunded", "refunded", "voided"})
_OPEN = frozenset({PaymentState.REQUIRES_ACTION, PaymentState.FAILED, PaymentState.CANCELLED})


def detect(case: Case) -> Signal | None:
    """See the module."""
    payments = case.order.payments
    shop_says = (case.order.order.financial_state or "").lower()
    if shop_says in _SETTLED_WORDS or any(payment.state in HOLDS_MONEY for payment in payments):
        return None
    failed = [(at, payment) for payment in payments if (at := failed_at(payment, case)) is not None]
    if not failed:
        return None
    since, payment = max(failed, key=lambda found: (found[0], found[1].id))
    policy = case.policy.detectors[Kind.PAYMENT_FAILED]
    amount = str(payment.amount or case.order.order.total or "").strip()
    of_amount = f" of {amount}" if amount else ""
    why = wording.one_line(payment.failure_message or payment.failure_code or "no reason given")
    tries = sum(not attempt.succeeded for found in payments for attempt in found.attempts)
    return Signal(
        kind=Kind.PAYMENT_FAILED,
        since=since,
        opens_at=since + policy.wait,
        headline=f"has a failed payment{of_amount}",
        clause=f"the payment{of_amount} failed",
        severity=policy.severity,
        fingerprint=f"{payment.id} {payment.failure_code or ''} {tries}",
        reasons=(f"The payment failed {wording.moment(since, case.policy.timezone)}: {why}",),
        evidence=(
            Evidence("Payment", f"{payment.processor.replace('_', ' ').title()}{of_amount}"),
            Evidence("Why it was declined", why),
            Evidence("Failed attempts", str(max(tries, 1))),
        ),
        causes=(f"gateway:{payment.processor}",) if payment.processor else (),
    )


def failed_at(payment: Payment, case: Case) -> datetime | None:
    """When the last attempt failed; None where it did not, or has not been made."""
    if payment.state is not None and payment.state not in _OPEN:
        return None
    if payment.attempts:
        last = max(payment.attempts, key=lambda attempt: (attempt.at, attempt.id))
        return None if last.succeeded else last.at
    if payment.state is PaymentState.FAILED:
        return payment.created_at or case.order.order.placed_at or case.order.order.updated_at
    return None
