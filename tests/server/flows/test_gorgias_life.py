"""The life of an issue in Gorgias, through the real connector and its strict stand-in: one ticket, whatever happens.

Deliveries are those of `test_deliver*.py`; what they come to is read from the stand-in, as agents would see it.
"""

import httpx
import pytest
from msgspec.structs import replace

from connectors import registry
from connectors.connection import Connection
from connectors.gorgias.late import SETTLES
from connectors.model import TicketChange
from connectors.transport import Limits
from server.demo.fake import BROKEN, DOWN, HTML, LOST, REFUSED, AnswerLost, too_many
from server.demo.gorgias import FakeGorgias
from server.demo.gorgias_access import KEY
from server.demo.gorgias_state import DEMO_EMAIL, Account
from server.model import ActionKind, ActionState, IssueState, Outcome, TicketLink
from tests.server.delivering import NOTE, OPEN, REOPEN, SOLVE, Deliveries, make
from tests.server.desk import Clock

TICKETS, MESSAGES, TAGS = "/api/tickets", "/messages", "/tags"


class Line(httpx.AsyncBaseTransport):
    """The way to the stand-in, on which answers may be lost."""

    def __init__(self, fake):
        self._inner = httpx.ASGITransport(app=fake.app)

    async def handle_async_request(self, request):
        try:
            return await self._inner.handle_async_request(request)
        except AnswerLost as error:
            raise httpx.ReadError("the connection broke") from error


class InGorgias(Deliveries):
    """The bench for deliveries, with Gorgias for a helpdesk."""

    def __init__(self, store, clock):
        super().__init__(store, clock)
        self.fake = FakeGorgias(clock)
        self.fake.access.key_bucket = 10_000
        self.account = self.fake.account
        self.connector = registry.connect(
            "gorgias",
            {
                "domain": "acme",
                "email": DEMO_EMAIL,
                "api_key": KEY,
                "reply_from": Account.SUPPORT,
                "requests_per_20_seconds": 10_000,
            },
            Connection(
                workspace="acme",
                name="desk",
                limits=Limits(failures_before_pause=1000),
                clock=clock,
                clients=lambda _: httpx.AsyncClient(transport=Line(self.fake)),
            ),
        )
        self.desk = self.connector
        self.make_courier()

    @property
    def tickets(self):
        return list(self.account.tickets.values())

    def notes(self, ticket):
        return [message.body_text for message in ticket.messages if message.channel == "internal-note"]

    def breaks(self, mishap, *, method="POST", ending=TICKETS, times=1):
        """The next calls of this kind go wrong."""
        left = [mishap] * times

        def misbehaves(call):
            return left.pop() if left and call.method == method and call.path.endswith(ending) else None

        self.fake.misbehaves = misbehaves

    async def deliver_for(self, minutes):
        for _ in range(minutes):
            await self.deliver_due()
            self.clock.pass_(minutes=1)

    async def begin(self):
        """The ticket is open."""
        await self.plan(OPEN)
        await self.deliver_due()
        self.happened.clear()
        (ticket,) = self.tickets
        return ticket


@pytest.fixture
async def bench(store):
    made = InGorgias(store, Clock())
    yield made
    await made.connector.close()


# --- opening ---


async def test_a_ticket_is_opened_with_a_note_that_no_customer_sees(bench):
    ticket = await bench.begin()
    assert (ticket.external_id, ticket.tags, ticket.status, ticket.channel) == (
        "beforehand:acme:i1",
        ("beforehand",),
        "open",
        "api",
    )
    (first,) = ticket.messages
    assert (first.channel, first.public, first.from_agent, first.sender) == (
        "internal-note",
        False,
        True,
        Account.US.id,
    )
    assert bench.account.customers[ticket.customer_id].email == "jane@example.com"
    link = TicketLink(
        connection="desk", ticket_id=str(ticket.id), url=f"https://acme.gorgias.com/app/ticket/{ticket.id}"
    )
    assert (await bench.issue()).ticket == link


