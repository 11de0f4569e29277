"""The sidebar in a real browser: the simulated helpdesk frames the real server, which asks the simulated systems."""

import asyncio
import contextlib
import os
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import msgspec
import pytest
import pytest_asyncio
import uvicorn

from server import settings as configuration
from server.demo.clock import StoppedClock
from server.demo.orders import Attempt, Intent, Item, Parcel, Person, WorldOrder, WorldScan
from server.demo.world import POLICY, World
from server.demo.world import configuration as world_configuration
from server.demo.zendesk_state import Desk
from server.flows.process import process_inbox
from server.model import OrderKey, TicketLink
from server.parts import Parts
from server.serving import configuration as server_configuration
from server.store.sqlite import SqliteStore
from server.workspaces import connect_all

CHROMIUM = Path("/usr/bin/chromium")
NOW = datetime(2026, 11, 23, 19, 5, tzinfo=UTC)
"""Monday, 14:05 in New York."""
ROBIN, DANA, KIM = 901, 902, 903
"""Agents of the simulated helpdesk: Robin asks, Dana and Kim may decide, and above $100.00 both must."""
VIP = Person(519, "Eleanor Hughes", "eleanor.hughes@example.com", "Nashville", "TN", 23, Decimal("4180.50"), ("VIP",))


class QuietEngine:
    """Works through the inbox when told to, and sends nothing."""

    healthy = True

    def __init__(self, workspaces, store, clock):
        self._parts = (workspaces, store, clock)

    async def start(self): ...
    async def stop(self): ...
    def wake(self): ...

    async def settle(self):
        while await process_inbox(*self._parts):
            pass


@dataclass
class Stage:
    """Everything that a test moves."""

    world: World
    clock: StoppedClock
    parts: Parts
    desk_url: str
    server_url: str
    numbers: list[int] = field(default_factory=lambda: list(range(48219, 48300)))

    def order(self, person=VIP, *, title="Cast-iron skillet", price=129, promised=NOW + timedelta(days=1), **facts):
        """A paid order of five days ago."""
        number = self.numbers.pop(0)
        placed = NOW - timedelta(days=5)
        order = WorldOrder(
            id=5_820_000_000_000 + number,
            number=number,
            customer=person,
            items=(Item(number * 10, title, f"SKU-{number}", 1, Decimal(price)),),
            placed_at=placed,
            intent=Intent(f"pi_3Demo{number}", price * 100, placed),
            promised_by=promised,
            updated_at=placed,
            **facts,
        )
        order.intent.attempts.append(Attempt(f"ch_3Demo{number}", placed))
        self.world.add(order)
        return order

    def parcel(self, order, *scans, carrier="UPS"):
        """A parcel with (hours ago, status, text, city, region)."""
        number = f"1Z999AA1{order.number:010d}" if carrier == "UPS" else f"94001000000000{order.number:08d}"
        parcel = Parcel(carrier, number, order.id + 7_000_000, NOW - timedelta(days=4))
        parcel.scans += [WorldScan(NOW - timedelta(hours=hours), *rest) for hours, *rest in scans]
        parcel.estimate = NOW + timedelta(days=2)
        self.world.ship(order, parcel)
        return parcel

    def stalled(self):
        """The order of the example: a VIP's parcel without a scan for 51 hours, promised for tomorrow."""
        order = self.order()
        self.parcel(
            order,
            (96, "pre_transit", "Label created", "", ""),
            (92, "in_transit", "Origin scan", "Denver", "CO"),
            (90, "in_transit", "Departed from facility", "Denver", "CO"),
            (51, "in_transit", "Arrived at facility", "Memphis", "TN"),
        )
        return order

    async def know(self, order):
        """Store what all systems say of it five minutes before the test begins."""
        await self.parts.gathering.of_order("acme", str(order.id))
        await self.parts.gathering.close()
        await self.parts.engine.settle()
        self.clock.advance(max(NOW - self.clock(), timedelta()))
        return OrderKey("acme", "shop", str(order.id))

    async def link_issues(self, key, ticket):
        """As if our tickets had been opened."""

        def work(tx):
            for issue in tx.issues_of(key):
                link = TicketLink(connection="desk", ticket_id=str(ticket.id), url=self.ticket_url(ticket))
                tx.put_issue(msgspec.structs.replace(issue, ticket=link))

        await self.parts.store.write(work)

    def ticket(self, subject, body="", person=VIP):
        """A ticket that a customer began."""
        customer = self.world.zendesk.desk.user(person.name, person.email)
        return self.world.zendesk.desk.open(
            subject=subject, requester=customer, author=customer, body=body, public=True, channel="email"
        )

    def note(self, ticket, text):
        self.world.zendesk.desk.change(ticket, Desk.US, channel="api", body=text)

    def ticket_url(self, ticket):
        return f"{self.desk_url}/agent/tickets/{ticket.id}"


