"""This file says what of an order matters for a request, so that at the decision it shows whether it has changed."""

from collections.abc import Callable, Mapping

from connectors.money import Money
from connectors.order_actions import OrderActionKind
from server.model import OrderView
from server.rules.order_action_rules import how_much_has_arrived, how_much_is_sent, is_disputed, is_on_hold

REFUNDED = "Refunded"
"""The label of what has gone back so far."""
_NONE = "nothing"


def basis(kind: OrderActionKind, view: OrderView) -> dict[str, str]:
    """Label -> value, in words. What moves all the time, such as scans, is left out: only what changes a mind."""
    return {label: _FACTS[label](view) for label in _MATTERS[kind]}


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """What has changed, one sentence each, in the order of the labels."""
    return tuple(
        f"{label}: was {before[label] or 'unknown'}, is now {now[label] or 'unknown'}"
        for label in before
        if label in now and before[label] != now[label]
    )


def _cancelled(view: OrderView) -> str:
    return "yes" if view.order.cancelled_at else "no"


def _total(view: OrderView) -> str:
    return str(view.order.total) if view.order.total else ""


def refunded_in_words(view: OrderView) -> str:
    """`$12.00`, or `nothing`: of all payments."""
    found: dict[str, int] = {}
    for payment in view.payments:
        if payment.refunded is not None and payment.refunded.amount:
            found[payment.refunded.currency] = found.get(payment.refunded.currency, 0) + payment.refunded.amount
    return ", ".join(str(Money(amount, currency)) for currency, amount in sorted(found.items())) or _NONE


def _disputed(view: OrderView) -> str:
    return "yes" if any(map(is_disputed, view.payments)) else "no"


def _destination(view: OrderView) -> str:
    place = view.order.destination
    return f"{place} {place.postal_code}".strip() if place else ""


def _hold(view: OrderView) -> str:
    if not is_on_hold(view):
        return "no"
    reasons = sorted({hold.reason.replace("_", " ") for hold in view.order.holds or ()})
    return ", ".join(reasons) or "yes"


def _returned(view: OrderView) -> str:
    waiting = [request for request in view.order.refund_requests or () if request.state in ("requested", "approved")]
    return f"{len(waiting)} open" if waiting else "none"


_FACTS: Mapping[str, Callable[[OrderView], str]] = {
    "Cancelled": _cancelled,
    "Total": _total,
    REFUNDED: refunded_in_words,
    "Disputed": _disputed,
    "Shipped": how_much_is_sent,
    "Delivered": how_much_has_arrived,
    "Ships to": _destination,
    "On hold": _hold,
    "Returns": _returned,
}
_MATTERS: Mapping[OrderActionKind, tuple[str, ...]] = {
    OrderActionKind.REFUND: ("Cancelled", "Total", "Refunded", "Disputed", "Delivered"),
    OrderActionKind.CANCEL: ("Cancelled", "Total", "Refunded", "Shipped"),
    OrderActionKind.RESHIP: ("Cancelled", "Refunded", "Delivered", "Ships to"),
    OrderActionKind.ADDRESS_CHANGE: ("Cancelled", "Shipped", "Ships to"),
    OrderActionKind.HOLD: ("Cancelled", "Shipped", "On hold"),
    OrderActionKind.RELEASE: ("Cancelled", "On hold"),
    OrderActionKind.COMPENSATION: ("Cancelled", "Total", "Refunded", "Delivered"),
    OrderActionKind.FRAUD_OVERRIDE: ("Cancelled", "Disputed", "On hold"),
    OrderActionKind.OTHER: ("Cancelled", "Refunded", "Delivered", "Returns"),
}
