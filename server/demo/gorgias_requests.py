"""This file is what may be written to the simulated Gorgias: the fields of its REST API, and their types.

What Gorgias says is required is required here, and a field that it does not have is refused, so that a misspelt one is
noticed. The words are those of developers.gorgias.com/reference (create-ticket, create-ticket-message, update-ticket).
"""

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from server.demo.gorgias_state import Refusal

T = TypeVar("T")

Status = Literal["open", "closed"]
Priority = Literal["low", "normal", "high", "critical"]
Via = Literal[
    "api", "aircall", "chat", "contact_form", "email", "facebook", "form", "gorgias_chat", "help-center", "helpdesk",
    "internal-note", "phone", "rule", "self_service", "shopify", "sms", "twilio", "whatsapp", "zendesk",
]  # fmt: skip
Short = Annotated[str, Meta(max_length=255)]
TagName = Annotated[str, Meta(min_length=1, max_length=256)]


class PersonInput(Struct, frozen=True, forbid_unknown_fields=True):
    """A user or a customer, by id or by address."""

    id: int | None = None
    email: str | None = None
    name: str | None = None


class AddressInput(Struct, frozen=True, forbid_unknown_fields=True):
    address: str
    name: str | None = None


class SourceInput(Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    type: str | None = None
    from_: AddressInput | None = None
    to: list[AddressInput] | None = None
    cc: list[AddressInput] | None = None
    bcc: list[AddressInput] | None = None
    extra: dict[str, Any] | None = None


class MessageInput(Struct, frozen=True, forbid_unknown_fields=True):
    channel: str
    from_agent: bool
    via: Via
    sender: PersonInput | None = None
    receiver: PersonInput | None = None
    source: SourceInput | None = None
    subject: str | None = None
    body_text: str | None = None
    body_html: str | None = None
    public: bool | None = None
    external_id: Short | None = None
    attachments: list[Any] | None = None
    actions: list[Any] | None = None
    headers: dict[str, Any] | None = None
    mention_ids: list[int] | None = None
    meta: dict[str, Any] | None = None
    integration_id: int | None = None
    message_id: str | None = None
    created_datetime: str | None = None
    sent_datetime: str | None = None


class TagInput(Struct, frozen=True, forbid_unknown_fields=True):
    name: TagName


class IdInput(Struct, frozen=True, forbid_unknown_fields=True):
    id: int


class FieldInput(Struct, frozen=True, forbid_unknown_fields=True):
    id: int
    value: str | int | float | bool | None = None


class TicketInput(Struct, frozen=True, forbid_unknown_fields=True):
    """A creation."""

    messages: Annotated[list[MessageInput], Meta(min_length=1, max_length=500)]
    channel: str | None = None
    via: Via | None = None
    from_agent: bool | None = None
    status: Status | None = None
    priority: Priority | None = None
    subject: str | None = None
    external_id: Short | None = None
    customer: PersonInput | None = None
    assignee_user: IdInput | None = None
    assignee_team: IdInput | None = None
    tags: list[TagInput] | None = None
    meta: dict[str, Any] | None = None
    custom_fields: list[FieldInput] | None = None
    language: str | None = None
    spam: bool | None = None


class TicketChange(Struct, frozen=True, forbid_unknown_fields=True):
    """An update."""

    status: Status | None = None
    priority: Priority | None = None
    subject: str | None = None
    external_id: Short | None = None
    assignee_user: IdInput | None = None
    assignee_team: IdInput | None = None
    tags: list[TagInput] | None = None
    meta: dict[str, Any] | None = None
    custom_fields: list[FieldInput] | None = None
    spam: bool | None = None
    snooze_datetime: str | None = None
    trashed_datetime: str | None = None
    is_unread: bool | None = None


class TagsInput(Struct, frozen=True, forbid_unknown_fields=True):
    names: list[TagName] | None = None
    ids: list[int] | None = None


class DataInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`version` is when it was so; older data than what is there are ignored."""

    data: dict[str, Any]
    version: str | None = None


class HttpInput(Struct, frozen=True, forbid_unknown_fields=True):
    url: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    triggers: dict[str, bool]
    headers: dict[str, str] | None = None
    form: dict[str, Any] | None = None
    request_content_type: Literal["application/json", "application/x-www-form-urlencoded"] = "application/json"
    response_content_type: Literal["application/json"] = "application/json"
    oauth2: dict[str, Any] | None = None


class IntegrationInput(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    type: Literal["http"]
    http: HttpInput
    description: str | None = None


class WidgetInput(Struct, frozen=True, forbid_unknown_fields=True):
    template: dict[str, Any]
    type: Literal["http", "custom", "customer_external_data", "standalone", "shopify"]
    context: Literal["ticket", "customer"] = "ticket"
    integration_id: int | None = None
    app_id: str | None = None
    order: int = 0


def checked(raw: bytes, kind: type[T]) -> T:
    """A request's values. Raises Refusal (400) for fields, types and words that Gorgias does not have."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(400, f"Failed to validate the request: {error}") from error


def checked_message(values: MessageInput) -> MessageInput:
    """What goes together in one message. Raises Refusal (400)."""
    if not (values.body_text or values.body_html or "").strip():
        raise Refusal(400, "A message needs body_text or body_html")
    sender = values.sender
    if sender is None or (sender.id is None and not sender.email):
        raise Refusal(400, "sender: a message needs somebody who wrote it")
    if values.channel == "internal-note":
        if not values.from_agent:
            raise Refusal(400, "from_agent: internal notes are written by users")
        if values.public:
            raise Refusal(400, "public: internal notes are not")
        if values.receiver is not None:
            raise Refusal(400, "receiver: internal notes have none")
        return values
    if values.from_agent and values.channel == "email":
        source = values.source
        if source is None or source.from_ is None or not source.to:
            raise Refusal(400, "source: an outgoing e-mail needs where it comes from and where it goes")
    if not values.from_agent and values.receiver is not None:
        raise Refusal(400, "receiver: an incoming message has none")
    return values
