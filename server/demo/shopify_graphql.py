"""This file tells an order in the shape of Shopify's GraphQL Admin API (2026-10, `Order`)."""

import json
from decimal import Decimal
from typing import Any

from server.demo.orders import Attempt, Item, Parcel, Person, WorldOrder, WorldScan
from server.demo.shopify_bodies import SHIPMENT_STATUS, stamp, work_state


def graphql_order(order: WorldOrder) -> dict[str, Any]:
    """The order with all that may be asked of it."""
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
        "sourceName": "web",
        "app": {"__typename": "OrderApp", "id": "gid://shopify/OrderApp/580111", "name": "Online Store"},
        "requiresShipping": True,
        "currencyCode": "USD",
        "email": person.email,
        "phone": None,
        "note": None,
        "returnStatus": "NO_RETURN",
        "refundable": order.intent.is_paid,
        "displayFinancialStatus": order.financial_status.upper(),
        "displayFulfillmentStatus": _fulfillment_status(order),
        "totalPriceSet": money,
        "currentTotalPriceSet": money,
        "originalTotalPriceSet": money,
        "totalRefundedSet": {"shopMoney": {"amount": str(order.intent.refunded / 100), "currencyCode": "USD"}},
        "customAttributes": [],
        "disputes": [],
        "refunds": [],
        "shippingLine": {"title": order.shipping_method, "code": order.shipping_method},
        "shippingAddress": _address(person),
        "customer": _customer(person),
        "lineItems": _nodes([_graphql_line(order, item) for item in order.items]),
        "fulfillments": [_graphql_fulfillment(parcel) for parcel in order.parcels],
        "fulfillmentOrders": _nodes([_fulfillment_order(order)]),
        "returns": _nodes([]),
        "transactions": [_transaction(order, attempt) for attempt in order.intent.attempts],
        "transactionsCount": {"count": len(order.intent.attempts), "precision": "EXACT"},
        "risk": {"recommendation": "ACCEPT", "assessments": []},
    }


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
        "requiresShipping": True,
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
        "displayStatus": (SHIPMENT_STATUS.get(parcel.status) or "fulfilled")
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
        "status": (SHIPMENT_STATUS.get(scan.status) or "in_transit").upper(),
        "message": scan.text,
        "happenedAt": stamp(scan.at),
        "createdAt": stamp(scan.at),
        "estimatedDeliveryAt": None,
        "city": scan.city,
        "province": scan.region,
        "country": "US",
        "zip": None,
    }


def _address(person: Person) -> dict[str, Any]:
    return {
        "city": person.city,
        "province": person.region,
        "provinceCode": person.region,
        "country": "United States",
        "countryCodeV2": "US",
        "zip": None,
        "validationResultSummary": "NO_ISSUES",
    }


def _customer(person: Person) -> dict[str, Any]:
    return {
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
    }


def _fulfillment_status(order: WorldOrder) -> str:
    if order.parcels:
        return "FULFILLED"
    if order.held_at:
        return "ON_HOLD"
    return "IN_PROGRESS" if order.picking_at else "UNFULFILLED"


def _fulfillment_order(order: WorldOrder) -> dict[str, Any]:
    work = work_state(order)
    return {
        "id": f"gid://shopify/FulfillmentOrder/{order.id}1",
        "status": work.status.upper(),
        "requestStatus": work.request_status.upper(),
        "createdAt": stamp(order.placed_at),
        "updatedAt": stamp(work.changed_at),
        "fulfillAt": None,
        "fulfillBy": None,
        "fulfillmentHolds": [{"reason": order.hold_reason.upper(), "reasonNotes": None}] if order.held_at else [],
        "assignedLocation": {
            "__typename": "FulfillmentOrderAssignedLocation",
            "name": "Reno warehouse",
            "city": "Reno",
            "province": "Nevada",
            "countryCode": "US",
            "zip": "89502",
        },
        "deliveryMethod": {
            "methodType": "SHIPPING",
            "presentedName": order.shipping_method,
            "minDeliveryDateTime": None,
            "maxDeliveryDateTime": stamp(order.promised_by),
        },
    }


def _transaction(order: WorldOrder, attempt: Attempt) -> dict[str, Any]:
    number = order.intent.attempts.index(attempt)
    left = order.total - Decimal(order.intent.refunded) / 100
    refundable = {"amount": str(left), "currencyCode": "USD"}
    return {
        "id": f"gid://shopify/OrderTransaction/{order.id * 10 + number}",
        "kind": "SALE",
        "status": "FAILURE" if attempt.decline_code else "SUCCESS",
        "errorCode": "CARD_DECLINED" if attempt.decline_code else None,
        "gateway": "stripe",
        "formattedGateway": "Stripe",
        "paymentId": f"{order.name}.{number + 1}",
        "createdAt": stamp(attempt.at),
        "processedAt": stamp(attempt.at),
        "test": False,
        "manualPaymentGateway": False,
        "authorizationExpiresAt": None,
        "receiptJson": json.dumps({"id": attempt.charge_id, "object": "charge", "payment_intent": order.intent.id}),
        "amountSet": {"shopMoney": {"amount": str(order.total), "currencyCode": "USD"}},
        "maximumRefundableV2": None if attempt.decline_code else refundable,
        "parentTransaction": None,
        "paymentDetails": {
            "__typename": "CardPaymentDetails",
            "company": "Visa",
            "number": "•••• •••• •••• 4242",
            "wallet": None,
        },
    }
