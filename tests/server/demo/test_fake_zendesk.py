"""The simulated Zendesk: what it keeps, and what it refuses as Zendesk does, or more strictly."""

import base64
from datetime import timedelta

import httpx
import pytest

from server.demo.zendesk_access import CLIENT_ID, CLIENT_SECRET, TOKEN
from server.demo.zendesk_state import UPDATES_PER_TICKET, Desk

BASE = "http://desk.world.test"
AUTH = {"authorization": f"Bearer {TOKEN}"}
TICKET = {
    "subject": "Order #48219 has had no carrier scan for 48 hours",
    "comment": {"body": "No scan since Tuesday.", "public": False},
    "external_id": "beforehand:acme:1",
    "requester": {"name": "Nora Quinn", "email": "nora.quinn@example.com"},
    "priority": "high",
    "type": "task",
    "tags": ["beforehand", "beforehand_tracking_stalled"],
}


@pytest.fixture
async def desk(world):
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=world.zendesk.app), base_url=BASE, headers=AUTH
    ) as client:
        yield client


async def create(desk, key="key-1", **changes):
    values = {name: value for name, value in {**TICKET, **changes}.items() if value is not None}
    return await desk.post("/api/v2/tickets", json={"ticket": values}, headers={"idempotency-key": key} if key else {})


async def change(desk, number, **values):
    return await desk.put(f"/api/v2/tickets/{number}", json={"ticket": values})


@pytest.fixture
async def ticket(desk):
    return (await create(desk)).json()["ticket"]


def problem(answer):
    return answer.status_code, answer.json()["error"]


# --- opening ----------------------------------------------------------------------------------------------------------


async def test_a_ticket_is_opened_for_a_customer_who_becomes_known(desk, world):
    answer = await create(desk)
    found = answer.json()["ticket"]
    assert (answer.status_code, answer.headers["x-idempotency-lookup"]) == (201, "miss")
    assert {name: found[name] for name in ("subject", "external_id", "priority", "type", "tags", "status")} == {
        **{name: TICKET[name] for name in ("subject", "external_id", "priority", "type", "tags")},
        "status": "open",
    }
    assert world.zendesk.desk.users[found["requester_id"]].email == "nora.quinn@example.com"


async def test_the_same_key_gives_the_same_ticket_for_two_hours(desk, world):
    first = await create(desk)
    again = await create(desk)
    world.clock.advance(timedelta(hours=2))
    late = await create(desk)
    assert again.headers["x-idempotency-lookup"] == "hit"
    assert first.json()["ticket"]["id"] == again.json()["ticket"]["id"] != late.json()["ticket"]["id"]
    assert world.zendesk.creations == 2


async def test_the_same_key_with_another_body_is_refused(desk):
    await create(desk)
    answer = await create(desk, subject="Something else")
    assert (answer.status_code, answer.json()["description"]) == (
        400,
        "Request parameters don't match the given idempotency key",
    )


async def test_a_creation_without_a_key_is_refused_unless_the_stand_in_is_told_to_be_as_lax_as_zendesk(desk, world):
    refused = await create(desk, key="")
    world.zendesk.requires_key = False
    taken = await create(desk, key="")
    assert (problem(refused)[0], taken.status_code) == (400, 201)
    assert "x-idempotency-lookup" not in taken.headers


@pytest.mark.parametrize(
    "changes",
    [
        {"comment": {"body": "Hello!"}},
        {"comment": {"body": "Hello!", "public": True}},
        {"comment": {"body": "  ", "public": False}},
        {"comment": None},
        {"colour": "red"},
        {"subject": 5},
        {"subject": "x" * 256},
        {"comment": {"body": "x" * 65_536, "public": False}},
        {"priority": "highest"},
        {"status": "closed"},
        {"tags": "beforehand"},
        {"tags": ["two words"]},
        {"group_id": "tier2"},
        {"requester": {"name": "Nobody"}},
        {"requester": None, "requester_id": 1},
        {"custom_fields": [{"id": "a", "value": "b"}]},
    ],
    ids=str,
)
async def test_a_ticket_that_zendesk_would_not_take_is_refused(desk, world, changes):
    answer = await create(desk, **changes)
    assert (answer.status_code, world.zendesk.desk.tickets) == (422, {})


