"""This file lets the ticket say where a message that the policy names was not sent to the customer, and why."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from connectors.model import TicketChange
from server.model import Action, ActionKind, ActionState, Issue, IssueState
from server.rules.outbox import OPENING, marker_of, next_key


def mentions(actions: Sequence[Action], issues: Iterable[Issue], now: datetime) -> list[Action]:
    """What tickets still have to be told of held back messages: a line in an opening that waits, else a note."""
    known = {action.key: action for action in actions}
    by_id = {issue.id: issue for issue in issues}
    for held in actions:
        issue = by_id.get(held.issue_ids[0]) if held.kind is ActionKind.MESSAGE_CUSTOMER else None
        if held.state is not ActionState.HELD or issue is None or issue.state is not IssueState.OPEN:
            continue
        told = f"{held.key}|{held.error}"
        if not any(told in action.tells for action in known.values()):
            said = _said(held, issue, list(known.values()), now, told)
            known |= {action.key: action for action in said}
    return [action for key, action in known.items() if action not in actions and not action.kind.is_notice and key]


def _said(held: Action, issue: Issue, actions: Sequence[Action], now: datetime, told: str) -> list[Action]:
    mine = [a for a in actions if a.lead == issue.lead and not a.kind.is_notice]
    text = f"The customer has not been told by a message of ours: {held.error}."
    for action in mine:
        is_untried = action.state is ActionState.PENDING and action.attempts == 0
        if action.kind in OPENING and is_untried and action.draft is not None:
            draft = replace(action.draft, body=f"{action.draft.body}\n\n{text}")
            return [replace(action, draft=draft, tells=(*action.tells, told))]
    if not mine and issue.ticket is None:
        return []
    key = next_key(actions, issue.lead, ActionKind.ADD_NOTE)
    connection = issue.ticket.connection if issue.ticket else mine[-1].connection
    return [
        Action(
            key=key,
            order=held.order,
            kind=ActionKind.ADD_NOTE,
            connection=connection,
            issue_ids=(issue.id,),
            lead=issue.lead,
            change=TicketChange(marker=marker_of(key), note=text),
            tells=(told,),
            created_at=now,
            not_before=now,
        )
    ]
