"""This file reads a customer's ticket itself, where a webhook said no more than that it has changed."""

from connectors.model import Contact, Observation, References
from connectors.reading import line
from connectors.zendesk import translate, wire
from connectors.zendesk.events import LONGEST_TEXT, STATES, TOUCHED


def is_ours(body: bytes) -> bool:
    """Whether a webhook's body may be the one that our app's trigger sends."""
    return len(body) < 1000 and TOUCHED.encode() in body


def contact_seen(ticket: wire.Ticket, page: wire.CommentPage, source: str, agent_url: str) -> Observation:
    """The customer's contact as of the ticket's last change; *page* has its newest comments first."""
    number = str(ticket.id)
    updated, began = translate.moment(ticket.updated_at), translate.moment(ticket.created_at)
    if updated is None:
        raise ValueError("ticket.updated_at: expected a time")
    theirs = next((c.body for c in page.comments if c.public and c.author_id == ticket.requester_id and c.body), None)
    subject = line(ticket.subject, 200)
    text = line(theirs or ticket.description, LONGEST_TEXT)
    is_new = began is not None and updated == began
    return Observation(
        source=source,
        kind="ticket.created" if is_new else "ticket.commented",
        identity=f"zendesk:seen:{number}:{updated.isoformat()}",
        at=updated,
        about=References(ticket=number, text=f"{subject}\n{text}\n{line(ticket.description, 4000)}"),
        text=f"Customer's ticket {number}: {subject or 'no subject'}" if is_new else "",
        contacts=(
            Contact(
                id=number,
                at=began or updated,
                channel="",
                subject=subject,
                text=text,
                state=STATES.get(ticket.status, "open"),
                url=f"{agent_url}{number}",
                answered_at=translate.last_reply(page),
            ),
        ),
    )
