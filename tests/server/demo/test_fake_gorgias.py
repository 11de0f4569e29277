"""The simulated Gorgias: what it keeps, what it refuses as Gorgias does, and what others know of its API."""

import base64
import json
import re

import httpx
import msgspec
import pytest
import yaml

from connectors.connection import Connection
from connectors.gorgias import Gorgias, Settings
from connectors.gorgias.integration import events_integration, http_integration
from connectors.model import TicketChange, TicketDraft
from server.demo.gorgias_access import KEY
from server.demo.gorgias_http import FAILURES_UNTIL_OFF
from server.demo.gorgias_requests import IntegrationInput
from server.demo.gorgias_state import DEMO_EMAIL
from server.demo.world import INBOX_SECRET

AUTH = {"authorization": "Basic " + base64.b64encode(f"{DEMO_EMAIL}:{KEY}".encode()).decode()}
NOTE = {
    "channel": "internal-note",
    "via": "api",
    "from_agent": True,
    "public": False,
    "sender": {"email": DEMO_EMAIL},
    "body_text": "No scan since Tuesday.",
}
TICKET = {
    "channel": "api",
    "via": "api",
    "subject": "Order #48219 has had no carrier scan for 48 hours",
    "external_id": "beforehand:acme:1",
    "customer": {"email": "nora.quinn@example.com", "name": "Nora Quinn"},
    "tags": [{"name": "beforehand"}],
    "messages": [NOTE],
}
CARD = {"type": "wrapper", "widgets": [{"type": "card", "path": "order", "title": "Order", "widgets": []}]}


@pytest.fixture
def fake(world):
    return world.gorgias


@pytest.fixture
async def desk(fake):
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=fake.app), base_url="http://inbox.world.test", headers=AUTH
    ) as client:
        yield client


async def create(desk, **changes):
    return await desk.post("/api/tickets", json={**TICKET, **changes})


def refused(answer, said=""):
    assert said in answer.json()["error"]["msg"]
    return answer.status_code


# --- tickets ---


async def test_nothing_stops_a_second_ticket_with_the_same_external_id(desk, fake):
    first, second = await create(desk), await create(desk)
    assert first.json()["id"] != second.json()["id"]
    found = (await desk.get("/api/tickets", params={"external_id": "beforehand:acme:1"})).json()
    assert (len(found["data"]), fake.creations) == (2, 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"messages": []},
        {"messages": [{name: value for name, value in NOTE.items() if name != "channel"}]},
        {"messages": [{name: value for name, value in NOTE.items() if name != "via"}]},
        {"messages": [{name: value for name, value in NOTE.items() if name != "from_agent"}]},
        {"messages": [{**NOTE, "sender": None}]},
        {"messages": [{**NOTE, "sender": {"email": "nobody@example.com"}}]},
        {"messages": [{**NOTE, "public": True}]},
        {"messages": [{**NOTE, "from_agent": False}]},
        {"messages": [{**NOTE, "receiver": {"id": 1}}]},
        {"messages": [{**NOTE, "body_text": " "}]},
        {"messages": [{**NOTE, "colour": "red"}]},
        {"messages": [{**NOTE, "channel": "email"}]},
        {"external_id": "x" * 256},
        {"status": "solved"},
        {"priority": "urgent"},
        {"tags": ["beforehand"]},
        {"customer": {}},
        {"idempotency_key": "x"},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_what_gorgias_does_not_take_is_refused(desk, fake, changes):
    assert refused(await create(desk, **changes)) == 400
    assert fake.account.tickets == {}


async def test_statuses_are_open_and_closed_and_times_have_no_offset(desk):
    number = (await create(desk)).json()["id"]
    assert refused(await desk.put(f"/api/tickets/{number}", json={"status": "solved"})) == 400
    closed = await desk.put(f"/api/tickets/{number}", json={"status": "closed"})
    assert (closed.status_code, closed.json()["status"]) == (202, "closed")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", closed.json()["closed_datetime"])


async def test_a_message_that_a_customer_writes_opens_a_closed_ticket(fake):
    account = fake.account
    ticket = account.customer_writes("Ann", "ann@example.com", "Hi", "Hello")
    account.agent_changes(ticket, status="closed")
    account.agent_writes(ticket, "note", public=False)
    assert ticket.status == "closed"
    account.customer_writes("Ann", "ann@example.com", "Re", "Again", ticket=ticket)
    assert ticket.status == "open"


