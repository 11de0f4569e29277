"""This file is what an operator may do about connections: read them back now, and set them up elsewhere."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import Struct

from connectors.contract import ConnectorError, ReadableBack
from server.errors import BadInput, BeforehandError, NotFound
from server.flows import install_gorgias
from server.flows.desk import Desk
from server.flows.read_back import ReadingBack
from server.model import JsonObject
from server.workspaces import Workspace


class OneConnection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    workspace: str
    connection: str


class Reconcile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which to read back: one connection, all of a workspace, or all."""

    workspace: str = ""
    connection: str = ""


async def reconcile(desk: Desk, wanted: Reconcile) -> JsonObject:
    """Read connections back now, and take in what their webhooks have not told."""
    if wanted.connection and not wanted.workspace:
        raise BadInput("connection: expected --workspace with it")
    names = [wanted.workspace] if wanted.workspace else list(desk.workspaces)
    reading = ReadingBack(desk.workspaces, desk.store, desk.clock)
    rows = []
    for name in names:
        workspace = _workspace(desk, name)
        for connection, connector in workspace.connections.items():
            if wanted.connection not in ("", connection) or not isinstance(connector, ReadableBack):
                continue
            found = await reading.read(name, connection)
            rows.append(
                {
                    "workspace": name,
                    "connection": connection,
                    "pages": found.pages,
                    "found": found.found,
                    "trouble": found.trouble,
                }
            )
    if wanted.connection and not rows:
        raise BadInput(f"{wanted.workspace}.{wanted.connection} cannot be read back")
    desk.wake()
    return {"connections": rows}


async def install(desk: Desk, wanted: OneConnection) -> JsonObject:
    """Set a Gorgias account up."""
    workspace = _workspace(desk, wanted.workspace)
    try:
        found = await install_gorgias.install(workspace, wanted.connection)
    except ConnectorError as error:
        raise BeforehandError(f"{error.sentence} ({error.detail})") from error
    return {"installed": found}


async def check(desk: Desk, wanted: OneConnection) -> JsonObject:
    """What is missing in a Gorgias account."""
    workspace = _workspace(desk, wanted.workspace)
    try:
        return {"missing": await install_gorgias.check(workspace, wanted.connection)}
    except ConnectorError as error:
        raise BeforehandError(f"{error.sentence} ({error.detail})") from error


def _workspace(desk: Desk, name: str) -> Workspace:
    if name not in desk.workspaces:
        raise NotFound(f"there is no workspace {name!r}; the configuration has {', '.join(desk.workspaces)}")
    return desk.workspaces[name]


Command = Callable[[Desk, Any], Awaitable[JsonObject]]
COMMANDS: Mapping[str, tuple[type[Struct], Command]] = {
    "reconcile": (Reconcile, reconcile),
    "gorgias_install": (OneConnection, install),
    "gorgias_check": (OneConnection, check),
}
