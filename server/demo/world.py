"""This file is the whole simulated outside world: its systems, and the two ways to reach them."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
from graphql import GraphQLSchema

from connectors.transport import Clock
from server.demo import carriers, shopify, slack, stripe, warehouse, zendesk, zendesk_app, zendesk_sidebar
from server.demo.carriers import FakeEasyPost, FakeUps
from server.demo.fake import AnswerLost, Fake
from server.demo.orders import Parcel, WorldOrder
from server.demo.shopify import FakeShopify
from server.demo.shopify_bodies import SHOP
from server.demo.slack import FakeSlack
from server.demo.stripe import FakeStripe
from server.demo.warehouse import FakeWarehouse
from server.demo.zendesk import FakeZendesk

WORKSPACE = "acme"
POLICY = """\
[tickets]
note_every = "1m"

[teams.logistics]
slack = "#logistics"

[detectors.tracking_stalled]
notify = ["logistics"]

[detectors.cancellation_after_fulfillment]
log_back = ["warehouse"]
"""


class World:
    """One shop with its payment processor, carriers, helpdesk, chat and warehouse."""

    def __init__(self, clock: Clock, *, schema: GraphQLSchema | None = None) -> None:
        self.clock = clock
        self.shopify = FakeShopify(clock, schema)
        self.stripe = FakeStripe(clock)
        self.easypost = FakeEasyPost(clock)
        self.ups = FakeUps(clock)
        self.zendesk = FakeZendesk(clock)
        self.slack = FakeSlack(clock)
        self.warehouse = FakeWarehouse(clock)

    @property
    def fakes(self) -> Mapping[str, Fake]:
        """By the name of the connection that asks them."""
        return {
            "desk": self.zendesk,
            "shop": self.shopify,
            "payments": self.stripe,
            "tracking": self.easypost,
            "ups": self.ups,
            "chat": self.slack,
            "warehouse": self.warehouse,
        }

    def add(self, order: WorldOrder) -> None:
        """A new order: the shop and the processor know it from now on."""
        self.shopify.orders[order.id] = order
        self.stripe.orders[order.id] = order

    def ship(self, order: WorldOrder, parcel: Parcel) -> None:
        """A new parcel: whoever follows such parcels knows it from now on."""
        order.parcels.append(parcel)
        followers = self.ups.parcels if parcel.carrier == "UPS" else self.easypost.parcels
        followers[parcel.number] = parcel

    def clients(self, allow_private: bool) -> httpx.AsyncClient:
        """A client factory for tests: every host below `world.test` is answered in this process."""
        del allow_private
        return httpx.AsyncClient(transport=_InProcess({f"{name}.world.test": f for name, f in self.fakes.items()}))


class _InProcess(httpx.AsyncBaseTransport):
    """Hands requests to the stand-in of their host, and breaks the connection where it says so."""

    def __init__(self, fakes: Mapping[str, Fake]) -> None:
        self._transports = {host: httpx.ASGITransport(app=_as_app(fake)) for host, fake in fakes.items()}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        transport = self._transports.get(request.url.host)
        if transport is None:
            raise httpx.ConnectError(f"no such host: {request.url.host}")
        try:
            return await transport.handle_async_request(request)
        except AnswerLost as error:
            raise httpx.ReadError("the connection broke") from error


def _as_app(fake: Fake) -> Callable[..., Awaitable[None]]:
    app: Any = fake.app
    return app  # type: ignore[no-any-return]


def configuration(*, public_url: str, bind: str, database: Path, addresses: Mapping[str, str]) -> dict[str, Any]:
    """What `beforehand.toml` says in this world; *addresses* has the base_url of each connection."""
    connections = {name: {**values, "base_url": addresses[name]} for name, values in _connections().items()}
    return {
        "server": {
            "public_url": public_url,
            "bind": bind,
            "database": f"sqlite:///{database}",
            "secret_keys": ["demo-key-demo-key-demo-key-demo-key"],
            "allow_private_base_urls": True,
            # Stories move the clock by days; a session should outlast them.
            "session_minutes": 60 * 24 * 60,
        },
        "workspace": {WORKSPACE: {"timezone": "America/New_York", "policy": "policy.toml", "connections": connections}},
    }


def _connections() -> dict[str, dict[str, Any]]:
    """The credentials that the stand-ins take."""
    return {
        "shop": {
            "kind": "shopify",
            "shop": SHOP,
            "client_id": "demo",
            "client_secret": shopify.SECRET,
            "access_token": shopify.TOKEN,
        },
        "payments": {"kind": "stripe", "api_key": stripe.KEY, "webhook_secret": stripe.SECRET},
        "tracking": {
            "kind": "easypost",
            "api_key": carriers.EASYPOST_KEY,
            "webhook_secret": carriers.EASYPOST_SECRET,
        },
        "ups": {"kind": "ups", "client_id": carriers.UPS_ID, "client_secret": carriers.UPS_SECRET},
        "desk": {
            "kind": "zendesk",
            "subdomain": zendesk_sidebar.SUBDOMAIN,
            "access_token": zendesk.TOKEN,
            "webhook_secret": zendesk_app.WEBHOOK_SECRET,
            "app_id": zendesk_sidebar.APP_ID,
            "installation_id": zendesk_sidebar.INSTALLATION_ID,
            "requests_per_minute": 700,
        },
        "chat": {"kind": "slack", "bot_token": slack.TOKEN, "channel": "#logistics"},
        "warehouse": {
            "kind": "webhook",
            "url": f"https://warehouse.example{warehouse.PATH}",
            "secret": warehouse.SECRET,
        },
    }
