"""This file is what follows in our own records from an action that was delivered to the helpdesk."""

from datetime import datetime

from msgspec.structs import replace

from server.flows.errand import Delivered, Overtaken, current
from server.model import Action, ActionKind, ActionState, TicketLink
from server.rules.incident import is_incident_key
from server.rules.outbox import leaving
from server.rules.outcome import solved_with
from server.store.contract import Writing


def finish(tx: Writing, action: Action, delivered: Delivered, now: datetime) -> bool:
    """Store what became of *action*. False when it was finished meanwhile."""
    try:
        latest = current(tx, action)
    except Overtaken:
        return False
    ticket = delivered.ticket
    tx.put_action(
        replace(
            latest,
            state=ActionState.DONE,
            ticket_id=ticket.id if ticket else "",
            error=delivered.dropped,
            finished_at=now,
            request=None,
        )
    )
    if latest.kind.is_of_issue:
        _follow(tx, latest, delivered, now)
    return True


def _follow(tx: Writing, action: Action, delivered: Delivered, now: datetime) -> None:
    """The next step in the life of the issue's ticket."""
    ticket = delivered.ticket
    if ticket is not None:
        link = TicketLink(connection=action.connection, ticket_id=ticket.id, url=ticket.url, is_ours=delivered.is_ours)
        if action.kind is not ActionKind.LEAVE_TICKET:
            _link(tx, action, link)
        if action.kind is ActionKind.JOIN_TICKET and (left := leaving(action, tx.actions_of(action.order), now)):
            tx.put_action(left)
    if action.kind is ActionKind.SOLVE_TICKET:
        was_to_be_solved = action.change is not None and action.change.state == "solved"
        by_person = bool(delivered.dropped) or (was_to_be_solved and delivered.happened != "ticket_solved")
        for issue in list(solved_with(action, tx.issues_of(action.order), by_person=by_person)):
            tx.put_issue(issue)


def _link(tx: Writing, action: Action, link: TicketLink) -> None:
    """Tell the issues and the order which ticket it is."""
    for issue in tx.issues_of(action.order):
        concerned = issue.id in action.issue_ids or action.lead in (issue.id, issue.lead)
        if concerned and issue.ticket != link:
            tx.put_issue(replace(issue, ticket=link))
    if not is_incident_key(action.order):
        tx.link_ticket(action.order, link.connection, link.ticket_id)
