"""This file detects an order of which a part was sent and the rest was not.

Trigger: a parcel is on its way or delivered, and items still wait for the policy's `threshold` of working time
(`[calendar]`) since the first part was sent.
Evidence: what was sent and when, what still waits and where, the promise.
Silence: this detector is nothing but silence; it is told again when it has lasted twice as long.
Clears: the rest is sent, or taken off the order.
Suppressed: while the rest is on hold or scheduled for later, where nothing more has to be sent, and on cancelled,
refunded, archived and test orders.
Defaults: severity normal, threshold 48 hours, no wait.
"""

from datetime import datetime

from connectors.model import LineItem
from server.model import Evidence, Kind, Signal
from server.rules import goods, wording
from server.rules.case import Case


def detect(case: Case) -> Signal | None:
    """See the module."""
    left = case.to_send if case.moving else ()
    if not left or goods.is_on_hold(case) or goods.is_scheduled(case) or case.order.order.closed_at is not None:
        return None
    since = _first_part_at(case)
    if since is None:
        return None
    policy = case.policy.detectors[Kind.PARTIAL_SHIPMENT]
    late_at = case.policy.calendar.after(since, policy.hours)
    if not case.watch.reached(late_at):
        return None
    twice = case.watch.reached(case.policy.calendar.after(since, 2 * policy.hours))
    count, total = _count(left), _ordered(case)
    span, waits = wording.span(case.now - since), "waits" if count == 1 else "wait"
    when = wording.moment(since, case.policy.timezone)
    return Signal(
        kind=Kind.PARTIAL_SHIPMENT,
        since=since,
        opens_at=late_at + policy.wait,
        deadline=case.promise.promise.promised_by if case.promise else case.order.order.ship_by,
        headline=f"was sent in part: {count} of {total} items still {waits} {span} after the first",
        clause=f"{count} of {total} items still {waits} {span} after the first part was sent",
        severity=policy.severity,
        fingerprint=f"{' '.join(f'{item.id}:{item.unfulfilled}' for item in left)} x{1 + twice}",
        reasons=(f"The first part was sent {when}; at least {wording.span(policy.hours)} of working time have passed",),
        evidence=_evidence(case, left, when),
        causes=goods.causes(case, left),
    )


def _count(items: tuple[LineItem, ...]) -> int:
    return sum(item.quantity if item.unfulfilled is None else item.unfulfilled for item in items)


def _ordered(case: Case) -> int:
    lines = case.order.order.line_items or ()
    return sum(item.quantity for item in lines if item.needs_shipping is not False)


def _first_part_at(case: Case) -> datetime | None:
    moments = [moment for s in case.moving for moment in (s.shipment.shipped_at, s.first_transit_at) if moment]
    return min(moments, default=case.order.order.placed_at)


def _evidence(case: Case, left: tuple[LineItem, ...], when: str) -> tuple[Evidence, ...]:
    sent = tuple(item for s in case.moving for item in s.shipment.items or ())
    parcels = "1 parcel" if len(case.moving) == 1 else f"{len(case.moving)} parcels"
    pieces = [
        Evidence("Still waiting", goods.in_words(left, unfulfilled=True)),
        Evidence("Sent", f"{goods.in_words(sent) or parcels}, first {when}"),
    ]
    if case.order.order.warehouse:
        pieces.append(Evidence("Warehouse", wording.one_line(case.order.order.warehouse, 80)))
    if case.promise:
        promised_by = wording.moment(case.promise.promise.promised_by, case.policy.timezone)
        pieces.append(Evidence("Promise", promised_by))
    return tuple(pieces)
