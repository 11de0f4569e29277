"""This file writes what agents read in tickets: one sentence that says it all, then the evidence.

The sentence to live up to: "Order #48219 has had no carrier scan for 48 hours, delivery promise is at risk tomorrow,
customer is a VIP account, and no previous notification has been sent."
"""

from collections.abc import Sequence
from datetime import datetime

from connectors.model import ShipmentState
from server.model import Assessment, Evidence, Kind, Level, OrderView, Signal
from server.rules import wording
from server.rules.policy import Policy

LONGEST_SUBJECT = 150
_NEXT_STEPS = {
    Kind.PAYMENT_FAILED: "ask the customer for another way to pay, or cancel the order",
    Kind.TRACKING_STALLED: "ask the carrier to trace the parcel, and tell the customer before they ask",
    Kind.PROMISE_AT_RISK: "tell the customer the new date, and consider a faster replacement",
    Kind.CANCELLATION_AFTER_FULFILLMENT: "stop it in the warehouse, or have the carrier intercept the parcel",
}


def order_name(order: OrderView) -> str:
    """`Order #48219`."""
    return f"Order {wording.one_line(order.order.name or order.order.id, 60)}"


def sentence(order: OrderView, assessment: Assessment, signals: Sequence[Signal], now: datetime, policy: Policy) -> str:
    """All current findings in one sentence; the gravest kind leads."""
    first, *others = signals
    clauses = [f"{order_name(order)} {first.headline}", *(signal.clause for signal in others)]
    promise = assessment.promise
    told = {signal.kind for signal in signals}
    if promise is not None and promise.level in (Level.AT_RISK, Level.MISSED) and Kind.PROMISE_AT_RISK not in told:
        when = wording.relative_day(promise.promise.promised_by, now, policy.timezone)
        missed = promise.level is Level.MISSED
        clauses.append(f"its delivery promise {when} was missed" if missed else f"delivery promise is at risk {when}")
    if assessment.vip:
        clauses.append("customer is a VIP account")
    if assessment.high_value and order.order.total is not None:
        clauses.append(f"it is worth {order.order.total}")
    if order.contacts:
        clauses.append("the customer has already written about it")
    else:
        clauses.append("no previous notification has been sent")
    return wording.listed(clauses) + "."


def subject(order: OrderView, signals: Sequence[Signal]) -> str:
    """One line for the ticket list."""
    first, *others = signals
    more = f" (and {len(others)} more)" if others else ""
    return wording.one_line(f"{order_name(order)} {first.headline}{more}", LONGEST_SUBJECT)


def body(order: OrderView, assessment: Assessment, signals: Sequence[Signal], now: datetime, policy: Policy) -> str:
    """The internal first comment of a ticket."""
    parts = [sentence(order, assessment, signals, now, policy), _facts(order, assessment, signals, policy)]
    steps = list(dict.fromkeys(_NEXT_STEPS[signal.kind] for signal in signals))
    parts.append(f"Suggested next step: {steps[0]}.")
    if order.order.admin_url:
        parts.append(f"Order in the shop: {order.order.admin_url}")
    parts.append(
        f"As of {wording.moment(now, policy.timezone)}. Beforehand adds to this ticket when something changes and "
        "solves it when the order recovers, unless somebody has worked on it."
    )
    return "\n\n".join(parts)


def note(order: OrderView, assessment: Assessment, signals: Sequence[Signal], now: datetime, policy: Policy) -> str:
    """An internal note: what has changed, or what else has come up."""
    lines = [sentence(order, assessment, signals, now, policy), _facts(order, assessment, signals, policy)]
    return "\n\n".join([*lines, f"As of {wording.moment(now, policy.timezone)}."])


def recovery(order: OrderView, kinds: Sequence[Kind], now: datetime, policy: Policy) -> str:
    """The note that says why nothing is wrong any more."""
    told = [f"{order_name(order)}: {_recovered(order, kind, policy)}" for kind in kinds]
    return "\n".join([*told, f"As of {wording.moment(now, policy.timezone)}."])


def _facts(order: OrderView, assessment: Assessment, signals: Sequence[Signal], policy: Policy) -> str:
    pieces = [piece for signal in signals for piece in signal.evidence]
    reasons = [reason for signal in signals for reason in signal.reasons]
    promise = assessment.promise
    if promise is not None and all(signal.kind is not Kind.PROMISE_AT_RISK for signal in signals):
        shown = wording.moment(promise.promise.promised_by, policy.timezone)
        pieces.append(Evidence("Promise", f"{shown} (risk {promise.risk:.0%})"))
    pieces += _about(order)
    lines = [f"- {piece.label}: {piece.value}" for piece in dict.fromkeys(pieces)]
    return "\n".join([*(f"Why: {reason}" for reason in dict.fromkeys(reasons)), *lines])


def _about(order: OrderView) -> list[Evidence]:
    facts = order.order
    pieces = []
    if facts.customer and (facts.customer.name or facts.customer.email):
        pieces.append(Evidence("Customer", wording.one_line(facts.customer.name or facts.customer.email or "", 80)))
    if facts.total is not None:
        pieces.append(Evidence("Order total", str(facts.total)))
    return pieces


def _recovered(order: OrderView, kind: Kind, policy: Policy) -> str:
    zone = policy.timezone
    if kind is Kind.PAYMENT_FAILED:
        cancelled = order.order.cancelled_at is not None
        return "the order was cancelled, so no payment is due." if cancelled else "the payment has gone through."
    if kind is Kind.CANCELLATION_AFTER_FULFILLMENT:
        returned = any(s.shipment.state is ShipmentState.RETURNED for s in order.shipments)
        return "the parcel has come back." if returned else "the shipment was stopped."
    delivered = [s.shipment.delivered_at for s in order.shipments if s.shipment.delivered_at]
    if delivered and all(s.shipment.state and s.shipment.state.is_final for s in order.shipments):
        return f"everything was delivered, last {wording.moment(max(delivered), zone)}."
    scans = [scan for s in order.shipments for scan in s.shipment.scans if scan.state.rank >= 2]
    if kind is Kind.TRACKING_STALLED and scans:
        last = max(scans, key=lambda scan: scan.at)
        where = f" in {wording.one_line(str(last.place))}" if str(last.place) else ""
        return f"it moves again: {wording.one_line(last.text, 120)}{where}, {wording.moment(last.at, zone)}."
    return "the delivery promise is no longer at risk." if kind is Kind.PROMISE_AT_RISK else "it has been cleared up."
