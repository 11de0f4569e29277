"""This file is one order's planned actions: what has been sent or may have been, what still waits, what changes."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import blake2b

from msgspec.structs import replace

from connectors.model import TicketChange, TicketDraft
from server.model import Action, ActionKind, ActionState, Issue, OrderKey, TicketLink

_UNFINISHED = (ActionState.PENDING, ActionState.SENDING)
OPENING = (ActionKind.OPEN_TICKET, ActionKind.REOPEN_TICKET)
UNSENT = "recovered before it was sent"
COVERED = "an incident's ticket speaks for it"
CAME_BACK = "the trouble came back before it was sent"
_WITHDRAWN = frozenset({UNSENT, COVERED, CAME_BACK})
"""Why planning gives up what nobody has tried to send."""


class Outbox:
    """What the tickets of one order are told, as stored, and what a plan adds or changes."""

    def __init__(self, order: OrderKey, actions: Sequence[Action], now: datetime) -> None:
        self._order = order
        self._before = {action.key: action for action in actions if action.kind.is_of_issue}
        self._actions = dict(self._before)
        self._now = now

    @property
    def changed(self) -> tuple[Action, ...]:
        return tuple(action for action in self._actions.values() if action != self._before.get(action.key))

    def of(self, lead: str) -> list[Action]:
        """Every action for one ticket, but those that were given up."""
        return [a for a in self._actions.values() if a.lead == lead and not _is_dropped(a)]

    def waiting(self, lead: str, *kinds: ActionKind) -> Action | None:
        """The oldest of *kinds* that can still be changed: nobody has tried to send it."""
        return next((action for action in self.all_waiting(lead) if action.kind in kinds), None)

    def all_waiting(self, lead: str) -> list[Action]:
        """Those that can still be changed. Our own ticket is left in any case: nobody looks after it any more."""
        return [
            a
            for a in self.of(lead)
            if a.state is ActionState.PENDING and a.attempts == 0 and a.kind is not ActionKind.LEAVE_TICKET
        ]

    def was_asked_to_join(self, lead: str, ticket_id: str) -> bool:
        """Whether the customer's ticket was asked to take over, also where it refused: it is not asked again."""
        joins = (a for a in self._actions.values() if a.lead == lead and a.kind is ActionKind.JOIN_TICKET)
        return any(a.target == ticket_id and a.error not in _WITHDRAWN for a in joins)

    def left_unsaid(self, lead: str, moment: datetime) -> bool:
        """Whether a note for this ticket was given up at *moment*."""
        notes = [a for a in self._actions.values() if a.lead == lead and a.kind is ActionKind.ADD_NOTE]
        return any(_is_dropped(action) and action.finished_at == moment for action in notes)

    def may_have_opened(self, lead: str) -> bool:
        """Whether a ticket has been opened or may be on its way."""
        return any(a.kind in OPENING and (a.state in _UNFINISHED or a.ticket_id) for a in self.of(lead))

    def add(
        self,
        kind: ActionKind,
        lead: str,
        issues: Iterable[Issue],
        *,
        connection: str,
        change: TicketChange,
        draft: TicketDraft | None = None,
        not_before: datetime | None = None,
        target: str = "",
        leaves: TicketLink | None = None,
    ) -> None:
        """Plan a new one. Numbered within its ticket: planning from the same state gives the same key."""
        key = next_key(self._actions.values(), lead, kind)
        self._actions[key] = Action(
            key=key,
            order=self._order,
            kind=kind,
            connection=connection,
            issue_ids=_ids(issues),
            lead=lead,
            draft=draft,
            change=replace(change, marker=marker_of(key)),
            target=target,
            leaves=leaves,
            created_at=self._now,
            not_before=not_before or self._now,
        )

    def rewrite(
        self, action: Action, issues: Iterable[Issue], *, change: TicketChange, draft: TicketDraft | None = None
    ) -> None:
        """Let a waiting one say something else, under the same key and marker."""
        marker = action.change.marker if action.change else ""
        self._actions[action.key] = replace(
            action,
            draft=draft,
            change=replace(change, marker=marker),
            issue_ids=_ids(issues),
            request=None,
            request_for="",
        )

    def drop(self, action: Action, why: str) -> None:
        """Give up a waiting one."""
        self._actions[action.key] = replace(action, state=ActionState.DONE, error=why, finished_at=self._now)


def next_key(actions: Iterable[Action], lead: str, kind: ActionKind) -> str:
    """The key of one more action for a ticket."""
    numbers = [int(action.key.split(":")[1]) for action in actions if action.lead == lead and action.kind.is_of_issue]
    return f"{lead}:{1 + max(numbers, default=0)}:{kind}"


def marker_of(key: str) -> str:
    """What the note of an action ends with."""
    return f"bh-{blake2b(key.encode(), digest_size=6).hexdigest()}"


def leaving(joined: Action, actions: Sequence[Action], now: datetime) -> Action | None:
    """What our own ticket is told once the customer's has the finding."""
    link = joined.leaves
    if link is None:
        return None
    key = next_key(actions, joined.lead, ActionKind.LEAVE_TICKET)
    note = f"The customer has written about this order: it goes on in their ticket {joined.target}."
    return Action(
        key=key,
        order=joined.order,
        kind=ActionKind.LEAVE_TICKET,
        connection=link.connection,
        issue_ids=joined.issue_ids,
        lead=joined.lead,
        change=TicketChange(marker=marker_of(key), note=note, state="solved"),
        target=link.ticket_id,
        created_at=now,
        not_before=now,
    )


def _is_dropped(action: Action) -> bool:
    return action.state is ActionState.DONE and action.error != "" and not action.ticket_id


def _ids(issues: Iterable[Issue]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(issue.id for issue in issues))
