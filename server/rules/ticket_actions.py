"""This file decides what one ticket is told: opened, noted, solved, re-opened, and never more than once.

An action that has not been tried yet can still be changed or dropped: an opening is written anew, a note takes up the
next one, and trouble that goes away before its ticket was sent opens none.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from connectors.model import Contact, TicketChange, TicketDraft
from server.model import Action, ActionKind, Assessment, Issue, IssueState, OrderView, Severity, Signal, TicketLink
from server.rules import ticket_text
from server.rules.outbox import CAME_BACK, COVERED, OPENING, UNSENT, Outbox
from server.rules.policy import Policy, Recovery

LONGEST_CALM = timedelta(days=1)


class TicketNews(Struct, frozen=True, kw_only=True):
    """What there is to tell the ticket of *lead*. `open` are all open issues that share it, by precedence."""

    lead: str
    open: Sequence[Issue]
    ended: Sequence[Issue]
    news: Sequence[Issue]
    all: Mapping[str, Issue]
    """Every issue of the order."""
    follow_up_of: str = ""


class TicketActions:
    """What is planned for the tickets of one order. *issues* are as they were before this plan."""

    def __init__(
        self,
        order: OrderView,
        assessment: Assessment,
        issues: Sequence[Issue],
        actions: Sequence[Action],
        policy: Policy,
        helpdesk: str,
        now: datetime,
    ) -> None:
        self._text = ticket_text.TicketText(order, assessment, now, policy, actions)
        self._signals = {signal.kind: signal for signal in assessment.signals}
        self._issues = {issue.id: issue for issue in issues}
        self._outbox = Outbox(order.key, actions, now)
        self._policy = policy
        self._helpdesk = helpdesk
        self._now = now

    @property
    def changed(self) -> tuple[Action, ...]:
        return self._outbox.changed

    def was_tried(self, lead: str) -> bool:
        """Whether there is a ticket, or one is or was to be opened, also if that failed."""
        return self._link(lead) is not None or any(a.kind in OPENING for a in self._outbox.of(lead))

    def withdraw(self, lead: str) -> bool:
        """Give up an opening that nobody has tried to send. False when there is none: it has been, or was never due."""
        if self._outbox.waiting(lead, *OPENING) is None:
            return False
        for action in self._outbox.all_waiting(lead):
            self._outbox.drop(action, COVERED)
        return True

    def tell(self, news: TicketNews) -> None:
        """Plan what this ticket is owed: at most one new action."""
        lead = news.lead
        exists = self._link(lead) is not None or self._outbox.may_have_opened(lead)
        opening = self._outbox.waiting(lead, *OPENING)
        if not news.open:
            self._end(news, nothing_sent=opening is not None or not exists)
        elif opening is not None:
            draft, change = self._opening(news, _suffix(opening))
            self._outbox.rewrite(opening, news.open, draft=draft, change=change)
        elif not exists:
            draft, change = self._opening(news, "")
            kind = ActionKind.OPEN_TICKET
            self._outbox.add(kind, lead, news.open, connection=self._helpdesk, draft=draft, change=change)
        elif self._were_open(lead):
            self._add_note(news, self._were_open(lead))
        else:
            self._reopen(news)

    def join(self, lead: str, open_issues: Sequence[Issue], contact: Contact) -> None:
        """Go on in the ticket that the customer has opened since, where our own is the one that is told so far."""
        link = self._link(lead)
        asked = [a for a in self._outbox.of(lead) if a.kind is ActionKind.JOIN_TICKET]
        if link is None or not link.is_ours or link.ticket_id == contact.id or any(not a.finished_at for a in asked):
            return
        if self._outbox.was_asked_to_join(lead, contact.id):
            return
        signals = self._signals_of(open_issues)
        note = f"{self._text.note(signals, signals)}\n\nTicket {link.ticket_id} was opened about it before."
        change = TicketChange(marker="", note=note, add_tags=_tags(open_issues))
        self._outbox.add(
            ActionKind.JOIN_TICKET,
            lead,
            open_issues,
            connection=link.connection,
            change=change,
            target=contact.id,
            leaves=link,
        )

    def _reopen(self, news: TicketNews) -> None:
        """The trouble is back within its grace time."""
        lead, kind = news.lead, ActionKind.REOPEN_TICKET
        solving = self._outbox.waiting(lead, ActionKind.SOLVE_TICKET)
        if solving is None:
            number = 1 + sum(action.kind is kind for action in self._outbox.of(lead))
            draft, change = self._opening(news, f":{number}")
            self._outbox.add(kind, lead, news.open, connection=self._connection(lead), draft=draft, change=change)
            return
        # The ticket was about to be solved and is not: only what it has not been told before is worth a note.
        self._outbox.drop(solving, CAME_BACK)
        unsent = self._outbox.left_unsaid(lead, solving.created_at)
        untold = [issue for issue in news.open if unsent or self._is_new_to(lead, issue)]
        if untold:
            was = [self._issues[name] for name in solving.issue_ids if name in self._issues]
            self._add_note(replace(news, news=untold, ended=()), was)

    def _add_note(self, news: TicketNews, was: Sequence[Issue]) -> None:
        """Tell a ticket that stays open what is new and what has ended. *was* is what it stood for until now."""
        lead, kind = news.lead, ActionKind.ADD_NOTE
        told = {issue.id: issue for issue in (*news.ended, *news.news)}
        raised = _raised(was, news.open)
        waiting = self._outbox.waiting(lead, kind)
        # New trouble must be seen, also where an agent has solved the ticket meanwhile.
        state = "open" if any(self._begins(issue) for issue in news.news) else ""
        if waiting is None:
            change = self._note(news, told.values(), raised, state)
            self._outbox.add(
                kind, lead, told.values(), connection=self._connection(lead), change=change, not_before=self._next(lead)
            )
            return
        told = _still_worth_telling(waiting, news.all) | {
            name: issue for name, issue in told.items() if not _came_and_went(issue, waiting)
        }
        if not told:
            self._outbox.drop(waiting, UNSENT)
            return
        before, was_state = (waiting.change.priority, waiting.change.state) if waiting.change else ("", "")
        priority = max(before, raised, key=_rank)
        self._outbox.rewrite(
            waiting, told.values(), change=self._note(news, told.values(), priority, was_state or state)
        )

    def _end(self, news: TicketNews, *, nothing_sent: bool) -> None:
        """Nothing is left of the trouble: solve the ticket, or never open it."""
        ended = {issue.id: issue for issue in news.ended}
        for action in self._outbox.all_waiting(news.lead):
            known = {name: issue for name, issue in ended.items() if not _came_and_went(issue, action)}
            ended = _still_worth_telling(action, news.all) | known or ended
            self._outbox.drop(action, UNSENT)
        if nothing_sent:
            return
        change = TicketChange(marker="", note=self._text.recovery(ended.values()), state=self._state_at_the_end(news))
        self._outbox.add(
            ActionKind.SOLVE_TICKET,
            news.lead,
            ended.values(),
            connection=self._connection(news.lead),
            change=change,
            not_before=self._now + self._calm(ended.values()),
        )

    def _state_at_the_end(self, news: TicketNews) -> str:
        """`solved`, or nothing where the policy leaves that to a person for any kind that the ticket spoke of."""
        kinds = {issue.kind for issue in news.all.values() if issue.lead == news.lead and not issue.is_quiet}
        is_left = any(self._policy.detectors[kind].on_recovery is Recovery.NOTE for kind in kinds)
        return "" if is_left else "solved"

    def _calm(self, ended: Iterable[Issue]) -> timedelta:
        """How long trouble that comes and goes must stay away before its ticket is solved.

        Nothing the first time, then twice as long for each re-opening; from the policy's `most_reopenings` on a day.
        What comes back before that has been solved is not even written down: its ticket is open.
        """
        times = max((issue.reopened for issue in ended), default=0)
        if times == 0:
            return timedelta()
        if times >= self._policy.most_reopenings:
            return LONGEST_CALM
        return min(self._policy.note_every * (1 << times), LONGEST_CALM)

    # --- what they say ------------------------------------------------------------------------------------------------

    def _opening(self, news: TicketNews, again: str) -> tuple[TicketDraft, TicketChange]:
        """The ticket, and the note for one that is there already. *again* is set where it was open before."""
        signals, priority = self._signals_of(news.open), _gravest(news.open)
        link = self._link(news.lead) if again else None
        draft = self._text.draft(
            signals,
            # A follow-up of a re-opened issue needs an external id of its own: the closed ticket keeps the first one.
            external_id=f"{news.open[0].external_id}{again}",
            tags=_tags(news.open),
            priority=priority,
            follow_up_of=news.follow_up_of if not again else link.ticket_id if link and link.is_ours else "",
        )
        note = self._text.note(signals, signals)
        change = TicketChange(
            marker="",
            note=f"The trouble is back. {note}" if again else note,
            state="open" if again else "",
            add_tags=_tags(news.open),
            priority=priority,
        )
        return draft, change

    def _note(self, news: TicketNews, told: Iterable[Issue], priority: str, state: str) -> TicketChange:
        names = {issue.id for issue in told if issue.state is IssueState.OPEN}
        ended = [issue for issue in told if issue.state is IssueState.SOLVED]
        fresh = self._signals_of(issue for issue in news.open if issue.id in names)
        others = self._signals_of(issue for issue in news.open if issue.id not in names)
        texts = [self._text.recovery(ended)] if ended else []
        texts += [self._text.note([*fresh, *others], fresh)] if fresh else []
        return TicketChange(
            marker="", note="\n\n".join(texts), state=state, add_tags=_tags(news.open), priority=priority
        )

    def _signals_of(self, issues: Iterable[Issue]) -> list[Signal]:
        return [self._signals[issue.kind] for issue in issues]

    # --- how things stood ---------------------------------------------------------------------------------------------

    def _were_open(self, lead: str) -> list[Issue]:
        """The issues that kept this ticket open until now."""
        sharing = [issue for issue in self._issues.values() if issue.lead == lead and not issue.is_quiet]
        return [issue for issue in sharing if issue.state is IssueState.OPEN]

    def _begins(self, issue: Issue) -> bool:
        known = self._issues.get(issue.id)
        return known is None or known.state is IssueState.SOLVED or known.is_quiet

    def _is_new_to(self, lead: str, issue: Issue) -> bool:
        known = self._issues.get(issue.id)
        return known is None or known.lead != lead or known.fingerprint != issue.fingerprint

    def _link(self, lead: str) -> TicketLink | None:
        first = self._issues.get(lead)
        return first.ticket if first is not None and first.lead == lead else None

    def _connection(self, lead: str) -> str:
        """Where the ticket is, also when another helpdesk has been chosen since."""
        if (link := self._link(lead)) is not None:
            return link.connection
        return next((a.connection for a in self._outbox.of(lead) if a.kind in OPENING), self._helpdesk)

    def _next(self, lead: str) -> datetime:
        """Not sooner than the policy's `note_every` after the last thing that was written there."""
        written = [
            (action.finished_at or action.not_before) + self._policy.note_every
            for action in self._outbox.of(lead)
            if action.kind is not ActionKind.OPEN_TICKET
        ]
        return max([self._now, *written])


