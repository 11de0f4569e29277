"""This file decides what follows from an assessment: which issues open, change and end, and what the helpdesk is told.

One open issue per order and kind. One ticket per order: the first issue's, which the others join.
Planning the same again plans nothing. Nothing is sent from here; actions go through the outbox, in sequence.
"""

from collections.abc import Mapping, Sequence
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
from server.rules.outcome import with_outcomes
from server.rules.policy import Policy
from server.rules.ticket_actions import TicketActions, TicketNews

_STILL_OPEN = frozenset({"open", "pending"})
NOTHING_COVERED: Mapping[Kind, str] = {}


def plan(
    order: OrderView,
    assessment: Assessment,
    issues: Sequence[Issue],
    actions: Sequence[Action],
    policy: Policy,
    *,
    helpdesk: str | None,
    now: datetime,
    covered: Mapping[Kind, str] = NOTHING_COVERED,
) -> Plan:
    """What changes. *issues* and *actions* are all of this order, oldest first; *helpdesk* is a connection's name.

    Without a helpdesk, and for kinds on `dry_run`, issues are recorded and nobody is told. Those still open when a
    helpdesk is connected, or when `dry_run` ends, are told then. The same holds for kinds in *covered*, for which the
    ticket of an incident speaks: the incident's issue id by kind.
    """
    if not issues and not assessment.signals:
        return Plan()
    planning = _Planning(order, assessment, issues, actions, policy, helpdesk, now, covered)
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
        covered: Mapping[Kind, str],
    ) -> None:
        self.order = order
        self.covered = covered
        self._assessment = assessment
        self.signals = {signal.kind: signal for signal in assessment.signals}
        self.before = {issue.id: issue for issue in issues}
        self.issues = dict(self.before)
        self.policy = policy
        self.helpdesk = helpdesk
        self.now = now
        self.tickets = TicketActions(order, assessment, issues, actions, policy, helpdesk or "", now)

    @property
    def changed_issues(self) -> tuple[Issue, ...]:
        return tuple(issue for issue in self.issues.values() if issue != self.before.get(issue.id))

    def run(self) -> None:
        ended = [issue for issue in self._open() if issue.kind not in self.signals]
        for issue in ended:
            self._put(replace(issue, state=IssueState.SOLVED, solved_at=self.now))
        begun = [issue for issue in map(self._under_todays_policy, self._open()) if self._is_untold(issue)]
        open_kinds = {issue.kind: issue for issue in self._open()}
        changed = [issue for issue in open_kinds.values() if issue.fingerprint != self._signal(issue).fingerprint]
        for issue in changed:
            self._put(self._escalated(_as_told(issue, self._signal(issue)), issue))
        due = [s for s in self.signals.values() if s.kind not in open_kinds and s.opens_at <= self.now]
        # What goes on in a ticket that is there already comes first; what is new joins it.
        begun += [self._begin(signal) for signal in sorted(due, key=lambda signal: self._is_fresh(signal.kind))]
        for issue in list(with_outcomes(self.order, self._assessment, self.issues.values(), self.policy, self.now)):
            self._put(issue)
        if self.helpdesk is not None:
            self._tell([issue.id for issue in ended], [issue.id for issue in (*changed, *begun)])
            self._join_customers_ticket()

    def _escalated(self, issue: Issue, before: Issue) -> Issue:
        return replace(issue, escalated_at=self.now) if issue.severity.rank > before.severity.rank else issue

    def _open(self) -> list[Issue]:
        return [issue for issue in self.issues.values() if issue.state is IssueState.OPEN]

    def _signal(self, issue: Issue) -> Signal:
        return self.signals[issue.kind]

    def _put(self, issue: Issue) -> Issue:
        self.issues[issue.id] = issue
        return issue

    # --- issues -------------------------------------------------------------------------------------------------------

    def _under_todays_policy(self, issue: Issue) -> Issue:
        """An issue that nobody has been told of yet follows `dry_run`, and the incidents, as they are by now."""
        dry_run, is_covered = self.policy.detectors[issue.kind].dry_run, issue.kind in self.covered
        incident = self.covered.get(issue.kind, issue.incident)
        if (issue.dry_run, issue.is_covered, issue.incident) == (dry_run, is_covered, incident):
            return issue
        was_told = not issue.is_quiet and self.tickets.was_tried(issue.lead)
        if was_told and not (is_covered and self._is_alone_covered(issue) and self.tickets.withdraw(issue.lead)):
            return self._put(replace(issue, incident=incident))
        changed = replace(issue, dry_run=dry_run, is_covered=is_covered, incident=incident)
        return self._put(self._led(changed, issue.lead))

    def _is_alone_covered(self, issue: Issue) -> bool:
        """Whether nothing shares its ticket that the incident does not speak for."""
        sharing = [other for other in self._open() if other.lead == issue.lead and not other.is_quiet]
        return all(other.kind in self.covered for other in sharing)

    def _is_untold(self, issue: Issue) -> bool:
        return self.helpdesk is not None and not issue.is_quiet and not self._was_told(issue)

    def _was_told(self, issue: Issue) -> bool:
        return not self.before[issue.id].is_quiet and self.tickets.was_tried(issue.lead)

    def _last(self, kind: Kind) -> Issue | None:
        return max((i for i in self.issues.values() if i.kind is kind), key=lambda i: i.episode, default=None)

    def _is_fresh(self, kind: Kind) -> bool:
        """Whether this trouble cannot go on in its last issue: there was none, or it ended too long ago."""
        last = self._last(kind)
        return last is None or last.solved_at is None or self.now - last.solved_at > self.policy.reopen_within

    def _begin(self, signal: Signal) -> Issue:
        """Re-open the last issue of this kind if it ended just now, else begin a new one."""
        last = self._last(signal.kind)
        dry_run = self.policy.detectors[signal.kind].dry_run
        if last is not None and not self._is_fresh(signal.kind):
            again = replace(
                last,
                state=IssueState.OPEN,
                solved_at=None,
                outcome=None,
                reopened=last.reopened + 1,
                dry_run=dry_run,
                is_covered=signal.kind in self.covered,
                incident=self.covered.get(signal.kind, ""),
            )
            return self._put(self._led(_as_told(again, signal), self._successor(last.lead)))
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
            dry_run=dry_run,
            is_covered=signal.kind in self.covered,
            incident=self.covered.get(signal.kind, ""),
        )
        return self._put(self._led(_as_told(found, signal), found.id))

    def _led(self, issue: Issue, otherwise: str) -> Issue:
        """*issue* on the ticket that is open for this order, else on its own or its last."""
        lead = self._lead_for(issue) or otherwise
        if lead == issue.lead:
            return issue
        # Until the other ticket is opened, what is still to be sent to the old one must find it.
        shared = self.issues.get(lead)
        return replace(issue, lead=lead, ticket=shared.ticket if shared and shared.ticket else issue.ticket)

    def _successor(self, lead: str) -> str:
        """The ticket that *lead*'s own issue is on by now."""
        for _ in self.issues:
            lead = self.issues[lead].lead if lead in self.issues else lead
        return lead

    def _lead_for(self, issue: Issue) -> str:
        """Whose ticket is open: the oldest open issue's, else that of one which has ended only now; else nobody's."""
        if issue.is_quiet:
            return issue.id
        was_open = [i for i in self.before.values() if i.state is IssueState.OPEN]
        for candidates in (self._open(), was_open):
            told = [i for i in candidates if not i.is_quiet and i.id != issue.id]
            if told:
                return min(told, key=lambda i: (i.opened_at, i.id)).lead
        return ""

    # --- tickets ------------------------------------------------------------------------------------------------------

    def _tell(self, ended: list[str], news: list[str]) -> None:
        """Turn what changed into at most one action for each ticket."""
        touched = [self.issues[name] for name in (*ended, *news) if not self.issues[name].is_quiet]
        for lead in dict.fromkeys(issue.lead for issue in touched):
            mine = dict.fromkeys(issue.id for issue in touched if issue.lead == lead)
            sharing = [i for i in self.issues.values() if i.lead == lead and not i.is_quiet]
            self.tickets.tell(
                TicketNews(
                    lead=lead,
                    open=sorted((i for i in sharing if i.state is IssueState.OPEN), key=self._precedence),
                    ended=[self.issues[name] for name in mine if name in ended],
                    news=[self.issues[name] for name in mine if name in news],
                    all=self.issues,
                    follow_up_of=self._follow_up_of(lead),
                )
            )

    def _join_customers_ticket(self) -> None:
        """The customer has opened a ticket since ours: what is to be said is said there from now on."""
        told = [issue for issue in self._open() if not issue.is_quiet]
        if not told or not self.policy.join_customer_ticket:
            return
        since = min(issue.opened_at for issue in told)
        theirs = [c for c in self.order.contacts if c.state in _STILL_OPEN and c.at > since]
        if theirs:
            for lead in dict.fromkeys(issue.lead for issue in told):
                sharing = sorted((i for i in told if i.lead == lead), key=self._precedence)
                self.tickets.join(lead, sharing, theirs[-1])

    def _follow_up_of(self, lead: str) -> str:
        """The ticket of this trouble's last time."""
        first = self.issues[lead]
        earlier = [i for i in self.issues.values() if i.kind is first.kind and i.ticket and i.id != lead]
        last = max(earlier, key=lambda i: i.episode, default=None)
        return last.ticket.ticket_id if last and last.ticket and last.ticket.is_ours else ""

    def _precedence(self, issue: Issue) -> int:
        return list(self.signals).index(issue.kind)


def _as_told(issue: Issue, signal: Signal) -> Issue:
    return replace(
        issue,
        severity=signal.severity,
        headline=signal.headline,
        reasons=signal.reasons,
        since=signal.since,
        deadline=signal.deadline,
        fingerprint=signal.fingerprint,
    )
