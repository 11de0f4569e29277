"""This file detects a payment that the customer or the bank contests, or that its issuer warns of as fraud.

Trigger: a dispute or an inquiry is open, or an early fraud warning can still be acted upon.
Evidence: what it is, the amount, the reason in words, until when an answer is due, whether the goods have left.
Silence: plays no part, but the nearer the answer is due the higher the severity.
Clears: it is won, lost, accepted or closed; the warned of payment is refunded or disputed.
Suppressed: test orders. Not by cancellation, refund or delivery, none of which ends a dispute.
Defaults: severity high, no wait.
"""

from connectors.model import Dispute, FraudWarning, Payment
from server.model import Evidence, Kind, Signal
from server.rules import wording
from server.rules.case import Case

_OVER = frozenset({"won", "lost", "warning_closed", "accepted", "charge_refunded", "prevented", "closed"})
_ANSWER_DUE = frozenset({"needs_response", "warning_needs_response"})
_STATES = {
    "needs_response": "an answer is due",
    "warning_needs_response": "an answer is due",
    "under_review": "answered; the bank is deciding",
    "warning_under_review": "answered; the bank is deciding",
}


def detect(case: Case) -> Signal | None:
    """See the module."""
    found = [(p, p.dispute) for p in case.order.payments if p.dispute is not None and _is_open(p.dispute)]
    if found:
        # The one that must be answered first; of those that need no answer, any.
        payment, dispute = min(found, key=_urgency)
        return _disputed(case, payment, dispute, len(found))
    warned = [(payment, warning) for payment in case.order.payments if (warning := _warning(payment)) is not None]
    return _warned(case, *min(warned, key=lambda pair: (pair[1].at, pair[1].id))) if warned else None


def _is_open(dispute: Dispute) -> bool:
    return dispute.state.lower() not in _OVER


def _urgency(found: tuple[Payment, Dispute]) -> tuple[bool, bool, object, str]:
    dispute = found[1]
    return (not _needs_answer(dispute), dispute.respond_by is None, dispute.respond_by, dispute.id)


def _needs_answer(dispute: Dispute) -> bool:
    return dispute.state.lower() in _ANSWER_DUE


def _warning(payment: Payment) -> FraudWarning | None:
    warning = payment.fraud_warning
    return warning if warning is not None and warning.is_actionable and payment.dispute is None else None


def _disputed(case: Case, payment: Payment, dispute: Dispute, count: int) -> Signal:
    policy, zone = case.policy.detectors[Kind.PAYMENT_DISPUTED], case.policy.timezone
    order = case.order.order
    since = dispute.opened_at or payment.created_at or order.placed_at or order.updated_at or case.now
    due = dispute.respond_by if _needs_answer(dispute) else None
    what = "inquiry" if dispute.state.lower().startswith("warning_") else "dispute"
    amount = dispute.amount or payment.amount
    of_amount = f" of {amount}" if amount else ""
    by = f", to be answered by {wording.day(due, zone)}" if due else ""
    why = wording.one_line(dispute.reason) or "No reason given"
    state = _STATES.get(dispute.state.lower(), wording.one_line(dispute.state.replace("_", " "), 60))
    evidence = [
        Evidence("Disputed", f"{amount or 'amount not known'}, {_processor(payment)}; {state}"),
        Evidence("Reason", why),
    ]
    if due:
        evidence.append(Evidence("Answer due", wording.moment(due, zone)))
    if count > 1:
        evidence.append(Evidence("Open disputes", str(count)))
    return Signal(
        kind=Kind.PAYMENT_DISPUTED,
        since=since,
        opens_at=since + policy.wait,
        deadline=due,
        headline=f"has a payment {what}{of_amount}{by}",
        clause=f"the payment{of_amount} is {'asked about' if what == 'inquiry' else 'disputed'}{by}",
        severity=policy.severity,
        fingerprint=f"{dispute.id} {dispute.state} {due.isoformat() if due else ''} {count}",
        reasons=(f"{what.capitalize()}{of_amount}: {why}",),
        evidence=(*evidence, _goods(case)),
    )


def _warned(case: Case, payment: Payment, warning: FraudWarning) -> Signal:
    policy = case.policy.detectors[Kind.PAYMENT_DISPUTED]
    of_amount = f" of {payment.amount}" if payment.amount else ""
    why = wording.one_line(warning.reason) or "no reason given"
    return Signal(
        kind=Kind.PAYMENT_DISPUTED,
        since=warning.at,
        opens_at=warning.at + policy.wait,
        headline=f"has a fraud warning for its payment{of_amount}",
        clause=f"the bank warns that the payment{of_amount} may be fraud",
        severity=policy.severity,
        fingerprint=f"warning {warning.id}",
        reasons=(f"The card's bank warned {wording.moment(warning.at, case.policy.timezone)}: {why}",),
        evidence=(
            Evidence("Fraud warning", f"{payment.amount or 'amount not known'}, {_processor(payment)}: {why}"),
            Evidence("What it means", "A chargeback usually follows unless the payment is refunded first"),
            _goods(case),
        ),
    )


def _goods(case: Case) -> Evidence:
    """What an answer to the bank, and a decision to stop the parcel, turn on."""
    with_carrier = [s for s in case.moving if s.first_transit_at is not None]
    if case.all_arrived:
        where = "delivered"
    elif with_carrier:
        where = "on their way"
    else:
        where = "a label has been made" if case.moving else "not sent"
    return Evidence("Goods", where[0].upper() + where[1:])


def _processor(payment: Payment) -> str:
    return payment.processor.replace("_", " ").title()