def _still_worth_telling(waiting: Action, issues: Mapping[str, Issue]) -> dict[str, Issue]:
    named = {name: issues[name] for name in waiting.issue_ids if name in issues}
    return {name: issue for name, issue in named.items() if not _came_and_went(issue, waiting)}


def _came_and_went(issue: Issue, waiting: Action) -> bool:
    """It began no sooner than what still waits to be sent, and is over: nobody has heard of it, and nobody needs to."""
    return issue.state is IssueState.SOLVED and issue.opened_at >= waiting.created_at


def _suffix(opening: Action) -> str:
    """By what the external id of a re-opening differs from that of the ticket."""
    if opening.kind is ActionKind.OPEN_TICKET or opening.draft is None:
        return ""
    return opening.draft.external_id[opening.draft.external_id.rindex(":") :]


def _tags(issues: Iterable[Issue]) -> tuple[str, ...]:
    return ("beforehand", *dict.fromkeys(f"beforehand_{issue.kind}" for issue in issues))


def _gravest(issues: Iterable[Issue]) -> str:
    return max((issue.severity for issue in issues), key=lambda severity: severity.rank, default="")


def _raised(was: Iterable[Issue], now: Iterable[Issue]) -> str:
    """The priority where it has risen; otherwise it stays what the agents have made of it."""
    return _gravest(now) if _rank(_gravest(now)) > _rank(_gravest(was)) else ""


def _rank(severity: str) -> int:
    return Severity(severity).rank if severity else -1
