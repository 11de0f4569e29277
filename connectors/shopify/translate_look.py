"""This file is what a live answer of Shopify says, in our words."""

from collections.abc import Sequence
from typing import Any

import msgspec

from connectors.model import (
    Customer,
    Dispute,
    LineItem,
    Order,
    Payment,
    PaymentState,
    Place,
    Scan,
    Shipment,
    ShipmentState,
)
from connectors.money import Money
from connectors.reading import instant, line, maybe_instant, money
from connectors.shopify import payments, translate_look_work
from connectors.shopify import wire_graphql as wire
from connectors.shopify.translate import exception_of, id_of, parcels, place, shipment_state, spoken
from connectors.shopify.translate_deadlines import deliver_by, marketplace, ship_by
from connectors.shopify.translate_look_work import nodes
from connectors.shopify.words import EXCEPTIONS, FULFILLMENT_STATES, SHIPMENT_STATES, word

_OVER = ("cancelled", "closed")


def order(found: wire.Order, shop: str, *, hidden: bool) -> Order:
    """The order as it is now. *hidden* says that the customer was withheld from us."""
    order_id = id_of(found.id, "order.id")
    shipping = found.shipping_line
    attributes = None if found.custom_attributes is None else {e.key: e.value or "" for e in found.custom_attributes}
    told = translate_look_work.work(found)
    facts = Order(
        id=order_id,
        name=line(found.name) or None,
        placed_at=maybe_instant(found.created_at, "order.createdAt"),
        updated_at=maybe_instant(found.updated_at, "order.updatedAt"),
        total=_amount(found.total_price_set, "order.totalPriceSet"),
        financial_state=word(found.display_financial_status) or None,
        fulfillment_state=_fulfillment_state(found),
        cancelled_at=maybe_instant(found.cancelled_at, "order.cancelledAt"),
        cancel_reason=word(found.cancel_reason) or None,
        closed_at=maybe_instant(found.closed_at, "order.closedAt"),
        tags=None if found.tags is None else tuple(line(tag) for tag in found.tags),
        email=found.email or None,
        phone=found.phone or None,
        customer=_customer(found.customer, hidden=hidden),
        destination=_destination(found.shipping_address),
        shipping_method=(line(shipping.title) or None) if shipping else None,
        line_items=_line_items(found.line_items),
        attributes=attributes,
        marketplace=marketplace(found.source_name, found.app.name if found.app else None),
        deliver_by=deliver_by(attributes),
        admin_url=f"https://{shop}/admin/orders/{order_id}",
        is_test=found.test,
    )
    return msgspec.structs.replace(facts, **told | {"ship_by": ship_by(attributes, told.get("ship_by"))})


def _fulfillment_state(found: wire.Order) -> str | None:
    said, work = word(found.display_fulfillment_status), nodes(found.fulfillment_orders)
    if found.cancelled_at and work and not _sent(found) and all(word(each.status) in _OVER for each in work):
        return "cancelled"
    return FULFILLMENT_STATES.get(said, said) or None


def _sent(found: wire.Order) -> bool:
    return any(word(each.status) == "success" for each in found.fulfillments or ())


def _customer(found: wire.Customer | None, *, hidden: bool) -> Customer | None:
    if found is None:
        return Customer(hidden=True) if hidden else None
    email, phone = found.default_email_address, found.default_phone_number
    count = found.number_of_orders
    return Customer(
        id=id_of(found.id, "customer.id") if found.id else None,
        name=line(" ".join(part for part in (found.first_name, found.last_name) if part)) or None,
        email=(email.email_address if email else None) or None,
        phone=(phone.phone_number if phone else None) or None,
        orders_count=None if count is None else int(count),
        total_spent=money(found.amount_spent.amount, found.amount_spent.currency_code, "customer.amountSpent")
        if found.amount_spent
        else None,
        tags=None if found.tags is None else tuple(line(tag) for tag in found.tags),
        hidden=hidden,
    )


def _destination(found: wire.Address | None) -> Place | None:
    return place(found.city, found.province_code, found.country_code_v2, found.zip) if found else None


def _line_items(found: wire.Nodes[wire.LineItem] | None) -> tuple[LineItem, ...] | None:
    """None where there are more than we asked for: a part of the list must not replace the whole."""
    if found is None or found.nodes is None or (found.page_info and found.page_info.has_next_page):
        return None
    return tuple(
        LineItem(
            id=id_of(each.id, "lineItems.id"),
            title=line(each.title),
            sku=line(each.sku),
            quantity=1 if each.quantity is None else each.quantity,
            unfulfilled=each.unfulfilled_quantity,
            refundable=each.refundable_quantity,
            needs_shipping=each.requires_shipping,
            price=_amount(each.original_unit_price_set, "lineItems.originalUnitPriceSet"),
        )
        for each in nodes(found)
    )


# --- shipments --------------------------------------------------------------------------------------------------------


