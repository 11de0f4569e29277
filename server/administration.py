"""This file runs the commands of `server/cli.py`: it puts the parts together and takes them apart again."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from connectors.connection import Connector
from connectors.contract import Checkable, ConnectorError, EventSource
from connectors.transport import utc_now
from server import control
from server.engine.embedded import Engine
from server.errors import AlreadyRunning
from server.flows import administer, desk
from server.flows.policy_check import Checked, check_workspaces
from server.flows.policy_files import PolicyFiles
from server.model import JsonObject
from server.parts import Parts
from server.rules.policy import Policy
from server.rules.policy_names import Connections
from server.rules.policy_reading import parse_policy
from server.serving import run_server
from server.settings import Settings
from server.store.sqlite import SqliteStore
from server.workspaces import Workspaces, connect_all

WAL_RESET_FIXED_IN = (3, 51, 3)
Run = Callable[[str, JsonObject], Awaitable[JsonObject]]
"""Runs a command with its arguments."""


class Finding(Struct, frozen=True):
    """One line of `beforehand doctor`."""

    status: Literal["ok", "warning", "error"]
    what: str
    text: str


async def serve(settings: Settings) -> None:
    """Run the server until it is told to stop. Raises AlreadyRunning, StoreUnavailable, ConfigurationError."""
    workspaces = connect_all(settings)
    database = settings.server.database_path
    store = await SqliteStore.open(database, clock=utc_now)
    try:
        policies = PolicyFiles(workspaces, store, utc_now)
        engine = Engine(workspaces, store, utc_now, policies=policies)
        parts = Parts(settings=settings, store=store, workspaces=workspaces, engine=engine, policies=policies)
        await run_server(parts)
    finally:
        await _close(workspaces)
        await store.close()


async def ask(settings: Settings, command: str, arguments: JsonObject) -> JsonObject:
    """Run a command on the database, or in the server that holds it."""
    async with reach(settings) as run:
        return await run(command, arguments)


@asynccontextmanager
async def reach(settings: Settings) -> AsyncIterator[Run]:
    """For several commands: the database is opened once, or it is the server that holds it that is asked."""
    database = settings.server.database_path
    try:
        store = await SqliteStore.open(database, clock=utc_now)
    except AlreadyRunning:
        yield partial(control.ask_server, database)
        return
    workspaces = connect_all(settings)
    try:
        yield partial(administer.run, desk.Desk(store=store, workspaces=workspaces, clock=utc_now))
    finally:
        await _close(workspaces)
        await store.close()


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything that could keep the server from working. Changes nothing."""
    findings = [Finding("ok", "configuration", f"{len(settings.workspaces)} workspace(s)"), _sqlite()]
    if settings.server.public_url.startswith("http://"):
        findings.append(
            Finding("warning", "public_url", f"{settings.server.public_url} can be reached from this machine only")
        )
    workspaces = connect_all(settings, read_policy=defaults_only)
    try:
        findings += map(_policy, check_workspaces(workspaces, "", None))
        for workspace in workspaces.values():
            if not workspace.connections:
                findings.append(Finding("warning", workspace.name, "no connections are configured"))
            for name, connector in workspace.connections.items():
                findings.append(await _check(f"{workspace.name}.{name}", connector))
                findings += _addresses(settings, workspace.name, name, connector)
    finally:
        await _close(workspaces)
    return findings


def defaults_only(_: Path | None, timezone: ZoneInfo, __: Connections | None) -> Policy:
    """For whoever reads the policy files by themselves."""
    return parse_policy({}, timezone)


def _policy(checked: Checked) -> Finding:
    what = f"{checked.workspace} policy"
    if not checked.ok:
        text = "; ".join(map(str, checked.mistakes))
        return Finding("error", what, f"{checked.path}: {text} (a server that runs keeps the policy before it)")
    return Finding("warning" if checked.remarks else "ok", what, "; ".join([checked.path, *checked.remarks]))


async def _check(name: str, connector: Connector) -> Finding:
    if not isinstance(connector, Checkable):
        return Finding("ok", name, f"{connector.system}: nothing to check")
    try:
        return Finding("ok", name, await connector.check())
    except ConnectorError as error:
        return Finding("error", name, f"{error.sentence} ({error.detail})")


def _addresses(settings: Settings, workspace: str, name: str, connector: Connector) -> list[Finding]:
    """What to enter in the other system."""
    url, kind = settings.server.public_url.rstrip("/"), settings.workspaces[workspace].connections[name].kind
    addresses = {}
    if isinstance(connector, EventSource):
        addresses["webhooks"] = f"{url}/webhooks/{workspace}.{name}"
    if kind == "zendesk":
        addresses["sidebar"] = f"{url}/sidebar/zendesk"
    if kind == "gorgias":
        addresses["sidebar"] = f"{url}/sidebar/gorgias/{workspace}.{name}"
    if kind == "slack":
        addresses["buttons"] = f"{url}/interactions/{workspace}.{name}"
    return [Finding("ok", f"{workspace}.{name} {what}", address) for what, address in addresses.items()]


def _sqlite() -> Finding:
    version = sqlite3.sqlite_version_info
    if version >= WAL_RESET_FIXED_IN:
        return Finding("ok", "SQLite", sqlite3.sqlite_version)
    return Finding(
        "ok",
        "SQLite",
        f"{sqlite3.sqlite_version}: safe here because one process and one connection write; never open the "
        "database with another program while the server runs",
    )


async def _close(workspaces: Workspaces) -> None:
    for workspace in workspaces.values():
        await workspace.close()
