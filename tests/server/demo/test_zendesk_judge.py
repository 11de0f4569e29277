"""python-zendesk, generated from Zendesk's own description of its API, talks to the simulated Zendesk on a socket.

It is strict about what it is answered, so it judges the stand-in. It is not Zendesk: agreement with it is no proof.
"""

from datetime import UTC, datetime

import pytest
from zendesk import Zendesk, errors, models

from server.demo.serving import served
from server.demo.zendesk_access import TOKEN
from server.demo.zendesk_requests import TicketInput
from server.demo.zendesk_state import Desk

ANY_PORT = 9340
KEY = {"Idempotency-Key": "beforehand:acme:7"}


@pytest.fixture
async def sdk(world):
    security = models.Security(username=f"{Desk.US.email}/token", password=TOKEN)
    async with served(world.zendesk, ANY_PORT) as address:
        # A client for both ways of calling is made at once, so both must be closed.
        with Zendesk(server_url=address, security=security) as sdk:
            async with sdk:
                yield sdk


def request(**changes):
    values = {
        "subject": "Order #48219 has had no carrier scan for 48 hours",
        "comment": {"body": "No scan since Tuesday.", "public": False},
        "external_id": "beforehand:acme:7",
        "priority": "high",
        "tags": ["beforehand", "beforehand_tracking_stalled"],
        **changes,
    }
    return models.TicketCreateRequest(ticket=models.TicketCreateInput.model_validate(values))


async def create(sdk, **changes):
    answer = await sdk.tickets.create_ticket_async(request=request(**changes), http_headers=KEY)
    return answer.result.ticket, answer.headers


async def test_it_opens_a_ticket_once_and_reads_it_back(sdk):
    first, headers = await create(sdk)
    again, repeated = await create(sdk)
    read = (await sdk.tickets.show_ticket_async(ticket_id=first.id)).ticket
    assert (headers["x-idempotency-lookup"], repeated["x-idempotency-lookup"]) == (["miss"], ["hit"])
    assert first.id == again.id == read.id
    assert (read.subject, read.priority, read.tags) == (
        "Order #48219 has had no carrier scan for 48 hours",
        "high",
        ["beforehand", "beforehand_tracking_stalled"],
    )
    assert read.created_at == datetime(2026, 11, 10, 14, 0, tzinfo=UTC)


async def test_it_finds_a_ticket_by_its_external_id(sdk):
    made, _ = await create(sdk)
    found = await sdk.tickets.list_tickets_async(external_id="beforehand:acme:7")
    nothing = await sdk.tickets.list_tickets_async(external_id="beforehand:acme:8")
    assert [ticket.id for ticket in found.result.tickets] == [made.id]
    assert nothing.result.tickets == []


async def test_it_changes_a_ticket_and_reads_comments_and_audits(sdk):
    made, _ = await create(sdk)
    update = models.TicketUpdateInput.model_validate(
        {"status": "solved", "comment": {"body": "It moves again.", "public": False}}
    )
    changed = (await sdk.tickets.update_ticket_async(ticket_id=made.id, ticket=update)).ticket
    comments = (await sdk.ticket_comments.list_ticket_comments_async(ticket_id=made.id)).result.comments
    audits = (await sdk.ticket_audits.list_audits_for_ticket_async(ticket_id=made.id)).result.audits
    assert (changed.id, changed.status) == (made.id, "solved")
    assert [(comment.body, comment.public) for comment in comments] == [
        ("No scan since Tuesday.", False),
        ("It moves again.", False),
    ]
    assert [(audit.author_id, audit.ticket_id) for audit in audits] == [(Desk.US.id, made.id)] * 2


async def test_it_reads_who_we_are_and_who_the_customer_is(sdk, world):
    customer = world.zendesk.desk.user("Nora Quinn", "nora.quinn@example.com")
    shown = await sdk.users.show_user_async(user_id=customer.id)
    assert (shown.user.name, shown.user.email) == ("Nora Quinn", "nora.quinn@example.com")


async def test_it_understands_the_refusals(sdk, world):
    made, _ = await create(sdk)
    world.zendesk.desk.tickets[made.id].status = "closed"
    solve = models.TicketUpdateInput(status="solved")
    with pytest.raises(errors.ZendeskError) as closed:
        await sdk.tickets.update_ticket_async(ticket_id=made.id, ticket=solve)
    with pytest.raises(errors.ZendeskError) as other_body:
        await create(sdk, subject="Something else")
    with pytest.raises(errors.ZendeskError) as missing:
        await sdk.tickets.show_ticket_async(ticket_id=1)
    assert [error.value.status_code for error in (closed, other_body, missing)] == [422, 400, 404]


@pytest.mark.parametrize("kind", [models.TicketCreateInput, models.TicketUpdateInput])
def test_what_may_be_written_is_what_zendesk_describes(kind):
    ours = set(TicketInput.__struct_fields__)
    # A requester by name and address is in Zendesk's documentation alone.
    assert sorted(ours - {"requester"} - set(models.TicketCreateInput.model_fields)) == []
    described = {"subject", "comment", "external_id", "priority", "status", "type", "tags", "custom_fields", "group_id"}
    assert sorted(described & set(kind.model_fields) - ours) == []
