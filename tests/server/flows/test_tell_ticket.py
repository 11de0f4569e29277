"""What came of a request reaches the ticket once, whatever breaks and whatever became of the ticket's issue."""

import pytest

from connectors.contract import Collided, Rejected, Throttled
from connectors.model import TicketChange
from server.approval_model import Turn
from server.flows import stopped_actions
from server.flows.approval_turns import record_turn
from server.model import Action, ActionKind, ActionState, IssueState
from server.rules.audit import verify
from server.rules.outbox import marker_of
from server.rules.policy_reading import parse_policy
from server.workspaces import Workspace
from tests.server.approving import DANA, SAM, TABLES, executed, request
from tests.server.delivering import KEY, NOTE, OPEN, SOLVE, UNKNOWN, make, opened
from tests.server.desk import NEW_YORK, NOW, FakeShop, after, before
from tests.server.outlets import FakeChat


@pytest.fixture
def bench(deliveries):
    return deliveries


def tell(number=1, target="900", **facts):
    key = f"approval:r{number}:executed:4:ticket"
    return Action(
        key=key,
        order=KEY,
        kind=ActionKind.TELL_TICKET,
        connection="desk",
        issue_ids=(),
        lead="",
        approval=f"r{number}",
        target=target,
        change=TicketChange(marker=marker_of(key), note=f"Refund {number}: done."),
        created_at=NOW,
        **{"not_before": NOW, **facts},
    )


async def stored(bench, key="approval:r1:executed:4:ticket"):
    return await bench.store.read(lambda tx: tx.action(key))


async def test_note_reaches_the_ticket_beside_which_somebody_asked_and_changes_nothing_else(bench):
    theirs = bench.desk.hold("900", state="solved", tags=("a",))
    await bench.plan(tell())
    await bench.deliver_due()
    (note,) = bench.desk.notes["900"]
    assert note.startswith("Refund 1: done.\nbh-")
    assert (bench.desk.tickets["900"].state, bench.desk.tickets["900"].tags) == ("solved", theirs.tags)
    action = await stored(bench)
    assert (action.state, action.ticket_id, action.error) == (ActionState.DONE, "900", "")
    assert bench.kinds() == ["note_added"]
    assert (await bench.issue()).ticket is None, "it is not the issue's ticket for that"
    assert not bench.desk.calls["was_touched_by_a_person"]


@pytest.mark.parametrize("error", UNKNOWN, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("when", [before, after])
async def test_lost_answer_never_makes_a_second_note(bench, error, when):
    bench.desk.hold("900")
    bench.desk.trouble["change_ticket"] = [when(error), when(error)]
    await bench.plan(tell())
    for _ in range(4):
        await bench.deliver_due()
        bench.clock.pass_(minutes=1)
        bench.make_courier()
    assert len(bench.desk.notes["900"]) == 1
    assert (await stored(bench)).state is ActionState.DONE


async def test_collision_is_tried_again(bench):
    bench.desk.hold("900")
    bench.desk.meanwhile["change_ticket"] = lambda: bench.desk.change("900", state="pending")
    bench.desk.trouble["change_ticket"] = [before(Collided("Desk", "409", status=409))]
    await bench.plan(tell())
    await bench.deliver_due()
    assert len(bench.desk.notes["900"]) == 1
    assert bench.desk.tickets["900"].state == "pending"


@pytest.mark.parametrize(
    ("state", "why"), [("closed", "the ticket is closed for good"), (None, "the ticket was deleted")]
)
async def test_ticket_that_takes_no_note_drops_it_with_the_reason(bench, state, why):
    bench.desk.hold("900", state=state or "open")
    if state is None:
        bench.desk.delete("900")
    await bench.plan(tell())
    assert await bench.deliver_due() == 1
    action = await stored(bench)
    assert (action.state, action.error) == (ActionState.DONE, why)
    assert bench.kinds() == ["action_dropped"]


async def test_note_waits_for_no_issue_and_holds_none_up(bench):
    ticket_id = await opened(bench)
    held = make(ActionKind.ADD_NOTE, 2, not_before=NOW.replace(hour=23))
    await bench.plan(held, tell(target=ticket_id), tell(2, target=ticket_id))
    await bench.deliver_due()
    assert [note.splitlines()[0] for note in bench.desk.notes[ticket_id][1:]] == ["Refund 1: done.", "Refund 2: done."]
    assert (await bench.action(2)).state is ActionState.PENDING
    bench.desk.trouble["change_ticket"] = [before(Throttled("Desk", "429", retry_after=900))]
    await bench.plan(tell(3, target=ticket_id))
    await bench.deliver_due()
    await bench.plan(SOLVE)
    bench.clock.now = NOW.replace(hour=23)
    await bench.deliver_due()
    assert bench.desk.tickets[ticket_id].state == "solved"
    assert (await bench.issue()).state is IssueState.OPEN


async def test_issue_that_never_got_a_ticket_is_not_blamed_on_it(bench):
    bench.desk.hold("900")
    bench.desk.trouble["change_ticket"] = [before(Rejected("Desk", "422", status=422)) for _ in range(3)]
    await bench.plan(tell())
    for _ in range(4):
        await bench.deliver_due()
        bench.clock.pass_(minutes=5)
    assert (await stored(bench)).state is ActionState.FAILED
    await bench.plan(NOTE)
    await bench.deliver_due()
    assert (await bench.action(2)).error == "its ticket was never opened"
    assert await stopped_actions.retry(bench.store, ["approval:r1:executed:4:ticket"], bench.clock()) == (1, 0)
    await bench.deliver_due()
    assert len(bench.desk.notes["900"]) == 1


async def test_planning_of_issues_leaves_it_alone(bench):
    await bench.plan(OPEN, tell())
    assert {a.kind for a in await bench.store.read(lambda tx: tx.actions_of(KEY)) if a.kind.is_of_issue} == {
        ActionKind.OPEN_TICKET
    }
    assert not tell().kind.is_notice


async def test_turn_stores_request_entry_note_and_message_together_and_a_repeat_adds_nothing(store):
    chat = FakeChat()
    connections = {"shop": FakeShop(), "chat": chat}
    workspace = Workspace("acme", NEW_YORK, parse_policy(TABLES, NEW_YORK), connections)

    def turn(found, name, by=None):
        return store.write(lambda tx: record_turn(tx, found, name, workspace, NOW, by=by))

    await turn(request(), Turn.REQUESTED, SAM)
    await turn(executed(), Turn.EXECUTED, DANA)
    await turn(executed(), Turn.EXECUTED, DANA)
    actions = await store.read(lambda tx: tx.actions_of(KEY))
    assert [(a.kind, a.occasion, a.state) for a in actions] == [
        (ActionKind.NOTIFY_TEAM, "requested", ActionState.DONE),
        (ActionKind.TELL_TICKET, "executed", ActionState.PENDING),
    ]
    assert await store.read(lambda tx: tx.approval("r1")) == executed()
    entries = await store.read(lambda tx: tx.audit("acme", 0, 9))
    assert [(e.fact.event, e.fact.actor, e.fact.via) for e in entries[:2]] == [
        ("approval.requested", "desk:1", "desk"),
        ("approval.executed", "dana", "chat"),
    ]
    assert entries[1].fact.details == {
        "order": "acme/shop/5001",
        "kind": "refund",
        "version": "4",
        "amount": "12.00",
        "currency": "USD",
        "receipt": "re_1",
    }
    rows = await store.read(lambda tx: tx.audit_rows("acme", 0, 9))
    assert verify(rows, await store.read(lambda tx: tx.audit_head("acme"))).is_sound