def shipments(found: wire.Order) -> tuple[Shipment, ...]:
    """Every parcel with its scans, which Shopify keeps by fulfilment: of several parcels none has them alone."""
    result: list[Shipment] = []
    for each in found.fulfillments or ():
        made = _parcels(each)
        scans = tuple(sorted((_scan(event) for event in nodes(each.events)), key=lambda scan: scan.at))
        if len(made) == 1:
            made = (msgspec.structs.replace(made[0], scans=scans),)
        elif scans:
            fulfillment_id = id_of(each.id, "fulfillments.id")
            made += (Shipment(carrier="unknown", tracking_number="", fulfillment_id=fulfillment_id, scans=scans),)
        result += made
    return tuple(result)


def _parcels(found: wire.Fulfillment) -> tuple[Shipment, ...]:
    tracking = found.tracking_info or []
    state, said = shipment_state(found.status, found.display_status, has_number=any(each.number for each in tracking))
    created = maybe_instant(found.created_at, "fulfillments.createdAt")
    updated = maybe_instant(found.updated_at, "fulfillments.updatedAt")
    base = Shipment(
        carrier="",
        tracking_number="",
        fulfillment_id=id_of(found.id, "fulfillments.id"),
        state=state,
        vendor_state=said or None,
        shipped_at=created if word(found.status) == "success" else None,
        delivered_at=maybe_instant(found.delivered_at, "fulfillments.deliveredAt"),
        cancelled_at=updated if word(found.status) == "cancelled" else None,
        estimated_delivery=maybe_instant(found.estimated_delivery_at, "fulfillments.estimatedDeliveryAt"),
        items=_items(found),
        exception=exception_of(found.display_status, state),
    )
    company = next((each.company for each in tracking if each.company), None)
    return parcels(base, company, [each.number for each in tracking], [each.url for each in tracking])


def _items(found: wire.Fulfillment) -> tuple[LineItem, ...] | None:
    if found.fulfillment_line_items is None:
        return None
    return tuple(
        LineItem(
            id=id_of(each.line_item.id, "fulfillmentLineItems.lineItem.id"),
            title=line(each.line_item.title),
            sku=line(each.line_item.sku),
            quantity=1 if each.quantity is None else each.quantity,
        )
        for each in nodes(found.fulfillment_line_items)
        if each.line_item
    )


def _scan(found: wire.FulfillmentEvent) -> Scan:
    said = word(found.status)
    return Scan(
        at=instant(found.happened_at, "events.happenedAt"),
        state=SHIPMENT_STATES.get(said, ShipmentState.UNKNOWN),
        text=line(found.message) or EXCEPTIONS.get(said) or spoken(said),
        code=said,
        place=place(found.city, found.province, found.country, found.zip) or Place(),
    )


# --- payments ---------------------------------------------------------------------------------------------------------


def payments_of(found: wire.Order) -> tuple[Payment, ...]:
    """One payment for each chain of transactions, with the order's disputes at the one that they can be about."""
    transactions = [_transaction(each) for each in found.transactions or ()]
    count = found.transactions_count.count if found.transactions_count else None
    told = payments.chains(transactions, complete=count is None or count <= len(transactions))
    return _with_disputes(told, found.disputes or ())


def _transaction(found: wire.Transaction) -> payments.Transaction:
    details = found.payment_details or wire.PaymentDetails()
    left, receipt = found.maximum_refundable_v2, _receipt(found.receipt_json)
    return payments.Transaction(
        id=id_of(found.id, "transactions.id"),
        parent=id_of(found.parent_transaction.id, "parentTransaction.id") if found.parent_transaction else "",
        kind=word(found.kind),
        status=word(found.status),
        gateway=word(found.gateway) or "shopify",
        amount=_amount(found.amount_set, "transactions.amountSet"),
        at=instant(found.processed_at or found.created_at, "transactions.processedAt"),
        error_code=word(found.error_code),
        method=payments.method(details.company, details.number, details.wallet, details.payment_method_name),
        refundable=money(left.amount, left.currency_code, "transactions.maximumRefundableV2") if left else None,
        references=payments.references(found.payment_id, None, receipt),
        refund_name=payments.refund_name(receipt),
    )


def _receipt(said: Any) -> Any:
    """The gateway's own JSON, as an object or as text."""
    if not isinstance(said, str):
        return said
    try:
        return msgspec.json.decode(said)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _with_disputes(told: tuple[Payment, ...], disputes: Sequence[wire.Dispute]) -> tuple[Payment, ...]:
    """Webhooks say more of a dispute under a name of its own, which this word must not replace."""
    taken = [each for each in told if each.state not in (PaymentState.FAILED, PaymentState.CANCELLED)]
    for found in disputes:
        dispute = Dispute(id=id_of(found.id, "disputes.id"), state=word(found.status) or "unknown")
        name = payments.payment_id(f"dispute:{dispute.id}")
        if len(taken) == 1:
            both = tuple(sorted({*taken[0].references, name}))
            told = tuple(_disputed(each, dispute, both) if each.id == taken[0].id else each for each in told)
        else:
            told += (Payment(id=f"{name}:seen", processor="shopify_payments", dispute=dispute, references=(name,)),)
    return told


def _disputed(payment: Payment, dispute: Dispute, references: tuple[str, ...]) -> Payment:
    return msgspec.structs.replace(payment, dispute=dispute, references=references)


def _amount(found: wire.MoneyBag | None, where: str) -> Money | None:
    said = found.shop_money if found else None
    return money(said.amount, said.currency_code, where) if said else None
