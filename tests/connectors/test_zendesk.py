"""This file tests Zendesk's tickets: what we send, to the byte, and what we make of what comes back."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
import zendesk.models
from msgspec.structs import replace

from connectors import registry
from connectors import zendesk as ours
from connectors.connection import Connection
from connectors.contract import Checkable, Collided, Denied, Garbled, Helpdesk, Missing, Rejected, TimedOut
from connectors.model import Ticket, TicketChange, TicketDraft
from connectors.transport import Limits

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
STAMP = "2026-11-23T11:00:00Z"
ME = {"id": 9, "name": "Beforehand", "email": "bot@acme.test", "role": "agent"}

Route = tuple[int, Any] | Exception | Callable[[httpx.Request], httpx.Response]


class Desk:
    """Zendesk's answers by method and path; every request is kept."""

    def __init__(self, routes: dict[str, Route | list[Route]] | None = None) -> None:
        self.routes: dict[str, Route | list[Route]] = {"GET /api/v2/users/me": (200, {"user": ME}), **(routes or {})}
        self.requests: list[httpx.Request] = []
        self.now = NOON

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        route = self.routes.get(f"{request.method} {request.url.path}", (404, {"error": "RecordNotFound"}))
        if isinstance(route, list):
            route = route.pop(0)
        if isinstance(route, Exception):
            raise route
        if callable(route):
            return route(request)
        return httpx.Response(route[0], json=route[1])

    def asked(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.requests]

    def connect(self, base_url: str = "", **settings: Any) -> ours.Zendesk:
        connection = Connection(
            workspace="acme",
            name="desk",
            base_url=base_url,
            limits=Limits(failures_before_pause=100),
            clock=lambda: self.now,
            clients=lambda _: httpx.AsyncClient(transport=httpx.MockTransport(self)),
        )
        if not settings.keys() & {"access_token", "client_id", "email"}:
            settings["access_token"] = "hush"
        made = registry.connect("zendesk", {"subdomain": "acme", **settings}, connection)
        assert isinstance(made, ours.Zendesk)
        return made


def ticket(number: int = 35, **values: Any) -> dict[str, Any]:
    return {
        "id": number,
        "status": "open",
        "updated_at": STAMP,
        "created_at": "2026-11-20T08:00:00Z",
        "subject": "Where is it?",
        "description": "My order #1001 is late.",
        "external_id": None,
        "requester_id": 77,
        "tags": ["vip"],
        "custom_fields": [{"id": 360, "value": "1001"}, {"id": 361, "value": None}],
        "fields": [],
        **values,
    }


KNOWN = Ticket(
    id="35",
    state="open",
    subject="Where is it?",
    description="My order #1001 is late.",
    requester_email="ann@example.com",
    tags=("vip",),
    created_at=datetime(2026, 11, 20, 8, tzinfo=UTC),
    updated_at=datetime(2026, 11, 23, 11, tzinfo=UTC),
    version=STAMP,
    url="https://acme.zendesk.com/agent/tickets/35",
    order_references=("1001",),
)
DRAFT = TicketDraft(
    external_id="beforehand:acme:ab12",
    subject="Order #1001 has had no carrier scan for 48 hours",
    body="Evidence:\n- last scan in Reno",
    tags=("beforehand", "beforehand_tracking_stalled"),
    priority="high",
    requester_name="Ann Lee",
    requester_email="Ann@Example.com",
    group="Logistics",
    order_reference="#1001",
    follow_up_of="12",
)
CHANGE = TicketChange(marker="bh-1a2b3c", note="It moves again.", state="solved", add_tags=("recovered", "vip"))


# --- what is sent ---


def test_new_ticket_is_written_down_to_the_byte() -> None:
    desk = Desk().connect(order_field="360", groups={"Logistics": "4711"})
    assert json.loads(desk.render_open(DRAFT)) == {
        "ticket": {
            "subject": "Order #1001 has had no carrier scan for 48 hours",
            "comment": {"body": "Evidence:\n- last scan in Reno", "public": False},
            "external_id": "beforehand:acme:ab12",
            "type": "task",
            "priority": "high",
            "tags": ["beforehand", "beforehand_tracking_stalled"],
            "requester": {"name": "Ann Lee", "email": "ann@example.com"},
            "group_id": 4711,
            "custom_fields": [{"id": 360, "value": "#1001"}],
            "via_followup_source_id": 12,
        }
    }
    assert desk.render_open(DRAFT) == Desk().connect(order_field=360, groups={"Logistics": 4711}).render_open(DRAFT)


