"""This file asks what was learnt from other orders how likely this one is to miss its promise, and says it in words."""

from datetime import datetime, timedelta

from msgspec import Struct

from connectors.model import Place, ShipmentState
from server.model import Kind, OrderView, Promise, ShipmentView
from server.rules import wording
from server.rules.case import Case
from server.rules.money_states import HOLDS_MONEY
from server.rules.transit import FEWEST_OF_A_LANE, Course, Leg, Transit, Way
from server.rules.transit_clock import TransitClock

WATCH_FROM = 0.3
TRUSTED_ESTIMATE = 0.4
"""What is left of the risk while the carrier, who has the parcel, expects to keep the promise."""
_TICK = timedelta(microseconds=1)


class Odds(Struct, frozen=True):
    """The chance of a miss now, the chance as it was `notice` before the promise at the latest, and the sentence."""

    risk: float
    warned: float
    text: str


def odds_of_shipment(case: Case, found: ShipmentView, promise: Promise, *, trusted: bool) -> Odds | None:
    """For a parcel that the carrier has. With *trusted* its own estimate keeps the promise. None: nothing is learnt."""
    transit, clock = case.transit, case.transit.clock
    handed_over = found.first_transit_at or found.shipment.shipped_at
    if clock is None or not transit.is_learnt or handed_over is None:
        return None
    way = way_of(case.order, found)
    begun = clock.at(handed_over)
    course = transit.in_transit(
        way, min(clock.at(ready_at(case.order) or handed_over), begun), begun, clock.at(promise.promised_by)
    )
    share = TRUSTED_ESTIMATE if trusted else 1.0
    risk, warned = _follow(case, course, promise, clock, share)
    went = wording.span(max(case.now - handed_over, timedelta()))
    text = _sentence(case, transit, way, risk, promise, f"that were still in transit after {went}")
    return Odds(risk, warned, f"{text}, though its own estimate still keeps the date" if trusted else text)


def odds_of_unshipped(case: Case, promise: Promise) -> Odds | None:
    """For an order of which nothing, or not everything, is with a carrier. None: nothing is learnt."""
    transit, clock = case.transit, case.transit.clock
    ready = ready_at(case.order)
    if clock is None or not transit.is_learnt or ready is None:
        return None
    way = way_of(case.order, None)
    course = transit.not_handed_over(way, clock.at(ready), clock.at(promise.promised_by))
    risk, warned = _follow(case, course, promise, clock, 1.0)
    waited = wording.span(max(case.now - ready, timedelta()))
    return Odds(risk, warned, _sentence(case, transit, way, risk, promise, f"not handed over {waited} after payment"))


def _follow(case: Case, course: Course, promise: Promise, clock: TransitClock, share: float) -> tuple[float, float]:
    """The chances, and a note to look again when silence will have raised them to where something changes."""
    last = promise.promised_by - case.policy.promise_notice
    risk = share * course.risk(max(clock.at(case.now), course.starts))
    warned = risk if case.now <= last else share * course.risk(max(clock.at(last), course.starts))
    for level in (WATCH_FROM, case.policy.detectors[Kind.PROMISE_AT_RISK].share):
        if risk < level <= share and (worth := course.reaches(level / share)) is not None:
            case.watch.reached(max(clock.when(worth), case.now + _TICK))
    return risk, warned


def way_of(order: OrderView, found: ShipmentView | None) -> Way:
    """Which way a parcel of this order goes."""
    facts = order.order
    parcel = found.shipment if found is not None else None
    return Way(
        origin=_code((parcel.origin if parcel else None) or facts.origin),
        destination=_code(facts.destination or (parcel.destination if parcel else None)),
        carrier=parcel.carrier if parcel else "",
        service=(parcel.service or "") if parcel else "",
        seller=facts.seller or facts.warehouse or "",
    )


def leg_of(order: OrderView, found: ShipmentView, promise: Promise | None) -> Leg | None:
    """What a delivered parcel teaches; None where it is not known when it went or came."""
    begun, arrived = found.first_transit_at, found.shipment.delivered_at
    if found.shipment.state is not ShipmentState.DELIVERED or begun is None or arrived is None or arrived <= begun:
        return None
    return Leg(
        way=way_of(order, found),
        ready_at=min(ready_at(order) or begun, begun),
        handed_over_at=begun,
        delivered_at=arrived,
        promised_by=promise.promised_by if promise else None,
    )


def ready_at(order: OrderView) -> datetime | None:
    """Since when it could be sent: when it was paid, else when it was placed."""
    paid = [p.created_at for p in order.payments if p.state in HOLDS_MONEY and p.created_at is not None]
    return min(paid, default=order.order.placed_at)


def _code(place: Place | None) -> str:
    if place is None:
        return ""
    return "-".join(part for part in (place.country, place.region) if part)


def _sentence(case: Case, transit: Transit, way: Way, risk: float, promise: Promise, state: str) -> str:
    """`91% of parcels SP to BA that were still in transit after 14 days missed a promise 2 days away; n=212`."""
    left = wording.span(max(promise.promised_by - case.now, timedelta()))
    known = transit.lanes.get(way.lane, 0)
    who = f"parcels {wording.one_line(way.origin, 40)} to {wording.one_line(way.destination, 40)}"
    if known < FEWEST_OF_A_LANE or not way.origin or not way.destination:
        known = transit.destinations.get(way.destination, 0)
        who = f"parcels to {wording.one_line(way.destination, 40)}"
        if known < FEWEST_OF_A_LANE or not way.destination:
            known, who = transit.legs, "parcels of all kinds"
    return f"{risk:.0%} of {who} {state} miss a promise {left} away; n={known}"
