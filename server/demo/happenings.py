"""This file makes the steps of stories: what changes in the world, and what the outside systems send because of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

from server.demo.office import Office
from server.demo.orders import Attempt, Intent, Item, Parcel, Person, WorldOrder, WorldScan
from server.demo.sender import Letter
from server.demo.shopify_bodies import (
    fulfillment_body,
    fulfillment_event_body,
    fulfillment_order_body,
    named_part_body,
    order_body,
    transaction_body,
)
from server.demo.stripe import dispute_body
from server.demo.world import World


@dataclass(frozen=True)
class Step:
    """One thing that happens, *hours* after the beginning; what the outside systems send because of it."""

    hours: float
    order: str
    text: str
    play: Callable[[], list[Letter]]
    act: Callable[[Office], Awaitable[None]] | None = None
    """What people of the merchant do in Beforehand itself."""


class Happenings:
    """Makes orders, parcels and steps in one world. Hours count from *start*."""

    def __init__(self, world: World, start: datetime) -> None:
        self._world = world
        self._start = start
        self._numbers = count(1)

    def at(self, hours: float) -> datetime:
        """The moment so many hours after the beginning."""
        return self._start + timedelta(hours=hours)

    def order(
        self, number: int, person: Person, title: str, price: int, *, promised: float | None = None
    ) -> WorldOrder:
        """An order of one thing, not placed yet."""
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

    def parcel(self, order: WorldOrder, carrier: str, hours: float) -> Parcel:
        """The parcel of an order, not handed over yet."""
        number = f"1Z999AA1{order.number:010d}" if carrier == "UPS" else f"94001000000000{order.number:08d}"
        return Parcel(carrier, number, order.id + 7_000_000, self.at(hours))

    def placed(self, order: WorldOrder, hours: float) -> Step:
        """The customer orders, with the promise of a day where there is one."""

        def play() -> list[Letter]:
            order.placed_at = order.updated_at = self.at(hours)
            order.intent.created_at = self.at(hours)
            self._world.add(order)
            shop = self._world.shopify
            letters = [shop.letter("orders/create", order_body(order))]
            if order.promised_by:
                letters.append(shop.letter("fulfillment_orders/order_routing_complete", fulfillment_order_body(order)))
            return letters

        return Step(hours, order.name, f"{order.customer.name} orders: {order.items[0].title}, ${order.total}", play)

    def paid(self, order: WorldOrder, hours: float, text: str = "Paid") -> Step:
        """The card works."""
        return Step(hours, order.name, text, lambda: self._charge(order, hours, ""))

    def declined(self, order: WorldOrder, hours: float, code: str, text: str) -> Step:
        """The card is declined."""
        return Step(hours, order.name, text, lambda: self._charge(order, hours, code))

    def _charge(self, order: WorldOrder, hours: float, decline_code: str) -> list[Letter]:
        attempt = Attempt(f"ch_3Demo{order.number}x{next(self._numbers)}", self.at(hours), decline_code)
        order.intent.attempts.append(attempt)
        shop = self._world.shopify
        letters = [
            *self._world.stripe.letters_of(order, attempt),
            shop.letter("order_transactions/create", transaction_body(order, attempt)),
        ]
        if not decline_code:
            order.updated_at = self.at(hours)
            letters.append(shop.letter("orders/paid", order_body(order)))
        return letters

    def shipped(self, order: WorldOrder, parcel: Parcel, hours: float) -> Step:
        """The parcel leaves the warehouse."""

        def play() -> list[Letter]:
            self._world.ship(order, parcel)
            order.updated_at = self.at(hours)
            shop = self._world.shopify
            return [
                shop.letter("fulfillments/create", fulfillment_body(order, parcel)),
                shop.letter("orders/fulfilled", order_body(order)),
                *self._from_easypost(parcel),
            ]

        return Step(hours, order.name, f"Shipped with {parcel.carrier} {parcel.number}", play)

    def scanned(
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
        """A carrier scans it; *arrives* is its new estimate."""

        def play() -> list[Letter]:
            scan = WorldScan(self.at(hours), status, text, city, region)
            parcel.scans.append(scan)
            parcel.estimate = arrives or parcel.estimate
            event = self._world.shopify.letter("fulfillment_events/create", fulfillment_event_body(order, parcel, scan))
            return [event, *self._from_easypost(parcel)]

        return Step(hours, order.name, f"{parcel.carrier}: {text}, {city} {region}", play)

    def _from_easypost(self, parcel: Parcel) -> list[Letter]:
        return [self._world.easypost.letter(parcel)] if parcel.carrier != "UPS" else []

    def picked(self, order: WorldOrder, hours: float) -> Step:
        """The warehouse begins to work on it."""

        def play() -> list[Letter]:
            order.picking_at = order.updated_at = self.at(hours)
            body = fulfillment_order_body(order)
            return [self._world.shopify.letter("fulfillment_orders/fulfillment_request_accepted", body)]

        return Step(hours, order.name, "Warehouse begins to pick", play)

    def held(self, order: WorldOrder, hours: float, reason: str, text: str) -> Step:
        """The warehouse stops it. The webhook names neither order nor reason: a look has to find both."""

        def play() -> list[Letter]:
            order.held_at = order.updated_at = self.at(hours)
            order.hold_reason = reason
            return [self._world.shopify.letter("fulfillment_orders/placed_on_hold", named_part_body(order))]

        return Step(hours, order.name, text, play)

    def disputed(self, order: WorldOrder, hours: float, reason: str, text: str) -> Step:
        """The customer's bank takes the payment back."""

        def play() -> list[Letter]:
            order.intent.disputed_at = self.at(hours)
            order.intent.dispute_reason = reason
            return [self._world.stripe.letter("charge.dispute.created", dispute_body(order))]

        return Step(hours, order.name, text, play)

    def cancelled(self, order: WorldOrder, hours: float) -> Step:
        """The customer cancels."""

        def play() -> list[Letter]:
            order.cancelled_at = order.updated_at = self.at(hours)
            return [self._world.shopify.letter("orders/cancelled", order_body(order))]

        return Step(hours, order.name, "Customer cancels, after picking has begun", play)

    def wrote(self, order: WorldOrder, hours: float, subject: str, body: str) -> Step:
        """The customer writes to the helpdesk."""

        def play() -> list[Letter]:
            return self._world.write_to_helpdesk(order.customer, subject, body)

        return Step(hours, order.name, f"{order.customer.name} writes: {subject}", play)

    def asks(
        self, order: WorldOrder, hours: float, person: str, kind: str, reason: str, text: str, **facts: object
    ) -> Step:
        """Somebody of the merchant asks for something to be done, which somebody else has to decide."""

        async def act(office: Office) -> None:
            # Beside the customer's ticket, where there is one.
            tickets = self._world.zendesk.desk.tickets.values()
            beside = [{"connection": "desk", "id": str(t.id)} for t in tickets if order.name in str(t.comments)]
            await office.ask(person, order.id, kind, reason, **facts, **({"ticket": beside[0]} if beside else {}))

        return Step(hours, order.name, text, list, act)

    def decides(self, order: WorldOrder, hours: float, person: str, decision: str, reason: str, text: str) -> Step:
        """Somebody else decides."""

        async def act(office: Office) -> None:
            await office.decide(person, order.id, decision, reason)

        return Step(hours, order.name, text, list, act)

    def silenced(self, order: WorldOrder, parcel: Parcel, hours: float) -> Step:
        """UPS no longer answers about one parcel."""

        def play() -> list[Letter]:
            self._world.ups.slow_numbers.add(parcel.number)
            return []

        return Step(hours, order.name, "UPS stops answering about this parcel", play)

    def solved_by_hand(self, order: WorldOrder, hours: float) -> Step:
        """An agent writes to the customer and solves the ticket."""

        def play() -> list[Letter]:
            text = "We have asked the carrier to look for your parcel and will write again tomorrow."
            return self._world.answer_and_solve(order.name, text)

        return Step(hours, order.name, "An agent replies and solves the ticket by hand", play)
