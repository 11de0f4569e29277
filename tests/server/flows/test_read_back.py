"""What webhooks did not bring is read back: all of it, once, whatever breaks in between."""

import asyncio
from datetime import timedelta

import pytest

from connectors.contract import Cursor, Garbled, Missing, ReadBack, Unavailable
from connectors.model import Observation, References
from server.flows.process import process_inbox
from server.flows.read_back import EVERY, MOST_PAGES, PAUSES, ReadingBack
from server.model import OrderKey
from server.store.contract import StoreUnavailable
from tests.server.desk import NOW, Clock, FakeHelpdesk, order_seen
from tests.server.processing import Events


class Listing(FakeHelpdesk):
    """A helpdesk that lists changes, two a page."""

    def __init__(self):
        super().__init__()
        self.changes = []
        self.errors = []
        self.asked = 0

    async def read_back(self, cursor, *, now):
        self.asked += 1
        if self.errors and (error := self.errors.pop(0)) is not None:
            raise error
        begin = int(cursor.text or 0)
        page = self.changes[begin : begin + 2]
        return ReadBack(
            observations=tuple(page), cursor=Cursor(text=str(begin + len(page))), has_more=begin + 2 < len(self.changes)
        )


def change(number):
    return Observation(
        source="desk",
        kind="ticket.touched",
        identity=f"touched:{number}",
        at=NOW + timedelta(minutes=number),
        about=References(ticket=str(number)),
    )


class Read(Events):
    def __init__(self, store, clock):
        super().__init__(store, clock)
        self.desk = Listing()
        self.workspaces["acme"].connections["desk"] = self.desk
        self.noticed = []
        self.begin()

    def begin(self):
        """As a process that starts does."""
        self.reading = ReadingBack(self.workspaces, self.store, self.clock, notice=self._notice)

    def _notice(self, workspace, observations):
        self.noticed += [(workspace, found.about.ticket) for found in observations]

    async def due(self, after=timedelta()):
        self.clock.now += after
        started = await self.reading.run_due()
        await asyncio.gather(*self.reading.under_way)
        while await process_inbox(self.workspaces, self.store, self.clock):
            pass
        return started

    async def cursor(self):
        return await self.store.read(lambda tx: tx.cursor("acme", "desk"))


@pytest.fixture
async def events(store):
    found = Read(store, Clock())
    yield found
    await found.reading.stop()


async def test_it_reads_to_the_end_at_the_start_and_then_on_a_schedule(events):
    events.desk.changes = [change(n) for n in range(5)]
    assert await events.due() == 1
    assert ([ticket for _, ticket in events.noticed], await events.cursor()) == (["0", "1", "2", "3", "4"], "5")
    assert events.reading.next_at == events.clock.now + EVERY
    events.desk.changes.append(change(5))
    assert await events.due() == 0
    assert await events.due(EVERY) == 1
    assert events.noticed[-1] == ("acme", "5")
    assert len(events.noticed) == 6


async def test_orders_that_were_missed_enter_through_the_same_inbox(events):
    events.desk.changes = [order_seen(name="#1001")]
    await events.due()
    assert (await events.record()).order["shop"].facts.name == "#1001"


async def test_a_crash_between_page_and_cursor_repeats_and_skips_nothing(events):
    events.desk.changes = [order_seen(name="#1001"), change(1), change(2)]
    write, broken = events.store.write, []

    async def crash(work):
        if not broken:
            broken.append(True)
            raise StoreUnavailable("gone")
        return await write(work)

    events.store.write = crash
    await events.due()
    assert await events.cursor() == ""
    events.begin()
    await events.due()
    assert await events.cursor() == "3"
    assert (await events.record()).order["shop"].facts.name == "#1001"
    assert len([state for state in await events.states() if state == "done"]) == 2


async def test_trouble_is_tried_again_ever_later_and_stops_no_other(events):
    events.desk.errors = [Unavailable("Desk", "down")] * 5
    for pause in (*PAUSES, PAUSES[-1], PAUSES[-1]):
        assert await events.due() == 1
        assert events.reading.next_at == events.clock.now + pause
        events.clock.now += pause
    events.desk.changes = [change(1)]
    await events.due()
    assert events.noticed == [("acme", "1")]


async def test_a_fault_of_ours_is_no_end_of_it(events):
    events.desk.errors = [RuntimeError("bug")]
    await events.due()
    assert events.reading.next_at == events.clock.now + PAUSES[0]


