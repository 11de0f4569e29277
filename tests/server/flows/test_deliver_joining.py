"""A finding goes into the ticket that the customer opened about the same order."""

import pytest

from connectors.contract import (
    Denied,
    Garbled,
    Rejected,
    TimedOut,
)
from server.model import TicketLink
from tests.server.delivering import KEY, NOTE, OPEN, REOPEN, SOLVE, opened
from tests.server.desk import after, before


@pytest.fixture
def bench(deliveries):
    return deliveries


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


@pytest.mark.parametrize("state", ["solved", "closed"])
async def test_a_note_whose_answer_was_lost_is_found_though_the_ticket_is_done_with_meanwhile(bench, state):
    bench.desk.hold("900", subject="Order #1001")
    bench.desk.trouble["change_ticket"] = [after(TimedOut("Desk", "late"))]
    await bench.plan(OPEN)
    await bench.deliver_due()
    bench.desk.change("900", state=state)
    bench.clock.pass_(minutes=1)
    await bench.deliver_due()
    assert list(bench.desk.tickets) == ["900"]
    assert (await bench.issue()).ticket.ticket_id == "900"
    assert bench.kinds()[-1] == "ticket_joined"


@pytest.mark.parametrize("state", ["solved", "closed", "deleted"])
async def test_when_that_note_never_arrived_a_ticket_is_opened(bench, state):
    bench.desk.hold("900", subject="Order #1001")
    bench.desk.trouble["change_ticket"] = [before(TimedOut("Desk", "late"))]
    await bench.plan(OPEN)
    await bench.deliver_due()
    if state == "deleted":
        bench.desk.delete("900")
    else:
        bench.desk.change("900", state=state)
    bench.clock.pass_(minutes=1)
    await bench.deliver_due()
    assert len(bench.desk.ours()) == 1
    assert bench.desk.notes["900"] == []


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
