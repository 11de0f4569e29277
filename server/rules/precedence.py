"""This file says which trouble leads, and which is silent because something else says more.

    a kind                      is silent while one of these is found on the order
    tracking_stalled            the number is unknown, an attempt to deliver it has failed
    label_not_scanned           the number is unknown, or the order is to be stopped anyway
    delivery_attempt_failed     the address is wrong
    fulfillment_delayed         its address is wrong, it is to be cancelled
    fulfillment_on_hold         its address is wrong
    returned_to_sender          the order is to be stopped anyway: it shall come back
    high_value_delayed          any other word for a delay: it exists to be earlier than they are
    marketplace_sla_risk        the order is to be cancelled

What is found of one parcel silences nothing that is found of another. More is silent without a row here: a parcel is
in one state at a time, so one that the carrier reports as lost, or that comes back, has not stalled; what is on hold is
not delayed; a promise that has been missed is at risk no longer. Only what an agent is told of counts: a kind on
`dry_run` silences nothing, nor does one that still waits (`wait`).
After a cancellation, a refund or an arrival only those kinds are asked at all which still mean something then.
"""

from collections.abc import Mapping
from functools import lru_cache

from server.model import Kind

PRECEDENCE = (
    Kind.CANCELLATION_AFTER_FULFILLMENT,
    Kind.PAYMENT_DISPUTED,
    Kind.REFUND_FAILED,
    Kind.DELIVERED_NOT_RECEIVED,
    Kind.RETURNED_TO_SENDER,
    Kind.ADDRESS_PROBLEM,
    Kind.CARRIER_EXCEPTION,
    Kind.DELIVERY_ATTEMPT_FAILED,
    Kind.PAYMENT_FAILED,
    Kind.FULFILLMENT_ON_HOLD,
    Kind.TRACKING_INVALID,
    Kind.FULFILLMENT_DELAYED,
    Kind.PARTIAL_SHIPMENT,
    Kind.LABEL_NOT_SCANNED,
    Kind.TRACKING_STALLED,
    Kind.HIGH_VALUE_DELAYED,
    Kind.PROMISE_MISSED,
    Kind.PROMISE_AT_RISK,
    Kind.MARKETPLACE_SLA_RISK,
    Kind.REFUND_AWAITING_APPROVAL,
    Kind.REPEATED_CONTACT,
)
"""Who leads the ticket's sentence: what is the clearest and asks most for a person comes first."""

_CARRIER_SAYS = frozenset(
    {Kind.ADDRESS_PROBLEM, Kind.CARRIER_EXCEPTION, Kind.DELIVERY_ATTEMPT_FAILED, Kind.RETURNED_TO_SENDER}
)
_STOPPED = frozenset({Kind.CANCELLATION_AFTER_FULFILLMENT})
SILENCED_BY: Mapping[Kind, frozenset[Kind]] = {
    Kind.TRACKING_STALLED: frozenset({Kind.TRACKING_INVALID, Kind.ADDRESS_PROBLEM, Kind.DELIVERY_ATTEMPT_FAILED}),
    Kind.LABEL_NOT_SCANNED: _STOPPED | {Kind.TRACKING_INVALID},
    Kind.DELIVERY_ATTEMPT_FAILED: frozenset({Kind.ADDRESS_PROBLEM}),
    Kind.FULFILLMENT_DELAYED: _STOPPED | {Kind.ADDRESS_PROBLEM},
    Kind.FULFILLMENT_ON_HOLD: frozenset({Kind.ADDRESS_PROBLEM}),
    Kind.RETURNED_TO_SENDER: _STOPPED,
    Kind.HIGH_VALUE_DELAYED: _CARRIER_SAYS
    | {
        Kind.FULFILLMENT_ON_HOLD,
        Kind.PARTIAL_SHIPMENT,
        Kind.LABEL_NOT_SCANNED,
        Kind.TRACKING_INVALID,
        Kind.TRACKING_STALLED,
    },
    Kind.MARKETPLACE_SLA_RISK: _STOPPED,
}

NEVER_BESIDE: Mapping[Kind, frozenset[Kind]] = {
    Kind.TRACKING_STALLED: frozenset({Kind.CARRIER_EXCEPTION, Kind.RETURNED_TO_SENDER}),
    Kind.LABEL_NOT_SCANNED: _CARRIER_SAYS,
    Kind.FULFILLMENT_DELAYED: frozenset({Kind.FULFILLMENT_ON_HOLD}),
    Kind.PARTIAL_SHIPMENT: frozenset({Kind.FULFILLMENT_ON_HOLD}),
    Kind.PROMISE_AT_RISK: frozenset({Kind.PROMISE_MISSED}),
    Kind.HIGH_VALUE_DELAYED: frozenset({Kind.PROMISE_AT_RISK, Kind.PROMISE_MISSED}),
}
"""What cannot be found of the same parcel, or the same order, at the same time; only for saying so."""

OUTLIVE_THE_ORDER = (
    Kind.CANCELLATION_AFTER_FULFILLMENT,
    Kind.PAYMENT_DISPUTED,
    Kind.REFUND_FAILED,
    Kind.REFUND_AWAITING_APPROVAL,
    Kind.REPEATED_CONTACT,
)
"""What can still be wrong with an order that was cancelled or refunded in full."""
OUTLIVE_ARRIVAL = (
    Kind.CANCELLATION_AFTER_FULFILLMENT,
    Kind.PAYMENT_DISPUTED,
    Kind.REFUND_FAILED,
    Kind.DELIVERED_NOT_RECEIVED,
    Kind.RETURNED_TO_SENDER,
    Kind.REFUND_AWAITING_APPROVAL,
    Kind.REPEATED_CONTACT,
)
"""What can still be wrong when everything has been delivered or has come back."""
Needs = frozenset[str]
"""What an order must have before a detector can have anything to say; names are those of `worth_asking`."""
NEEDS: Mapping[Kind, str] = {
    Kind.CANCELLATION_AFTER_FULFILLMENT: "cancellation",
    Kind.PAYMENT_DISPUTED: "payments",
    Kind.REFUND_FAILED: "payments",
    Kind.PAYMENT_FAILED: "payments",
    Kind.REFUND_AWAITING_APPROVAL: "money asked back",
    Kind.DELIVERED_NOT_RECEIVED: "contacts",
    Kind.REPEATED_CONTACT: "contacts",
    Kind.RETURNED_TO_SENDER: "parcels",
    Kind.CARRIER_EXCEPTION: "parcels",
    Kind.DELIVERY_ATTEMPT_FAILED: "parcels",
    Kind.TRACKING_INVALID: "parcels",
    Kind.PARTIAL_SHIPMENT: "parcels",
    Kind.LABEL_NOT_SCANNED: "parcels",
    Kind.TRACKING_STALLED: "parcels",
    Kind.FULFILLMENT_DELAYED: "no parcels",
    Kind.HIGH_VALUE_DELAYED: "a high value",
    Kind.PROMISE_AT_RISK: "a promise",
    Kind.PROMISE_MISSED: "a promise",
    Kind.MARKETPLACE_SLA_RISK: "deadlines",
}
"""Saves asking every detector about every order: most orders have none of what most detectors look at."""


@lru_cache(maxsize=4096)
def worth_asking(kinds: tuple[Kind, ...], has: Needs) -> tuple[Kind, ...]:
    """Those of *kinds* whose needs are met."""
    return tuple(kind for kind in kinds if NEEDS.get(kind) is None or NEEDS[kind] in has)
