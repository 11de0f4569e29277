"""This file stands in for Zendesk's Ticketing API, with what it refuses: repeated keys, closed tickets, collisions."""

import base64
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
from litestar import Response, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from connectors.transport import Clock
from server.demo.fake import AnyRequest, Fake, answer
from server.demo.zendesk_page import page_routes
from server.demo.zendesk_sidebar import SidebarKeys
from server.demo.zendesk_state import Desk, Refusal, Ticket, User

TOKEN = "zd-demo-token"
CLIENT_ID, CLIENT_SECRET = "beforehand-demo", "zd-demo-secret"
IDEMPOTENCY_LIFE = timedelta(hours=2)
SEARCH_IS_LATE_BY = timedelta(minutes=3)
_TICKET_FIELDS = {
    *("subject", "comment", "requester", "requester_id", "external_id", "priority", "type", "problem_id", "status"),
    *("custom_status_id", "tags", "custom_fields", "group_id", "assignee_id", "via_followup_source_id"),
    *("safe_update", "updated_stamp", "additional_tags", "collaborator_ids", "email_ccs", "brand_id", "due_at"),
}
_WORDS = {
    "priority": {"low", "normal", "high", "urgent"},
    "type": {"problem", "incident", "question", "task"},
    "status": {"new", "open", "pending", "hold", "solved", "closed"},
}


