"""Killed again and again at bad moments, it loses no event and opens no second ticket."""

import asyncio
import random
import sys
import time
from base64 import b64encode
from collections import Counter
from datetime import timedelta
from pathlib import Path

import msgspec

from connectors.model import ShipmentState
from server.model import ActionState, IssueState, OrderKey
from server.rules.timeline import empty, fold
from server.store.contract import InboxState
from server.store.sqlite import SqliteStore
from tests.server.desk import NOW, Clock, FakeHelpdesk, body_of, order_seen, parcel, scan

ORDERS = 16
KILLS = 5
ROOT = Path(__file__).parents[2]
STALLED_AT = NOW - timedelta(hours=60)


def story(number):
    """Placed, shipped and silent; every second parcel moves again in the end."""
    order_id, shipment = str(5001 + number), parcel(f"1Z{number}", scan(STALLED_AT), state=ShipmentState.IN_TRANSIT)
    events = [
        order_seen(order_id, at=STALLED_AT - timedelta(hours=1)),
        order_seen(order_id, at=STALLED_AT, shipments=(shipment,)),
    ]
    if number % 2:
        moves = parcel(f"1Z{number}", scan(NOW, text="Departed"), state=ShipmentState.IN_TRANSIT)
        events.append(order_seen(order_id, at=NOW, shipments=(moves,)))
    return events


class Desk(FakeHelpdesk):
    """The helpdesk, in this process: it survives, and pulls the plug in the middle of chosen calls."""

    def __init__(self, generator):
        super().__init__()
        self._generator = generator
        self.kill = None
        self.calls_until_kill = 0

    async def serve(self, reader, writer):
        line = await reader.readline()
        if line:
            name, *arguments = msgspec.json.decode(line)
            await self._maybe_kill(name)
            answer = await self._do(name, arguments)
            await self._maybe_kill(name)
            writer.write(msgspec.json.encode(answer) + b"\n")
        writer.close()

    async def _do(self, name, arguments):
        if name == "open_ticket":
            return await self.open_ticket(arguments[0].encode(), arguments[1])
        if name == "was_touched_by_a_person":
            return False
        if name == "change_ticket":
            ticket_id, version, request = arguments
            seen = msgspec.structs.replace(self.tickets[ticket_id], version=version)
            return await self.change_ticket(seen, request.encode())
        return await getattr(self, name)(*arguments)

    async def _maybe_kill(self, name):
        """Before a write was carried out or after it, so that only the answer is lost."""
        if self.kill is None or name not in ("open_ticket", "change_ticket", "find_ticket"):
            return
        self.calls_until_kill -= 1
        if self.calls_until_kill < 0:
            self.calls_until_kill = self._generator.randrange(12)
            self.kill()


class Child:
    """The process under test."""

    def __init__(self, database, socket, epoch):
        self._arguments = (str(database), str(socket), str(epoch))
        self.process = None

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.server.crash_child", *self._arguments,
            cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

    async def send(self, body):
        """Whether it was acknowledged."""
        try:
            self.process.stdin.write(b64encode(body) + b"\n")
            await self.process.stdin.drain()
            return await self.process.stdout.readline() == b"stored\n"
        except (ConnectionError, BrokenPipeError):
            return False

    def kill(self):
        if self.process.returncode is None:
            self.process.kill()

    async def end(self):
        self.process.stdin.close()
        await self.process.wait()


async def test_killed_at_random_it_loses_nothing_and_repeats_nothing(tmp_path):
    generator = random.Random(1)
    desk = Desk(generator)
    server = await asyncio.start_unix_server(desk.serve, tmp_path / "desk")
    child = Child(tmp_path / "beforehand.db", tmp_path / "desk", time.time())
    unique = [body_of(event) for number in range(ORDERS) for event in story(number)]
    queue = unique + generator.sample(unique, len(unique) // 3)
    generator.shuffle(queue)

    kills = 0

    def kill():
        nonlocal kills
        kills += 1
        child.kill()
        if kills >= KILLS:
            desk.kill = None

    desk.kill = kill
    await child.start()
    async with asyncio.timeout(60):
        while queue:
            if await child.send(queue[-1]):
                queue.pop()
                if desk.kill and generator.random() < 0.03:
                    kill()
            else:
                await child.process.wait()
                await child.start()
        desk.kill = None
        await _until_settled(desk, child)
    await child.end()
    server.close()
    await server.wait_closed()
    assert kills == KILLS
    await _check(desk, tmp_path / "beforehand.db", unique)


async def _until_settled(desk, child):
    """Every silent parcel has its ticket, and nothing has been asked for a while."""
    quiet_since, calls = time.monotonic(), -1
    while time.monotonic() - quiet_since < 0.5 or _tickets_of(desk)[0] < ORDERS // 2:
        if child.process.returncode is not None:
            await child.start()
        if calls != sum(desk.calls.values()):
            quiet_since, calls = time.monotonic(), sum(desk.calls.values())
        await asyncio.sleep(0.05)


def _tickets_of(desk):
    """How many silent orders have a ticket, and all external ids with their number."""
    subjects = Counter(ticket.subject.split(" has ")[0] for ticket in desk.tickets.values())
    silent = {f"Order #{1001 + number}" for number in range(0, ORDERS, 2)}
    return len(silent & subjects.keys()), subjects


async def _check(desk, database, unique):
    silent, subjects = _tickets_of(desk)
    assert silent == ORDERS // 2
    assert set(subjects.values()) == {1}, "an order has two tickets"
    for ticket_id, notes in desk.notes.items():
        markers = Counter(note.splitlines()[-1] for note in notes[1:])
        assert all(count == 1 for count in markers.values()), f"ticket {ticket_id} was told something twice"
    store = await SqliteStore.open(database, clock=Clock())
    rows = await store.read(lambda tx: tx.inbox(InboxState, 10_000))
    assert sorted(row.item.body for row in rows) == sorted(unique)
    assert {row.state for row in rows} == {InboxState.DONE}
    for number in range(ORDERS):
        key = OrderKey("acme", "shop", str(5001 + number))
        record, expected = await store.read(lambda tx, key=key: tx.record(key)), empty(key)
        for event in story(number):
            expected = fold(expected, event)
        assert record == expected
        actions = await store.read(lambda tx, key=key: tx.actions_of(key))
        assert {action.state for action in actions} <= {ActionState.DONE}
        states = {issue.state for issue in await store.read(lambda tx, key=key: tx.issues_of(key))}
        assert states <= ({IssueState.SOLVED} if number % 2 else {IssueState.OPEN})
    assert await store.examine() == ""
    await store.close()
