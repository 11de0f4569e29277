"""This file says what is carried out once a request is approved, and who is to be asked to do it."""

from connectors.model import Payment
from connectors.order_actions import Address, OrderAction, OrderActionKind
from server.approval_model import ApprovalRequest
from server.model import OrderRecord, OrderView

ADDRESS = tuple(Address.__struct_fields__)
PAYMENT = "payment"
"""The detail that says which payment a refund is for."""
_MONEY = (OrderActionKind.REFUND,)


def order_action(request: ApprovalRequest, view: OrderView) -> OrderAction:
    """What is to be done, by the order as it is now; its key is the same for the request's whole life."""
    payment = payment_of(request, view)
    customer = view.order.customer
    details = request.details
    return OrderAction(
        key=key_of(request),
        kind=request.kind,
        order_id=request.order.order_id,
        order_name=request.order_name,
        amount=request.amount,
        items=request.items,
        # Also where it is not known any more: nobody shall choose another one.
        payment=payment.id if payment else details.get(PAYMENT, "") if request.kind in _MONEY else "",
        payment_references=payment.references if payment else (),
        customer=(customer.id or "") if customer else "",
        address=_address(details) if request.kind is OrderActionKind.ADDRESS_CHANGE else None,
        reason=request.reason,
        restock=details.get("restock") == "true",
        notify_customer=details.get("notify_customer") == "true",
    )


def key_of(request: ApprovalRequest) -> str:
    """The vendor's idempotency key: at most 64 letters, digits and hyphens."""
    return f"beforehand-{request.id}"


def desks(request: ApprovalRequest, record: OrderRecord) -> tuple[str, ...]:
    """Connections that may carry it out, the best first: the shop keeps the books, then whoever has the money."""
    sources: dict[str, None] = {request.order.shop: None}
    if request.kind in _MONEY:
        payment = request.details.get(PAYMENT, "")
        for name, by_source in record.payments.items():
            if payment in ("", name) or any(payment in said.facts.references for said in by_source.values()):
                sources |= dict.fromkeys(by_source)
    return tuple(sources)


def payment_of(request: ApprovalRequest, view: OrderView) -> Payment | None:
    """The payment that a refund is for; None for what moves no money, and where nothing is known of it any more."""
    if request.kind not in _MONEY:
        return None
    wanted = request.details.get(PAYMENT, "")
    return next((found for found in view.payments if wanted in (found.id, *found.references)), None)


def _address(details: dict[str, str]) -> Address:
    return Address(**{name: details[name] for name in ADDRESS if name in details})
