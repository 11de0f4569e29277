"""This file shows what would happen to a stored order now, by the policy that runs or by another one. It does nothing.

The order goes through exactly the code that judges it when an event comes, within a transaction that is then undone.
"""

from copy import copy
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from server.errors import BadInput, ConfigurationError, NotFound
from server.flows.judge import Judge
from server.flows.resolve import BY_NUMBER
from server.model import Action, Assessment, Issue, IssueState, Kind, OrderKey, OrderView, Severity, Signal
from server.rules.assess import assess
from server.rules.case import examine
from server.rules.explain import Answers, answers_for
from server.rules.identity import parse_query
from server.rules.policy import Policy
from server.rules.policy_reading import decode, parse_policy
from server.rules.timeline import view
from server.rules.watch import Watch
from server.store.contract import Reading, Store, Writing
from server.workspaces import Workspace, able

MOST_NAMED = 20


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


class _Undone(Exception):
    """Carries what was found out of a transaction that must not be kept."""

    def __init__(self, found: Tried) -> None:
        super().__init__("only tried")
        self.found = found


async def try_policy(
    store: Store, workspace: Workspace, order: str, now: datetime, *, shop: str = "", text: str | None = None
) -> Tried:
    """Judge a stored order by *text*, or by the policy that runs. Raises NotFound, BadInput, StoreUnavailable."""
    tried = copy(workspace)
    if text is not None:
        tried.policy = _read(text, workspace)
    key = await store.read(lambda tx: _find(tx, workspace.name, order, shop))

    def work(tx: Writing) -> None:
        raise _Undone(_try(tx, key, tried, now))

    try:
        await store.write(work)
    except _Undone as undone:
        return undone.found
    raise AssertionError("a trial always ends by being undone")


def _read(text: str, workspace: Workspace) -> Policy:
    try:
        return parse_policy(decode(text.encode()), workspace.timezone, able(workspace.connections))
    except ConfigurationError as error:
        raise BadInput(f"policy: {error}") from error


def _find(tx: Reading, workspace: str, text: str, shop: str) -> OrderKey:
    references = [reference for reference in parse_query(text) if reference.kind in BY_NUMBER]
    found = [key for key in tx.find(workspace, references) if not shop or key.shop == shop]
    if not found:
        raise NotFound(f"no stored order of workspace {workspace} matches {text!r}")
    if len(found) > 1:
        named = ", ".join(f"{key.order_id} ({key.shop})" for key in found[:MOST_NAMED])
        raise BadInput(f"order: {text!r} may mean any of {named}; expected an order id, or --shop")
    return found[0]


def _try(tx: Writing, key: OrderKey, workspace: Workspace, now: datetime) -> Tried:
    record = tx.record(key)
    if record is None:
        raise NotFound(f"the order {key} is gone")
    order, policy = view(record), workspace.policy
    assessment = assess(order, now, policy, workspace.learner.transit)
    issues, actions = tx.issues_of(key), tx.actions_of(key)
    Judge(tx, workspace, now).review(key)
    return Tried(
        workspace=workspace.name,
        order=key.order_id,
        name=order.order.name or key.order_id,
        shop=key.shop,
        at=now,
        facts=examine(order, policy, Watch(now)).facts,
        promise=_promise(assessment),
        signals=[_signal(signal, policy, now) for signal in assessment.signals],
        silent=[*_silenced(assessment), *_left_out(order, assessment, workspace, now)],
        issues=_issues(issues, tx.issues_of(key)),
        actions=[_action(action) for action in tx.actions_of(key) if action not in actions],
        review_at=assessment.review_at,
    )


def _promise(assessment: Assessment) -> str:
    found = assessment.promise
    if found is None:
        return "none is known"
    promise = found.promise
    return f"{promise.promised_by:%Y-%m-%d %H:%M} UTC, by {promise.source}: {found.level}, risk {found.risk:.0%}"


def _signal(signal: Signal, policy: Policy, now: datetime) -> TriedSignal:
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


def _silenced(assessment: Assessment) -> list[Silent]:
    return [Silent(each.kind, f"{each.by} says more") for each in assessment.silenced]


def _left_out(order: OrderView, assessment: Assessment, workspace: Workspace, now: datetime) -> list[Silent]:
    """What would be found if every kind were switched on and had no condition."""
    policy = workspace.policy
    everything = {kind: replace(found, enabled=True, when=None) for kind, found in policy.detectors.items()}
    lenient = assess(order, now, replace(policy, detectors=everything), workspace.learner.transit)
    told = {signal.kind for signal in assessment.signals} | {each.kind for each in assessment.silenced}
    found = [signal.kind for signal in lenient.signals if signal.kind not in told]
    return [Silent(kind, why) for kind in found if (why := _why(kind, policy))]


def _why(kind: Kind, policy: Policy) -> str:
    detector = policy.detectors[kind]
    if not detector.enabled:
        return "it is switched off"
    return f"its condition is not met: {detector.when.text}" if detector.when is not None else ""


def _issues(before: tuple[Issue, ...], after: tuple[Issue, ...]) -> list[TriedIssue]:
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


def _action(action: Action) -> TriedAction:
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
