"""This file tests Gorgias' tickets: what we send, what we make of what comes back, and what we do with too little."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors import registry
from connectors.connection import Connection
from connectors.contract import (
    Checkable,
    Collided,
    ContactSource,
    CustomerScreen,
    Denied,
    Garbled,
    Helpdesk,
    Missing,
    ReadableBack,
    Rejected,
    ReplyReader,
    Throttled,
    Unavailable,
    UserDirectory,
)
from connectors.gorgias import Settings, people, touches, translate, wire
from connectors.model import TicketChange, TicketDraft
from connectors.transport import Limits
from server import settings as configuration
from server.demo.fake import DOWN, too_many
from server.demo.gorgias import FakeGorgias
from server.demo.gorgias_access import CLIENT_ID, CLIENT_SECRET, KEY, REFRESH_TOKEN
from server.demo.gorgias_state import DEMO_EMAIL, Account

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECRET = "f3b0c44298fc1c149afbf4c8996fb924"
KEY_SETTINGS = {"domain": "acme", "email": "bot@acme.test", "api_key": "hush"}
DRAFT = TicketDraft(
    external_id="beforehand:acme:ab12",
    subject="Order #1001 has had no carrier scan for 48 hours",
    body="Evidence:\n- last scan in <Reno>",
    tags=("beforehand", "beforehand_tracking_stalled"),
    priority="high",
    requester_name="Ann Lee",
    requester_email="Ann@Example.com",
    group="Logistics",
    order_reference="#1001",
)


class Clock:
    def __init__(self):
        self.now = NOON

    def __call__(self):
        return self.now

    def pass_(self, **time):
        self.now += timedelta(**time)


def connect(handler, clock=None, base_url="", **settings):
    """The connector, whose requests go to *handler*: a stand-in or a function."""
    transport = httpx.ASGITransport(app=handler.app) if hasattr(handler, "app") else httpx.MockTransport(handler)
    connection = Connection(
        workspace="acme",
        name="inbox",
        base_url=base_url,
        limits=Limits(failures_before_pause=100),
        clock=clock or Clock(),
        clients=lambda _: httpx.AsyncClient(transport=transport),
    )
    credentials = settings.keys() & {"email", "client_id", "access_token"}
    values = settings if credentials else {**KEY_SETTINGS, **settings}
    return registry.connect("gorgias", {"domain": "acme", **values}, connection)


def nobody(request):
    raise AssertionError(f"nothing was to be asked: {request.method} {request.url}")


class Desk:
    """A stand-in and the connector that speaks to it."""

    def __init__(self, **settings):
        self.clock = Clock()
        self.fake = FakeGorgias(self.clock)
        self.fake.access.key_bucket = self.fake.access.app_bucket = 10_000
        self.account = self.fake.account
        self.gorgias = connect(
            self.fake,
            self.clock,
            **{"email": DEMO_EMAIL, "api_key": KEY, "requests_per_20_seconds": 10_000, **settings},
        )

    def asked(self):
        return [f"{call.method} {call.path}" for call in self.fake.calls]

    async def opened(self, draft=DRAFT, key="key"):
        return await self.gorgias.open_ticket(self.gorgias.render_open(draft), key)


@pytest.fixture
async def desk():
    made = Desk()
    yield made
    await made.gorgias.close()


def test_it_has_the_capabilities_of_a_helpdesk():
    made = connect(nobody)
    for capability in (Helpdesk, ReplyReader, ContactSource, ReadableBack, CustomerScreen, UserDirectory, Checkable):
        assert isinstance(made, capability)


# --- what is sent ---


def test_a_new_ticket_is_written_down_to_the_byte():
    made = connect(nobody, teams={"Logistics": "12"}, order_field="360")
    assert json.loads(made.render_open(DRAFT)) == {
        "channel": "api",
        "via": "api",
        "from_agent": True,
        "status": "open",
        "priority": "high",
        "subject": DRAFT.subject,
        "external_id": "beforehand:acme:ab12",
        "customer": {"email": "ann@example.com", "name": "Ann Lee"},
        "assignee_team": {"id": 12},
        "tags": [{"name": "beforehand"}, {"name": "beforehand_tracking_stalled"}],
        "custom_fields": [{"id": 360, "value": "#1001"}],
        "messages": [
            {
                "channel": "internal-note",
                "via": "api",
                "from_agent": True,
                "public": False,
                "sender": {"email": "bot@acme.test"},
                "subject": DRAFT.subject,
                "body_text": "Evidence:\n- last scan in <Reno>",
                "body_html": "Evidence:<br>- last scan in &lt;Reno&gt;",
            }
        ],
    }


def test_a_new_ticket_says_nothing_that_is_not_known():
    found = json.loads(connect(nobody).render_open(TicketDraft(external_id="x", subject="s", body="b")))
    assert found.keys().isdisjoint({"customer", "assignee_team", "custom_fields"})


@pytest.mark.parametrize(
    ("group", "team", "tags"),
    [
        ("Logistics", 12, []),
        ("88", 88, []),
        ("VIP Care & Co.", None, ["owner_vip_care_co"]),
        ("", None, []),
        ("!", None, []),
    ],
)
def test_an_owner_becomes_a_team_or_else_a_tag(group, team, tags):
    made = connect(nobody, teams={"Logistics": 12})
    found = json.loads(made.render_open(TicketDraft(external_id="x", subject="s", body="b", group=group)))
    assert found.get("assignee_team", {}).get("id") == team
    assert [tag["name"] for tag in found["tags"]] == tags


@pytest.mark.parametrize(
    ("ours", "theirs"), [("low", "low"), ("normal", "normal"), ("high", "high"), ("urgent", "high")]
)
def test_priorities_are_those_that_gorgias_surely_has(ours, theirs):
    found = json.loads(connect(nobody).render_open(replace(DRAFT, priority=ours)))
    assert found["priority"] == theirs
    assert ({"name": "urgent"} in found["tags"]) is (ours == "urgent")


@pytest.mark.parametrize("email", ["", "ann", "ann@", 'a"b@x.test', "a b@x.test", "a@b@c.test", "ann@x.test\nbcc: y"])
def test_a_bad_address_does_not_cost_the_ticket(email):
    assert "customer" not in json.loads(connect(nobody).render_open(replace(DRAFT, requester_email=email)))


def test_text_of_others_stays_text():
    draft = replace(
        DRAFT,
        subject="{{ticket.customer.email}}\u202e\x00" + "s" * 300,
        body="{% if x %}{{{secret}}} \ud800<script>alert(1)</script>" + "b" * 100_000,
        requester_name="{{current_user.name}}",
    )
    found = json.loads(connect(nobody).render_open(draft))
    (message,) = found["messages"]
    assert found["subject"].startswith("{ {ticket.customer.email}}sss")
    assert len(found["subject"]) == 255
    assert message["body_text"].startswith("{ % if x %}{ { {secret}}} <script>")
    assert "<script>" not in message["body_html"]
    assert found["customer"]["name"] == "{ {current_user.name}}"


@given(st.builds(TicketChange, marker=st.just("bh-1"), note=st.text(max_size=200), reply=st.text(max_size=50)))
def test_a_note_is_never_public_and_a_reply_never_a_note(change):
    made = connect(nobody)
    sent = json.loads(made.render_change(change))["message"]
    assert sent["public"] is bool(change.reply)
    assert (sent.get("channel") == "internal-note") is not bool(change.reply)
    assert sent["external_id"] == "bh-1"
    assert made.render_change(change) == made.render_change(change)


async def test_what_was_not_rendered_here_is_refused(desk):
    ticket = await desk.opened()
    with pytest.raises(Rejected):
        await desk.gorgias.change_ticket(ticket, b"{}")
    with pytest.raises(Rejected):
        await desk.gorgias.open_ticket(b"[]", "key")


# --- opening once ---


async def test_an_external_id_is_looked_up_before_anything_is_created(desk):
    await desk.opened()
    assert desk.asked() == ["GET /api/tickets", "POST /api/tickets"]
    again = await desk.opened()
    assert desk.asked()[2:] == ["GET /api/tickets"]
    assert again.id == (await desk.gorgias.find_ticket(DRAFT.external_id)).id


async def test_the_same_key_with_other_bytes_is_refused(desk):
    await desk.opened()
    with pytest.raises(Rejected):
        await desk.opened(replace(DRAFT, body="Something else"))


async def test_the_oldest_of_several_is_found_also_behind_the_first_page(desk):
    first = await desk.opened()
    for number in range(130):
        desk.account.open(
            subject=str(number), channel="api", via="api", customer=None, by=None, external_id=DRAFT.external_id
        )
    desk.account.agent_changes(desk.account.tickets[int(first.id)], trashed_at=NOON)
    found = await desk.gorgias.find_ticket(DRAFT.external_id)
    assert int(found.id) == int(first.id) + 1


async def test_a_ticket_of_another_external_id_is_not_found(desk):
    await desk.opened()
    assert await desk.gorgias.find_ticket("beforehand:acme:ab1") is None


async def test_an_answer_that_does_not_filter_finds_nothing_wrong():
    """Some parameter may be ignored one day: what comes back is looked through."""

    def everything(request):
        del request
        return httpx.Response(200, json={"data": [{"id": 5, "status": "open", "external_id": "other"}], "meta": {}})

    assert await connect(everything).find_ticket("beforehand:acme:1") is None


# --- what comes back ---


def ticket(**values):
    base = {
        "id": 35,
        "status": "open",
        "subject": "Where is it?",
        "external_id": None,
        "customer": {"id": 77, "email": "Ann@Example.com", "name": "Ann"},
        "tags": [{"id": 1, "name": "vip"}, {"id": 2, "name": None}],
        "created_datetime": "2026-11-20T08:00:00.123456",
        "updated_datetime": "2026-11-23T11:00:00.5",
        "last_message_datetime": "2026-11-23T10:59:00",
        "custom_fields": {"360": {"id": 360, "value": "1001"}},
        "messages": [
            {"id": 2, "channel": "email", "from_agent": True, "public": True, "body_text": "Soon!"},
            {"id": 1, "channel": "email", "from_agent": False, "public": True, "body_text": "My order #1001 is late."},
        ],
    }
    return {**base, **values}


def answering(*bodies):
    left = list(bodies)
    return lambda request: httpx.Response(200, json=left.pop(0) if len(left) > 1 else left[0])


async def test_a_ticket_is_read_in_our_words():
    found = await connect(answering(ticket()), order_field=360).read_ticket("35")
    assert (found.id, found.state, found.subject, found.description) == (
        "35",
        "open",
        "Where is it?",
        "My order #1001 is late.",
    )
    assert (found.requester_email, found.tags, found.order_references) == ("ann@example.com", ("vip",), ("1001",))
    assert (found.created_at, found.updated_at) == (
        datetime(2026, 11, 20, 8, 0, 0, 123456, tzinfo=UTC),
        datetime(2026, 11, 23, 11, 0, 0, 500000, tzinfo=UTC),
    )
    assert found.url == "https://acme.gorgias.com/app/ticket/35"
    assert found.can_change


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"status": "open"}, "open"),
        ({"status": "closed"}, "solved"),
        ({"status": "closed", "snooze_datetime": "2026-11-30T08:00:00"}, "pending"),
        ({"status": "snoozed_by_a_future_version"}, "open"),
    ],
)
async def test_a_closed_ticket_can_be_opened_again_so_it_is_solved(values, state):
    assert (await connect(answering(ticket(**values))).read_ticket("35")).state == state


async def test_a_ticket_in_the_trash_is_missing():
    with pytest.raises(Missing):
        await connect(answering(ticket(trashed_datetime="2026-11-23T11:00:00"))).read_ticket("35")


@pytest.mark.parametrize("ticket_id", ["", "x", "../users", "1/../2", "\u0661", "9" * 30])
async def test_what_is_no_number_is_no_ticket(ticket_id):
    made = connect(nobody)
    asking = (made.read_ticket, made.read_contact, made.last_reply)
    for ask in asking:
        with pytest.raises(Missing):
            await ask(ticket_id)
    with pytest.raises(Missing):
        await made.has_note(ticket_id, "m")


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[]", b'{"id": "x", "status": "open"}', b'{"id": 1}'])
async def test_an_answer_that_is_no_ticket_is_garbled(body):
    with pytest.raises(Garbled):
        await connect(lambda _: httpx.Response(200, content=body)).read_ticket("35")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T11:00:00", datetime(2026, 11, 23, 11, tzinfo=UTC)),
        ("2026-11-23 11:00:00.5+00:00", datetime(2026, 11, 23, 11, 0, 0, 500000, tzinfo=UTC)),
        ("2026-11-23T11:00:00-05:00", datetime(2026, 11, 23, 16, tzinfo=UTC)),
        ("2026-11-23T11:00:00Z", datetime(2026, 11, 23, 11, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_times_without_an_offset_are_utc(text, expected):
    assert translate.moment(text) == expected


def test_written_times_are_read_back():
    at = datetime(2026, 11, 23, 11, 0, 0, 5, tzinfo=UTC)
    assert translate.written(at) == "2026-11-23T11:00:00.000005"
    assert translate.moment(translate.written(at)) == at


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ({"channel": "internal-note", "public": False, "body_text": "x\n\nRef bh-12"}, True),
        ({"channel": "internal-note", "public": False, "external_id": "bh-12"}, True),
        ({"channel": "internal-note", "public": False, "body_text": "Ref bh-123"}, False),
        ({"channel": "internal-note", "public": False, "body_text": "Ref xbh-12"}, False),
        ({"channel": "email", "public": True, "body_text": "Ref bh-12"}, False),
        ({"channel": "email", "public": True, "external_id": "bh-12"}, False),
    ],
)
def test_a_marker_is_ours_only_in_a_note_and_whole(message, found):
    assert translate.has_marker(msgspec.convert({"id": 1, **message}, wire.Message), "bh-12") is found


# --- changing ---


async def test_the_message_goes_last_because_it_carries_the_proof(desk):
    known = await desk.opened()
    desk.fake.calls.clear()
    change = TicketChange(marker="bh-1", note="n", state="solved", priority="urgent", add_tags=("x",))
    await desk.gorgias.change_ticket(known, desk.gorgias.render_change(change))
    path = f"/api/tickets/{known.id}"
    assert desk.asked() == [f"GET {path}", f"PUT {path}", f"POST {path}/tags", f"POST {path}/messages", f"GET {path}"]
    found = desk.account.tickets[int(known.id)]
    assert (found.status, found.priority) == ("closed", "high")
    assert found.tags == ("beforehand", "beforehand_tracking_stalled", "owner_logistics", "x", "urgent")


async def test_a_change_of_a_ticket_that_has_moved_on_collides_before_anything_is_written(desk):
    known = await desk.opened()
    desk.account.agent_writes(desk.account.tickets[int(known.id)], "Mine.", public=False)
    desk.fake.calls.clear()
    with pytest.raises(Collided):
        await desk.gorgias.change_ticket(known, desk.gorgias.render_change(TicketChange(marker="m", note="n")))
    assert desk.asked() == [f"GET /api/tickets/{known.id}"]


async def test_a_rule_that_opens_a_ticket_at_a_note_is_overruled(desk):
    known = await desk.opened()
    found = desk.account.tickets[int(known.id)]

    def rule(call):
        if call.method == "GET" and call.path.endswith(known.id) and len(found.messages) == 2 and not done:
            done.append(call)
            desk.account.change(found, None, status="open")
        return

    done = []
    desk.fake.misbehaves = rule
    change = TicketChange(marker="bh-1", note="n", state="solved")
    changed = await desk.gorgias.change_ticket(known, desk.gorgias.render_change(change))
    assert (found.status, changed.state, len(done)) == ("closed", "solved", 1)


REPLY = TicketChange(marker="bh-77", reply="It is on its way.", add_tags=("bh-77",))


async def test_a_reply_goes_where_the_customer_wrote_from(desk):
    theirs = desk.account.customer_writes("Ann", "ann@example.com", "Where?", "Hello")
    known = await desk.gorgias.read_ticket(str(theirs.id))
    changed = await desk.gorgias.change_ticket(known, desk.gorgias.render_change(REPLY))
    sent = theirs.messages[-1]
    assert (sent.public, sent.channel, sent.receiver) == (True, "email", theirs.customer_id)
    assert sent.source["from"]["address"] == Account.SUPPORT
    assert [to["address"] for to in sent.source["to"]] == ["ann@example.com"]
    assert "bh-77" in changed.tags
    assert "bh-77" in theirs.tags
    assert await desk.gorgias.last_reply(known.id) == sent.created_at


async def test_a_reply_whose_tag_never_arrived_is_known_to_be_there(desk):
    theirs = desk.account.customer_writes("Ann", "ann@example.com", "Where?", "Hello")
    known = await desk.gorgias.read_ticket(str(theirs.id))
    desk.fake.misbehaves = lambda call: DOWN if call.path.endswith("/tags") else None
    await desk.gorgias.change_ticket(known, desk.gorgias.render_change(REPLY))
    assert theirs.tags == ()
    assert "bh-77" in (await desk.gorgias.read_ticket(known.id)).tags


async def test_a_reply_that_was_not_sent_leaves_no_sign_that_it_was(desk):
    theirs = desk.account.customer_writes("Ann", "ann@example.com", "Where?", "Hello")
    known = await desk.gorgias.read_ticket(str(theirs.id))
    desk.fake.misbehaves = lambda call: too_many(5) if call.path.endswith("/messages") else None
    with pytest.raises(Throttled):
        await desk.gorgias.change_ticket(known, desk.gorgias.render_change(REPLY))
    desk.clock.pass_(minutes=1)
    assert (await desk.gorgias.read_ticket(known.id)).tags == ()


async def test_without_an_address_to_reply_from_nothing_is_sent(desk):
    known = await desk.opened()
    with pytest.raises(Rejected, match="reply_from"):
        await desk.gorgias.change_ticket(known, desk.gorgias.render_change(REPLY))
    assert len(desk.account.tickets[int(known.id)].messages) == 1


async def test_a_reply_in_our_own_ticket_goes_from_the_support_address():
    desk = Desk(reply_from=Account.SUPPORT)
    known = await desk.opened()
    await desk.gorgias.change_ticket(known, desk.gorgias.render_change(REPLY))
    sent = desk.account.tickets[int(known.id)].messages[-1]
    assert (sent.source["from"]["address"], sent.source["to"][0]["address"]) == (Account.SUPPORT, "ann@example.com")


async def test_notes_and_replies_that_failed_are_no_answers(desk):
    theirs = desk.account.customer_writes("Ann", "ann@example.com", "Where?", "Hello")
    assert await desk.gorgias.last_reply(str(theirs.id)) is None
    desk.account.agent_writes(theirs, "Look into it", public=False)
    assert await desk.gorgias.last_reply(str(theirs.id)) is None
    failed = msgspec.convert(
        {"id": 9, "from_agent": True, "public": True, "failed_datetime": "2026-11-23T11:00:00"}, wire.Message
    )
    assert translate.last_reply([failed]) is None


# --- who touched it ---


async def test_what_was_done_with_our_key_was_done_by_us_though_notes_carry_another_name():
    desk = Desk(user_email=Account.AGENT.email)
    known = await desk.opened()
    changed = await desk.gorgias.change_ticket(
        known, desk.gorgias.render_change(TicketChange(marker="bh-1", note="n", state="solved"))
    )
    assert desk.account.tickets[int(known.id)].messages[-1].sender == Account.AGENT.id
    assert not await desk.gorgias.was_touched_by_a_person(changed)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"from_agent": True, "via": "api", "sender": {"email": "BOT@acme.test"}}, False),
        ({"from_agent": True, "via": "helpdesk", "sender": {"email": "bot@acme.test"}}, True),
        ({"from_agent": True, "via": "api", "sender": {"email": "other@acme.test"}}, True),
        ({"from_agent": True, "via": "rule", "sender": {"email": "other@acme.test"}}, False),
        ({"from_agent": True, "via": "email", "rule_id": 5, "sender": {"email": "other@acme.test"}}, False),
        ({"from_agent": True, "via": "email", "sender": None}, True),
        ({"from_agent": False, "via": "email", "sender": {"email": "ann@example.com"}}, False),
    ],
)
def test_who_wrote_by_hand(message, expected):
    found = msgspec.convert({"id": 1, "channel": "email", "public": True, **message}, wire.Message)
    assert touches.wrote_by_hand(found, {"bot@acme.test"}) is expected


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"type": "ticket-closed", "user_id": 5}, {5}),
        ({"type": "ticket-assigned", "user_id": 5}, {5}),
        ({"type": "ticket-closed", "user_id": 9}, set()),
        ({"type": "ticket-closed", "user_id": None}, set()),
        ({"type": "ticket-read-status-updated", "user_id": 5}, set()),
        ({"type": "rule-executed", "user_id": 5}, set()),
        ({"type": "satisfaction-survey-sent", "user_id": 5}, set()),
    ],
)
def test_who_did_something(event, expected):
    assert touches.actors([msgspec.convert(event, wire.Event)], {9, None}) == expected


# --- the customer's tickets ---


async def test_the_customers_tickets_are_read_with_what_they_wrote_first(desk):
    long = "It is about order 1001. " + "x " * 400
    first = desk.account.customer_writes("Ann", "ann@example.com", "A", long)
    desk.account.customer_writes("Ann", "ann@example.com", "A", "Hello?", ticket=first)
    closed = desk.account.customer_writes("Ann", "ann@example.com", "B", "Thanks")
    desk.account.agent_changes(closed, status="closed")
    desk.account.customer_writes("Anna", "anna@example.com", "C", "Other")
    found = await desk.gorgias.tickets_of(" Ann@Example.com ")
    assert [(t.subject, t.state, t.requester_email) for t in found] == [
        ("B", "solved", "ann@example.com"),
        ("A", "open", "ann@example.com"),
    ]
    assert found[1].description == long.strip() or found[1].description == long


@pytest.mark.parametrize("email", ["", "ann", "*", "a@b", 'x"@y.test'])
async def test_nobody_is_asked_about_what_is_no_address(email):
    made = connect(nobody)
    assert await made.tickets_of(email) == ()
    assert await made.show_customer(email, {}, NOON) == ""


async def test_a_customer_who_merely_looks_alike_is_not_taken():
    def everybody(request):
        del request
        return httpx.Response(200, json={"data": [{"id": 5, "email": "joann@example.com"}], "meta": {}})

    assert await connect(everybody).tickets_of("ann@example.com") == ()


async def test_a_second_address_of_a_customer_counts():
    found = msgspec.convert(
        {"id": 1, "email": "x@y.test", "channels": [{"type": "email", "address": "Ann@Example.com"}]}, wire.Customer
    )
    assert translate.has_address(found, "ann@example.com")
    assert not translate.has_address(found, "bob@example.com")


# --- what is shown beside the tickets ---


async def test_facts_are_put_beside_the_customers_tickets_and_newer_ones_stay(desk):
    customer = desk.account.customer("Ann", "ann@example.com")
    show = desk.gorgias.show_customer
    assert await show("Ann@example.com", {"order": "#1001"}, NOON) == str(customer.id)
    assert await show("ann@example.com", {"order": "old"}, NOON - timedelta(seconds=1)) == str(customer.id)
    assert customer.data == {"order": "#1001"}
    assert await show("ann@example.com", {"order": "#1002"}, NOON + timedelta(microseconds=1)) == str(customer.id)
    assert customer.data == {"order": "#1002"}
    assert await show("bob@example.com", {"order": "#1"}, NOON) == ""


# --- people ---


async def test_who_works_there_is_known_by_id_and_by_address(desk):
    found = await desk.gorgias.read_person(str(Account.AGENT.id))
    assert (found.name, found.email, found.role, found.is_active) == ("Robin Diaz", Account.AGENT.email, "agent", True)
    assert not found.is_email_verified, "Gorgias does not say that anybody has proved it"
    assert await desk.gorgias.find_person("ROBIN@acme-outfitters.example") == found
    assert await desk.gorgias.find_person("robin@acme-outfitters") is None


async def test_customers_and_machines_do_not_work_there(desk):
    desk.account.customer("Ann", "ann@example.com")
    assert await desk.gorgias.find_person("ann@example.com") is None
    assert await desk.gorgias.find_person(Account.BOT.email) is None
    assert not (await desk.gorgias.read_person(str(Account.BOT.id))).is_staff
    for user_id in ("404", "../account", "x"):
        with pytest.raises(Missing):
            await desk.gorgias.read_person(user_id)


@pytest.mark.parametrize(
    ("role", "active", "expected"),
    [
        ("admin", True, ("admin", True)),
        ("lite-agent", None, ("agent", True)),
        ("agent", False, ("agent", False)),
        (None, True, ("agent", True)),
    ],
)
def test_roles_are_ours(role, active, expected):
    user = msgspec.convert({"id": 1, "role": {"name": role}, "active": active}, wire.User)
    found = people.person(user)
    assert (found.role, found.is_active) == expected


# --- access ---


async def test_an_api_key_goes_with_every_request():
    seen = []

    def account(request):
        seen.append(request.headers["authorization"])
        return httpx.Response(
            200, json={"domain": "acme", "data": [{"id": 9, "email": "BOT@acme.test", "name": "Bot"}]}
        )

    assert "acme, notes are written by Bot" in await connect(account).check()
    assert set(seen) == {"Basic " + base64.b64encode(b"bot@acme.test:hush").decode()}


def app_settings(**values):
    return {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
        "user_email": DEMO_EMAIL,
        "email": "",
        "api_key": "",
        **values,
    }


async def test_fifty_calls_refresh_the_token_once():
    desk = Desk(**app_settings())
    await asyncio.gather(*(desk.gorgias.find_ticket(f"x{number}") for number in range(50)))
    assert desk.fake.access.refreshes == 1
    desk.clock.pass_(hours=25)
    await asyncio.gather(*(desk.gorgias.find_ticket(f"x{number}") for number in range(50)))
    assert desk.fake.access.refreshes == 2


async def test_a_given_access_token_is_used_until_it_is_refused():
    desk = Desk(**app_settings(access_token="stale"))
    await desk.gorgias.find_ticket("x")
    assert desk.asked() == ["GET /api/tickets", "POST /oauth/token", "GET /api/tickets"]


async def test_a_refresh_token_that_is_refused_is_not_tried_again_at_once():
    desk = Desk(**app_settings(refresh_token="revoked"))
    for _ in range(3):
        with pytest.raises(Denied):
            await desk.gorgias.find_ticket("x")
    assert desk.asked() == ["POST /oauth/token"]


async def test_a_full_bucket_says_when_to_come_back():
    desk = Desk()
    desk.fake.access.key_bucket = 2
    for _ in range(2):
        await desk.gorgias.find_ticket("x")
    with pytest.raises(Throttled) as caught:
        await desk.gorgias.find_ticket("x")
    assert caught.value.retry_after == 10
    with pytest.raises(Throttled):
        await desk.gorgias.find_ticket("x")
    assert len(desk.fake.calls) == 3, "who was told to wait does not ask"
    desk.clock.pass_(seconds=11)
    assert await desk.gorgias.find_ticket("x") is None


def test_a_share_of_the_bucket_is_left_to_others():
    assert Settings(**KEY_SETTINGS).bucket == 40
    app = {name: value for name, value in app_settings().items() if value}
    assert Settings(domain="acme", **app).bucket == 80
    assert Settings(**KEY_SETTINGS, requests_per_20_seconds=160).bucket == 160
    assert connect(nobody)._api.transport.limits.requests == 32


async def test_an_unknown_writer_of_notes_is_named():
    desk = Desk(user_email="gone@acme.test")
    with pytest.raises(Denied, match="gone@acme"):
        await desk.gorgias.check()


async def test_the_check_says_what_is_missing(desk):
    said = await desk.gorgias.check()
    assert "acme-outfitters" in said
    assert "webhook_secret is not set" in said
    assert "/10000" in said


async def test_a_base_url_replaces_the_host():
    seen = []

    def host(request):
        seen.append(str(request.url))
        return httpx.Response(200, json=ticket())

    found = await connect(host, base_url="http://127.0.0.1:9/").read_ticket("35")
    assert seen == ["http://127.0.0.1:9/api/tickets/35"]
    assert found.url == "http://127.0.0.1:9/app/ticket/35"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"domain": "https://acme.gorgias.com"}, "domain"),
        ({"domain": "acme.gorgias.com"}, "domain"),
        ({"domain": ""}, "domain"),
        ({"email": ""}, "email"),
        ({"api_key": ""}, "api_key"),
        ({"email": "", "api_key": ""}, "credentials"),
        ({"client_id": "x"}, "one kind"),
        ({"access_token": "x"}, "one kind"),
        ({"email": "", "api_key": "", "access_token": "x"}, "user_email"),
        (
            {"email": "", "api_key": "", "client_id": "x", "client_secret": "y", "user_email": "a@b.test"},
            "refresh_token",
        ),
        ({"user_email": "nobody"}, "user_email"),
        ({"webhook_secret": "short"}, "128"),
        ({"webhook_secret": "a" * 64}, "128"),
        ({"webhook_secret": "a b" * 20}, "128"),
        ({"webhook_secret": ["x" + SECRET, ""]}, "128"),
        ({"webhook_secret": []}, "one secret"),
        ({"webhook_secret": [SECRET, SECRET[::-1], SECRET]}, "one secret"),
        ({"teams": {"x": "y"}}, "teams.x"),
        ({"order_field": "x"}, "order_field"),
        ({"requests_per_20_seconds": -1}, "requests_per_20_seconds"),
    ],
)
def test_a_wrong_setting_is_named(values, said):
    with pytest.raises(ValueError, match=said):
        msgspec.convert({**KEY_SETTINGS, **values}, Settings)


def test_nothing_secret_is_shown():
    shown = repr(Settings(**KEY_SETTINGS, webhook_secret=SECRET))
    assert shown == "Settings(domain='acme')"


async def test_trouble_is_not_hidden():
    made = connect(lambda _: httpx.Response(503))
    with pytest.raises(Unavailable):
        await made.tickets_of("ann@example.com")


async def test_secrets_of_a_rotation_come_from_the_environment(tmp_path):
    document = {
        "server": {"public_url": "https://b.example.com", "secret_keys": ["k" * 32]},
        "workspace": {
            "acme": {
                "timezone": "UTC",
                "connections": {
                    "inbox": {"kind": "gorgias", **KEY_SETTINGS, "webhook_secret": ["env:NEW", "env:OLD"]},
                },
            }
        },
    }
    found = configuration.parse(document, tmp_path, {"NEW": SECRET, "OLD": SECRET[::-1]})
    values = found.workspaces["acme"].connections["inbox"].values
    assert msgspec.convert(values, Settings).webhook_secrets == (SECRET, SECRET[::-1])
