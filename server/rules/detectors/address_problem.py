"""This file detects an order whose address cannot be delivered to.

Trigger: before anything is sent, the shop or its warehouse says that the address is wrong (an address check, a hold for
an incorrect address); after that, the carrier says so of a parcel that has not arrived.
Evidence: what is wrong in the words of who says it, where it should go, the parcel and its last scan.
Silence: plays no part but for the policy's `wait`.
Clears: the address is corrected or the hold released; the carrier goes on (after an attempt: tries again), delivers or
returns the parcel.
Suppressed: on cancelled, refunded and test orders; it is itself the better word for a failed attempt or an exception
that has the address as its reason.
Defaults: severity high, no wait.
"""

from connectors.model import Problem, ShipmentState
from server.model import Evidence, Kind, ShipmentView, Signal
from server.rules import parcels, wording
from server.rules.case import Case
from server.rules.parcels import Finding

BEFORE_SHIPPING = "before shipping"
"""How the fingerprint of what was found before anything was sent begins."""
_WRONG_ADDRESS = "incorrect_address"
_TROUBLED = frozenset({ShipmentState.EXCEPTION, ShipmentState.DELIVERY_FAILED})


def detect(case: Case) -> Signal | None:
    """See the module."""
    findings = [found for parcel in case.moving if (found := _finding(case, parcel)) is not None]
    return parcels.signal_of(case, Kind.ADDRESS_PROBLEM, findings) if findings else _before_shipping(case)


def is_of_address(found: ShipmentView) -> bool:
    """Whether the carrier's trouble with it is its address."""
    if found.shipment.state in _TROUBLED:
        scan = parcels.last_scan(found)
        return Problem.ADDRESS in (found.shipment.problem, scan.problem if scan else None)
    return parcels.was_tried_in_vain(found) and parcels.failed_attempts(found)[-1].problem is Problem.ADDRESS


def _finding(case: Case, found: ShipmentView) -> Finding | None:
    if not is_of_address(found):
        return None
    was_tried, carrier = parcels.was_tried_in_vain(found), parcels.carrier_of(found)
    state = ShipmentState.DELIVERY_FAILED if was_tried else ShipmentState.EXCEPTION
    since = parcels.begun_at(found, state) or parcels.known_since(case, found)
    tried = parcels.failed_attempts(found)[-1:] if was_tried else ()
    words = found.shipment.exception or next((scan.text for scan in tried), "")
    said = wording.one_line(words, 120) or "the address is not right"
    return Finding(
        parcel=found,
        since=since,
        due=since,
        phrase=f"with an address that {carrier} cannot deliver to",
        word="address",
        reason=f"{carrier[0].upper()}{carrier[1:]} says: {said}",
        evidence=_where(case),
    )


def _before_shipping(case: Case) -> Signal | None:
    order = case.order.order
    hold = next((hold for hold in order.holds or () if hold.reason == _WRONG_ADDRESS), None)
    if case.moving or not (order.address_problem or hold):
        return None
    said = wording.one_line(order.address_problem or (hold.text if hold else ""), 120) or "it is marked as incorrect"
    since = (hold.since if hold else None) or order.placed_at or order.updated_at or case.now
    policy = case.policy.detectors[Kind.ADDRESS_PROBLEM]
    return Signal(
        kind=Kind.ADDRESS_PROBLEM,
        since=since,
        opens_at=since + policy.wait,
        deadline=parcels.deadline(case) or order.ship_by,
        headline="has an address that nothing can be sent to",
        clause="its address is not right",
        severity=policy.severity,
        fingerprint=f"{BEFORE_SHIPPING} {said}",
        reasons=(f"What is wrong with the address: {said}",),
        evidence=_where(case),
    )


def _where(case: Case) -> tuple[Evidence, ...]:
    place = wording.one_line(str(case.order.order.destination or ""), 120)
    return (Evidence("Where it should go", place),) if place else ()
