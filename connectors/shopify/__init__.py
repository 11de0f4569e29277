"""This file is Shopify: orders with their fulfilments and payments, by webhook and live, and what is done to them."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from connectors.connection import Connection
from connectors.contract import Denied, Envelope, Forged, Missing
from connectors.model import Observation, Order, Payment, References, Shipment
from connectors.oauth import Access, ClientCredentials, FixedAccess
from connectors.order_actions import ActionReceipt, OrderAction
from connectors.reading import answer_of, decode, digest, webhook
from connectors.shopify import (
    translate_fulfillments,
    translate_look,
    translate_look_work,
    translate_money,
    translate_orders,
    translate_returns,
    translate_work,
    wire,
    wire_graphql,
)
from connectors.shopify.action_scopes import record_only
from connectors.shopify.actions import ShopDesk
from connectors.shopify.documents import DOCUMENTS
from connectors.shopify.graphql import Found, GraphQL
from connectors.shopify.received import Webhook
from connectors.shopify.search import order_query
from connectors.shopify.translate import id_of
from connectors.signing import matches_base64

_SHOP = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]*\.myshopify\.com", re.ASCII)
_ORDER_ID = re.compile(r"[1-9]\d{0,19}", re.ASCII)
_LONGEST_KEY = 300
_OPTIONAL = {"fulfillmentOrders": "fulfillmentOrders", "disputes": "disputes", "returns": "returns"}
"""Parts of an order that need scopes of their own -> the variable that leaves them out."""
_RETURNS = ("request", "approve", "decline", "cancel", "close", "reopen", "update")
_WORTH_HAVING = {
    "read_orders": "orders",
    "read_customers": "who the customer is",
    "read_fulfillments": "parcels",
    "read_merchant_managed_fulfillment_orders": "holds, promises, ship-by dates",
    "read_returns": "refund requests",
    "read_shopify_payments_disputes": "disputes",
}
_PERSONAL = frozenset({"customer", "email", "phone"})

_Body = tuple[type[Struct], Callable[[Any, Webhook], tuple[Observation, ...]]]
_ORDER: _Body = (wire.Order, translate_orders.order)
_FULFILLMENT: _Body = (wire.Fulfillment, translate_fulfillments.fulfillment)
_FULFILLMENT_EVENT: _Body = (wire.FulfillmentEvent, translate_fulfillments.fulfillment_event)
_DISPUTE: _Body = (wire.Dispute, translate_money.dispute)
_RETURN: _Body = (wire.Return, translate_returns.return_)
_WORK: _Body = (wire.FulfillmentOrderEvent, translate_work.fulfillment_order)
_BODIES: dict[str, _Body] = {
    **dict.fromkeys(translate_orders.ORDER_KINDS, _ORDER),
    "orders/edited": (wire.Edited, translate_orders.edited),
    "fulfillments/create": _FULFILLMENT,
    "fulfillments/update": _FULFILLMENT,
    "fulfillment_events/create": _FULFILLMENT_EVENT,
    "fulfillment_events/delete": _FULFILLMENT_EVENT,
    "refunds/create": (wire.Refund, translate_money.refund),
    "order_transactions/create": (wire.Transaction, translate_money.order_transaction),
    "disputes/create": _DISPUTE,
    "disputes/update": _DISPUTE,
    **dict.fromkeys((f"returns/{what}" for what in _RETURNS), _RETURN),
}


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`client_secret` signs the webhooks. Without `access_token` one is fetched with the client's credentials.

    `look_after_events`: after some webhooks, ask for what they leave out (holds, ship-by dates, promises, returns).
    """

    shop: str
    client_secret: str
    client_id: str = ""
    access_token: str = ""
    look_after_events: bool = True

    def __post_init__(self) -> None:
        if not _SHOP.fullmatch(self.shop):
            raise ValueError(f"expected shop as in acme.myshopify.com, got {self.shop[:80]!r}")
        if not self.client_secret:
            raise ValueError("expected client_secret: the app's client secret, which signs its webhooks")

    def __repr__(self) -> str:
        return f"Settings(shop={self.shop!r}, client_id={self.client_id!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("shop", self.shop), ("client_id", self.client_id)]


