"""This file says why trouble has ended, and claims no recovery that nobody has seen."""

from datetime import datetime

from connectors.model import Scan, ShipmentState
from server.model import Assessment, Issue, Kind, Level, OrderView
from server.rules import wording
from server.rules.case import HOLDS_MONEY
from server.rules.policy import Policy

_PAID_WORDS = frozenset({"paid", "authorized", "partially_refunded"})
_RETURNED_MONEY = frozenset({"refunded", "voided"})
UNEXPLAINED = "it is no longer followed: the policy leaves it out, or nothing has been heard of it for too long."


def why_it_ended(order: OrderView, issue: Issue, assessment: Assessment, policy: Policy) -> str:
    """What has happened since, as the rest of a sentence."""
    if issue.kind is Kind.PAYMENT_FAILED:
        return _payment(order)
    if issue.kind is Kind.CANCELLATION_AFTER_FULFILLMENT:
        return _cancellation(order)
    return _delivery(order, issue, assessment, policy)


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
    if issue.kind is Kind.TRACKING_STALLED and scan is not None and scan.at > issue.since:
        where = f" in {wording.one_line(str(scan.place))}" if str(scan.place) else ""
        return f"it moves again: {wording.one_line(scan.text, 120)}{where}, {wording.moment(scan.at, zone)}."
    if (facts.financial_state or "").lower() in _RETURNED_MONEY:
        return "the order was refunded."
    promise = assessment.promise
    if issue.kind is Kind.PROMISE_AT_RISK and promise and promise.level in (Level.ON_TRACK, Level.WATCH):
        shown = wording.day(promise.promise.promised_by, zone)
        return f"the delivery promise ({shown}) is no longer at risk."
    return UNEXPLAINED


def _lateness(delivered_at: datetime | None, assessment: Assessment) -> str:
    promise = assessment.promise
    if promise is None or delivered_at is None or delivered_at <= promise.promise.promised_by:
        return ""
    return f", {wording.span(delivered_at - promise.promise.promised_by)} after the promise"


def _last_scan(order: OrderView) -> Scan | None:
    scans = [scan for found in order.shipments for scan in found.shipment.scans if scan.state.rank >= 2]
    return max(scans, key=lambda scan: scan.at, default=None)
