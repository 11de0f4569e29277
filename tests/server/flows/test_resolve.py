"""References and tickets lead to orders, a weak match is called weak, and a doubtful one is not made."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest

from connectors.contract import Unavailable
from connectors.model import Shipment
from server.errors import NotFound
from server.flows.asks import CONFIRMED_FOR
from server.flows.gather import Gathering
from server.flows.resolve import Ambiguous, NotFoundNow
from server.model import Issue, IssueState, Kind, Severity, TicketLink


@pytest.fixture
def world(fakes):
    """Two shops and a helpdesk; Jane's order #1001 is stored with a UPS parcel."""
    found = SimpleNamespace(
        clock=fakes.Clock(), store=fakes.Store(), shop=fakes.Shop(), other=fakes.Shop("Shop two"), desk=fakes.Desk()
    )

    async def record(workspace, observations): ...

    workspace = fakes.workspace(shop=found.shop, other=found.other, desk=found.desk)
    found.gathering = Gathering({"acme": workspace}, found.store, found.clock, source_seconds=0.2, record=record)
    parcel = Shipment(carrier="ups", tracking_number="1Z999AA10123456784")
    seen = fakes.order_seen(shipments=(parcel,))
    found.key = found.store.keep(seen)
    found.shop.orders["5001"] = seen
    return found


def issue(key, ticket, fakes, **facts):
    values = {
        "id": "abc123",
        "order": key,
        "kind": Kind.TRACKING_STALLED,
        "state": IssueState.OPEN,
        "severity": Severity.HIGH,
        "headline": "has had no carrier scan for 48 hours",
        "since": fakes.NOW,
        "opened_at": fakes.NOW,
        "ticket": ticket,
        **facts,
    }
    return Issue(**values)


@pytest.mark.parametrize(
    "reference", ["5001", "#1001", "1001", " 1001 ", "1Z999AA10123456784", "1z 999 aa1 0123456784"]
)
async def test_an_order_is_found_by_id_name_or_tracking_number(world, reference):
    context = await world.gathering.of_order("acme", reference, live=False)
    assert context.order.id == "5001"
    assert context.matched_by is None


@pytest.mark.parametrize(
    "reference", ["9999", "#", "jane@example.com", "' OR 1=1 --", "1001 OR email:*", "\x00", "é" * 50]
)
async def test_what_names_no_order_is_not_found(world, reference):
    with pytest.raises(NotFound):
        await world.gathering.of_order("acme", reference, live=False)


async def test_two_shops_with_the_same_number_are_told_apart_by_the_client(world, fakes):
    world.store.keep(fakes.order_seen("7001", "#1001", source="other", email="joe@example.com"), shop="other")
    with pytest.raises(Ambiguous) as caught:
        await world.gathering.of_order("acme", "1001", live=False)
    assert {(c.shop, c.order_id, c.match) for c in caught.value.candidates} == {
        ("shop", "5001", "order number"),
        ("other", "7001", "order number"),
    }
    context = await world.gathering.of_order("acme", "1001", shop="other", live=False)
    assert context.order.id == "7001"


async def test_an_unknown_order_names_the_shop_that_could_not_be_asked(world):
    world.other.error = Unavailable("Shop two", "503")
    with pytest.raises(NotFoundNow) as caught:
        await world.gathering.of_order("acme", "4711")
    assert str(caught.value) == (
        "No stored order matches, and the search went no further: Shop two has trouble of its own right now"
    )
    assert [(s.connection, s.status) for s in caught.value.sources] == [("other", "error")]


async def test_a_ticket_that_we_opened_leads_back_to_its_order(world, fakes):
    link = TicketLink(connection="desk", ticket_id="77")
    world.store.issue_list.append(issue(world.key, link, fakes))
    world.store.link_ticket(world.key, "desk", "77")
    context = await world.gathering.of_ticket("acme", "desk", "77", live=False)
    assert (context.order.id, context.matched_by) == ("5001", "Beforehand opened this ticket")
    assert world.desk.asked == []
    assert context.issues[0].ticket.id == "77"


async def test_our_external_id_is_recognised_and_remembered(world, fakes):
    world.store.issue_list.append(issue(world.key, None, fakes))
    world.desk.hold("77", external_id="beforehand:acme:abc123")
    context = await world.gathering.of_ticket("acme", "desk", "77")
    assert (context.order.id, context.matched_by) == ("5001", "Beforehand opened this ticket")
    assert world.store.tickets == {("desk", "77"): {world.key}}