class Shopify:
    """Implements `EventSource`, `Topical`, `OrderSource`, `WorkSource`, `ActionDesk` and `Checkable`."""

    system = "Shopify"

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self._name = connection.name
        self._shop = settings.shop.lower()
        self._secret = settings.client_secret
        self._clock = connection.clock
        self._transport = connection.transport(self.system, f"https://{self._shop}")
        self._has_access = bool(settings.access_token or settings.client_id)
        self._looks_after_events = settings.look_after_events
        self._graphql = GraphQL(self._transport, self._access(settings, connection), connection.clock)
        self._desk = ShopDesk(self._graphql, connection.clock, has_access=self._has_access)
        self._left_out: frozenset[str] = frozenset()

    def verify(self, envelope: Envelope) -> None:
        """Raise Forged unless the body is signed with the client secret, and comes from this shop."""
        if not matches_base64(envelope.headers.get("x-shopify-hmac-sha256", ""), self._secret, envelope.body):
            raise Forged("X-Shopify-Hmac-Sha256 is not the signature of this body")
        shop = envelope.headers.get("x-shopify-shop-domain")
        # One app's secret signs the webhooks of every shop that installed it.
        if shop is not None and shop.strip().lower() != self._shop:
            raise Forged(f"the webhook belongs to {shop[:80]!r}, not to this connection's shop")

    def topic(self, envelope: Envelope) -> str:
        """What the webhook was sent as, such as `orders/paid`. Nobody signs it."""
        return envelope.headers.get("x-shopify-topic", "").strip().lower()[:_LONGEST_KEY]

    def delivery_key(self, envelope: Envelope) -> str:
        """Topic and event id: one event may be sent as several topics, and each is a delivery of its own."""
        event_id = envelope.headers.get("x-shopify-event-id", "").strip()
        return f"{self.topic(envelope)}|{event_id}" if event_id and len(event_id) <= _LONGEST_KEY else ""

    def read(self, envelope: Envelope) -> tuple[Observation, ...]:
        """What it says; a topic that does not concern orders says nothing. Raises Unreadable."""
        topic = self.topic(envelope)
        body = _BODIES.get(topic) or (_WORK if topic.startswith("fulfillment_orders/") else None)
        if body is None:
            return ()
        kind, translate = body
        sent = Webhook(
            source=self._name,
            shop=self._shop,
            topic=topic,
            body=envelope.body,
            received_at=envelope.received_at,
        )
        with webhook():
            return translate(decode(envelope.body, kind), sent)

    async def read_order(self, order_id: str) -> Observation:
        """The order as it is now. Raises Missing."""
        if not _ORDER_ID.fullmatch(order_id):
            raise Missing(self.system, f"not an order id: {order_id[:40]!r}")
        at = self._clock()
        found = await self._ask_for_order(order_id)
        order = found.data.order
        if order is None:
            raise Missing(self.system, f"there is no order {order_id} in {self._shop}")
        with answer_of(self.system):
            facts = translate_look.order(order, self._shop, hidden=_hides_customer(found, ("order",)))
            if facts.id != order_id:
                raise ValueError(f"asked for order {order_id}, got {facts.id}")
            return self._look(at, facts, translate_look.shipments(order), translate_look.payments_of(order))

    @property
    def can_look(self) -> bool:
        """Whether there is a token, or credentials to get one, and it is wanted."""
        return self._has_access and self._looks_after_events

    async def read_work(self, order_id: str) -> Observation:
        """What webhooks leave out of an order, at a tenth of the price of all of it. Raises Missing."""
        if not _ORDER_ID.fullmatch(order_id):
            raise Missing(self.system, f"not an order id: {order_id[:40]!r}")
        at = self._clock()
        found = await self._ask_for_order(order_id, "ReadWork")
        if found.data.order is None:
            raise Missing(self.system, f"there is no order {order_id} in {self._shop}")
        with answer_of(self.system):
            facts = Order(id=id_of(found.data.order.id, "order.id"), **translate_look_work.work(found.data.order))
            if facts.id != order_id:
                raise ValueError(f"asked for order {order_id}, got {facts.id}")
        return self._look(at, facts)

    async def find_orders(self, text: str) -> tuple[Observation, ...]:
        """Orders by name, e-mail or phone, newest first, at most ten."""
        query = order_query(text)
        if not query:
            return ()
        at = self._clock()
        self._need_access()
        found = await self._graphql.ask("FindOrders", wire_graphql.OrdersData, {"query": query})
        if found.data.orders is None or found.data.orders.nodes is None:
            raise Denied(self.system, found.reason or "the orders are withheld", status=403)
        hidden = _hides_customer(found, ("orders", "nodes"))
        with answer_of(self.system):
            orders = [
                translate_look.order(order, self._shop, hidden=hidden)
                for order in translate_look_work.nodes(found.data.orders)
            ]
        return tuple(self._look(at, facts) for facts in orders)

    def objection(self, action: OrderAction) -> str:
        """Why it cannot be done here, in words: Shopify cannot, or we may not."""
        return self._desk.objection(action)

    async def render_action(self, action: OrderAction) -> bytes:
        """The mutation that does it, after a look. Raises ConnectorError; Rejected where the order forbids it."""
        return await self._desk.render(action)

    async def carry_out(self, request: bytes, key: str) -> ActionReceipt:
        """Send what `render_action` made, once. Raises ConnectorError."""
        return await self._desk.carry_out(request, key)

    async def find_action(self, request: bytes, key: str, since: datetime) -> ActionReceipt | None:
        """What became of it. Raises CameToNothing where it failed, other ConnectorErrors where that is not known."""
        return await self._desk.find(request, key, since)

    async def check(self) -> str:
        """The shop's name, what we may do there, and what will be missing because we may not."""
        self._need_access()
        found = await self._graphql.ask("Check", wire_graphql.CheckData, {})
        shop, installation = found.data.shop, found.data.current_app_installation
        self._desk.learn(installation)
        scopes = sorted(scope.handle for scope in (installation.access_scopes if installation else None) or ())
        name = (shop.name if shop else None) or self._shop
        missing = [f"{scope} ({what})" for scope, what in _WORTH_HAVING.items() if not _has_scope(scope, scopes)]
        without = f"; without {', '.join(missing)}" if missing else ""
        by_hand = record_only(scopes)
        return f"Shopify shop {name} ({self._shop}); scopes: {', '.join(scopes) or 'none'}{without}{by_hand}"

    async def close(self) -> None:
        """Close network connections."""
        await self._transport.close()

    def _access(self, settings: Settings, connection: Connection) -> Access:
        if settings.access_token or not settings.client_id:
            return FixedAccess(settings.access_token, clock=connection.clock)
        return ClientCredentials(
            self._transport,
            "/admin/oauth/access_token",
            settings.client_id,
            settings.client_secret,
            clock=connection.clock,
            as_json=True,
        )

    def _need_access(self) -> None:
        if not self._has_access:
            raise Denied(self.system, "no access_token is configured")

    async def _ask_for_order(self, order_id: str, document: str = "ReadOrder") -> Found:
        """A part that needs a scope we do not have takes the whole order with it: from then on it is left out."""
        self._need_access()
        found = await self._graphql.ask(document, wire_graphql.OrderData, self._order_variables(order_id, document))
        if found.data.order is not None or not found.denied:
            return found
        refused = {_OPTIONAL[part] for path in found.denied for part in path[1:2] if part in _OPTIONAL} - self._left_out
        if not refused:
            raise Denied(self.system, found.reason, status=403)
        self._left_out |= refused
        found = await self._graphql.ask(document, wire_graphql.OrderData, self._order_variables(order_id, document))
        if found.data.order is None and found.denied:
            raise Denied(self.system, found.reason, status=403)
        return found

    def _order_variables(self, order_id: str, document: str) -> dict[str, object]:
        wanted = {name: name not in self._left_out for name in _OPTIONAL.values() if f"${name}" in DOCUMENTS[document]}
        return {"id": f"gid://shopify/Order/{order_id}", **wanted}

    def _look(
        self, at: datetime, facts: Order, shipments: tuple[Shipment, ...] = (), payments: tuple[Payment, ...] = ()
    ) -> Observation:
        return Observation(
            source=self._name,
            kind="order.read",
            identity=f"look:{digest(facts, shipments, payments)}",
            at=at,
            about=References(shop_order=facts.id),
            order=facts,
            shipments=shipments,
            payments=payments,
        )


def _has_scope(scope: str, granted: Sequence[str]) -> bool:
    """To write includes to read; of fulfilment orders those of any kind of location will do."""
    kind = scope.removeprefix("read_")
    if kind.endswith("fulfillment_orders"):
        return any(each.endswith("fulfillment_orders") for each in granted)
    return scope in granted or f"write_{kind}" in granted


def _hides_customer(found: Found, inside: tuple[str, ...]) -> bool:
    """Whether a denied field is about the person who bought."""
    return any(path[: len(inside)] == inside and not _PERSONAL.isdisjoint(path) for path in found.denied)


def connect(settings: Settings, connection: Connection) -> Shopify:
    """Make the connector. No I/O."""
    return Shopify(settings, connection)
