"""This file tells an order the way Shopify's REST resources and webhooks do (Admin API, Order and Fulfillment)."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from server.demo.orders import Attempt, Item, Parcel, WorldOrder, WorldScan
from server.demo.shopify_books import ShopRefund

SHOP = "acme-outfitters.myshopify.com"
SHIPMENT_STATUS = {
    "pre_transit": "label_printed",
    "in_transit": "in_transit",
    "out_for_delivery": "out_for_delivery",
    "delivered": "delivered",
    "failure": "failure",
}


def stamp(at: datetime | None) -> str | None:
    """A time as Shopify writes it."""
    return at.isoformat(timespec="seconds") if at else None


def order_body(order: WorldOrder, address: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An order webhook's body: the REST resource without its outer key. *address* is one that was changed."""
    person = order.customer
    money = {"shop_money": {"amount": str(order.total), "currency_code": "USD"}}
    place = {"city": person.city, "province": person.region, "province_code": person.region, "country_code": "US"}
    if address is not None:
        place = {
            "city": address["city"],
            "province": address["province"],
            "province_code": address["provinceCode"],
            "country_code": address["countryCodeV2"],
        }
    return {
        "id": order.id,
        "admin_graphql_api_id": f"gid://shopify/Order/{order.id}",
        "name": order.name,
        "order_number": order.number,
        "created_at": stamp(order.placed_at),
        "processed_at": stamp(order.placed_at),
        "updated_at": stamp(order.updated_at or order.placed_at),
        "cancelled_at": stamp(order.cancelled_at),
        "cancel_reason": "customer" if order.cancelled_at else None,
        "closed_at": None,
        "currency": "USD",
        "total_price": str(order.total),
        "current_total_price": str(order.total),
        "total_price_set": money,
        "current_total_price_set": money,
        "financial_status": order.financial_status,
        "fulfillment_status": "fulfilled" if order.parcels else None,
        "payment_gateway_names": ["stripe"],
        "tags": "",
        "test": False,
        "note_attributes": [],
        "email": person.email,
        "phone": None,
        "customer": {
            "id": person.id,
            "email": person.email,
            "first_name": person.name.split()[0],
            "last_name": person.name.split()[-1],
            "tags": ", ".join(person.tags),
            "phone": None,
        },
        "shipping_address": {"name": person.name, "country": "United States", **place},
        "shipping_lines": [{"title": order.shipping_method}],
        "line_items": [_line(order, item) for item in order.items],
        "fulfillments": [fulfillment_body(order, parcel) for parcel in order.parcels],
        "refunds": [],
    }


def _line(order: WorldOrder, item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "title": item.title,
        "name": item.title,
        "sku": item.sku,
        "quantity": item.quantity,
        "current_quantity": item.quantity,
        "fulfillable_quantity": 0 if order.parcels else item.quantity,
        "price": str(item.price),
    }


def fulfillment_body(order: WorldOrder, parcel: Parcel) -> dict[str, Any]:
    """A fulfilment with its tracking."""
    changed = parcel.scans[-1].at if parcel.scans else parcel.shipped_at
    return {
        "id": parcel.fulfillment_id,
        "order_id": order.id,
        "name": f"{order.name}.1",
        "status": "success",
        "created_at": stamp(parcel.shipped_at),
        "updated_at": stamp(changed),
        "service": "manual",
        "shipment_status": SHIPMENT_STATUS.get(parcel.status),
        "tracking_company": parcel.carrier,
        "tracking_number": parcel.number,
        "tracking_numbers": [parcel.number],
        "tracking_url": None,
        "tracking_urls": [],
        "line_items": [_line(order, item) for item in order.items],
    }


def fulfillment_event_body(order: WorldOrder, parcel: Parcel, scan: WorldScan) -> dict[str, Any]:
    """One carrier event as the shop passes it on."""
    return {
        "id": parcel.fulfillment_id * 100 + parcel.scans.index(scan),
        "fulfillment_id": parcel.fulfillment_id,
        "order_id": order.id,
        "status": SHIPMENT_STATUS.get(scan.status, "in_transit"),
        "message": scan.text,
        "happened_at": stamp(scan.at),
        "created_at": stamp(scan.at),
        "updated_at": stamp(scan.at),
        "city": scan.city,
        "province": scan.region,
        "country": "US",
        "estimated_delivery_at": stamp(parcel.estimate),
    }


