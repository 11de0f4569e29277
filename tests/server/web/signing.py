"""A whole application with the simulated world, and browsers that sign in to it."""

import re
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx
from msgspec.structs import replace

from server import settings as configuration
from server.app import Parts, create_app
from server.demo.clock import StoppedClock
from server.demo.people import CLIENT_ID, CLIENT_SECRET, DOMAIN
from server.demo.world import World
from server.demo.world import configuration as world_configuration
from server.rules.policy import Colleague
from server.store.sqlite import SqliteStore
from server.workspaces import connect_all
from tests.server.conftest import FakeEngine

NOW = datetime(2026, 11, 23, 19, 5, tzinfo=UTC)
ISSUER = "http://people.world.test"


class Site:
    """The application, its world, and what was written down."""

    def __init__(self, world, parts, client):
        self.world = world
        self.parts = parts
        self.client = client
        self.clock = world.clock

    def name(self, *people):
        """Whom the policy names."""
        for workspace in self.parts.workspaces.values():
            known = {person.id: person for person in people}
            workspace.policy = replace(workspace.policy, people=known)

    async def audit(self, workspace="acme"):
        """Events with their reasons, oldest first."""
        found = await self.parts.store.read(lambda tx: tx.audit(workspace, 0, 100))
        return [(entry.fact.event, entry.fact.details.get("reason", entry.fact.actor)) for entry in found]

    def browser(self, **headers):
        return Browser(self, headers)


class Browser:
    """Somebody's browser: its cookies, and the way to the provider and back."""

    def __init__(self, site, headers=None):
        self.site = site
        self.cookies = {}
        self.headers = headers or {}

    async def get(self, path, **headers):
        return await self._send("GET", path, headers)

    async def post(self, path, form, **headers):
        return await self._send("POST", path, headers, data=form)

    async def _send(self, method, path, headers, **more):
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {**self.headers, **headers, **({"cookie": cookie} if cookie else {})}
        answer = await self.site.client.request(method, path, headers=sent, follow_redirects=False, **more)
        self.site.client.cookies.clear()
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies.pop(name, None)
            if "max-age=0" not in line.lower():
                self.cookies[name] = value
        return answer

    async def to_provider(self, workspace="acme", return_to=""):
        """The address that the browser is sent to, with what is asked of the provider."""
        answer = await self.get(f"/sign-in/{workspace}" + (f"?return_to={return_to}" if return_to else ""))
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def at_provider(self, address, account):
        """Choose who to be there; the path that it leads back to."""
        form = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        async with self.site.world.clients(True) as client:
            answer = await client.post(f"{ISSUER}/authorize", data={**form, "account": account})
        assert answer.status_code == 303, answer.text
        parts = urlsplit(answer.headers["location"])
        assert f"{parts.scheme}://{parts.netloc}" == self.site.parts.settings.server.public_url
        return f"{parts.path}?{parts.query}"

    async def sign_in(self, account="dana", workspace="acme", return_to=""):
        """The whole way. The last answer."""
        address = await self.to_provider(workspace, return_to)
        return await self.get(await self.at_provider(address, account))


@asynccontextmanager
async def site_at(folder, *, public_url="http://127.0.0.1:8080", **server):
    async with AsyncExitStack() as stack:
        world = World(StoppedClock(NOW))
        document = world_configuration(
            public_url=public_url,
            bind="127.0.0.1:8080",
            database=folder / "b.db",
            addresses={name: f"http://{name}.world.test" for name in world.fakes},
        )
        document["server"] |= {"session_minutes": 30, **server}
        sign_in = {
            "issuer": ISSUER,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "allowed_domains": [DOMAIN],
        }
        document["workspace"]["other"] = {"sign_in": sign_in}
        document["workspace"]["plain"] = {}
        (folder / "policy.toml").write_text("", "utf-8")
        settings = configuration.parse(document, folder, {})
        workspaces = connect_all(settings, clock=world.clock, clients=world.clients)
        store = await SqliteStore.open(settings.server.database_path, clock=world.clock)
        stack.push_async_callback(store.close)
        for workspace in workspaces.values():
            stack.push_async_callback(workspace.close)
        parts = Parts(settings=settings, store=store, workspaces=workspaces, engine=FakeEngine(), clock=world.clock)
        transport = httpx.ASGITransport(app=create_app(parts), raise_app_exceptions=False)
        client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url=public_url))
        stack.push_async_callback(parts.gathering.close)
        yield Site(world, parts, client)


def colleague(name, **facts):
    return Colleague(id=name, name=name.title(), email=f"{name}@{DOMAIN}", **facts)


def form_key(text):
    """The key in the forms of a page."""
    return re.search(r'name="form_key" value="([^"]+)"', text)[1]


__all__ = ["DOMAIN", "ISSUER", "NOW", "Browser", "Site", "colleague", "form_key", "site_at"]
