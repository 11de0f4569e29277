"""The demo's stories, with the issues' life in Gorgias: the same tickets in the end as in Zendesk, and no others."""

from datetime import timedelta
from random import Random

import pytest

from server.demo.fake import DOWN, HTML, LOST, too_many
from server.demo.gorgias_state import Account
from server.demo.orders import Person
from server.demo.sender import Sender
from server.demo.world import WORKSPACE, World, policy

DECLINED, JACKET = "#48207", "#48225"
NORA = Person(601, "Nora Quinn", "nora.quinn@example.com", "Denver", "CO")


async def silent(*_):
    """Nobody watches."""


@pytest.fixture
def world(clock):
    return World(clock, people_write_to="inbox")


@pytest.fixture
def policy_text():
    return policy("inbox")


def shown(server):
    """Subject -> status, kinds, number of internal notes."""
    return {
        ticket.subject: (
            ticket.status,
            tuple(sorted(tag.removeprefix("beforehand_") for tag in ticket.tags if tag.startswith("beforehand_"))),
            sum(message.channel == "internal-note" for message in ticket.messages),
        )
        for ticket in server.world.gorgias.account.tickets.values()
    }


def about(server, name):
    return [t for t in server.world.gorgias.account.tickets.values() if name in t.subject]


async def test_every_story_ends_with_the_tickets_that_it_has_in_the_other_helpdesk(server):
    await server.player().play(silent)
    found = shown(server)
    assert {
        subject: found.get(subject)
        for subject in (
            "Order #48207 has a failed payment of $145.00",
            "Order #48219 has had no carrier scan for 48 hours (and 1 more)",
            "Order #48222 was cancelled after fulfilment had begun",
            "Where is my jacket?",
            "Change of delivery day",
            "Order #48233 has had no carrier scan for 48 hours",
            "Order #48236 has been on hold for 24 hours: it is out of stock",
            "Order #48239 has a payment dispute of $160.00, to be answered by Sun 22 Nov",
        )
    } == {
        "Order #48207 has a failed payment of $145.00": ("open", ("payment_failed",), 1),
        "Order #48219 has had no carrier scan for 48 hours (and 1 more)": (
            "closed",
            ("promise_at_risk", "tracking_stalled"),
            3,
        ),
        "Order #48222 was cancelled after fulfilment had begun": ("open", ("cancellation_after_fulfillment",), 1),
        "Where is my jacket?": ("open", ("promise_at_risk", "tracking_stalled"), 1),
        "Change of delivery day": ("open", (), 0),
        "Order #48233 has had no carrier scan for 48 hours": ("closed", ("tracking_stalled",), 2),
        "Order #48236 has been on hold for 24 hours: it is out of stock": ("open", ("fulfillment_on_hold",), 2),
        "Order #48239 has a payment dispute of $160.00, to be answered by Sun 22 Nov": (
            "open",
            ("payment_disputed",),
            1,
        ),
    }
    assert server.world.gorgias.creations == 6
    assert server.world.zendesk.desk.tickets == {}
    ours = [m for t in server.world.gorgias.account.tickets.values() for m in t.messages if m.sender == Account.US.id]
    assert ours
    assert not any(message.public for message in ours), "no customer was written to"


async def test_what_the_customer_wrote_in_gorgias_is_part_of_the_orders_context(server):
    await server.player(only=JACKET).play(silent)
    found = (await server.get(f"/v1/orders/acme/{JACKET[1:]}/context?live=false")).json()
    assert "Where is my jacket?" in [contact["subject"] for contact in found["contacts"]]
    (ticket,) = about(server, "jacket")
    by_ticket = (await server.get(f"/v1/tickets/acme/inbox/{ticket.id}/context?live=false")).json()
    assert by_ticket["order"]["name"] == JACKET


@pytest.mark.parametrize("mishap", [LOST, DOWN, HTML, too_many(20)], ids=["lost", "down", "HTML", "too many"])
async def test_a_creation_that_goes_wrong_makes_one_ticket(server, mishap):
    left = [mishap] * 2
    server.world.gorgias.misbehaves = lambda call: (
        left.pop() if left and (call.method, call.path) == ("POST", "/api/tickets") else None
    )
    await server.player(only=DECLINED).play(silent)
    server.clock.advance(timedelta(minutes=5))
    await server.engine.settle()
    assert [ticket.subject for ticket in about(server, "#")] == ["Order #48207 has a failed payment of $145.00"]


async def test_a_webhook_sent_once_more_changes_nothing_and_carries_no_words(server):
    letters = server.world.write_to_helpdesk(NORA, "Order #48225", "Where is my jacket?")
    sender = Sender(server.client, WORKSPACE, Random(7))
    await sender.send(letters)
    again = Sender(server.client, WORKSPACE, Random(8))
    await again.send(letters)
    assert (sender.accepted, again.accepted) == (len(letters), 0)
    assert not any(b"jacket" in letter.body for letter in letters)


async def test_a_forged_webhook_is_refused(server):
    answer = await server.client.post("/webhooks/acme.inbox", content=b"{}", headers={"x-beforehand-secret": "x"})
    assert answer.status_code == 401