def test_new_ticket_says_nothing_that_is_not_known() -> None:
    plain = TicketDraft(external_id="x", subject="s", body="b")
    assert json.loads(Desk().connect().render_open(plain)) == {
        "ticket": {
            "subject": "s",
            "comment": {"body": "b", "public": False},
            "external_id": "x",
            "type": "task",
            "priority": "normal",
            "tags": [],
        }
    }


@pytest.mark.parametrize(
    ("group", "group_id", "tags"),
    [
        ("Logistics", 4711, []),
        ("88", 88, []),
        ("VIP Care & Co.", None, ["owner_vip_care_co"]),
        ("", None, []),
        ("!", None, []),
    ],
)
def test_owner_becomes_a_group_or_else_a_tag(group: str, group_id: int | None, tags: list[str]) -> None:
    draft = TicketDraft(external_id="x", subject="s", body="b", group=group)
    sent = json.loads(Desk().connect(groups={"Logistics": 4711}).render_open(draft))["ticket"]
    assert (sent.get("group_id"), sent["tags"]) == (group_id, tags)


@pytest.mark.parametrize(
    "email",
    ["", "ann", "ann@", 'a"b@x.test', "a b@x.test", "a@b@c.test", "ann@x.test\nbcc: y", "é@x.test", "a@localhost"],
)
def test_bad_address_does_not_cost_the_ticket(email: str) -> None:
    draft = TicketDraft(external_id="x", subject="s", body="b", requester_email=email)
    assert "requester" not in json.loads(Desk().connect().render_open(draft))["ticket"]


@pytest.mark.parametrize("email", ["o'brien+x@mail.example.co.uk", "a_b-c.d@x1.test"])
def test_unusual_address_is_kept(email: str) -> None:
    draft = TicketDraft(external_id="x", subject="s", body="b", requester_name="O", requester_email=email)
    sent = json.loads(Desk().connect().render_open(draft))["ticket"]
    assert sent["requester"] == {"name": "O", "email": email}


def test_unknown_name_is_replaced_by_the_address() -> None:
    draft = TicketDraft(external_id="x", subject="s", body="b", requester_email="a@x.test")
    sent = json.loads(Desk().connect().render_open(draft))["ticket"]
    assert sent["requester"] == {"name": "a@x.test", "email": "a@x.test"}


def test_text_of_others_stays_text() -> None:
    draft = TicketDraft(
        external_id="x",
        subject="{{ticket.requester.email}}\u202e\x00 " + "s" * 300,
        body="{% if x %}{{{dc.secret}}} \ud800" + "b" * 100_000,
        requester_name="{{current_user.name}}",
        requester_email="a@x.test",
    )
    sent = json.loads(Desk().connect().render_open(draft))["ticket"]
    assert sent["subject"].startswith("{ {ticket.requester.email}} sss")
    assert len(sent["subject"]) == 255
    assert sent["comment"]["body"].startswith("{ % if x %}{ { {dc.secret}}} bbb")
    assert len(sent["comment"]["body"].encode()) < 65_536
    assert sent["requester"]["name"] == "{ {current_user.name}}"


def test_requests_are_what_the_official_schema_allows() -> None:
    desk = Desk().connect(order_field=360)
    created = json.loads(desk.render_open(DRAFT))["ticket"]
    # The schema knows `requester` only by its id; Zendesk's own guide creates tickets with this object.
    assert created.keys() - {"requester"} <= zendesk.models.TicketCreateInput.model_fields.keys()
    zendesk.models.TicketCreateRequest.model_validate({"ticket": created})
    changed = json.loads(ours.translate.finished_change(desk.render_change(CHANGE), KNOWN))["ticket"]
    assert changed.keys() <= zendesk.models.TicketUpdateInput.model_fields.keys()
    zendesk.models.TicketUpdateRequest.model_validate({"ticket": changed})


# --- opening ---


