"""Notes, solutions and re-openings reach a ticket once, and leave to people what people have touched."""

import pytest
from msgspec.structs import replace

from connectors.contract import (
    Collided,
    Denied,
    Throttled,
    TimedOut,
)
from server.model import ActionKind, ActionState
from tests.server.delivering import KEY, NOTE, REOPEN, SOLVE, UNKNOWN, make, opened
from tests.server.desk import after, before


@pytest.fixture
def bench(deliveries):
    return deliveries


async def test_note_solution_and_reopening_reach_the_ticket_in_their_sequence(bench):
    ticket_id = await opened(bench)
    await bench.plan(NOTE, SOLVE, REOPEN)
    await bench.deliver_due()
    assert [note.splitlines()[0] for note in bench.desk.notes[ticket_id][1:]] == [
        "Something new.",
        "All is well.",
        "The trouble is back.",
    ]
    assert bench.desk.tickets[ticket_id].state == "open"
    assert bench.kinds() == ["note_added", "ticket_solved", "ticket_reopened"]


@pytest.mark.parametrize("error", UNKNOWN, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("when", [before, after])
async def test_a_lost_answer_never_makes_a_second_note(bench, error, when):
    ticket_id = await opened(bench)
    bench.desk.trouble["change_ticket"] = [when(error), when(error)]
    await bench.plan(NOTE)
    for _ in range(4):
        await bench.deliver_due()
        bench.clock.pass_(minutes=1)
    assert len(bench.desk.notes[ticket_id]) == 2
    assert (await bench.action(2)).state is ActionState.DONE


async def test_a_note_is_not_looked_for_when_it_surely_did_not_arrive(bench):
    await opened(bench)
    bench.desk.trouble["change_ticket"] = [before(Throttled("Desk", "429", retry_after=7))]
    await bench.plan(NOTE)
    await bench.deliver_due()
    assert (await bench.action(2)).state is ActionState.PENDING
    bench.clock.pass_(minutes=1)
    await bench.deliver_due()
    assert bench.desk.calls["has_note"] == 0
    assert len(bench.desk.notes["1"]) == 2


async def test_a_ticket_that_a_person_has_touched_gets_the_note_and_keeps_its_state(bench):
    ticket_id = await opened(bench)
    bench.desk.touched.add(ticket_id)
    bench.desk.change(ticket_id, state="pending")
    await bench.plan(SOLVE)
    await bench.deliver_due()
    assert bench.desk.tickets[ticket_id].state == "pending"
    assert "All is well." in bench.desk.notes[ticket_id][-1]
    assert bench.kinds() == ["note_added"]


async def test_a_ticket_that_a_person_has_solved_is_not_opened_again(bench):
    ticket_id = await opened(bench)
    bench.desk.touched.add(ticket_id)
    bench.desk.change(ticket_id, state="solved")
    await bench.plan(REOPEN)
    await bench.deliver_due()
    assert bench.desk.tickets[ticket_id].state == "solved"
    assert bench.kinds() == ["note_added"]


async def test_when_we_may_not_know_who_touched_it_only_the_note_is_written(bench):
    ticket_id = await opened(bench)
    bench.desk.trouble["was_touched_by_a_person"] = [before(Denied("Desk", "no audits"))]
    await bench.plan(SOLVE)
    await bench.deliver_due()
    assert bench.desk.tickets[ticket_id].state == "open"
    assert bench.kinds() == ["note_added"]


@pytest.mark.parametrize("action", [NOTE, SOLVE], ids=["note", "solution"])
async def test_a_closed_ticket_is_told_nothing_more(bench, action):
    ticket_id = await opened(bench)
    bench.desk.change(ticket_id, state="closed")
    await bench.plan(action)
    assert await bench.deliver_due() == 1
    assert bench.desk.calls == {"read_ticket": 1}
    done = next(a for a in await bench.store.read(lambda tx: tx.actions_of(KEY)) if a.key == action.key)
    assert (done.state, done.error) == (ActionState.DONE, "the ticket is closed for good")
    assert len(bench.desk.tickets) == 1
    assert bench.kinds() == ["action_dropped"]


async def test_trouble_that_comes_back_after_closing_gets_one_follow_up(bench):
    ticket_id = await opened(bench)
    bench.desk.change(ticket_id, state="closed")
    bench.desk.trouble["open_ticket"] = [after(TimedOut("Desk", "late"))]
    again = replace(REOPEN, draft=replace(REOPEN.draft, follow_up_of=ticket_id))
    await bench.plan(again)
    for _ in range(3):
        await bench.deliver_due()
        bench.clock.pass_(minutes=1)
    assert sorted(bench.desk.tickets) == ["1", "2"]
    request = next(request for name, request in bench.desk.log if name == "open_ticket")
    assert b'"follow_up_of":"1"' in request
    assert (await bench.issue()).ticket.ticket_id == "2"


async def test_a_new_episode_follows_up_only_on_a_closed_ticket(bench):
    ticket_id = await opened(bench)
    bench.desk.change(ticket_id, state="solved")
    await bench.plan(make(ActionKind.OPEN_TICKET, 2, follow_up_of=ticket_id))
    await bench.deliver_due()
    assert bench.kinds() == ["ticket_opened"]
    bench.desk.change(ticket_id, state="closed")
    await bench.plan(make(ActionKind.OPEN_TICKET, 3, follow_up_of=ticket_id))
    await bench.plan(make(ActionKind.OPEN_TICKET, 4, follow_up_of="77"))
    await bench.deliver_due()
    assert bench.kinds() == ["ticket_opened", "follow_up_opened", "ticket_opened"]


@pytest.mark.parametrize("action", [NOTE, SOLVE, REOPEN], ids=["note", "solution", "reopening"])
async def test_a_deleted_ticket_is_not_replaced(bench, action):
    await opened(bench)
    bench.desk.delete("1")
    await bench.plan(action)
    await bench.deliver_due()
    assert bench.desk.tickets == {}
    done = next(a for a in await bench.store.read(lambda tx: tx.actions_of(KEY)) if a.key == action.key)
    assert (done.state, done.error) == (ActionState.DONE, "the ticket was deleted")


async def test_a_ticket_deleted_between_reading_and_writing_is_not_replaced(bench):
    await opened(bench)
    bench.desk.meanwhile["change_ticket"] = lambda: bench.desk.delete("1")
    await bench.plan(NOTE)
    await bench.deliver_due()
    assert (await bench.action(2)).error == "the ticket was deleted"


async def test_a_collision_with_a_person_is_resolved_by_reading_again(bench):
    ticket_id = await opened(bench)

    def agent():
        bench.desk.touched.add(ticket_id)
        bench.desk.change(ticket_id, state="pending")

    bench.desk.meanwhile["change_ticket"] = agent
    await bench.plan(SOLVE)
    await bench.deliver_due()
    assert bench.desk.tickets[ticket_id].state == "pending"
    assert len(bench.desk.notes[ticket_id]) == 2
    assert bench.kinds() == ["note_added"]


async def test_a_collision_with_our_own_lost_first_try_is_the_proof_that_it_arrived(bench):
    ticket_id = await opened(bench)
    late = []

    def first_copy_lands():
        known = bench.desk.tickets[ticket_id]
        late.append(bench.desk._change(known, bench.desk.render_change(NOTE.change)))

    bench.desk.trouble["change_ticket"] = [before(TimedOut("Desk", "late"))]
    await bench.plan(NOTE)
    await bench.deliver_due()
    bench.clock.pass_(minutes=1)
    bench.desk.meanwhile["change_ticket"] = first_copy_lands
    await bench.deliver_due()
    assert late
    assert len(bench.desk.notes[ticket_id]) == 2
    assert (await bench.action(2)).state is ActionState.DONE


async def test_a_ticket_that_keeps_colliding_is_left_for_later(bench):
    await opened(bench)
    bench.desk.trouble["change_ticket"] = [before(Collided("Desk", "409", status=409))] * 3
    await bench.plan(NOTE)
    await bench.deliver_due()
    assert (await bench.action(2)).state is ActionState.SENDING
    bench.clock.pass_(minutes=5)
    await bench.deliver_due()
    assert (await bench.action(2)).state is ActionState.DONE
    assert len(bench.desk.notes["1"]) == 2
