"""This file is the truth of the simulated Gorgias: users, customers, tickets, messages, and what happened (events)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from connectors.transport import Clock

DEMO_EMAIL = "beforehand@acme-outfitters.example"


class Refusal(Exception):
    """What Gorgias does not do, with the status it answers and its `error.msg`."""

    def __init__(self, status: int, text: str, retry_after: int = 0) -> None:
        super().__init__(text)
        self.status = status
        self.body = {"error": {"msg": text, "data": {}}}
        self.retry_after = retry_after


@dataclass(frozen=True)
class User:
    """Somebody who works there. `role` is admin, agent, lite-agent ... or bot."""

    id: int
    name: str
    email: str
    role: str


@dataclass
class Customer:
    """`data` is what an app put there with `PUT /api/customers/ID/data`."""

    id: int
    name: str
    email: str
    data: dict[str, Any] | None = None
    data_version: datetime | None = None
    integrations: dict[str, Any] = field(default_factory=dict)
    """Answers of HTTP integrations, by the integration's id."""


@dataclass
class Message:
    """`sender` is a user's or a customer's id; customers write with `from_agent` false."""

    id: int
    channel: str
    via: str
    from_agent: bool
    public: bool
    sender: int
    body_text: str
    created_at: datetime
    body_html: str = ""
    subject: str = ""
    external_id: str | None = None
    source: dict[str, Any] | None = None
    receiver: int | None = None
    rule_id: int | None = None


@dataclass
class Ticket:
    id: int
    subject: str
    channel: str
    via: str
    created_at: datetime
    updated_at: datetime
    customer_id: int | None
    status: str = "open"
    priority: str = "normal"
    external_id: str | None = None
    tags: tuple[str, ...] = ()
    meta: dict[str, Any] | None = None
    assignee_user: int | None = None
    assignee_team: int | None = None
    custom_fields: dict[int, Any] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    closed_at: datetime | None = None
    snoozed_until: datetime | None = None
    trashed_at: datetime | None = None
    spam: bool = False

    @property
    def last_message_at(self) -> datetime | None:
        return self.messages[-1].created_at if self.messages else None


@dataclass(frozen=True)
class Event:
    """`user_id` is None where a rule, or a customer, did it."""

    id: int
    type: str
    ticket_id: int
    user_id: int | None
    created_at: datetime
    context: str


Watcher = Callable[[str, Ticket], None]
"""Hears a trigger's name (`ticket-created`) and the ticket that it is about."""


