"""This file says why trouble has ended, and claims no recovery that nobody has seen."""

from collections.abc import Callable, Mapping

from connectors.model import ShipmentState
from server.model import Assessment, Issue, Kind, OrderView
from server.rules import wording
from server.rules.money_states import HOLDS_MONEY, RETURNED_MONEY, money_went_back
from server.rules.policy import Policy
from server.rules.recovery_parcels import counted_parcels, why_a_parcels_trouble_ended

_PAID_WORDS = frozenset({"paid", "authorized", "partially_refunded"})
_SOLVED = frozenset({"solved", "closed", "resolved", "deleted"})
UNEXPLAINED = "it is no longer followed: the policy leaves it out, or nothing has been heard of it for too long."


def why_it_ended(order: OrderView, issue: Issue, assessment: Assessment, policy: Policy) -> str:
    """What has happened since, as the rest of a sentence."""
    if (louder := _louder(issue, assessment)) is not None:
        return f"this has become another trouble: it {louder}."
    if issue.kind is Kind.INCIDENT:
        return "most of its orders have recovered; those that have not get tickets of their own."
    if issue.kind is Kind.PAYMENT_FAILED:
        return _payment(order)
    if issue.kind is Kind.CANCELLATION_AFTER_FULFILLMENT:
        return _cancellation(order)
    if issue.kind in _WITHOUT_DELIVERY:
        return _WITHOUT_DELIVERY[issue.kind](order) or _order_ended(order) or UNEXPLAINED
    return why_a_parcels_trouble_ended(order, issue, assessment, policy) or _order_ended(order) or UNEXPLAINED


def _louder(issue: Issue, assessment: Assessment) -> str | None:
    """What says more now, where that is why this is not told any more."""
    by = {each.by for each in assessment.silenced if each.kind is issue.kind}
    if issue.kind is Kind.PROMISE_AT_RISK:
        by.add(Kind.PROMISE_MISSED)
    return next((signal.headline for signal in assessment.signals if signal.kind in by), None)


def _order_ended(order: OrderView) -> str:
    if order.order.cancelled_at is not None:
        return "the order was cancelled."
    return "the order was refunded." if money_went_back(order.order) else ""


def _dispute(order: OrderView) -> str:
    states = [payment.dispute.state for payment in order.payments if payment.dispute is not None]
    if states:
        return f"the dispute is {wording.one_line(states[-1].replace('_', ' '), 60)}."
    warned = any(payment.fraud_warning is not None for payment in order.payments)
    return "nothing can be done about the fraud warning any more." if warned else ""


def _refund_request(order: OrderView) -> str:
    states = [request.state for request in order.order.refund_requests or ()]
    if not states or "requested" in states:
        return ""
    return f"the request is {wording.one_line(states[-1].replace('_', ' '), 60)}."


def _refund(order: OrderView) -> str:
    """A later refund covers the one that failed; money that is only on its way has not gone through."""
    refunds = sorted((refund for payment in order.payments for refund in payment.refunds), key=lambda refund: refund.at)
    if not refunds or refunds[-1].state not in ("succeeded", "pending"):
        return ""
    return "the refund has gone through." if refunds[-1].state == "succeeded" else "another refund is on its way."


def _sent(order: OrderView) -> str:
    return "it has been sent." if counted_parcels(order) and order.order.cancelled_at is None else ""


def _rest(order: OrderView) -> str:
    lines = order.order.line_items or ()
    if order.order.cancelled_at is None and lines and not any(item.unfulfilled for item in lines):
        return "nothing of it waits any more."
    return ""


def _hold(order: OrderView) -> str:
    is_held = bool(order.order.holds) or (order.order.fulfillment_state or "").lower() == "on_hold"
    return "" if is_held or order.order.cancelled_at is not None else "it is not on hold any more."


def _marketplace(order: OrderView) -> str:
    counted = counted_parcels(order)
    if order.order.cancelled_at is not None or not counted:
        return ""
    states = {found.shipment.state for found in counted}
    if states == {ShipmentState.DELIVERED}:
        return "it has been delivered."
    return "the carrier has it." if all(state and state.rank >= 2 for state in states) else ""


def _contacts(order: OrderView) -> str:
    return _complaint(order) or "the customer has not written again."


def _complaint(order: OrderView) -> str:
    states = {contact.state.lower() for contact in order.contacts}
    return "the customer's tickets are solved." if states and states <= _SOLVED else ""


def _payment(order: OrderView) -> str:
    word = (order.order.financial_state or "").lower()
    if word in _PAID_WORDS or any(payment.state in HOLDS_MONEY for payment in order.payments):
        return "the payment has gone through."
    if order.order.cancelled_at is not None:
        return "the order was cancelled, so no payment is due."
    if word in RETURNED_MONEY:
        return f"the shop says that the payment is {word}."
    if any(payment.attempts and payment.attempts[-1].succeeded for payment in order.payments):
        return "a later attempt to pay succeeded."
    return UNEXPLAINED


def _cancellation(order: OrderView) -> str:
    states = {found.shipment.state for found in order.shipments}
    if ShipmentState.RETURNED in states:
        return "the parcel has come back."
    if states and states <= {ShipmentState.CANCELLED}:
        return "the shipment was stopped."
    if (order.order.fulfillment_state or "").lower() in ("restocked", "cancelled", "canceled"):
        return "fulfilment was stopped."
    return UNEXPLAINED


_WITHOUT_DELIVERY: Mapping[Kind, Callable[[OrderView], str]] = {
    Kind.PAYMENT_DISPUTED: _dispute,
    Kind.REFUND_AWAITING_APPROVAL: _refund_request,
    Kind.REFUND_FAILED: _refund,
    Kind.FULFILLMENT_DELAYED: _sent,
    Kind.FULFILLMENT_ON_HOLD: _hold,
    Kind.PARTIAL_SHIPMENT: _rest,
    Kind.MARKETPLACE_SLA_RISK: _marketplace,
    Kind.REPEATED_CONTACT: _contacts,
    Kind.DELIVERED_NOT_RECEIVED: _complaint,
}
