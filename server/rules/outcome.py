"""This file says how an issue ended: was the promise missed, did the customer write first, did a person deal with it?

An outcome is noted when the issue ends and completed by what is learnt later, as long as the order is followed.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Literal

from msgspec.structs import replace

from server.model import Action, Assessment, Issue, IssueState, Kind, Level, OrderView, Outcome, PromiseEnd
from server.rules.case import examine
from server.rules.policy import Policy
from server.rules.promise import promise_of
from server.rules.watch import Watch

FORETELLS_MISS = frozenset(
    {
        Kind.FULFILLMENT_DELAYED,
        Kind.FULFILLMENT_ON_HOLD,
        Kind.PARTIAL_SHIPMENT,
        Kind.ADDRESS_PROBLEM,
        Kind.LABEL_NOT_SCANNED,
        Kind.TRACKING_INVALID,
        Kind.TRACKING_STALLED,
        Kind.DELIVERY_ATTEMPT_FAILED,
        Kind.CARRIER_EXCEPTION,
        Kind.PROMISE_AT_RISK,
        Kind.HIGH_VALUE_DELAYED,
    }
)
"""Kinds that warn of a missed promise. Others state what has happened already and cannot be wrong about it."""
_FINAL = frozenset({PromiseEnd.KEPT, PromiseEnd.MISSED})
"""What nothing that comes later changes."""
LASTS = timedelta(days=14)
"""For so long after the end a message of the customer is still taken to be about it."""


def with_outcomes(
    order: OrderView, assessment: Assessment, issues: Iterable[Issue], policy: Policy, now: datetime
) -> Iterator[Issue]:
    """Those of *issues* whose outcome has changed; an open one has none yet."""
    fate: tuple[PromiseEnd, datetime | None] | None = None
    for issue in issues:
        found: Outcome | None = None
        if issue.state is not IssueState.OPEN:
            known = issue.outcome or Outcome()
            if known.promise in _FINAL:
                found = _completed(order, issue, known, known.promise, known.promised_by)
            else:
                fate = fate or _promise(order, assessment, policy, now)
                found = _completed(order, issue, known, *fate)
        if found != issue.outcome:
            yield replace(issue, outcome=found)


def _completed(
    order: OrderView, issue: Issue, known: Outcome, end: PromiseEnd, promised_by: datetime | None
) -> Outcome:
    return Outcome(
        promise=end,
        promised_by=promised_by,
        came_true=known.came_true if order.order.cancelled_at is not None else _came_true(issue, end, known),
        customer_wrote_at=_first_message(order, issue) if order.contacts else None,
        by_person=known.by_person,
    )


def _promise(
    order: OrderView, assessment: Assessment, policy: Policy, now: datetime
) -> tuple[PromiseEnd, datetime | None]:
    promise = promise_of(order, policy)
    if promise is None or order.order.cancelled_at is not None:
        return PromiseEnd.NONE, None
    if assessment.promise is not None and assessment.promise.level is Level.MISSED:
        return PromiseEnd.MISSED, promise.promised_by
    arrived = examine(order, policy, Watch(now)).all_arrived
    return (PromiseEnd.KEPT if arrived else PromiseEnd.OPEN), promise.promised_by


def _came_true(issue: Issue, end: PromiseEnd, known: Outcome) -> bool | None:
    if issue.kind is Kind.MARKETPLACE_SLA_RISK:
        # It ends when the order is handed over or delivered, and with that the marketplace's clock.
        if known.came_true is not None or issue.deadline is None or issue.solved_at is None:
            return known.came_true
        return issue.solved_at > issue.deadline
    if issue.kind not in FORETELLS_MISS or end not in _FINAL:
        return None
    return end is PromiseEnd.MISSED


def _first_message(order: OrderView, issue: Issue) -> datetime | None:
    """What was written before the trouble began was about something else."""
    last = (issue.solved_at or issue.opened_at) + LASTS
    return min((contact.at for contact in order.contacts if issue.since <= contact.at <= last), default=None)


def customer_wrote(opened_at: datetime, wrote_at: datetime | None) -> Literal["before", "after", "never"]:
    """Whether the customer wrote before or after we knew."""
    if wrote_at is None:
        return "never"
    return "before" if wrote_at < opened_at else "after"


def solved_with(action: Action, issues: Iterable[Issue], *, by_person: bool) -> Iterator[Issue]:
    """Those of *issues* that ended with the ticket which *action* was to solve, with who dealt with it."""
    for issue in issues:
        is_its = action.lead in (issue.id, issue.lead) and issue.state is IssueState.SOLVED and not issue.dry_run
        if is_its and (issue.outcome is None or issue.outcome.by_person is None):
            yield replace(issue, outcome=replace(issue.outcome or Outcome(), by_person=by_person))