class Account:
    """One account. `US` is the user whom our credentials belong to. *watcher* hears every trigger."""

    US = User(900, "Beforehand", DEMO_EMAIL, "agent")
    AGENT = User(901, "Robin Diaz", "robin@acme-outfitters.example", "agent")
    BOT = User(902, "Gorgias Bot", "bot@gorgias.example", "bot")
    SUPPORT = "help@acme-outfitters.example"

    def __init__(self, clock: Clock, watcher: Watcher) -> None:
        self.clock = clock
        self.users: dict[int, User] = {user.id: user for user in (self.US, self.AGENT, self.BOT)}
        self.customers: dict[int, Customer] = {}
        self.tickets: dict[int, Ticket] = {}
        self.events: list[Event] = []
        self.tags: list[str] = []
        self._watcher = watcher
        self._ticket_numbers = count(81001)
        self._message_numbers = count(5001)
        self._event_numbers = count(100001)
        self._customer_numbers = count(3001)
        self._latest = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        """A moment later than every one before: Gorgias counts microseconds."""
        self._latest = max(self.clock(), self._latest + timedelta(microseconds=1))
        return self._latest

    def customer(self, name: str, email: str) -> Customer:
        """The customer with this address, made where there is none."""
        known = next((found for found in self.customers.values() if found.email == email.lower()), None)
        if known is None:
            known = Customer(next(self._customer_numbers), name, email.lower())
            self.customers[known.id] = known
        return known

    def user(self, email: str) -> User | None:
        """Whoever works there with this address."""
        return next((user for user in self.users.values() if user.email == email.lower()), None)

    def ticket(self, number: int) -> Ticket:
        """Raises Refusal (404) for one that is not there. One in the trash is."""
        if number not in self.tickets:
            raise Refusal(404, "Ticket not found")
        return self.tickets[number]

    # --- what happens ---

    def open(
        self, *, subject: str, channel: str, via: str, customer: Customer | None, by: User | None, **facts: Any
    ) -> Ticket:
        """A new ticket, still without its first message."""
        now = self.now()
        ticket = Ticket(
            next(self._ticket_numbers), subject, channel, via, now, now, customer.id if customer else None, **facts
        )
        self.tickets[ticket.id] = ticket
        self.learn_tags(ticket.tags)
        self._note(ticket, "ticket-created", by)
        return ticket

    def write(self, ticket: Ticket, message: Message, by: User | None) -> None:
        """One more message. A customer's opens the ticket again."""
        ticket.messages.append(message)
        ticket.updated_at = message.created_at
        self._note(ticket, "ticket-message-created", by)
        if not message.from_agent and ticket.status == "closed":
            self.change(ticket, None, status="open")

    def message(self, **facts: Any) -> Message:
        """A message with an id and a time of its own."""
        return Message(id=next(self._message_numbers), created_at=self.now(), **facts)

    def change(self, ticket: Ticket, by: User | None, **values: Any) -> None:
        """New values of the ticket's attributes, where None means as before."""
        changed = {n: v for n, v in values.items() if v is not None and v != getattr(ticket, n)}
        for name, value in changed.items():
            setattr(ticket, name, value)
        ticket.updated_at = self.now()
        self.learn_tags(ticket.tags)
        if "status" in changed:
            ticket.closed_at = ticket.updated_at if ticket.status == "closed" else None
            self._note(ticket, "ticket-closed" if ticket.status == "closed" else "ticket-reopened", by)
        if others := changed.keys() - {"status"}:
            kind = "ticket-tags-added" if others == {"tags"} else "ticket-updated"
            self._note(ticket, "ticket-trashed" if "trashed_at" in others else kind, by)

    def remove(self, number: int) -> None:
        """Delete a ticket for good. No trigger tells of it."""
        self.ticket(number)
        del self.tickets[number]

    def learn_tags(self, names: tuple[str, ...]) -> None:
        """Tags that nobody used before come into being."""
        self.tags += [name for name in names if name not in self.tags]

    def _note(self, ticket: Ticket, kind: str, by: User | None) -> None:
        event = Event(
            next(self._event_numbers), kind, ticket.id, by.id if by else None, ticket.updated_at, str(uuid4())
        )
        self.events.append(event)
        if kind in ("ticket-closed", "ticket-reopened"):
            self._watcher("ticket-status-updated", ticket)
        self._watcher(kind if kind in ("ticket-created", "ticket-message-created") else "ticket-updated", ticket)

    # --- what people do, for stories and tests ---

    def customer_writes(
        self, name: str, email: str, subject: str, body: str, *, ticket: Ticket | None = None
    ) -> Ticket:
        """An e-mail of a customer: a new ticket, or one more message in theirs."""
        customer = self.customer(name, email)
        ticket = ticket or self.open(subject=subject, channel="email", via="email", customer=customer, by=None)
        source = {
            "type": "email",
            "from": {"name": customer.name, "address": customer.email},
            "to": [{"name": "Acme", "address": self.SUPPORT}],
        }
        self.write(
            ticket,
            self.message(
                channel="email",
                via="email",
                from_agent=False,
                public=True,
                sender=customer.id,
                body_text=body,
                subject=subject,
                source=source,
            ),
            None,
        )
        return ticket

    def agent_writes(self, ticket: Ticket, body: str, *, public: bool = True, by: User | None = None) -> None:
        """An agent answers in the browser, or leaves a note there."""
        author = by or self.AGENT
        channel = "email" if public else "internal-note"
        self.write(
            ticket,
            self.message(
                channel=channel, via="helpdesk", from_agent=True, public=public, sender=author.id, body_text=body
            ),
            author,
        )

    def agent_changes(self, ticket: Ticket, **values: Any) -> None:
        """An agent closes, opens or throws away."""
        self.change(ticket, self.AGENT, **values)
