"""This file stands in for Zendesk's Ticketing API, with what it refuses: repeated keys, closed tickets, collisions."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from litestar import Response, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.types import Receive, Scope, Send

from connectors.transport import Clock
from server.demo.fake import AnyRequest, Fake, answer
from server.demo.zendesk_access import TOKEN, Access
from server.demo.zendesk_answers import audits_of, comments_of, page_of, user_body
from server.demo.zendesk_page import page_routes
from server.demo.zendesk_requests import TicketInput, checked_tags, checked_ticket
from server.demo.zendesk_sidebar import APP_ID, SidebarKeys
from server.demo.zendesk_state import Desk, Refusal, Ticket, User

IDEMPOTENCY_LIFE = timedelta(hours=2)
SEARCH_IS_LATE_BY = timedelta(minutes=3)

__all__ = ["TOKEN", "FakeZendesk"]

Work = Callable[[User], Any]


class FakeZendesk(Fake):
    """One account. *requires_key* refuses creations without an Idempotency-Key, which Zendesk allows."""

    def __init__(self, clock: Clock, *, requires_key: bool = True) -> None:
        self.clock = clock
        self.desk = Desk(clock)
        self.sidebar = SidebarKeys(clock)
        self.access = Access(clock)
        self.requires_key = requires_key
        self.creations = 0
        self._keys: dict[str, tuple[bytes, int, datetime]] = {}
        super().__init__([*self._tickets(), *self._histories(), *self._people(), *page_routes(self.desk, self.sidebar)])

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry. Every address of the API may end with `.json`."""
        if scope["path"].startswith("/api/"):
            path = scope["path"].removesuffix(".json")
            scope = {**scope, "path": path, "raw_path": path.encode()}  # type: ignore[assignment]
        await super().app(scope, receive, send)

    # --- tickets ----------------------------------------------------------------------------------------------------

    def _tickets(self) -> list[HTTPRouteHandler]:
        @get("/api/v2/tickets")
        async def find(request: AnyRequest) -> Response[Any]:
            return self._answer(request, lambda _: page_of(request, "tickets", self._by_external_id(request)))

        @post("/api/v2/tickets", status_code=201)
        async def create(request: AnyRequest) -> Response[Any]:
            raw = await request.body()
            key = request.headers.get("idempotency-key", "")
            return self._answer(request, lambda us: self._create(key, us, raw))

        @get("/api/v2/tickets/{number:int}")
        async def read(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            return self._answer(request, lambda _: self._ticket_body(request, self.desk.ticket(number)))

        @put("/api/v2/tickets/{number:int}")
        async def change(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            raw = await request.body()
            return self._answer(request, lambda us: self._change(us, self.desk.ticket(number), raw))

        @delete("/api/v2/tickets/{number:int}", status_code=200)
        async def remove(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            return self._answer(request, lambda _: self._delete(self.desk.ticket(number)))

        @get("/api/v2/tickets/{number:int}/tags")
        async def tags(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            return self._answer(request, lambda _: {"tags": list(self.desk.ticket(number).tags)})

        @put("/api/v2/tickets/{number:int}/tags")
        async def add_tags(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            raw = await request.body()
            return self._answer(request, lambda us: self._add_tags(us, self.desk.ticket(number), raw))

        @get("/api/v2/search")
        async def search(request: AnyRequest) -> Response[Any]:
            return self._answer(request, lambda _: self._search(request.query_params.get("query", "")))

        return [find, create, read, change, remove, tags, add_tags, search]

    def _histories(self) -> list[HTTPRouteHandler]:
        @get("/api/v2/tickets/{number:int}/comments")
        async def comments(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            return self._answer(request, lambda _: self._comments_page(request, self.desk.ticket(number)))

        @get("/api/v2/tickets/{number:int}/audits")
        async def audits(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            return self._answer(request, lambda _: page_of(request, "audits", audits_of(self.desk.ticket(number))))

        return [comments, audits]

    def _comments_page(self, request: AnyRequest, ticket: Ticket) -> dict[str, Any]:
        found = page_of(request, "comments", comments_of(ticket))
        if "users" in request.query_params.get("include", ""):
            authors = {comment["author_id"] for comment in found["comments"]} & self.desk.users.keys()
            found["users"] = [user_body(self.desk.users[author]) for author in sorted(authors)]
        return found

    def _by_external_id(self, request: AnyRequest) -> list[dict[str, Any]]:
        wanted = request.query_params.get("external_id")
        return [t.body() for t in self.desk.tickets.values() if not t.deleted and wanted in (None, t.external_id)]

    def _create(self, key: str, us: User, raw: bytes) -> Response[Any]:
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
        ticket = self._open(us, checked_ticket(raw))
        self.creations += 1
        if not key:
            return answer({"ticket": ticket.body(), "audit": audits_of(ticket)[-1]}, 201)
        self._keys[key] = (raw, ticket.id, self.clock())
        return answer({"ticket": ticket.body(), "audit": audits_of(ticket)[-1]}, 201, x_idempotency_lookup="miss")

    def _open(self, us: User, values: TicketInput) -> Ticket:
        comment = values.comment
        if comment is None or not comment.text.strip():
            raise Refusal(422, "RecordInvalid", "Description: cannot be blank")
        if comment.is_public:
            raise Refusal(422, "PublicFirstComment", "This stand-in refuses a first comment that goes to the customer")
        if values.status == "closed":
            raise Refusal(422, "RecordInvalid", "Status: closed is not valid for a new ticket")
        followed = values.via_followup_source_id
        if followed is not None and self.desk.ticket(followed).status != "closed":
            raise Refusal(422, "RecordInvalid", "Follow-up source: only a closed ticket can be followed up")
        ticket = self.desk.open(
            subject=values.subject or comment.text[:80],
            requester=self._requester(us, values),
            author=us,
            body=comment.text,
            public=False,
            channel="api",
        )
        ticket.external_id, ticket.priority, ticket.kind = values.external_id, values.priority, values.type
        ticket.group_id, ticket.assignee_id, ticket.followup_of = values.group_id, values.assignee_id, followed
        ticket.status = values.status or "open"
        ticket.tags = tuple(values.tags or ())
        ticket.custom_fields = {found.id: found.value for found in values.custom_fields or ()}
        return ticket

    def _requester(self, us: User, values: TicketInput) -> User:
        if values.requester is not None:
            return self.desk.user(values.requester.name or values.requester.email, values.requester.email)
        if values.requester_id is not None:
            if values.requester_id not in self.desk.users:
                raise Refusal(422, "RecordInvalid", "Requester: is not a known user")
            return self.desk.users[values.requester_id]
        return us

    def _change(self, us: User, ticket: Ticket, raw: bytes) -> dict[str, Any]:
        values = checked_ticket(raw)
        _refuse_collision(ticket, values.safe_update, values.updated_stamp)
        comment = values.comment
        fields = {found.id: found.value for found in values.custom_fields or ()}
        self.desk.change(
            ticket,
            us,
            channel="api",
            body=comment.text if comment else "",
            public=bool(comment and comment.is_public),
            subject=values.subject,
            external_id=values.external_id,
            status=values.status,
            priority=values.priority,
            kind=values.type,
            group_id=values.group_id,
            assignee_id=values.assignee_id,
            tags=None if values.tags is None else tuple(values.tags),
            custom_fields={**ticket.custom_fields, **fields} if fields else None,
        )
        return {"ticket": ticket.body(), "audit": audits_of(ticket)[-1]}

    def _add_tags(self, us: User, ticket: Ticket, raw: bytes) -> dict[str, Any]:
        values = checked_tags(raw)
        _refuse_collision(ticket, values.safe_update in (True, "true"), values.updated_stamp)
        together = tuple(dict.fromkeys((*ticket.tags, *values.tags)))
        self.desk.change(ticket, us, channel="api", tags=together)
        return {"tags": list(together)}

    def _delete(self, ticket: Ticket) -> Response[Any]:
        ticket.deleted = True
        return Response(None, status_code=204)

    def _ticket_body(self, request: AnyRequest, ticket: Ticket) -> dict[str, Any]:
        found: dict[str, Any] = {"ticket": ticket.body()}
        if "users" in request.query_params.get("include", ""):
            found["users"] = [user_body(self.desk.users[ticket.requester_id])]
        return found

    def _search(self, query: str) -> dict[str, Any]:
        """Tickets by external id; the index is minutes behind, as the real one is."""
        wanted = query.rpartition("external_id:")[2].strip('"')
        indexed = self.clock() - SEARCH_IS_LATE_BY
        found = [t for t in self.desk.tickets.values() if t.external_id == wanted and t.created_at < indexed]
        return {"results": [ticket.body() for ticket in found], "count": len(found)}

    # --- people and access ------------------------------------------------------------------------------------------

    def _people(self) -> list[HTTPRouteHandler]:
        @get("/api/v2/users/me")
        async def me(request: AnyRequest) -> Response[Any]:
            return self._answer(request, lambda us: {"user": user_body(us)})

        @get("/api/v2/users/search")
        async def search(request: AnyRequest) -> Response[Any]:
            wanted = request.query_params.get("query", "").removeprefix("email:").strip('"').lower()
            found = [user_body(user) for user in self.desk.users.values() if wanted and wanted in user.email.lower()]
            return self._answer(request, lambda _: page_of(request, "users", found))

        @get("/api/v2/users/{number:int}")
        async def user(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            return self._answer(request, lambda _: {"user": user_body(self._person(number))})

        @get("/api/v2/users/{number:int}/tickets/requested")
        async def requested(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            found = [t for t in self.desk.tickets.values() if t.requester_id == number and not t.deleted]
            oldest_first = [ticket.body() for ticket in sorted(found, key=lambda ticket: ticket.created_at)]
            return self._answer(request, lambda _: self._person(number) and page_of(request, "tickets", oldest_first))

        @post("/oauth/tokens", status_code=200)
        async def token(request: AnyRequest) -> Response[Any]:
            return self.access.new_token(await request.json())

        @get("/api/v2/apps/{app_id:str}/public_key.pem")
        async def public_key(app_id: FromPath[str]) -> Response[Any]:
            # Anybody may ask.
            if app_id != APP_ID:
                return answer({"error": "RecordNotFound", "description": "Not found"}, 404)
            return Response(self.sidebar.public_pem, media_type="application/x-pem-file")

        return [me, search, user, requested, token, public_key]

    def _person(self, number: int) -> User:
        if number not in self.desk.users:
            raise Refusal(404, "RecordNotFound", "Not found")
        return self.desk.users[number]

    def _answer(self, request: AnyRequest, work: Work) -> Response[Any]:
        """What *work* finds, for whoever may ask and has not asked too often."""
        try:
            found = work(self.access.admit(request))
        except Refusal as refusal:
            extra = {"retry_after": str(refusal.retry_after)} if refusal.retry_after else {}
            found = answer(refusal.body, refusal.status, **extra)
        response: Response[Any] = found if isinstance(found, Response) else answer(found)
        response.headers.update(self.access.headers())
        return response


def _refuse_collision(ticket: Ticket, safe: bool | None, stamp: str | None) -> None:
    if not safe:
        return
    if stamp is None:
        raise Refusal(400, "RecordInvalid", "safe_update requires updated_stamp")
    if stamp != ticket.body()["updated_at"]:
        raise Refusal(409, "UpdateConflict", "Safe Update prevented the update due to outdated ticket data")
