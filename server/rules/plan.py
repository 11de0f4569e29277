"""This file decides what follows from an assessment: which issues open, change and end, and what the helpdesk is told.

One open issue per order and kind. One ticket per order: the first issue's, which the others join.
Planning the same again plans nothing. Nothing is sent from here; actions go through the outbox, in sequence.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from server.model import (
    Action,
    Assessment,
    Issue,
    IssueState,
    Kind,
    OrderView,
    Plan,
    Signal,
    issue_id,
)
from server.rules.policy import Policy
from server.rules.ticket_actions import TicketActions


def plan(
    order: OrderView,
    assessment: Assessment,
    issues: Sequence[Issue],
    actions: Sequence[Action],
    policy: Policy,
    *,
    helpdesk: str | None,
    now: datetime,
) -> Plan:
    """What changes. *issues* and *actions* are all of this order, oldest first; *helpdesk* is a connection's name.

    Without a helpdesk, and for kinds on `dry_run`, issues are recorded and nobody is told.
    """
    planning = _Planning(order, assessment, issues, actions, policy, helpdesk, now)
    planning.run()
    return Plan(issues=planning.changed_issues, actions=planning.tickets.changed)


class _Planning:
    """One run of `plan`; collects changes."""

    def __init__(
        self,
        order: OrderView,
        assessment: Assessment,
        issues: Sequence[Issue],
        actions: Sequence[Action],
        policy: Policy,
        helpdesk: str | None,
        now: datetime,
    ) -> None:
        self.order = order
        self.signals = {signal.kind: signal for signal in assessment.signals}
        self.before = {issue.id: issue for issue in issues}
        self.issues = dict(self.before)
        self.policy = policy
        self.helpdesk = helpdesk
        self.now = now
        self.tickets = TicketActions(order, assessment, actions, policy, helpdesk or "", now)

    @property
    def changed_issues(self) -> tuple[Issue, ...]:
        return tuple(issue for issue in self.issues.values() if issue != self.before.get(issue.id))

    def run(self) -> None:
        recovered = [issue for issue in self._open() if issue.kind not in self.signals]
        for issue in recovered:
            self._put(replace(issue, state=IssueState.SOLVED, solved_at=self.now))
        changed = [issue for issue in self._open() if self._is_news(issue)]
        for issue in changed:
            self._put(_told(issue, self.signals[issue.kind]))
        open_kinds = {issue.kind for issue in self._open()}
        due = [s for s in self.signals.values() if s.kind not in open_kinds and s.opens_at <= self.now]
        begun = [self._begin(signal) for signal in due]
        self._tell(recovered, changed, begun)

    def _open(self) -> list[Issue]:
        return [issue for issue in self.issues.values() if issue.state is IssueState.OPEN]

    def _put(self, issue: Issue) -> Issue:
        self.issues[issue.id] = issue
        return issue

    def _is_news(self, issue: Issue) -> bool:
        return issue.fingerprint != self.signals[issue.kind].fingerprint

    def _is_quiet(self, issue: Issue) -> bool:
        """Nobody is told of it."""
        return issue.dry_run or self.helpdesk is None

    def _begin(self, signal: Signal) -> Issue:
        """Re-open the last issue of this kind if it ended just now, else begin a new one."""
        last = self._last(signal.kind)
        if last is not None and last.solved_at and self.now - last.solved_at <= self.policy.reopen_within:
            again = replace(last, state=IssueState.OPEN, solved_at=None, reopened=last.reopened + 1)
            return self._put(_told(again, signal))
        episode = last.episode + 1 if last is not None else 1
        found = Issue(
            id=issue_id(self.order.key, signal.kind, episode),
            order=self.order.key,
            kind=signal.kind,
            state=IssueState.OPEN,
            severity=signal.severity,
            headline=signal.headline,
            since=signal.since,
            opened_at=self.now,
            episode=episode,
            dry_run=self.policy.detectors[signal.kind].dry_run,
        )
        return self._put(_told(replace(found, lead=self._lead_for(found)), signal))

    def _last(self, kind: Kind) -> Issue | None:
        return max((i for i in self.issues.values() if i.kind is kind), key=lambda i: i.episode, default=None)

    def _lead_for(self, issue: Issue) -> str:
        """The issue whose ticket the new one shares: that of the oldest open one that has a ticket."""
        if issue.dry_run:
            return issue.id
        shared = [i for i in self._open() if not i.dry_run and i.id != issue.id]
        oldest = min(shared, key=lambda i: (i.opened_at, i.id), default=None)
        return oldest.lead if oldest is not None else issue.id

    def _tell(self, recovered: list[Issue], changed: list[Issue], begun: list[Issue]) -> None:
        """Turn what changed into at most one action for each ticket."""
        touched = [issue for issue in (*recovered, *changed, *begun) if not self._is_quiet(issue)]
        for lead in dict.fromkeys(issue.lead for issue in touched):
            mine = {issue.id for issue in touched if issue.lead == lead}
            still_open = [i for i in self._open() if i.lead == lead and not i.dry_run]
            ended = [issue for issue in recovered if issue.id in mine]
            news = [issue for issue in (*changed, *begun) if issue.id in mine]
            if not still_open:
                self.tickets.solve(lead, ended)
            elif all(issue in begun for issue in still_open) and not ended and not changed:
                self._open_ticket(lead, still_open)
            else:
                self.tickets.add_note(lead, news=[self.signals[i.kind] for i in news], ended=ended, issues=still_open)

    def _open_ticket(self, lead: str, issues: list[Issue]) -> None:
        """Everything on this ticket is new: open it, or re-open it where it has been open before."""
        signals = [self.signals[issue.kind] for issue in sorted(issues, key=self._precedence)]
        first = self.issues.get(lead, issues[0])
        if any(issue.reopened for issue in issues):
            self.tickets.reopen(first, issues, signals)
        else:
            previous = max(
                (i for i in self.issues.values() if i.kind is first.kind and i.ticket and i.id != first.id),
                key=lambda i: i.episode,
                default=None,
            )
            self.tickets.open(first, issues, signals, previous)

    def _precedence(self, issue: Issue) -> int:
        return list(self.signals).index(issue.kind)


def _told(issue: Issue, signal: Signal) -> Issue:
    return replace(
        issue,
        severity=signal.severity,
        headline=signal.headline,
        reasons=signal.reasons,
        since=signal.since,
        deadline=signal.deadline,
        fingerprint=signal.fingerprint,
    )