async def test_ticket_is_opened_with_the_same_bytes_and_the_key() -> None:
    desk = Desk({"POST /api/v2/tickets": (201, {"ticket": ticket()})})
    made = desk.connect(order_field=360)
    found = await made.open_ticket(b'{"ticket":{}}', "bh-1")
    assert found == replace(KNOWN, requester_email="")
    (request,) = desk.requests
    assert (request.content, request.headers["idempotency-key"]) == (b'{"ticket":{}}', "bh-1")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Bearer hush"


async def test_lost_answer_of_a_creation_is_not_repeated_here() -> None:
    desk = Desk({"POST /api/v2/tickets": httpx.ReadTimeout("lost")})
    with pytest.raises(TimedOut) as caught:
        await desk.connect().open_ticket(b"{}", "k")
    assert caught.value.outcome_unknown
    assert len(desk.requests) == 1


async def test_same_key_with_another_body_is_rejected() -> None:
    words = {"error": "InvalidRequest", "description": "Request parameters don't match the given idempotency key"}
    with pytest.raises(Rejected, match="idempotency key"):
        await Desk({"POST /api/v2/tickets": (400, words)}).connect().open_ticket(b"{}", "k")


# --- finding ---


async def test_oldest_living_ticket_with_the_external_id_is_found() -> None:
    tickets = [
        ticket(40, external_id="beforehand:acme:ab12"),
        ticket(36, external_id="beforehand:acme:ab12", status="closed"),
        ticket(35, external_id="beforehand:acme:ab12", status="deleted"),
        ticket(1, external_id="beforehand:acme:ab1"),
    ]
    desk = Desk({"GET /api/v2/tickets": (200, {"tickets": tickets, "next_page": None, "count": 4})})
    found = await desk.connect().find_ticket("beforehand:acme:ab12")
    assert found is not None
    assert (found.id, found.state) == ("36", "closed")
    assert dict(desk.requests[0].url.params) == {"external_id": "beforehand:acme:ab12"}


async def test_no_ticket_is_none() -> None:
    assert await Desk({"GET /api/v2/tickets": (200, {"tickets": []})}).connect().find_ticket("x") is None


async def test_ticket_is_read_with_its_requester() -> None:
    answer = {"ticket": ticket(), "users": [{"id": 5}, {"id": 77, "email": "ann@example.com", "role": "end-user"}]}
    desk = Desk({"GET /api/v2/tickets/35": (200, answer)})
    assert await desk.connect(order_field=360).read_ticket("35") == KNOWN
    assert dict(desk.requests[0].url.params) == {"include": "users"}


async def test_requester_is_asked_for_where_it_did_not_come_along() -> None:
    user = {"user": {"id": 77, "email": "ann@example.com"}}
    desk = Desk({"GET /api/v2/tickets/35": (200, {"ticket": ticket()}), "GET /api/v2/users/77": (200, user)})
    assert (await desk.connect().read_ticket("35")).requester_email == "ann@example.com"


@pytest.mark.parametrize(
    ("status", "state", "is_open", "can_change"),
    [
        ("new", "open", True, True),
        ("open", "open", True, True),
        ("pending", "pending", True, True),
        ("hold", "pending", True, True),
        ("solved", "solved", False, True),
        ("closed", "closed", False, False),
        ("awaiting_carrier", "open", True, True),
    ],
)
async def test_statuses(status: str, state: str, is_open: bool, can_change: bool) -> None:
    desk = Desk({"GET /api/v2/tickets/35": (200, {"ticket": ticket(status=status, requester_id=None)})})
    found = await desk.connect().read_ticket("35")
    assert (found.state, found.is_open, found.can_change) == (state, is_open, can_change)


async def test_ticket_of_nulls_is_taken_and_one_without_an_id_is_not() -> None:
    bare = {"id": 35, "status": "open", "updated_at": STAMP}
    nulls = {**bare, **dict.fromkeys(("subject", "description", "tags", "custom_fields", "created_at", "requester_id"))}
    desk = Desk({"GET /api/v2/tickets/35": [(200, {"ticket": nulls}), (200, {"ticket": {"status": "open"}})]})
    made = desk.connect(order_field=360)
    assert await made.read_ticket("35") == Ticket(
        id="35",
        state="open",
        updated_at=datetime(2026, 11, 23, 11, tzinfo=UTC),
        version=STAMP,
        url="https://acme.zendesk.com/agent/tickets/35",
    )
    with pytest.raises(Garbled):
        await made.read_ticket("35")


