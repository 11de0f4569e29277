"""Actions reach the helpdesk exactly once, whatever happens on the way."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from connectors.contract import (
    Collided,
    Denied,
    Garbled,
    Interrupted,
    Rejected,
    Throttled,
    TimedOut,
    Unavailable,
    Unreachable,
)
from connectors.model import TicketChange, TicketDraft
from server.flows import deliver
from server.flows.judge import Judge
from server.model import (
    Action,
    ActionKind,
    ActionState,
    Issue,
    IssueState,
    Kind,
    OrderKey,
    Severity,
    TicketLink,
)
from server.rules.timeline import empty, fold
from server.store.contract import Reference, ReferenceKind, StoreUnavailable
from server.store.sqlite import SqliteStore
from tests.server.desk import NOW, Clock, FakeHelpdesk, after, before, make_workspace, order_seen, parcel

KEY = OrderKey("acme", "shop", "5001")
UNKNOWN = [TimedOut("Desk", "late"), Interrupted("Desk", "cut"), Unavailable("Desk", "502"), Garbled("Desk", "<html>")]


class Bench:
    """One order with an issue, a helpdesk, and a courier whose pauses are fixed."""

    def __init__(self, store, clock):
        self.store = store
        self.clock = clock
        self.desk = FakeHelpdesk()
        self.policy = {}
        self.happened = []
        self.pauses = []
        self.make_courier()

    def make_courier(self):
        """A new one, as after a restart."""
        self.workspaces = {"acme": make_workspace("acme", self.policy, desk=self.desk)}
        self.courier = deliver.Courier(
            self.workspaces, self.store, self.clock, watcher=self.happened.append, pause=self._pause
        )

    def _pause(self, attempts):
        self.pauses.append(attempts)
        return 10.0 * attempts

    async def plan(self, *actions):
        seen = order_seen(shipments=(parcel("1Z999AA10123456784"),))

        def work(tx):
            if tx.record(KEY) is None:
                judge = Judge(tx, self.workspaces["acme"], self.clock())
                judge._store(fold(empty(KEY), seen))
            if not tx.issues_of(KEY):
                tx.put_issue(issue())
            for each in actions:
                tx.put_action(each)

        await self.store.write(work)

    async def deliver_due(self):
        """Everything that is due now, once each; how many tries that were."""
        tries = 0
        while due := await self.store.read(lambda tx: tx.due_actions(self.clock(), 10)):
            for each in due:
                await self.courier.deliver(each)
                tries += 1
            assert tries < 50, "it goes round in circles"
        return tries

    async def action(self, number=1):
        return next(
            a for a in await self.store.read(lambda tx: tx.actions_of(KEY)) if a.key.startswith(f"i1:{number}:")
        )

    async def issue(self):
        return (await self.store.read(lambda tx: tx.issues_of(KEY)))[0]

    def kinds(self):
        return [each.kind for each in self.happened]


@pytest.fixture
async def bench(tmp_path):
    clock = Clock()
    store = await SqliteStore.open(tmp_path / "beforehand.db", clock=clock)
    yield Bench(store, clock)
    await store.close()


def issue(ticket=None, **facts):
    facts = {"id": "i1", "lead": "i1", "state": IssueState.OPEN, **facts}
    return Issue(
        order=KEY,
        kind=Kind.TRACKING_STALLED,
        severity=Severity.NORMAL,
        headline="has had no carrier scan for 48 hours",
        since=NOW,
        opened_at=NOW,
        ticket=ticket,
        **facts,
    )


def make(kind, number=1, *, note="Something new.", state="", priority="normal", **facts):
    draft = TicketDraft(
        external_id="beforehand:acme:i1",
        subject="Order #1001 has had no carrier scan for 48 hours",
        body="Order #1001 has had no carrier scan for 48 hours.",
        tags=("beforehand",),
        requester_email="jane@example.com",
        follow_up_of=facts.pop("follow_up_of", ""),
    )
    if number > 1:
        draft = replace(draft, external_id=f"{draft.external_id}:{number}")
    return Action(
        key=f"i1:{number}:{kind}",
        order=KEY,
        kind=kind,
        connection="desk",
        issue_ids=("i1",),
        lead="i1",
        draft=draft if kind in (ActionKind.OPEN_TICKET, ActionKind.REOPEN_TICKET) else None,
        change=TicketChange(
            marker=f"bh-{number:012}", note=note, state=state, add_tags=("beforehand",), priority=priority
        ),
        created_at=NOW,
        **{"not_before": NOW, **facts},
    )


OPEN = make(ActionKind.OPEN_TICKET)
NOTE = make(ActionKind.ADD_NOTE, 2)
SOLVE = make(ActionKind.SOLVE_TICKET, 3, note="All is well.", state="solved")
REOPEN = make(ActionKind.REOPEN_TICKET, 4, note="The trouble is back.", state="open")


async def opened(bench):
    """The ticket is open, and the helpdesk's log empty."""
    await bench.plan(OPEN)
    await bench.deliver_due()
    bench.desk.calls.clear()
    bench.desk.log.clear()
    bench.happened.clear()
    return (await bench.issue()).ticket.ticket_id


