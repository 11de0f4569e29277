"""This file says why trouble has ended, and claims no recovery that nobody has seen."""

from collections.abc import Callable, Mapping
from datetime import datetime

from connectors.model import Scan, ShipmentState
from server.model import Assessment, Issue, Kind, Level, OrderView
from server.rules import wording
from server.rules.case import HOLDS_MONEY
from server.rules.policy import Policy

_PAID_WORDS = frozenset({"paid", "authorized", "partially_refunded"})
_RETURNED_MONEY = frozenset({"refunded", "voided"})
_ENDED_BY_A_SCAN = frozenset(
    {
        Kind.TRACKING_STALLED,
        Kind.LABEL_NOT_SCANNED,
        Kind.TRACKING_INVALID,
        Kind.DELIVERY_ATTEMPT_FAILED,
        Kind.CARRIER_EXCEPTION,
        Kind.ADDRESS_PROBLEM,
        Kind.HIGH_VALUE_DELAYED,
    }
)
_ABOUT_THE_PROMISE = frozenset({Kind.PROMISE_AT_RISK, Kind.PROMISE_MISSED, Kind.HIGH_VALUE_DELAYED})
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
    return _delivery(order, issue, assessment, policy)


def _louder(issue: Issue, assessment: Assessment) -> str | None:
    """What says more now, where that is why this is not told any more."""
    by = next((each.by for each in assessment.silenced if each.kind is issue.kind), None)
    return next((signal.headline for signal in assessment.signals if signal.kind is by), None)


def _order_ended(order: OrderView) -> str:
    if order.order.cancelled_at is not None:
        return "the order was cancelled."
    return "the order was refunded." if (order.order.financial_state or "").lower() in _RETURNED_MONEY else ""


def _dispute(order: OrderView) -> str:
    states = [payment.dispute.state for payment in order.payments if payment.dispute is not None]
    if states:
        return f"the dispute is {wording.one_line(states[-1].replace('_', ' '), 60)}."
    warned = any(payment.fraud_warning is not None for payment in order.payments)
    return "nothing can be done about the fraud warning any more." if warned else ""


def _refund_request(order: OrderView) -> str:
    states = [request.state for request in order.order.refund_requests or ()]
    return f"the request is {wording.one_line(states[-1].replace('_', ' '), 60)}." if states else ""


def _refund(order: OrderView) -> str:
    refunds = [refund for payment in order.payments for refund in payment.refunds]
    return "the refund has gone through." if any(refund.state == "succeeded" for refund in refunds) else ""


def _sent(order: OrderView) -> str:
    return "it has been sent." if order.shipments and order.order.cancelled_at is None else ""


def _rest(order: OrderView) -> str:
    lines = order.order.line_items or ()
    if order.order.cancelled_at is None and lines and not any(item.unfulfilled for item in lines):
        return "nothing of it waits any more."
    return ""


def _hold(order: OrderView) -> str:
    is_held = bool(order.order.holds) or (order.order.fulfillment_state or "").lower() == "on_hold"
    return "" if is_held or order.order.cancelled_at is not None else "it is not on hold any more."


def _marketplace(order: OrderView) -> str:
    if order.order.cancelled_at is not None or not order.shipments:
        return ""
    return "it has been handed over, or delivered, in the marketplace's eyes."


def _contacts(order: OrderView) -> str:
    states = {contact.state.lower() for contact in order.contacts}
    if states and states <= {"solved", "closed", "resolved"}:
        return "the customer's tickets are solved."
    return "the customer has not written again."


def _payment(order: OrderView) -> str:
    word = (order.order.financial_state or "").lower()
    if word in _PAID_WORDS or any(payment.state in HOLDS_MONEY for payment in order.payments):
        return "the payment has gone through."
    if order.order.cancelled_at is not None:
        return "the order was cancelled, so no payment is due."
    if word in _RETURNED_MONEY:
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


def _delivery(order: OrderView, issue: Issue, assessment: Assessment, policy: Policy) -> str:
    facts, zone = order.order, policy.timezone
    if facts.cancelled_at is not None:
        return "the order was cancelled."
    counted = [s.shipment for s in order.shipments if s.shipment.state is not ShipmentState.CANCELLED]
    if counted and all(shipment.state is ShipmentState.DELIVERED for shipment in counted):
        last = max((shipment.delivered_at for shipment in counted if shipment.delivered_at), default=None)
        when = f", last {wording.moment(last, zone)}" if last else ""
        return f"everything was delivered{when}{_lateness(last, assessment)}."
    if counted and all(shipment.state and shipment.state.is_final for shipment in counted):
        return "the parcel has come back to the sender."
    scan = _last_scan(order)
    if issue.kind in _ENDED_BY_A_SCAN and scan is not None and scan.at > issue.since:
        where = f" in {wording.one_line(str(scan.place))}" if str(scan.place) else ""
        return f"it moves again: {wording.one_line(scan.text, 120)}{where}, {wording.moment(scan.at, zone)}."
    if (facts.financial_state or "").lower() in _RETURNED_MONEY:
        return "the order was refunded."
    promise = assessment.promise
    if issue.kind in _ABOUT_THE_PROMISE and promise and promise.level in (Level.ON_TRACK, Level.WATCH):
        shown = wording.day(promise.promise.promised_by, zone)
        return f"the delivery promise ({shown}) is no longer at risk."
    if issue.kind is Kind.ADDRESS_PROBLEM and not order.order.address_problem and not order.order.holds:
        return "the shop does not complain of the address any more."
    if issue.kind is Kind.RETURNED_TO_SENDER and len(counted) > 1:
        return "another parcel has been sent in its place."
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
    Kind.DELIVERED_NOT_RECEIVED: _contacts,
}


def _lateness(delivered_at: datetime | None, assessment: Assessment) -> str:
    promise = assessment.promise
    if promise is None or delivered_at is None or delivered_at <= promise.promise.promised_by:
        return ""
    return f", {wording.span(delivered_at - promise.promise.promised_by)} after the promise"


def _last_scan(order: OrderView) -> Scan | None:
    scans = [scan for found in order.shipments for scan in found.shipment.scans if scan.state.rank >= 2]
    return max(scans, key=lambda scan: scan.at, default=None)
