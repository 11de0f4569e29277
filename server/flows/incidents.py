"""This file keeps incidents: it notices that many orders have one cause, and lets one ticket speak for them.

Everything happens in the transaction of the order that changes, or of the clock, so that no crash lies in between.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from server.flows.notify import tell_others
from server.model import Assessment, Issue, IssueState, Kind, OrderKey
from server.rules.incident import (
    MOST_MEMBERS,
    USUAL_TIME,
    assess_incident,
    begins,
    incident_key,
    incident_view,
    may_be_covered,
    specific_first,
)
from server.rules.outlets import Outlets
from server.rules.plan import plan
from server.rules.timeline import empty
from server.store.contract import Reading, Writing
from server.workspaces import Workspace

log = structlog.get_logger()

APART = timedelta(seconds=20)
"""Between the reviews of the orders that an incident lets go, so that their tickets do not come all at once."""


def covered_by(tx: Reading, workspace: Workspace, assessment: Assessment) -> Mapping[Kind, Issue]:
    """For which of the signals the ticket of an open incident speaks."""
    if not assessment.signals or not may_be_covered(assessment, workspace.policy):
        return {}
    found: dict[Kind, Issue] = {}
    for signal in assessment.signals:
        for cause in specific_first(signal.causes):
            incident = open_incident(tx, incident_key(workspace.name, cause))
            if incident is not None:
                found[signal.kind] = incident
                break
    return found


def open_incident(tx: Reading, key: OrderKey) -> Issue | None:
    """The incident that lasts under *key*."""
    return _lasting(tx.issues_of(key))


def _lasting(issues: Sequence[Issue]) -> Issue | None:
    return next((issue for issue in issues if issue.state is IssueState.OPEN), None)


def keep_causes(
    tx: Writing,
    workspace: Workspace,
    assessment: Assessment,
    issues: Sequence[Issue],
    covered: Mapping[Kind, Issue],
    now: datetime,
) -> list[str]:
    """Note what the changed *issues* of an order have in common with others. The causes that have to be looked at."""
    if not workspace.policy.detectors[Kind.INCIDENT].enabled:
        return []
    causes = {signal.kind: signal.causes for signal in assessment.signals}
    touched: dict[str, None] = {}
    for issue in issues:
        if issue.dry_run:
            continue
        if issue.state is IssueState.OPEN:
            incident = covered.get(issue.kind)
            if found := (incident.order.order_id,) if incident else causes.get(issue.kind):
                tx.put_causes(issue, found, now)
                touched |= dict.fromkeys(found)
            if incident:
                tx.keep_one_cause(issue.id, incident.order.order_id)
        elif known := tx.causes_of(issue.id):
            tx.end_causes(issue.id, now)
            touched |= dict.fromkeys(known)
    return specific_first(touched)


def review_incident(
    tx: Writing, workspace: Workspace, cause: str, now: datetime, helpdesk: str | None, outlets: Outlets
) -> tuple[OrderKey, ...]:
    """See whether an incident begins, goes on or ends, and plan its ticket.

    The orders that have to be judged again at once because it begins; those that it lets go are put on the clock.
    """
    key = incident_key(workspace.name, cause)
    issues = tx.issues_of(key)
    lasting = _lasting(issues)
    if lasting is None and not _begins(tx, workspace, cause, now):
        return ()
    members = tx.in_trouble_with(workspace.name, cause, MOST_MEMBERS)
    assessment = assess_incident(cause, members, lasting, workspace.policy, now)
    view = incident_view(key)
    actions = tx.actions_of(key)
    planned = plan(view, assessment, issues, actions, workspace.policy, helpdesk=helpdesk, now=now)
    for issue in planned.issues:
        tx.put_issue(issue)
    for action in planned.actions:
        tx.put_action(action)
    tell_others(tx, workspace, outlets, view, assessment, issues, actions, planned, now)
    tx.put_record(
        empty(key), (), review_at=assessment.review_at, name="", placed_at=None, email="", customer_name="", total=""
    )
    is_open = any(issue.state is IssueState.OPEN for issue in planned.issues)
    orders = tuple(dict.fromkeys(member.order for member in members))
    if lasting is None and is_open:
        log.warning("incident_began", workspace=workspace.name, cause=cause, orders=len(orders))
        return orders
    if lasting is not None and not assessment.signals:
        log.info("incident_ended", workspace=workspace.name, cause=cause, left=len(orders))
        for number, order in enumerate(orders, 1):
            tx.set_review(order, now + number * APART)
    return ()


def _begins(tx: Reading, workspace: Workspace, cause: str, now: datetime) -> bool:
    policy = workspace.policy
    begin = now - policy.detectors[Kind.INCIDENT].within
    recent = tx.begun_with(workspace.name, cause, begin, now + timedelta(microseconds=1), open_only=True)
    if not begins(recent, 0, policy):
        return False
    usual = tx.begun_with(workspace.name, cause, begin - USUAL_TIME, begin, open_only=False)
    return begins(recent, usual, policy)