@pytest.mark.parametrize("ticket_id", ["", "../users/me", "35/../../x", "35?x", "-1", "٣٥", "9" * 21])
async def test_what_is_no_ticket_number_is_not_asked(ticket_id: str) -> None:
    desk = Desk()
    made = desk.connect()
    with pytest.raises(Missing):
        await made.read_ticket(ticket_id)
    with pytest.raises(Missing):
        await made.has_note(ticket_id, "m")
    with pytest.raises(Missing):
        await made.change_ticket(Ticket(id=ticket_id, state="open", version="v"), made.render_change(CHANGE))
    assert desk.requests == []


async def test_deleted_ticket_is_missing() -> None:
    with pytest.raises(Missing):
        await Desk().connect().read_ticket("35")
    with pytest.raises(Missing):
        await Desk({"GET /api/v2/tickets/35": (200, {"ticket": ticket(status="deleted")})}).connect().read_ticket("35")


async def test_tickets_of_a_customer_are_theirs_and_alive_and_newest_first() -> None:
    users = [{"id": 70, "email": "ann@example.com.evil.test"}, {"id": 77, "email": "Ann@Example.com"}]
    tickets = [
        ticket(38, external_id="beforehand:acme:ab12"),
        ticket(36, status="closed"),
        ticket(35),
        ticket(37, status="solved"),
    ]
    desk = Desk(
        {
            "GET /api/v2/users/search": (200, {"users": users}),
            "GET /api/v2/users/77/tickets/requested": (200, {"tickets": tickets}),
        }
    )
    found = await desk.connect().tickets_of(" ANN@example.com ")
    assert [(one.id, one.requester_email) for one in found] == [("37", "ann@example.com"), ("35", "ann@example.com")]
    search, listing = desk.requests
    assert dict(search.url.params) == {"query": 'email:"ann@example.com"'}
    assert dict(listing.url.params) == {"sort_by": "created_at", "sort_order": "desc", "per_page": "100"}


@pytest.mark.parametrize("email", ['a" OR role:admin "@x.test', "x type:user", "*", "", "a@x.test role:admin"])
async def test_address_that_could_mean_more_is_not_searched_for(email: str) -> None:
    desk = Desk()
    assert await desk.connect().tickets_of(email) == ()
    assert desk.requests == []


# --- changing ---


def test_change_ends_with_its_marker_and_is_internal() -> None:
    sent = json.loads(Desk().connect().render_change(CHANGE))
    assert sent == {
        "ticket": {"comment": {"body": "It moves again.\n\nRef bh-1a2b3c", "public": False}, "status": "solved"},
        "add_tags": ["recovered", "vip"],
    }
    bare = json.loads(Desk().connect().render_change(TicketChange(marker="bh-2", priority="urgent")))
    assert bare["ticket"] == {"comment": {"body": "Ref bh-2", "public": False}, "priority": "urgent"}


async def test_change_keeps_the_tags_and_is_safe_against_collisions() -> None:
    changed = ticket(status="solved", updated_at="2026-11-23T12:00:00Z", tags=["vip", "recovered"])
    desk = Desk({"PUT /api/v2/tickets/35": (200, {"ticket": changed, "audit": {}})})
    made = desk.connect(order_field=360)
    found = await made.change_ticket(KNOWN, made.render_change(CHANGE))
    assert found == replace(
        KNOWN,
        state="solved",
        tags=("vip", "recovered"),
        version="2026-11-23T12:00:00Z",
        updated_at=NOON,
    )
    assert json.loads(desk.requests[0].content) == {
        "ticket": {
            "comment": {"body": "It moves again.\n\nRef bh-1a2b3c", "public": False},
            "status": "solved",
            "tags": ["vip", "recovered"],
            "safe_update": True,
            "updated_stamp": STAMP,
        }
    }


async def test_tags_that_are_there_are_not_sent() -> None:
    desk = Desk({"PUT /api/v2/tickets/35": (200, {"ticket": ticket()})})
    made = desk.connect()
    await made.change_ticket(KNOWN, made.render_change(TicketChange(marker="m", add_tags=("vip",))))
    assert "tags" not in json.loads(desk.requests[0].content)["ticket"]