@pytest.mark.parametrize("mishap", [LOST, DOWN, BROKEN, HTML, too_many(20)], ids=["lost", "503", "500", "HTML", "429"])
async def test_an_opening_that_goes_wrong_makes_one_ticket(bench, mishap):
    bench.breaks(mishap, times=2)
    await bench.plan(OPEN)
    await bench.deliver_for(5)
    assert len(bench.tickets) == bench.fake.creations == 1
    assert (await bench.action()).state is ActionState.DONE


async def test_a_creation_that_lands_after_we_gave_up_on_it_is_found_and_not_repeated(bench):
    """Gorgias has no idempotency keys: the only help is to wait until the first copy would be there."""
    late = []

    def gives_up(call):
        if call.method == "POST" and call.path == TICKETS and not late:
            late.append(call)
            return DOWN
        return None

    bench.fake.misbehaves = gives_up
    await bench.plan(OPEN)
    await bench.deliver_due()
    bench.clock.pass_(seconds=10)
    await bench.deliver_due()
    assert bench.tickets == []
    async with httpx.AsyncClient(transport=Line(bench.fake), base_url="https://acme.gorgias.com") as slow:
        await slow.post(TICKETS, content=late[0].body, headers={"authorization": late[0].headers["authorization"]})
    bench.clock.pass_(seconds=SETTLES.total_seconds())
    await bench.deliver_for(3)
    assert len(bench.tickets) == 1
    assert (await bench.issue()).ticket.ticket_id == str(bench.tickets[0].id)


async def test_after_a_restart_the_ticket_is_looked_for_first(bench):
    bench.breaks(LOST)
    await bench.plan(OPEN)
    await bench.deliver_due()
    bench.make_courier()
    bench.clock.pass_(minutes=1)
    await bench.deliver_due()
    assert bench.fake.creations == 1
    assert (await bench.action()).state is ActionState.DONE


async def test_refused_access_costs_no_ticket(bench):
    bench.fake.standing_mishap = REFUSED
    await bench.plan(OPEN)
    await bench.deliver_due()
    assert (bench.tickets, (await bench.action()).attempts) == ([], 0)
    bench.fake.standing_mishap = None
    bench.clock.pass_(hours=1)
    await bench.deliver_due()
    assert len(bench.tickets) == 1


# --- notes, solving, opening again ---


async def test_note_solution_and_reopening_reach_the_ticket_in_their_sequence(bench):
    ticket = await bench.begin()
    await bench.plan(NOTE)
    await bench.deliver_due()
    assert ticket.status == "open"
    await bench.plan(SOLVE)
    await bench.deliver_due()
    assert ticket.status == "closed"
    await bench.plan(REOPEN)
    await bench.deliver_due()
    assert ticket.status == "open"
    assert [note.splitlines()[0] for note in bench.notes(ticket)[1:]] == [
        "Something new.",
        "All is well.",
        "The trouble is back.",
    ]
    assert bench.kinds() == ["note_added", "ticket_solved", "ticket_reopened"]
    assert not any(message.public for message in ticket.messages)
    assert len(bench.tickets) == 1


@pytest.mark.parametrize("mishap", [LOST, DOWN, HTML, too_many(20)], ids=["lost", "503", "HTML", "429"])
@pytest.mark.parametrize(
    ("method", "ending"), [("POST", MESSAGES), ("PUT", ""), ("GET", "")], ids=["message", "update", "read"]
)
async def test_a_solution_that_goes_wrong_on_any_step_is_carried_out_once(bench, mishap, method, ending):
    ticket = await bench.begin()
    bench.breaks(mishap, method=method, ending=ending, times=2)
    await bench.plan(SOLVE)
    await bench.deliver_for(6)
    assert ticket.status == "closed"
    assert len(bench.notes(ticket)) == 2
    assert (await bench.action(3)).state is ActionState.DONE


async def test_tags_are_added_and_those_of_people_stay(bench):
    ticket = await bench.begin()
    bench.account.change(ticket, None, tags=("beforehand", "vip"))
    await bench.plan(replace(NOTE, change=replace(NOTE.change, add_tags=("beforehand", "beforehand_promise_at_risk"))))
    await bench.deliver_due()
    assert ticket.tags == ("beforehand", "vip", "beforehand_promise_at_risk")


