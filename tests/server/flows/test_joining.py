"""The finding goes on in the customer's own ticket, exactly once, and our ticket says where."""

import pytest

from connectors.model import Contact, Observation, References
from server.flows.judge import Judge
from server.model import ActionKind, ActionState
from server.store.contract import Reference, ReferenceKind
from tests.server.delivering import KEY, UNKNOWN, make, opened
from tests.server.desk import NOW, after, before


@pytest.fixture
def bench(deliveries):
    return deliveries


async def joined(bench):
    """The customer has written, and the plan says to go on in their ticket."""
    ours = await opened(bench)
    theirs = bench.desk.hold("900", subject="Where is #1001?").id
    issue = await bench.issue()
    await bench.plan(make(ActionKind.JOIN_TICKET, 2, target=theirs, leaves=issue.ticket, note="It stalls."))
    return ours, theirs


async def test_the_customers_ticket_gets_the_finding_and_ours_says_where_it_goes_on(bench):
    ours, theirs = await joined(bench)
    await bench.deliver_due()
    assert bench.desk.notes[theirs] == ["It stalls.\nbh-000000000002"]
    assert bench.desk.tickets[theirs].state == "open"
    assert bench.desk.tickets[ours].state == "solved"
    assert f"it goes on in their ticket {theirs}." in bench.desk.notes[ours][-1]
    link = (await bench.issue()).ticket
    assert (link.ticket_id, link.is_ours) == (theirs, False)
    assert bench.kinds() == ["ticket_joined", "ticket_solved"]


async def test_a_ticket_that_a_person_works_in_stays_open(bench):
    ours, theirs = await joined(bench)
    bench.desk.touched.add(ours)
    await bench.deliver_due()
    assert bench.desk.tickets[ours].state == "open"
    assert f"ticket {theirs}" in bench.desk.notes[ours][-1]


@pytest.mark.parametrize("error", UNKNOWN, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("when", [before, after])
async def test_a_lost_answer_repeats_nothing(bench, error, when):
    ours, theirs = await joined(bench)
    bench.desk.trouble["change_ticket"] = [when(error), when(error)]
    for _ in range(6):
        await bench.deliver_due()
        bench.clock.pass_(minutes=5)
    assert len(bench.desk.notes[theirs]) == 1
    assert sum("it goes on" in note for note in bench.desk.notes[ours]) == 1


async def test_a_ticket_that_is_gone_takes_nothing_over(bench):
    ours, theirs = await joined(bench)
    bench.desk.delete(theirs)
    await bench.deliver_due()
    assert bench.desk.tickets[ours].state == "open"
    assert (await bench.issue()).ticket.ticket_id == ours
    assert (await bench.action(2)).state is ActionState.DONE


def wrote(text: str, ticket: str = "900", state: str = "open") -> Observation:
    return Observation(
        source="desk",
        kind="ticket.created",
        identity=f"{ticket}{state}",
        at=NOW,
        about=References(ticket=ticket, text=text),
        contacts=(Contact(id=ticket, at=NOW, channel="email", subject=text, state=state),),
    )


async def take_in(bench, *observations):
    def work(tx):
        judge = Judge(tx, bench.workspaces["acme"], bench.clock())
        outcomes = [judge.take_in([each]) for each in observations]
        judge.finish()
        return outcomes

    return await bench.store.write(work)


async def contacts(bench):
    record = await bench.store.read(lambda tx: tx.record(KEY))
    return [said.facts for said in record.contacts.values()]


async def test_what_a_customer_writes_joins_the_one_order_that_it_names(bench):
    await bench.plan()
    await take_in(bench, wrote("Where is #1001?"))
    assert [contact.id for contact in await contacts(bench)] == ["900"]
    found = await bench.store.read(lambda tx: tx.find("acme", [Reference(ReferenceKind.TICKET, "desk|900")]))
    assert found == (KEY,)
    # From then on the ticket is known, whatever else is said in it.
    await take_in(bench, wrote("Thanks", state="solved"))
    assert [contact.state for contact in await contacts(bench)] == ["solved"]


@pytest.mark.parametrize("text", ["Hello", "My invoice 2026", "#9999 is wrong"])
async def test_text_that_names_no_order_is_no_trouble(bench, text):
    await bench.plan()
    (outcome,) = await take_in(bench, wrote(text))
    assert (outcome.state.value, outcome.waits_for) == ("done", ())
    assert await contacts(bench) == []