async def test_only_a_closed_ticket_can_be_followed_up(desk, world, ticket):
    early = await create(desk, key="key-2", via_followup_source_id=ticket["id"])
    world.zendesk.desk.tickets[ticket["id"]].status = "closed"
    late = await create(desk, key="key-3", via_followup_source_id=ticket["id"])
    assert (early.status_code, late.status_code) == (422, 201)


# --- finding ----------------------------------------------------------------------------------------------------------


async def test_a_ticket_is_found_by_its_external_id_at_once_and_by_search_minutes_late(desk, world, ticket):
    async def found(path, name, **params):
        return [each["id"] for each in (await desk.get(path, params=params)).json()[name]]

    search = {"query": f"type:ticket external_id:{TICKET['external_id']}"}
    assert await found("/api/v2/tickets", "tickets", external_id=TICKET["external_id"]) == [ticket["id"]]
    assert await found("/api/v2/tickets", "tickets", external_id="beforehand:acme:2") == []
    assert await found("/api/v2/search.json", "results", **search) == []
    world.clock.advance(timedelta(minutes=4))
    assert await found("/api/v2/search.json", "results", **search) == [ticket["id"]]


async def test_a_deleted_ticket_is_gone(desk, ticket):
    assert (await desk.delete(f"/api/v2/tickets/{ticket['id']}")).status_code == 204
    assert (await desk.get(f"/api/v2/tickets/{ticket['id']}")).status_code == 404
    assert (await desk.get("/api/v2/tickets", params={"external_id": TICKET["external_id"]})).json()["tickets"] == []


async def test_a_customers_tickets_are_found_through_the_customer(desk, world, ticket):
    nora = ticket["requester_id"]
    found = (await desk.get("/api/v2/users/search", params={"query": 'email:"nora.quinn@example.com"'})).json()
    asked = (await desk.get(f"/api/v2/users/{nora}/tickets/requested")).json()
    with_user = (await desk.get(f"/api/v2/tickets/{ticket['id']}", params={"include": "users"})).json()
    assert [user["id"] for user in found["users"]] == [nora]
    assert [each["id"] for each in asked["tickets"]] == [ticket["id"]]
    assert [user["email"] for user in with_user["users"]] == ["nora.quinn@example.com"]


@pytest.mark.parametrize(("size", "place"), [("page[size]", "links"), ("per_page", "next_page")])
async def test_long_histories_come_in_pages(desk, ticket, size, place):
    for number in range(4):
        await change(desk, ticket["id"], comment={"body": f"note {number}", "public": False})
    seen, pages = [], 0
    address = f"/api/v2/tickets/{ticket['id']}/comments?{size}=2&sort_order=desc"
    while address:
        page = (await desk.get(address)).json()
        seen += [comment["body"] for comment in page["comments"]]
        pages += 1
        address = page["links"]["next"] if place == "links" else page["next_page"]
    assert (pages, seen) == (3, ["note 3", "note 2", "note 1", "note 0", "No scan since Tuesday."])


# --- changing ---------------------------------------------------------------------------------------------------------


async def test_a_change_is_made_and_audited_with_who_did_it_and_how(desk, world, ticket):
    answer = await change(desk, ticket["id"], status="solved", comment={"body": "It moves.", "public": False})
    world.zendesk.desk.change(
        world.zendesk.desk.tickets[ticket["id"]], Desk.AGENT, channel="web", body="Thanks!", public=True
    )
    audits = (await desk.get(f"/api/v2/tickets/{ticket['id']}/audits")).json()["audits"]
    told = [(a["author_id"], a["via"]["channel"], [e["type"] for e in a["events"]]) for a in audits]
    assert answer.json()["ticket"]["status"] == "solved"
    assert told == [
        (Desk.US.id, "api", ["Create", "Comment"]),
        (Desk.US.id, "api", ["Comment", "Change"]),
        (Desk.AGENT.id, "web", ["Comment"]),
    ]


