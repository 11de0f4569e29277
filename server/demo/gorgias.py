"""This file stands in for Gorgias' REST API, with what it refuses, and without the keys and stamps that it lacks."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from litestar import Response, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from connectors.transport import Clock
from server.demo.fake import AnyRequest, Fake, answer
from server.demo.gorgias_access import Access
from server.demo.gorgias_answers import (
    customer_body,
    event_body,
    message_body,
    page_of,
    ticket_body,
    user_body,
)
from server.demo.gorgias_http import HttpIntegrations
from server.demo.gorgias_requests import (
    DataInput,
    MessageInput,
    PersonInput,
    TagsInput,
    TicketChange,
    TicketInput,
    checked,
    checked_message,
)
from server.demo.gorgias_setup import set_up_routes
from server.demo.gorgias_state import Account, Customer, Message, Refusal, Ticket, User

__all__ = ["FakeGorgias"]

Work = Callable[[User], Any]


class FakeGorgias(Fake):
    """One account. `account` is its truth, `http` what it calls."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.http = HttpIntegrations()
        self.account = Account(clock, lambda trigger, ticket: self.http.fire(trigger, self.account, ticket))
        self.access = Access(clock)
        self.creations = 0
        super().__init__(
            [
                *self._tickets(),
                *self._messages(),
                *self._people(),
                *set_up_routes(self.http, self._answer),
                *self._sign_in(),
            ]
        )

    # --- tickets ----------------------------------------------------------------------------------------------------

    def _tickets(self) -> list[HTTPRouteHandler]:
        @get("/api/tickets")
        async def find(request: AnyRequest) -> Response[Any]:
            return self._answer(request, lambda _: self._list(request))

        @post("/api/tickets", status_code=201)
        async def create(request: AnyRequest) -> Response[Any]:
            raw = await request.body()
            return self._answer(request, lambda us: self._create(us, checked(raw, TicketInput)))

        @get("/api/tickets/{number:int}")
        async def read(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            return self._answer(request, lambda _: self._whole(self.account.ticket(number)))

        @put("/api/tickets/{number:int}")
        async def change(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            raw = await request.body()
            return self._answer(
                request, lambda us: self._change(us, self.account.ticket(number), checked(raw, TicketChange))
            )

        @delete("/api/tickets/{number:int}", status_code=200)
        async def remove(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            def work(_: User) -> Response[Any]:
                self.account.remove(number)
                return Response(None, status_code=204)

            return self._answer(request, work)

        @post("/api/tickets/{number:int}/tags", status_code=201)
        async def add_tags(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            raw = await request.body()
            return self._answer(
                request, lambda us: self._add_tags(us, self.account.ticket(number), checked(raw, TagsInput))
            )

        return [find, create, read, change, remove, add_tags]

    def _list(self, request: AnyRequest) -> dict[str, Any]:
        asked = request.query_params
        if unknown := asked.keys() - {"cursor", "customer_id", "external_id", "limit", "order_by", "trashed"}:
            raise Refusal(400, f"{sorted(unknown)[0]}: unknown parameter")
        orders = {f"{field}_datetime:{way}" for field in ("created", "updated") for way in ("asc", "desc")}
        if asked.get("order_by", "created_datetime:desc") not in orders:
            raise Refusal(400, "order_by: is not an order that tickets have")
        wanted, customer = asked.get("external_id"), asked.get("customer_id")
        rows = [
            ticket_body(self.account, ticket)
            for ticket in self.account.tickets.values()
            if wanted in (None, ticket.external_id)
            and customer in (None, str(ticket.customer_id))
            and (asked.get("trashed", "true") == "true" or ticket.trashed_at is None)
        ]
        return page_of(request, rows, "created_datetime:desc")

    def _create(self, us: User, values: TicketInput) -> Response[Any]:
        messages = [checked_message(message) for message in values.messages]
        if any(message.from_agent and message.channel != "internal-note" for message in messages):
            raise Refusal(400, "This stand-in refuses to open a ticket with a message that goes to the customer")
        senders = [self._sender(message) for message in messages]
        customer = self._customer(values.customer) if values.customer else None
        ticket = self.account.open(
            subject=values.subject or "",
            channel=values.channel or messages[0].channel,
            via=values.via or messages[0].via,
            customer=customer,
            by=us,
            external_id=values.external_id,
            status=values.status or "open",
            priority=values.priority or "normal",
            tags=tuple(tag.name for tag in values.tags or ()),
            meta=values.meta,
            assignee_user=values.assignee_user.id if values.assignee_user else None,
            assignee_team=values.assignee_team.id if values.assignee_team else None,
            custom_fields={field.id: field.value for field in values.custom_fields or ()},
        )
        for message, sender in zip(messages, senders, strict=True):
            self.account.write(ticket, self._message(message, sender), us)
        self.creations += 1
        return answer(self._whole(ticket), 201)

    def _customer(self, values: PersonInput) -> Customer:
        if values.id is not None:
            if values.id not in self.account.customers:
                raise Refusal(400, "customer: there is none with this id")
            return self.account.customers[values.id]
        if not values.email:
            raise Refusal(400, "customer: expected an id or an email")
        return self.account.customer(values.name or values.email, values.email)

    def _change(self, us: User, ticket: Ticket, values: TicketChange) -> Response[Any]:
        fields = {field.id: field.value for field in values.custom_fields or ()}
        self.account.change(
            ticket,
            us,
            status=values.status,
            priority=values.priority,
            subject=values.subject,
            external_id=values.external_id,
            tags=None if values.tags is None else tuple(tag.name for tag in values.tags),
            meta=values.meta,
            assignee_team=values.assignee_team.id if values.assignee_team else None,
            custom_fields={**ticket.custom_fields, **fields} if fields else None,
            spam=values.spam,
            trashed_at=_time(values.trashed_datetime, "trashed_datetime"),
        )
        return answer(self._whole(ticket), 202)

    def _add_tags(self, us: User, ticket: Ticket, values: TagsInput) -> Response[Any]:
        if not values.names:
            raise Refusal(400, "names: this stand-in knows tags by their names")
        self.account.change(ticket, us, tags=tuple(dict.fromkeys((*ticket.tags, *values.names))))
        return Response(None, status_code=201)

    def _whole(self, ticket: Ticket) -> dict[str, Any]:
        return ticket_body(self.account, ticket, with_messages=True)

    # --- messages and events ----------------------------------------------------------------------------------------

    def _messages(self) -> list[HTTPRouteHandler]:
        @post("/api/tickets/{number:int}/messages", status_code=201)
        async def create(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            raw = await request.body()
            return self._answer(
                request, lambda us: self._write(us, self.account.ticket(number), checked(raw, MessageInput))
            )

        @get("/api/messages")
        async def messages(request: AnyRequest) -> Response[Any]:
            return self._answer(request, lambda _: self._list_messages(request))

        @get("/api/events")
        async def events(request: AnyRequest) -> Response[Any]:
            return self._answer(request, lambda _: self._list_events(request))

        return [create, messages, events]

    def _write(self, us: User, ticket: Ticket, values: MessageInput) -> Response[Any]:
        message = self._message(checked_message(values), self._sender(values))
        if values.receiver and values.receiver.id not in self.account.customers:
            raise Refusal(400, "receiver: there is no such customer")
        self.account.write(ticket, message, us)
        return answer(message_body(self.account, ticket, message), 201)

    def _sender(self, values: MessageInput) -> int:
        """Raises Refusal where the sender is of the wrong kind."""
        sender = values.sender or PersonInput()
        people: dict[int, User] | dict[int, Customer] = (
            self.account.users if values.from_agent else self.account.customers
        )
        for number, person in people.items():
            if number == sender.id or (sender.email and person.email == sender.email.lower()):
                return number
        raise Refusal(400, f"sender: must be a {'user' if values.from_agent else 'customer'} of the account")

    def _message(self, values: MessageInput, sender: int) -> Message:
        return self.account.message(
            channel=values.channel,
            via=values.via,
            from_agent=values.from_agent,
            public=values.channel != "internal-note" and values.public is not False,
            sender=sender,
            body_text=values.body_text or values.body_html or "",
            body_html=values.body_html or "",
            subject=values.subject or "",
            external_id=values.external_id,
            source=_as_json(values),
            receiver=values.receiver.id if values.receiver else None,
        )

    def _list_messages(self, request: AnyRequest) -> dict[str, Any]:
        wanted = request.query_params.get("ticket_id")
        rows = [
            message_body(self.account, ticket, message)
            for ticket in self.account.tickets.values()
            for message in ticket.messages
            if wanted in (None, str(ticket.id))
        ]
        return page_of(request, rows, "created_datetime:desc")

    def _list_events(self, request: AnyRequest) -> dict[str, Any]:
        asked = request.query_params
        if asked.get("object_type", "Ticket") != "Ticket":
            raise Refusal(400, "object_type: this stand-in keeps the events of tickets")
        rows = [event_body(event) for event in self.account.events]
        rows = [row for row in rows if asked.get("object_id") in (None, str(row["object_id"]))]
        return page_of(request, rows, "created_datetime:desc")

    # --- people -----------------------------------------------------------------------------------------------------

    def _people(self) -> list[HTTPRouteHandler]:
        @get("/api/account")
        async def account(request: AnyRequest) -> Response[Any]:
            return self._answer(request, lambda _: {"domain": "acme-outfitters", "status": {"status": "active"}})

        @get("/api/users")
        async def users(request: AnyRequest) -> Response[Any]:
            wanted = request.query_params.get("email", "").lower()
            rows = [user_body(user) for user in self.account.users.values() if wanted in ("", user.email)]
            return self._answer(request, lambda _: page_of(request, rows, "id:asc"))

        @get("/api/users/{number:int}")
        async def user(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            return self._answer(request, lambda _: user_body(_found(self.account.users, number, "User")))

        @get("/api/customers")
        async def customers(request: AnyRequest) -> Response[Any]:
            wanted = request.query_params.get("email", "").lower()
            rows = [customer_body(c) for c in self.account.customers.values() if wanted in ("", c.email)]
            return self._answer(request, lambda _: page_of(request, rows, "id:asc"))

        @get("/api/customers/{number:int}")
        async def customer(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            return self._answer(request, lambda _: customer_body(_found(self.account.customers, number, "Customer")))

        @put("/api/customers/{number:int}/data")
        async def set_data(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
            raw = await request.body()
            return self._answer(request, lambda _: self._set_data(number, checked(raw, DataInput)))

        return [account, users, user, customers, customer, set_data]

    def _set_data(self, number: int, values: DataInput) -> Response[Any]:
        """Taken on without a word either way; data older than what is there are ignored."""
        customer: Customer = _found(self.account.customers, number, "Customer")
        version = _time(values.version, "version")
        if version is None or customer.data_version is None or version >= customer.data_version:
            customer.data, customer.data_version = values.data, version
        return answer({}, 202)

    def _sign_in(self) -> list[HTTPRouteHandler]:
        @post("/oauth/token", status_code=200)
        async def token(request: AnyRequest) -> Response[Any]:
            return self.access.new_token(request.headers.get("authorization", ""), await request.body())

        return [token]

    def _answer(self, request: AnyRequest, work: Work) -> Response[Any]:
        """What *work* finds, for whoever may ask and has not asked too often."""
        level = ""
        try:
            us, level = self.access.admit(request)
            found = work(us)
        except Refusal as refusal:
            extra = {"retry_after": str(refusal.retry_after)} if refusal.retry_after else {}
            found = answer(refusal.body, refusal.status, **extra)
        response: Response[Any] = found if isinstance(found, Response) else answer(found)
        if level:
            response.headers["x-gorgias-account-api-call-limit"] = level
        return response


def _found(those: dict[int, Any], number: int, what: str) -> Any:
    if number not in those:
        raise Refusal(404, f"{what} not found")
    return those[number]


def _time(text: str | None, where: str) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refusal(400, f"{where}: is not a time") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _as_json(values: MessageInput) -> dict[str, Any] | None:
    source = values.source
    if source is None:
        return None
    return {
        "type": source.type,
        "from": {"name": source.from_.name, "address": source.from_.address} if source.from_ else None,
        "to": [{"name": to.name, "address": to.address} for to in source.to or ()],
    }