async def test_a_known_ticket_is_confirmed_by_its_helpdesk_before_it_is_shown(world, fakes):
    link = TicketLink(connection="desk", ticket_id="77")
    world.store.issue_list.append(issue(world.key, link, fakes))
    world.store.link_ticket(world.key, "desk", "77")
    with pytest.raises(NotFound):
        await world.gathering.of_ticket("acme", "desk", "77")
    world.desk.hold("77")
    assert (await world.gathering.of_ticket("acme", "desk", "77")).order.id == "5001"
    # Not again and again: an agent goes back and forth.
    await world.gathering.of_ticket("acme", "desk", "77")
    assert world.desk.asked.count("77") == 2
    del world.desk.tickets["77"]
    world.clock.now += CONFIRMED_FOR
    with pytest.raises(NotFound):
        await world.gathering.of_ticket("acme", "desk", "77")


async def test_a_helpdesk_that_cannot_be_asked_hides_no_order_that_we_have_linked(world, fakes):
    world.store.issue_list.append(issue(world.key, TicketLink(connection="desk", ticket_id="77"), fakes))
    world.store.link_ticket(world.key, "desk", "77")
    world.desk.error = Unavailable("Zendesk", "503")
    context = await world.gathering.of_ticket("acme", "desk", "77")
    assert context.order.id == "5001"
    assert "error" in {source.status for source in context.sources if source.connection == "desk"}


async def test_an_external_id_of_another_workspace_leads_nowhere(world, fakes):
    world.store.issue_list.append(issue(world.key, None, fakes))
    world.desk.hold("77", external_id="beforehand:other:abc123")
    context = await world.gathering.of_ticket("acme", "desk", "77")
    assert (context.order, context.matched_by, context.candidates) == (None, None, [])


@pytest.mark.parametrize(
    ("facts", "label"),
    [
        ({"order_references": ("#1001",)}, "the order field of the ticket"),
        ({"subject": "Where is order #1001?"}, "order number in the subject"),
        ({"description": "my order 1001 has not arrived"}, "order number in the message"),
        ({"description": "tracking 1Z999AA10123456784 stuck"}, "tracking number in the message"),
    ],
)
async def test_a_number_in_the_ticket_is_a_strong_match_and_remembered(world, facts, label):
    world.desk.hold("77", requester_email="Jane@Example.com", **facts)
    context = await world.gathering.of_ticket("acme", "desk", "77")
    assert context.order.id == "5001"
    assert context.matched_by == label
    again = await world.gathering.of_ticket("acme", "desk", "77")
    assert again.matched_by == "this ticket was found to be about it before"
    assert world.desk.asked.count("77") == 1


async def test_a_number_of_somebody_elses_order_is_a_weak_match_and_not_remembered(world):
    world.desk.hold("77", subject="Order #1001", requester_email="mallory@example.com")
    context = await world.gathering.of_ticket("acme", "desk", "77")
    assert context.order.id == "5001"
    assert context.matched_by == "order number in the subject, but the order has another e-mail address"
    assert world.store.tickets == {}


async def test_a_number_and_an_email_that_disagree_are_shown_as_candidates(world, fakes):
    world.store.keep(fakes.order_seen("5002", "#1002", email="joe@example.com"))
    world.desk.hold("77", subject="Order #1001", requester_email="joe@example.com")
    context = await world.gathering.of_ticket("acme", "desk", "77")
    assert context.order is None
    assert [(c.order_id, c.match) for c in context.candidates] == [
        ("5001", "order number in the subject, but the order has another e-mail address"),
        ("5002", "the customer's e-mail only"),
    ]


async def test_among_several_numbers_the_customers_own_order_counts(world, fakes):
    world.store.keep(fakes.order_seen("5003", "#2026", email="joe@example.com"))
    world.desk.hold("77", subject="Order 1001 of 2026", requester_email="jane@example.com")
    context = await world.gathering.of_ticket("acme", "desk", "77")
    assert context.order.id == "5001"


async def test_the_email_alone_is_a_weak_match(world):
    world.desk.hold("77", subject="Hello?", requester_email="jane@example.com")
    context = await world.gathering.of_ticket("acme", "desk", "77")
    assert (context.order.id, context.matched_by) == ("5001", "the customer's e-mail only")
    assert world.store.tickets == {}


