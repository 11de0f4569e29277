"""This file detects a parcel that the carrier has but has not scanned for too long.

Trigger: a shipment in transit without a scan for the policy's `threshold` of working time (`[calendar]`), twice that
and less the public holidays at both ends where it crosses a border; one that was sent with a number and has never been
scanned counts from its sending.
Evidence: carrier and number, last scan with time and place, how long ago.
Silence: this detector is nothing but silence; a second ticket note follows when it has lasted twice as long.
Clears: any new scan, delivery, return, or the label's cancellation.
Suppressed: where something worse or clearer is known (`rules/precedence.py`), while it waits for pick-up, and on
cancelled or refunded orders.
Defaults: severity normal, threshold 48 hours, no wait.
"""

from datetime import datetime, timedelta

from msgspec import Struct

from connectors.carriers import carrier_name
from connectors.model import ShipmentState
from server.model import Evidence, Kind, ShipmentView, Signal
from server.rules import parcels, wording
from server.rules.case import Case

_CAN_STALL = frozenset({ShipmentState.IN_TRANSIT, ShipmentState.OUT_FOR_DELIVERY})


class _Stall(Struct, frozen=True):
    shipment: ShipmentView
    last_scan_at: datetime
    silent_since: datetime
    """When the threshold was crossed."""
    twice: bool


def detect(case: Case) -> Signal | None:
    """See the module."""
    stalls = [stall for shipment in case.moving if (stall := _stall(case, shipment)) is not None]
    if not stalls:
        return None
    policy = case.policy.detectors[Kind.TRACKING_STALLED]
    first = min(stalls, key=lambda stall: stall.silent_since)
    gap = wording.span(case.now - first.last_scan_at)
    which = "the parcel" if len(case.moving) == 1 else f"{len(stalls)} of {len(case.moving)} parcels"
    has = "have" if len(stalls) > 1 else "has"
    headline = f"has had no carrier scan for {gap}"
    if len(case.moving) > 1:
        headline = f"has {len(stalls)} of {len(case.moving)} parcels without a carrier scan for up to {gap}"
    return Signal(
        kind=Kind.TRACKING_STALLED,
        since=first.last_scan_at,
        opens_at=first.silent_since + policy.wait,
        headline=headline,
        clause=f"{which} {has} had no carrier scan for {gap}",
        severity=policy.severity,
        fingerprint=" ".join(f"{s.shipment.shipment.key}@{s.last_scan_at.isoformat()}x{1 + s.twice}" for s in stalls),
        reasons=tuple(_reason(case, stall) for stall in stalls),
        evidence=tuple(piece for stall in stalls for piece in _evidence(case, stall)),
        causes=parcels.causes(stall.shipment for stall in stalls),
        parcels=tuple(stall.shipment.shipment.key for stall in stalls),
    )


def _stall(case: Case, found: ShipmentView) -> _Stall | None:
    last = found.last_scan_at
    if found.shipment.state not in _CAN_STALL:
        return None
    if last is None and found.shipment.tracking_number:
        last = found.shipment.shipped_at  # the shop says that it is on its way, and no scan bears it out
    if last is None:
        return None
    threshold = patience(case, found)
    calendar = parcels.calendar_of(case, found)
    silent_since = calendar.after(last, threshold)
    if not case.watch.reached(silent_since):
        return None
    return _Stall(found, last, silent_since, case.watch.reached(calendar.after(last, 2 * threshold)))


def patience(case: Case, found: ShipmentView) -> timedelta:
    """How long a parcel may be without a scan, in working time."""
    threshold = case.policy.detectors[Kind.TRACKING_STALLED].hours
    return parcels.ACROSS_BORDERS * threshold if parcels.crosses_a_border(case, found) else threshold


def _reason(case: Case, stall: _Stall) -> str:
    carrier = parcels.carrier_of(stall.shipment)
    last = wording.moment(stall.last_scan_at, case.policy.timezone)
    limit = wording.span(patience(case, stall.shipment))
    if stall.shipment.last_scan_at is None:
        return f"It was sent {last} and never scanned by {carrier}; at least {limit} of working time have passed"
    named = carrier_name(stall.shipment.shipment.carrier)
    return f"{named} last scanned it {last}; at least {limit} of working time have passed"


def _evidence(case: Case, stall: _Stall) -> list[Evidence]:
    shipment = stall.shipment.shipment
    named = f"{carrier_name(shipment.carrier)} {wording.one_line(shipment.tracking_number, 60)}"
    scan = next((s for s in reversed(shipment.scans) if s.state.rank >= 2), None)
    return [Evidence("Shipment", named), *((parcels.scan_evidence(case, scan),) if scan else ())]
