"""This file detects an order whose marketplace clock runs out: it must be handed over, or delivered, by a time.

Trigger: the time by which it must be handed over (else the time by which it must be delivered) is no further away than
the policy's `threshold`, in hours of the clock, or has passed. Of an order placed shortly before that time, half of the
time it was given is enough.
Evidence: the marketplace, both times, what has been sent and where it is.
Silence: this detector is nothing but silence; a missed time is told again.
Clears: everything is handed over, or delivered; two weeks after a missed time nothing is left to save.
Suppressed: cancelled, refunded, archived and test orders; before delivery is due, a parcel that is out for delivery.
Defaults: severity high, threshold 24 hours, no wait.
"""

from datetime import datetime, timedelta

from msgspec import Struct

from connectors.carriers import carrier_name
from connectors.model import Shipment, ShipmentState
from server.model import Evidence, Kind, ShipmentView, Signal
from server.rules import goods, parcels, wording
from server.rules.case import Case

TOLD_FOR = timedelta(days=14)
"""After a time was missed."""
_LAST = frozenset({ShipmentState.OUT_FOR_DELIVERY, ShipmentState.AVAILABLE_FOR_PICKUP})


class _Clock(Struct, frozen=True):
    deadline: datetime
    must: str
    since: datetime
    is_missed: bool


def detect(case: Case) -> Signal | None:
    """See the module."""
    order = case.order.order
    if (order.ship_by is None and order.deliver_by is None) or order.closed_at is not None or case.all_arrived:
        return None
    found = _running_out(case)
    if found is None:
        return None
    policy, zone = case.policy.detectors[Kind.MARKETPLACE_SLA_RISK], case.policy.timezone
    who, when = _marketplace(case), wording.moment(found.deadline, zone)
    left = wording.span(abs(found.deadline - case.now))
    if found.is_missed:
        headline = f"was not {found.must} by {when}, as {who} asks"
        clause = f"{who}'s time for it to be {found.must} ran out {left} ago"
    else:
        headline = f"must be {found.must} by {when} for {who}, and is not yet"
        clause = f"it must be {found.must} within {left} for {who}"
    return Signal(
        kind=Kind.MARKETPLACE_SLA_RISK,
        since=found.since,
        opens_at=found.since + policy.wait,
        deadline=found.deadline,
        headline=headline,
        clause=clause,
        severity=policy.severity,
        fingerprint=f"{found.must} {found.deadline.isoformat()} {'missed' if found.is_missed else 'near'}",
        reasons=(f"{who} wants it {found.must} by {when}",),
        evidence=_evidence(case, who),
        causes=_causes(case),
    )


def _running_out(case: Case) -> _Clock | None:
    order = case.order.order
    if order.ship_by is not None and not _is_handed_over(case):
        return _clock(case, order.ship_by, "handed over")
    if order.deliver_by is None:
        return None
    found = _clock(case, order.deliver_by, "delivered")
    return found if found is None or found.is_missed or not _is_nearly_there(case) else None


def _clock(case: Case, deadline: datetime, must: str) -> _Clock | None:
    lead = case.policy.detectors[Kind.MARKETPLACE_SLA_RISK].hours
    placed = case.order.order.placed_at
    if placed is not None and placed < deadline:
        lead = min(lead, (deadline - placed) / 2)
    near_at = deadline - lead
    if not case.watch.reached(near_at) or case.watch.reached(deadline + TOLD_FOR):
        return None
    return _Clock(deadline, must, near_at, case.watch.reached(deadline))


def _is_handed_over(case: Case) -> bool:
    """All of it: scanned by the carrier, or sent in a way that nobody follows."""
    if not case.moving:
        return not goods.nothing_sent(case)
    return not case.to_send and all(_is_gone(case, found) for found in case.moving)


def _is_gone(case: Case, found: ShipmentView) -> bool:
    shipment = found.shipment
    if not parcels.is_followed(case, found):
        return shipment.shipped_at is not None
    return shipment.state is not None and shipment.state.rank >= 2


def _is_nearly_there(case: Case) -> bool:
    """On the last stretch a parcel is where it should be."""
    states = [found.shipment.state for found in case.moving]
    return bool(states) and not case.to_send and all(s is not None and (s in _LAST or s.is_final) for s in states)


def _marketplace(case: Case) -> str:
    name = case.order.order.marketplace
    return wording.one_line(name, 40).title() if name else "the seller's agreement"


def _evidence(case: Case, who: str) -> tuple[Evidence, ...]:
    order, zone = case.order.order, case.policy.timezone
    pieces = [Evidence("Clock of", who[0].upper() + who[1:])]
    for label, moment in (("Hand over by", order.ship_by), ("Deliver by", order.deliver_by)):
        if moment is not None:
            pieces.append(Evidence(label, wording.moment(moment, zone)))
    if case.to_send:
        pieces.append(Evidence("Not sent yet", goods.in_words(case.to_send, unfulfilled=True)))
    for found in case.moving[: goods.MOST_NAMED]:
        shipment = found.shipment
        state = (shipment.state or ShipmentState.UNKNOWN).value.replace("_", " ")
        pieces.append(Evidence("Parcel", f"{_name(shipment)}: {state}"))
    return tuple(pieces)


def _causes(case: Case) -> tuple[str, ...]:
    carriers = {found.shipment.carrier for found in case.moving} - {"unknown"}
    return (*goods.causes(case), *(f"carrier:{carrier}" for carrier in sorted(carriers)))


def _name(shipment: Shipment) -> str:
    carrier = carrier_name(shipment.carrier) if shipment.carrier != "unknown" else ""
    return f"{carrier} {wording.one_line(shipment.tracking_number, 60)}".strip() or "without a tracking number"
