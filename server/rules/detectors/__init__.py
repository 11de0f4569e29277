"""One file per kind of trouble, each with one pure function `detect(case) -> Signal | None`.

Every file says at its top, in the same form, what triggers it, what evidence it shows, when silence makes it true,
what clears it, what suppresses it, and its defaults. A new detector is one file, one row below and one test.
"""

from collections.abc import Callable, Mapping

from server.model import Kind, Signal
from server.rules.case import Case
from server.rules.detectors import (
    address_problem,
    cancellation_after_fulfillment,
    carrier_exception,
    delivered_not_received,
    delivery_attempt_failed,
    fulfillment_delayed,
    fulfillment_on_hold,
    high_value_delayed,
    label_not_scanned,
    marketplace_sla_risk,
    partial_shipment,
    payment_disputed,
    payment_failed,
    promise_at_risk,
    promise_missed,
    refund_awaiting_approval,
    refund_failed,
    repeated_contact,
    returned_to_sender,
    tracking_invalid,
    tracking_stalled,
)

Detector = Callable[[Case], Signal | None]

DETECTORS: Mapping[Kind, Detector] = {
    Kind.ADDRESS_PROBLEM: address_problem.detect,
    Kind.CANCELLATION_AFTER_FULFILLMENT: cancellation_after_fulfillment.detect,
    Kind.CARRIER_EXCEPTION: carrier_exception.detect,
    Kind.DELIVERED_NOT_RECEIVED: delivered_not_received.detect,
    Kind.DELIVERY_ATTEMPT_FAILED: delivery_attempt_failed.detect,
    Kind.FULFILLMENT_DELAYED: fulfillment_delayed.detect,
    Kind.FULFILLMENT_ON_HOLD: fulfillment_on_hold.detect,
    Kind.HIGH_VALUE_DELAYED: high_value_delayed.detect,
    Kind.LABEL_NOT_SCANNED: label_not_scanned.detect,
    Kind.MARKETPLACE_SLA_RISK: marketplace_sla_risk.detect,
    Kind.PARTIAL_SHIPMENT: partial_shipment.detect,
    Kind.PAYMENT_DISPUTED: payment_disputed.detect,
    Kind.PAYMENT_FAILED: payment_failed.detect,
    Kind.PROMISE_AT_RISK: promise_at_risk.detect,
    Kind.PROMISE_MISSED: promise_missed.detect,
    Kind.REFUND_AWAITING_APPROVAL: refund_awaiting_approval.detect,
    Kind.REFUND_FAILED: refund_failed.detect,
    Kind.REPEATED_CONTACT: repeated_contact.detect,
    Kind.RETURNED_TO_SENDER: returned_to_sender.detect,
    Kind.TRACKING_INVALID: tracking_invalid.detect,
    Kind.TRACKING_STALLED: tracking_stalled.detect,
}
"""`rules/precedence.py` says which of several leads, and which are silent then."""
