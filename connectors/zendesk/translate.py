"""This file is what Zendesk's words mean in ours, and how our requests are written. Pure."""

import re
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from connectors.contract import HelpdeskUser, Rejected
from connectors.model import Ticket, TicketChange, TicketDraft
from connectors.zendesk import wire
from connectors.zendesk.settings import is_id

STATES = {
    "new": "open",
    "open": "open",
    "pending": "pending",
    "hold": "pending",
    "solved": "solved",
    "closed": "closed",
}
LONGEST_SUBJECT = 255
LONGEST_BODY = 60_000
"""Zendesk refuses a comment over 64 KB; a letter may take more than one byte."""
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_PLACEHOLDER = re.compile(r"\{(?=[{%])")
_EMAIL = re.compile(r"""(?:(?![\\"<>(),:;@])[!-~])+@(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]+""")
_TOUCHES = ("Comment", "VoiceComment", "Change")
_BY_HAND = ("web", "mobile")
"""Where a person works with the user that we work with too, which an account may do although it should not."""
_NOT_IN_TAGS = re.compile(r"[^a-z0-9_/-]+")


class Change(Struct, frozen=True):
    """What `render_change` makes: the ticket's new values, and tags that are added to those it has by then."""

    ticket: dict[str, Any]
    add_tags: tuple[str, ...] = ()


def ticket(found: wire.Ticket, *, url: str, requester_email: str = "", order_field: int | None = None) -> Ticket:
    """A ticket in our words. A custom status counts as open."""
    fields = {field.id: field.value for field in found.custom_fields or ()}
    order = fields.get(order_field) if order_field is not None else None
    return Ticket(
        id=str(found.id),
        state=STATES.get(found.status, "open"),
        subject=found.subject or "",
        description=found.description or "",
        external_id=found.external_id or "",
        requester_email=requester_email,
        tags=found.tags or (),
        created_at=moment(found.created_at),
        updated_at=moment(found.updated_at),
        version=found.updated_at,
        url=url,
        order_references=(str(order),) if isinstance(order, str | int) and str(order).strip() else (),
    )


def open_request(draft: TicketDraft, *, groups: dict[str, int | str], order_field: int | None) -> bytes:
    """The request that opens *draft*. The same draft always gives the same bytes."""
    values: dict[str, Any] = {
        "comment": {"body": _inert(draft.body, LONGEST_BODY), "public": False},
        "external_id": draft.external_id,
        "priority": draft.priority,
        "subject": _inert(draft.subject, LONGEST_SUBJECT),
        "tags": list(dict.fromkeys((*draft.tags, *_group_tag(draft.group, groups)))),
        "type": "task",
    }
    if email := searchable_email(draft.requester_email):
        # A name is compulsory for a customer whom Zendesk does not know yet; a bad address would cost us the ticket.
        values["requester"] = {"email": email, "name": _inert(draft.requester_name, 80) or email}
    if group := _group_id(draft.group, groups):
        values["group_id"] = group
    if order_field is not None and draft.order_reference:
        values["custom_fields"] = [{"id": order_field, "value": draft.order_reference}]
    if is_id(draft.follow_up_of):
        values["via_followup_source_id"] = int(draft.follow_up_of)
    return msgspec.json.encode({"ticket": values}, order="sorted")


def change_request(change: TicketChange) -> bytes:
    """The request that makes *change*, still without the tags and the stamp that the ticket has when it is sent."""
    values: dict[str, Any] = {"comment": _comment(change)}
    if change.state:
        values["status"] = change.state
    if change.priority:
        values["priority"] = change.priority
    return msgspec.json.encode(Change(values, tuple(dict.fromkeys(change.add_tags))), order="sorted")


def _comment(change: TicketChange) -> dict[str, Any]:
    """The reply to the customer where there is one, else our note with its marker."""
    if change.reply:
        return {"body": _inert(change.reply, LONGEST_BODY), "public": True}
    body = "\n\n".join(part for part in (_inert(change.note, LONGEST_BODY), f"Ref {change.marker}") if part)
    return {"body": body, "public": False}


def last_reply(page: wire.CommentPage) -> datetime | None:
    """When anybody but a customer last wrote in public, newest first. An author who is not listed may be an agent."""
    customers = {user.id for user in page.users or () if user.role == "end-user"}
    for comment in page.comments:
        if comment.public and comment.author_id not in customers:
            return moment(comment.created_at)
    return None


def finished_change(request: bytes, found: Ticket) -> bytes:
    """*request* as it is sent: Zendesk refuses it (409) when the ticket is no longer the one that we know.

    Tags in an update replace those that are there, which the stamp makes safe.
    """
    try:
        change = msgspec.json.decode(request, type=Change)
    except msgspec.DecodeError as error:
        raise Rejected("Zendesk", f"not a change of a ticket: {error}") from error
    values = {**change.ticket, "safe_update": True, "updated_stamp": found.version}
    missing = [tag for tag in change.add_tags if tag not in found.tags]
    if missing:
        values["tags"] = [*found.tags, *missing]
    return msgspec.json.encode({"ticket": values}, order="sorted")


def has_marker(comment: wire.Comment, marker: str) -> bool:
    """Whether it is our note with *marker*, and not one whose marker merely begins with it."""
    if comment.public:
        return False
    pattern = re.compile(rf"(?<![\w-]){re.escape(marker)}(?![\w-])")
    return any(pattern.search(text) for text in (comment.body, comment.plain_body) if text)


def searchable_email(email: str) -> str | None:
    """The address, fit to be put in quotes into a search; None for what could mean more than an address."""
    plain = email.strip().lower()
    return plain if len(plain) <= 254 and _EMAIL.fullmatch(plain) else None


def person(user: wire.User, user_id: str) -> HelpdeskUser:
    """A user. Zendesk says `verified` when any of the user's addresses is."""
    return HelpdeskUser(
        id=user_id,
        name=user.name or "",
        email=(user.email or "").strip().lower(),
        is_email_verified=bool(user.verified),
        role=user.role or "end-user",
        is_active=not user.suspended and user.active is not False,
    )


def people(audits: tuple[wire.Audit, ...], us: int | None) -> set[int]:
    """Who wrote in a ticket or changed it by hand: us (unless in the browser), rules and Zendesk itself left out."""
    found = set()
    for audit in audits:
        if audit.author_id is None or audit.author_id < 0 or _channel(audit.via) == "rule":
            continue
        if audit.author_id == us and _channel(audit.via) not in _BY_HAND:
            continue
        if any(event.type in _TOUCHES and _channel(event.via) != "rule" for event in audit.events or ()):
            found.add(audit.author_id)
    return found


def moment(text: str | None) -> datetime | None:
    """Zendesk's ISO 8601 time; None for anything else, since nothing depends on it."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _channel(via: wire.Via | None) -> str:
    return str(via.channel or "") if via else ""


def _group_id(name: str, groups: dict[str, int | str]) -> int | None:
    found = str(groups.get(name, name))
    return int(found) if found.isascii() and found.isdigit() else None


def _group_tag(name: str, groups: dict[str, int | str]) -> tuple[str, ...]:
    """An owner whose group we do not know is said in a tag, by which a trigger of the merchant's can route."""
    if not name or _group_id(name, groups):
        return ()
    slug = _NOT_IN_TAGS.sub("_", name.lower()).strip("_")
    return (f"owner_{slug}",) if slug else ()


def _inert(text: str, longest: int) -> str:
    """Text of others that stays text: no placeholders for Zendesk to fill in, nothing that hides or reorders."""
    plain = _PLACEHOLDER.sub("{ ", _UNPRINTABLE.sub("", text)).strip()
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"
