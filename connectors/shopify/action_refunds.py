"""This file is refunds: what `refundCreate` is sent, and what a refund says became of it.

Amounts are spread over the payments (parent transactions) that Shopify suggests, none beyond what it says is left.
Orders whose customer paid in another currency than the shop's are refused: `refundCreate` wants that currency, and
people agreed to an amount in the shop's.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from connectors.contract import CameToNothing, Rejected
from connectors.money import Money
from connectors.order_actions import ActionReceipt, OrderAction
from connectors.reading import answer_of, line, money
from connectors.shopify import payments, wire_graphql
from connectors.shopify import wire_actions as wire
from connectors.shopify.action_words import SYSTEM, gid, note, short
from connectors.shopify.translate import id_of
from connectors.shopify.translate_look_work import nodes
from connectors.shopify.words import ERRORS

_MOST_LINES = 50
"""As many as `ReadRefundable` asks for."""
_FAILED = ("FAILURE", "ERROR")


class _Source(Struct, frozen=True):
    """One payment that money can go back to."""

    parent: str
    gateway: str
    left: Money
    names: frozenset[str]


def wanted_lines(action: OrderAction) -> list[dict[str, Any]]:
    """The items, each line once, as `suggestedRefund` and `refundCreate` take them."""
    counted: Counter[str] = Counter()
    for item in action.items:
        if item.quantity < 1:
            raise Rejected(SYSTEM, "the number of items to refund has to be at least 1")
        counted[item.line] += item.quantity
    return [{"lineItemId": gid("LineItem", name), "quantity": quantity} for name, quantity in counted.items()]


def refund_input(order: wire.RefundableOrder, action: OrderAction) -> dict[str, Any]:
    """A `RefundInput`. Raises Rejected where the order does not allow it (any more)."""
    currency = order.currency_code or ""
    if currency != (order.presentment_currency_code or currency):
        raise Rejected(
            SYSTEM,
            f"the customer paid in {order.presentment_currency_code}, and the shop reckons in {currency}: "
            "make this refund in Shopify",
        )
    suggested = order.suggested_refund
    if suggested is None:
        raise Rejected(SYSTEM, "nothing of this order can be refunded")
    with answer_of(SYSTEM):
        every = _sources(suggested)
        reckoned = _money(suggested.amount_set)
    sources = _of_payment(every, action)
    _check_lines(order, action)
    left = Money(sum(source.left.amount for source in sources), currency)
    if left.amount <= 0:
        raise Rejected(SYSTEM, "nothing is left to refund")
    is_whole = action.amount is None and not action.items
    amount = _checked(action.amount or (left if is_whole or reckoned is None else reckoned), left)
    is_everything = amount == left and len(sources) == len(every)
    lines = _lines(order, suggested, action, is_everything=is_everything, is_whole=is_whole)
    return {
        "orderId": order.id,
        "note": note(action.reason, action.key),
        "notify": action.notify_customer,
        "transactions": _transactions(order.id, amount, sources),
        **({"refundLineItems": lines} if lines else {}),
        **({"shipping": {"fullRefund": True}} if is_whole and is_everything else {}),
    }


def receipt(refund: wire.Refund) -> ActionReceipt:
    """What became of a refund: a `Refund` alone does not say that the money is back, its transactions do.

    Raises CameToNothing where all of them failed.
    """
    with answer_of(SYSTEM):
        name = id_of(refund.id, "refund.id")
        moves = nodes(refund.transactions)
        failed = [move for move in moves if move.status in _FAILED]
        waiting = [move for move in moves if move.status not in (*_FAILED, "SUCCESS")]
        total = _money(refund.total_refunded_set)
        counted = [_money(move.amount_set) for move in moves if move.status not in _FAILED]
        amount = _sum([each for each in counted if each]) or total
    if failed and len(failed) == len(moves):
        code = (failed[0].error_code or "").lower()
        why = ERRORS.get(code) or "the payment provider refused it"
        raise CameToNothing(SYSTEM, f"the refund failed: {line(why).rstrip('.')}. The money is still with you ({name})")
    what = str(amount) if amount else "the payment"
    text = f"{'Shopify is on the way to refund' if waiting else 'Refunded'} {what} (refund {name})"
    if failed:
        text += "; a part of it failed: look at the order's payments"
    return ActionReceipt(id=name, text=text, at=refund.created_at, is_final=not waiting)


def _sources(suggested: wire.SuggestedRefund) -> list[_Source]:
    found = []
    for each in suggested.suggested_transactions or ():
        left, parent = _money(each.maximum_refundable_set), each.parent_transaction
        if parent is None or left is None or left.amount <= 0:
            continue
        known = payments.references(parent.payment_id, None, parent.receipt_json)
        names = {payments.payment_id(short(parent.id)), *known}
        if parent.parent_transaction:
            names.add(payments.payment_id(short(parent.parent_transaction.id)))
        found.append(_Source(parent.id, each.gateway or "", left, frozenset(names)))
    return found


def _of_payment(sources: Sequence[_Source], action: OrderAction) -> list[_Source]:
    """Those of the payment that people agreed on; all of them where they named none."""
    names = {name for name in (action.payment, *action.payment_references) if name}
    return [source for source in sources if not names or not names.isdisjoint(source.names)]


def _checked(amount: Money, left: Money) -> Money:
    if amount.currency != left.currency:
        raise Rejected(SYSTEM, f"the order is in {left.currency}, and not in {amount.currency}")
    if amount.amount <= 0:
        raise Rejected(SYSTEM, "a refund needs an amount above zero")
    if amount.amount > left.amount:
        raise Rejected(SYSTEM, f"only {left} can still be refunded")
    return amount


def _transactions(order: str, amount: Money, sources: Sequence[_Source]) -> list[dict[str, Any]]:
    """The amount, from the first payment on, each as far as it goes."""
    found: list[dict[str, Any]] = []
    rest = amount.amount
    for source in sources:
        part = min(rest, source.left.amount)
        if part <= 0:
            break
        rest -= part
        found.append(
            {
                "orderId": order,
                "parentId": source.parent,
                "gateway": source.gateway,
                "kind": "REFUND",
                "amount": Money(part, amount.currency).value,
            }
        )
    return found


def _lines(
    order: wire.RefundableOrder,
    suggested: wire.SuggestedRefund,
    action: OrderAction,
    *,
    is_everything: bool,
    is_whole: bool,
) -> list[dict[str, Any]]:
    """The items that go with the money. By amount alone none do, so nothing that is still to be sent is taken off."""
    known = {line.id: line for line in nodes(order.line_items)}
    advice = {each.line_item.id: each for each in suggested.refund_line_items or () if each.line_item}
    if action.items:
        wanted = wanted_lines(action)
    elif is_everything and (is_whole or action.restock):
        wanted = [{"lineItemId": name, "quantity": each.quantity} for name, each in advice.items() if each.quantity]
    elif action.restock:
        raise Rejected(SYSTEM, "to put items back into stock, choose which of them are refunded")
    else:
        wanted = []
    return [_restocked(each, advice.get(each["lineItemId"]), known, restock=action.restock) for each in wanted]


def _check_lines(order: wire.RefundableOrder, action: OrderAction) -> None:
    known = {line.id: line for line in nodes(order.line_items)}
    for each in wanted_lines(action):
        _check_line(known.get(each["lineItemId"]), each["quantity"], is_all_known=len(known) < _MOST_LINES)


def _check_line(found: wire.Line | None, quantity: int, *, is_all_known: bool) -> None:
    if found is None:
        if is_all_known:
            raise Rejected(SYSTEM, "an item to refund is not part of this order")
        return
    left = found.refundable_quantity
    if left is not None and quantity > left:
        name = line(found.title, 60) or "this item"
        why = f"only {left} of {name} can still be refunded" if left else f"{name} was refunded before"
        raise Rejected(SYSTEM, why)


def _restocked(
    wanted: dict[str, Any], advice: wire.SuggestedLine | None, known: dict[str, wire.Line], *, restock: bool
) -> dict[str, Any]:
    """The line with what happens to its stock: CANCEL takes back what was not sent, RETURN what was."""
    if not restock:
        return {**wanted, "restockType": "NO_RESTOCK"}
    found = known.get(wanted["lineItemId"])
    unsent = (found.unfulfilled_quantity or 0) if found else 0
    kind = "CANCEL" if unsent >= wanted["quantity"] else "RETURN"
    place = advice.location.id if advice and advice.location else None
    return {**wanted, "restockType": kind, **({"locationId": place} if place else {})}


def _money(bag: wire_graphql.MoneyBag | None) -> Money | None:
    found = bag.shop_money if bag else None
    return money(found.amount, found.currency_code, "amount") if found else None


def _sum(amounts: Sequence[Money]) -> Money | None:
    if not amounts or any(amount.currency != amounts[0].currency for amount in amounts):
        return None
    return Money(sum(amount.amount for amount in amounts), amounts[0].currency)
