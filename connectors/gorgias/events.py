"""This file reads which tickets have changed, as a webhook or a list tells it, and what the customer wrote in one.

A webhook and a read-back of the same change are the same word, so that whichever comes second changes nothing.
"""

from datetime import timedelta

from connectors.gorgias import translate, wire
from connectors.gorgias.integration import TOUCHED
from connectors.gorgias.settings import is_id
from connectors.model import Contact, Observation, References
from connectors.reading import instant, line

LONGEST_TEXT = 500
NOTHING = ("", "None", "null")
"""How Gorgias' templates write a value that is not there."""
_NEW_FOR = timedelta(seconds=10)
"""Rules tag a new ticket within seconds: it is still new."""


def touched(found: wire.Touched, source: str) -> tuple[Observation, ...]:
    """That a ticket has changed, from our own template. Raises ValueError naming what is wrong."""
    if found.beforehand != TOUCHED:
        return ()
    if not is_id(found.ticket_id):
        raise ValueError(f"$.ticket_id: expected the ticket's number, got {str(found.ticket_id)[:40]!r}")
    return (_changed(str(found.ticket_id), found.updated_at, found.last_message_at, source),)


def listed(found: wire.Ticket, source: str) -> Observation:
    """The same, from the list of tickets. Raises ValueError."""
    return _changed(
        str(found.id), found.updated_datetime or found.created_datetime, found.last_message_datetime, source
    )


def _changed(ticket: str, updated: str | None, last_message: str | None, source: str) -> Observation:
    times = []
    for name, text in (("updated_at", updated), ("last_message_at", last_message)):
        if text is None or text.strip() in NOTHING:
            continue
        at = translate.moment(text)
        if at is None:
            raise ValueError(f"$.{name}: expected a time, got {text[:60]!r}")
        times.append(instant(at, f"$.{name}"))
    if not times:
        raise ValueError("$.updated_at: expected a time")
    stamp = ":".join(f"{at:%Y-%m-%dT%H:%M:%S.%f}" for at in times)
    return Observation(
        source=source,
        kind=TOUCHED,
        identity=f"gorgias:touched:{ticket}:{stamp}",
        at=max(times),
        about=References(ticket=ticket),
    )


def contact(found: wire.Ticket, source: str, url: str) -> Observation:
    """The customer's contact as of the ticket's last change. Raises ValueError."""
    seen = listed(found, source)
    began = translate.moment(found.created_datetime) or seen.at
    number, messages = str(found.id), translate.newest_first(found.messages or ())
    theirs = [text for message in messages if translate.is_theirs(message) and (text := _said(message))]
    subject = line(found.subject, 200)
    text = line(theirs[0] if theirs else found.excerpt, LONGEST_TEXT)
    is_gone = translate.is_gone(found) or found.spam is True
    is_new = not is_gone and len(theirs) <= 1 and seen.at - began <= _NEW_FOR
    return Observation(
        source=source,
        kind="ticket.deleted" if is_gone else "ticket.created" if is_new else "ticket.commented",
        identity=seen.identity.replace("gorgias:touched:", "gorgias:seen:", 1),
        at=seen.at,
        about=References(ticket=number, text=f"{subject}\n{text}\n{line(theirs[-1] if theirs else '', 4000)}"),
        text=f"Customer's ticket {number}: {subject or 'no subject'}" if is_new else "",
        contacts=(
            Contact(
                id=number,
                at=began,
                channel=line(found.channel, 40),
                subject=subject,
                text=text,
                state="deleted" if is_gone else translate.state_of(found),
                url=url,
                answered_at=translate.last_reply(messages),
            ),
        ),
    )


def _said(message: wire.Message) -> str:
    """What the customer wrote, without what they quote where Gorgias has taken that off."""
    return message.stripped_text or message.body_text or ""
