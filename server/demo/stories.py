"""This file is what happens in the demo: several orders' lives, told as steps on one timeline.

Hours count from Tuesday 9:00 in New York. Nothing happens on a weekend, so silence means the same on any day of the
year on which the demo is played.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from zoneinfo import ZoneInfo

from server.demo.orders import Attempt, Intent, Item, Parcel, Person, WorldOrder, WorldScan
from server.demo.sender import Letter
from server.demo.shopify_bodies import fulfillment_body, fulfillment_event_body, fulfillment_order_body, order_body
from server.demo.world import World
from server.demo.zendesk_state import Desk

NEW_YORK = ZoneInfo("America/New_York")


@dataclass(frozen=True)
class Step:
    """One thing that happens, *hours* after the beginning; what the outside systems send because of it."""

    hours: float
    order: str
    text: str
    play: Callable[[], list[Letter]]


def beginning(now: datetime) -> datetime:
    """The last Tuesday, 9:00 in New York, from which four days have passed by *now*."""
    local = now.astimezone(NEW_YORK)
    days = (local.weekday() - 1) % 7
    day = local.date() - timedelta(days=days if days >= 4 else days + 7)
    return datetime.combine(day, time(9), NEW_YORK).astimezone(UTC)


class Stories:
    """All stories in one world."""

    def __init__(self, world: World, start: datetime) -> None:
        self._world = world
        self._start = start
        self._numbers = count(1)
        self.steps = sorted(
            (step for story in self._all() for step in story), key=lambda step: (step.hours, step.order)
        )

    def at(self, hours: float) -> datetime:
        """The moment so many hours after the beginning."""
        return self._start + timedelta(hours=hours)

    def _all(self) -> list[Iterator[Step]]:
        return [
            self._good_day(),
            self._declined_once(),
            self._declined_for_good(),
            self._stalled_vip(),
            self._cancelled_after_picking(),
            self._customer_wrote_first(),
            self._silent_carrier(),
            self._solved_by_hand(),
        ]

    # --- the stories ------------------------------------------------------------------------------------------------

    def _good_day(self) -> Iterator[Step]:
        order = self._order(48201, Person(501, "Ada Byrne", "ada.byrne@example.com", "Portland", "OR"), "Trail mug", 28)
        parcel = self._parcel(order, "USPS", 3)
        yield self._placed(order, 0)
        yield self._paid(order, 0.1)
        yield self._shipped(order, parcel, 3)
        yield self._scanned(order, parcel, 6, "in_transit", "Accepted at USPS origin facility", "Denver", "CO")
        yield self._scanned(order, parcel, 29, "out_for_delivery", "Out for delivery", "Portland", "OR")
        yield self._scanned(order, parcel, 33, "delivered", "Delivered, front door", "Portland", "OR")

    def _declined_once(self) -> Iterator[Step]:
        person = Person(504, "Marcus Webb", "marcus.webb@example.com", "Austin", "TX")
        order = self._order(48204, person, "Canvas tote", 64)
        yield self._placed(order, 1)
        yield self._declined(order, 1.05, "insufficient_funds", "Payment declined: insufficient funds")
        yield self._paid(order, 1.4, "Second card works, within the grace time: no ticket")

    def _declined_for_good(self) -> Iterator[Step]:
        person = Person(507, "Priya Raman", "priya.raman@example.com", "Columbus", "OH")
        order = self._order(48207, person, "Wool blanket", 145)
        yield self._placed(order, 2)
        yield self._declined(order, 2.1, "do_not_honor", "Payment declined by the bank")
        yield self._declined(order, 2.2, "expired_card", "Payment declined again: expired card")

    def _stalled_vip(self) -> Iterator[Step]:
        person = Person(
            519, "Eleanor Hughes", "eleanor.hughes@example.com", "Nashville", "TN", 23, Decimal("4180.50"), ("VIP",)
        )
        order = self._order(48219, person, "Cast-iron skillet", 129, promised=86.9)
        parcel = self._parcel(order, "UPS", 4)
        yield self._placed(order, 0.2)
        yield self._paid(order, 0.3)
        yield self._shipped(order, parcel, 4)
        yield self._scanned(order, parcel, 7, "in_transit", "Origin scan", "Denver", "CO")
        yield self._scanned(order, parcel, 9, "in_transit", "Departed from facility", "Denver", "CO")
        yield self._scanned(
            order, parcel, 71, "in_transit", "Arrived at facility", "Memphis", "TN", arrives=self.at(86)
        )
        yield self._scanned(order, parcel, 77, "delivered", "Delivered, met customer", "Nashville", "TN")

    def _cancelled_after_picking(self) -> Iterator[Step]:
        person = Person(522, "Tom Okafor", "tom.okafor@example.com", "Tampa", "FL")
        order = self._order(48222, person, "Standing lamp", 89)
        yield self._placed(order, 5)
        yield self._paid(order, 5.1)
        yield self._step(6, order, "Warehouse begins to pick", lambda: self._pick(order, 6))
        yield self._step(8, order, "Customer cancels, after picking has begun", lambda: self._cancel(order, 8))

    def _customer_wrote_first(self) -> Iterator[Step]:
        person = Person(525, "Jonas Weber", "jonas.weber@example.com", "Madison", "WI", 4, Decimal("310.00"))
        order = self._order(48225, person, "Rain jacket", 118, promised=110)
        parcel = self._parcel(order, "USPS", 5)
        yield self._placed(order, 0.4)
        yield self._paid(order, 0.5)
        yield self._shipped(order, parcel, 5)
        yield self._scanned(order, parcel, 9.5, "in_transit", "Departed USPS regional facility", "Omaha", "NE")
        yield self._wrote(order, 40, "Where is my jacket?", f"Hi, my order {order.name} seems stuck. Any news? Jonas")

    def _silent_carrier(self) -> Iterator[Step]:
        person = Person(530, "Wei Zhang", "wei.zhang@example.com", "Seattle", "WA")
        order = self._order(48230, person, "Desk organiser", 47, promised=240)
        parcel = self._parcel(order, "UPS", 50)
        yield self._placed(order, 47)
        yield self._paid(order, 47.1)
        yield self._shipped(order, parcel, 50)
        yield self._step(51, order, "UPS stops answering about this parcel", lambda: self._silence(parcel))
        yield self._wrote(order, 60, "Change of delivery day", f"Could order {order.name} come on Saturday instead?")

    def _solved_by_hand(self) -> Iterator[Step]:
        person = Person(533, "Sofia Marino", "sofia.marino@example.com", "Boston", "MA", 2, Decimal("140.00"))
        order = self._order(48233, person, "Linen apron", 52)
        parcel = self._parcel(order, "USPS", 5.5)
        yield self._placed(order, 0.6)
        yield self._paid(order, 0.7)
        yield self._shipped(order, parcel, 5.5)
        yield self._scanned(order, parcel, 10, "in_transit", "Departed USPS facility", "Cleveland", "OH")
        yield self._step(
            62, order, "An agent replies and solves the ticket by hand", lambda: self._solve_by_hand(order)
        )
        yield self._scanned(order, parcel, 72, "in_transit", "Arrived at USPS facility", "Albany", "NY")

    # --- what they are made of --------------------------------------------------------------------------------------

    def _order(
        self, number: int, person: Person, title: str, price: int, *, promised: float | None = None
    ) -> WorldOrder:
        order_id = 5_820_000_000_000 + number
        item = Item(order_id * 10 + 1, title, f"SKU-{number}", 1, Decimal(f"{price}.00"))
        intent = Intent(f"pi_3Demo{number}", price * 100, self._start)
        return WorldOrder(
            id=order_id,
            number=number,
            customer=person,
            items=(item,),
            placed_at=self._start,
            intent=intent,
            promised_by=None if promised is None else self.at(promised),
        )

    def _parcel(self, order: WorldOrder, carrier: str, hours: float) -> Parcel:
        number = f"1Z999AA1{order.number:010d}" if carrier == "UPS" else f"94001000000000{order.number:08d}"
        return Parcel(carrier, number, order.id + 7_000_000, self.at(hours))

    def _step(self, hours: float, order: WorldOrder, text: str, play: Callable[[], list[Letter]]) -> Step:
        return Step(hours, order.name, text, play)

    def _placed(self, order: WorldOrder, hours: float) -> Step:
        def play() -> list[Letter]:
            order.placed_at = order.updated_at = self.at(hours)
            order.intent.created_at = self.at(hours)
            self._world.add(order)
            shop = self._world.shopify
            letters = [shop.letter("orders/create", order_body(order))]
            if order.promised_by:
                letters.append(shop.letter("fulfillment_orders/order_routing_complete", fulfillment_order_body(order)))
            return letters

        return self._step(hours, order, f"{order.customer.name} orders: {order.items[0].title}, ${order.total}", play)

    def _paid(self, order: WorldOrder, hours: float, text: str = "Paid") -> Step:
        return self._step(hours, order, text, lambda: self._charge(order, hours, ""))

    def _declined(self, order: WorldOrder, hours: float, code: str, text: str) -> Step:
        return self._step(hours, order, text, lambda: self._charge(order, hours, code))

    def _charge(self, order: WorldOrder, hours: float, decline_code: str) -> list[Letter]:
        attempt = Attempt(f"ch_3Demo{order.number}x{next(self._numbers)}", self.at(hours), decline_code)
        order.intent.attempts.append(attempt)
        letters = self._world.stripe.letters_of(order, attempt)
        if not decline_code:
            order.updated_at = self.at(hours)
            letters.append(self._world.shopify.letter("orders/paid", order_body(order)))
        return letters

    def _shipped(self, order: WorldOrder, parcel: Parcel, hours: float) -> Step:
        def play() -> list[Letter]:
            self._world.ship(order, parcel)
            order.updated_at = self.at(hours)
            shop = self._world.shopify
            return [
                shop.letter("fulfillments/create", fulfillment_body(order, parcel)),
                shop.letter("orders/fulfilled", order_body(order)),
                *self._from_easypost(parcel),
            ]

        return self._step(hours, order, f"Shipped with {parcel.carrier} {parcel.number}", play)

    def _scanned(
        self,
        order: WorldOrder,
        parcel: Parcel,
        hours: float,
        status: str,
        text: str,
        city: str,
        region: str,
        arrives: datetime | None = None,
    ) -> Step:
        def play() -> list[Letter]:
            scan = WorldScan(self.at(hours), status, text, city, region)
            parcel.scans.append(scan)
            parcel.estimate = arrives or parcel.estimate
            event = self._world.shopify.letter("fulfillment_events/create", fulfillment_event_body(order, parcel, scan))
            return [event, *self._from_easypost(parcel)]

        return self._step(hours, order, f"{parcel.carrier}: {text}, {city} {region}", play)

    def _from_easypost(self, parcel: Parcel) -> list[Letter]:
        return [self._world.easypost.letter(parcel)] if parcel.carrier != "UPS" else []

    def _pick(self, order: WorldOrder, hours: float) -> list[Letter]:
        order.picking_at = order.updated_at = self.at(hours)
        body = fulfillment_order_body(order)
        return [self._world.shopify.letter("fulfillment_orders/fulfillment_request_accepted", body)]

    def _cancel(self, order: WorldOrder, hours: float) -> list[Letter]:
        order.cancelled_at = order.updated_at = self.at(hours)
        return [self._world.shopify.letter("orders/cancelled", order_body(order))]

    def _wrote(self, order: WorldOrder, hours: float, subject: str, body: str) -> Step:
        def play() -> list[Letter]:
            desk = self._world.zendesk.desk
            customer = desk.user(order.customer.name, order.customer.email)
            desk.open(subject=subject, requester=customer, author=customer, body=body, public=True, channel="email")
            return []

        return self._step(hours, order, f"{order.customer.name} writes: {subject}", play)

    def _silence(self, parcel: Parcel) -> list[Letter]:
        self._world.ups.slow_numbers.add(parcel.number)
        return []

    def _solve_by_hand(self, order: WorldOrder) -> list[Letter]:
        desk = self._world.zendesk.desk
        for ticket in desk.tickets.values():
            if order.name in ticket.subject:
                text = "We have asked the carrier to look for your parcel and will write again tomorrow."
                desk.change(ticket, Desk.AGENT, channel="web", body=text, public=True, status="solved")
        return []
