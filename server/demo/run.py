"""This file runs the demo: the simulated world and the real server, on this machine alone."""

import asyncio
import contextlib
import signal
import tempfile
import tomllib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx
from msgspec import Struct

from server import settings as configuration
from server.demo.clock import MovableClock
from server.demo.happenings import Step
from server.demo.office import Office
from server.demo.play import Player
from server.demo.sender import Sender
from server.demo.serving import port_of, running, served, taken_port
from server.demo.stories import Stories, beginning
from server.demo.telling import Teller
from server.demo.world import POLICY, WORKSPACE, World
from server.demo.world import configuration as world_configuration
from server.engine.embedded import Engine
from server.errors import BeforehandError
from server.flows import tokens
from server.flows.deliver import Happened, Watcher
from server.model import Role
from server.parts import Parts
from server.serving import configuration as server_configuration
from server.store.sqlite import SqliteStore
from server.workspaces import connect_all

FIRST_PORT = 9100
READABLE_PAUSE = 0.5
"""Seconds between two steps, for people who watch."""


class Summary(Struct, frozen=True):
    """What came of it all: how often each thing happened, and the tickets as they are in the end."""

    happened: dict[str, int]
    tickets: dict[str, str]
    """Subject -> status."""
    accepted: int
    duplicates: int


@dataclass(frozen=True)
class Stage:
    """A world and a server in it, both at work."""

    start: datetime
    clock: MovableClock
    world: World
    parts: Parts
    engine: Engine
    desk_url: str
    server_url: str


async def demonstrate(*, port: int = 8080, folder: Path | None = None, keep_running: bool = True) -> Summary:
    """Play every story, then go on until interrupted (or end, without *keep_running*). Raises BeforehandError."""
    teller = Teller()
    counted: Counter[str] = Counter()

    def on_event(happened: Happened) -> None:
        counted[happened.kind] += 1
        teller.tell_happened(happened)

    with _sigterm_ends_it(), tempfile.TemporaryDirectory(prefix="beforehand-demo-") as scratch:
        async with _staged(folder or Path(scratch), port, on_event) as stage:
            token = await tokens.create(stage.parts.store, stage.clock, WORKSPACE, Role.AGENT, "demo")
            teller.introduce(stage.desk_url, stage.server_url)
            sender = await _play(stage, teller, READABLE_PAUSE if keep_running and teller.is_watched else 0.0)
            tickets = list(stage.world.zendesk.desk.tickets.values())
            teller.conclude(sender, tickets)
            teller.invite(stage.desk_url, f"{stage.server_url}/v1/orders/{WORKSPACE}/48219/context", token)
            if keep_running:
                teller.wait()
                await asyncio.Event().wait()
    return Summary(
        happened=dict(counted),
        tickets={ticket.subject: ticket.status for ticket in tickets},
        accepted=sender.accepted,
        duplicates=sender.duplicates,
    )


async def _play(stage: Stage, teller: Teller, pause: float) -> Sender:
    async def tell(at: datetime, step: Step) -> None:
        teller.tell_step(at, step)
        await asyncio.sleep(pause)

    async with httpx.AsyncClient(base_url=stage.server_url, trust_env=False, timeout=30) as client:
        sender = Sender(client, WORKSPACE, Random(7))  # noqa: S311  # the same play every time
        stories = Stories(stage.world, stage.start)
        office = await Office.open(client, stage.parts.store, stage.clock, WORKSPACE)
        await Player(stories, sender, stage.parts.store, stage.engine, stage.clock, office=office).play(tell)
    return sender


@asynccontextmanager
async def _staged(folder: Path, wanted_port: int, on_event: Watcher) -> AsyncIterator[Stage]:
    """Everything at work, on ports of this machine; all of it stopped at the end."""
    start = beginning(datetime.now(UTC))
    clock = MovableClock(start)
    world = World(clock)
    async with AsyncExitStack() as stack:
        addresses = {
            name: await stack.enter_async_context(served(fake, FIRST_PORT + place))
            for place, (name, fake) in enumerate(world.fakes.items())
        }
        ours = taken_port(wanted_port)
        url = f"http://127.0.0.1:{port_of(ours)}"
        world.zendesk.sidebar.sidebar_url = f"{url}/sidebar/zendesk"
        settings = write_configuration(folder, port_of(ours), addresses)
        workspaces = connect_all(settings, clock=clock)
        for workspace in workspaces.values():
            stack.push_async_callback(workspace.close)
        store = await SqliteStore.open(settings.server.database_path, clock=clock)
        stack.push_async_callback(store.close)
        engine = Engine(workspaces, store, clock, on_event=on_event)
        parts = Parts(settings=settings, store=store, workspaces=workspaces, engine=engine, clock=clock)
        # Whoever waits for an answer that never comes gets it before the server waits for them.
        stack.callback(world.ups.patience.set)
        await stack.enter_async_context(running(server_configuration(parts), ours))
        yield Stage(start, clock, world, parts, engine, addresses["desk"], url)


@contextlib.contextmanager
def _sigterm_ends_it() -> Iterator[None]:
    """Let SIGTERM end it as Ctrl-C does, where signals can be had."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        loop.add_signal_handler(signal.SIGTERM, signal.raise_signal, signal.SIGINT)
    try:
        yield
    finally:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.remove_signal_handler(signal.SIGTERM)


def write_configuration(folder: Path, port: int, addresses: dict[str, str]) -> configuration.Settings:
    """The files that `beforehand serve` would read, and what they say."""
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / "beforehand.db"
    for old in folder.glob("beforehand.db*"):
        old.unlink()
    document = world_configuration(
        public_url=f"http://127.0.0.1:{port}", bind=f"127.0.0.1:{port}", database=database, addresses=addresses
    )
    (folder / "policy.toml").write_text(POLICY, "utf-8")
    path = folder / "beforehand.toml"
    path.write_text(_as_toml(document), "utf-8")
    if tomllib.loads(path.read_text("utf-8")) != document:
        raise BeforehandError(f"{path} could not be written")
    return configuration.load(path)


def _as_toml(table: dict[str, Any], path: str = "") -> str:
    """A nested document of plain values; enough for a configuration, and checked by reading it back."""
    plain = {name: value for name, value in table.items() if not isinstance(value, dict)}
    lines = [f"[{path}]"] if path and plain else []
    lines += [f"{name} = {_toml_value(value)}" for name, value in plain.items()]
    nested = [_as_toml(value, f"{path}.{name}".lstrip(".")) for name, value in table.items() if isinstance(value, dict)]
    return "\n".join([*lines, *nested]) + "\n"


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(_toml_value(item) for item in value)}]"
    return str(value) if isinstance(value, int) else f'"{value}"'
