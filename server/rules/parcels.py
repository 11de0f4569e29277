"""This file says what detectors about parcels have in common: which parcel it is, how to say so, what others share."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from connectors.carriers import carrier_name, is_known
from connectors.model import Place, Scan, ShipmentState
from server.model import Evidence, Kind, Severity, ShipmentView, Signal
from server.rules import wording
from server.rules.calendar import WorkCalendar
from server.rules.case import Case

ACROSS_BORDERS = 2
"""How much more patience a parcel gets that crosses a border."""
_NO_NEWS = frozenset({ShipmentState.IN_TRANSIT, ShipmentState.LABEL_CREATED, ShipmentState.UNKNOWN})
"""Of what became of an attempt to deliver."""


class Finding(Struct, frozen=True, kw_only=True):
    """What is wrong with one parcel."""

    parcel: ShipmentView
    since: datetime
    due: datetime
    """When it became a finding; the policy's `wait` counts from here."""
    phrase: str
    """Goes on from `a parcel` and from `2 of 3 parcels` alike: `that UPS could not deliver`."""
    word: str
    """Changes only when an agent would want to be told again."""
    reason: str
    evidence: tuple[Evidence, ...] = ()
    severity: Severity | None = None
    """Where it differs from the policy's."""


def signal_of(case: Case, kind: Kind, findings: Sequence[Finding]) -> Signal | None:
    """One signal for all parcels of the order that have the same trouble; the oldest finding leads."""
    if not findings:
        return None
    first = min(findings, key=lambda found: (found.due, found.parcel.shipment.key))
    policy, total = case.policy.detectors[kind], len(case.moving)
    which = "a parcel" if total == 1 else f"{len(findings)} of {total} parcels"
    are = "are" if total > 1 and len(findings) > 1 else "is"
    gravest = max((found.severity or policy.severity for found in findings), key=lambda severity: severity.rank)
    return Signal(
        kind=kind,
        since=first.since,
        opens_at=first.due + policy.wait,
        deadline=deadline(case),
        headline=f"has {which} {first.phrase}",
        clause=f"there {are} {which} {first.phrase}",
        severity=gravest,
        fingerprint=" ".join(sorted(f"{found.parcel.shipment.key}:{found.word}" for found in findings)),
        reasons=tuple(dict.fromkeys(found.reason for found in findings)),
        evidence=tuple(piece for found in findings for piece in (*found.evidence, *evidence(case, found.parcel))),
        causes=causes(found.parcel for found in findings),
        parcels=tuple(found.parcel.shipment.key for found in findings),
    )


def deadline(case: Case) -> datetime | None:
    """The promise, as long as it can still be kept."""
    if case.promise is None or case.watch.reached(case.promise.promise.promised_by):
        return None
    return case.promise.promise.promised_by


def carrier_of(found: ShipmentView) -> str:
    """`UPS`, or `the carrier` where nobody knows which."""
    code = found.shipment.carrier
    return wording.one_line(carrier_name(code), 60) if code and code != "unknown" else "the carrier"


def calendar_of(case: Case, found: ShipmentView) -> WorkCalendar:
    """The working time that counts for a parcel: the workspace's; across a border less the holidays at both ends."""
    if not crosses_a_border(case, found):
        return case.policy.calendar
    return case.policy.calendar.along(*(place.country for place in _ends(case, found) if place is not None))


def crosses_a_border(case: Case, found: ShipmentView) -> bool:
    """Whether it is known to go from one country to another."""
    begin, end = _ends(case, found)
    return bool(begin and end and begin.country and end.country and begin.country != end.country)


def _ends(case: Case, found: ShipmentView) -> tuple[Place | None, Place | None]:
    order, parcel = case.order.order, found.shipment
    return parcel.origin or order.origin, order.destination or parcel.destination


def is_followed(case: Case, found: ShipmentView) -> bool:
    """Whether anybody would say so if it moved. Else silence means nothing: untracked mail, a courier on a bicycle.

    Shops follow the parcels of larger carriers by themselves; of others only who else speaks of the parcel does.
    """
    shipment = found.shipment
    if shipment.state is not None and shipment.state.is_with_carrier:
        return True
    if not shipment.tracking_number:
        return False
    return is_known(shipment.carrier) or any(source != case.order.key.shop for source in found.sources)


def last_scan(found: ShipmentView) -> Scan | None:
    """The newest scan of all, those before the carrier had it included."""
    return found.shipment.scans[-1] if found.shipment.scans else None


def begun_at(found: ShipmentView, state: ShipmentState) -> datetime | None:
    """Since when it has been in *state* without a break, by its scans; a depot between two attempts is none."""
    begun = None
    for scan in reversed(found.shipment.scans):
        if scan.state is state:
            begun = scan.at
        elif state is not ShipmentState.DELIVERY_FAILED or scan.state not in _NO_NEWS:
            break
    return begun


def was_tried_in_vain(found: ShipmentView) -> bool:
    """Whether the last attempt to deliver it failed. Lying in a depot again afterwards changes nothing of that."""
    if found.shipment.state is not ShipmentState.IN_TRANSIT:
        return found.shipment.state is ShipmentState.DELIVERY_FAILED
    last = next((scan.state for scan in reversed(found.shipment.scans) if scan.state not in _NO_NEWS), None)
    return last is ShipmentState.DELIVERY_FAILED


def failed_attempts(found: ShipmentView) -> tuple[Scan, ...]:
    """What the carrier has scanned of attempts to deliver it that failed, oldest first."""
    return tuple(scan for scan in found.shipment.scans if scan.state is ShipmentState.DELIVERY_FAILED)


def known_since(case: Case, found: ShipmentView) -> datetime:
    """When it was last heard of, or made; where nobody says, when the order was placed."""
    scan, order = last_scan(found), case.order.order
    return (scan.at if scan else None) or found.shipment.shipped_at or order.placed_at or order.updated_at or case.now


def causes(parcels: Iterable[ShipmentView]) -> tuple[str, ...]:
    """What parcels of other orders may have in common with these: the place of the last scan, and the carrier."""
    shared: dict[str, None] = {}
    for found in parcels:
        carrier, scan = found.shipment.carrier, last_scan(found)
        if not carrier or carrier == "unknown":
            continue
        if scan is not None and scan.place.city:
            shared[f"place:{carrier}|{scan.place.city.casefold()}"] = None
        shared[f"carrier:{carrier}"] = None
    return tuple(shared)


def evidence(case: Case, found: ShipmentView) -> tuple[Evidence, ...]:
    """Which parcel it is, and its last scan."""
    shipment, scan = found.shipment, last_scan(found)
    number = wording.one_line(shipment.tracking_number, 60) or "no tracking number"
    pieces = [Evidence("Shipment", f"{wording.one_line(carrier_name(shipment.carrier), 60)} {number}")]
    if scan is not None:
        pieces.append(scan_evidence(case, scan))
    return tuple(pieces)


def scan_evidence(case: Case, scan: Scan) -> Evidence:
    """When, where and what was scanned last."""
    where = f" in {wording.one_line(str(scan.place))}" if str(scan.place) else ""
    when = wording.moment(scan.at, case.policy.timezone)
    return Evidence("Last scan", f"{when}{where}: {wording.one_line(scan.text, 120)}")