async def test_a_safe_update_is_refused_once_somebody_else_was_faster(desk, ticket):
    stamp = {"safe_update": True, "updated_stamp": ticket["updated_at"]}
    first = await change(desk, ticket["id"], comment={"body": "one", "public": False}, **stamp)
    second = await change(desk, ticket["id"], comment={"body": "two", "public": False}, **stamp)
    assert (first.status_code, problem(second)) == (200, (409, "UpdateConflict"))


async def test_a_safe_update_needs_a_stamp(desk, ticket):
    assert (await change(desk, ticket["id"], status="solved", safe_update=True)).status_code == 400


async def test_tags_in_an_update_replace_and_tags_on_their_own_address_add(desk, ticket):
    added = await desk.put(f"/api/v2/tickets/{ticket['id']}/tags", json={"tags": ["vip"]})
    replaced = await change(desk, ticket["id"], tags=["only"])
    assert added.json() == {"tags": [*TICKET["tags"], "vip"]}
    assert replaced.json()["ticket"]["tags"] == ["only"]
    assert (await desk.get(f"/api/v2/tickets/{ticket['id']}/tags")).json() == {"tags": ["only"]}


async def test_a_closed_ticket_cannot_be_changed(desk, world, ticket):
    world.zendesk.desk.tickets[ticket["id"]].status = "closed"
    assert problem(await change(desk, ticket["id"], status="open")) == (422, "RecordInvalid")


async def test_one_user_may_change_one_ticket_thirty_times_in_ten_minutes(desk, world, ticket):
    notes = [
        (await change(desk, ticket["id"], comment={"body": str(n), "public": False})) for n in range(UPDATES_PER_TICKET)
    ]
    assert [note.status_code for note in notes] == [200] * (UPDATES_PER_TICKET - 1) + [429]
    assert int(notes[-1].headers["retry-after"]) > 0
    world.clock.advance(timedelta(minutes=10))
    assert (await change(desk, ticket["id"], comment={"body": "later", "public": False})).status_code == 200


# --- access -----------------------------------------------------------------------------------------------------------


async def test_an_account_may_ask_so_often_a_minute(desk, world):
    world.zendesk.access.requests_per_minute = 2
    answers = [await desk.get("/api/v2/users/me") for _ in range(3)]
    assert [(a.status_code, a.headers["x-rate-limit-remaining"]) for a in answers] == [
        (200, "1"),
        (200, "0"),
        (429, "0"),
    ]
    assert answers[-1].headers["retry-after"] == "60"
    world.clock.advance(timedelta(minutes=1))
    assert (await desk.get("/api/v2/users/me")).json()["user"]["id"] == Desk.US.id


async def test_tokens_by_client_credentials_end_after_half_an_hour(desk, world):
    grant = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    given = (await desk.post("/oauth/tokens", json=grant)).json()
    headers = {"authorization": f"Bearer {given['access_token']}"}
    early = await desk.get("/api/v2/users/me", headers=headers)
    world.clock.advance(timedelta(seconds=given["expires_in"]))
    late = await desk.get("/api/v2/users/me", headers=headers)
    refused = await desk.post("/oauth/tokens", json={**grant, "client_secret": "guess"})
    assert [early.status_code, late.status_code, refused.status_code] == [200, 401, 401]


async def test_api_tokens_are_taken_until_zendesk_ends_them(desk, world):
    pair = base64.b64encode(f"{Desk.US.email}/token:{TOKEN}".encode()).decode()
    headers = {"authorization": f"Basic {pair}"}
    today = await desk.get("/api/v2/users/me", headers=headers)
    world.zendesk.access.takes_api_tokens = False
    later = await desk.get("/api/v2/users/me", headers=headers)
    assert [today.status_code, later.status_code] == [200, 401]


async def test_revoked_tokens_are_refused(desk, world):
    world.zendesk.access.forget_tokens()
    assert (await desk.get("/api/v2/users/me")).status_code == 401


async def test_anybody_may_read_the_apps_public_key(world):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=world.zendesk.app), base_url=BASE) as anybody:
        ours = await anybody.get("/api/v2/apps/9001/public_key.pem")
        other = await anybody.get("/api/v2/apps/1/public_key.pem")
    assert ours.text.startswith("-----BEGIN PUBLIC KEY-----")
    assert other.status_code == 404