# --- opening ------------------------------------------------------------------------------------------------------


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


# --- the customer's own ticket --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "facts",
    [
        {"subject": "Where is my order #1001?"},
        {"description": "Hello,\nmy parcel 1Z999AA10123456784 does not move"},
        {"subject": "Order 5001"},
        {"order_references": ("#1001",)},
        {"order_references": ("5001",)},
    ],
    ids=["name", "tracking number", "shop's id", "field with name", "field with id"],
)
async def test_a_finding_goes_into_the_ticket_that_the_customer_opened_about_it(bench, facts):
    bench.desk.hold("900", **facts)
    await bench.plan(OPEN)
    await bench.deliver_due()
    assert list(bench.desk.tickets) == ["900"]
    assert bench.desk.notes["900"] == ["Something new.\nbh-000000000001"]
    assert bench.desk.tickets["900"].state == "open"
    assert (await bench.issue()).ticket == TicketLink(
        connection="desk", ticket_id="900", url="https://desk.example/900", is_ours=False
    )
    assert bench.kinds() == ["ticket_joined"]


async def test_a_ticket_that_we_know_to_be_about_the_order_is_joined_whatever_it_says(bench):
    bench.desk.hold("900", subject="Hello")
    await bench.plan(OPEN)
    await bench.store.write(lambda tx: tx.link_ticket(KEY, "desk", "900"))
    await bench.deliver_due()
    assert list(bench.desk.tickets) == ["900"]


@pytest.mark.parametrize(
    "facts",
    [
        {"subject": "A question"},
        {"subject": "Order #1001", "state": "solved"},
        {"subject": "Order #1001", "state": "closed"},
        {"subject": "Order #1001", "external_id": "beforehand:acme:other"},
        {"subject": "Order #1001", "requester_email": "john@example.com"},
        {"subject": "Order #9999"},
    ],
    ids=["about nothing", "solved", "closed", "one of ours", "another customer's", "another order's"],
)
async def test_any_other_ticket_is_left_alone(bench, facts):
    bench.desk.hold("900", **facts)
    await bench.plan(OPEN)
    await bench.deliver_due()
    assert bench.desk.notes["900"] == []
    assert bench.kinds() == ["ticket_opened"]


async def test_policy_may_forbid_joining(bench):
    bench.policy = {"tickets": {"join_customer_ticket": False}}
    bench.make_courier()
    bench.desk.hold("900", subject="Order #1001")
    await bench.plan(OPEN)
    await bench.deliver_due()
    assert bench.desk.notes["900"] == []
    assert bench.desk.calls["tickets_of"] == 0


@pytest.mark.parametrize("error", [Denied("Desk", "scope"), Rejected("Desk", "bad query"), Garbled("Desk", "?")])
async def test_when_the_customers_tickets_cannot_be_read_one_is_opened(bench, error):
    bench.desk.trouble["tickets_of"] = [before(error)]
    await bench.plan(OPEN)
    await bench.deliver_due()
    assert bench.kinds() == ["ticket_opened"]


