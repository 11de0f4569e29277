"""This file is Zendesk's JSON, as far as we read it (Ticketing API v2)."""

from datetime import datetime
from typing import Any

from msgspec import Struct


class CustomField(Struct, frozen=True):
    """`value` is whatever the field holds: text, a number, a list."""

    id: int
    value: Any = None


class User(Struct, frozen=True):
    """`role` is end-user, agent or admin."""

    id: int | None
    name: str | None = None
    email: str | None = None
    role: str | None = None
    verified: bool | None = None
    suspended: bool | None = None
    active: bool | None = None
    """False once deleted."""


class Ticket(Struct, frozen=True):
    """`updated_at` is kept as it came: it is what Zendesk wants back as `updated_stamp`."""

    id: int
    status: str
    updated_at: str
    subject: str | None = None
    description: str | None = None
    external_id: str | None = None
    requester_id: int | None = None
    tags: tuple[str, ...] | None = None
    created_at: str | None = None
    custom_fields: tuple[CustomField, ...] | None = None


class TicketAnswer(Struct, frozen=True):
    """`users` comes with `?include=users`."""

    ticket: Ticket
    users: tuple[User, ...] | None = None


class TicketList(Struct, frozen=True):
    tickets: tuple[Ticket, ...]


class UserAnswer(Struct, frozen=True):
    user: User


class UserList(Struct, frozen=True):
    users: tuple[User, ...]


class Comment(Struct, frozen=True):
    body: str | None = None
    plain_body: str | None = None
    public: bool | None = None
    author_id: int | None = None
    created_at: str | None = None


class Via(Struct, frozen=True):
    """How something came about: `web`, `api`, `email`, `rule` (a trigger or automation) ..."""

    channel: str | int | None = None


class AuditEvent(Struct, frozen=True):
    type: str
    via: Via | None = None


class Audit(Struct, frozen=True):
    """One update of a ticket. The author -1 is Zendesk itself."""

    author_id: int | None = None
    via: Via | None = None
    events: tuple[AuditEvent, ...] | None = None


class Meta(Struct, frozen=True):
    has_more: bool = False


class Links(Struct, frozen=True):
    next: str | None = None


class CommentPage(Struct, frozen=True):
    comments: tuple[Comment, ...]
    users: tuple[User, ...] | None = None
    """They come with `?include=users`."""
    meta: Meta | None = None
    links: Links | None = None
    next_page: str | None = None


class AuditPage(Struct, frozen=True):
    audits: tuple[Audit, ...]
    meta: Meta | None = None
    links: Links | None = None
    next_page: str | None = None


class EventAuthor(Struct, frozen=True):
    id: int | str | None = None
    is_staff: bool | None = None


class EventComment(Struct, frozen=True):
    body: str | None = None
    is_public: bool | None = None
    author: EventAuthor | None = None


class EventChange(Struct, frozen=True):
    comment: EventComment | None = None


class EventDetail(Struct, frozen=True):
    """The ticket as of an event. Ids come as numbers and as strings, states in capitals."""

    id: int | str | None = None
    status: str | None = None
    subject: str | None = None
    description: str | None = None
    external_id: str | None = None
    requester_id: int | str | None = None
    actor_id: int | str | None = None
    created_at: datetime | None = None
    via: Via | None = None


class EventName(Struct, frozen=True):
    """Which event a webhook is. Bodies of trigger webhooks are the merchant's own and have none of this."""

    id: str = ""
    type: str = ""


class Touched(Struct, frozen=True):
    """What our app's trigger sends: nothing but numbers and times, since a trigger escapes no text."""

    beforehand: str = ""
    ticket_id: str = ""
    updated_at: datetime | None = None


class Event(Struct, frozen=True):
    """A webhook of the event kind."""

    id: str
    type: str
    time: datetime
    detail: EventDetail | None = None
    event: EventChange | None = None
