"""This file is what approvals check beside the rules: who could be read, what counts, who can carry it out."""

from datetime import datetime

from connectors.contract import ActionDesk
from connectors.order_actions import OrderActionKind
from server.approval_model import ApprovalRequest, ApprovalState
from server.errors import Conflict, Forbidden, Gone, NotNow
from server.flows.look import SeenNow
from server.model import OrderKey, OrderView, Principal, Role
from server.rules.approval_action import desks, order_action
from server.rules.approval_amounts import DAY
from server.rules.approval_clock import policy_of
from server.rules.policy import Policy
from server.rules.timeline import empty, view
from server.store.contract import Reading
from server.workspaces import Workspace

MONEY = (OrderActionKind.REFUND, OrderActionKind.COMPENSATION)
OVER = {
    ApprovalState.REJECTED: "It was already rejected.",
    ApprovalState.WITHDRAWN: "It was taken back.",
    ApprovalState.APPROVED: "It was already approved.",
    ApprovalState.EXECUTING: "It was already approved and is being carried out.",
    ApprovalState.EXECUTED: "It was already approved and carried out.",
    ApprovalState.FAILED: "It was already approved, and could not be carried out.",
}
EXPIRED = "It has expired: nobody decided in time. It can be asked for again."
ONLY_ASKS = "This token is for asking: somebody with the role approver has to decide."


def why_token_may_not(principal: Principal) -> str:
    """An API token decides only where it was made for that, whoever it names."""
    return ONLY_ASKS if principal.via == "token" and principal.role is Role.AGENT else ""


def must_be_open(request: ApprovalRequest) -> None:
    """Raise Gone or Conflict where it is clear that nothing is to be decided any more."""
    if request.state is ApprovalState.EXPIRED:
        raise Gone(EXPIRED)
    if request.state is not ApprovalState.PENDING:
        raise Conflict(OVER[request.state], version=request.version)


def must_be(request: ApprovalRequest, version: int) -> None:
    """Raise Conflict unless it waits for a decision, and is what was seen."""
    must_be_open(request)
    if request.version != version:
        sentence = "The request has changed since you looked at it. Look again, and decide on what it is now."
        raise Conflict(sentence, differences=request.differences, version=request.version)


def must_be_still(tx: Reading, key: OrderKey, since: datetime) -> None:
    """Raise NotNow where something was carried out on the order since it was read: what was read may not show it."""
    if any(other.closed_at and other.receipt and other.closed_at > since for other in tx.approvals_of(key)):
        raise NotNow("Something else was carried out on this order a moment ago, so nothing was done. Try again.")


def must_be_same(before: ApprovalRequest, digest: bytes) -> ApprovalRequest:
    """The request that was made under the same key. Raises Conflict where it was another one."""
    if before.ask_digest != digest:
        raise Conflict("This Idempotency-Key was used for something else: use a new one for another request.")
    return before


def must_be_allowed(reason_not: str) -> None:
    """Raise Forbidden with the reason, if there is one."""
    if reason_not:
        raise Forbidden(reason_not)


def unread(kind: OrderActionKind, seen: SeenNow, workspace: Workspace, *, is_decision: bool) -> str:
    """Which source did not say what matters for this kind, in words; empty where all is known.

    Nobody asks for money on a guess. Other kinds may be asked for on what is stored, and are read at the decision.
    """
    if kind in MONEY:
        sources = _sources_of_money(seen, workspace)
        silent = "No connection could be asked about the payment right now"
        return seen.trouble(sources) or ("" if seen.is_read_by(sources) else silent)
    if not is_decision or kind is OrderActionKind.OTHER:
        return ""
    return seen.trouble({seen.view.key.shop})


def nobody_can(request: ApprovalRequest, seen: SeenNow, workspace: Workspace) -> str:
    """Why only a person can carry it out, in words; empty where a system can."""
    if policy_of(request, workspace.policy).record_only:
        return "The policy has a person carry this out."
    if request.kind is OrderActionKind.OTHER:
        return "Only a person can carry this out."
    action, reasons = order_action(request, seen.view), list[str]()
    for name in desks(request, seen.record):
        desk: object = workspace.connections.get(name)
        if not isinstance(desk, ActionDesk):
            continue
        reason = desk.objection(action)
        if not reason:
            return ""
        reasons.append(f"{reason.rstrip('.')}.")
    return " ".join(dict.fromkeys(reasons)) or "No connection can carry this out."


def stored_view(tx: Reading, request: ApprovalRequest) -> OrderView:
    """The order as it is stored, for what needs no look."""
    return view(tx.record(request.order) or empty(request.order))


def counted(tx: Reading, request: ApprovalRequest, policy: Policy, now: datetime) -> list[ApprovalRequest]:
    """Requests that count towards limits: those on the order, and with a daily limit all that was agreed to lately."""
    found = {other.id: other for other in tx.approvals_of(request.order)}
    if policy_of(request, policy).max_per_day is not None:
        found |= {other.id: other for other in tx.approvals_agreed(request.workspace, now - DAY)}
    return list(found.values())


def _sources_of_money(seen: SeenNow, workspace: Workspace) -> set[str]:
    """Whoever keeps the order, and whoever may know of its payments."""
    told = {name for by_source in seen.record.payments.values() for name in by_source}
    return {seen.view.key.shop, *told, *workspace.payment_sources}
