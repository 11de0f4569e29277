"""This file reckons amounts of approval requests: what is left to be asked for, and what was asked for and when.

Amounts are minor units of one currency; amounts of different currencies are never compared.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from connectors.model import LineItem, Payment
from connectors.money import Money
from connectors.order_actions import ActionItem, OrderActionKind
from server.approval_model import ApprovalRequest, ApprovalState, Person
from server.model import OrderView
from server.rules.approval_action import PAYMENT
from server.rules.approval_basis import REFUNDED, refunded_in_words
from server.rules.order_action_rules import is_disputed, refundable

WITH_AMOUNT = (OrderActionKind.REFUND, OrderActionKind.COMPENSATION)
_UNDER_WAY = (ApprovalState.PENDING, ApprovalState.APPROVED, ApprovalState.EXECUTING)
DAY = timedelta(hours=24)
"""For which limits of a day count."""


def left_of(payment: Payment, requests: Iterable[ApprovalRequest]) -> Money | None:
    """What may still be asked back of one payment, once what others ask for is taken off; None: nobody knows."""
    left = refundable(payment)
    if left is None:
        return None
    asked = sum(
        request.amount.amount
        for request in requests
        if request.kind is OrderActionKind.REFUND
        and request.state in _UNDER_WAY
        and request.amount is not None
        and request.amount.currency == left.currency
        and request.details.get(PAYMENT, "") in (payment.id, *payment.references)
    )
    return Money(max(0, left.amount - asked), left.currency)


def still_counting(requests: Iterable[ApprovalRequest], view: OrderView) -> list[ApprovalRequest]:
    """*requests* without those that were only recorded, once the order shows that money has gone back since.

    A person has carried them out by then: what they took is no longer left in the payment, and must not count twice.
    """
    refunded = refunded_in_words(view)
    return [
        request
        for request in requests
        if not (request.is_record_only and request.basis.get(REFUNDED, refunded) != refunded)
    ]


def credit_left(view: OrderView, requests: Iterable[ApprovalRequest]) -> Money | None:
    """What may still be credited on the order: what it cost, less all that was asked for; None: nobody knows."""
    total = view.order.total
    if total is None:
        return None
    asked = (other.amount for other in requests if other.kind is OrderActionKind.COMPENSATION and not other.is_void)
    return Money(max(0, total.amount - _sum(total, asked).amount), total.currency)


def items_left(line: LineItem, view: OrderView, requests: Iterable[ApprovalRequest]) -> int:
    """How many of a line may still be refunded, once those that others ask for are taken off."""
    # Where the shop does not say how many are left, those that were refunded at our request are gone too.
    is_known = line.refundable is not None
    asked = sum(
        item.quantity
        for request in still_counting(requests, view)
        if request.takes_money and (request.state in _UNDER_WAY or not is_known)
        for item in request.items
        if item.line == line.id
    )
    return max(0, (line.quantity if line.refundable is None else line.refundable) - asked)


def at_stake(request: ApprovalRequest, view: OrderView) -> Money | None:
    """What limits are compared with: the amount, or what goods that are sent again cost, at most all of the order.

    None where nothing of worth is given away, or nobody knows. A cancellation gives no money back by itself: that is a
    refund, which is asked for as one.
    """
    if request.kind is OrderActionKind.RESHIP:
        return worth(request.items, view) or view.order.total
    return request.amount


def most(kind: OrderActionKind, view: OrderView, requests: Sequence[ApprovalRequest]) -> Money | None:
    """The most that one request of this kind may be about now; None where that is not known."""
    if kind is OrderActionKind.COMPENSATION:
        return credit_left(view, requests)
    counting = still_counting(requests, view)
    found = [left for payment in view.payments if not is_disputed(payment) and (left := left_of(payment, counting))]
    return max(found, key=lambda left: left.amount, default=None)


def payment_with(amount: Money | None, view: OrderView, requests: Sequence[ApprovalRequest]) -> Payment | None:
    """The payment from which *amount* can be given back, else the one with the most left; None: there is none."""
    found = [
        (left, payment)
        for payment in view.payments
        if not is_disputed(payment) and (left := left_of(payment, requests)) and left.amount > 0
    ]
    if amount is not None:
        fitting = [(left, p) for left, p in found if left.currency == amount.currency and left.amount >= amount.amount]
        found = fitting or found
    return max(found, key=lambda pair: pair[0].amount)[1] if found else None


def worth(items: Sequence[ActionItem], view: OrderView) -> Money | None:
    """What these items cost by the order; None where a price is not known."""
    prices = {item.id: item.price for item in view.order.line_items or ()}
    found = [(prices.get(item.line), item.quantity) for item in items]
    known = [(price, quantity) for price, quantity in found if price is not None]
    if not known or len(known) < len(found) or len({price.currency for price, _ in known}) > 1:
        return None
    return Money(sum(price.amount * quantity for price, quantity in known), known[0][0].currency)


def agreed_on_order(
    request: ApprovalRequest, amount: Money, requests: Iterable[ApprovalRequest], by: Person | None = None
) -> Money:
    """What was agreed to of the same kind on the same order so far, without *request*; with *by* by that person.

    In the currency of *amount*.
    """
    agreed = (
        other.stake or other.amount
        for other in requests
        if _is_like(other, request)
        and other.order == request.order
        and any(by is None or decision.person.is_same_as(by) for decision in other.approvals)
    )
    return _sum(amount, agreed)


def agreed_by(
    person: Person, request: ApprovalRequest, amount: Money, requests: Iterable[ApprovalRequest], now: datetime
) -> Money:
    """What one person has agreed to of the same kind within 24 hours, in the currency of *amount*."""
    agreed = (
        other.stake or other.amount
        for other in requests
        if _is_like(other, request)
        and any(decision.person.is_same_as(person) and now - decision.at < DAY for decision in other.approvals)
    )
    return _sum(amount, agreed)


def _is_like(other: ApprovalRequest, request: ApprovalRequest) -> bool:
    return other.id != request.id and other.kind is request.kind and not other.is_void


def _sum(like: Money, amounts: Iterable[Money | None]) -> Money:
    """In the currency of *like*; other currencies are left out."""
    return Money(sum(a.amount for a in amounts if a is not None and a.currency == like.currency), like.currency)
