"""This file adds to what was planned for an order's tickets whom else to tell, in the same transaction."""

from collections.abc import Sequence
from datetime import datetime

from connectors.contract import Editable, Helpdesk, Mailer, Notifier, TaskSink
from server.model import Action, Assessment, Issue, OrderView, Plan
from server.rules.notice_mention import mentions
from server.rules.notices import plan_notices
from server.rules.outlets import Outlets
from server.store.contract import Writing
from server.workspaces import Workspace


def tell_others(
    tx: Writing,
    workspace: Workspace,
    outlets: Outlets,
    order: OrderView,
    assessment: Assessment,
    issues: Sequence[Issue],
    actions: Sequence[Action],
    planned: Plan,
    now: datetime,
) -> None:
    """Plan and store the notices of an order. *issues* and *actions* are as they were before *planned*."""
    together = {issue.id: issue for issue in (*issues, *planned.issues)}.values()
    if not together:
        return
    before = {action.key: action for action in (*actions, *planned.actions)}
    notices = plan_notices(
        order, assessment, tuple(together), tuple(before.values()), workspace.policy, outlets=outlets, now=now
    )
    for notice in notices:
        tx.put_action(notice)
    if notices:
        after = before | {notice.key: notice for notice in notices}
        for said in mentions(tuple(after.values()), together, now):
            tx.put_action(said)


def outlets_of(workspace: Workspace, helpdesk: str | None) -> Outlets:
    """Through which of a workspace's connections anybody can be told anything."""
    found = workspace.connections
    # A helpdesk that tells teams as well, as the one that prints, gives way to what is there for nothing else.
    by_purpose = sorted(found.items(), key=lambda each: isinstance(each[1], Helpdesk))
    notifiers = {name: each for name, each in by_purpose if isinstance(each, Notifier)}
    return Outlets(
        helpdesk=helpdesk or "",
        chat=next((name for name, each in notifiers.items() if each.reaches("#channel")), ""),
        mail=next((name for name, each in notifiers.items() if each.reaches("team@example.com")), ""),
        notifiers=frozenset(notifiers),
        mailers=frozenset(name for name, each in found.items() if isinstance(each, Mailer)),
        sinks=frozenset(name for name, each in found.items() if isinstance(each, TaskSink)),
        editable=frozenset(name for name, each in found.items() if isinstance(each, Editable)),
    )
