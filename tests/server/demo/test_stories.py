"""All stories through the real server: which tickets there are in the end, and what was never done."""

import pytest

from server.demo.zendesk_state import Desk, Ticket


async def silent(*_: object) -> None:
    """Nobody watches."""


def shown(tickets: dict[int, Ticket]) -> dict[str, tuple[str, tuple[str, ...], int]]:
    """Subject -> status, kinds, number of internal notes."""
    return {
        ticket.subject: (
            ticket.status,
            tuple(sorted(tag.removeprefix("beforehand_") for tag in ticket.tags if tag != "beforehand")),
            sum(not comment.public for comment in ticket.comments),
        )
        for ticket in tickets.values()
    }


@pytest.mark.parametrize("seed", [7, 8])
async def test_every_story_ends_with_the_right_tickets_whatever_comes_twice_or_shuffled(server, seed: int) -> None:
    await server.player(seed).play(silent)
    desk = server.world.zendesk.desk
    assert shown(desk.tickets) == {
        "Order #48207 has a failed payment of $145.00": ("open", ("payment_failed",), 1),
        "Order #48219 has had no carrier scan for 48 hours (and 1 more)": (
            "solved",
            ("promise_at_risk", "tracking_stalled"),
            3,  # opened, more urgent the night before the promised day, recovered
        ),
        "Order #48222 was cancelled after fulfilment had begun": ("open", ("cancellation_after_fulfillment",), 1),
        # The customer's own tickets: the finding went into the one about the stalled parcel.
        "Where is my jacket?": ("new", ("promise_at_risk", "tracking_stalled"), 1),
        "Change of delivery day": ("new", (), 0),
        # Told what came of the refund that an agent asked for beside it.
        "Two bowls are broken": ("new", (), 1),
        # Solved by a person, so Beforehand only adds what it learned.
        "Order #48233 has had no carrier scan for 48 hours": ("solved", ("tracking_stalled",), 2),
        # Told again when the hold had lasted twice as long.
        "Order #48236 has been on hold for 24 hours: it is out of stock": ("open", ("fulfillment_on_hold",), 2),
        "Order #48239 has a payment dispute of $160.00, to be answered by Sun 22 Nov": (
            "open",
            ("payment_disputed",),
            1,
        ),
    }
    assert server.world.zendesk.creations == 6
    assert (await server.get("/v1/issues/acme?state=open")).status_code == 200


async def test_team_and_warehouse_are_told_once_whatever_comes_twice(server) -> None:
    await server.player().play(silent)
    heard = server.world.slack.texts("#logistics")
    assert [text.splitlines()[0] for text in heard] == [
        "Solved: Order #48219 has had no carrier scan for 48 hours",
        "Order #48225 has had no carrier scan for 48 hours",
        "Solved: Order #48233 has had no carrier scan for 48 hours",
    ]
    assert server.world.warehouse.events() == ["issue.opened #48222"]
    assert server.world.warehouse.tasks[0]["data"]["ticket_id"]
    order = (await server.get("/v1/orders/acme/48222/context?live=false")).json()
    (told,) = order["notifications"]
    assert (told["audience"], told["to"], told["state"], told["occasion"]) == ("system", "warehouse", "sent", "opened")
    assert "cancelled after fulfilment had begun" in told["text"]


async def test_the_vips_ticket_reads_like_a_sentence(server) -> None:
    await server.player().play(silent)
    ticket = next(t for t in server.world.zendesk.desk.tickets.values() if "#48219" in t.subject)
    assert ticket.comments[0].body.splitlines()[0] == (
        "Order #48219 has had no carrier scan for 48 hours, delivery promise is at risk tomorrow, "
        "customer is a VIP account, and no previous notification has been sent."
    )
    assert "it moves again: Arrived at facility in Memphis, TN" in ticket.comments[-1].body
    assert all(not comment.public for comment in ticket.comments)
    assert all(comment.author_id == Desk.US.id for comment in ticket.comments)


async def test_a_person_who_solved_a_ticket_has_the_last_word(server) -> None:
    await server.player().play(silent)
    ticket = next(t for t in server.world.zendesk.desk.tickets.values() if "#48233" in t.subject)
    by_us = [audit for audit in ticket.audits if audit.author_id == Desk.US.id]
    assert [audit.events for audit in by_us] == [("Create", "Comment"), ("Comment",)]


async def test_playing_everything_leaves_nothing_waiting_or_dead(server) -> None:
    await server.player().play(silent)
    counts = await server.parts.store.read(lambda tx: tx.counts())
    assert {state for state, number in counts.inbox.items() if number} <= {"done"}
    assert {state for state, number in counts.actions.items() if number} == {"done"}


async def test_the_context_of_an_order_is_answered_live_by_every_source(server) -> None:
    await server.player().play(silent)
    found = (await server.get("/v1/orders/acme/48219/context")).json()
    assert (found["order"]["name"], found["customer"]["vip"], found["order"]["total"]) == ("#48219", True, "129.00")
    assert {source["connection"]: source["status"] for source in found["sources"]} == {
        "shop": "ok",
        "payments": "ok",
        "ups": "ok",
        "desk": "ok",
        "inbox": "ok",
    }
    assert found["shipments"][0]["scans"][0]["text"] == "Delivered, met customer"
    assert found["payments"][0]["state"] == "paid"


async def test_a_customers_ticket_leads_to_the_order_that_it_mentions(server) -> None:
    await server.player().play(silent)
    ticket = next(t for t in server.world.zendesk.desk.tickets.values() if t.subject == "Where is my jacket?")
    found = (await server.get(f"/v1/tickets/acme/desk/{ticket.id}/context?live=false")).json()
    assert found["order"]["name"] == "#48225"


async def test_what_the_customer_wrote_about_an_order_is_part_of_its_context(server) -> None:
    await server.player().play(silent)
    found = (await server.get("/v1/orders/acme/48225/context")).json()
    assert [(contact["subject"], contact["state"]) for contact in found["contacts"]] == [
        ("Where is my jacket?", "open")
    ]
