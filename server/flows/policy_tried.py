"""This file is what trying a policy answers, and how signals, issues and actions are put into it."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from server.model import Action, Assessment, Issue, IssueState, Kind, Severity, Signal
from server.rules.explain import Answers, answers_for
from server.rules.policy import Policy


class TriedSignal(Struct, frozen=True, kw_only=True):
    """What is found, and what the policy says of it."""

    kind: Kind
    headline: str
    reasons: tuple[str, ...]
    severity: Severity
    since: datetime
    opens_at: datetime
    deadline: datetime | None
    opens_now: bool
    answers: Answers


class Silent(Struct, frozen=True):
    """What would be found as well, and why nobody is told of it."""

    kind: Kind
    why: str


class TriedIssue(Struct, frozen=True, kw_only=True):
    """An issue after this, and what it was before."""

    kind: Kind
    headline: str
    change: str
    """opens, re-opens, ends, stays open."""
    dry_run: bool


class TriedAction(Struct, frozen=True, kw_only=True):
    """What would be sent."""

    kind: str
    connection: str
    not_before: datetime
    to: str
    group: str
    priority: str
    subject: str
    text: str


class Tried(Struct, frozen=True, kw_only=True):
    """The whole answer for one order."""

    workspace: str
    order: str
    name: str
    shop: str
    at: datetime
    facts: dict[str, Any]
    """What conditions may ask about, as it is for this order."""
    promise: str
    signals: list[TriedSignal]
    silent: list[Silent]
    issues: list[TriedIssue]
    actions: list[TriedAction]
    review_at: datetime | None
    """When silence alone would change any of this."""


def promise_text(assessment: Assessment) -> str:
    found = assessment.promise
    if found is None:
        return "none is known"
    promise = found.promise
    return f"{promise.promised_by:%Y-%m-%d %H:%M} UTC, by {promise.source}: {found.level}, risk {found.risk:.0%}"


def tried_signal(signal: Signal, policy: Policy, now: datetime) -> TriedSignal:
    return TriedSignal(
        kind=signal.kind,
        headline=signal.headline,
        reasons=signal.reasons,
        severity=signal.severity,
        since=signal.since,
        opens_at=signal.opens_at,
        deadline=signal.deadline,
        opens_now=signal.opens_at <= now,
        answers=answers_for(signal.kind, policy),
    )


def tried_issues(before: tuple[Issue, ...], after: tuple[Issue, ...]) -> list[TriedIssue]:
    was = {issue.id: issue.state for issue in before}
    return [
        TriedIssue(kind=issue.kind, headline=issue.headline, change=change, dry_run=issue.dry_run)
        for issue in after
        if (change := _change(was.get(issue.id), issue.state))
    ]


def _change(was: IssueState | None, state: IssueState) -> str:
    if state is IssueState.OPEN:
        return {None: "opens", IssueState.SOLVED: "re-opens", IssueState.OPEN: "stays open"}[was]
    return "ends" if was is IssueState.OPEN else ""


def tried_action(action: Action) -> TriedAction:
    draft, change = action.draft, action.change
    subject, text = _words(action)
    return TriedAction(
        kind=action.kind.value,
        connection=action.connection,
        not_before=action.not_before,
        to=action.audience or action.target,
        group=draft.group if draft else "",
        priority=draft.priority if draft else change.priority if change else "",
        subject=subject,
        text=text,
    )


def _words(action: Action) -> tuple[str, str]:
    """Subject and text of whatever would be sent."""
    if action.draft is not None:
        return action.draft.subject, action.draft.body
    if action.notice is not None:
        return action.notice.headline, action.notice.text
    if action.letter is not None:
        return action.letter.subject, action.letter.body
    if action.task is not None:
        return action.task.event, action.task.text
    return "", action.change.note or action.change.reply if action.change is not None else ""