async def test_a_customer_with_several_orders_gives_candidates(world, fakes):
    world.store.keep(fakes.order_seen("5002", "#1002", placed_at=fakes.NOW - timedelta(days=1)))
    world.desk.hold("77", subject="Hello?", requester_email="jane@example.com")
    context = await world.gathering.of_ticket("acme", "desk", "77")
    assert context.order is None
    assert [(c.order_id, c.match) for c in context.candidates] == [
        ("5002", "the customer's e-mail only"),
        ("5001", "the customer's e-mail only"),
    ]
    assert [(s.connection, s.status) for s in context.sources] == [("desk", "ok")]


async def test_an_order_that_only_the_shop_knows_is_found_by_the_number_in_the_ticket(world, fakes):
    world.other.orders["8001"] = fakes.order_seen("8001", "#3003", source="other", email="joe@example.com")
    world.desk.hold("77", subject="Order #3003", requester_email="joe@example.com")
    context = await world.gathering.of_ticket("acme", "desk", "77")
    assert (context.order.id, context.order.shop) == ("8001", "other")
    assert context.matched_by == "order number in the subject"


async def test_an_order_that_only_the_shop_knows_is_found_by_email(world, fakes):
    world.other.orders["8001"] = fakes.order_seen("8001", "#3003", source="other", email="joe@example.com")
    world.desk.hold("77", subject="Hi", requester_email="joe@example.com")
    context = await world.gathering.of_ticket("acme", "desk", "77")
    assert (context.order.id, context.matched_by) == ("8001", "the customer's e-mail only")


async def test_a_ticket_about_nothing_gives_an_empty_answer(world):
    world.desk.hold("77", subject="Hi", requester_email="nobody@example.com")
    context = await world.gathering.of_ticket("acme", "desk", "77")
    assert (context.order, context.candidates, context.matched_by) == (None, [], None)
    assert {s.connection: s.status for s in context.sources} == {"desk": "ok", "shop": "ok", "other": "ok"}


async def test_a_helpdesk_in_trouble_is_said(world):
    world.desk.error = Unavailable("Zendesk", "503")
    context = await world.gathering.of_ticket("acme", "desk", "77")
    assert context.order is None
    assert [(s.connection, s.status, s.error) for s in context.sources] == [
        ("desk", "error", "Zendesk has trouble of its own right now")
    ]


async def test_a_silent_helpdesk_is_given_up(world):
    world.desk.gate = asyncio.Event()
    context = await world.gathering.of_ticket("acme", "desk", "77", wait=0.02)
    assert [(s.connection, s.status) for s in context.sources] == [("desk", "timeout")]
    assert world.desk.cancelled == 1


@pytest.mark.parametrize(("connection", "ticket"), [("desk", "404"), ("shop", "77"), ("nowhere", "77")])
async def test_an_unknown_ticket_or_helpdesk_is_not_found(world, connection, ticket):
    with pytest.raises(NotFound):
        await world.gathering.of_ticket("acme", connection, ticket)


async def test_a_ticket_stream_yields_once_where_there_is_no_order(world):
    world.desk.hold("77", subject="Hi")
    contexts = [context async for context in world.gathering.stream_ticket("acme", "desk", "77")]
    assert [context.order for context in contexts] == [None]


async def test_a_number_that_two_shops_know_gives_candidates(world, fakes):
    world.shop.orders["8001"] = fakes.order_seen("8001", "#3003", email="joe@example.com")
    world.other.orders["8002"] = fakes.order_seen("8002", "#3003", source="other", email="joe@example.com")
    world.desk.hold("77", subject="Order #3003", requester_email="joe@example.com")
    context = await world.gathering.of_ticket("acme", "desk", "77")
    assert context.order is None
    assert {(c.shop, c.order_id) for c in context.candidates} == {("shop", "8001"), ("other", "8002")}


async def test_an_unread_ticket_without_live_names_the_helpdesk_as_not_asked(world):
    context = await world.gathering.of_ticket("acme", "desk", "77", live=False)
    assert [(s.connection, s.status) for s in context.sources] == [("desk", "stale")]
    assert world.desk.asked == []


async def test_a_mistake_in_the_helpdesk_connector_is_not_fatal(world):
    world.desk.error = KeyError("subject")
    context = await world.gathering.of_ticket("acme", "desk", "77")
    assert [s.error for s in context.sources] == ["Zendesk could not be read because of a mistake on our side"]
