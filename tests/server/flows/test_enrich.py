"""What webhooks leave out is asked for once, a moment later, and never at the expense of anything else."""

import asyncio
from datetime import timedelta

import pytest

from connectors.contract import Denied, Missing, Unavailable
from connectors.model import Hold, Observation, Order, References
from server.flows import enrich
from server.flows.enrich import EVERY, PAUSES, SETTLES, Enricher
from server.flows.process import process_inbox
from server.model import OrderKey
from server.rules.timeline import view
from tests.server.desk import NOW, Clock, FakeShop, order_seen
from tests.server.processing import KEY, Events

PART = "FulfillmentOrder/301"


class LookingShop(FakeShop):
    """Implements `WorkSource` as well: says that the order is held, or raises the next of `errors`."""

    can_look = True

    def __init__(self):
        self.asked = []
        self.errors = []
        self.gate = None

    async def read_work(self, order_id):
        self.asked.append(order_id)
        if self.gate is not None:
            await self.gate.wait()
        if self.errors and (error := self.errors.pop(0)) is not None:
            raise error
        return Observation(
            source="shop",
            kind="order.read",
            identity=f"look:{len(self.asked)}",
            at=NOW + timedelta(minutes=len(self.asked)),
            about=References(shop_order=order_id),
            order=Order(id=order_id, holds=(Hold(reason="other"),), parts=(PART,)),
        )


class Enriched(Events):
    """Events with an enricher beside, as the engine runs them."""

    def __init__(self, store, clock):
        super().__init__(store, clock)
        self.shop = LookingShop()
        self.workspaces["acme"].connections["shop"] = self.shop
        self.woken = 0
        self.enricher = Enricher(self.workspaces, store, clock, on_done=self._wake)

    def _wake(self):
        self.woken += 1

    async def process(self):
        while await process_inbox(self.workspaces, self.store, self.clock, notice=self.enricher.notice):
            pass

    async def after(self, time):
        """Let time pass, start what is due, wait until it is done, and take in what was found. How many looks."""
        self.clock.now += time
        started = self.enricher.look_due()
        await asyncio.gather(*self.enricher.under_way)
        await self.process()
        return started

    async def happen(self, **facts):
        await self.send(order_seen(**{"kind": "order.created", "at": self.clock.now, **facts}))
        await self.process()


@pytest.fixture
async def events(store):
    found = Enriched(store, Clock())
    yield found
    await found.enricher.stop()


async def test_a_new_order_is_looked_at_once_and_not_on_the_way_of_its_webhook(events):
    await events.happen()
    assert (events.shop.asked, events.enricher.next_at) == ([], NOW + SETTLES)
    assert await events.after(SETTLES - timedelta(seconds=1)) == 0
    assert await events.after(timedelta(seconds=1)) == 1
    assert view(await events.record()).order.holds == (Hold(reason="other"),)
    assert (events.shop.asked, events.woken, events.enricher.next_at) == (["5001"], 1, None)


async def test_events_of_one_order_lead_to_one_look_and_the_next_comes_minutes_later(events):
    for kind in ("order.created", "fulfillment.held", "fulfillment.released"):
        await events.happen(kind=kind)
    assert await events.after(SETTLES) == 1
    await events.happen(kind="fulfillment.held")
    assert events.enricher.next_at == events.clock.now + EVERY
    assert await events.after(EVERY - timedelta(seconds=1)) == 0
    assert await events.after(timedelta(seconds=1)) == 1
    assert events.shop.asked == ["5001", "5001"]


async def test_an_event_that_is_older_than_the_last_look_asks_for_nothing_new(events):
    await events.happen()
    await events.after(SETTLES)
    await events.happen(kind="fulfillment.held", at=NOW - timedelta(minutes=5))
    await events.after(EVERY)
    assert events.shop.asked == ["5001"]


async def test_an_update_prompts_a_look_only_at_an_order_that_was_never_looked_at(events):
    await events.happen(kind="order.updated")
    assert await events.after(SETTLES) == 1
    assert events.shop.asked == ["5001"]
    again = Enricher(events.workspaces, events.store, events.clock, on_done=lambda: None)
    events.enricher = again  # another process, which only the record can tell
    await events.happen(kind="order.updated")
    assert await events.after(SETTLES) == 1
    assert events.shop.asked == ["5001"]


