"""A running engine takes up a changed policy by itself; a wrong one stops nothing."""

import asyncio
from datetime import timedelta

import pytest

from connectors.model import ShipmentState
from server.engine.embedded import POLICY_EVERY, Engine
from server.flows import intake
from server.flows.policy_files import PolicyFiles
from server.store.sqlite import SqliteStore
from tests.server.desk import NOW, Clock, FakeHelpdesk, body_of, make_workspace, order_seen, parcel, scan

OFF = "[detectors.tracking_stalled]\nenabled = false\n"
ON = "[detectors.tracking_stalled]\nenabled = true\n"
LONG_AGO = NOW - timedelta(hours=60)


class Running:
    """An engine over one workspace whose policy is a file."""

    def __init__(self, store, folder):
        self.clock = Clock()
        self.store = store
        self.desk = FakeHelpdesk()
        self.workspaces = {"acme": make_workspace("acme", desk=self.desk, policy={})}
        self.path = self.workspaces["acme"].policy_path = folder / "policy.toml"
        self.path.write_text(OFF)
        self.files = PolicyFiles(self.workspaces, store, self.clock)
        self.happened = asyncio.Queue()
        self.looked = asyncio.Queue()
        self._look = self.files.look
        self.files.look = self._told
        self.engine = Engine(self.workspaces, store, self.clock, on_event=self.happened.put_nowait, policies=self.files)

    async def _told(self, **options):
        found = await self._look(**options)
        self.looked.put_nowait(found)
        return found

    async def look(self):
        """What the engine has found at its next look."""
        async with asyncio.timeout(10):
            return await self.looked.get()

    async def happens(self):
        async with asyncio.timeout(10):
            return (await self.happened.get()).kind

    def pass_a_while(self):
        self.clock.pass_(seconds=POLICY_EVERY)
        self.engine.wake()

    async def send_stalled_orders(self, count):
        for number in range(5001, 5001 + count):
            shipment = parcel(f"1Z{number}", scan(LONG_AGO), state=ShipmentState.IN_TRANSIT)
            seen = order_seen(str(number), at=LONG_AGO, shipments=(shipment,))
            body = body_of(seen)
            await intake.accept(self.workspaces, self.store, self.clock, "acme.shop", {"x-signature": "good"}, body)


@pytest.fixture
async def running(tmp_path):
    store = await SqliteStore.open(tmp_path / "beforehand.db", clock=Clock())
    found = Running(store, tmp_path)
    yield found
    await found.engine.stop()
    await store.close()


async def test_a_changed_file_is_taken_up_without_a_restart_and_orders_follow(running):
    await running.send_stalled_orders(3)
    await running.engine.start()
    await running.look()
    async with asyncio.timeout(10):
        while (await running.store.read(lambda tx: tx.counts())).orders < 3:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    assert running.desk.tickets == {}, "the kind is switched off"

    running.path.write_text(ON)
    running.pass_a_while()
    (news,) = await running.look()
    assert news.outcome == "taken up"
    assert [await running.happens() for _ in range(3)] == ["ticket_opened"] * 3

    running.path.write_text(OFF)
    running.pass_a_while()
    assert [await running.happens() for _ in range(3)] == ["ticket_solved"] * 3


async def test_a_wrong_file_is_refused_and_the_engine_stays_well(running):
    await running.engine.start()
    await running.look()
    running.path.write_text("[detectors.tracking_stalled]\nenabld = true\n")
    running.pass_a_while()
    (news,) = await running.look()
    assert news.outcome == "refused"
    assert "detectors.tracking_stalled.enabld: no such key" in running.files.troubles["acme"]
    assert running.engine.healthy
    await running.send_stalled_orders(1)
    running.path.write_text(ON)
    running.pass_a_while()
    assert await running.happens() == "ticket_opened"
    assert running.files.troubles == {}


async def test_files_are_not_looked_at_more_often_than_every_two_seconds_unless_it_hurries(running):
    await running.engine.start()
    await running.look()
    running.path.write_text(ON)
    running.clock.pass_(seconds=POLICY_EVERY / 2)
    await running.engine.settle()
    assert running.looked.empty()
    running.files.hurry()
    running.engine.wake()
    (news,) = await running.look()
    assert news.outcome == "taken up"


async def test_what_is_over_is_only_noted_where_the_policy_leaves_the_ticket_to_a_person(running):
    running.path.write_text('[detectors.tracking_stalled]\non_recovery = "note"\n')
    await running.send_stalled_orders(1)
    await running.engine.settle()
    running.clock.pass_(minutes=30)
    moved = parcel("1Z5001", scan(running.clock(), text="Departed"), state=ShipmentState.IN_TRANSIT)
    seen = order_seen("5001", at=running.clock(), shipments=(moved,))
    await intake.accept(
        running.workspaces, running.store, running.clock, "acme.shop", {"x-signature": "good"}, body_of(seen)
    )
    await running.engine.settle()
    (ticket,) = running.desk.tickets.values()
    assert ticket.state == "open"
    assert "Departed" in running.desk.notes[ticket.id][-1]
    assert [running.happened.get_nowait().kind for _ in range(2)] == ["ticket_opened", "note_added"]
