"""A server without the web, to be killed: takes webhooks in on standard input, has its helpdesk behind a socket.

`python -m tests.server.crash_child DATABASE SOCKET EPOCH`: one webhook a line (base64), answered by `stored` once it is
on disk. The clock runs thirty times as fast as the real one since EPOCH, across restarts.
"""

import asyncio
import sys
import time
from base64 import b64decode
from datetime import timedelta
from pathlib import Path

import msgspec
import structlog

from connectors.contract import Interrupted
from connectors.model import Ticket
from server.engine.embedded import Engine
from server.flows import intake
from server.store.sqlite import SqliteStore
from tests.server.desk import NOW, FakeHelpdesk, make_workspace

PACE = 30


class RemoteHelpdesk(FakeHelpdesk):
    """Renders here, and asks the parent process for everything else."""

    def __init__(self, socket):
        super().__init__()
        self._socket = socket

    async def _ask(self, kind, *call):
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket)
            writer.write(msgspec.json.encode(call) + b"\n")
            line = await reader.readline()
            writer.close()
        except OSError as error:
            raise Interrupted(self.system, str(error)) from error
        if not line:
            raise Interrupted(self.system, "no answer")
        return msgspec.json.decode(line, type=kind)

    async def open_ticket(self, request, idempotency_key):
        return await self._ask(Ticket, "open_ticket", request.decode(), idempotency_key)

    async def find_ticket(self, external_id):
        return await self._ask(Ticket | None, "find_ticket", external_id)

    async def read_ticket(self, ticket_id):
        return await self._ask(Ticket, "read_ticket", ticket_id)

    async def tickets_of(self, email):
        return await self._ask(tuple[Ticket, ...], "tickets_of", email)

    async def was_touched_by_a_person(self, ticket):
        return await self._ask(bool, "was_touched_by_a_person", ticket.id)

    async def change_ticket(self, ticket, request):
        return await self._ask(Ticket, "change_ticket", ticket.id, ticket.version, request.decode())

    async def has_note(self, ticket_id, marker):
        return await self._ask(bool, "has_note", ticket_id, marker)


async def main(database, socket, epoch):
    def clock():
        return NOW + timedelta(seconds=(time.time() - float(epoch)) * PACE)

    store = await SqliteStore.open(Path(database), clock=clock)
    workspaces = {"acme": make_workspace("acme", desk=RemoteHelpdesk(socket))}
    engine = Engine(workspaces, store, clock, pace=PACE)
    await engine.start()
    lines = asyncio.StreamReader(limit=2**20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        await intake.accept(workspaces, store, clock, "acme.shop", {"x-signature": "good"}, b64decode(line))
        sys.stdout.write("stored\n")
        sys.stdout.flush()
        engine.wake()
    await engine.stop()
    await store.close()


if __name__ == "__main__":
    # What is written to standard output is the answers alone.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(main(*sys.argv[1:]))
