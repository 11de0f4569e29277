"""This file detects an order that was cancelled, or is asked to be, after somebody had begun to fulfil it.

Trigger: the shop says cancelled or cancellation requested, and picking or shipping has begun.
Evidence: when it was cancelled and why, when fulfilment began, where the parcel is.
Silence: plays no part.
Clears: every parcel's label is cancelled or the parcel has come back; the shop says that fulfilment was stopped.
Suppressed: test orders; parcels that were delivered before the cancellation, since nothing is left to stop. A parcel
delivered after it stays trouble: money and goods are then both with the customer.
Defaults: severity high, no wait.
"""

from datetime import datetime

from connectors.carriers import carrier_name
from connectors.model import ShipmentState
from server.model import Evidence, Kind, ShipmentView, Signal
from server.rules import wording
from server.rules.case import Case

_STOPPED_WORDS = frozenset({"restocked", "cancelled", "canceled"})


def detect(case: Case) -> Signal | None:
    """See the module."""
    order = case.order.order
    cancelled = order.cancelled_at or order.cancel_requested_at
    if cancelled is None or (order.fulfillment_state or "").lower() in _STOPPED_WORDS:
        return None
    under_way = [s for s in case.moving if not _is_over(s, cancelled)]
    if case.order.shipments and not under_way:
        return None
    began = _began(case, under_way)
    if began is None:
        return None
    policy = case.policy.detectors[Kind.CANCELLATION_AFTER_FULFILLMENT]
    verb = "was cancelled" if order.cancelled_at else "is to be cancelled"
    where = _where(under_way)
    since = max(cancelled, began)
    tail = "after fulfilment had begun" if began <= cancelled else "but fulfilment went on"
    return Signal(
        kind=Kind.CANCELLATION_AFTER_FULFILLMENT,
        since=since,
        opens_at=since + policy.wait,
        headline=f"{verb} {tail}",
        clause=f"it {verb} {tail}",
        severity=policy.severity,
        fingerprint=f"{verb} {' '.join(sorted(f'{s.shipment.key}:{s.shipment.state}' for s in under_way))}",
        reasons=(
            f"Cancelled {wording.moment(cancelled, case.policy.timezone)}, "
            f"fulfilment began {wording.moment(began, case.policy.timezone)}",
        ),
        evidence=_evidence(case, cancelled, began, where),
    )


def _is_over(found: ShipmentView, cancelled: datetime) -> bool:
    delivered_at = found.shipment.delivered_at
    return found.shipment.state is ShipmentState.RETURNED or (delivered_at is not None and delivered_at <= cancelled)


def _began(case: Case, under_way: list[ShipmentView]) -> datetime | None:
    moments = [case.order.order.fulfillment_started_at]
    for found in under_way:
        moments += [found.shipment.shipped_at, found.first_transit_at]
    known = [moment for moment in moments if moment is not None]
    if not known and under_way:
        # A shipment is proof enough, also where nobody said when it was made.
        return case.order.order.placed_at
    return min(known, default=None)


def _where(under_way: list[ShipmentView]) -> str:
    if not under_way:
        return "nothing has left the warehouse yet"
    found = under_way[0].shipment
    carrier = carrier_name(found.carrier) if found.carrier != "unknown" else "the carrier"
    state = found.state or ShipmentState.UNKNOWN
    if state is ShipmentState.DELIVERED:
        return f"the parcel was delivered by {carrier}"
    if state is ShipmentState.RETURNING:
        return f"the parcel is on its way back with {carrier}"
    if state.is_with_carrier:
        return f"the parcel is with {carrier}"
    return f"a label for {carrier} has been made"


def _evidence(case: Case, cancelled: datetime, began: datetime, where: str) -> tuple[Evidence, ...]:
    zone = case.policy.timezone
    reason = wording.one_line(case.order.order.cancel_reason or "", 80)
    pieces = [
        Evidence("Cancelled", wording.moment(cancelled, zone) + (f" ({reason})" if reason else "")),
        Evidence("Fulfilment began", wording.moment(began, zone)),
        Evidence("Where it is", where[0].upper() + where[1:]),
    ]
    return tuple(pieces)
