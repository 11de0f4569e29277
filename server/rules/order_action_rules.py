"""This file says what may be asked for on an order as it stands, and why not otherwise.

It looks at the order alone; who may ask for it, and up to which amount, is for `approval_asking.py` and
`approval_deciding.py`.
"""

from collections.abc import Callable, Mapping

from connectors.model import Payment, PaymentState, ShipmentState
from connectors.money import Money
from connectors.order_actions import OrderActionKind
from server.model import OrderView

DISPUTED = "The payment is disputed: the bank decides who gets the money"
_UNSENT = (ShipmentState.UNKNOWN, ShipmentState.LABEL_CREATED, ShipmentState.CANCELLED)
_DISPUTE_OVER = ("won", "lost", "warning_closed", "closed", "prevented")
_TAKEN = (PaymentState.PAID, PaymentState.PARTIALLY_REFUNDED, PaymentState.REFUNDED)
_SHIPPED = ("fulfilled", "restocked")
_PAID = ("paid", "partially_paid", "partially_refunded", "refunded")


def objection(kind: OrderActionKind, view: OrderView) -> str:
    """Why this cannot be asked for now, in words; empty where it can."""
    return _OBJECTIONS[kind](view)


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


def is_disputed(payment: Payment) -> bool:
    """Whether a bank is deciding who gets the money."""
    return payment.dispute is not None and payment.dispute.state.lower() not in _DISPUTE_OVER


def is_on_hold(view: OrderView) -> bool:
    """Whether the shop or its warehouse does not go on with it."""
    return view.order.fulfillment_state == "on_hold" or bool(view.order.holds)


def is_held_for_fraud(view: OrderView) -> bool:
    """Whether a fraud check holds it back; where nobody says why it is held, that may be so."""
    if not is_on_hold(view):
        return False
    reasons = [hold.reason for hold in view.order.holds or ()]
    return not reasons or any("fraud" in reason for reason in reasons)


def how_much_is_sent(view: OrderView) -> str:
    """nothing, part of it, or everything."""
    if is_everything_sent(view):
        return "everything"
    return "part of it" if _is_sent(view) else "nothing"


def how_much_has_arrived(view: OrderView) -> str:
    """nothing, part of it, or everything."""
    if is_everything_sent(view) and _have_all_arrived(view):
        return "everything"
    some = any(found.shipment.state is ShipmentState.DELIVERED for found in view.shipments)
    return "part of it" if some else "nothing"


def is_everything_sent(view: OrderView) -> bool:
    """Whether nothing waits to be handed over, as far as anybody says so."""
    items = view.order.line_items or ()
    if any(item.unfulfilled for item in items):
        return False
    alive = [found.shipment for found in view.shipments if found.shipment.state is not ShipmentState.CANCELLED]
    if alive:
        return all((shipment.state or ShipmentState.UNKNOWN) not in _UNSENT for shipment in alive)
    return view.order.fulfillment_state in _SHIPPED


def _refund(view: OrderView) -> str:
    if not view.payments:
        return "No payment of this order is known"
    with_money = [payment for payment in view.payments if _may_hold_money(payment)]
    if not with_money:
        taken = any(payment.state in _TAKEN for payment in view.payments)
        return "Nothing is left to refund" if taken else "No money has been taken yet"
    if all(is_disputed(payment) for payment in with_money):
        return DISPUTED
    return ""


def _cancel(view: OrderView) -> str:
    if view.order.cancelled_at:
        return "The order is already cancelled"
    if _is_sent(view):
        return "A shipment is already on its way" if not _have_all_arrived(view) else "The order was already delivered"
    return "The order is already fulfilled" if view.order.fulfillment_state in _SHIPPED else ""


def _reship(view: OrderView) -> str:
    return "" if _is_sent(view) else "Nothing has been shipped yet"


def _address_change(view: OrderView) -> str:
    if view.order.cancelled_at:
        return "The order is cancelled"
    if not is_everything_sent(view):
        return ""
    return "The order was already delivered" if _have_all_arrived(view) else "Everything is already with the carrier"


def _hold(view: OrderView) -> str:
    if view.order.cancelled_at:
        return "The order is cancelled"
    if is_on_hold(view):
        return "The order is already on hold"
    return "Everything has already been shipped" if is_everything_sent(view) else ""


def _release(view: OrderView) -> str:
    return "" if is_on_hold(view) else "The order is not on hold"


def _compensation(view: OrderView) -> str:
    if any(payment.state in _TAKEN for payment in view.payments):
        return ""
    return "" if not view.payments and view.order.financial_state in _PAID else "The customer has not paid anything"


def _fraud_override(view: OrderView) -> str:
    if view.order.cancelled_at:
        return "The order is cancelled"
    return "" if is_held_for_fraud(view) else "No check holds this order back"


def _other(_: OrderView) -> str:
    return ""


_OBJECTIONS: Mapping[OrderActionKind, Callable[[OrderView], str]] = {
    OrderActionKind.REFUND: _refund,
    OrderActionKind.CANCEL: _cancel,
    OrderActionKind.RESHIP: _reship,
    OrderActionKind.ADDRESS_CHANGE: _address_change,
    OrderActionKind.HOLD: _hold,
    OrderActionKind.RELEASE: _release,
    OrderActionKind.COMPENSATION: _compensation,
    OrderActionKind.FRAUD_OVERRIDE: _fraud_override,
    OrderActionKind.OTHER: _other,
}
"""In the order in which agents reach for them."""
KINDS = tuple(_OBJECTIONS)


def _may_hold_money(payment: Payment) -> bool:
    left = refundable(payment)
    # A payment that is said to be paid, without an amount, may be asked about: the processor knows.
    return left.amount > 0 if left else payment.state in (PaymentState.PAID, PaymentState.PARTIALLY_REFUNDED)


def _is_sent(view: OrderView) -> bool:
    """Whether any parcel has left, as far as anybody says so."""
    return any((found.shipment.state or ShipmentState.UNKNOWN) not in _UNSENT for found in view.shipments)


def _have_all_arrived(view: OrderView) -> bool:
    alive = [found.shipment for found in view.shipments if found.shipment.state is not ShipmentState.CANCELLED]
    return bool(alive) and all(shipment.state is ShipmentState.DELIVERED for shipment in alive)
