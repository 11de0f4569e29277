"""This file says whether an order still allows a request that was made of it: at the decision it may not any more."""

from collections.abc import Sequence

from connectors.order_actions import OrderActionKind
from server.approval_model import ApprovalRequest
from server.model import OrderView
from server.rules.approval_action import PAYMENT
from server.rules.approval_amounts import left_of, still_counting
from server.rules.order_action_rules import objection


def obstacle(request: ApprovalRequest, view: OrderView, requests: Sequence[ApprovalRequest]) -> str:
    """Why the order does not allow it any more, in words without a full stop; empty where it does.

    *requests* are all of the order.
    """
    if reason := objection(request.kind, view):
        return reason
    if request.kind is not OrderActionKind.REFUND or request.amount is None:
        return ""
    named = request.details.get(PAYMENT, "")
    payment = next((found for found in view.payments if named in (found.id, *found.references)), None)
    if payment is None:
        return "The payment that it was about is not known any more"
    others = [other for other in still_counting(requests, view) if other.id != request.id]
    left = left_of(payment, others)
    if left is None:
        return "How much of the payment can be refunded is not known right now"
    if left.currency != request.amount.currency or left.amount < request.amount.amount:
        return f"Only {left} is left to refund"
    return ""
