"""This file looks up what a page of approval requests shows: the requests, their orders, and why one may not decide."""

from collections.abc import Sequence

from server.approval_model import ApprovalRequest, ApprovalState
from server.errors import BeforehandError
from server.flows import draw_queue
from server.flows.deciders import deciders
from server.flows.draw_approvals import Viewer
from server.flows.viewing import UNKNOWN
from server.model import OrderKey, OrderView
from server.parts import Parts
from server.rules.timeline import view as view_of
from server.store.contract import Reading
from server.web.hosted_answers import frame_for
from server.web.visiting import Visitor
from sidebar.hosted import Entry, Link, One, Queue

MOST_SHOWN = 100
"""Requests on one page, of those that wait and of the others."""
_NOTHING = {
    "": "Nobody has asked for anything yet. Requests are made beside a ticket, or on an order's page.",
    "waiting": "Nothing waits for a decision.",
}


async def queue_view(parts: Parts, visitor: Visitor, chosen: str) -> Queue:
    """The queue: what waits first, also where it is older than all the others."""
    workspace = visitor.session.workspace
    _, states = draw_queue.VIEWS[chosen]
    pending = ApprovalState.PENDING
    waiting: Sequence[ApprovalRequest] = ()
    others: Sequence[ApprovalRequest] = ()
    if not states or pending in states:
        waiting = await parts.approvals.list(workspace, (pending,), MOST_SHOWN + 1)
    if wanted := [state for state in states or ApprovalState if state is not pending]:
        others = await parts.approvals.list(workspace, wanted, MOST_SHOWN + 1)
    found = await _entries(parts, visitor, (*waiting[:MOST_SHOWN], *others[:MOST_SHOWN]))
    undecided = {request.id for request in waiting}
    has_more = max(len(waiting), len(others)) > MOST_SHOWN
    return Queue(
        frame=frame_for(visitor, "Approvals"),
        views=draw_queue.views(workspace, chosen),
        waiting=tuple(entry for entry in found if entry.request.id in undecided),
        over=tuple(entry for entry in found if entry.request.id not in undecided),
        empty="" if found else _NOTHING.get(chosen, "There is none."),
        more=f"Only the latest {MOST_SHOWN} are shown." if has_more else "",
    )


async def one_view(
    parts: Parts, visitor: Visitor, request: ApprovalRequest, *, error: BeforehandError | None = None, message: str = ""
) -> One:
    """One request; *error* is why something was not done to it."""
    (entry,) = await _entries(parts, visitor, (request,))
    return One(
        frame=frame_for(visitor, f"{entry.request.title}, {entry.order.text}", error, message),
        entry=entry,
        back=Link(text="All requests", path=draw_queue.queue_path(request.workspace)),
    )


async def _entries(parts: Parts, visitor: Visitor, requests: Sequence[ApprovalRequest]) -> tuple[Entry, ...]:
    workspace = parts.workspaces[visitor.session.workspace]
    viewer = Viewer(
        own=frozenset(found.id for found in requests if found.requester.is_same_as(visitor.person)),
        why_not={(found.id, found.version): await _why_not(parts, visitor, found) for found in requests},
        deciders=deciders(workspace.policy),
    )
    orders = await _orders(parts, {found.order for found in requests if found.items})
    return draw_queue.entries(requests, viewer, orders.get, workspace.timezone, parts.clock())


async def _why_not(parts: Parts, visitor: Visitor, request: ApprovalRequest) -> str:
    if request.state is not ApprovalState.PENDING:
        return ""
    try:
        return await parts.approvals.why_not(visitor.session.principal, request)
    except BeforehandError as error:
        return str(error) or UNKNOWN


async def _orders(parts: Parts, keys: set[OrderKey]) -> dict[OrderKey, OrderView]:
    def work(tx: Reading) -> dict[OrderKey, OrderView]:
        records = {key: tx.record(key) for key in keys}
        return {key: view_of(record) for key, record in records.items() if record is not None}

    return await parts.store.read(work) if keys else {}
