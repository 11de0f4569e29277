"""This file looks over a whole workspace: its issues, and what the detectors say of its orders right now."""

from datetime import datetime

from msgspec import Struct

from server.context import IssueContext, SignalContext
from server.flows import present
from server.model import OrderKey
from server.rules.assess import assess
from server.rules.timeline import view
from server.store.contract import Reading, Store
from server.workspaces import Workspace

_MOST_DUE = 1000


class OrderSignal(Struct, frozen=True, kw_only=True):
    """One finding, and the order that it is about."""

    order: str
    order_name: str
    shop: str
    signal: SignalContext


async def issues_of(store: Store, workspace: Workspace, *, open_only: bool, limit: int) -> list[IssueContext]:
    """The issues of a workspace, newest first."""
    found = await store.read(lambda tx: tx.issues(workspace.name, open_only=open_only, limit=limit))
    return [present.issue(issue, workspace.policy) for issue in found]


async def current_signals(store: Store, workspace: Workspace, now: datetime, most_orders: int) -> list[OrderSignal]:
    """What is found on orders with an open issue and on orders whose review is due, as stored; the latest first."""

    def work(tx: Reading) -> list[OrderSignal]:
        open_issues = tx.issues(workspace.name, open_only=True, limit=most_orders)
        due = (key for key in tx.due_orders(now, _MOST_DUE) if key.workspace == workspace.name)
        keys = list(dict.fromkeys([*(issue.order for issue in open_issues), *due]))[:most_orders]
        return [found for key in keys for found in _signals(tx, key, workspace, now)]

    found = await store.read(work)
    return sorted(found, key=lambda item: item.signal.since, reverse=True)


def _signals(tx: Reading, key: OrderKey, workspace: Workspace, now: datetime) -> list[OrderSignal]:
    record = tx.record(key)
    if record is None:
        return []
    order = view(record)
    return [
        OrderSignal(
            order=key.order_id,
            order_name=order.order.name or key.order_id,
            shop=key.shop,
            signal=present.signal(signal, workspace.policy),
        )
        for signal in assess(order, now, workspace.policy, workspace.learner.transit).signals
    ]
