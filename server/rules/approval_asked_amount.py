"""This file settles the amount that somebody asks for: what they said, what the items cost, or all that is left.

What is wrong with it is raised as BadInput with what was expected; what the order does not allow, as Conflict.
"""

from collections.abc import Sequence

from connectors.model import Payment
from connectors.money import Money
from connectors.order_actions import ActionItem, OrderActionKind
from server.approval_model import ApprovalRequest
from server.errors import BadInput, Conflict
from server.model import OrderView
from server.rules.approval_action import PAYMENT
from server.rules.approval_amounts import WITH_AMOUNT, credit_left, left_of, payment_with, still_counting, worth
from server.rules.order_action_rules import DISPUTED, is_disputed

_NOTHING_LEFT = "All that is left to refund has already been asked for."


def asked_amount(
    kind: OrderActionKind,
    asked: Money | None,
    items: tuple[ActionItem, ...],
    view: OrderView,
    requests: Sequence[ApprovalRequest],
    details: dict[str, str],
) -> Money | None:
    """The amount as a number, also of "all of it": what people approve is what they have seen.

    Of a refund it also chooses the payment, and remembers it in *details*: nobody shall choose another one later.
    """
    if kind not in WITH_AMOUNT:
        if asked is not None:
            raise BadInput("amount: expected none for this kind")
        return None
    if asked is not None and asked.amount <= 0:
        raise BadInput("amount: expected more than nothing")
    if kind is OrderActionKind.COMPENSATION:
        return _credit(asked, view, requests)
    return _refund(asked, items, view, still_counting(requests, view), details)


def _credit(amount: Money | None, view: OrderView, requests: Sequence[ApprovalRequest]) -> Money:
    if amount is None:
        raise BadInput("amount: expected how much to credit")
    total, left = view.order.total, credit_left(view, requests)
    if total is None or left is None:
        raise Conflict("What the order cost is not known right now. Refresh and try again.")
    if amount.currency != total.currency:
        raise BadInput(f"amount: expected {total.currency}, the currency of the order, got {amount.currency}")
    if amount.amount > total.amount:
        raise BadInput(f"amount: expected at most {total}, which is what the order cost")
    if left.amount <= 0:
        raise Conflict("All that the order cost has already been credited, or asked for.")
    if amount.amount > left.amount:
        raise BadInput(f"amount: at most {left} is left to credit, once other requests are taken off; got {amount}")
    return amount


def _refund(
    said: Money | None,
    items: tuple[ActionItem, ...],
    view: OrderView,
    requests: Sequence[ApprovalRequest],
    details: dict[str, str],
) -> Money:
    asked = said
    if asked is None and items and (asked := worth(items, view)) is None:
        raise BadInput("amount: expected it, since the price of these items is not known")
    payment = _payment(details.get(PAYMENT), asked, view, requests)
    left = left_of(payment, requests)
    if left is None:
        raise Conflict("How much of the payment can be refunded is not known right now. Refresh and try again.")
    details[PAYMENT] = payment.id
    if asked is None:
        asked = left
    if asked.currency != left.currency:
        raise BadInput(f"amount: expected {left.currency}, the currency of the payment, got {asked.currency}")
    if said is None and items:
        # The items may have cost more than was paid: a discount, a gift card.
        asked = Money(min(asked.amount, left.amount), left.currency)
    if left.amount <= 0:
        raise Conflict(_NOTHING_LEFT)
    if asked.amount <= 0:
        raise BadInput("amount: expected it, since these items cost nothing by the order")
    if asked.amount > left.amount:
        raise BadInput(f"amount: at most {left} is left to refund, once other requests are taken off; got {asked}")
    return asked


def _payment(named: str | None, asked: Money | None, view: OrderView, requests: Sequence[ApprovalRequest]) -> Payment:
    if not named:
        found = payment_with(asked, view, requests)
        if found is None:
            raise Conflict(_NOTHING_LEFT)
        return found
    found = next((payment for payment in view.payments if named in (payment.id, *payment.references)), None)
    if found is None:
        raise BadInput("details.payment: the order has no such payment")
    if is_disputed(found):
        raise Conflict(f"{DISPUTED}.")
    return found
