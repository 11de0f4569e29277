"""This file detects a parcel that has a label and that no carrier has ever scanned.

Trigger: a label was made, with a tracking number, and no scan shows that the carrier has the parcel for the policy's
`threshold` of working time (`[calendar]`): it may lie in the warehouse, or be lost between it and the carrier.
Evidence: carrier and number, when the label was made, from where it is sent.
Silence: this detector is nothing but silence; it is told again when it has lasted twice as long.
Clears: the carrier's first scan, delivery, or the label's cancellation.
Suppressed: while the carrier does not know the number (tracking_invalid says more), where nobody follows the parcel (a
small courier of whom only the shop speaks), and on cancelled, refunded and test orders.
Defaults: severity normal, threshold 72 hours, no wait.
"""

from datetime import datetime

from msgspec.structs import replace

from connectors.model import ShipmentState
from server.model import Evidence, Kind, ShipmentView, Signal
from server.rules import goods, parcels, wording
from server.rules.case import Case
from server.rules.parcels import Finding

_BEFORE = frozenset({ShipmentState.LABEL_CREATED, ShipmentState.UNKNOWN, None})


def detect(case: Case) -> Signal | None:
    """See the module."""
    findings = [found for parcel in case.moving if (found := _finding(case, parcel)) is not None]
    signal = parcels.signal_of(case, Kind.LABEL_NOT_SCANNED, findings)
    return signal and replace(signal, causes=(*goods.causes(case), *signal.causes))


def _finding(case: Case, found: ShipmentView) -> Finding | None:
    made = _made_at(found)
    if made is None or found.shipment.state not in _BEFORE or found.last_scan_at is not None:
        return None
    if not parcels.is_followed(case, found):
        return None
    hours, calendar = case.policy.detectors[Kind.LABEL_NOT_SCANNED].hours, case.policy.calendar
    due = calendar.after(made, hours)
    if not case.watch.reached(due):
        return None
    twice = case.watch.reached(calendar.after(made, 2 * hours))
    carrier, when = parcels.carrier_of(found), wording.moment(made, case.policy.timezone)
    return Finding(
        parcel=found,
        since=made,
        due=due,
        phrase=f"that {carrier} has never scanned, {wording.span(case.now - made)} after the label was made",
        word=f"{made.isoformat()}x{1 + twice}",
        reason=f"The label was made {when}; at least {wording.span(hours)} of working time have passed without a scan",
        evidence=_evidence(case),
    )


def _made_at(found: ShipmentView) -> datetime | None:
    scan = found.shipment.scans[0] if found.shipment.scans else None
    return found.shipment.shipped_at or (scan.at if scan else None)


def _evidence(case: Case) -> tuple[Evidence, ...]:
    warehouse = wording.one_line(case.order.order.warehouse or "", 80)
    return (Evidence("Sent from", warehouse),) if warehouse else ()