@pytest.mark.parametrize("when", [before, after])
async def test_a_lost_answer_never_makes_a_second_note_in_the_customers_ticket(bench, when):
    bench.desk.hold("900", subject="Order #1001")
    bench.desk.trouble["change_ticket"] = [when(TimedOut("Desk", "late"))] * 2
    await bench.plan(OPEN)
    for _ in range(4):
        await bench.deliver_due()
        bench.clock.pass_(minutes=1)
    assert len(bench.desk.notes["900"]) == 1
    assert list(bench.desk.tickets) == ["900"]


async def test_once_a_creation_may_have_happened_no_other_ticket_is_joined(bench):
    bench.desk.trouble["open_ticket"] = [before(TimedOut("Desk", "late"))]
    await bench.plan(OPEN)
    await bench.deliver_due()
    bench.desk.hold("900", subject="Order #1001")
    bench.clock.pass_(minutes=1)
    await bench.deliver_due()
    assert bench.desk.notes["900"] == []
    assert bench.kinds()[-1] == "ticket_opened"


async def test_a_customers_ticket_that_is_deleted_meanwhile_is_replaced_by_one_of_ours(bench):
    bench.desk.hold("900", subject="Order #1001")
    bench.desk.meanwhile["read_ticket"] = lambda: bench.desk.delete("900")
    await bench.plan(OPEN)
    await bench.deliver_due()
    assert [ticket.external_id for ticket in bench.desk.tickets.values()] == ["beforehand:acme:i1"]


async def test_later_changes_to_the_customers_ticket_are_only_ever_notes(bench):
    bench.desk.hold("900", subject="Order #1001", state="pending")
    await opened(bench)
    await bench.plan(NOTE, SOLVE, REOPEN)
    await bench.deliver_due()
    assert bench.desk.tickets["900"].state == "pending"
    assert len(bench.desk.notes["900"]) == 4
    assert bench.kinds() == ["note_added"] * 3


# --- changing -----------------------------------------------------------------------------------------------------


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


# --- trouble ------------------------------------------------------------------------------------------------------


async def test_pauses_grow_and_are_never_shorter_than_asked_for(bench):
    errors = [Unavailable("Desk", "503"), Unavailable("Desk", "503", retry_after=120), Unreachable("Desk", "down")]
    bench.desk.trouble["open_ticket"] = [before(error) for error in errors]
    await bench.plan(OPEN)
    waits = []
    for _ in errors:
        await bench.deliver_due()
        not_before = (await bench.action()).not_before
        waits.append((not_before - bench.clock()).total_seconds())
        bench.clock.now = not_before
    assert waits == [10, 120, 30]
    await bench.deliver_due()
    assert (await bench.action()).state is ActionState.DONE
    assert bench.kinds() == ["action_delayed"] * 3 + ["ticket_opened"]


async def test_a_throttled_call_waits_at_least_as_long_as_it_was_told(bench):
    bench.desk.trouble["find_ticket"] = [before(Throttled("Desk", "429", retry_after=60))]
    await bench.plan(OPEN)
    await bench.deliver_due()
    waited = (await bench.action()).not_before - NOW
    assert timedelta(seconds=60) < waited <= timedelta(seconds=65)


def test_in_an_outage_there_are_at_most_three_tries_in_the_first_minute():
    for _ in range(200):
        first, second, third = (deliver.outage_pause(attempts) for attempts in (1, 2, 3))
        assert first <= 2
        assert 30 <= second <= 60
        assert first + second + third > 60


async def test_a_refusal_is_tried_three_times_and_then_shown(bench):
    bench.desk.trouble["open_ticket"] = [before(Rejected("Desk", "422 requester is suspended"))] * 9
    await bench.plan(OPEN, NOTE, SOLVE)
    for _ in range(9):
        await bench.deliver_due()
        bench.clock.pass_(minutes=2)
    assert bench.desk.calls["open_ticket"] == 3
    assert ((await bench.action()).state, (await bench.action()).error) == (
        ActionState.FAILED,
        "Desk: 422 requester is suspended",
    )
    for number in (2, 3):
        later = await bench.action(number)
        assert later.state is ActionState.FAILED
        assert later.error == "its ticket was never opened: Desk: 422 requester is suspended"
    assert bench.desk.tickets == {}