async def test_pages_go_on_behind_the_row_that_the_cursor_names(desk, fake):
    for number in range(5):
        fake.account.customer_writes("Ann", "ann@example.com", str(number), "Hello")
    params = {"limit": "2", "order_by": "created_datetime:desc"}
    seen = []
    while True:
        page = (await desk.get("/api/tickets", params=params)).json()
        seen += [row["subject"] for row in page["data"]]
        # What comes in at the front meanwhile shifts nothing.
        fake.account.customer_writes("Ann", "ann@example.com", "new", "Hello")
        if not page["meta"]["next_cursor"]:
            break
        params["cursor"] = page["meta"]["next_cursor"]
    assert seen == ["4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    "params", [{"limit": "101"}, {"limit": "0"}, {"limit": "x"}, {"cursor": "?"}, {"order_by": "id"}]
)
async def test_a_page_that_cannot_be_is_refused(desk, params):
    assert refused(await desk.get("/api/tickets", params=params)) == 400


async def test_access_and_budget(fake, desk, world):
    fake.access.key_bucket = 3
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=fake.app), base_url="http://x.test") as stranger:
        assert (await stranger.get("/api/account")).status_code == 401
    levels = [(await desk.get("/api/account")).headers["x-gorgias-account-api-call-limit"] for _ in range(3)]
    assert levels == ["1/3", "2/3", "3/3"]
    full = await desk.get("/api/account")
    assert (full.status_code, full.headers["retry-after"]) == (429, "7")


async def test_data_of_a_customer_older_than_what_is_there_is_ignored_without_a_word(desk, fake):
    customer = fake.account.customer("Ann", "ann@example.com")
    for version, text in (("2026-11-23T10:00:00", "new"), ("2026-11-23T09:00:00", "old")):
        answer = await desk.put(f"/api/customers/{customer.id}/data", json={"data": {"x": text}, "version": version})
        assert answer.status_code == 202
    assert customer.data == {"x": "new"}
    assert refused(await desk.put("/api/customers/1/data", json={"data": {}})) == 404
    assert refused(await desk.put(f"/api/customers/{customer.id}/data", json={"data": "x"})) == 400


# --- what admins set up ---


async def test_integrations_and_widgets_are_kept(desk, fake):
    made = events_integration(url="https://b.test/webhooks/acme.inbox", secret=INBOX_SECRET)
    created = await desk.post("/api/integrations", json=made)
    number = created.json()["id"]
    assert created.status_code == 201
    assert (await desk.get(f"/api/integrations/{number}")).json()["http"]["triggers"]["ticket-created"] is True
    assert (await desk.put(f"/api/integrations/{number}", json={**made, "name": "x"})).json()["name"] == "x"
    assert number in [row["id"] for row in (await desk.get("/api/integrations")).json()["data"]]
    widget = {"type": "http", "context": "ticket", "integration_id": number, "template": CARD}
    assert (await desk.post("/api/widgets", json=widget)).status_code == 201
    assert refused(await desk.post("/api/widgets", json={**widget, "integration_id": 1})) == 400
    assert refused(await desk.post("/api/widgets", json={"type": "customer_external_data", "template": CARD})) == 400
    assert refused(await desk.post("/api/widgets", json={**widget, "template": {"type": "iframe"}})) == 400


@pytest.mark.parametrize(
    "http",
    [
        {"url": "https://b.test/?id=%7B%7Bticket.id%7D%7D"},
        {"url": "ftp://b.test"},
        {"triggers": {"ticket-closed": True}},
        {"method": "HEAD"},
        {"method": "GET"},
        {"response_content_type": "text/html"},
    ],
    ids=["encoded braces", "no address", "no trigger", "method", "body of a GET", "HTML"],
)
async def test_an_integration_that_could_not_work_is_refused(desk, http):
    made = events_integration(url="https://b.test/webhooks/acme.inbox", secret=INBOX_SECRET)
    assert refused(await desk.post("/api/integrations", json={**made, "http": {**made["http"], **http}})) == 400


def asking(url):
    made = http_integration(
        name="rows", description="", url=url, secret="x" * 32, method="GET", form=None, triggers=("ticket-created",)
    )
    return msgspec.convert(made, IntegrationInput)


def test_values_are_written_in_as_text_and_only_answers_that_are_json_are_kept(fake):
    rows = fake.http.add(
        asking(
            "https://b.test/rows?email={{ticket.customer.email}}&spam={{ ticket.spam }}&x={{ticket.closed_datetime}}"
        )
    )
    ticket = fake.account.customer_writes("Ann", "ann@example.com", "Hi", "Hello")
    (sent,) = [sent for sent in fake.http.sent if sent.integration == rows.id]
    assert sent.url == "https://b.test/rows?email=ann@example.com&spam=False&x=None"
    assert (sent.method, sent.body, sent.headers) == ("GET", b"", {"x-beforehand-secret": "x" * 32})
    fake.http.heard(sent, 200, b'{"a": 1}', fake.account)
    fake.http.heard(sent, 200, b"<html>", fake.account)
    assert fake.account.customers[ticket.customer_id].integrations == {str(rows.id): {"a": 1}}


