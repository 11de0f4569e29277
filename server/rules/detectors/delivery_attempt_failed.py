"""This file detects a parcel that the carrier has tried to deliver in vain.

Trigger: the last word on a parcel, but for scans in a depot, is a failed attempt (nobody home, closed, no access).
Evidence: how many attempts (one a day, by the clock of the place), when the last one was, what the carrier says.
Silence: plays no part but for the policy's `wait`.
Clears: it is delivered, goes out again, waits for pick-up, or goes back.
Suppressed: where the address is wrong (address_problem says more), and on cancelled, refunded and test orders.
Defaults: severity normal, from the second attempt on high: carriers return after two or three. No wait.
"""

from datetime import timedelta, timezone, tzinfo

from connectors.model import Scan, ShipmentState
from server.model import Evidence, Kind, Severity, ShipmentView, Signal
from server.rules import parcels, wording
from server.rules.case import Case
from server.rules.parcels import Finding


def detect(case: Case) -> Signal | None:
    """See the module."""
    findings = [_finding(case, found) for found in case.moving if parcels.was_tried_in_vain(found)]
    return parcels.signal_of(case, Kind.DELIVERY_ATTEMPT_FAILED, findings)


def _finding(case: Case, found: ShipmentView) -> Finding:
    failed = parcels.failed_attempts(found)
    days = {scan.at.astimezone(_zone_of(case, scan)).date() for scan in failed}
    attempts, carrier = max(len(days), 1), parcels.carrier_of(found)
    since = parcels.begun_at(found, ShipmentState.DELIVERY_FAILED) or parcels.known_since(case, found)
    last = failed[-1].at if failed else since
    said = wording.one_line(found.shipment.exception or (failed[-1].text if failed else ""), 120) or "no reason given"
    severity = case.policy.detectors[Kind.DELIVERY_ATTEMPT_FAILED].severity
    return Finding(
        parcel=found,
        since=since,
        due=since,
        phrase=f"that {carrier} could not deliver" + (f", {attempts} times by now" if attempts > 1 else ""),
        word=f"attempt {attempts}",
        reason=f"{carrier[0].upper()}{carrier[1:]} tried {wording.moment(last, case.policy.timezone)}: {said}",
        evidence=(Evidence("Failed attempts", str(attempts)),),
        severity=max(severity, Severity.HIGH, key=lambda found: found.rank) if attempts > 1 else None,
    )


def _zone_of(case: Case, scan: Scan) -> tzinfo:
    """The clock of the place, where the carrier said it: a day there may be two days here."""
    return case.policy.timezone if scan.utc_offset is None else timezone(timedelta(minutes=scan.utc_offset))
