"""This file is the whole simulated outside world: its systems, and the two ways to reach them."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import httpx
import msgspec
from graphql import GraphQLSchema

from connectors.gorgias.integration import events_integration
from connectors.transport import Clock
from server.demo import (
    carriers,
    gorgias_access,
    people,
    shopify,
    slack,
    stripe,
    warehouse,
    zendesk,
    zendesk_app,
    zendesk_sidebar,
)
from server.demo.carriers import FakeEasyPost, FakeUps
from server.demo.fake import AnswerLost, Fake
from server.demo.gorgias import FakeGorgias
from server.demo.gorgias_requests import IntegrationInput
from server.demo.gorgias_state import DEMO_EMAIL, Account
from server.demo.orders import Parcel, Person, WorldOrder
from server.demo.people import FakePeople
from server.demo.sender import Letter
from server.demo.shopify import FakeShopify
from server.demo.shopify_bodies import SHOP
from server.demo.slack import FakeSlack
from server.demo.stripe import FakeStripe
from server.demo.warehouse import FakeWarehouse
from server.demo.zendesk import FakeZendesk
from server.demo.zendesk_state import Desk

WORKSPACE = "acme"
_POLICY = """\
[tickets]
helpdesk = "{helpdesk}"
note_every = "1m"

[teams.logistics]
slack = "#logistics"

[detectors.tracking_stalled]
notify = ["logistics"]

[detectors.cancellation_after_fulfillment]
log_back = ["warehouse"]

[people.robin]
name = "Robin Diaz"
email = "robin@acme-outfitters.example"
identities = ["desk:901", "token:robin"]

[people.dana]
name = "Dana Lopez"
email = "dana@acme-outfitters.example"
role = "approver"
identities = ["desk:902", "token:dana", "chat:U02DANA"]

[people.kim]
name = "Kim Novak"
email = "kim@acme-outfitters.example"
role = "approver"
identities = ["desk:903", "token:kim", "chat:U03KIM"]

[approvals.refund]
max_amount = "500.00"
second_above = "100.00"
notify = ["#payments"]

[approvals.cancel]
notify = ["#payments"]
"""


def policy(helpdesk: str = "desk") -> str:
    """What `policy.toml` says in this world; *helpdesk* is the connection that takes our tickets: `desk` or `inbox`."""
    return _POLICY.format(helpdesk=helpdesk)


POLICY = policy()
INBOX_SECRET = "demo-5d0c1f8e2b7a4963a1d4c7e9f0b2a586"
"""What Gorgias' webhooks carry."""
INBOX_BUCKET = 400
"""Requests in 20 seconds: stories leap through days, and a bucket leaks only as time passes."""


class World:
    """One shop with its payment processor, carriers, two helpdesks, chat and warehouse.

    *people_write_to* says in which helpdesk customers write and agents work: `desk` (Zendesk) or `inbox` (Gorgias).
    """

    def __init__(
        self, clock: Clock, *, schema: GraphQLSchema | None = None, people_write_to: Literal["desk", "inbox"] = "desk"
    ) -> None:
        self.clock = clock
        self.people_write_to = people_write_to
        self.shopify = FakeShopify(clock, schema)
        self.stripe = FakeStripe(clock)
        self.easypost = FakeEasyPost(clock)
        self.ups = FakeUps(clock)
        self.zendesk = FakeZendesk(clock)
        self.slack = FakeSlack(clock)
        self.warehouse = FakeWarehouse(clock)
        self.people = FakePeople(clock)
        self.gorgias = FakeGorgias(clock)
        self.gorgias.access.key_bucket = INBOX_BUCKET
        events = events_integration(
            url=f"https://beforehand.world.test/webhooks/{WORKSPACE}.inbox", secret=INBOX_SECRET
        )
        self.gorgias.http.add(msgspec.convert(events, IntegrationInput))

    @property
    def fakes(self) -> Mapping[str, Fake]:
        """By the name of the connection that asks them; `people` is the sign-in provider."""
        return {
            "desk": self.zendesk,
            "shop": self.shopify,
            "payments": self.stripe,
            "tracking": self.easypost,
            "ups": self.ups,
            "chat": self.slack,
            "warehouse": self.warehouse,
            "people": self.people,
            "inbox": self.gorgias,
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

    def write_to_helpdesk(self, person: Person, subject: str, body: str) -> list[Letter]:
        """A customer begins a ticket; what the helpdesk sends because of it."""
        if self.people_write_to == "inbox":
            self.gorgias.account.customer_writes(person.name, person.email, subject, body)
            return self.gorgias.http.letters()
        desk = self.zendesk.desk
        customer = desk.user(person.name, person.email)
        ticket = desk.open(
            subject=subject, requester=customer, author=customer, body=body, public=True, channel="email"
        )
        return [zendesk_app.touched(ticket)]

    def answer_and_solve(self, about: str, text: str) -> list[Letter]:
        """An agent answers and solves every ticket whose subject names *about*."""
        if self.people_write_to == "inbox":
            account = self.gorgias.account
            for found in [found for found in account.tickets.values() if about in found.subject]:
                account.agent_writes(found, text)
                account.agent_changes(found, status="closed")
            return self.gorgias.http.letters()
        mine = [ticket for ticket in self.zendesk.desk.tickets.values() if about in ticket.subject]
        for ticket in mine:
            self.zendesk.desk.change(ticket, Desk.AGENT, channel="web", body=text, public=True, status="solved")
        return [zendesk_app.touched(ticket) for ticket in mine]

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
        "workspace": {
            WORKSPACE: {
                "timezone": "America/New_York",
                "policy": "policy.toml",
                "connections": connections,
                **_sign_in(addresses.get("people", "")),
            }
        },
    }


def _sign_in(issuer: str) -> dict[str, Any]:
    """Who may sign in on our own pages."""
    values = {"issuer": issuer, "client_id": people.CLIENT_ID, "client_secret": people.CLIENT_SECRET}
    return {"sign_in": {**values, "allowed_domains": [people.DOMAIN]}} if issuer else {}


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
        "inbox": {
            "kind": "gorgias",
            "domain": gorgias_access.DOMAIN,
            "email": DEMO_EMAIL,
            "api_key": gorgias_access.KEY,
            "webhook_secret": INBOX_SECRET,
            "reply_from": Account.SUPPORT,
            "app_id": gorgias_access.CLIENT_ID,
            "requests_per_20_seconds": INBOX_BUCKET,
        },
        "chat": {
            "kind": "slack",
            "bot_token": slack.TOKEN,
            "signing_secret": slack.SIGNING_SECRET,
            "channel": "#logistics",
        },
        "warehouse": {
            "kind": "webhook",
            "url": f"https://warehouse.example{warehouse.PATH}",
            "secret": warehouse.SECRET,
        },
    }