def test_a_hundred_failures_in_a_row_switch_an_integration_off(fake):
    rows = fake.http.add(asking("https://b.test/rows"))
    fake.account.customer_writes("Ann", "ann@example.com", "Hi", "Hello")
    (sent,) = [sent for sent in fake.http.sent if sent.integration == rows.id]
    for _ in range(FAILURES_UNTIL_OFF - 1):
        fake.http.heard(sent, 500, b"", fake.account)
    fake.http.heard(sent, 202, b"", fake.account)
    for _ in range(FAILURES_UNTIL_OFF):
        assert rows.deactivated_at is None
        fake.http.heard(sent, 500, b"", fake.account)
    assert rows.deactivated_at is not None
    fake.http.sent.clear()
    fake.account.customer_writes("Ann", "ann@example.com", "Hi", "Hello")
    assert rows.id not in {sent.integration for sent in fake.http.sent}


# --- what others know of Gorgias' API ---


def fits(value, schema):
    """Where *value* has another type than a tap-gorgias schema says; what the schema does not know is left out."""
    allowed = schema.get("type", [])
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", type(None): "null"}
    found = [] if not allowed or names[type(value)] in allowed else [f"{names[type(value)]} is none of {allowed}"]
    if isinstance(value, dict):
        known = schema.get("properties", {})
        found += [
            f"{name}: {trouble}" for name in value.keys() & known.keys() for trouble in fits(value[name], known[name])
        ]
    if isinstance(value, list) and "items" in schema:
        found += [trouble for item in value for trouble in fits(item, schema["items"])]
    return found


KEPT_AS_TEXT = ("meta: object", "sender: meta", "receiver: meta")
"""Objects in the API (and in its documentation), of which that reader keeps the text."""


async def test_answers_have_the_types_that_a_reader_of_the_real_api_recorded(specs, desk, fake):
    """specs/gorgias/tap-gorgias: schemas of what a production reader of this API receives."""
    folder = specs / "gorgias" / "tap-gorgias" / "tap_gorgias" / "schemas"
    await create(desk)
    ticket = fake.account.customer_writes("Ann", "ann@example.com", "Hi", "Hello")
    fake.account.agent_changes(ticket, status="closed", tags=("vip",))
    for name in ("tickets", "messages", "events"):
        schema = json.loads((folder / f"{name}.json").read_text())
        rows = (await desk.get(f"/api/{name}")).json()["data"]
        assert rows
        assert schema["properties"].keys() <= rows[0].keys()
        assert {text for row in rows for text in fits(row, schema) if not text.startswith(KEPT_AS_TEXT)} == set()


async def test_the_connector_asks_only_for_what_others_have_documented(specs, fake, clock):
    """specs/gorgias/api-evangelist: an OpenAPI description made from the documentation. Its statuses, its paths."""
    spec = yaml.safe_load((specs / "gorgias" / "api-evangelist" / "openapi" / "gorgias-openapi.yml").read_text())
    transport = httpx.ASGITransport(app=fake.app)
    made = Gorgias(
        Settings(domain="acme", email=DEMO_EMAIL, api_key=KEY, reply_from="help@acme.example"),
        Connection(
            workspace="acme", name="inbox", clock=clock, clients=lambda _: httpx.AsyncClient(transport=transport)
        ),
    )
    draft = TicketDraft(external_id="beforehand:acme:1", subject="s", body="b", requester_email="ann@example.com")
    known = await made.open_ticket(made.render_open(draft), "key")
    change = TicketChange(marker="bh-1", note="n", state="solved", priority="high", add_tags=("x",))
    await made.change_ticket(known, made.render_change(change))
    await made.was_touched_by_a_person(known)
    await made.tickets_of("ann@example.com")
    await made.show_customer("ann@example.com", {}, clock())
    await made.check()
    await made.close()
    asked = {(call.method.lower(), re.sub(r"/\d+", "/{id}", call.path)) for call in fake.calls}
    documented = {(method, path) for path, methods in spec["paths"].items() for method in methods}
    # Documented by Gorgias (reference/list-events, list-messages, set-customer-data), and not in this description.
    beyond = {("get", "/api/events"), ("get", "/api/messages"), ("put", "/api/customers/{id}/data")}
    assert asked - documented == beyond
    schemas = spec["components"]["schemas"]
    for call in fake.calls:
        if (call.method, call.path) == ("POST", "/api/tickets"):
            sent = json.loads(call.body)
            assert sent["status"] in schemas["Ticket"]["properties"]["status"]["enum"]
            assert sent["priority"] in schemas["Ticket"]["properties"]["priority"]["enum"]
            assert all(
                message.keys() <= schemas["Message"]["properties"].keys() | {"subject"} for message in sent["messages"]
            )