async def test_a_note_of_ours_meets_a_person_who_writes_at_the_same_moment(bench):
    ticket = await bench.begin()
    reads = []

    def person_writes(call):
        # Between our reading of the ticket and our writing to it.
        if call.method == "GET" and call.path == f"{TICKETS}/{ticket.id}":
            reads.append(call)
            if len(reads) == 2:
                bench.account.agent_writes(ticket, "I take this one.", public=False)
                bench.account.agent_changes(ticket, status="closed")
        return

    bench.fake.misbehaves = person_writes
    await bench.plan(REOPEN)
    await bench.deliver_due()
    assert ticket.status == "closed", "what a person closed stays closed"
    assert bench.kinds() == ["note_added"]
    assert len(bench.notes(ticket)) == 3


# --- people ---


@pytest.mark.parametrize("state", ["open", "closed"])
async def test_a_ticket_that_a_person_has_touched_gets_the_note_and_keeps_its_state(bench, state):
    ticket = await bench.begin()
    bench.account.agent_writes(ticket, "We look into it.")
    bench.account.agent_changes(ticket, status=state)
    await bench.plan(SOLVE if state == "open" else REOPEN)
    await bench.deliver_due()
    assert ticket.status == state
    assert len(bench.notes(ticket)) == 2
    assert bench.kinds() == ["note_added"]


async def test_a_person_who_only_closed_it_has_the_last_word(bench):
    ticket = await bench.begin()
    bench.account.agent_changes(ticket, status="closed")
    await bench.plan(REOPEN)
    await bench.deliver_due()
    assert (ticket.status, bench.kinds()) == ("closed", ["note_added"])


async def test_rules_and_the_customer_are_no_persons(bench):
    ticket = await bench.begin()
    bench.account.change(ticket, None, tags=("beforehand", "by_a_rule"))
    bench.account.change(ticket, Account.BOT, priority="high")
    bench.account.customer_writes("Jane", "jane@example.com", "Re", "Any news?", ticket=ticket)
    await bench.plan(SOLVE)
    await bench.deliver_due()
    assert (ticket.status, bench.kinds()) == ("closed", ["ticket_solved"])


async def test_when_a_person_dealt_with_it_the_issue_learns_it(bench):
    ticket = await bench.begin()
    bench.account.agent_writes(ticket, "Called the customer.", public=False)
    issue = await bench.issue()
    await bench.store.write(lambda tx: tx.put_issue(replace(issue, state=IssueState.SOLVED)))
    await bench.plan(SOLVE)
    await bench.deliver_due()
    assert (await bench.issue()).outcome == Outcome(by_person=True)


@pytest.mark.parametrize("action", [NOTE, SOLVE, REOPEN], ids=["note", "solution", "reopening"])
@pytest.mark.parametrize("how", ["deleted", "thrown away"])
async def test_a_deleted_ticket_is_not_replaced(bench, action, how):
    ticket = await bench.begin()
    if how == "deleted":
        bench.account.remove(ticket.id)
    else:
        bench.account.agent_changes(ticket, trashed_at=bench.clock())
    await bench.plan(action)
    await bench.deliver_due()
    assert bench.fake.creations == 1
    number = int(action.key.split(":")[1])
    done = await bench.action(number)
    assert (done.state, done.error) == (ActionState.DONE, "the ticket was deleted")


# --- the customer's own ticket ---


def of_customer(bench, subject, body="Hello", email="jane@example.com"):
    return bench.account.customer_writes("Jane", email, subject, body)


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Where is my order #1001?", "Hello"),
        ("Help", "Hello,\nmy parcel 1Z999AA10123456784 does not move"),
        ("Help", "It is about order 1001. " + "I wait and wait. " * 60),
    ],
    ids=["subject", "message", "long message"],
)
async def test_a_finding_goes_into_the_ticket_that_the_customer_opened_about_it(bench, subject, body):
    theirs = of_customer(bench, subject, body)
    bench.account.customer_writes("Jane", "jane@example.com", subject, "Anybody there?", ticket=theirs)
    await bench.plan(OPEN)
    await bench.deliver_due()
    assert bench.tickets == [theirs]
    assert bench.notes(theirs) == ["Something new.\n\nRef bh-000000000001"]
    assert theirs.status == "open"
    assert bench.kinds() == ["ticket_joined"]


