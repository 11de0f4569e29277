"""This file tells an order the way Shopify's REST resources and webhooks do (Admin API, Order and Fulfillment)."""

from datetime import datetime
from typing import Any

from server.demo.orders import Item, Parcel, WorldOrder, WorldScan

SHOP = "acme-outfitters.myshopify.com"
_SHIPMENT_STATUS = {
    "pre_transit": "label_printed",
    "in_transit": "in_transit",
    "out_for_delivery": "out_for_delivery",
    "delivered": "delivered",
    "failure": "failure",
}


def stamp(at: datetime | None) -> str | None:
    """A time as Shopify writes it."""
    return at.isoformat(timespec="seconds") if at else None


def order_body(order: WorldOrder) -> dict[str, Any]:
    """An order webhook's body: the REST resource without its outer key."""
    person = order.customer
    money = {"shop_money": {"amount": str(order.total), "currency_code": "USD"}}
    address = {"city": person.city, "province": person.region, "province_code": person.region, "country_code": "US"}
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
        "shipping_address": {"name": person.name, "country": "United States", **address},
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
        "shipment_status": _SHIPMENT_STATUS.get(parcel.status),
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
        "status": _SHIPMENT_STATUS.get(scan.status, "in_transit"),
        "message": scan.text,
        "happened_at": stamp(scan.at),
        "created_at": stamp(scan.at),
        "updated_at": stamp(scan.at),
        "city": scan.city,
        "province": scan.region,
        "country": "US",
        "estimated_delivery_at": stamp(parcel.estimate),
    }


def graphql_order(order: WorldOrder) -> dict[str, Any]:
    """The same order in the shape of the GraphQL Admin API's `Order`."""
    person = order.customer
    money = {"shopMoney": {"amount": str(order.total), "currencyCode": "USD"}}
    return {
        "__typename": "Order",
        "id": f"gid://shopify/Order/{order.id}",
        "legacyResourceId": str(order.id),
        "name": order.name,
        "createdAt": stamp(order.placed_at),
        "processedAt": stamp(order.placed_at),
        "updatedAt": stamp(order.updated_at or order.placed_at),
        "cancelledAt": stamp(order.cancelled_at),
        "cancelReason": "CUSTOMER" if order.cancelled_at else None,
        "cancellation": {"staffNote": None} if order.cancelled_at else None,
        "closedAt": None,
        "closed": False,
        "test": False,
        "tags": [],
        "currencyCode": "USD",
        "email": person.email,
        "phone": None,
        "note": None,
        "returnStatus": "NO_RETURN",
        "refundable": order.intent.is_paid,
        "displayFinancialStatus": order.financial_status.upper(),
        "displayFulfillmentStatus": "FULFILLED" if order.parcels else _unfulfilled(order),
        "totalPriceSet": money,
        "currentTotalPriceSet": money,
        "originalTotalPriceSet": money,
        "totalRefundedSet": {"shopMoney": {"amount": str(order.intent.refunded / 100), "currencyCode": "USD"}},
        "customAttributes": [],
        "disputes": [],
        "refunds": [],
        "shippingLine": {"title": order.shipping_method, "code": order.shipping_method},
        "shippingAddress": {
            "city": person.city,
            "province": person.region,
            "provinceCode": person.region,
            "country": "United States",
            "countryCodeV2": "US",
            "zip": None,
        },
        "customer": {
            "id": f"gid://shopify/Customer/{person.id}",
            "legacyResourceId": str(person.id),
            "displayName": person.name,
            "firstName": person.name.split()[0],
            "lastName": person.name.split()[-1],
            "numberOfOrders": str(person.orders_count),
            "amountSpent": {"amount": str(person.total_spent), "currencyCode": "USD"},
            "tags": list(person.tags),
            "defaultEmailAddress": {"emailAddress": person.email},
            "defaultPhoneNumber": None,
        },
        "lineItems": _nodes([_graphql_line(order, item) for item in order.items]),
        "fulfillments": [_graphql_fulfillment(parcel) for parcel in order.parcels],
        "fulfillmentOrders": _nodes([_fulfillment_order(order)]),
        "transactions": [_transaction(order)] if order.intent.attempts else [],
        "transactionsCount": {"count": 1 if order.intent.attempts else 0, "precision": "EXACT"},
        "risk": {"recommendation": "ACCEPT", "assessments": []},
    }


def _unfulfilled(order: WorldOrder) -> str:
    return "IN_PROGRESS" if order.picking_at else "UNFULFILLED"


def _nodes(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {"nodes": found, "edges": [{"node": node} for node in found], "pageInfo": {"hasNextPage": False}}


def _graphql_line(order: WorldOrder, item: Item) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/LineItem/{item.id}",
        "title": item.title,
        "name": item.title,
        "sku": item.sku,
        "quantity": item.quantity,
        "currentQuantity": item.quantity,
        "refundableQuantity": item.quantity,
        "unfulfilledQuantity": 0 if order.parcels else item.quantity,
        "originalUnitPriceSet": {"shopMoney": {"amount": str(item.price), "currencyCode": "USD"}},
    }


