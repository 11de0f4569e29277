"""This file is the truth of the simulated helpdesk: users, tickets, comments, and who did what (audits)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from connectors.transport import Clock
from server.demo.shopify_bodies import stamp

UPDATES_PER_TICKET = 30
PER_TICKET = timedelta(minutes=10)


@dataclass(frozen=True)
class User:
    """`role` is end-user, agent or admin."""

    id: int
    name: str
    email: str
    role: str
    suspended: bool = False
    verified: bool = True


@dataclass(frozen=True)
class Comment:
    author_id: int
    body: str
    public: bool
    created_at: datetime


@dataclass(frozen=True)
class Audit:
    """One update: who, by which way, and what of."""

    author_id: int
    channel: str
    events: tuple[str, ...]
    created_at: datetime


@dataclass
class Ticket:
    id: int
    subject: str
    requester_id: int
    created_at: datetime
    updated_at: datetime
    external_id: str | None = None
    status: str = "new"
    priority: str | None = None
    kind: str | None = None
    group_id: int | None = None
    assignee_id: int | None = None
    tags: tuple[str, ...] = ()
    custom_fields: dict[int, Any] = field(default_factory=dict)
    comments: list[Comment] = field(default_factory=list)
    audits: list[Audit] = field(default_factory=list)
    followup_of: int | None = None
    deleted: bool = False

    def body(self) -> dict[str, Any]:
        """The ticket as the API gives it."""
        return {
            "id": self.id,
            "external_id": self.external_id,
            "subject": self.subject,
            "description": self.comments[0].body if self.comments else "",
            "status": self.status,
            "priority": self.priority,
            "type": self.kind,
            "tags": list(self.tags),
            "requester_id": self.requester_id,
            "submitter_id": self.comments[0].author_id if self.comments else self.requester_id,
            "assignee_id": self.assignee_id,
            "group_id": self.group_id,
            "custom_fields": [{"id": number, "value": value} for number, value in self.custom_fields.items()],
            "via": {"channel": self.audits[0].channel if self.audits else "web", "source": {}},
            "followup_ids": [],
            "is_public": any(comment.public for comment in self.comments),
            "created_at": written(self.created_at),
            "updated_at": written(self.updated_at),
        }


class Refusal(Exception):
    """What the helpdesk does not do, with the status it answers."""

    def __init__(self, status: int, error: str, description: str, retry_after: int = 0) -> None:
        super().__init__(description)
        self.status = status
        self.body = {"error": error, "description": description}
        self.retry_after = retry_after


class Desk:
    """Users and tickets. `US` is the user whom our credentials belong to."""

    US = User(900, "Beforehand", "beforehand@acme-outfitters.example", "admin")
    AGENT = User(901, "Robin Diaz", "robin@acme-outfitters.example", "agent")
    LEAD = User(902, "Dana Lopez", "dana@acme-outfitters.example", "admin")
    SECOND = User(903, "Kim Novak", "kim@acme-outfitters.example", "admin")
    AGENTS = (AGENT, LEAD, SECOND)
    """Who may sit before the helpdesk's page."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.users: dict[int, User] = {user.id: user for user in (self.US, *self.AGENTS)}
        self.tickets: dict[int, Ticket] = {}
        self._ticket_numbers = count(4711)
        self._user_numbers = count(2001)

    def user(self, name: str, email: str) -> User:
        """The end user with this address, made where there is none."""
        known = next((user for user in self.users.values() if user.email.lower() == email.lower()), None)
        if known is None:
            known = User(next(self._user_numbers), name, email, "end-user")
            self.users[known.id] = known
        return known

    def ticket(self, number: int) -> Ticket:
        """Raises Refusal (404) for one that never was, or was deleted."""
        found = self.tickets.get(number)
        if found is None or found.deleted:
            raise Refusal(404, "RecordNotFound", "Not found")
        return found

    def open(self, *, subject: str, requester: User, author: User, body: str, public: bool, channel: str) -> Ticket:
        """A new ticket with its first comment."""
        now = self.clock()
        ticket = Ticket(next(self._ticket_numbers), subject, requester.id, now, now)
        self.tickets[ticket.id] = ticket
        self._write(ticket, author, channel, body, public, ("Create", "Comment"))
        return ticket

    def change(
        self,
        ticket: Ticket,
        author: User,
        *,
        channel: str,
        body: str = "",
        public: bool = False,
        **values: Any,
    ) -> None:
        """One update; *values* are new ones of the ticket's attributes, where None means as before.

        Raises Refusal for a closed ticket, and when one user changes it too often.
        """
        if ticket.status == "closed":
            raise Refusal(422, "RecordInvalid", "Status: closed prevents ticket update")
        self._check_budget(ticket, author)
        events = ["Comment"] if body else []
        for name, value in values.items():
            if value is not None and value != getattr(ticket, name):
                setattr(ticket, name, value)
                events.append("Change")
        self._write(ticket, author, channel, body, public, tuple(events))

    def _write(
        self, ticket: Ticket, author: User, channel: str, body: str, public: bool, events: tuple[str, ...]
    ) -> None:
        now = max(self.clock(), ticket.updated_at + timedelta(seconds=1)) if ticket.audits else self.clock()
        if body:
            ticket.comments.append(Comment(author.id, body, public, now))
        ticket.audits.append(Audit(author.id, channel, events, now))
        ticket.updated_at = now

    def _check_budget(self, ticket: Ticket, author: User) -> None:
        since = self.clock() - PER_TICKET
        recent = [a for a in ticket.audits if a.author_id == author.id and a.created_at > since]
        if len(recent) >= UPDATES_PER_TICKET:
            raise Refusal(429, "TooManyRequests", "Too many updates of one ticket by one user", retry_after=60)


def written(at: datetime) -> str:
    """A time as Zendesk writes it."""
    return (stamp(at) or "").replace("+00:00", "Z")
