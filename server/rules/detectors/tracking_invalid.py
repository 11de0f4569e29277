"""This file detects a tracking number that cannot be followed.

Trigger: whoever was asked says that the carrier does not know the number (or that no carrier has such numbers), for the
policy's `threshold` since the parcel was sent: carriers know numbers late.
Evidence: the number and the carrier it was given for, who says what.
Silence: the threshold, by the clock and not by working time.
Clears: the number is corrected, or the carrier scans the parcel after all.
Suppressed: on cancelled, refunded and test orders.
Defaults: severity normal, threshold 24 hours, no wait.
"""

from server.model import Kind, ShipmentView, Signal
from server.rules import parcels, wording
from server.rules.case import Case
from server.rules.parcels import Finding


def detect(case: Case) -> Signal | None:
    """See the module."""
    findings = [found for parcel in case.moving if (found := _finding(case, parcel)) is not None]
    return parcels.signal_of(case, Kind.TRACKING_INVALID, findings)


def _finding(case: Case, found: ShipmentView) -> Finding | None:
    shipment = found.shipment
    if not shipment.tracking_problem or not shipment.tracking_number or found.last_scan_at is not None:
        return None
    if shipment.state is not None and shipment.state.is_final:
        return None
    since = parcels.known_since(case, found)
    due = since + case.policy.detectors[Kind.TRACKING_INVALID].hours
    if not case.watch.reached(due):
        return None
    return Finding(
        parcel=found,
        since=since,
        due=due,
        phrase=f"with a tracking number that {parcels.carrier_of(found)} does not know",
        word="unknown",
        reason=wording.one_line(shipment.tracking_problem, 160),
    )
