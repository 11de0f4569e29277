"""This file serves web applications beside us on loopback, on ports that are surely free."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from server.demo.fake import Fake
from server.errors import BeforehandError

HOST = "127.0.0.1"
_PORTS_TRIED = 200


def taken_port(wanted: int) -> socket.socket:
    """A socket that listens on *wanted*, or on the next port that nobody uses. Raises BeforehandError."""
    for port in range(wanted, wanted + _PORTS_TRIED):
        found = socket.socket()
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((HOST, port))
            # From now on it is ours: two that are merely bound may share a port.
            found.listen(2048)
        except OSError:
            found.close()
            continue
        return found
    raise BeforehandError(f"no free port from {wanted} on")


def port_of(taken: socket.socket) -> int:
    """The port of a listening socket."""
    port: int = taken.getsockname()[1]
    return port


@asynccontextmanager
async def served(fake: Fake, wanted_port: int) -> AsyncIterator[str]:
    """A stand-in on a port of this machine; its address."""
    app: Any = fake.app
    taken = taken_port(wanted_port)
    config = uvicorn.Config(app, interface="asgi3", log_config=None, log_level="critical", lifespan="off", ws="none")
    async with running(config, taken):
        yield f"http://{HOST}:{port_of(taken)}"


@asynccontextmanager
async def running(config: uvicorn.Config, taken: socket.socket) -> AsyncIterator[None]:
    """A web server that runs beside us. Signals are left to whoever waits for them."""
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    task = asyncio.create_task(server.serve(sockets=[taken]))
    try:
        while not server.started:
            if task.done():
                raise BeforehandError(f"nothing could be started on port {port_of(taken)}") from task.exception()
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        server.force_exit = True
        with contextlib.suppress(SystemExit):
            await task
        taken.close()
