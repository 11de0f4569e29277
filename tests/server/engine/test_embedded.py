"""The engine: everything that arrives is worked on, everything that is due is done, and nothing stops the rest."""

import asyncio
import random
from datetime import timedelta

import pytest

from connectors.contract import TimedOut
from connectors.model import ShipmentState
from server.engine import embedded
from server.engine.embedded import Engine
from server.flows import intake
from server.model import ActionState, OrderKey
from server.store.contract import InboxState, StoreUnavailable
from server.store.sqlite import SqliteStore
from tests.server.desk import NOW, Clock, FakeHelpdesk, after, body_of, make_workspace, order_seen, parcel, scan

LONG_AGO = NOW - timedelta(hours=60)


def stalled(order_id="5001"):
    shipment = parcel(f"1Z{order_id}", scan(LONG_AGO), state=ShipmentState.IN_TRANSIT)
    return order_seen(order_id, at=LONG_AGO, shipments=(shipment,))


def moving(order_id="5001", at=NOW):
    shipment = parcel(f"1Z{order_id}", scan(at, text="Departed"), state=ShipmentState.IN_TRANSIT)
    return order_seen(order_id, at=at, shipments=(shipment,))


class Bench:
    def __init__(self, store, clock):
        self.store = store
        self.clock = clock
        self.desk = FakeHelpdesk()
        self.workspaces = {"acme": make_workspace("acme", desk=self.desk)}
        self.happened = asyncio.Queue()
        self.engines = []

    def engine(self, **options):
        options = {"on_event": self.happened.put_nowait, **options}
        self.engines.append(Engine(self.workspaces, self.store, self.clock, **options))
        return self.engines[-1]

    async def send(self, *observations):
        headers = {"x-signature": "good"}
        return await intake.accept(
            self.workspaces, self.store, self.clock, "acme.shop", headers, body_of(*observations)
        )

    async def next_event(self):
        async with asyncio.timeout(10):
            return await self.happened.get()

    async def until(self, holds):
        """Give the engine time until something holds."""
        async with asyncio.timeout(10):
            while not holds():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)


@pytest.fixture
async def bench(tmp_path):
    clock = Clock()
    store = await SqliteStore.open(tmp_path / "beforehand.db", clock=clock)
    found = Bench(store, clock)
    yield found
    for engine in found.engines:
        await engine.stop()
    await store.close()


async def test_trouble_opens_a_ticket_and_recovery_solves_it(bench):
    engine = bench.engine()
    await bench.send(stalled())
    await engine.settle()
    (ticket,) = bench.desk.tickets.values()
    assert (ticket.state, ticket.subject) == ("open", "Order #1001 has had no carrier scan for 60 hours")
    bench.clock.pass_(minutes=30)
    await bench.send(moving(at=bench.clock.now))
    await engine.settle()
    assert bench.desk.tickets["1"].state == "solved"
    kinds = [bench.happened.get_nowait().kind for _ in range(bench.happened.qsize())]
    assert kinds == ["ticket_opened", "ticket_solved"]


async def test_webhooks_that_come_twice_late_and_shuffled_make_one_ticket_an_order(bench):
    earlier = NOW - timedelta(hours=61)
    order_ids = [str(5001 + n) for n in range(8)]
    events = [each for order_id in order_ids for each in (stalled(order_id), order_seen(order_id, at=earlier))]
    generator = random.Random(7)
    engine = bench.engine()
    for _ in range(3):
        generator.shuffle(events)
        for event in events:
            await bench.send(event)
        await engine.settle()
    assert len(bench.desk.ours()) == 8
    assert bench.desk.calls["open_ticket"] == 8
    assert bench.desk.calls["change_ticket"] == 0


async def test_a_running_engine_works_when_it_is_woken(bench):
    engine = bench.engine()
    await engine.start()
    assert engine.healthy
    await bench.send(stalled())
    engine.wake()
    assert (await bench.next_event()).kind == "ticket_opened"


async def test_a_running_engine_wakes_by_itself_when_an_order_is_due(bench):
    bench.clock = FastClock(3600 * 100)
    engine = bench.engine(pace=3600 * 100)
    await bench.send(moving(at=NOW))
    await engine.start()
    assert (await bench.next_event()).kind == "ticket_opened"
    assert bench.clock() - NOW > timedelta(hours=47)


class FastClock:
    """Runs, *pace* times as fast as the real one."""

    def __init__(self, pace):
        self._pace = pace
        self._start = asyncio.get_running_loop().time()

    def __call__(self):
        return NOW + timedelta(seconds=(asyncio.get_running_loop().time() - self._start) * self._pace)


async def test_an_idle_engine_asks_nothing(bench):
    engine = bench.engine()
    reads = []
    read = bench.store.read

    async def counted(work):
        reads.append(work)
        return await read(work)

    bench.store.read = counted
    await engine.start()
    await bench.until(lambda: len(reads) >= 7)
    await asyncio.sleep(0.1)
    assert len(reads) == 7, (
        "one look at what was learnt, inbox, orders, requests, actions, the audit log, and at what is due next"
    )


async def test_at_most_so_many_are_delivered_at_once_and_never_two_of_one_order(bench):
    for n in range(6):
        await bench.send(stalled(str(5001 + n)))
    engine = bench.engine(deliveries_at_once=3 + embedded.KEPT_FREE)
    bench.desk.gate = asyncio.Event()
    await engine.start()
    await bench.until(lambda: bench.desk.calls["find_ticket"] == 3)
    for _ in range(5):
        engine.wake()
        await asyncio.sleep(0.01)
    assert bench.desk.calls == {"find_ticket": 3}
    bench.desk.gate.set()
    for _ in range(6):
        assert (await bench.next_event()).kind == "ticket_opened"
    assert bench.desk.calls["open_ticket"] == 6