async def test_ticket_without_a_stamp_is_read_first() -> None:
    desk = Desk(
        {
            "GET /api/v2/tickets/35": (200, {"ticket": ticket(requester_id=None)}),
            "PUT /api/v2/tickets/35": (200, {"ticket": ticket()}),
        }
    )
    made = desk.connect()
    await made.change_ticket(Ticket(id="35", state="open"), made.render_change(CHANGE))
    assert desk.asked() == ["GET /api/v2/tickets/35", "PUT /api/v2/tickets/35"]
    assert json.loads(desk.requests[1].content)["ticket"]["updated_stamp"] == STAMP


@pytest.mark.parametrize(("status", "error"), [(409, Collided), (422, Rejected), (404, Missing), (403, Denied)])
async def test_refused_change_says_why(status: int, error: type[Exception]) -> None:
    desk = Desk({"PUT /api/v2/tickets/35": (status, {"error": "RecordInvalid"})})
    made = desk.connect()
    with pytest.raises(error):
        await made.change_ticket(KNOWN, made.render_change(CHANGE))
    assert len(desk.requests) == 1


async def test_bytes_that_are_no_change_are_not_sent() -> None:
    desk = Desk()
    with pytest.raises(Rejected, match="not a change"):
        await desk.connect().change_ticket(KNOWN, b'{"comment":1}')
    assert desk.requests == []


# --- notes and people ---


@pytest.mark.parametrize(
    ("comments", "there"),
    [
        ([{"body": "x\n\nRef bh-1a2b3c", "public": False}], True),
        ([{"body": None, "plain_body": "Ref bh-1a2b3c", "public": False}], True),
        ([{"body": "Ref bh-1a2b3c", "public": True}], False),
        ([{"body": "Ref bh-1a2b3c4", "public": False}], False),
        ([{"body": "Ref xbh-1a2b3c", "public": False}], False),
        ([], False),
    ],
)
async def test_note_is_found_by_its_marker(comments: list[dict[str, Any]], there: bool) -> None:
    desk = Desk({"GET /api/v2/tickets/35/comments": (200, {"comments": comments, "next_page": None})})
    assert await desk.connect().has_note("35", "bh-1a2b3c") is there
    assert desk.requests[0].url.params["sort_order"] == "desc"


def pages(key: str, items: list[list[Any]], *, cursor: bool) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("page", request.url.params.get("page[after]", "1")))
        link = f"https://acme.zendesk.com{request.url.path}?{'page[after]' if cursor else 'page'}={number + 1}"
        more = number < len(items)
        turning: dict[str, Any] = {"next_page": link if more else None}
        if cursor:
            turning = {"meta": {"has_more": more}, "links": {"next": link, "prev": None}}
        return httpx.Response(200, json={key: items[number - 1], **turning})

    return answer


@pytest.mark.parametrize("cursor", [True, False])
async def test_note_is_looked_for_page_by_page(cursor: bool) -> None:
    notes = [[{"body": "other", "public": False}], [{"body": "Ref m-1", "public": False}], [{"body": "never read"}]]
    desk = Desk({"GET /api/v2/tickets/35/comments": pages("comments", notes, cursor=cursor)})
    assert await desk.connect().has_note("35", "m-1")
    assert len(desk.requests) == 2


async def test_pages_are_bounded() -> None:
    desk = Desk({"GET /api/v2/tickets/35/comments": pages("comments", [[]] * 1000, cursor=True)})
    assert not await desk.connect().has_note("35", "m-1")
    assert len(desk.requests) == 10


async def test_page_of_another_host_is_not_followed() -> None:
    page = {"comments": [], "next_page": "https://evil.test/api/v2/tickets/35/comments?page=2"}
    desk = Desk({"GET /api/v2/tickets/35/comments": (200, page)})
    with pytest.raises(Garbled, match=r"another host: evil\.test"):
        await desk.connect().has_note("35", "m-1")
    assert len(desk.requests) == 1


def audit(author: int | None, *kinds: str, channel: str = "api", event_channel: str = "") -> dict[str, Any]:
    via = {"channel": event_channel, "source": {"rel": "trigger"}} if event_channel else None
    return {"author_id": author, "via": {"channel": channel}, "events": [{"type": kind, "via": via} for kind in kinds]}


OPENED = audit(9, "Comment", "Create", "Create")
BY_TRIGGER = audit(9, "Change", "Notification", event_channel="rule")
BY_AUTOMATION = audit(-1, "Change", channel="rule")