async def test_a_list_without_end_is_left_for_the_next_time(events):
    events.desk.changes = [change(n) for n in range(2 * MOST_PAGES + 2)]
    await events.due()
    assert events.desk.asked == MOST_PAGES
    await events.due(EVERY)
    assert len(events.noticed) == len(events.desk.changes)


async def test_what_cannot_be_read_back_is_said(events):
    assert (await events.reading.read("acme", "nowhere")).trouble == "nowhere cannot be read back"


class Telling(Listing):
    """Its list says only which tickets have changed; what they say has to be read."""

    def __init__(self):
        super().__init__()
        self.read = []
        self.unreadable = {}

    async def read_contact(self, ticket_id):
        self.read.append(ticket_id)
        if error := self.unreadable.get(ticket_id):
            raise error
        return order_seen(ticket_id, source="shop")


@pytest.fixture
async def telling(events):
    events.desk = events.workspaces["acme"].connections["desk"] = Telling()
    events.begin()
    return events


async def test_tickets_that_a_page_only_names_are_read_before_the_cursor_moves(telling):
    telling.desk.changes = [change(5001), change(5001), change(5002)]
    telling.desk.unreadable["5002"] = Unavailable("Desk", "down")
    await telling.due()
    assert await telling.cursor() == "2"
    telling.desk.unreadable.clear()
    await telling.due(PAUSES[0])
    assert await telling.cursor() == "3"
    assert telling.desk.read == ["5001", "5002", "5002"]
    assert await telling.record(OrderKey("acme", "shop", "5002"))


async def test_a_start_after_a_crash_reads_the_tickets_of_the_page_again(telling):
    telling.desk.changes = [change(5001)]
    telling.desk.unreadable["5001"] = Unavailable("Desk", "killed here")
    await telling.due()
    telling.desk.unreadable.clear()
    telling.begin()
    await telling.due()
    assert await telling.record()


@pytest.mark.parametrize("error", [Missing("Desk", "deleted"), Garbled("Desk", "HTML")])
async def test_a_ticket_that_cannot_be_read_keeps_no_other_from_being_read(telling, error):
    telling.desk.changes = [change(5001), change(5002)]
    telling.desk.unreadable["5001"] = error
    await telling.due()
    assert await telling.cursor() == "2"
    assert await telling.record(OrderKey("acme", "shop", "5002"))


async def test_after_hours_without_webhooks_nothing_is_missing_and_nothing_there_twice(telling):
    telling.desk.errors = [Unavailable("Desk", "down")] * 19
    telling.desk.changes = [change(n) for n in range(5001, 5010)]
    begin = telling.clock.now
    while telling.clock.now - begin < timedelta(hours=3):
        await telling.due()
        telling.clock.now = telling.reading.next_at
    for number in range(5001, 5010):
        assert await telling.record(OrderKey("acme", "shop", str(number)))
    assert len(telling.desk.read) == len(set(telling.desk.read)) == 9
    assert len(await telling.states()) == 18 - 9 + 5  # nine tickets, and the five pages that named them


async def test_one_connection_in_trouble_does_not_hold_up_another(telling):
    other = telling.workspaces["acme"].connections["other"] = Listing()
    telling.desk.errors = [Unavailable("Desk", "down")]
    other.changes = [change(1)]
    telling.begin()
    assert await telling.due() == 2
    assert await telling.store.read(lambda tx: tx.cursor("acme", "other")) == "1"
    assert await telling.cursor() == ""


async def test_the_cursor_of_a_connection_that_is_gone_troubles_nobody(telling):
    telling.desk.changes = [change(5001)]
    await telling.due()
    del telling.workspaces["acme"].connections["desk"]
    telling.begin()
    assert (await telling.due(EVERY), telling.reading.next_at) == (0, None)
    assert await telling.cursor() == "1"


async def test_a_slow_helpdesk_blocks_nobody_and_is_cut_off_at_the_end(telling):
    answer = asyncio.Event()

    async def wait(cursor, *, now):
        await answer.wait()

    telling.desk.read_back = wait
    assert await telling.reading.run_due() == 1
    await asyncio.sleep(0)
    assert len(telling.reading.under_way) == 1
    await telling.reading.stop()
    assert (telling.reading.under_way, await telling.cursor()) == ((), "")
