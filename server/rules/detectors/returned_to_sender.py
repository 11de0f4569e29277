"""This file detects a parcel that comes back although nobody asked for it.

Trigger: a parcel is on its way back, or has come back, and the order is neither cancelled nor refunded.
Evidence: why it comes back in the carrier's words, since when, the last scan.
Silence: plays no part but for the policy's `wait`.
Clears: the money is returned, the order is cancelled, or another parcel is sent after this one turned round.
Suppressed: where the customer asked for a refund or a return; on cancelled, refunded and test orders.
Defaults: severity high, no wait.
"""

from datetime import datetime

from connectors.model import ShipmentState
from server.model import Kind, ShipmentView, Signal
from server.rules import parcels, wording
from server.rules.case import Case
from server.rules.parcels import Finding

_BACK = frozenset({ShipmentState.RETURNING, ShipmentState.RETURNED})


def detect(case: Case) -> Signal | None:
    """See the module."""
    back = [found for found in case.moving if found.shipment.state in _BACK]
    if not back or any(
        request.state in ("requested", "approved") for request in case.order.order.refund_requests or ()
    ):
        return None
    findings = [_finding(case, found) for found in back]
    return parcels.signal_of(case, Kind.RETURNED_TO_SENDER, [f for f in findings if not _was_replaced(case, f)])


def _was_replaced(case: Case, finding: Finding) -> bool:
    others = (found for found in case.moving if found.shipment.state not in _BACK)
    return any(sent is not None and sent > finding.since for sent in map(_sent_at, others))


def _sent_at(found: ShipmentView) -> datetime | None:
    return found.shipment.shipped_at or found.first_transit_at


def _finding(case: Case, found: ShipmentView) -> Finding:
    turned = next((scan for scan in found.shipment.scans if scan.state in _BACK), None)
    since = turned.at if turned else parcels.known_since(case, found)
    is_back = found.shipment.state is ShipmentState.RETURNED
    said = wording.one_line(found.shipment.exception or (turned.text if turned else ""), 120) or "no reason given"
    return Finding(
        parcel=found,
        since=since,
        due=since,
        phrase="back at the sender" if is_back else "on the way back to the sender",
        word="returned" if is_back else "returning",
        reason=f"It turned round {wording.moment(since, case.policy.timezone)}: {said}",
    )
