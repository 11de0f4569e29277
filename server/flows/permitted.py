"""This file puts what may be asked for on an order into the words of the API."""

from collections.abc import Sequence

from connectors.money import Money
from connectors.order_actions import OrderActionKind
from server.approval_model import ApprovalRequest
from server.context import ActionContext
from server.model import OrderView
from server.rules.approval_amounts import WITH_AMOUNT, most
from server.rules.order_action_rules import KINDS, objection, refundable
from server.rules.policy import ApprovalPolicy, Policy

__all__ = ["permitted", "refundable"]

_SWITCHED_OFF = "The policy does not allow this here"


def permitted(
    view: OrderView, requests: Sequence[ApprovalRequest] = (), policy: Policy | None = None
) -> list[ActionContext]:
    """Every kind of action, in the order in which agents reach for them."""
    return [_action(kind, view, requests, policy) for kind in KINDS]


def _action(
    kind: OrderActionKind, view: OrderView, requests: Sequence[ApprovalRequest], policy: Policy | None
) -> ActionContext:
    found = policy.approvals.get(kind, ApprovalPolicy()) if policy else ApprovalPolicy()
    reason = objection(kind, view) if found.enabled else _SWITCHED_OFF
    limit: Money | None = most(kind, view, requests) if kind in WITH_AMOUNT and not reason else None
    if limit is not None and limit.amount == 0:
        reason = "All that is left has already been asked for"
    return ActionContext(
        kind=kind,
        allowed=not reason,
        reason=reason,
        limit=limit.value if limit else None,
        currency=limit.currency if limit else None,
        record_only=found.record_only or kind is OrderActionKind.OTHER,
    )
