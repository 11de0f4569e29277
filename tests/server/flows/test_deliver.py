"""Tickets are opened exactly once, whatever happens on the way."""

import pytest
from msgspec.structs import replace

from connectors.contract import (
    TimedOut,
    Unreachable,
)
from server.flows import deliver
from server.model import ActionState, TicketLink
from server.store.contract import Reference, ReferenceKind
from tests.server.delivering import KEY, NOTE, OPEN, UNKNOWN, opened
from tests.server.desk import NOW, after, before


@pytest.fixture
def bench(deliveries):
    return deliveries


async def test_a_ticket_is_opened_and_linked_to_issue_and_order(bench):
    await bench.plan(OPEN)
    assert await bench.deliver_due() == 1
    (ticket,) = bench.desk.tickets.values()
    assert (ticket.external_id, ticket.tags) == ("beforehand:acme:i1", ("beforehand",))
    link = TicketLink(connection="desk", ticket_id=ticket.id, url=ticket.url)
    assert (await bench.issue()).ticket == link
    done = await bench.action()
    assert (done.state, done.ticket_id, done.attempts, done.error) == (ActionState.DONE, ticket.id, 1, "")
    assert (done.finished_at, done.request) == (NOW, None)
    reference = Reference(ReferenceKind.TICKET, f"desk|{ticket.id}")
    assert await bench.store.read(lambda tx: tx.find("acme", [reference])) == (KEY,)
    assert bench.happened == [
        deliver.Happened(
            kind="ticket_opened",
            at=NOW,
            order=KEY,
            connection="desk",
            text=OPEN.draft.subject,
            ticket_id=ticket.id,
            url=ticket.url,
        )
    ]
    assert list(bench.desk.calls) == ["find_ticket", "tickets_of", "open_ticket"]


async def test_the_bytes_are_stored_before_they_are_sent(bench):
    stored = []
    answer = bench.desk._answer

    async def watched(name, do, request=None):
        if name == "open_ticket":
            stored.append((await bench.action(), request))
        return await answer(name, do, request)

    bench.desk._answer = watched
    await bench.plan(OPEN)
    await bench.deliver_due()
    ((action, request),) = stored
    assert (action.state, action.request, action.attempt_started_at) == (ActionState.SENDING, request, NOW)


@pytest.mark.parametrize("error", UNKNOWN, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("when", [before, after])
async def test_a_lost_answer_never_makes_a_second_ticket(bench, error, when):
    bench.desk.trouble["open_ticket"] = [when(error), when(error)]
    await bench.plan(OPEN)
    for _ in range(4):
        await bench.deliver_due()
        bench.clock.pass_(minutes=1)
    assert len(bench.desk.ours()) == 1
    assert (await bench.action()).state is ActionState.DONE
    sent = {request for name, request in bench.desk.log if name == "open_ticket"}
    assert len(sent) == 1, "a repeat must send the same bytes"


async def test_a_repeat_sends_the_same_bytes_though_the_plan_would_write_others(bench):
    bench.desk.trouble["open_ticket"] = [before(TimedOut("Desk", "late"))]
    await bench.plan(OPEN)
    await bench.deliver_due()
    waiting = await bench.action()
    assert (waiting.state, waiting.attempts) == (ActionState.SENDING, 1)
    await bench.plan(replace(waiting, draft=replace(OPEN.draft, body="Something else entirely.")))
    bench.clock.pass_(minutes=1)
    await bench.deliver_due()
    assert len({request for name, request in bench.desk.log if name == "open_ticket"}) == 1
    assert bench.desk.notes["1"] == [OPEN.draft.body]


async def test_after_a_crash_in_the_middle_the_ticket_is_looked_for_first(bench):
    await bench.plan(OPEN)
    bench.desk.trouble["open_ticket"] = [after(KeyboardInterrupt())]
    with pytest.raises(KeyboardInterrupt):
        await bench.deliver_due()
    assert (await bench.action()).state is ActionState.SENDING
    bench.make_courier()
    bench.desk.calls.clear()
    await bench.deliver_due()
    assert bench.desk.calls == {"find_ticket": 1}
    assert ((await bench.action()).state, (await bench.issue()).ticket.ticket_id) == (ActionState.DONE, "1")


async def test_long_after_the_key_is_forgotten_there_is_still_one_ticket(bench):
    bench.desk.trouble["open_ticket"] = [after(TimedOut("Desk", "late"))]
    bench.desk.trouble["find_ticket"] = [("", None)] + [before(Unreachable("Desk", "down"))] * 5
    await bench.plan(OPEN)
    for _ in range(8):
        await bench.deliver_due()
        bench.clock.pass_(minutes=30)
        bench.desk.by_key.clear()
    assert len(bench.desk.ours()) == 1
    assert bench.desk.calls["open_ticket"] == 1
    assert (await bench.action()).state is ActionState.DONE


async def test_trouble_that_ends_before_anything_was_sent_may_still_be_dropped_by_the_plan(bench):
    bench.desk.trouble["find_ticket"] = [before(Unreachable("Desk", "down"))]
    await bench.plan(OPEN)
    await bench.deliver_due()
    waiting = await bench.action()
    assert (waiting.state, waiting.attempts, waiting.request) == (ActionState.PENDING, 0, None)
    assert waiting.error == "Desk: down"


async def test_what_the_plan_drops_while_we_look_is_not_sent(bench):
    await bench.plan(OPEN)
    (due,) = await bench.store.read(lambda tx: tx.due_actions(NOW, 1))
    await bench.plan(replace(OPEN, state=ActionState.DONE, error="recovered before it was sent"))
    await bench.courier.deliver(due)
    assert bench.desk.tickets == {}
    assert (await bench.action()).error == "recovered before it was sent"
    assert bench.happened == []


async def test_what_the_plan_adds_while_we_look_is_sent(bench):
    await opened(bench)
    await bench.plan(NOTE)
    (due,) = await bench.store.read(lambda tx: tx.due_actions(NOW, 1))
    await bench.plan(replace(NOTE, change=replace(NOTE.change, note="Something new.\n\nAnd more.")))
    await bench.courier.deliver(due)
    assert "And more." in bench.desk.notes["1"][-1]