async def test_other_events_and_old_ones_prompt_nothing(events):
    await events.happen(kind="payment.failed")
    await events.happen(at=NOW - timedelta(days=31))
    assert events.enricher.next_at is None


async def test_a_webhook_that_names_a_part_waits_for_the_order_and_finds_it_by_a_look(events):
    held = order_seen("", kind="fulfillment.held", about=References(order_ids=(PART,)), name=None)
    await events.send(held)
    await events.process()
    assert await events.states() == ["waiting"]
    await events.happen()
    await events.after(SETTLES)
    assert set(await events.states()) == {"done"}
    assert "fulfillment.held" in {line.kind for line in view(await events.record()).timeline}
    assert view(await events.record()).order.id == "5001"
    await events.after(EVERY)
    assert events.shop.asked == ["5001"]


async def test_a_part_that_belongs_to_no_order_we_know_asks_nobody(events):
    await events.send(order_seen("", kind="fulfillment.held", about=References(order_ids=(PART,)), name=None))
    await events.process()
    assert await events.after(SETTLES) == 1
    assert events.shop.asked == []


async def test_trouble_is_tried_again_with_growing_pauses_and_then_left(events):
    events.shop.errors = [Unavailable("Shop", "503")] * 4
    await events.happen()
    await events.after(SETTLES)
    for pause in PAUSES:
        assert events.enricher.next_at == events.clock.now + pause
        assert await events.after(pause) == 1
    assert (events.enricher.next_at, len(events.shop.asked)) == (None, 4)


async def test_a_look_that_works_at_the_second_try_is_taken_in(events):
    events.shop.errors = [Unavailable("Shop", "503")]
    await events.happen()
    await events.after(SETTLES)
    await events.after(PAUSES[0])
    assert view(await events.record()).order.parts == (PART,)


@pytest.mark.parametrize("error", [Denied("Shop", "no scope", status=403), Missing("Shop", "gone"), ValueError("bug")])
async def test_what_no_further_try_would_cure_is_left(events, error):
    events.shop.errors = [error]
    await events.happen()
    await events.after(SETTLES)
    assert events.enricher.next_at is None


async def test_a_shop_that_takes_too_long_is_tried_again(events, monkeypatch):
    monkeypatch.setattr(enrich, "LONGEST_LOOK", 0.01)
    events.shop.gate = asyncio.Event()
    await events.happen()
    await events.after(SETTLES)
    assert events.enricher.next_at == events.clock.now + PAUSES[0]


async def test_few_looks_are_under_way_together(events):
    events.shop.gate = asyncio.Event()
    for number in range(5001, 5006):
        await events.happen(order_id=str(number))
    events.clock.now += SETTLES
    assert (events.enricher.look_due(), events.enricher.look_due()) == (2, 0)
    assert events.enricher.next_at is None  # it is woken when there is room
    events.shop.gate.set()
    await asyncio.gather(*events.enricher.under_way)
    assert events.enricher.look_due() == 2
    await asyncio.gather(*events.enricher.under_way)
    assert events.enricher.look_due() == 1


async def test_a_shop_without_access_is_never_asked(events):
    events.shop.can_look = False
    await events.happen()
    assert events.enricher.next_at is None


async def test_a_shop_that_cannot_say_more_is_never_asked(events):
    events.workspaces["acme"].connections["shop"] = FakeShop()
    await events.happen()
    assert events.enricher.next_at is None


async def test_wishes_are_bounded(events, monkeypatch):
    monkeypatch.setattr(enrich, "MOST_WISHES", 1)
    await events.happen()
    await events.happen(order_id="5002")
    assert await events.after(SETTLES) == 1
    assert events.shop.asked == ["5001"]


async def test_stopping_ends_what_is_under_way_and_starts_nothing_more(events):
    events.shop.gate = asyncio.Event()
    await events.happen()
    await events.happen(order_id="5002")
    events.clock.now += SETTLES
    events.enricher.look_due()
    await events.enricher.stop()
    await events.happen(order_id="5003")
    assert (events.enricher.under_way, events.enricher.look_due()) == (set(), 0)
    assert view(await events.record(OrderKey("acme", "shop", "5001"))).order.holds is None
    assert KEY.order_id == "5001"
