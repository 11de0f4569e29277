"""A shop of the simulated world with one paid order, and the connector that acts on it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx

from connectors import shopify
from connectors.connection import Connection
from connectors.money import Money
from connectors.order_actions import ActionReceipt, Address, OrderAction, OrderActionKind
from server.demo.clock import StoppedClock
from server.demo.fake import LOST
from server.demo.orders import Attempt, Intent, Item, Parcel, Person, WorldOrder
from server.demo.shopify import SECRET, TOKEN
from server.demo.shopify_bodies import SHOP
from server.demo.world import World

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = "beforehand-01980000-0000-7000-8000-000000000001"
ADDRESS = Address(
    name="Nora M. Quinn",
    address1="9 Elm Street",
    address2="Flat 3",
    city="Boulder",
    region="CO",
    postal_code="80301",
    country="US",
)


def usd(amount: str) -> Money:
    return Money.parse(amount, "USD")


@dataclass
class Office:
    """One order of $41.50 (two mugs of $20.75), and what is done to it."""

    clock: StoppedClock
    world: World
    order: WorldOrder
    shop: shopify.Shopify

    def action(self, kind: str = "refund", **facts: Any) -> OrderAction:
        known: dict[str, Any] = {
            "key": KEY,
            "kind": OrderActionKind(kind),
            "order_id": str(self.order.id),
            "order_name": self.order.name,
            "customer": str(self.order.customer.id),
            "reason": "arrived broken",
            "address": ADDRESS if kind == "address_change" else None,
        }
        return OrderAction(**{**known, **facts})

    async def do(self, kind: str = "refund", **facts: Any) -> ActionReceipt:
        action = self.action(kind, **facts)
        assert self.shop.objection(action) == ""
        return await self.shop.carry_out(await self.shop.render_action(action), action.key)

    async def find(self, request: bytes, key: str = KEY, *, since: datetime = NOON) -> ActionReceipt | None:
        return await self.shop.find_action(request, key, since)

    def lose_the_next_answer(self) -> None:
        """Carried out, and nobody hears of it."""
        self.world.shopify.next_answers(LOST)

    def ship(self) -> None:
        self.world.ship(self.order, Parcel("UPS", "1Z999AA10123456784", self.order.id + 7, self.clock()))

    @property
    def mutations(self) -> int:
        return sum(
            b'"query":"mutation' in call.body or b"\\nmutation" in call.body for call in self.world.shopify.calls
        )

    @property
    def topics(self) -> list[str]:
        return [letter.headers["x-shopify-topic"] for letter in self.world.shopify.take_letters()]


def order_at(now: datetime, number: int = 48301, *, declines: tuple[str, ...] = ("",)) -> WorldOrder:
    order_id = 5_820_000_000_000 + number
    intent = Intent(f"pi_3Test{number}", 4150, now)
    intent.attempts += [Attempt(f"ch_3Test{number}x{n}", now, code) for n, code in enumerate(declines)]
    item = Item(order_id * 10 + 1, "Enamel mug", "MUG-1", 2, Decimal("20.75"))
    person = Person(601, "Nora Quinn", "nora.quinn@example.com", "Denver", "CO")
    return WorldOrder(id=order_id, number=number, customer=person, items=(item,), placed_at=now, intent=intent)


async def opened(schema: Any) -> AsyncIterator[Office]:
    clock = StoppedClock(NOON)
    world = World(clock, schema=schema)
    order = order_at(NOON)
    world.add(order)
    connection = Connection(
        workspace="acme", name="shop", base_url="http://shop.world.test", clock=clock, clients=world.clients
    )
    settings = shopify.Settings(shop=SHOP, client_secret=SECRET, access_token=TOKEN)
    shop = shopify.connect(settings, connection)
    yield Office(clock, world, order, shop)
    await shop.close()


def later(office: Office, **time: float) -> None:
    office.clock.advance(timedelta(**time))


def denied(name: str) -> httpx.Response:
    """What Shopify answers where a scope is missing."""
    error = {"message": f"Access denied for {name} field.", "path": [name], "extensions": {"code": "ACCESS_DENIED"}}
    return httpx.Response(200, json={"data": {name: None}, "errors": [error]})
