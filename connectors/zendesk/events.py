"""This file reads Zendesk's ticket events: what a customer wrote, and what became of it.

Event webhooks (`zen:event-type:ticket.*`, version 2022-11-06) carry the ticket in `detail` and the change in `event`:
https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events/. Subscribe to ticket.created,
ticket.comment_added, ticket.status_changed, ticket.soft_deleted and ticket.merged.
"""

from datetime import datetime

from connectors.model import Contact, Observation, References
from connectors.reading import instant, line
from connectors.zendesk import translate, wire
from connectors.zendesk.settings import is_id

KINDS = {
    "ticket.created": "ticket.created",
    "ticket.comment_added": "ticket.commented",
    "ticket.status_changed": "ticket.changed",
    "ticket.subject_changed": "ticket.changed",
    "ticket.soft_deleted": "ticket.deleted",
    "ticket.permanently_deleted": "ticket.deleted",
    "ticket.merged": "ticket.merged",
}
"""Zendesk's names of events, and ours; the others do not concern us."""
STATES = translate.STATES | {"archived": "closed", "deleted": "deleted", "scrubbed": "deleted"}
"""Those that the API tells, and what only events speak of."""
LONGEST_TEXT = 500
TOUCHED = "ticket.touched"
"""What our app's trigger says (`manifests/zendesk/requirements.json`): look at this ticket."""
_TYPE = "zen:event-type:"
_OURS = "beforehand:"
_GONE = frozenset({"ticket.deleted", "ticket.merged"})


def is_event(kind: str) -> bool:
    """Whether this is an event about a ticket that concerns us."""
    return kind.startswith(_TYPE) and kind.removeprefix(_TYPE) in KINDS


def touched(found: wire.Touched, source: str) -> tuple[Observation, ...]:
    """That a ticket has changed; what the customer wrote is asked for. Raises ValueError naming what is missing."""
    if found.beforehand != TOUCHED:
        return ()
    if not is_id(found.ticket_id):
        raise ValueError("$.ticket_id: expected the ticket's number")
    if found.updated_at is None:
        raise ValueError("$.updated_at: expected a time")
    at = instant(found.updated_at, "$.updated_at")
    return (
        Observation(
            source=source,
            kind=TOUCHED,
            identity=f"zendesk:touched:{found.ticket_id}:{at.isoformat()}",
            at=at,
            about=References(ticket=found.ticket_id),
        ),
    )


def contact(found: wire.Event, source: str, agent_url: str) -> tuple[Observation, ...]:
    """The customer's ticket as of this event; nothing for tickets that we opened.

    Raises ValueError naming what is missing.
    """
    kind, detail = KINDS[found.type.removeprefix(_TYPE)], found.detail
    if detail and (detail.external_id or "").startswith(_OURS):
        return ()
    if detail is None or detail.id is None:
        raise ValueError("$.detail.id: expected the ticket's id")
    at = instant(found.time, "$.time")
    ticket = str(detail.id)
    subject, text = line(detail.subject, 200), line(_customers_words(found, detail), LONGEST_TEXT)
    state = "deleted" if kind in _GONE else STATES.get((detail.status or "").lower(), "open")
    began = _began(detail, at)
    return (
        Observation(
            source=source,
            kind=kind,
            identity=f"zendesk:{line(found.id, 80) or f'{found.type}:{ticket}:{at.isoformat()}'}",
            at=at,
            about=References(ticket=ticket, text=f"{subject}\n{text}\n{line(detail.description, 4000)}"),
            text=f"Customer's ticket {ticket}: {subject or 'no subject'}" if kind == "ticket.created" else "",
            contacts=(
                Contact(
                    id=ticket,
                    at=began,
                    channel=_channel(detail),
                    subject=subject,
                    text=text,
                    state=state,
                    url=f"{agent_url}{ticket}",
                    answered_at=at if _is_answer(found) else None,
                ),
            ),
        ),
    )


def _customers_words(found: wire.Event, detail: wire.EventDetail) -> str:
    """The newest thing that the customer wrote: a comment of theirs, else how the ticket began."""
    comment = found.event.comment if found.event else None
    if comment is not None and comment.is_public is not False and _is_theirs(comment, detail):
        return comment.body or ""
    return detail.description or ""


def _is_theirs(comment: wire.EventComment, detail: wire.EventDetail) -> bool:
    author = comment.author
    if author is None or author.is_staff:
        return False
    return detail.requester_id is None or str(author.id) == str(detail.requester_id)


def _is_answer(found: wire.Event) -> bool:
    """Whether this is what an agent said to the customer."""
    comment = found.event.comment if found.event else None
    by_staff = comment is not None and comment.author is not None and comment.author.is_staff is True
    return by_staff and comment is not None and comment.is_public is True


def _began(detail: wire.EventDetail, at: datetime) -> datetime:
    return instant(detail.created_at, "$.detail.created_at") if detail.created_at else at


def _channel(detail: wire.EventDetail) -> str:
    return line(str(detail.via.channel), 40) if detail.via and detail.via.channel is not None else ""
