"""Killed again and again while it carries out what was approved, it does everything once, and knows what it did."""

import asyncio
import random
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import msgspec
import pytest

from connectors.order_actions import ActionReceipt
from server.approval_model import ApprovalState
from server.flows.process import process_inbox
from server.model import OrderKey
from server.store.sqlite import SqliteStore
from tests.server.desk import Clock, make_workspace
from tests.server.executing import approved
from tests.server.test_crash import Child as EventChild

REQUESTS = 24
KILLS = 8
ROOT = Path(__file__).parents[2]


class Vendor:
    """The shop, in this process. It has no idempotency keys: whatever is sent twice is done twice, and counted.

    It refuses every fifth request. Every third it takes on and finishes when it is next asked; one of them fails then.
    """

    def __init__(self, generator):
        self.effects = Counter()
        self.calls = Counter()
        self.taken_on = set()
        self.came_to_nothing = set()
        self.done = asyncio.Event()
        self._generator = generator
        self.kill = None
        self.killed_in = defaultdict(int)
        self.calls_until_kill = 3

    async def serve(self, reader, writer):
        line = await reader.readline()
        if line:
            name, key = msgspec.json.decode(line)
            self._maybe_kill(f"before {name}")
            answer = getattr(self, name)(key)
            self.calls[name] += 1
            self._maybe_kill(f"after {name}")
            writer.write(msgspec.json.encode(answer) + b"\n")
        writer.close()

    def carry_out(self, key):
        if number(key) % 5 == 0:
            return "refused"
        self.effects[key] += 1
        if number(key) % 3 == 0:
            self.taken_on.add(key)
        return self._receipt(key)

    def find_action(self, key):
        if key in self.came_to_nothing:
            return "came to nothing"
        if not self.effects[key]:
            return None
        receipt = self._receipt(key)
        self.taken_on.discard(key)
        if number(key) == 9 and not receipt.is_final:
            self.came_to_nothing.add(key)
            self.effects[key] -= 1
        return receipt

    def read_order(self, key):
        return None

    def _receipt(self, key):
        return ActionReceipt(id=f"re_{number(key)}", text="Refunded $12.00", is_final=key not in self.taken_on)

    def _maybe_kill(self, where):
        """Before something was done or after it, so that only the answer is lost."""
        if self.kill is None:
            return
        self.calls_until_kill -= 1
        if self.calls_until_kill < 0:
            self.calls_until_kill = self._generator.randrange(6)
            self.killed_in[where] += 1
            self.kill()


class Child(EventChild):
    """The process under test."""

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.server.crash_child_executions", *self._arguments,
            cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip


def number(key):
    return int(key.removeprefix("beforehand-r"))


def request_of(index):
    """Two for each order."""
    return approved(f"r{index}", order=OrderKey("acme", "shop", str(5001 + index // 2)))


@pytest.mark.parametrize("seed", [1, 2])
async def test_killed_at_random_everything_approved_happens_once_and_is_told(tmp_path, seed):
    generator = random.Random(seed)
    vendor = Vendor(generator)
    server = await asyncio.start_unix_server(vendor.serve, tmp_path / "shop")
    child = Child(tmp_path / "beforehand.db", tmp_path / "shop", time.time())
    queue = [msgspec.json.encode(request_of(index)) for index in range(REQUESTS)]
    generator.shuffle(queue)
    kills = 0

    def kill():
        nonlocal kills
        kills += 1
        child.kill()
        if kills >= KILLS:
            vendor.kill = None

    vendor.kill = kill
    await child.start()
    async with asyncio.timeout(120):
        while queue:
            if await child.send(queue[-1]):
                queue.pop()
                if vendor.kill and generator.random() < 0.05:
                    kill()
            else:
                await child.process.wait()
                await child.start()
        await _until_quiet(vendor, child)
    await child.end()
    server.close()
    await server.wait_closed()
    assert kills == KILLS
    assert vendor.killed_in
    await _check(vendor, tmp_path / "beforehand.db")


async def _until_quiet(vendor, child):
    """Nothing is asked for longer than a lease lasts; a child that was killed is started again."""
    quiet_since, calls = time.monotonic(), -1
    while time.monotonic() - quiet_since < 4:
        if child.process.returncode is not None:
            await child.start()
        if calls != vendor.calls.total():
            quiet_since, calls = time.monotonic(), vendor.calls.total()
        await asyncio.sleep(0.05)


async def _check(vendor, database):
    assert max(vendor.effects.values()) == 1, "something was done twice"
    workspaces = {"acme": make_workspace("acme")}
    store = await SqliteStore.open(database, clock=Clock())
    await process_inbox(workspaces, store, Clock())
    facts = [entry.fact for entry in await store.read(lambda tx: tx.audit("acme", 0, 10_000))]
    told = Counter((fact.subject, fact.event) for fact in facts)
    for index in range(REQUESTS):
        request = await store.read(lambda tx, name=f"r{index}": tx.approval(name))
        is_done = vendor.effects[f"beforehand-r{index}"] == 1
        expected = ApprovalState.EXECUTED if is_done else ApprovalState.FAILED
        assert request.state is expected, f"r{index}: {request.error} {request.execution}"
        assert is_done == (index % 5 != 0 and index != 9)
        assert told.pop((f"r{index}", f"approval.{expected}")) == 1
        record = await store.read(lambda tx, key=request.order: tx.record(key))
        names = [name for name in record.timeline if f":r{index}:" in name]
        assert names == [f"beforehand:approval:r{index}:{expected}"]
    assert not told, "the audit log has heard something else"
    assert await store.examine() == ""
    await store.close()
