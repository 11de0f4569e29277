"""This file detects a valuable order that is late, before the same delay would be told of any other order.

Trigger: an order of at least the policy's high value (`[high_value]`) has not been sent, has a label without a scan, or
a parcel without a new one, for half of the working time that the kind for every order allows (`fulfillment_delayed`,
`label_not_scanned`, `tracking_stalled`), but at least for this kind's own `threshold`.
Evidence: the value, who the customer is, what stands still since when, the promise.
Silence: this detector is nothing but silence.
Clears: it is sent, or scanned again; or the delay has become one of the kinds for every order, which is told instead
(more severe than for others, since the order is valuable).
Suppressed: where one of those kinds or a promise at risk is told already, while the order is on hold or scheduled, and
on cancelled, refunded and test orders.
Defaults: severity high, threshold 24 hours, no wait.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from connectors.carriers import carrier_name
from connectors.model import ShipmentState
from server.model import Evidence, Kind, Level, ShipmentView, Signal
from server.rules import goods, parcels, wording
from server.rules.case import Case
from server.rules.detectors import tracking_stalled
from server.rules.detectors.fulfillment_delayed import waits_since

_CAN_STALL = frozenset({ShipmentState.IN_TRANSIT, ShipmentState.OUT_FOR_DELIVERY})


class _Delay(Struct, frozen=True):
    usual: Kind
    """The kind that tells of it for every order, later."""
    hours: timedelta
    """After how long that is."""
    since: datetime
    what: str
    name: str
    causes: tuple[str, ...]


def detect(case: Case) -> Signal | None:
    """See the module."""
    if not case.high_value or _promise_is_told(case):
        return None
    found = [(late_at, delay) for delay in _delays(case) if (late_at := _early(case, delay)) is not None]
    if not found:
        return None
    late_at, first = min(found, key=lambda pair: (pair[0], pair[1].name))
    policy, zone, order = case.policy.detectors[Kind.HIGH_VALUE_DELAYED], case.policy.timezone, case.order.order
    span = wording.span(case.now - first.since)
    evidence = [
        Evidence("Value", f"{order.total}{', VIP customer' if case.vip else ''}"),
        Evidence("Standing still", f"{first.what} since {wording.moment(first.since, zone)}"),
    ]
    if case.promise:
        evidence.append(Evidence("Promise", wording.moment(case.promise.promise.promised_by, zone)))
    return Signal(
        kind=Kind.HIGH_VALUE_DELAYED,
        since=first.since,
        opens_at=late_at + policy.wait,
        deadline=case.promise.promise.promised_by if case.promise else None,
        headline=f"of {order.total} is late: {first.what} for {span}",
        clause=f"it is worth {order.total} and {first.what} for {span}",
        severity=policy.severity,
        fingerprint=" ".join(sorted(f"{delay.name}@{delay.since.isoformat()}" for _, delay in found)),
        reasons=(f"Orders of this value are looked at sooner: {first.what} for {span}",),
        evidence=tuple(evidence),
        causes=first.causes,
    )


def _promise_is_told(case: Case) -> bool:
    return case.promise is not None and case.promise.level in (Level.AT_RISK, Level.MISSED)


def _early(case: Case, delay: _Delay) -> datetime | None:
    """When it became late for an order of this value; None before, and once it is late for any order."""
    usual, after = case.policy.detectors[delay.usual], case.policy.calendar.after
    patience = max(case.policy.detectors[Kind.HIGH_VALUE_DELAYED].hours, delay.hours / 2)
    late_at = after(delay.since, patience)
    if not case.watch.reached(late_at):
        return None
    if usual.enabled and case.watch.reached(after(delay.since, delay.hours) + usual.wait):
        return None
    return late_at


def _delays(case: Case) -> Iterator[_Delay]:
    unsent = waits_since(case)
    if unsent is not None:
        causes = goods.causes(case, case.to_send)
        hours = case.policy.detectors[Kind.FULFILLMENT_DELAYED].hours
        yield _Delay(Kind.FULFILLMENT_DELAYED, hours, unsent, "nothing has been sent", "unsent", causes)
    for found in case.moving:
        delay = _parcel(case, found)
        if delay is not None:
            yield delay


def _parcel(case: Case, found: ShipmentView) -> _Delay | None:
    shipment = found.shipment
    carrier = carrier_name(shipment.carrier) if shipment.carrier != "unknown" else "the carrier"
    causes = (f"carrier:{shipment.carrier}",) if shipment.carrier != "unknown" else ()
    if found.last_scan_at is not None and shipment.state in _CAN_STALL:
        what = f"{carrier} has not scanned the parcel"
        hours = tracking_stalled.patience(case, found)
        return _Delay(Kind.TRACKING_STALLED, hours, found.last_scan_at, what, shipment.key, causes)
    if found.last_scan_at is not None or not shipment.shipped_at:
        return None
    if shipment.state is ShipmentState.LABEL_CREATED and parcels.is_followed(case, found):
        what = f"a label has been waiting for {carrier}'s first scan"
        hours = case.policy.detectors[Kind.LABEL_NOT_SCANNED].hours
        return _Delay(Kind.LABEL_NOT_SCANNED, hours, shipment.shipped_at, what, shipment.key, causes)
    return None
