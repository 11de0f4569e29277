"""This file says whether an order still allows a request that was made of it: at the decision it may not any more."""

from collections.abc import Sequence

from connectors.money import Money
from connectors.order_actions import OrderActionKind
from server.approval_model import ApprovalRequest
from server.model import OrderView
from server.rules.approval_action import PAYMENT
from server.rules.approval_amounts import credit_left, left_of, still_counting
from server.rules.order_action_rules import DISPUTED, is_disputed, objection


def obstacle(request: ApprovalRequest, view: OrderView, requests: Sequence[ApprovalRequest]) -> str:
    """Why the order does not allow it any more, in words without a full stop; empty where it does.

    *requests* are all of the order.
    """
    if reason := objection(request.kind, view):
        return reason
    others = [other for other in requests if other.id != request.id]
    if request.kind is OrderActionKind.REFUND and request.amount is not None:
        return _of_refund(request, request.amount, view, others)
    if request.kind is OrderActionKind.COMPENSATION and request.amount is not None:
        return _of_credit(request.amount, view, others)
    return ""


def _of_credit(amount: Money, view: OrderView, others: Sequence[ApprovalRequest]) -> str:
    left = credit_left(view, others)
    if left is None:
        return "What the order cost is not known right now"
    is_enough = left.currency == amount.currency and amount.amount <= left.amount
    return "" if is_enough else f"Only {left} is left to credit"


def _of_refund(request: ApprovalRequest, amount: Money, view: OrderView, others: Sequence[ApprovalRequest]) -> str:
    named = request.details.get(PAYMENT, "")
    payment = next((found for found in view.payments if named in (found.id, *found.references)), None)
    if payment is None:
        return "The payment that it was about is not known any more"
    if is_disputed(payment):
        return DISPUTED
    left = left_of(payment, still_counting(others, view))
    if left is None:
        return "How much of the payment can be refunded is not known right now"
    if left.currency != amount.currency or left.amount < amount.amount:
        return f"Only {left} is left to refund"
    return ""
