"""This file writes the actions of one order's tickets: open, note, solve, re-open; gathers what belongs together.

An action that has not been tried yet can still be changed or dropped: a note that waits takes up the next one, and
trouble that goes away before its ticket was sent opens none.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import blake2b

from msgspec.structs import replace

from connectors.model import TicketChange, TicketDraft
from server.model import Action, ActionKind, ActionState, Assessment, Issue, OrderView, Severity, Signal
from server.rules import ticket_text
from server.rules.policy import Policy

_UNFINISHED = (ActionState.PENDING, ActionState.SENDING)


class TicketActions:
    """The actions of one order, and those that change."""

    def __init__(
        self,
        order: OrderView,
        assessment: Assessment,
        actions: Sequence[Action],
        policy: Policy,
        helpdesk: str,
        now: datetime,
    ) -> None:
        self._order = order
        self._assessment = assessment
        self._before = {action.key: action for action in actions}
        self._actions = dict(self._before)
        self._policy = policy
        self._helpdesk = helpdesk
        self._now = now

    @property
    def changed(self) -> tuple[Action, ...]:
        return tuple(action for action in self._actions.values() if action != self._before.get(action.key))

    def open(self, lead: Issue, issues: Sequence[Issue], signals: Sequence[Signal], previous: Issue | None) -> None:
        """Open a ticket for *issues*; a follow-up where *previous* had one."""
        follow_up_of = previous.ticket.ticket_id if previous and previous.ticket and previous.ticket.is_ours else ""
        self._put(
            ActionKind.OPEN_TICKET,
            lead.id,
            issues,
            draft=self._draft(lead, signals, follow_up_of),
            note=self._note(signals),
            tags=_tags(issues),
            priority=_priority(signals),
        )

    def reopen(self, lead: Issue, issues: Sequence[Issue], signals: Sequence[Signal]) -> None:
        """The trouble is back within its grace time."""
        solving = self._waiting(lead.lead, ActionKind.SOLVE_TICKET)
        if solving is not None:
            # The ticket was about to be solved and is not: nobody needs to hear of either.
            self._drop(solving, "the trouble came back before it was sent")
            return
        if self._was_never_opened(lead.lead):
            self.open(lead, issues, signals, None)
            return
        follow_up_of = lead.ticket.ticket_id if lead.ticket and lead.ticket.is_ours else ""
        self._put(
            ActionKind.REOPEN_TICKET,
            lead.lead,
            issues,
            draft=self._draft(lead, signals, follow_up_of),
            note=f"The trouble is back. {self._note(signals)}",
            state="open",
            tags=_tags(issues),
            priority=_priority(signals),
        )

    def add_note(self, lead: str, *, news: Sequence[Signal], ended: Sequence[Issue], issues: Sequence[Issue]) -> None:
        """Tell a ticket that stays open what is new and what has ended."""
        texts = [self._recovery(ended)] if ended else []
        texts += [self._note(news)] if news else []
        waiting = self._waiting(lead, ActionKind.ADD_NOTE)
        if waiting is not None and waiting.change is not None:
            gathered = "\n\n".join([waiting.change.note, *texts])
            tags = tuple(dict.fromkeys([*waiting.change.add_tags, *_tags(issues)]))
            self._actions[waiting.key] = replace(
                waiting,
                change=replace(waiting.change, note=gathered, add_tags=tags),
                issue_ids=_ids(waiting.issue_ids, issues),
            )
            return
        self._put(
            ActionKind.ADD_NOTE,
            lead,
            issues,
            note="\n\n".join(texts),
            tags=_tags(issues),
            priority=_priority(news),
            not_before=self._next_note(lead),
        )

    def solve(self, lead: str, ended: Sequence[Issue]) -> None:
        """Nothing is left of the trouble: solve the ticket, or never open it."""
        opening = self._waiting(lead, ActionKind.OPEN_TICKET)
        if opening is not None:
            for action in self._all_waiting(lead):
                self._drop(action, "recovered before it was sent")
            return
        if self._was_never_opened(lead):
            return
        texts = [self._recovery(ended)]
        reopening = self._waiting(lead, ActionKind.REOPEN_TICKET)
        for action in self._all_waiting(lead):
            if action.kind is ActionKind.ADD_NOTE and action.change is not None:
                texts.insert(0, action.change.note)
            self._drop(action, "overtaken by the recovery")
        if reopening is None:
            self._put(ActionKind.SOLVE_TICKET, lead, ended, note="\n\n".join(texts), state="solved")

    def _put(
        self,
        kind: ActionKind,
        lead: str,
        issues: Sequence[Issue],
        *,
        note: str,
        draft: TicketDraft | None = None,
        state: str = "",
        tags: tuple[str, ...] = (),
        priority: str = "",
        not_before: datetime | None = None,
    ) -> None:
        # Numbered within the ticket: planning from the same state gives the same key.
        number = 1 + sum(action.lead == lead for action in self._actions.values())
        key = f"{lead}:{number}:{kind}"
        self._actions[key] = Action(
            key=key,
            order=self._order.key,
            kind=kind,
            connection=self._helpdesk,
            issue_ids=_ids((), issues),
            lead=lead,
            draft=draft,
            change=TicketChange(marker=_marker(key), note=note, state=state, add_tags=tags, priority=priority),
            created_at=self._now,
            not_before=not_before or self._now,
        )

    def _draft(self, lead: Issue, signals: Sequence[Signal], follow_up_of: str) -> TicketDraft:
        facts = self._order.order
        customer = facts.customer
        # A follow-up of a re-opened issue needs an external id of its own: the closed ticket keeps the first one.
        again = f":{lead.reopened}" if lead.reopened else ""
        return TicketDraft(
            external_id=f"{replace(lead, lead=lead.lead or lead.id).external_id}{again}",
            subject=ticket_text.subject(self._order, signals),
            body=ticket_text.body(self._order, self._assessment, signals, self._now, self._policy),
            tags=("beforehand", *(f"beforehand_{signal.kind}" for signal in signals)),
            priority=_priority(signals),
            requester_name=(customer.name if customer else "") or "",
            requester_email=(customer.email if customer else "") or facts.email or "",
            group=self._policy.group,
            order_reference=facts.name or facts.id,
            follow_up_of=follow_up_of,
        )

    def _note(self, signals: Sequence[Signal]) -> str:
        return ticket_text.note(self._order, self._assessment, signals, self._now, self._policy)

    def _recovery(self, ended: Sequence[Issue]) -> str:
        return ticket_text.recovery(self._order, [issue.kind for issue in ended], self._now, self._policy)

    def _next_note(self, lead: str) -> datetime:
        """Not sooner than the policy's `note_every` after the last thing that was written there."""
        written = [
            (action.finished_at or action.not_before) + self._policy.note_every
            for action in self._actions.values()
            if action.lead == lead and action.kind is not ActionKind.OPEN_TICKET and not action.error
        ]
        return max([self._now, *written])

    def _all_waiting(self, lead: str) -> list[Action]:
        return [
            action
            for action in self._actions.values()
            if action.lead == lead and action.state is ActionState.PENDING and action.attempts == 0
        ]

    def _waiting(self, lead: str, kind: ActionKind) -> Action | None:
        return next((action for action in self._all_waiting(lead) if action.kind is kind), None)

    def _was_never_opened(self, lead: str) -> bool:
        """No ticket has been opened, nor may one be on its way."""
        return not any(
            action.lead == lead
            and action.kind in (ActionKind.OPEN_TICKET, ActionKind.REOPEN_TICKET)
            and (action.state in _UNFINISHED or action.ticket_id)
            for action in self._actions.values()
        )

    def _drop(self, action: Action, why: str) -> None:
        self._actions[action.key] = replace(action, state=ActionState.DONE, error=why, finished_at=self._now)


def _ids(known: tuple[str, ...], issues: Iterable[Issue]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*known, *(issue.id for issue in issues)]))


def _tags(issues: Sequence[Issue]) -> tuple[str, ...]:
    return ("beforehand", *dict.fromkeys(f"beforehand_{issue.kind}" for issue in issues))


def _priority(signals: Sequence[Signal]) -> str:
    return max((signal.severity for signal in signals), key=lambda s: s.rank, default=Severity.NORMAL)


def _marker(key: str) -> str:
    return f"bh-{blake2b(key.encode(), digest_size=6).hexdigest()}"
