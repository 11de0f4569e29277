"""When a ticket is solved, its issues learn whether a person had dealt with it."""

import pytest
from msgspec.structs import replace

from server.model import IssueState, Outcome
from tests.server.delivering import NOTE, SOLVE, opened


@pytest.fixture
def bench(deliveries):
    return deliveries


async def solved(bench) -> str:
    """The ticket is open, its issue has ended; the ticket's id."""
    ticket_id = await opened(bench)
    issue = await bench.issue()
    await bench.store.write(lambda tx: tx.put_issue(replace(issue, state=IssueState.SOLVED)))
    return ticket_id


async def outcome_after(bench, action) -> Outcome | None:
    await bench.plan(action)
    await bench.deliver_due()
    return (await bench.issue()).outcome


async def test_a_ticket_that_we_solve_was_touched_by_nobody(bench):
    await solved(bench)
    assert await outcome_after(bench, SOLVE) == Outcome(by_person=False)


async def test_a_ticket_that_a_person_has_touched_was_dealt_with_by_them(bench):
    bench.desk.touched.add(await solved(bench))
    assert await outcome_after(bench, SOLVE) == Outcome(by_person=True)


@pytest.mark.parametrize("state", ["closed", "deleted"])
async def test_a_ticket_that_people_have_done_away_with_was_dealt_with_by_them(bench, state):
    ticket_id = await solved(bench)
    if state == "closed":
        bench.desk.change(ticket_id, state="closed")
    else:
        del bench.desk.tickets[ticket_id]
    assert await outcome_after(bench, SOLVE) == Outcome(by_person=True)


async def test_a_note_says_nothing_of_that(bench):
    await solved(bench)
    assert await outcome_after(bench, NOTE) is None
