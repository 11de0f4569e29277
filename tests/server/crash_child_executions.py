"""A server without the web, to be killed: takes approved requests on standard input, has its shop behind a socket.

`python -m tests.server.crash_child_executions DATABASE SOCKET EPOCH`: one request a line (base64), answered by `stored`
once it is on disk. The clock runs sixty times as fast as the real one since EPOCH, across restarts.
"""

import asyncio
import sys
import time
from base64 import b64decode
from datetime import timedelta
from pathlib import Path

import msgspec
import structlog

from connectors.contract import CameToNothing, Interrupted, Missing, Rejected
from connectors.order_actions import ActionReceipt
from server.approval_model import ApprovalRequest
from server.engine.embedded import Engine
from server.store.sqlite import SqliteStore
from tests.server.desk import NOW, FakeShop, make_workspace

PACE = 60


class RemoteShop(FakeShop):
    """Renders here, and asks the parent process for everything else."""

    system = "Shop"

    def __init__(self, socket):
        self._socket = socket

    def objection(self, action):
        return ""

    async def render_action(self, action):
        return msgspec.json.encode(action)

    async def carry_out(self, request, key):
        return await self._ask("carry_out", key)

    async def find_action(self, request, key, since):
        return await self._ask("find_action", key)

    async def read_order(self, order_id):
        await self._ask("read_order", order_id)
        raise Missing(self.system, order_id)

    async def _ask(self, *call):
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket)
            writer.write(msgspec.json.encode(call) + b"\n")
            line = await reader.readline()
            writer.close()
        except OSError as error:
            raise Interrupted(self.system, str(error)) from error
        if not line:
            raise Interrupted(self.system, "no answer")
        answer = msgspec.json.decode(line)
        if answer == "refused":
            raise Rejected(self.system, "nothing is left to refund")
        if answer == "came to nothing":
            raise CameToNothing(self.system, "the card has expired")
        return None if answer is None else msgspec.convert(answer, ActionReceipt)


async def main(database, socket, epoch):
    def clock():
        return NOW + timedelta(seconds=(time.time() - float(epoch)) * PACE)

    store = await SqliteStore.open(Path(database), clock=clock)
    engine = Engine({"acme": make_workspace("acme", shop=RemoteShop(socket))}, store, clock, pace=PACE)
    await engine.start()
    lines = asyncio.StreamReader(limit=2**20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        request = msgspec.json.decode(b64decode(line), type=ApprovalRequest)
        await store.write(lambda tx, request=request: tx.approval(request.id) or tx.put_approval(request))
        sys.stdout.write("stored\n")
        sys.stdout.flush()
        engine.wake()
    await engine.stop()
    await store.close()


if __name__ == "__main__":
    # What is written to standard output is the answers alone.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(main(*sys.argv[1:]))