async def test_while_a_slow_helpdesk_answers_events_are_processed(bench):
    await bench.send(stalled())
    engine = bench.engine()
    bench.desk.gate = asyncio.Event()
    await engine.start()
    await bench.until(lambda: bench.desk.calls["find_ticket"] == 1)
    await bench.send(order_seen("5002"))
    engine.wake()

    async with asyncio.timeout(10):
        while await bench.store.read(lambda tx: tx.record(OrderKey("acme", "shop", "5002"))) is None:
            pass
    bench.desk.gate.set()
    assert (await bench.next_event()).kind == "ticket_opened"


async def test_a_step_that_breaks_is_said_and_stops_no_other(bench, monkeypatch):
    monkeypatch.setattr(embedded, "PAUSE_AFTER_TROUBLE", 0.01)
    engine = bench.engine()
    await bench.send(stalled())
    await engine.settle()
    bench.clock.pass_(minutes=30)
    await bench.send(moving(at=bench.clock.now))
    await embedded.process_inbox(bench.workspaces, bench.store, bench.clock)
    process, broken = embedded.process_inbox, asyncio.Event()

    async def breaks(*_, **__):
        broken.set()
        raise ZeroDivisionError

    monkeypatch.setattr(embedded, "process_inbox", breaks)
    running = bench.engine()
    await running.start()
    await bench.until(lambda: bench.desk.tickets["1"].state == "solved")
    assert broken.is_set()
    assert not running.healthy
    monkeypatch.setattr(embedded, "process_inbox", process)
    await bench.until(lambda: running.healthy)


async def test_it_is_not_healthy_while_storage_fails_and_goes_on_afterwards(bench, monkeypatch):
    monkeypatch.setattr(embedded, "PAUSE_AFTER_TROUBLE", 0.01)
    read = bench.store.read

    async def fails(work):
        raise StoreUnavailable("locked")

    engine = bench.engine()
    assert not engine.healthy, "it has not been started"
    await engine.start()
    await bench.send(stalled())
    bench.store.read = fails
    engine.wake()
    await bench.until(lambda: not engine.healthy)
    bench.store.read = read
    assert (await bench.next_event()).kind == "ticket_opened"
    await bench.until(lambda: engine.healthy)


async def test_a_watcher_that_breaks_does_no_harm(bench):
    def breaks(happened):
        raise ZeroDivisionError

    await bench.send(stalled())
    await bench.engine(on_event=breaks).settle()
    assert len(bench.desk.ours()) == 1
    counts = await bench.store.read(lambda tx: tx.counts())
    assert counts.actions == {"done": 1}


async def test_stopping_waits_for_what_is_under_way(bench):
    await bench.send(stalled())
    engine = bench.engine()
    bench.desk.gate = asyncio.Event()
    await engine.start()
    await bench.until(lambda: bench.desk.calls["find_ticket"] == 1)
    stopping = asyncio.ensure_future(engine.stop())
    await asyncio.sleep(0.01)
    assert not stopping.done()
    bench.desk.gate.set()
    await stopping
    assert len(bench.desk.ours()) == 1
    assert not engine.healthy


async def test_what_is_cut_off_by_stopping_is_resolved_by_the_next_engine(bench, monkeypatch):
    monkeypatch.setattr(embedded, "LONGEST_DRAIN", 0.05)
    await bench.send(stalled())
    answer, reached, never = bench.desk._answer, asyncio.Event(), asyncio.Event()

    async def hangs_after_opening(name, do, request=None):
        found = await answer(name, do, request)
        if name == "open_ticket":
            reached.set()
            await never.wait()
        return found

    bench.desk._answer = hangs_after_opening
    engine = bench.engine()
    await engine.start()
    await asyncio.wait_for(reached.wait(), 10)
    await engine.stop()
    (action,) = await bench.store.read(lambda tx: tx.due_actions(bench.clock(), 9))
    assert action.state is ActionState.SENDING
    bench.desk._answer = answer
    await bench.engine().settle()
    assert len(bench.desk.ours()) == 1
    assert bench.desk.calls["open_ticket"] == 1


async def test_settling_ends_though_something_has_to_wait(bench):
    bench.desk.trouble["open_ticket"] = [after(TimedOut("Desk", "late"))]
    await bench.send(stalled())
    engine = bench.engine()
    await engine.settle()
    assert bench.happened.get_nowait().kind == "action_delayed"
    bench.clock.pass_(seconds=3)
    await engine.settle()
    assert bench.happened.get_nowait().kind == "ticket_opened"


async def test_housekeeping_forgets_what_is_long_done_and_tells_of_damage(bench, monkeypatch):
    monkeypatch.setattr(embedded, "TENDING_EVERY", 0.01)
    monkeypatch.setattr(embedded, "TENDINGS_BETWEEN_EXAMINATIONS", 2)
    monkeypatch.setattr(embedded, "FORGOTTEN_TOGETHER", 2)
    for n in range(5):
        await bench.send(order_seen(str(5001 + n)))
    engine = bench.engine()
    await engine.settle()
    await bench.send(order_seen("5099"))
    bench.clock.pass_(days=31)
    tidied, found = [], ["", "page 3 is broken"]

    async def tidy():
        tidied.append(True)

    async def examine():
        return found.pop(0) if found else ""

    bench.store.tidy, bench.store.examine = tidy, examine
    await engine.start()
    await bench.until(lambda: not engine.healthy and not found)
    assert len(tidied) >= 4
    assert await bench.store.read(lambda tx: len(tx.inbox(InboxState, 100))) <= 1
