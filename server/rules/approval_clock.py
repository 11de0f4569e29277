"""This file is what time alone does to an approval request: people are reminded of it, and it expires."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from server.approval_model import ApprovalRequest, ApprovalState, Turn
from server.rules.policy import ApprovalPolicy, Policy

_NEVER = timedelta()


def policy_of(request: ApprovalRequest, policy: Policy) -> ApprovalPolicy:
    """What the policy says of this kind; the defaults where it says nothing."""
    return policy.approvals.get(request.kind, ApprovalPolicy())


def due_at(request: ApprovalRequest, policy: Policy) -> datetime | None:
    """When a pending request has to be looked at next: at its expiry, or for a reminder before it."""
    if request.state is not ApprovalState.PENDING:
        return None
    every = policy_of(request, policy).remind_after
    if every <= _NEVER:
        return request.expires_at
    return min(request.expires_at, (request.reminded_at or request.created_at) + every)


def tick(request: ApprovalRequest, policy: Policy, now: datetime) -> tuple[ApprovalRequest, Turn | None]:
    """The request as time has made it by *now*, and what happened, if anything did.

    It expires exactly at `expires_at`. A server that was down for long reminds once, not for every time it missed.
    """
    if request.state is not ApprovalState.PENDING:
        return request, None
    if now >= request.expires_at:
        expired = replace(request, state=ApprovalState.EXPIRED, version=request.version + 1, closed_at=now, due_at=None)
        return expired, Turn.EXPIRED
    every = policy_of(request, policy).remind_after
    if every > _NEVER and now >= (request.reminded_at or request.created_at) + every:
        reminded = replace(request, reminded_at=now)
        return replace(reminded, due_at=due_at(reminded, policy)), Turn.REMINDED
    # The policy may have changed since: then it is due at another time.
    return replace(request, due_at=due_at(request, policy)), None
