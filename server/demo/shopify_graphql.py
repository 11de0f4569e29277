"""This file tells an order in the shape of Shopify's GraphQL Admin API (2026-10, `Order`)."""

import json
from decimal import Decimal
from typing import Any

from server.demo.orders import Attempt, Item, Parcel, Person, WorldOrder, WorldScan
from server.demo.shopify_bodies import SHIPMENT_STATUS, stamp, work_state
from server.demo.shopify_books import (
    CENTS,
    Books,
    ShopHold,
    ShopRefund,
    holds_of,
    left_to_refund,
)
from server.demo.shopify_graphql_money import graphql_refund, nodes, usd


def graphql_order(order: WorldOrder, books: Books | None = None) -> dict[str, Any]:
    """The order with all that may be asked of it; *books* is what the shop keeps of it."""
    person, books = order.customer, books or Books()
    refunded = (Decimal(order.intent.refunded) / 100).quantize(CENTS)
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
        "cancelReason": _cancel_reason(order, books),
        "cancellation": {"staffNote": books.staff_note} if order.cancelled_at else None,
        "closedAt": None,
        "closed": False,
        "test": False,
        "tags": [],
        "sourceName": "web",
        "app": {"__typename": "OrderApp", "id": "gid://shopify/OrderApp/580111", "name": "Online Store"},
        "requiresShipping": True,
        "currencyCode": "USD",
        "presentmentCurrencyCode": "USD",
        "email": person.email,
        "phone": None,
        "note": None,
        "returnStatus": "NO_RETURN",
        "refundable": left_to_refund(order) > 0,
        "displayFinancialStatus": order.financial_status.upper(),
        "displayFulfillmentStatus": _fulfillment_status(order),
        "totalPriceSet": money,
        "currentTotalPriceSet": money,
        "originalTotalPriceSet": money,
        "totalRefundedSet": usd(refunded),
        "customAttributes": [],
        "disputes": [],
        "refunds": lambda first: [graphql_refund(refund) for refund in books.refunds[: int(first)]],
        "suggestedRefund": lambda **asked: _suggested(order, books, **asked),
        "shippingLine": {"title": order.shipping_method, "code": order.shipping_method},
        "shippingAddress": _address(person) | (books.address or {}),
        "customer": _customer(person),
        "lineItems": nodes([_graphql_line(order, item, books) for item in order.items]),
        "fulfillments": [_graphql_fulfillment(parcel) for parcel in order.parcels],
        "fulfillmentOrders": nodes([graphql_part(order, books)]),
        "returns": nodes([]),
        "transactions": [
            *(_transaction(order, attempt) for attempt in order.intent.attempts),
            *(_refund_transaction(order, refund) for refund in books.refunds if refund.amount),
        ],
        "transactionsCount": {"count": len(order.intent.attempts) + len(books.refunds), "precision": "EXACT"},
        "risk": {"recommendation": "ACCEPT", "assessments": []},
    }


def _graphql_line(order: WorldOrder, item: Item, books: Books) -> dict[str, Any]:
    left = item.quantity - books.refunded_of(item.id)
    return {
        "id": f"gid://shopify/LineItem/{item.id}",
        "title": item.title,
        "name": item.title,
        "sku": item.sku,
        "quantity": item.quantity,
        "currentQuantity": left,
        "refundableQuantity": left,
        "unfulfilledQuantity": 0 if order.parcels else left,
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
        "fulfillmentLineItems": nodes([]),
        "events": nodes([_graphql_event(parcel, scan) for scan in parcel.scans]),
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
        "firstName": person.name.split()[0],
        "lastName": person.name.split()[-1],
        "name": person.name,
        "company": None,
        "address1": "1 Main Street",
        "address2": None,
        "phone": None,
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


def graphql_part(order: WorldOrder, books: Books) -> dict[str, Any]:
    """The order's one fulfilment order."""
    work = work_state(order)
    return {
        "__typename": "FulfillmentOrder",
        "id": f"gid://shopify/FulfillmentOrder/{order.id}1",
        "status": work.status.upper(),
        "requestStatus": work.request_status.upper(),
        "createdAt": stamp(order.placed_at),
        "updatedAt": stamp(work.changed_at),
        "fulfillAt": None,
        "fulfillBy": None,
        "supportedActions": [{"action": action} for action in _supported(order)],
        "fulfillmentHolds": [_hold(each) for each in holds_of(order, books)],
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
    refundable = {"amount": str(left_to_refund(order)), "currencyCode": "USD"}
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


def _suggested(order: WorldOrder, books: Books, **asked: Any) -> dict[str, Any]:
    """What may be given back: for the given lines, or all that is left."""
    left = left_to_refund(order)
    known = {f"gid://shopify/LineItem/{item.id}": item for item in order.items}
    if asked.get("suggestFullRefund"):
        wanted = {name: item.quantity - books.refunded_of(item.id) for name, item in known.items()}
        amount = left
    else:
        wanted = {each["lineItemId"]: each["quantity"] for each in asked.get("refundLineItems") or []}
        worth = (known[name].price * quantity for name, quantity in wanted.items() if name in known)
        amount = min(left, sum(worth, Decimal("0.00")))
    lines = [
        {
            "quantity": quantity,
            "restockType": "RETURN" if order.parcels else "CANCEL",
            "location": {"id": "gid://shopify/Location/61"},
            "lineItem": {"id": name},
        }
        for name, quantity in wanted.items()
        if quantity > 0 and name in known
    ]
    paid = [attempt for attempt in order.intent.attempts if not attempt.decline_code]
    return {
        "amountSet": usd(amount),
        "maximumRefundableSet": usd(left),
        "refundLineItems": lines,
        "suggestedTransactions": [
            {
                "gateway": "stripe",
                "kind": "SUGGESTED_REFUND",
                "amountSet": usd(amount),
                "maximumRefundableSet": usd(left),
                "parentTransaction": _transaction(order, attempt),
            }
            for attempt in paid[-1:]
        ],
    }


def _refund_transaction(order: WorldOrder, refund: ShopRefund) -> dict[str, Any]:
    parent = _transaction(order, order.intent.attempts[refund.parent_id - order.id * 10])
    return {
        **parent,
        "id": f"gid://shopify/OrderTransaction/{refund.transaction_id}",
        "kind": "REFUND",
        "status": "SUCCESS",
        "errorCode": None,
        "createdAt": stamp(refund.at),
        "processedAt": stamp(refund.at),
        "amountSet": usd(refund.amount),
        "maximumRefundableV2": None,
        "parentTransaction": {"id": parent["id"]},
    }


def _supported(order: WorldOrder) -> list[str]:
    if order.parcels or order.cancelled_at:
        return []
    if order.held_at:
        return ["RELEASE_HOLD", "HOLD", "MOVE"]
    return ["CREATE_FULFILLMENT", "CANCEL_FULFILLMENT_ORDER"] if order.picking_at else ["CREATE_FULFILLMENT", "HOLD"]


def _hold(hold: ShopHold) -> dict[str, Any]:
    return {
        "id": hold.id,
        "handle": hold.handle,
        "reason": hold.reason,
        "reasonNotes": hold.notes,
        "displayReason": hold.reason.replace("_", " ").capitalize(),
        "heldByRequestingApp": hold.handle is not None,
    }


def _cancel_reason(order: WorldOrder, books: Books) -> str | None:
    if not order.cancelled_at:
        return None
    return "OTHER" if books.job and books.job.is_done else "CUSTOMER"
