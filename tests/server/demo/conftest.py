"""The simulated world in this process, with the real server in it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import httpx
import pytest

from server import settings as configuration
from server.app import create_app
from server.demo.clock import StoppedClock
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

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path, headers={"authorization": f"Bearer {self.token}"})

    def player(self, seed: int = 7) -> Player:
        sender = Sender(self.client, WORKSPACE, Random(seed))
        return Player(Stories(self.world, START), sender, self.parts.store, self.engine, self.clock)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    clock = StoppedClock(START)
    world = World(clock)
    (tmp_path / "policy.toml").write_text(POLICY)
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
        yield Server(world, clock, parts, engine, client, token, happened)
    await parts.gathering.close()
    await engine.stop()
    for workspace in workspaces.values():
        await workspace.close()
    await store.close()