def _graphql_fulfillment(parcel: Parcel) -> dict[str, Any]:
    moving = [scan for scan in parcel.scans if scan.status != "pre_transit"]
    delivered = next((scan for scan in parcel.scans if scan.status == "delivered"), None)
    return {
        "id": f"gid://shopify/Fulfillment/{parcel.fulfillment_id}",
        "legacyResourceId": str(parcel.fulfillment_id),
        "name": "F1",
        "status": "SUCCESS",
        "displayStatus": (_SHIPMENT_STATUS.get(parcel.status) or "fulfilled")
        .upper()
        .replace("LABEL_PRINTED", "FULFILLED"),
        "createdAt": stamp(parcel.shipped_at),
        "updatedAt": stamp(parcel.scans[-1].at if parcel.scans else parcel.shipped_at),
        "estimatedDeliveryAt": stamp(parcel.estimate),
        "inTransitAt": stamp(moving[0].at) if moving else None,
        "deliveredAt": stamp(delivered.at) if delivered else None,
        "totalQuantity": 1,
        "requiresShipping": True,
        "trackingInfo": [{"company": parcel.carrier, "number": parcel.number, "url": None}],
        "fulfillmentLineItems": _nodes([]),
        "events": _nodes([_graphql_event(parcel, scan) for scan in parcel.scans]),
    }


def _graphql_event(parcel: Parcel, scan: WorldScan) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/FulfillmentEvent/{parcel.fulfillment_id * 100 + parcel.scans.index(scan)}",
        "status": (_SHIPMENT_STATUS.get(scan.status) or "in_transit").upper(),
        "message": scan.text,
        "happenedAt": stamp(scan.at),
        "createdAt": stamp(scan.at),
        "estimatedDeliveryAt": None,
        "city": scan.city,
        "province": scan.region,
        "country": "US",
        "zip": None,
    }


def _fulfillment_order(order: WorldOrder) -> dict[str, Any]:
    requested = "CANCELLATION_REQUESTED" if order.cancel_requested_at else "ACCEPTED"
    state = "CLOSED" if order.parcels else ("IN_PROGRESS" if order.picking_at else "OPEN")
    return {
        "id": f"gid://shopify/FulfillmentOrder/{order.id}1",
        "status": state,
        "requestStatus": requested if order.picking_at else "UNSUBMITTED",
        "createdAt": stamp(order.placed_at),
        "updatedAt": stamp(order.cancel_requested_at or order.picking_at or order.placed_at),
        "fulfillAt": None,
        "fulfillBy": None,
        "fulfillmentHolds": [],
        "deliveryMethod": {
            "methodType": "SHIPPING",
            "presentedName": order.shipping_method,
            "minDeliveryDateTime": None,
            "maxDeliveryDateTime": stamp(order.promised_by),
        },
    }


def fulfillment_order_body(order: WorldOrder) -> dict[str, Any]:
    """The REST resource of `fulfillment_orders/*` webhooks, inside its envelope."""
    told = _fulfillment_order(order)
    return {
        "fulfillment_order": {
            "id": int(f"{order.id}1"),
            "order_id": order.id,
            "status": told["status"].lower(),
            "request_status": told["requestStatus"].lower(),
            "created_at": told["createdAt"],
            "updated_at": told["updatedAt"],
            "fulfill_at": None,
            "fulfill_by": None,
            "delivery_method": {
                "method_type": "shipping",
                "min_delivery_date_time": None,
                "max_delivery_date_time": told["deliveryMethod"]["maxDeliveryDateTime"],
            },
            "fulfillment_holds": [],
        }
    }


def _transaction(order: WorldOrder) -> dict[str, Any]:
    last = order.intent.attempts[-1]
    return {
        "id": f"gid://shopify/OrderTransaction/{order.id}7",
        "kind": "SALE",
        "status": "FAILURE" if last.decline_code else "SUCCESS",
        "errorCode": "CARD_DECLINED" if last.decline_code else None,
        "gateway": "stripe",
        "formattedGateway": "Stripe",
        "paymentId": order.intent.id,
        "createdAt": stamp(last.at),
        "processedAt": stamp(last.at),
        "test": False,
        "manualPaymentGateway": False,
        "authorizationExpiresAt": None,
        "receiptJson": None,
        "amountSet": {"shopMoney": {"amount": str(order.total), "currencyCode": "USD"}},
        "maximumRefundableV2": None,
        "parentTransaction": None,
        "paymentDetails": {
            "__typename": "CardPaymentDetails",
            "company": "Visa",
            "number": "•••• 4242",
            "wallet": None,
        },
    }
