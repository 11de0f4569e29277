"""A ticket that Zendesk's trigger names is read itself: what the customer wrote, and when they were answered."""

from datetime import UTC, datetime

import msgspec
import pytest

from connectors.contract import ContactSource, Missing, Unreadable
from tests.connectors.test_zendesk import Desk, ticket
from tests.connectors.test_zendesk_webhooks import desk as webhook_desk
from tests.connectors.test_zendesk_webhooks import envelope

TICKET, COMMENTS = "GET /api/v2/tickets/35", "GET /api/v2/tickets/35/comments"
PEOPLE = [{"id": 77, "name": "Ann", "role": "end-user"}, {"id": 8, "name": "Sam", "role": "agent"}]


def comment(author, body, *, public=True, at="2026-11-23T10:00:00Z"):
    return {"id": 1, "author_id": author, "body": body, "public": public, "created_at": at}


async def seen(*comments, **values):
    routes = {TICKET: (200, {"ticket": ticket(**values), "users": PEOPLE})}
    routes[COMMENTS] = (200, {"comments": list(comments), "users": PEOPLE})
    connected = Desk(routes).connect()
    assert isinstance(connected, ContactSource)
    return await connected.read_contact("35")


async def test_the_newest_words_of_the_customer_count():
    found = await seen(
        comment(8, "We look into it", public=False),
        comment(77, "Still\nnothing here"),
        comment(8, "Soon!", at="2026-11-22T10:00:00Z"),
        comment(77, "My order #1001 is late."),
    )
    (contact,) = found.contacts
    assert (contact.id, contact.subject, contact.text) == ("35", "Where is it?", "Still nothing here")
    assert contact.answered_at == datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert found.about.ticket == "35"
    assert "#1001" in found.about.text
    assert found.text == ""


async def test_a_new_ticket_gets_its_line_in_the_order():
    found = await seen(comment(77, "Hello"), created_at="2026-11-23T11:00:00Z")
    assert (found.kind, found.text) == ("ticket.created", "Customer's ticket 35: Where is it?")


async def test_the_same_ticket_says_the_same():
    assert await seen(comment(77, "Hello")) == await seen(comment(77, "Hello"))


async def test_our_own_ticket_is_no_contact():
    assert await seen(external_id="beforehand:acme:1") is None


@pytest.mark.parametrize("routes", [{}, {TICKET: (200, {"ticket": ticket(status="deleted"), "users": []})}])
async def test_a_ticket_that_is_not_there(routes):
    with pytest.raises(Missing):
        await Desk(routes).connect().read_contact("35")


@pytest.mark.parametrize(
    "body",
    [
        {"beforehand": "ticket.touched"},
        {"beforehand": "ticket.touched", "ticket_id": "35"},
        {"beforehand": "ticket.touched", "ticket_id": "../1", "updated_at": "2026-11-23T11:00:00Z"},
        {"beforehand": "ticket.touched", "ticket_id": "35", "updated_at": "soon"},
    ],
)
def test_a_trigger_that_was_changed_by_hand_is_said_to_be_unreadable(body):
    with pytest.raises(Unreadable):
        webhook_desk().read(envelope(msgspec.json.encode(body)))


@pytest.mark.parametrize("body", [b'{"beforehand": "other"}', b'{"title": "ticket.touched"}', b'{"ticket_id": "35"}'])
def test_other_triggers_say_nothing(body):
    assert webhook_desk().read(envelope(body)) == ()
