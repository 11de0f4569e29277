"""This file says what may be asked for on an order as it stands, and why not otherwise.

It looks at the order alone; who may ask for it, and up to which amount, is for the approval rules.
"""

from collections.abc import Callable

from connectors.model import Payment, PaymentState, ShipmentState
from connectors.money import Money
from server.context import ActionContext
from server.model import OrderView

_UNSENT = (ShipmentState.UNKNOWN, ShipmentState.LABEL_CREATED, ShipmentState.CANCELLED)
_DISPUTE_OVER = ("won", "lost", "warning_closed", "closed", "prevented")
_TAKEN = (PaymentState.PAID, PaymentState.PARTIALLY_REFUNDED, PaymentState.REFUNDED)
_SHIPPED = ("fulfilled", "restocked")


def permitted(view: OrderView) -> list[ActionContext]:
    """Every kind of action, in the order in which agents reach for them."""
    return [
        ActionContext(kind=kind, allowed=not (reason := objection(view)), reason=reason)
        for kind, objection in _OBJECTIONS.items()
    ]


def refundable(payment: Payment) -> Money | None:
    """What may still be given back: as the processor says, else what was captured less what was refunded."""
    if payment.refundable is not None:
        return payment.refundable
    captured = payment.captured
    if captured is None or payment.state not in _TAKEN:
        return None
    refunded = payment.refunded or Money(0, captured.currency)
    if refunded.currency != captured.currency:
        return None
    return Money(max(0, captured.amount - refunded.amount), captured.currency)


def _refund(view: OrderView) -> str:
    if not view.payments:
        return "No payment of this order is known"
    with_money = [payment for payment in view.payments if _may_hold_money(payment)]
    if not with_money:
        taken = any(payment.state in _TAKEN for payment in view.payments)
        return "Nothing is left to refund" if taken else "No money has been taken yet"
    if all(_is_disputed(payment) for payment in with_money):
        return "The payment is disputed: the bank decides who gets the money"
    return ""


def _cancel(view: OrderView) -> str:
    if view.order.cancelled_at:
        return "The order is already cancelled"
    if _sent(view):
        return "A shipment is already on its way" if not _all_arrived(view) else "The order was already delivered"
    return "The order is already fulfilled" if view.order.fulfillment_state in _SHIPPED else ""


def _reship(view: OrderView) -> str:
    if not _sent(view):
        return "Nothing has been shipped yet"
    return ""


def _address_change(view: OrderView) -> str:
    if view.order.cancelled_at:
        return "The order is cancelled"
    if _everything_sent(view):
        return "Everything is already with the carrier" if not _all_arrived(view) else "The order was already delivered"
    return ""


def _hold(view: OrderView) -> str:
    if view.order.cancelled_at:
        return "The order is cancelled"
    if _is_on_hold(view):
        return "The order is already on hold"
    return "Everything has already been shipped" if _everything_sent(view) else ""


def _release(view: OrderView) -> str:
    return "" if _is_on_hold(view) else "The order is not on hold"


def _compensation(view: OrderView) -> str:
    if any(payment.state in _TAKEN for payment in view.payments):
        return ""
    if not view.payments and view.order.financial_state in ("paid", "partially_paid", "partially_refunded", "refunded"):
        return ""
    return "The customer has not paid anything"


def _fraud_override(view: OrderView) -> str:
    if view.order.cancelled_at:
        return "The order is cancelled"
    return "" if _is_on_hold(view) else "No check holds this order back"


def _other(_: OrderView) -> str:
    return ""


_OBJECTIONS: dict[str, Callable[[OrderView], str]] = {
    "refund": _refund,
    "cancel": _cancel,
    "reship": _reship,
    "address_change": _address_change,
    "hold": _hold,
    "release": _release,
    "compensation": _compensation,
    "fraud_override": _fraud_override,
    "other": _other,
}


def _may_hold_money(payment: Payment) -> bool:
    left = refundable(payment)
    # A payment that is said to be paid, without an amount, may be asked about: the processor knows.
    return left.amount > 0 if left else payment.state in (PaymentState.PAID, PaymentState.PARTIALLY_REFUNDED)


def _is_disputed(payment: Payment) -> bool:
    return payment.dispute is not None and payment.dispute.state.lower() not in _DISPUTE_OVER


def _sent(view: OrderView) -> bool:
    """Whether any parcel has left, as far as anybody says so."""
    return any((found.shipment.state or ShipmentState.UNKNOWN) not in _UNSENT for found in view.shipments)


def _all_arrived(view: OrderView) -> bool:
    alive = [found.shipment for found in view.shipments if found.shipment.state is not ShipmentState.CANCELLED]
    return bool(alive) and all(shipment.state is ShipmentState.DELIVERED for shipment in alive)


def _everything_sent(view: OrderView) -> bool:
    items = view.order.line_items or ()
    if any(item.unfulfilled for item in items):
        return False
    alive = [found.shipment for found in view.shipments if found.shipment.state is not ShipmentState.CANCELLED]
    if alive:
        return all((shipment.state or ShipmentState.UNKNOWN) not in _UNSENT for shipment in alive)
    return view.order.fulfillment_state in _SHIPPED


def _is_on_hold(view: OrderView) -> bool:
    return view.order.fulfillment_state == "on_hold"