@pytest.mark.parametrize(
    ("audits", "touched"),
    [
        ([OPENED], False),
        ([OPENED, BY_TRIGGER, BY_AUTOMATION, audit(-1, "Change")], False),
        ([OPENED, audit(77, "Comment", channel="email")], False),
        ([OPENED, audit(5, "Notification", channel="web")], False),
        ([OPENED, audit(5, "Change", channel="web", event_channel="rule")], False),
        ([OPENED, audit(5, "Change", channel="web")], True),
        ([OPENED, audit(5, "Comment", channel="web")], True),
        ([OPENED, audit(404, "Comment", channel="web")], True),
        ([OPENED, audit(9, "Change", channel="web")], True),
        ([OPENED, *(audit(number, "Comment") for number in range(100, 106))], True),
        ([audit(None, "Comment"), {"author_id": 5, "via": None, "events": None}], False),
    ],
)
async def test_who_touched_a_ticket(audits: list[dict[str, Any]], touched: bool) -> None:
    desk = Desk(
        {
            "GET /api/v2/tickets/35/audits": (200, {"audits": audits}),
            "GET /api/v2/users/77": (200, {"user": {"id": 77, "role": "end-user"}}),
            "GET /api/v2/users/5": (200, {"user": {"id": 5, "role": "agent"}}),
        }
    )
    assert await desk.connect().was_touched_by_a_person(KNOWN) is touched


async def test_we_ask_once_who_we_are_and_read_every_page_of_audits() -> None:
    desk = Desk({"GET /api/v2/tickets/35/audits": pages("audits", [[OPENED], [BY_TRIGGER], [OPENED]], cursor=True)})
    made = desk.connect()
    assert not await made.was_touched_by_a_person(KNOWN)
    assert not await made.was_touched_by_a_person(KNOWN)
    assert desk.asked() == ["GET /api/v2/users/me"] + ["GET /api/v2/tickets/35/audits"] * 6


async def test_user_is_read_by_number_alone() -> None:
    desk = Desk({"GET /api/v2/users/5": (200, {"user": {"id": 5, "name": "Bo", "role": "admin"}})})
    made = desk.connect()
    assert (await made.read_user("5"), await made.user_role("5")) == (("Bo", "admin"), "admin")
    with pytest.raises(Missing):
        await made.read_user("me")
    with pytest.raises(Missing):
        await made.read_user("6")


# --- credentials ---


async def test_client_credentials_fetch_a_token_and_replace_a_refused_one() -> None:
    tokens: list[Route] = [(200, {"access_token": f"t{number}", "expires_in": 1800}) for number in (1, 2)]
    desk = Desk(
        {
            "POST /oauth/tokens": tokens,
            "POST /api/v2/tickets": [(401, {"error": "invalid_token"}), (201, {"ticket": ticket()})],
        }
    )
    made = desk.connect(client_id="id", client_secret="hush")
    assert (await made.open_ticket(b"{}", "k")).id == "35"
    token, first, _, second = desk.requests
    assert json.loads(token.content) == {
        "grant_type": "client_credentials",
        "client_id": "id",
        "client_secret": "hush",
        "scope": "read write",
    }
    assert [request.headers["authorization"] for request in (first, second)] == ["Bearer t1", "Bearer t2"]
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == "k"


async def test_legacy_token_is_basic() -> None:
    desk = Desk()
    await desk.connect(email="bo@acme.test", api_token="hush").check()
    header = desk.requests[0].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(header) == b"bo@acme.test/token:hush"


async def test_revoked_token_is_asked_once_a_minute() -> None:
    desk = Desk({"GET /api/v2/tickets/35": (401, {"error": "invalid_token"})})
    made = desk.connect()
    for _ in range(20):
        with pytest.raises(Denied):
            await made.read_ticket("35")
    assert len(desk.requests) == 1
    desk.now += timedelta(seconds=60)
    desk.routes["GET /api/v2/tickets/35"] = (200, {"ticket": ticket(requester_id=None)})
    assert (await made.read_ticket("35")).id == "35"


