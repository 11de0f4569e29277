"""This file runs the demo: the simulated world and the real server, on this machine alone."""

import asyncio
import contextlib
import socket
import tempfile
import tomllib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx
import uvicorn
from rich.console import Console

from server import settings as configuration
from server.demo.clock import MovableClock
from server.demo.fake import Fake
from server.demo.play import Player
from server.demo.sender import Sender
from server.demo.stories import NEW_YORK, Step, Stories, beginning
from server.demo.world import POLICY, WORKSPACE, World
from server.demo.world import configuration as world_configuration
from server.engine.embedded import Engine
from server.errors import BeforehandError
from server.flows import tokens
from server.flows.deliver import Happened
from server.model import Role
from server.parts import Parts
from server.serving import configuration as server_configuration
from server.store.sqlite import SqliteStore
from server.workspaces import connect_all

FIRST_PORT = 9100
READABLE_PAUSE = 0.5
"""Seconds between two steps, for people who watch."""

_MARKS = {
    "ticket_opened": ("bold red", "ticket opened"),
    "ticket_joined": ("bold yellow", "note in the customer's own ticket"),
    "follow_up_opened": ("bold red", "follow-up opened"),
    "note_added": ("yellow", "note added"),
    "ticket_solved": ("bold green", "ticket solved"),
    "ticket_reopened": ("bold red", "ticket re-opened"),
}


async def demonstrate(*, port: int = 8080, folder: Path | None = None, keep_running: bool = True) -> None:
    """Play every story, then go on until interrupted (or end, without *keep_running*). Raises BeforehandError."""
    console = Console(highlight=False, soft_wrap=True)
    async with AsyncExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="beforehand-demo-")))
        folder.mkdir(parents=True, exist_ok=True)
        start = beginning(datetime.now(UTC))
        clock = MovableClock(start)
        world = World(clock)
        addresses = {name: await stack.enter_async_context(_served(f)) for name, f in world.fakes.items()}
        port = _free_port(port)
        world.zendesk.sidebar.sidebar_url = f"http://127.0.0.1:{port}/sidebar/zendesk"
        found = _write_configuration(folder, port, addresses)
        workspaces = connect_all(found, clock=clock)
        for workspace in workspaces.values():
            stack.push_async_callback(workspace.close)
        store = await SqliteStore.open(found.server.database_path, clock=clock)
        stack.push_async_callback(store.close)
        engine = Engine(workspaces, store, clock, on_event=lambda happened: _tell_happened(console, happened))
        parts = Parts(settings=found, store=store, workspaces=workspaces, engine=engine, clock=clock)
        await stack.enter_async_context(_running(server_configuration(parts)))
        token = await tokens.create(store, clock, WORKSPACE, Role.AGENT, "demo")
        _introduce(console, addresses["desk"], port)
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False)
        )
        sender = Sender(client, WORKSPACE, Random(7))  # noqa: S311  # the same play every time
        player = Player(Stories(world, start), sender, store, engine, clock)
        pause = READABLE_PAUSE if keep_running and console.is_terminal else 0.0

        async def tell(at: datetime, step: Step) -> None:
            _tell_step(console, at, step)
            await asyncio.sleep(pause)

        await player.play(tell)
        _conclude(console, world, sender, addresses["desk"], port, token)
        if keep_running:
            console.print("\nEverything keeps running. Ctrl-C ends it and throws it away.", style="dim")
            await asyncio.Event().wait()


def _write_configuration(folder: Path, port: int, addresses: dict[str, str]) -> configuration.Settings:
    """The files that `beforehand serve` would read, and what they say."""
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


@asynccontextmanager
async def _served(fake: Fake) -> AsyncIterator[str]:
    """A stand-in on a port of this machine; its address."""
    port = _free_port(FIRST_PORT)
    app: Any = fake.app
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, interface="asgi3", log_level="critical", lifespan="off", access_log=False
    )
    async with _running(config):
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def _running(config: uvicorn.Config) -> AsyncIterator[None]:
    """A web server that runs beside us. Signals are left to whoever waits for them."""
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    task = asyncio.create_task(server.serve())
    while not server.started:
        if task.done():
            raise BeforehandError(f"nothing could be started on port {config.port}") from task.exception()
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        server.force_exit = True
        with contextlib.suppress(SystemExit):
            await task


def _free_port(wanted: int) -> int:
    """*wanted*, or the next one that nobody uses."""
    for port in range(wanted, wanted + 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                continue
            with contextlib.suppress(OSError):
                probe.close()
                check = socket.socket()
                check.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                with check:
                    check.bind(("127.0.0.1", port))
                return port
    raise BeforehandError(f"no free port from {wanted} on")


# --- what is printed ------------------------------------------------------------------------------------------------


def _introduce(console: Console, desk: str, port: int) -> None:
    console.print("[bold]Beforehand[/] with a simulated shop, payment processor, two carriers and a helpdesk.")
    console.print(f"  Helpdesk, with the sidebar beside each ticket  [bold cyan]{desk}[/]")
    console.print(f"  Beforehand's own server                        http://127.0.0.1:{port}")
    console.print("Several orders' lives follow. The clock leaps from one event to the next.\n", style="dim")


def _tell_step(console: Console, at: datetime, step: Step) -> None:
    console.print(f"[dim]{_time(at)}[/]  {step.order}  {step.text}")


def _tell_happened(console: Console, happened: Happened) -> None:
    if happened.kind not in _MARKS:
        return
    style, words = _MARKS[happened.kind]
    number = f" {happened.ticket_id}" if happened.ticket_id else ""
    console.print(f"[dim]{_time(happened.at)}[/]  {' ' * 8}[{style}]▸ {words}{number}[/]")
    first, _, _ = happened.text.partition("\n")
    console.print(f"{' ' * 27}{first}", style="dim", markup=False, soft_wrap=True)


def _conclude(console: Console, world: World, sender: Sender, desk: str, port: int, token: str) -> None:
    tickets = world.zendesk.desk.tickets.values()
    console.print(
        f"\n{sender.accepted} webhooks were taken in, {sender.duplicates} more were repeats and changed nothing."
    )
    console.print("Tickets in the helpdesk now:")
    for ticket in tickets:
        console.print(f"  {ticket.id}  {ticket.status:8}{ticket.subject}", markup=False)
    console.print(f"\nOpen [bold cyan]{desk}[/] and choose a ticket. Or ask as a program would:")
    print(f"  curl -s -H 'Authorization: Bearer {token}' http://127.0.0.1:{port}/v1/orders/{WORKSPACE}/48219/context")


def _time(at: datetime) -> str:
    return f"{at.astimezone(NEW_YORK):%a %d %b %H:%M}"
