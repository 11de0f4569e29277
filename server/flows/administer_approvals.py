"""This file is what an operator may do about approval requests (`administer.py` has the other commands)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import Struct

from server.approval_model import ApprovalRequest, ApprovalState, Verdict
from server.errors import BadInput, Forbidden, NotFound
from server.flows.desk import Desk
from server.flows.present_approvals import approval
from server.model import JsonObject, Principal, Role


class ApprovalsList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """*states* are separated by commas; empty: those that wait for a decision."""

    workspace: str
    states: str = ""
    limit: int = 100


class ApprovalShow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    workspace: str
    id: str


class ApprovalDecide(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """*person* is a name of the policy's `[people]`; *version* 0 is the one that is stored now."""

    workspace: str
    id: str
    decision: Verdict
    reason: str
    person: str
    version: int = 0


async def list_approvals(desk: Desk, wanted: ApprovalsList) -> JsonObject:
    """Requests, newest first."""
    _known(desk, wanted.workspace)
    try:
        states = tuple(ApprovalState(name.strip()) for name in (wanted.states or "pending").split(","))
    except ValueError as error:
        raise BadInput(f"state: expected some of {', '.join(ApprovalState)}, separated by commas") from error
    found = await desk.store.read(lambda tx: tx.approvals(wanted.workspace, states, wanted.limit))
    return {"approvals": [_row(request) for request in found]}


async def show_approval(desk: Desk, wanted: ApprovalShow) -> JsonObject:
    """Everything about one request."""
    return {"approval": approval(await _request(desk, wanted.workspace, wanted.id))}


async def decide_approval(desk: Desk, wanted: ApprovalDecide) -> JsonObject:
    """Approve or reject as somebody whom the policy names. Only in a running server, which reads the order again."""
    request = await _request(desk, wanted.workspace, wanted.id)
    if desk.approvals is None:
        raise BadInput("no server runs, and only a server can read the order again: start it with `beforehand serve`")
    # The policy's role counts: the way in through this machine gives no more than that.
    principal = Principal(workspace=wanted.workspace, user=wanted.person, role=Role.ADMIN, via="token")
    people = desk.workspaces[wanted.workspace].policy.people
    if wanted.person not in people:
        known = ", ".join(people) or "nobody yet"
        error = Forbidden(f"--as: expected somebody whom the policy names under [people], which has {known}")
        await desk.approvals.refused(principal, wanted.id, error, decision=wanted.decision)
        raise error
    version = wanted.version or request.version
    after = await desk.approvals.decide(principal, wanted.id, wanted.decision, wanted.reason, version)
    return {"approval": _row(after)}


def _row(request: ApprovalRequest) -> JsonObject:
    return {
        "id": request.id,
        "order": request.order_name,
        "kind": request.kind,
        "amount": str(request.amount) if request.amount else "",
        "state": request.state,
        "asked by": request.requester.name,
        "reason": request.reason,
        "created_at": request.created_at,
        "expires_at": request.expires_at,
        "version": request.version,
    }


async def _request(desk: Desk, workspace: str, request_id: str) -> ApprovalRequest:
    _known(desk, workspace)
    found = await desk.store.read(lambda tx: tx.approval(request_id))
    if found is None or found.workspace != workspace:
        raise NotFound(f"workspace {workspace} has no request {request_id}")
    return found


def _known(desk: Desk, workspace: str) -> None:
    if workspace not in desk.workspaces:
        raise NotFound(f"there is no workspace {workspace!r}; the configuration has {', '.join(desk.workspaces)}")


Command = Callable[[Desk, Any], Awaitable[JsonObject]]
COMMANDS: Mapping[str, tuple[type[Struct], Command]] = {
    "approvals_list": (ApprovalsList, list_approvals),
    "approvals_show": (ApprovalShow, show_approval),
    "approvals_decide": (ApprovalDecide, decide_approval),
}