async def test_marketplace_headers_go_along_with_every_call() -> None:
    desk = Desk({"POST /oauth/tokens": (200, {"access_token": "t", "expires_in": 1800})})
    made = desk.connect(
        client_id="id",
        client_secret="hush",
        marketplace_name="Beforehand",
        marketplace_organization_id=12,
        marketplace_app_id="34",
    )
    await made.check()
    for request in desk.requests:
        assert request.headers["x-zendesk-marketplace-name"] == "Beforehand"
        assert request.headers["x-zendesk-marketplace-organization-id"] == "12"
        assert request.headers["x-zendesk-marketplace-app-id"] == "34"


async def test_base_url_replaces_the_host_of_calls_and_links() -> None:
    desk = Desk({"POST /api/v2/tickets": (201, {"ticket": ticket()})})
    found = await desk.connect("http://127.0.0.1:9103/").open_ticket(b"{}", "k")
    assert str(desk.requests[0].url) == "http://127.0.0.1:9103/api/v2/tickets"
    assert found.url == "http://127.0.0.1:9103/agent/tickets/35"


@pytest.mark.parametrize(
    ("user", "settings", "sentence"),
    [
        (ME, {}, "signed in to acme as Beforehand (agent); the sidebar is off: app_id and installation_id are not set"),
        (ME, {"app_id": 1, "installation_id": 2}, "signed in to acme as Beforehand (agent)"),
    ],
)
async def test_check_says_who_we_are(user: dict[str, Any], settings: dict[str, Any], sentence: str) -> None:
    assert await Desk({"GET /api/v2/users/me": (200, {"user": user})}).connect(**settings).check() == sentence


@pytest.mark.parametrize(
    "user", [{"id": None, "name": "Anonymous user", "role": "end-user"}, {"id": 4, "name": "Ann", "role": "end-user"}]
)
async def test_check_refuses_who_cannot_work_on_tickets(user: dict[str, Any]) -> None:
    with pytest.raises(Denied):
        await Desk({"GET /api/v2/users/me": (200, {"user": user})}).connect().check()


async def test_budget_is_four_fifths_of_the_plan() -> None:
    made = Desk().connect(requests_per_minute=700)
    limits = made._api.transport.limits
    assert (limits.requests, limits.per_seconds, limits.read_seconds) == (560.0, 60.0, Limits().read_seconds)


# --- settings ---


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            {"subdomain": "acme.zendesk.com", "access_token": "x"},
            "https://SUBDOMAIN.zendesk.com, got 'acme.zendesk.com'",
        ),
        ({"subdomain": "acme\n", "access_token": "x"}, "expected subdomain"),
        ({"subdomain": "-acme", "access_token": "x"}, "expected subdomain"),
        ({"subdomain": "\u0430cme", "access_token": "x"}, "expected subdomain"),
        ({"subdomain": "acme@evil.test/", "access_token": "x"}, "expected subdomain"),
        ({"subdomain": "acme"}, r"until 30 April 2027\) email and api_token; got none"),
        ({"subdomain": "acme", "access_token": "x", "client_id": "y"}, "got access_token and client_id/client_secret"),
        ({"subdomain": "acme", "client_id": "y"}, "expected client_secret beside client_id"),
        ({"subdomain": "acme", "api_token": "y"}, "expected email beside api_token"),
        ({"subdomain": "acme", "access_token": "x", "app_id": 1}, "app_id and installation_id together"),
        ({"subdomain": "acme", "access_token": "x", "app_id": "../1", "installation_id": 1}, "app_id to be a number"),
        ({"subdomain": "acme", "access_token": "x", "order_field": "Order"}, "order_field to be a number, got 'Order'"),
        ({"subdomain": "acme", "access_token": "x", "groups": {"VIP": "vip"}}, "groups.VIP to be the group's number"),
        ({"subdomain": "acme", "access_token": "x", "requests_per_minute": 0}, "requests_per_minute from 1"),
        ({"subdomain": "acme", "access_token": "x", "token": "y"}, "token"),
    ],
)
def test_wrong_settings_say_what_was_expected(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason):
        msgspec.convert(settings, ours.Settings)


def test_secrets_do_not_show() -> None:
    settings = ours.Settings(subdomain="acme", client_id="id", client_secret="hush", webhook_secret="quiet")
    shown = f"{settings!r}{settings}{list(settings.__rich_repr__())}"
    assert "hush" not in shown
    assert "quiet" not in shown
    assert "acme" in shown


def test_it_can_what_it_says() -> None:
    made = Desk().connect()
    assert isinstance(made, Helpdesk)
    assert isinstance(made, Checkable)