async def test_a_snoozed_ticket_of_the_customer_is_one_that_waits(bench):
    theirs = of_customer(bench, "Order #1001")
    bench.account.change(theirs, Account.AGENT, status="closed", snoozed_until=bench.clock())
    await bench.plan(OPEN)
    await bench.deliver_due()
    assert (bench.kinds(), theirs.status) == (["ticket_joined"], "closed")


@pytest.mark.parametrize("what", ["closed", "spam", "thrown away", "another customer's", "about nothing"])
async def test_any_other_ticket_is_left_alone(bench, what):
    theirs = of_customer(
        bench,
        "A question" if what == "about nothing" else "Order #1001",
        email="john@example.com" if what == "another customer's" else "jane@example.com",
    )
    values = {"closed": {"status": "closed"}, "spam": {"spam": True}, "thrown away": {"trashed_at": bench.clock()}}
    bench.account.agent_changes(theirs, **values.get(what, {}))
    await bench.plan(OPEN)
    await bench.deliver_due()
    assert bench.notes(theirs) == []
    assert bench.kinds() == ["ticket_opened"]


@pytest.mark.parametrize("mishap", [LOST, DOWN, too_many(20)], ids=["lost", "503", "429"])
async def test_a_note_in_the_customers_ticket_is_written_once(bench, mishap):
    theirs = of_customer(bench, "Order #1001")
    bench.breaks(mishap, ending=MESSAGES, times=2)
    await bench.plan(OPEN)
    await bench.deliver_for(5)
    assert len(bench.notes(theirs)) == 1
    assert bench.tickets == [theirs]


async def test_later_changes_to_the_customers_ticket_are_only_ever_notes(bench):
    theirs = of_customer(bench, "Order #1001")
    await opened_in_theirs(bench)
    await bench.plan(NOTE, SOLVE, REOPEN)
    await bench.deliver_due()
    assert theirs.status == "open"
    assert len(bench.notes(theirs)) == 4
    assert bench.kinds() == ["note_added"] * 3


async def opened_in_theirs(bench):
    await bench.plan(OPEN)
    await bench.deliver_due()
    bench.happened.clear()


# --- a message that the merchant's policy sends to the customer ---


REPLY = replace(
    make(ActionKind.MESSAGE_CUSTOMER, 5),
    change=TicketChange(marker="bh-000000000005", reply="Your parcel is late. We are on it."),
)


def sent_to_customers(ticket):
    return [message for message in ticket.messages if message.public and message.from_agent]


@pytest.mark.parametrize("ending", [MESSAGES, TAGS], ids=["message", "tag"])
@pytest.mark.parametrize("mishap", [LOST, DOWN, HTML, too_many(20)], ids=["lost", "503", "HTML", "429"])
async def test_a_reply_that_goes_wrong_reaches_the_customer_once(bench, mishap, ending):
    ticket = await bench.begin()
    bench.breaks(mishap, ending=ending, times=2)
    await bench.plan(REPLY)
    await bench.deliver_for(6)
    (sent,) = sent_to_customers(ticket)
    assert sent.body_text == "Your parcel is late. We are on it."
    assert [to["address"] for to in sent.source["to"]] == ["jane@example.com"]
    assert (await bench.action(5)).state is ActionState.DONE


async def test_a_customer_who_was_just_answered_is_not_written_to(bench):
    ticket = await bench.begin()
    bench.account.agent_writes(ticket, "We look into it.")
    await bench.plan(REPLY)
    await bench.deliver_due()
    assert len(sent_to_customers(ticket)) == 1
    assert (await bench.action(5)).state is ActionState.HELD
