"""This file is Gorgias' JSON, as far as we read it (REST API, developers.gorgias.com/reference).

Times come as ISO 8601, mostly without an offset, and mean UTC. They are kept as they came.
"""

from typing import Any

from msgspec import Struct


class Person(Struct, frozen=True):
    """A customer, or the user who wrote. Senders may have neither name nor address."""

    id: int | None = None
    email: str | None = None
    name: str | None = None


class Tag(Struct, frozen=True):
    name: str | None = None


class Address(Struct, frozen=True):
    name: str | None = None
    address: str | None = None


class Source(Struct, frozen=True, rename={"from_": "from"}):
    """Where a message came from and went to, on its channel."""

    type: str | None = None
    from_: Address | None = None
    to: tuple[Address, ...] | None = None


class Message(Struct, frozen=True):
    """Of a ticket. `channel` is `internal-note` for what only agents see."""

    id: int
    channel: str | None = None
    via: str | None = None
    public: bool | None = None
    from_agent: bool | None = None
    sender: Person | None = None
    source: Source | None = None
    rule_id: int | None = None
    external_id: str | None = None
    body_text: str | None = None
    stripped_text: str | None = None
    created_datetime: str | None = None
    failed_datetime: str | None = None


class Ticket(Struct, frozen=True):
    """`messages` come with one ticket, and not in lists; `custom_fields` by their ids."""

    id: int
    status: str
    updated_datetime: str | None = None
    created_datetime: str | None = None
    last_message_datetime: str | None = None
    snooze_datetime: str | None = None
    trashed_datetime: str | None = None
    spam: bool | None = None
    subject: str | None = None
    excerpt: str | None = None
    external_id: str | None = None
    channel: str | None = None
    customer: Person | None = None
    tags: tuple[Tag, ...] | None = None
    meta: Any = None
    custom_fields: Any = None
    messages: tuple[Message, ...] | None = None


class Meta(Struct, frozen=True):
    next_cursor: str | None = None


class TicketPage(Struct, frozen=True):
    data: tuple[Ticket, ...]
    meta: Meta | None = None


class MessagePage(Struct, frozen=True):
    data: tuple[Message, ...]
    meta: Meta | None = None


class Event(Struct, frozen=True):
    """That somebody, or a rule (without a user), did something to a ticket."""

    type: str
    user_id: int | None = None


class EventPage(Struct, frozen=True):
    data: tuple[Event, ...]
    meta: Meta | None = None


class Channel(Struct, frozen=True):
    """One way to reach a customer."""

    type: str | None = None
    address: str | None = None


class Customer(Struct, frozen=True):
    id: int
    email: str | None = None
    channels: tuple[Channel, ...] | None = None


class CustomerPage(Struct, frozen=True):
    data: tuple[Customer, ...]
    meta: Meta | None = None


class Role(Struct, frozen=True):
    name: str | None = None


class User(Struct, frozen=True):
    """Somebody who works there, or a machine of Gorgias' own."""

    id: int
    email: str | None = None
    name: str | None = None
    role: Role | None = None
    active: bool | None = None


class UserPage(Struct, frozen=True):
    data: tuple[User, ...]
    meta: Meta | None = None


class Account(Struct, frozen=True):
    domain: str | None = None


class Touched(Struct, frozen=True):
    """What our HTTP integration sends (`integration.py`): every value is text, and `None` says that there is none."""

    beforehand: str = ""
    ticket_id: str | int = ""
    updated_at: str | None = None
    last_message_at: str | None = None
