"""This file says why trouble with parcels, the address or the promise has ended: only what somebody has seen."""

from datetime import datetime

from connectors.model import ShipmentState
from server.model import Assessment, Issue, Kind, Level, OrderView, ShipmentView
from server.rules import wording
from server.rules.detectors.address_problem import BEFORE_SHIPPING
from server.rules.money_states import money_went_back
from server.rules.policy import Policy

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
_OF_THE_CARRIER = frozenset(
    {Kind.ADDRESS_PROBLEM, Kind.CARRIER_EXCEPTION, Kind.DELIVERY_ATTEMPT_FAILED, Kind.RETURNED_TO_SENDER}
)
_TROUBLED = frozenset({ShipmentState.EXCEPTION, ShipmentState.DELIVERY_FAILED, ShipmentState.RETURNING})
_BACK = frozenset({ShipmentState.RETURNING, ShipmentState.RETURNED})
_WAS_NOT_FOLLOWED = frozenset({Kind.LABEL_NOT_SCANNED, Kind.TRACKING_INVALID})
_ABOUT_THE_PROMISE = frozenset({Kind.PROMISE_AT_RISK, Kind.PROMISE_MISSED, Kind.HIGH_VALUE_DELAYED})


def counted_parcels(order: OrderView) -> list[ShipmentView]:
    """Parcels that count: all but those whose label was cancelled."""
    return [found for found in order.shipments if found.shipment.state is not ShipmentState.CANCELLED]


def why_a_parcels_trouble_ended(order: OrderView, issue: Issue, assessment: Assessment, policy: Policy) -> str:
    """What has happened since, as the rest of a sentence; empty where nobody has seen what."""
    if order.order.cancelled_at is not None:
        return "the order was cancelled."
    if issue.kind is Kind.RETURNED_TO_SENDER and (found := _after_a_return(order, issue)):
        return found
    return (
        _arrival(order, assessment, policy)
        or _sent_after_all(order, issue)
        or _scanned(order, issue, assessment, policy)
        or _refunded(order)
        or _promise(issue, assessment, policy)
        or _number_or_address(order, issue)
    )


def _arrival(order: OrderView, assessment: Assessment, policy: Policy) -> str:
    counted = [found.shipment for found in counted_parcels(order)]
    if counted and all(shipment.state is ShipmentState.DELIVERED for shipment in counted):
        last = max((shipment.delivered_at for shipment in counted if shipment.delivered_at), default=None)
        when = f", last {wording.moment(last, policy.timezone)}" if last else ""
        return f"everything was delivered{when}{_lateness(last, assessment)}."
    if counted and all(shipment.state and shipment.state.is_final for shipment in counted):
        return "the parcel has come back to the sender."
    return ""


def _sent_after_all(order: OrderView, issue: Issue) -> str:
    was_before = issue.kind is Kind.ADDRESS_PROBLEM and issue.fingerprint.startswith(BEFORE_SHIPPING)
    return "it has been sent." if was_before and counted_parcels(order) else ""


def _after_a_return(order: OrderView, issue: Issue) -> str:
    if found := _refunded(order):
        return found
    if any(request.state in ("requested", "approved") for request in order.order.refund_requests or ()):
        return "the customer has asked for the money back."
    others = [found for found in counted_parcels(order) if found.shipment.state not in _BACK]
    sent = (found.shipment.shipped_at or found.first_transit_at for found in others)
    if any(at is not None and at > issue.since for at in sent):
        return "another parcel has been sent in its place."
    return ""


def _scanned(order: OrderView, issue: Issue, assessment: Assessment, policy: Policy) -> str:
    """What the carrier has said since of the parcels that it was about."""
    about = [found for found in order.shipments if found.shipment.key in issue.fingerprint] or order.shipments
    scans = [scan for found in about for scan in found.shipment.scans if scan.state.rank >= 2]
    scan = max(scans, key=lambda scan: scan.at, default=None)
    if issue.kind not in _ENDED_BY_A_SCAN or scan is None or scan.at <= issue.since:
        return ""
    if scan.state in _TROUBLED:
        signals = [signal for signal in assessment.signals if signal.kind in _OF_THE_CARRIER]
        return f"this has become another trouble: it {signals[0].headline}." if signals else ""
    begins = "the carrier has scanned it" if issue.kind in _WAS_NOT_FOLLOWED else "it moves again"
    where = f" in {wording.one_line(str(scan.place))}" if str(scan.place) else ""
    return f"{begins}: {wording.one_line(scan.text, 120)}{where}, {wording.moment(scan.at, policy.timezone)}."


def _promise(issue: Issue, assessment: Assessment, policy: Policy) -> str:
    promise = assessment.promise
    if issue.kind not in _ABOUT_THE_PROMISE or promise is None:
        return ""
    shown = wording.day(promise.promise.promised_by, policy.timezone)
    if promise.level is Level.MISSED and issue.kind is Kind.PROMISE_AT_RISK:
        return f"the promised date ({shown}) has passed, and not everything has arrived."
    is_fine = promise.level in (Level.ON_TRACK, Level.WATCH)
    return f"the delivery promise ({shown}) is no longer at risk." if is_fine else ""


def _number_or_address(order: OrderView, issue: Issue) -> str:
    """What the shop or the warehouse has put right."""
    counted = counted_parcels(order)
    if issue.kind is Kind.ADDRESS_PROBLEM and not counted:
        is_held = any(hold.reason == "incorrect_address" for hold in order.order.holds or ())
        is_wrong = bool(order.order.address_problem) or is_held
        return "" if is_wrong else "the shop does not complain of the address any more."
    if issue.kind not in _WAS_NOT_FOLLOWED:
        return ""
    if any(found.shipment.state is ShipmentState.CANCELLED for found in order.shipments) and not counted:
        return "the label was cancelled."
    if issue.fingerprint and counted and not any(found.shipment.key in issue.fingerprint for found in counted):
        return "it has another tracking number now."
    if issue.kind is Kind.TRACKING_INVALID and all(found.shipment.tracking_problem == "" for found in counted):
        return "the carrier knows the number now." if counted else ""
    return ""


def _refunded(order: OrderView) -> str:
    return "the order was refunded." if money_went_back(order.order) else ""


def _lateness(delivered_at: datetime | None, assessment: Assessment) -> str:
    promise = assessment.promise
    if promise is None or delivered_at is None or delivered_at <= promise.promise.promised_by:
        return ""
    return f", {wording.span(delivered_at - promise.promise.promised_by)} after the promise"
