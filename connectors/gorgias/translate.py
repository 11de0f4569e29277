"""This file is what Gorgias' words mean in ours, and how our requests are written. Pure."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from typing import Any

import msgspec
from msgspec import Struct

from connectors.contract import Rejected
from connectors.gorgias import wire
from connectors.model import Ticket, TicketChange, TicketDraft
from connectors.reading import digest

SYSTEM = "Gorgias"
OURS = "beforehand:"
"""How the external id of every ticket that we open begins."""
NOTE = "internal-note"
PRIORITIES = {"low": "low", "normal": "normal", "high": "high", "urgent": "high"}
"""The three words on which all descriptions of the API agree; `urgent` is also said by a tag."""
URGENT_TAG = "urgent"
LONGEST_SUBJECT = 255
LONGEST_BODY = 60_000
_MARKER = "bh-"
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_PLACEHOLDER = re.compile(r"\{(?=[{%])")
_EMAIL = re.compile(r"""(?:(?![\\"<>(),:;@])[!-~])+@(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]+""")
_NOT_IN_TAGS = re.compile(r"[^a-z0-9_/-]+")


class Change(Struct, frozen=True):
    """What `render_change` makes: new values of the ticket, tags that it gets beside its own, and one message.

    The message carries the marker as its external id. A public one still lacks where it goes.
    """

    values: dict[str, Any]
    add_tags: tuple[str, ...]
    message: dict[str, Any]

    @property
    def is_public(self) -> bool:
        return bool(self.message.get("public"))

    @property
    def marker(self) -> str:
        return str(self.message.get("external_id", ""))


def ticket(found: wire.Ticket, *, url: str, order_field: int | None = None) -> Ticket:
    """A ticket in our words. Its marks are the tags, and the markers of replies that it got from us."""
    return Ticket(
        id=str(found.id),
        state=state_of(found),
        subject=found.subject or "",
        description=_description(found),
        external_id=found.external_id or "",
        requester_email=((found.customer.email if found.customer else "") or "").strip().lower(),
        tags=tuple(dict.fromkeys((*tags_of(found), *_replies(found.messages or ())))),
        created_at=moment(found.created_datetime),
        updated_at=moment(found.updated_datetime),
        version=version_of(found),
        url=url,
        order_references=_order_references(found.custom_fields, order_field),
    )


def state_of(found: wire.Ticket) -> str:
    """Ours. Whatever is closed there can be opened again, so it is `solved`; one that is snoozed waits."""
    if found.status == "closed":
        return "pending" if found.snooze_datetime else "solved"
    return "open"


def version_of(found: wire.Ticket) -> str:
    """What is another once anything has happened: Gorgias has no stamp, but times down to the microsecond."""
    return f"{found.updated_datetime or found.created_datetime or ''}/{found.last_message_datetime or ''}"


def is_gone(found: wire.Ticket) -> bool:
    """Whether agents have thrown it away."""
    return bool(found.trashed_datetime)


def tags_of(found: wire.Ticket) -> tuple[str, ...]:
    """Its own tags."""
    return tuple(tag.name for tag in found.tags or () if tag.name)


def open_request(draft: TicketDraft, *, sender: str, teams: dict[str, int | str], order_field: int | None) -> bytes:
    """The request that opens *draft* with an internal note. The same draft always gives the same bytes.

    On the channel `api` Gorgias sends no automatic replies either.
    """
    subject = _inert(draft.subject, LONGEST_SUBJECT)
    urgent = (URGENT_TAG,) if draft.priority == "urgent" else ()
    values: dict[str, Any] = {
        "channel": "api",
        "from_agent": True,
        "messages": [{**_note(_inert(draft.body, LONGEST_BODY), sender), "subject": subject}],
        "priority": PRIORITIES.get(draft.priority, "normal"),
        "status": "open",
        "subject": subject,
        "tags": [{"name": tag} for tag in dict.fromkeys((*draft.tags, *urgent, *_team_tag(draft.group, teams)))],
        "via": "api",
    }
    if draft.external_id:
        values["external_id"] = draft.external_id
    if email := usable_email(draft.requester_email):
        values["customer"] = {"email": email, "name": _inert(draft.requester_name, 80) or email}
    if team := _team_id(draft.group, teams):
        values["assignee_team"] = {"id": team}
    if order_field is not None and draft.order_reference:
        values["custom_fields"] = [{"id": order_field, "value": draft.order_reference}]
    return msgspec.json.encode(values, order="sorted")


def signed_opening(request: bytes, key: str) -> tuple[str, bytes]:
    """The external id of *request*, and the request as it is sent: with what tells a repeat from another one."""
    try:
        values = msgspec.json.decode(request, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Rejected(SYSTEM, f"not the opening of a ticket: {error}") from error
    values["meta"] = {"beforehand": fingerprint(request, key)}
    return str(values.get("external_id") or ""), msgspec.json.encode(values, order="sorted")


def fingerprint(request: bytes, key: str) -> str:
    """What the same key and bytes have in common."""
    return f"{digest(key)}-{digest(request)}"


def fingerprint_of(found: wire.Ticket) -> str:
    """The one that a ticket was opened with; empty where Gorgias does not tell it."""
    said = found.meta.get("beforehand") if isinstance(found.meta, dict) else None
    return said if isinstance(said, str) else ""


def change_request(change: TicketChange, *, sender: str) -> bytes:
    """The request that makes *change*, still without what depends on the ticket when it is sent."""
    values: dict[str, Any] = {}
    if change.state:
        values["status"] = "closed" if change.state == "solved" else "open"
    tags = list(change.add_tags)
    if change.priority:
        values["priority"] = PRIORITIES.get(change.priority, "normal")
        tags += [URGENT_TAG] if change.priority == "urgent" else []
    if change.reply:
        message = {**_message(_inert(change.reply, LONGEST_BODY), sender), "public": True}
    else:
        body = "\n\n".join(part for part in (_inert(change.note, LONGEST_BODY), f"Ref {change.marker}") if part)
        message = _note(body, sender)
    message["external_id"] = change.marker
    return msgspec.json.encode(Change(values, tuple(dict.fromkeys(tags)), message), order="sorted")


def read_change(request: bytes) -> Change:
    """What `change_request` wrote."""
    try:
        return msgspec.json.decode(request, type=Change)
    except msgspec.DecodeError as error:
        raise Rejected(SYSTEM, f"not a change of a ticket: {error}") from error


def addressed(message: dict[str, Any], found: wire.Ticket, reply_from: str) -> dict[str, Any]:
    """The reply as it is sent: on the channel on which the customer wrote last, else by e-mail from *reply_from*."""
    customer = found.customer
    if customer is None or customer.id is None:
        raise Rejected(SYSTEM, "the ticket has no customer to reply to")
    together = {**message, "receiver": {"id": customer.id}, "subject": found.subject or ""}
    for last in newest_first(found.messages or ()):
        if last.from_agent or last.channel == NOTE or last.source is None:
            continue
        theirs, ours = last.source.from_, next(iter(last.source.to or ()), None)
        if theirs and theirs.address and ours and ours.address:
            kind = last.source.type or last.channel or "email"
            source = {"type": kind, "from": _written(ours), "to": [_written(theirs)]}
            return {**together, "channel": last.channel or "email", "source": source}
    if not reply_from or not customer.email:
        raise Rejected(SYSTEM, "no address to reply from: set reply_from to the support address of this connection")
    to = {"name": customer.name or customer.email, "address": customer.email}
    source = {"type": "email", "from": {"address": reply_from}, "to": [to]}
    return {**together, "channel": "email", "source": source}


def newest_first(messages: Iterable[wire.Message]) -> list[wire.Message]:
    """By when they were made; the later id where that is the same."""
    return sorted(messages, key=lambda message: (message.created_datetime or "", message.id), reverse=True)


def is_theirs(message: wire.Message) -> bool:
    """Whether the customer wrote it."""
    return message.from_agent is False and message.channel != NOTE and message.public is not False


def last_reply(messages: Iterable[wire.Message]) -> datetime | None:
    """When anybody but the customer last wrote to them; what could not be sent does not count."""
    for message in newest_first(messages):
        is_public = message.public is not False and message.channel != NOTE
        if message.from_agent and is_public and not message.failed_datetime:
            return moment(message.created_datetime)
    return None


def has_marker(message: wire.Message, marker: str) -> bool:
    """Whether it is our note with *marker*, and not one whose marker merely begins with it."""
    if message.channel != NOTE and message.public is not False:
        return False
    if message.external_id == marker:
        return True
    return bool(re.search(rf"(?<![\w-]){re.escape(marker)}(?![\w-])", message.body_text or ""))


def usable_email(email: str) -> str | None:
    """The address in lower case; None for what could mean more than an address."""
    plain = email.strip().lower()
    return plain if len(plain) <= 254 and _EMAIL.fullmatch(plain) else None


def has_address(customer: wire.Customer, email: str) -> bool:
    """Whether it is one of the customer's own addresses; what merely looks like it is not."""
    channels = (channel.address for channel in customer.channels or () if channel.type == "email")
    return email in {(address or "").strip().lower() for address in (customer.email, *channels)}


def moment(text: str | None) -> datetime | None:
    """Gorgias' time, which is UTC where it does not say another offset; None for what is no time."""
    try:
        found = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def written(at: datetime) -> str:
    """A time as Gorgias writes it."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def _message(text: str, sender: str) -> dict[str, Any]:
    html = escape(text).replace("\n", "<br>")
    return {
        "body_html": html,
        "body_text": text,
        "from_agent": True,
        "sender": {"email": sender},
        "via": "api",
    }


def _note(text: str, sender: str) -> dict[str, Any]:
    return {**_message(text, sender), "channel": NOTE, "public": False}


def _written(address: wire.Address) -> dict[str, str]:
    return {"name": address.name or address.address or "", "address": address.address or ""}


def _description(found: wire.Ticket) -> str:
    """How it began; in lists there is no more than an excerpt of its newest message."""
    for message in reversed(newest_first(found.messages or ())):
        if text := message.body_text or message.stripped_text:
            return text
    return found.excerpt or ""


def _replies(messages: Iterable[wire.Message]) -> list[str]:
    """The markers of our replies: with them a reply is known to be there although its tag never arrived."""
    return [
        message.external_id
        for message in messages
        if message.external_id and message.external_id.startswith(_MARKER) and message.channel != NOTE
    ]


def _order_references(fields: Any, order_field: int | None) -> tuple[str, ...]:
    """What the order field holds; Gorgias gives the fields of a ticket by their ids."""
    if order_field is None or not isinstance(fields, dict):
        return ()
    field = fields.get(str(order_field))
    value = field.get("value") if isinstance(field, dict) else None
    return (str(value),) if isinstance(value, str | int) and str(value).strip() else ()


def _team_id(name: str, teams: dict[str, int | str]) -> int | None:
    found = str(teams.get(name, name))
    return int(found) if found.isascii() and found.isdigit() else None


def _team_tag(name: str, teams: dict[str, int | str]) -> tuple[str, ...]:
    """An owner whose team we do not know is said in a tag, by which a rule of the merchant's can assign."""
    if not name or _team_id(name, teams):
        return ()
    slug = _NOT_IN_TAGS.sub("_", name.lower()).strip("_")
    return (f"owner_{slug}",) if slug else ()


def _inert(text: str, longest: int) -> str:
    """Text of others that stays text: no variables for Gorgias to fill in, nothing that hides or reorders."""
    plain = _PLACEHOLDER.sub("{ ", _UNPRINTABLE.sub("", text)).strip()
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"
