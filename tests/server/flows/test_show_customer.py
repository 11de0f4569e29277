"""What a helpdesk shows beside tickets is kept true: coalesced, seldom, as of then, and in nobody's way."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from connectors.contract import Denied, Missing, Unavailable
from connectors.model import Contact
from connectors.money import Money
from server.flows.deliver import deliver
from server.flows.show_customer import EVERY, NOBODY, SELDOM, SETTLES
from server.model import ActionKind, ActionState
from tests.server.desk import FakeHelpdesk, order_seen
from tests.server.processing import shipped


class Screen(FakeHelpdesk):
    """A helpdesk that shows facts, of the customers that it has."""

    shows_customers = True

    def __init__(self):
        super().__init__()
        self.shown = []
        self.known = True
        self.error = None
        self.gate = None

    async def show_customer(self, email, facts, version):
        if self.gate:
            self.gate[0].set()
            await self.gate[1].wait()
        if self.error:
            raise self.error
        self.shown.append((email, facts["beforehand"], version))
        return "1" if self.known else ""


@pytest.fixture
def screen(events):
    events.workspaces["acme"].connections["desk"] = found = Screen()
    return found


async def happens(events, n=0, **facts):
    """The shop says something new."""
    await events.send(order_seen(at=events.clock.now + timedelta(milliseconds=n), **facts))
    await events.process()


async def send_due(events, after=SETTLES):
    events.clock.now += after
    sent = 0
    for action in await events.store.read(lambda tx: tx.due_actions(events.clock.now, 20)):
        if action.kind is ActionKind.SHOW_CUSTOMER:
            await deliver(action, events.workspaces, events.store, events.clock)
            sent += 1
    return sent


async def shows(events):
    return [found for found in await events.actions() if found.kind is ActionKind.SHOW_CUSTOMER]


async def test_several_changes_are_one_send_of_the_order_as_it_is_then(events, screen):
    for n in range(3):
        await happens(events, n, total=Money(5000 + n, "USD"))
    assert len(await shows(events)) == 1
    assert await send_due(events, timedelta()) == 0
    assert await send_due(events) == 1
    ((email, rows, version),) = screen.shown
    assert (email, rows["order"], rows["total"], version) == (
        "jane@example.com",
        "Order #1001",
        "$50.02",
        events.clock(),
    )


async def test_the_next_send_waits_a_minute(events, screen):
    await happens(events)
    await send_due(events)
    await happens(events, total=Money(6000, "USD"))
    assert await send_due(events, EVERY - timedelta(seconds=1)) == 0
    assert await send_due(events, timedelta(seconds=1)) == 1
    assert [rows["total"] for _, rows, _ in screen.shown] == ["$50.00", "$60.00"]


async def test_what_changes_while_it_is_being_sent_is_sent_as_well(events, screen):
    await happens(events)
    screen.gate = (asyncio.Event(), asyncio.Event())
    sending = asyncio.create_task(send_due(events))
    await screen.gate[0].wait()
    await happens(events, total=Money(6000, "USD"))
    screen.gate[1].set()
    await sending
    assert screen.shown[-1][1]["total"] == "$50.00"
    assert await send_due(events, EVERY) == 1
    assert screen.shown[-1][1]["total"] == "$60.00"


async def test_a_lost_answer_is_sent_again_as_the_order_is_by_then(events, screen):
    await happens(events)
    screen.error = Unavailable("Desk", "down")
    await send_due(events)
    screen.error = None
    await happens(events, total=Money(6000, "USD"))
    await send_due(events, timedelta(minutes=5))
    assert screen.shown[0][1]["total"] == "$60.00"


async def test_no_ticket_waits_for_what_is_shown(events, screen):
    await happens(events)
    (shown,) = await shows(events)
    assert shown.lane != shown.door
    assert shown.lane.startswith(f"{shown.door}|")


@pytest.mark.parametrize("error", [Denied("Desk", "no scope", status=403), Missing("Desk", "deleted")])
async def test_a_refusal_of_this_alone_is_no_trouble_for_anything_else(events, screen, error):
    await happens(events)
    screen.error = error
    await send_due(events)
    (shown,) = await shows(events)
    assert shown.state is ActionState.DONE
    assert "not shown" in shown.error
    screen.error = None
    await happens(events, total=Money(6000, "USD"))
    assert await send_due(events, EVERY) == 1
    assert screen.shown


async def test_a_customer_whom_the_helpdesk_does_not_have_is_seldom_asked_about_until_they_write(events, screen):
    screen.known = False
    await happens(events)
    await send_due(events)
    assert [found.error for found in await shows(events)] == [NOBODY]
    await happens(events, total=Money(6000, "USD"))
    (waiting,) = await shows(events)
    assert waiting.not_before == events.clock() + SELDOM
    assert await send_due(events, EVERY) == 0
    wrote = Contact(id="7", at=events.clock.now, channel="email")
    await events.send(replace(order_seen(at=events.clock.now, total=Money(7000, "USD")), contacts=(wrote,)))
    await events.process()
    screen.known = True
    assert await send_due(events, SETTLES) == 1
    assert screen.shown[-1][1]["total"] == "$70.00"


async def test_a_customer_who_stays_unknown_is_asked_about_again_in_the_end(events, screen):
    screen.known = False
    await happens(events)
    await send_due(events)
    await happens(events, total=Money(6000, "USD"))
    assert await send_due(events, SELDOM - timedelta(seconds=1)) == 0
    assert await send_due(events, timedelta(seconds=1)) == 1


async def test_time_alone_can_change_what_is_shown(events, screen):
    await events.send(shipped(at=events.clock.now - timedelta(hours=40)))
    await events.process()
    await send_due(events)
    events.clock.now += timedelta(hours=47)
    await events.review()
    assert await send_due(events) == 1
    assert screen.shown[0][1]["issues"] != screen.shown[1][1]["issues"] != ""


async def test_without_such_a_helpdesk_and_without_an_address_there_is_nothing(events):
    await happens(events)
    assert await shows(events) == []


async def test_an_order_without_an_address_is_shown_to_nobody(events, screen):
    await happens(events, email=None)
    assert await shows(events) == []


async def test_what_nobody_would_see_is_not_sent(events, screen):
    screen.shows_customers = False
    await happens(events)
    assert await shows(events) == []