async def test_a_refused_look_up_is_also_given_up_in_the_end(bench):
    bench.desk.trouble["find_ticket"] = [before(Garbled("Desk", "<html>"))] * 9
    await bench.plan(OPEN)
    for _ in range(9):
        await bench.deliver_due()
        bench.clock.pass_(minutes=2)
    assert bench.desk.calls == {"find_ticket": 3}
    assert (await bench.action()).state is ActionState.FAILED


async def test_a_fault_of_our_own_fails_its_action_and_no_other(bench):
    other = OrderKey("acme", "shop", "5002")
    await bench.plan(replace(OPEN, draft=None), replace(OPEN, key="i2:1:open_ticket", order=other))
    for _ in range(4):
        await bench.deliver_due()
        bench.clock.pass_(minutes=2)
    failed = await bench.action()
    assert (failed.state, failed.error) == (ActionState.FAILED, "the action was planned without what it needs")
    assert len(bench.desk.ours()) == 1


async def test_refused_access_is_waited_for_with_few_calls_and_then_everything_is_delivered(bench):
    actions = [
        replace(OPEN, key=f"i{n}:1:open_ticket", order=OrderKey("acme", "shop", str(n)), lead=f"i{n}",
                draft=replace(OPEN.draft, external_id=f"beforehand:acme:i{n}"))
        for n in range(30)
    ]  # fmt: skip
    bench.desk.trouble["find_ticket"] = [before(Denied("Desk", "401"))] * 100
    await bench.plan(*actions)
    calls = []
    for _ in range(30):
        bench.desk.calls.clear()
        await bench.deliver_due()
        calls.append(sum(bench.desk.calls.values()))
        bench.clock.pass_(minutes=1)
    assert max(calls) <= 3
    assert (await bench.store.read(lambda tx: tx.counts())).actions == {"pending": 30, "done": 0}
    bench.desk.trouble.clear()
    for _ in range(7):
        await bench.deliver_due()
        bench.clock.pass_(minutes=1)
    assert len(bench.desk.ours()) == 30


async def test_access_is_waited_for_seven_days_and_then_given_up(bench):
    bench.desk.trouble["find_ticket"] = [before(Denied("Desk", "401 token expired"))] * 5000
    await bench.plan(OPEN)
    bench.clock.pass_(days=6, hours=23)
    await bench.deliver_due()
    assert (await bench.action()).state is ActionState.PENDING
    bench.clock.pass_(hours=2)
    await bench.deliver_due()
    assert ((await bench.action()).state, (await bench.action()).error) == (
        ActionState.FAILED,
        "Desk: 401 token expired",
    )


async def test_a_helpdesk_that_is_not_configured_any_more_is_waited_for(bench):
    await bench.plan(OPEN)
    bench.workspaces["acme"] = make_workspace("acme")
    await bench.deliver_due()
    waiting = await bench.action()
    assert (waiting.state, waiting.error) == (ActionState.PENDING, "the configuration has no helpdesk desk")
    bench.make_courier()
    bench.clock.pass_(minutes=6)
    await bench.deliver_due()
    assert len(bench.desk.ours()) == 1


async def test_when_the_result_cannot_be_stored_it_is_found_again(bench):
    await bench.plan(OPEN)
    write, writes = bench.store.write, []

    async def fails_the_second_time(work):
        writes.append(work)
        if len(writes) == 2:
            raise StoreUnavailable("full")
        return await write(work)

    bench.store.write = fails_the_second_time
    with pytest.raises(StoreUnavailable):
        await bench.deliver_due()
    assert (await bench.action()).state is ActionState.SENDING
    await bench.deliver_due()
    assert len(bench.desk.ours()) == 1
    assert bench.desk.calls["open_ticket"] == 1
    assert (await bench.action()).state is ActionState.DONE


async def test_one_call_delivers_one_action(bench):
    await bench.plan(OPEN)
    (due,) = await bench.store.read(lambda tx: tx.due_actions(NOW, 1))
    await deliver.deliver(due, bench.workspaces, bench.store, bench.clock)
    assert (await bench.action()).state is ActionState.DONE
