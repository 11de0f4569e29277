"""What Gorgias tells us: our own template, the shared secret, what the customer wrote, and what was missed."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Cursor, Envelope, Forged, Missing, Unreadable
from connectors.gorgias.integration import ALL_TRIGGERS, BODY, SECRET_HEADER, TRIGGERS, events_integration
from server.demo.fake import DOWN
from server.demo.gorgias_http import TRIGGERS as THEIR_TRIGGERS
from server.demo.gorgias_http import filled
from server.demo.gorgias_requests import IntegrationInput
from tests.connectors.test_gorgias import NOON, SECRET, Desk, connect, nobody

OLD = SECRET[::-1]
HEADER = SECRET_HEADER.lower()
URL = "https://beforehand.example.com/webhooks/acme.inbox"


def envelope(body, secret=SECRET):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Envelope(headers={HEADER: secret} if secret is not None else {}, body=body, received_at=NOON)


def touched(**values):
    base = {"beforehand": "ticket.touched", "ticket_id": "35", "updated_at": "2026-11-23T11:00:00.5"}
    return {**base, "last_message_at": "None", **values}


# --- the secret ---


@pytest.mark.parametrize("secret", [SECRET, OLD])
def test_both_secrets_of_a_rotation_are_good(secret):
    connect(nobody, webhook_secret=[SECRET, OLD]).verify(envelope(b"{}", secret))


@pytest.mark.parametrize("given", [None, "", SECRET[:-1], f"{SECRET}, {SECRET}", SECRET.upper(), "é", "\ud800"])
def test_any_other_is_forged(given):
    with pytest.raises(Forged) as caught:
        connect(nobody, webhook_secret=SECRET).verify(envelope(b"{}", given))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("given", [None, "", "None"])
def test_without_a_secret_nothing_is_taken_in(given):
    with pytest.raises(Forged):
        connect(nobody).verify(envelope(b"{}", given))


# --- what it says ---


def test_a_webhook_says_which_ticket_has_changed_and_nothing_else():
    made = connect(nobody, webhook_secret=SECRET)
    (seen,) = made.read(envelope(touched()))
    assert (seen.source, seen.kind, seen.about.ticket) == ("inbox", "ticket.touched", "35")
    assert seen.at == datetime(2026, 11, 23, 11, 0, 0, 500000, tzinfo=UTC)
    assert (seen.text, seen.contacts) == ("", ())
    assert made.delivery_key(envelope(touched())) == ""


def test_every_trigger_of_one_change_is_the_same_word():
    made = connect(nobody)
    one = made.read(envelope(touched(updated_at="2026-11-23 11:00:00.500000+00:00", ticket_id=35)))
    assert one == made.read(envelope(touched()))


def test_another_message_is_another_word_though_the_ticket_keeps_its_time():
    made = connect(nobody)
    first, second = (made.read(envelope(touched(last_message_at=at)))[0] for at in ("None", "2026-11-23T11:00:01"))
    assert first.identity != second.identity
    assert second.at > first.at


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"ticket_id": "{{ticket.id}}"}, "ticket_id"),
        ({"ticket_id": "None"}, "ticket_id"),
        ({"ticket_id": "../../users"}, "ticket_id"),
        ({"updated_at": "{{ticket.updated_datetime}}"}, "updated_at"),
        ({"updated_at": "None"}, "updated_at"),
        ({"updated_at": "1970-01-01T00:00:00"}, "updated_at"),
        ({"updated_at": None}, "updated_at"),
        ({"last_message_at": "soon"}, "last_message_at"),
    ],
)
def test_a_template_that_was_changed_by_hand_is_named(values, said):
    with pytest.raises(Unreadable, match=said):
        connect(nobody).read(envelope(touched(**values)))


@pytest.mark.parametrize("body", [{}, {"ticket_id": "35"}, {"beforehand": 5}, [], "x", {"ticket": {"id": 35}}])
def test_other_bodies_do_not_concern_us(body):
    assert connect(nobody).read(envelope(body)) == ()


@given(st.dictionaries(st.sampled_from([*BODY, "x"]), st.none() | st.text(max_size=40) | st.integers() | st.booleans()))
def test_whatever_is_written_there_is_read_or_unreadable(values):
    try:
        found = connect(nobody).read(envelope({"beforehand": "ticket.touched", **values}))
    except Unreadable:
        return
    assert len(found) <= 1


# --- the integration that sends it ---


def test_the_integration_is_what_gorgias_takes():
    made = events_integration(url=URL, secret=SECRET)
    values = msgspec.convert(made, IntegrationInput)
    assert values.http.headers == {SECRET_HEADER: SECRET}
    assert set(values.http.triggers) == set(ALL_TRIGGERS) == THEIR_TRIGGERS
    assert {name for name, on in values.http.triggers.items() if on} == set(TRIGGERS)
    assert "%7B" not in values.http.url


@given(st.text(), st.text(), st.text())
def test_words_of_customers_are_not_in_the_template(subject, name, external_id):
    """Nobody promises that Gorgias escapes what it fills in."""
    context = {"ticket": {"id": 35, "subject": subject, "external_id": external_id, "customer": {"name": name}}}
    assert filled(BODY, context) == {**BODY, "ticket_id": "35", "updated_at": "None", "last_message_at": "None"}


async def test_what_the_stand_in_sends_is_verified_and_read():
    desk = Desk(webhook_secret=SECRET)
    desk.fake.http.add(msgspec.convert(events_integration(url=URL, secret=SECRET), IntegrationInput))
    ticket = desk.account.customer_writes("Ann", "ann@example.com", 'Quotes " and \n', "{{ticket.id}}")
    letters = desk.fake.http.letters()
    assert [letter.connection for letter in letters] == ["inbox", "inbox"]
    for letter in letters:
        one = Envelope(headers=letter.headers, body=letter.body, received_at=NOON)
        desk.gorgias.verify(one)
        (seen,) = desk.gorgias.read(one)
        assert seen.about.ticket == str(ticket.id)


# --- what the customer wrote ---


async def test_the_newest_words_of_the_customer_count():
    desk = Desk()
    ticket = desk.account.customer_writes("Ann", "ann@example.com", "Where is it?", "My order #1001 is late.")
    desk.account.agent_writes(ticket, "We look into it", public=False)
    desk.account.agent_writes(ticket, "Soon!")
    answered = ticket.messages[-1].created_at
    desk.account.customer_writes("Ann", "ann@example.com", "Re", "Still\nnothing here", ticket=ticket)
    found = await desk.gorgias.read_contact(str(ticket.id))
    (contact,) = found.contacts
    assert (contact.id, contact.subject, contact.text, contact.state) == (
        str(ticket.id),
        "Where is it?",
        "Still nothing here",
        "open",
    )
    assert (contact.channel, contact.answered_at) == ("email", answered)
    assert found.kind == "ticket.commented"
    assert "#1001" in found.about.text
    assert found == await desk.gorgias.read_contact(str(ticket.id))


async def test_a_new_ticket_gets_its_line_in_the_order():
    desk = Desk()
    ticket = desk.account.customer_writes("Ann", "ann@example.com", "Where is it?", "Hello")
    found = await desk.gorgias.read_contact(str(ticket.id))
    assert (found.kind, found.text) == ("ticket.created", f"Customer's ticket {ticket.id}: Where is it?")
    desk.clock.pass_(minutes=1)
    desk.account.agent_changes(ticket, status="closed")
    later = await desk.gorgias.read_contact(str(ticket.id))
    assert (later.kind, later.text, later.contacts[0].state) == ("ticket.commented", "", "solved")
    assert later.identity != found.identity


@pytest.mark.parametrize("values", [{"trashed_at": NOON}, {"spam": True}], ids=["trash", "spam"])
async def test_a_ticket_that_was_thrown_away_is_deleted(values):
    desk = Desk()
    ticket = desk.account.customer_writes("Ann", "ann@example.com", "Where is it?", "Hello")
    desk.account.agent_changes(ticket, **values)
    found = await desk.gorgias.read_contact(str(ticket.id))
    assert (found.kind, found.contacts[0].state) == ("ticket.deleted", "deleted")


async def test_our_own_tickets_are_no_contacts():
    desk = Desk()
    opened = await desk.opened()
    assert await desk.gorgias.read_contact(opened.id) is None
    with pytest.raises(Missing):
        await desk.gorgias.read_contact("404")


# --- what was missed ---


class Reading:
    """Reads back until there is nothing more; what was told is kept."""

    def __init__(self, desk):
        self.desk = desk
        self.cursor = Cursor()
        self.pages = 0

    async def __call__(self):
        found = []
        while True:
            one = await self.desk.gorgias.read_back(self.cursor, now=self.desk.clock())
            self.cursor, self.pages = one.cursor, self.pages + 1
            found += one.observations
            if not one.has_more:
                return found
            assert self.pages < 50


@pytest.fixture
def desk():
    made = Desk(webhook_secret=SECRET)
    made.fake.http.add(msgspec.convert(events_integration(url=URL, secret=SECRET), IntegrationInput))
    return made


def writes(desk, number, ticket=None):
    return desk.account.customer_writes(f"C{number}", f"c{number}@example.com", "Hello", "Hi", ticket=ticket)


async def test_a_read_back_says_the_very_word_that_the_webhook_would_have_said(desk):
    writes(desk, 1)
    heard = [
        desk.gorgias.read(Envelope(headers=letter.headers, body=letter.body, received_at=NOON))[0]
        for letter in desk.fake.http.letters()
    ]
    (found,) = await Reading(desk)()
    assert found == heard[-1]


async def test_history_is_not_news(desk):
    writes(desk, 1)
    desk.clock.pass_(hours=3)
    assert await Reading(desk)() == []


async def test_nothing_is_told_twice_and_nothing_is_left_out(desk):
    reading = Reading(desk)
    told = []
    for number in range(6):
        writes(desk, number)
        told += await reading()
        desk.clock.pass_(minutes=2)
    assert await reading() == []
    assert [seen.about.ticket for seen in told] == [str(number) for number in sorted(desk.account.tickets)]
    assert len({seen.identity for seen in told}) == 6


async def test_after_an_outage_every_page_is_read(desk):
    reading = Reading(desk)
    await reading()
    tickets = [writes(desk, number) for number in range(250)]
    desk.clock.pass_(hours=30)
    late = [writes(desk, number) for number in range(250, 260)]
    found = await reading()
    assert {seen.about.ticket for seen in found} == {str(ticket.id) for ticket in (*tickets, *late)}
    assert reading.pages == 1 + 3


async def test_a_ticket_that_changes_while_pages_are_turned_is_told_next_time(desk):
    reading = Reading(desk)
    tickets = [writes(desk, number) for number in range(150)]
    first = await desk.gorgias.read_back(reading.cursor, now=desk.clock())
    assert first.has_more
    reading.cursor = first.cursor
    desk.clock.pass_(seconds=5)
    writes(desk, 0, ticket=tickets[0])
    found = [*first.observations, *(await reading())]
    assert len({seen.about.ticket for seen in found}) == 149
    (later,) = await reading()
    assert later.about.ticket == str(tickets[0].id)


async def test_our_own_tickets_are_no_news(desk):
    await desk.opened()
    assert await Reading(desk)() == []


async def test_a_deleted_ticket_is_news_as_long_as_it_is_in_the_trash(desk):
    ticket = writes(desk, 1)
    reading = Reading(desk)
    await reading()
    desk.clock.pass_(minutes=1)
    desk.account.agent_changes(ticket, trashed_at=NOON)
    (found,) = await reading()
    assert (await desk.gorgias.read_contact(found.about.ticket)).contacts[0].state == "deleted"


@pytest.mark.parametrize("text", ["", "x", "{}", '{"seen": 5}', "null"])
async def test_a_cursor_that_cannot_be_read_is_none(desk, text):
    writes(desk, 1)
    assert len((await desk.gorgias.read_back(Cursor(text=text), now=NOON)).observations) == 1


async def test_a_page_that_gorgias_has_forgotten_begins_again(desk):
    writes(desk, 1)
    place = {"seen": (NOON - timedelta(hours=1)).isoformat(), "page": "bm9uc2Vuc2U=", "top": NOON.isoformat()}
    found = await desk.gorgias.read_back(Cursor(text=json.dumps(place)), now=NOON)
    assert (len(found.observations), found.has_more) == (1, False)


async def test_trouble_leaves_the_cursor_as_it_was(desk):
    reading = Reading(desk)
    await reading()
    before = reading.cursor
    desk.fake.standing_mishap = DOWN
    with pytest.raises(Exception, match="503"):
        await reading()
    desk.fake.standing_mishap = None
    assert reading.cursor == before
    writes(desk, 1)
    assert len(await reading()) == 1
