"""This file says what of an order still has to be sent, since when it could have been, and how to say it."""

from datetime import datetime

from connectors.model import LineItem, PaymentAttempt, PaymentState
from server.rules import wording
from server.rules.case import Case
from server.rules.money_states import HOLDS_MONEY

MOST_NAMED = 5
"""Items that a text names; the rest is counted."""
MOST_CAUSES = 20
_UNPAID_WORDS = frozenset({"pending", "unpaid", "expired", "voided"})
_GONE_WORDS = frozenset({"fulfilled", "partial", "restocked", "cancelled", "canceled", "shipped"})


def is_on_hold(case: Case) -> bool:
    """Whether the shop or its warehouse has stopped it on purpose."""
    order = case.order.order
    if order.holds is not None:
        return bool(order.holds)
    return (order.fulfillment_state or "").lower() == "on_hold"


def is_scheduled(case: Case) -> bool:
    """Whether it is to be sent at a later date: a pre-order, a subscription."""
    return (case.order.order.fulfillment_state or "").lower() == "scheduled"


def nothing_sent(case: Case) -> bool:
    """Whether there is something to send, and neither a label nor a parcel, nor the shop's word that it is gone."""
    state = (case.order.order.fulfillment_state or "").lower()
    if case.moving or state in _GONE_WORDS or case.order.order.closed_at is not None:
        return False
    return case.order.order.line_items is None or bool(case.to_send)


def ready_since(case: Case) -> datetime | None:
    """Since when nothing but ourselves keeps it from being sent: placed, and paid or authorised.

    None as long as it is known not to be paid. Where nobody says anything of money, it counts from its placing.
    """
    order = case.order.order
    holding = [payment for payment in case.order.payments if payment.state in HOLDS_MONEY]
    if (order.financial_state or "").lower() in _UNPAID_WORDS and not holding:
        return None
    if not order.financial_state and not holding and any(_is_awaited(p.state) for p in case.order.payments):
        return None
    paid = [at for payment in holding if (at := _paid_at(payment.attempts, payment.created_at)) is not None]
    if order.placed_at is None:
        return min(paid, default=None)
    return max(order.placed_at, min(paid, default=order.placed_at))


def in_words(items: tuple[LineItem, ...], *, unfulfilled: bool = False) -> str:
    """`2 x Lamp (LAMP-1), Mug`; with *unfulfilled* how many of each still wait."""
    shown = []
    for item in items[:MOST_NAMED]:
        count = item.quantity if not unfulfilled or item.unfulfilled is None else item.unfulfilled
        sku = f" ({wording.one_line(item.sku, 40)})" if item.sku else ""
        shown.append(f"{f'{count} x ' if count != 1 else ''}{wording.one_line(item.title, 60) or 'an item'}{sku}")
    more = len(items) - MOST_NAMED
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def causes(case: Case, items: tuple[LineItem, ...] = ()) -> tuple[str, ...]:
    """What other orders that wait may have in common with it."""
    order = case.order.order
    found = [f"warehouse:{order.warehouse}"] if order.warehouse else []
    found += [f"seller:{order.seller}"] if order.seller else []
    found += sorted({f"sku:{item.sku}" for item in items if item.sku})[:MOST_CAUSES]
    return tuple(found)


def _is_awaited(state: PaymentState | None) -> bool:
    return state in (PaymentState.PENDING, PaymentState.REQUIRES_ACTION, PaymentState.FAILED, PaymentState.CANCELLED)


def _paid_at(attempts: tuple[PaymentAttempt, ...], created_at: datetime | None) -> datetime | None:
    return min((attempt.at for attempt in attempts if attempt.succeeded), default=created_at)