def fulfillment_order_body(order: WorldOrder) -> dict[str, Any]:
    """The REST resource in the envelope of `fulfillment_orders/*` webhooks.

    Shopify's own examples name no more than id and status there; with the order's id it says enough to be joined.
    """
    work = work_state(order)
    return {
        "fulfillment_order": {
            "id": int(f"{order.id}1"),
            "order_id": order.id,
            "status": work.status,
            "request_status": work.request_status,
            "created_at": stamp(order.placed_at),
            "updated_at": stamp(work.changed_at),
            "fulfill_at": None,
            "fulfill_by": None,
            "delivery_method": {
                "method_type": "shipping",
                "min_delivery_date_time": None,
                "max_delivery_date_time": stamp(order.promised_by),
            },
            "fulfillment_holds": [],
        }
    }


def named_part_body(order: WorldOrder) -> dict[str, Any]:
    """A part of the work as Shopify's own examples show it: id and status, and not a word of the order."""
    gid = f"gid://shopify/FulfillmentOrder/{order.id}1"
    return {"fulfillment_order": {"id": gid, "status": work_state(order).status}}


class Work(NamedTuple):
    """Where the work on an order stands, in REST's words; GraphQL has the same in capitals."""

    status: str
    request_status: str
    changed_at: datetime


def work_state(order: WorldOrder) -> Work:
    """Where the work on an order stands."""
    changed = order.cancel_requested_at or order.held_at or order.picking_at or order.placed_at
    if order.parcels:
        return Work("closed", "accepted" if order.picking_at else "unsubmitted", changed)
    if order.held_at:
        return Work("on_hold", "unsubmitted", changed)
    if not order.picking_at:
        return Work("open", "unsubmitted", changed)
    return Work("in_progress", "cancellation_requested" if order.cancel_requested_at else "accepted", changed)


def transaction_body(order: WorldOrder, attempt: Attempt) -> dict[str, Any]:
    """A try to take the money, as `order_transactions/create` tells it."""
    number = order.intent.attempts.index(attempt)
    return {
        "id": order.id * 10 + number,
        "order_id": order.id,
        "parent_id": None,
        "kind": "sale",
        "status": "failure" if attempt.decline_code else "success",
        "gateway": "stripe",
        "amount": str(order.total),
        "currency": "USD",
        "created_at": stamp(attempt.at),
        "processed_at": stamp(attempt.at),
        "error_code": "card_declined" if attempt.decline_code else None,
        "message": attempt.decline_code or None,
        "authorization": attempt.charge_id,
        "payment_id": f"{order.name}.{number + 1}",
        "payment_details": {
            "credit_card_number": "•••• •••• •••• 4242",
            "credit_card_company": "Visa",
            "credit_card_wallet": None,
            "payment_method_name": "visa",
        },
        "receipt": {"id": attempt.charge_id, "object": "charge", "payment_intent": order.intent.id},
        "test": False,
    }


def refund_body(order: WorldOrder, amount: Decimal, at: datetime) -> dict[str, Any]:
    """Money given back, as `refunds/create` tells it."""
    return {
        "id": order.id + 500_000,
        "order_id": order.id,
        "created_at": stamp(at),
        "processed_at": stamp(at),
        "note": None,
        "restock": False,
        "refund_line_items": [],
        "order_adjustments": [],
        "transactions": [
            {
                **transaction_body(order, order.intent.attempts[-1]),
                "id": order.id * 10 + 9,
                "parent_id": order.id * 10 + len(order.intent.attempts) - 1,
                "kind": "refund",
                "amount": str(amount),
                "created_at": stamp(at),
                "processed_at": stamp(at),
            }
        ],
    }


def shop_refund_body(order: WorldOrder, refund: ShopRefund) -> dict[str, Any]:
    """A refund made in the shop, as `refunds/create` tells it."""
    body = refund_body(order, refund.amount, refund.at)
    (transaction,) = body["transactions"]
    money_back = {**transaction, "id": refund.transaction_id, "parent_id": refund.parent_id}
    lines = [
        {"id": refund.id * 10 + place, "line_item_id": line, "quantity": quantity}
        for place, (line, quantity) in enumerate(refund.lines.items())
    ]
    return {
        **body,
        "id": refund.id,
        "note": refund.note,
        "restock": refund.restocks,
        "refund_line_items": lines,
        "transactions": [money_back] if refund.amount else [],
    }


def cancelled_body(order: WorldOrder) -> dict[str, Any]:
    """An order that staff cancelled."""
    return {**order_body(order), "cancel_reason": "other"}
