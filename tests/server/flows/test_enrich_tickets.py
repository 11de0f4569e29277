"""A webhook that says no more than which ticket has changed leads to one look at it, and joins it to its order."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from connectors.contract import Denied, Missing, Unavailable
from connectors.model import Contact, Observation, References
from server.flows.enrich import Enricher
from server.flows.enrich_tickets import AT_ONCE, PAUSES, SETTLES, TOUCHED
from server.flows.process import process_inbox
from server.rules.timeline import view
from tests.server.desk import NOW, Clock, FakeHelpdesk, order_seen
from tests.server.processing import Events


class LookingDesk(FakeHelpdesk):
    """Implements `ContactSource`: every ticket asks about order 1001, unless it is ours."""

    def __init__(self):
        super().__init__()
        self.asked = []
        self.errors = []
        self.ours = set()

    async def read_contact(self, ticket_id):
        self.asked.append(ticket_id)
        if self.errors and (error := self.errors.pop(0)) is not None:
            raise error
        if ticket_id in self.ours:
            return None
        return Observation(
            source="desk",
            kind="ticket.commented",
            identity=f"seen:{ticket_id}:{len(self.asked)}",
            at=NOW + timedelta(minutes=len(self.asked)),
            about=References(ticket=ticket_id, text="Where is order #1001?"),
            contacts=(Contact(id=ticket_id, at=NOW, channel="", subject="Where is order #1001?", state="open"),),
        )


class Touched(Events):
    def __init__(self, store, clock):
        super().__init__(store, clock)
        self.desk = LookingDesk()
        self.workspaces["acme"].connections["desk"] = self.desk
        self.enricher = Enricher(self.workspaces, store, clock, on_done=lambda: None)

    async def touch(self, *tickets):
        words = [
            Observation(
                source="desk",
                kind=TOUCHED,
                identity=f"touched:{t}:{self.clock.now}",
                at=self.clock.now,
                about=References(ticket=t),
            )
            for t in tickets
        ]
        for word in words:
            await self.send(word)
        while await process_inbox(self.workspaces, self.store, self.clock, notice=self.enricher.notice):
            pass
        # Such a word tells nothing of an order, so it is not stored with one; the look is noticed from the event.
        self.enricher.notice("acme", words)

    async def after(self, time):
        self.clock.now += time
        started = self.enricher.look_due()
        await asyncio.gather(*self.enricher.under_way)
        while await process_inbox(self.workspaces, self.store, self.clock):
            pass
        return started


@pytest.fixture
async def events(store):
    found = Touched(store, Clock())
    await found.send(order_seen(name="#1001"))
    await found.process()
    yield found
    await found.enricher.stop()


async def contacts(events):
    return [contact.id for contact in view(await events.record()).contacts]


async def test_a_ticket_that_names_the_order_becomes_its_contact(events):
    await events.touch("35")
    assert (events.desk.asked, events.enricher.next_at) == ([], events.clock.now + SETTLES)
    assert await events.after(SETTLES) == 1
    assert await contacts(events) == ["35"]


async def test_several_changes_of_a_ticket_in_a_moment_are_one_look(events):
    await events.touch("35")
    await events.touch("35", "36")
    assert await events.after(SETTLES) == 2
    assert sorted(events.desk.asked) == ["35", "36"]
    await events.touch("35")
    assert await events.after(SETTLES) == 1


async def test_few_are_asked_for_together(events):
    await events.touch(*(str(number) for number in range(1, 8)))
    assert await events.after(SETTLES) == AT_ONCE
    while events.enricher.next_at is not None:
        assert 0 < await events.after(timedelta()) <= AT_ONCE
    assert len(events.desk.asked) == len(set(events.desk.asked)) == 7


async def test_our_own_ticket_and_a_deleted_one_say_nothing(events):
    events.desk.ours.add("35")
    events.desk.errors = [None, Missing("Zendesk", "gone")]
    await events.touch("35", "36")
    await events.after(SETTLES)
    assert await contacts(events) == []
    assert events.enricher.next_at is None


async def test_trouble_that_passes_is_tried_again_and_other_trouble_is_not(events):
    events.desk.errors = [Unavailable("Zendesk", "down")]
    await events.touch("35")
    await events.after(SETTLES)
    assert events.enricher.next_at == events.clock.now + PAUSES[0]
    assert await events.after(PAUSES[0]) == 1
    assert await contacts(events) == ["35"]
    events.desk.errors = [Denied("Zendesk", "no")]
    await events.touch("36")
    await events.after(SETTLES)
    assert events.enricher.next_at is None


async def test_it_is_given_up_after_some_tries(events):
    events.desk.errors = [Unavailable("Zendesk", "down")] * 10
    await events.touch("35")
    await events.after(SETTLES)
    for pause in PAUSES:
        assert await events.after(pause) == 1
    assert events.enricher.next_at is None
    assert len(events.desk.asked) == len(PAUSES) + 1


def test_the_word_is_the_one_that_the_connector_says():
    from connectors.zendesk.events import TOUCHED as SAID

    assert msgspec.json.encode(SAID) == msgspec.json.encode(TOUCHED)
