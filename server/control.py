"""This file lets the command line reach the server that holds the database.

A running server leaves a file beside the database, readable by its own user only, with its address and a secret that
is new at every start. Whoever can read that file could read the database as well, so it gives nothing away.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec
from msgspec import Struct

from server.errors import AlreadyRunning, BeforehandError
from server.model import JsonObject

HEADER = "x-beforehand-control"


class Control(Struct, frozen=True, kw_only=True):
    """How to reach a running server."""

    address: str
    secret: str
    pid: int


def control_path(database: Path) -> Path:
    """Where the file of a database is."""
    return database.with_name(database.name + ".control")


def new_control(host: str, port: int) -> Control:
    """A fresh secret for a server that listens on *host* and *port*."""
    # A server that listens on every address is reached on this machine.
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    shown = f"[{reachable}]" if ":" in reachable else reachable
    return Control(address=f"http://{shown}:{port}", secret=secrets.token_urlsafe(32), pid=os.getpid())


@contextmanager
def announced(database: Path, control: Control) -> Iterator[None]:
    """Keep the file there as long as the server runs."""
    path = control_path(database)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(control))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


async def ask_server(database: Path, command: str, arguments: JsonObject) -> JsonObject:
    """Run a command in the server that holds *database*. Raises BeforehandError with the server's own words."""
    try:
        control = msgspec.json.decode(control_path(database).read_bytes(), type=Control)
    except (OSError, msgspec.DecodeError) as error:
        raise AlreadyRunning(f"{database} is in use by another process which is not a server that answers") from error
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            answer = await client.post(
                f"{control.address}/control/{command}", json=arguments, headers={HEADER: control.secret}
            )
        found: JsonObject = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise AlreadyRunning(
            f"{database} is in use by process {control.pid}, which does not answer at {control.address}: {error}"
        ) from error
    if answer.is_error:
        raise BeforehandError(str(found.get("detail") or found))
    return found