class FakeZendesk(Fake):
    """One account. `requests_per_minute` is its plan's limit; *requires_key* refuses creations without a key."""

    def __init__(self, clock: Clock, *, requires_key: bool = True) -> None:
        self.clock = clock
        self.desk = Desk(clock)
        self.sidebar = SidebarKeys(clock)
        self.requests_per_minute = 700
        self.requires_key = requires_key
        self.creations = 0
        self._keys: dict[str, tuple[bytes, int, datetime]] = {}
        self._tokens = {TOKEN}
        self._asked: list[datetime] = []
        super().__init__([*self._tickets(), *self._people(), *page_routes(self.desk, self.sidebar)])

    def forget_tokens(self) -> None:
        """Every token given so far is refused from now on, but for new ones by client credentials."""
        self._tokens.clear()

    def _user_of(self, request: AnyRequest) -> User:
        header = request.headers.get("authorization", "")
        legacy = base64.b64encode(f"{Desk.US.email}/token:{TOKEN}".encode()).decode()
        if header.removeprefix("Bearer ") not in self._tokens and header != f"Basic {legacy}":
            raise Refusal(401, "Couldn't authenticate you", "Couldn't authenticate you")
        now = self.clock()
        self._asked = [at for at in self._asked if now - at < timedelta(minutes=1)]
        if len(self._asked) >= self.requests_per_minute:
            raise Refusal(429, "APIRateLimitExceeded", "Number of allowed API requests per minute exceeded", 60)
        self._asked.append(now)
        return Desk.US

    # --- tickets ---

    def _tickets(self) -> list[HTTPRouteHandler]:
        @get("/api/v2/tickets")
        async def find(request: AnyRequest) -> Response[Any]:
            return self._answer(request, lambda _: {"tickets": self._by_external_id(request), "next_page": None})

        @post("/api/v2/tickets", status_code=201)
        async def create(request: AnyRequest) -> Response[Any]:
            raw = await request.body()
            return self._answer(request, lambda us: self._create(request, us, raw), status=201)

        @get("/api/v2/tickets/{number:int}")
        async def read(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            return self._answer(request, lambda _: self._ticket_body(request, self.desk.ticket(number)))

        @put("/api/v2/tickets/{number:int}")
        async def change(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            raw = await request.body()
            return self._answer(request, lambda us: self._change(us, self.desk.ticket(number), raw))

        @delete("/api/v2/tickets/{number:int}", status_code=204)
        async def remove(request: AnyRequest, number: FromPath[int]) -> None:
            self._user_of(request)
            self.desk.ticket(number).deleted = True

        @get("/api/v2/tickets/{number:int}/comments")
        async def comments(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            return self._answer(request, lambda _: self._comments(request, self.desk.ticket(number)))

        @get("/api/v2/tickets/{number:int}/audits")
        async def audits(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            return self._answer(request, lambda _: _audits(self.desk.ticket(number)))

        @get("/api/v2/search")
        async def search(request: AnyRequest) -> Response[Any]:
            return self._answer(request, lambda _: self._search(request.query_params.get("query", "")))

        return [find, create, read, change, remove, comments, audits, search]

    def _answer(self, request: AnyRequest, work: Any, status: int = 200) -> Response[Any]:
        try:
            found = work(self._user_of(request))
        except Refusal as refusal:
            extra = {"retry_after": str(refusal.retry_after)} if refusal.retry_after else {}
            return answer(refusal.body, refusal.status, **extra)
        return found if isinstance(found, Response) else answer(found, status)

    def _by_external_id(self, request: AnyRequest) -> list[dict[str, Any]]:
        wanted = request.query_params.get("external_id")
        found = [t for t in self.desk.tickets.values() if not t.deleted and wanted in (None, t.external_id)]
        return [ticket.body() for ticket in found]

    def _create(self, request: AnyRequest, us: User, raw: bytes) -> Response[Any]:
        key = request.headers.get("idempotency-key", "")
        if self.requires_key and not key:
            raise Refusal(400, "MissingIdempotencyKey", "This stand-in opens no ticket without an Idempotency-Key")
        if len(key) > 255:
            raise Refusal(400, "InvalidIdempotencyKey", "Idempotency key is too long")
        known = self._keys.get(key)
        if key and known and self.clock() - known[2] < IDEMPOTENCY_LIFE:
            if known[0] != raw:
                text = "Request parameters don't match the given idempotency key"
                raise Refusal(400, "IdempotentRequestError", text)
            return answer({"ticket": self.desk.tickets[known[1]].body()}, 201, x_idempotency_lookup="hit")
        ticket = self._open(us, _checked(raw))
        self.creations += 1
        if key:
            self._keys[key] = (raw, ticket.id, self.clock())
        return answer({"ticket": ticket.body(), "audit": {"id": 1}}, 201, x_idempotency_lookup="miss")

    def _open(self, us: User, values: dict[str, Any]) -> Ticket:
        comment = values.get("comment")
        if not isinstance(comment, dict) or not (comment.get("body") or comment.get("html_body")):
            raise Refusal(422, "RecordInvalid", "Description: cannot be blank")
        if comment.get("public", True):
            raise Refusal(422, "PublicFirstComment", "This stand-in refuses a first comment that goes to the customer")
        asked = values.get("requester")
        requester = self.desk.user(asked.get("name") or asked["email"], asked["email"]) if asked else us
        followup = values.get("via_followup_source_id")
        if followup is not None and self.desk.ticket(int(followup)).status != "closed":
            raise Refusal(422, "RecordInvalid", "Follow-up source: only a closed ticket can be followed up")
        ticket = self.desk.open(
            subject=values.get("subject", ""),
            requester=requester,
            author=us,
            body=comment.get("body", ""),
            public=False,
            channel="api",
        )
        ticket.external_id, ticket.priority, ticket.kind = (
            values.get("external_id"),
            values.get("priority"),
            values.get("type"),
        )
        ticket.status = values.get("status", "open")
        ticket.tags = tuple(values.get("tags", ()))
        ticket.custom_fields = {found["id"]: found["value"] for found in values.get("custom_fields", ())}
        ticket.followup_of = followup
        return ticket

    def _change(self, us: User, ticket: Ticket, raw: bytes) -> dict[str, Any]:
        values = _checked(raw)
        if values.get("safe_update"):
            if "updated_stamp" not in values:
                raise Refusal(400, "RecordInvalid", "safe_update requires updated_stamp")
            if values["updated_stamp"] != ticket.body()["updated_at"]:
                raise Refusal(409, "UpdateConflict", "Safe Update prevented the update due to outdated ticket data")
        comment = values.get("comment") or {}
        self.desk.change(
            ticket,
            us,
            channel="api",
            body=comment.get("body", ""),
            public=comment.get("public", True),
            status=values.get("status", ""),
            priority=values.get("priority", ""),
            tags=tuple(values["tags"]) if "tags" in values else None,
        )
        return {"ticket": ticket.body(), "audit": {"id": len(ticket.audits)}}

    def _ticket_body(self, request: AnyRequest, ticket: Ticket) -> dict[str, Any]:
        found: dict[str, Any] = {"ticket": ticket.body()}
        if "users" in request.query_params.get("include", ""):
            found["users"] = [_user_body(self.desk.users[ticket.requester_id])]
        return found

    def _comments(self, request: AnyRequest, ticket: Ticket) -> dict[str, Any]:
        told = [
            {"id": n, "type": "Comment", "author_id": c.author_id, "body": c.body, "public": c.public}
            for n, c in enumerate(ticket.comments, 1)
        ]
        if request.query_params.get("sort_order") == "desc":
            told.reverse()
        return {"comments": told, "next_page": None, "count": len(told)}

    def _search(self, query: str) -> dict[str, Any]:
        """Tickets by external id; the index is minutes behind, as the real one is."""
        wanted = query.rpartition("external_id:")[2].strip('"')
        indexed = self.clock() - SEARCH_IS_LATE_BY
        found = [t for t in self.desk.tickets.values() if t.external_id == wanted and t.created_at < indexed]
        return {"results": [ticket.body() for ticket in found], "count": len(found)}

    # --- people ---

    def _people(self) -> list[HTTPRouteHandler]:
        @get("/api/v2/users/me")
        async def me(request: AnyRequest) -> Response[Any]:
            return self._answer(request, lambda us: {"user": _user_body(us)})

        @get("/api/v2/users/search")
        async def search(request: AnyRequest) -> Response[Any]:
            query = request.query_params.get("query", "")
            wanted = query.removeprefix("email:").strip('"').lower()
            found = [_user_body(user) for user in self.desk.users.values() if wanted and wanted in user.email.lower()]
            return self._answer(request, lambda _: {"users": found, "next_page": None})

        @get("/api/v2/users/{number:int}")
        async def user(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            return self._answer(request, lambda _: {"user": self._person(number)})

        @get("/api/v2/users/{number:int}/tickets/requested")
        async def requested(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            found = [t for t in self.desk.tickets.values() if t.requester_id == number and not t.deleted]
            newest = sorted(found, key=lambda t: t.created_at, reverse=True)
            return self._answer(request, lambda _: {"tickets": [t.body() for t in newest], "next_page": None})

        @post("/oauth/tokens", status_code=200)
        async def token(request: AnyRequest) -> Response[Any]:
            asked = await request.json()
            expected = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
            if any(asked.get(name) != value for name, value in expected.items()):
                return answer({"error": "invalid_client"}, 401)
            made = uuid4().hex
            self._tokens.add(made)
            return answer({"access_token": made, "token_type": "bearer", "expires_in": 1800})

        @get("/api/v2/apps/{app_id:str}/public_key.pem")
        async def public_key(app_id: FromPath[str]) -> Response[bytes]:
            del app_id
            return Response(self.sidebar.public_pem, media_type="application/x-pem-file")

        return [me, search, user, requested, token, public_key]

    def _person(self, number: int) -> dict[str, Any]:
        if number not in self.desk.users:
            raise Refusal(404, "RecordNotFound", "Not found")
        return _user_body(self.desk.users[number])


def _checked(raw: bytes) -> dict[str, Any]:
    """The ticket's values. Raises Refusal for fields and words that Zendesk does not have."""
    try:
        values: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, dict[str, Any]])["ticket"]
    except (msgspec.DecodeError, KeyError) as error:
        raise Refusal(422, "Unprocessable Entity", f'expected {{"ticket": {{...}}}}: {error}') from error
    for name, value in values.items():
        if name not in _TICKET_FIELDS:
            raise Refusal(422, "UnknownField", f"a ticket has no field {name}")
        if name in _WORDS and value not in _WORDS[name]:
            raise Refusal(422, "RecordInvalid", f"{name}: {value!r} is not included in the list")
    if not all(isinstance(tag, str) and " " not in tag for tag in values.get("tags", ())):
        raise Refusal(422, "RecordInvalid", "Tags: expected words without spaces")
    return values


def _audits(ticket: Ticket) -> dict[str, Any]:
    told = [
        {
            "id": number,
            "author_id": audit.author_id,
            "via": {"channel": audit.channel},
            "events": [{"id": 1, "type": kind, "via": {"channel": audit.channel}} for kind in audit.events],
        }
        for number, audit in enumerate(ticket.audits, 1)
    ]
    return {"audits": told, "meta": {"has_more": False}, "links": {"next": None}}


def _user_body(user: User) -> dict[str, Any]:
    return {"id": user.id, "name": user.name, "email": user.email, "role": user.role, "active": True}
