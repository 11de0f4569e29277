"""The simulated world in this process, alone or with the real server in it."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from random import Random

import httpx
import pytest
import time_machine

from server import settings as configuration
from server.app import create_app
from server.demo.clock import StoppedClock
from server.demo.office import Office
from server.demo.orders import Attempt, Intent, Item, Parcel, Person, WorldOrder
from server.demo.play import Player
from server.demo.sender import Sender
from server.demo.stories import Stories
from server.demo.world import POLICY, WORKSPACE, World
from server.demo.world import configuration as world_configuration
from server.engine.embedded import Engine
from server.flows import tokens
from server.flows.deliver import Happened
from server.model import Role
from server.parts import Parts
from server.store.sqlite import SqliteStore
from server.workspaces import connect_all

START = datetime(2026, 11, 10, 14, 0, tzinfo=UTC)
"""A Tuesday, 9:00 in New York, in a week without holidays."""


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(START)


@pytest.fixture
def world(clock: StoppedClock) -> World:
    return World(clock)


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Reaches every stand-in as http://NAME.world.test, by the name of the connection that asks it."""
    async with world.clients(True) as client:
        yield client


@pytest.fixture
def new_order(world: World) -> Callable[..., WorldOrder]:
    """Makes orders; *declines* has a code for each try to take the money, empty where it worked."""
    numbers = count(48301)

    def make(*, declines: Sequence[str] = ("",), **facts: object) -> WorldOrder:
        number, now = next(numbers), world.clock()
        order_id = 5_820_000_000_000 + number
        intent = Intent(f"pi_3Test{number}", 4150, now)
        intent.attempts += [Attempt(f"ch_3Test{number}x{n}", now, code) for n, code in enumerate(declines)]
        item = Item(order_id * 10 + 1, "Enamel mug", "MUG-1", 2, Decimal("20.75"))
        person = Person(601, "Nora Quinn", "nora.quinn@example.com", "Denver", "CO")
        order = WorldOrder(
            id=order_id, number=number, customer=person, items=(item,), placed_at=now, intent=intent, **facts
        )
        world.add(order)
        return order

    return make


@pytest.fixture
def new_parcel(world: World, new_order: Callable[..., WorldOrder]) -> Callable[[str], Parcel]:
    """Makes parcels of a carrier, each of an order of its own."""

    def make(carrier: str) -> Parcel:
        order = new_order()
        number = f"1Z999AA1{order.number:010d}" if carrier == "UPS" else f"94001000000000{order.number:08d}"
        parcel = Parcel(carrier, number, order.id + 7_000_000, world.clock())
        world.ship(order, parcel)
        return parcel

    return make


@pytest.fixture
def real_time(clock: StoppedClock) -> Iterator[None]:
    """For libraries that look at the machine's clock: it shows the world's time."""
    with time_machine.travel(clock(), tick=False):
        yield


@dataclass
class Server:
    """One server in one world."""

    world: World
    clock: StoppedClock
    parts: Parts
    engine: Engine
    client: httpx.AsyncClient
    token: str
    happened: list[Happened]
    office: Office

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path, headers={"authorization": f"Bearer {self.token}"})

    def player(self, seed: int = 7, *, only: str = "", sender: Sender | None = None) -> Player:
        """Plays every story, or with *only* that of one order, such as `#48219`."""
        stories = Stories(self.world, START)
        stories.steps = [step for step in stories.steps if only in ("", step.order)]
        sender = sender or Sender(self.client, WORKSPACE, Random(seed))
        return Player(stories, sender, self.parts.store, self.engine, self.clock, nap=no_nap, office=self.office)


async def no_nap(_: float) -> None:
    """Pass no time."""


@pytest.fixture
def policy_text() -> str:
    """What the server's policy says."""
    return POLICY


@pytest.fixture
async def server(tmp_path: Path, clock: StoppedClock, world: World, policy_text: str) -> AsyncIterator[Server]:
    (tmp_path / "policy.toml").write_text(policy_text)
    document = world_configuration(
        public_url="http://127.0.0.1:8080",
        bind="127.0.0.1:8080",
        database=tmp_path / "beforehand.db",
        addresses={name: f"http://{name}.world.test" for name in world.fakes},
    )
    settings = configuration.parse(document, tmp_path, {})
    workspaces = connect_all(settings, clock=clock, clients=world.clients)
    store = await SqliteStore.open(settings.server.database_path, clock=clock)
    happened: list[Happened] = []
    engine = Engine(workspaces, store, clock, on_event=happened.append)
    parts = Parts(settings=settings, store=store, workspaces=workspaces, engine=engine, clock=clock)
    app = create_app(parts)
    token = await tokens.create(store, clock, WORKSPACE, Role.AGENT, "test")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1:8080") as client:
        office = await Office.open(client, store, clock, WORKSPACE)
        yield Server(world, clock, parts, engine, client, token, happened, office)
    await parts.gathering.close()
    await engine.stop()
    for workspace in workspaces.values():
        await workspace.close()
    await store.close()
