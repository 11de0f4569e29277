"""The simulated helpdesk's page: what it shows, what an agent does there, and the token it frames the sidebar with."""

import re

import httpx
import pytest

from connectors.contract import Forged
from server.demo.zendesk_state import Desk


@pytest.fixture
async def page(world):
    """Without credentials, as a browser asks."""
    transport = httpx.ASGITransport(app=world.zendesk.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:9100") as client:
        yield client


@pytest.fixture
def ticket(world):
    desk = world.zendesk.desk
    nora = desk.user("Nora Quinn", "nora.quinn@example.com")
    return desk.open(subject="Where is it?", requester=nora, author=nora, body="Hello?", public=True, channel="email")


async def test_the_page_and_everything_it_refers_to_is_served(page):
    for address in ("/", "/agent/tickets/4711"):
        html = await page.get(address)
        assert (html.status_code, html.headers["content-type"]) == (200, "text/html; charset=utf-8")
    files = re.findall(r'(?:src|href)="(/_page/[^"]+)"', html.text)
    assert files
    assert [(await page.get(file)).status_code for file in files] == [200] * len(files)
    assert (await page.get("/_page/assets/page.html.bak")).status_code == 404


async def test_a_ticket_is_listed_and_shown(page, ticket):
    stamp = "2026-11-10T14:00:00Z"
    row = {"id": ticket.id, "subject": "Where is it?", "status": "new", "tags": [], "updated_at": stamp}
    assert (await page.get("/_page/tickets.json")).json() == [{**row, "requester": "Nora Quinn"}]
    assert (await page.get(f"/_page/tickets/{ticket.id}.json")).json() == {
        **row,
        "priority": None,
        "external_id": None,
        "requester": {"name": "Nora Quinn", "email": "nora.quinn@example.com"},
        "comments": [
            {"author": "Nora Quinn", "public": True, "body": "Hello?", "created_at": "2026-11-10T14:00:00+00:00"}
        ],
    }
    assert (await page.get("/_page/tickets/1.json")).status_code == 404


@pytest.mark.parametrize(
    ("do", "status", "is_public"), [("reply", "pending", True), ("solve", "solved", False), ("reopen", "open", False)]
)
async def test_an_agent_acts_as_a_person(page, ticket, do, status, is_public):
    answer = await page.post(f"/_page/tickets/{ticket.id}/act", json={"do": do, "text": "We ask the carrier."})
    assert (answer.status_code, ticket.status) == (200, status)
    assert (ticket.comments[-1].author_id, ticket.comments[-1].public) == (Desk.AGENT.id, is_public)
    assert (ticket.audits[-1].author_id, ticket.audits[-1].channel) == (Desk.AGENT.id, "web")


async def test_an_agent_cannot_change_a_closed_ticket(page, ticket):
    ticket.status = "closed"
    assert (await page.post(f"/_page/tickets/{ticket.id}/act", json={"do": "solve"})).status_code == 422


async def test_what_people_look_at_is_not_counted_as_calls_of_ours(page, world, ticket):
    await page.get("/_page/tickets.json")
    assert list(world.zendesk.calls) == []


async def test_the_sidebars_token_is_one_that_the_server_believes(page, world, server, ticket):
    told = (await page.get("/_page/sidebar_token", params={"ticket": ticket.id})).json()
    desk = server.parts.workspaces["acme"].connections["desk"]
    user = await desk.verify_sidebar(told["token"], now=server.clock())
    assert (user.user_id, user.installation_id) == (str(Desk.AGENT.id), "77001")
    assert told["action_url"] == "http://127.0.0.1:8080/sidebar/zendesk"
    other = world.zendesk.sidebar.token(Desk.AGENT.id, aud="https://other.zendesk.com/api/v2/apps/installations/1.json")
    with pytest.raises(Forged):
        await desk.verify_sidebar(other, now=server.clock())