class Page:
    """One browser page, with what went wrong in it."""

    def __init__(self, page, stage):
        self.page = page
        self.stage = stage
        self.errors = []
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    @property
    def app(self):
        """The sidebar's frame, of the ticket that is shown."""
        return self.page.frame_locator("#apps iframe:not([hidden])")

    async def open(self, ticket, *, width=320, agent=ROBIN):
        await self.page.goto(f"{self.stage.ticket_url(ticket)}?agent={agent}")
        await self.page.click(f'#widths [data-width="{width}"]')
        return self

    async def settled(self):
        """Wait until every source has answered or given up."""
        await self.app.locator("main:not([aria-busy])").wait_for(timeout=15_000)
        return self

    async def text(self, selector):
        return " ".join((await self.app.locator(selector).inner_text()).split())

    async def frame(self):
        """The sidebar's frame itself, to look into."""
        return await (await self.page.query_selector("#apps iframe:not([hidden])")).content_frame()

    async def said(self):
        """Every message of the app to its host."""
        return await self.page.evaluate("[...window.helpdesk.frames.values()].find(f => !f.element.hidden).log")

    async def grown(self):
        """Wait until the frame is as high as what it shows."""
        frame = await self.frame()
        # Waiting in the browser would take `eval`, which the page's policy forbids.
        async with asyncio.timeout(10):
            while not await frame.evaluate("Math.abs(innerHeight - document.body.getBoundingClientRect().height) < 5"):
                await self.page.wait_for_timeout(20)

    async def until(self, holds):
        """Wait until something holds outside the browser."""
        async with asyncio.timeout(10):
            while not holds():
                await self.page.wait_for_timeout(20)

    async def post(self, url, token):
        """Load a page as a form post, without any host around it."""
        await self.page.goto(self.stage.desk_url)
        await self.page.evaluate(
            """([url, token]) => {
                const form = document.createElement("form");
                form.method = "post";
                form.action = url;
                const field = document.createElement("input");
                field.name = "token";
                field.value = token;
                form.append(field);
                document.body.append(form);
                form.submit();
            }""",
            [url, token],
        )
        await self.page.wait_for_url(lambda found: "/sidebar/zendesk" in found)

    async def press(self, label, *, within="main"):
        """Press a button by its words."""
        await self.app.locator(within).get_by_role("button", name=label, exact=True).click()

    async def fill(self, label, text):
        """Fill in a field of the open form."""
        await self.field(label).fill(text)

    def field(self, label):
        """A field to type into, by its label."""
        typed = self.app.locator("form.ask input:not([type=radio]), form.ask textarea")
        return self.app.locator("form.ask").get_by_label(label).and_(typed)

    async def picture(self, name, *, of="#tray"):
        """Keep what is seen in BEFOREHAND_SCREENSHOTS, where that is set: the whole sidebar, however long it is."""
        folder = os.environ.get("BEFOREHAND_SCREENSHOTS")
        if not folder:
            return
        before = self.page.viewport_size
        for _ in range(2):  # a change of height may change it once more
            find = "found => Math.max(400, [...found.children].reduce((sum, one) => sum + one.scrollHeight, 0))"
            height = await self.page.locator(of).evaluate(find)
            await self.page.set_viewport_size({"width": before["width"], "height": min(height, 2600)})
            await self.page.wait_for_timeout(120)
        await self.page.locator(of).screenshot(path=f"{folder}/{name}.png", animations="disabled")
        await self.page.set_viewport_size(before)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser():
    if not CHROMIUM.exists():  # noqa: ASYNC240  # once, before there is anything to wait for
        pytest.skip(f"no browser at {CHROMIUM}: install Debian's chromium to test the sidebar as agents see it")
    async_api = pytest.importorskip("playwright.async_api")
    async with async_api.async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        await found.close()


@pytest_asyncio.fixture(loop_scope="session")
async def stage(tmp_path):
    clock = StoppedClock(NOW - timedelta(minutes=5))
    world = World(clock)
    desk_socket, server_socket = _listening(), _listening()
    desk_url, server_url = _address(desk_socket), _address(server_socket)
    addresses = {name: f"http://{name}.world.test" for name in world.fakes} | {"desk": desk_url}
    document = world_configuration(
        public_url=server_url, bind=server_url.removeprefix("http://"), database=tmp_path / "b.db", addresses=addresses
    )
    document["server"] |= {"session_minutes": 30, "source_seconds": 10.0}
    (tmp_path / "policy.toml").write_text(POLICY, "utf-8")
    found = configuration.parse(document, tmp_path, {})
    world.zendesk.sidebar.sidebar_url = f"{server_url}/sidebar/zendesk"
    workspaces = connect_all(found, clock=clock, clients=_clients(world))
    store = await SqliteStore.open(found.server.database_path, clock=clock)
    engine = QuietEngine(workspaces, store, clock)
    parts = Parts(settings=found, store=store, workspaces=workspaces, engine=engine, clock=clock)
    desk = uvicorn.Config(world.zendesk.app, interface="asgi3", lifespan="off", log_config=None, access_log=False)
    async with _running(desk, desk_socket), _running(server_configuration(parts), server_socket):
        yield Stage(world, clock, parts, desk_url, server_url)
    await store.close()
    for workspace in workspaces.values():
        await workspace.close()


@pytest_asyncio.fixture(loop_scope="session")
async def new_page(browser, stage):
    """Makes pages: `await new_page(color_scheme="dark")`."""
    contexts = []

    async def make(**options):
        context = await browser.new_context(**{"viewport": {"width": 1180, "height": 1250}, **options})
        contexts.append(context)
        return Page(await context.new_page(), stage)

    yield make
    for context in contexts:
        await context.close()


def _clients(world):
    """Every system is asked within this process; only the browser goes over the network."""
    hosts = {f"{name}.world.test": fake for name, fake in world.fakes.items()} | {"127.0.0.1": world.zendesk}

    def make(allow_private):
        mounts = {f"all://{host}": httpx.ASGITransport(app=fake.app) for host, fake in hosts.items()}
        return httpx.AsyncClient(mounts=mounts, trust_env=False)

    return make


def _listening():
    found = socket.socket()
    found.bind(("127.0.0.1", 0))
    found.listen(100)
    return found


def _address(listening):
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextlib.asynccontextmanager
async def _running(config, listening):
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        assert not task.done(), task
        await asyncio.sleep(0.01)
    yield
    server.should_exit = True
    await task
    listening.close()
