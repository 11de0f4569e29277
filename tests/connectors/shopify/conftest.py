"""This file is a Shopify connection to test, and bodies as Shopify documents them."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors import shopify
from connectors.connection import Connection
from connectors.contract import Envelope
from connectors.model import Observation
from server.demo.graphql_answers import load_schema
from tests.connectors.shopify.acting import Office, opened

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECRET = "hush"
SHOP = "acme.myshopify.com"
SAMPLES = {
    "order.json": ("orders/updated", "order"),
    "fulfillment.json": ("fulfillments/create", "fulfillments"),
    "fulfillment_event.json": ("fulfillment_events/create", "fulfillment_events"),
    "refund.json": ("refunds/create", "refunds"),
    "transaction.json": ("order_transactions/create", "transactions"),
    "dispute.json": ("disputes/update", "disputes"),
    "fulfillment_order.json": ("fulfillment_orders/moved", ""),
}
BODIES: dict[str, dict[str, Any]] = {
    "order": {
        "id": 5001,
        "name": "#1001",
        "created_at": "2026-11-20T09:00:00-05:00",
        "updated_at": "2026-11-20T09:00:02-05:00",
        "currency": "USD",
        "total_price": "41.94",
        "financial_status": "pending",
        "fulfillment_status": None,
        "email": "ann@example.com",
        "tags": "VIP, gift",
        "line_items": [
            {"id": 71, "title": "Mug", "sku": "MUG", "quantity": 2, "fulfillable_quantity": 2, "price": "20.97"}
        ],
        "fulfillments": [],
        "refunds": [],
    },
    "fulfillment": {
        "id": 9001,
        "order_id": 5001,
        "status": "success",
        "created_at": "2026-11-21T10:00:00Z",
        "updated_at": "2026-11-21T11:00:00Z",
        "tracking_company": "UPS",
        "tracking_numbers": ["1Z999"],
        "tracking_urls": ["https://ups.example/1Z999"],
        "shipment_status": None,
    },
    "transaction": {
        "id": 801,
        "order_id": 5001,
        "kind": "sale",
        "status": "success",
        "gateway": "shopify_payments",
        "amount": "41.94",
        "currency": "USD",
        "created_at": "2026-11-20T09:00:01-05:00",
        "processed_at": "2026-11-20T09:00:01-05:00",
        "payment_id": "c77.1",
        "payment_details": {"credit_card_number": "•••• •••• •••• 4242", "credit_card_company": "Visa"},
    },
    "return": {
        "id": 61,
        "admin_graphql_api_id": "gid://shopify/Return/61",
        "order": {"id": 5001, "admin_graphql_api_id": "gid://shopify/Order/5001"},
        "status": "requested",
        "name": "#1001-R1",
        "total_return_line_items": 1,
        "return_line_items": [
            {"id": 1, "quantity": 1, "return_reason": "defective", "return_reason_note": "", "customer_note": None}
        ],
    },
    "work": {"id": 1, "order_id": 5001, "status": "open", "updated_at": "2026-11-21T08:00:00Z"},
}

Read = Callable[[str, bytes | dict[str, Any]], tuple[Observation, ...]]


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class World:
    """Shopify on the other end: answers each request with the next of *answers*, the last one for good."""

    def __init__(self) -> None:
        self.answers: list[Any] = [httpx.Response(503)]
        self.requests: list[httpx.Request] = []
        self.clock = Clock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, httpx.Response):
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return httpx.Response(200, json=answer)

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The bodies of all requests."""
        return [json.loads(request.content) for request in self.requests]

    def connect(self, **settings: Any) -> shopify.Shopify:
        connection = Connection(
            workspace="acme",
            name="shop",
            clock=self.clock,
            clients=lambda _: httpx.AsyncClient(transport=httpx.MockTransport(self)),
        )
        known = {"shop": SHOP, "client_secret": SECRET, "access_token": "shpat_1"}
        return shopify.connect(shopify.Settings(**{**known, **settings}), connection)


def _sign(body: bytes, secret: str = SECRET, algorithm: Any = hashlib.sha256) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, algorithm).digest()).decode()


def _envelope(topic: str, body: bytes | dict[str, Any], **headers: str) -> Envelope:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    known = {
        "x-shopify-topic": topic,
        "x-shopify-hmac-sha256": _sign(raw),
        "x-shopify-shop-domain": SHOP,
        "x-shopify-event-id": "e-1",
    }
    return Envelope({**known, **named}, raw, NOON)


def _body(name: str, /, **changes: Any) -> dict[str, Any]:
    return {**json.loads(json.dumps(BODIES[name])), **changes}


def _usd(text: str) -> dict[str, Any]:
    return {"shopMoney": {"amount": text, "currencyCode": "USD"}}


def _order_answer(**changes: Any) -> dict[str, Any]:
    order: dict[str, Any] = {
        "id": "gid://shopify/Order/5001",
        "name": "#1001",
        "createdAt": "2026-11-20T14:00:00Z",
        "updatedAt": "2026-11-22T09:00:00Z",
        "cancelledAt": None,
        "test": False,
        "tags": ["VIP"],
        "sourceName": "web",
        "app": {"name": "Online Store"},
        "displayFinancialStatus": "PARTIALLY_REFUNDED",
        "displayFulfillmentStatus": "PARTIALLY_FULFILLED",
        "email": "ann@example.com",
        "phone": None,
        "totalPriceSet": _usd("41.94"),
        "customAttributes": [{"key": "delivery date", "value": "2026-11-25"}],
        "customer": {
            "id": "gid://shopify/Customer/31",
            "firstName": "Ann",
            "lastName": "Lee",
            "numberOfOrders": "12",
            "amountSpent": {"amount": "1250.5", "currencyCode": "USD"},
            "tags": ["vip"],
            "defaultEmailAddress": {"emailAddress": "ann@example.com"},
            "defaultPhoneNumber": None,
        },
        "shippingAddress": {
            "city": "Louisville",
            "provinceCode": "KY",
            "countryCodeV2": "US",
            "zip": "40202",
            "validationResultSummary": "NO_ISSUES",
        },
        "shippingLine": {"title": "Express"},
        "lineItems": {
            "pageInfo": {"hasNextPage": False},
            "nodes": [
                {
                    "id": "gid://shopify/LineItem/71",
                    "title": "Mug",
                    "sku": "MUG",
                    "quantity": 2,
                    "unfulfilledQuantity": 1,
                    "requiresShipping": True,
                    "originalUnitPriceSet": _usd("20.97"),
                }
            ],
        },
        "fulfillments": [
            {
                "id": "gid://shopify/Fulfillment/9001",
                "status": "SUCCESS",
                "displayStatus": "IN_TRANSIT",
                "createdAt": "2026-11-21T10:00:00Z",
                "updatedAt": "2026-11-21T11:00:00Z",
                "deliveredAt": None,
                "estimatedDeliveryAt": "2026-11-24T20:00:00Z",
                "trackingInfo": [{"company": "UPS", "number": "1Z999", "url": "https://ups.example/1Z999"}],
                "events": {
                    "nodes": [
                        {
                            "id": "gid://shopify/FulfillmentEvent/1",
                            "status": "IN_TRANSIT",
                            "happenedAt": "2026-11-22T08:00:00Z",
                            "message": None,
                            "city": "Ottawa",
                            "province": "Ontario",
                            "country": "CA",
                            "zip": None,
                        }
                    ]
                },
                "fulfillmentLineItems": {
                    "nodes": [
                        {"quantity": 1, "lineItem": {"id": "gid://shopify/LineItem/71", "title": "Mug", "sku": "MUG"}}
                    ]
                },
            }
        ],
        "fulfillmentOrders": {
            "nodes": [
                {
                    "id": "gid://shopify/FulfillmentOrder/301",
                    "status": "IN_PROGRESS",
                    "requestStatus": "CANCELLATION_REQUESTED",
                    "updatedAt": "2026-11-22T09:00:00Z",
                    "fulfillBy": "2026-11-23T22:00:00Z",
                    "fulfillmentHolds": [],
                    "assignedLocation": {
                        "name": "Newark",
                        "city": "Newark",
                        "province": "NJ",
                        "countryCode": "US",
                        "zip": "07101",
                    },
                    "deliveryMethod": {"maxDeliveryDateTime": "2026-11-25T22:00:00Z"},
                }
            ]
        },
        "returns": {
            "nodes": [
                {
                    "id": "gid://shopify/Return/61",
                    "status": "REQUESTED",
                    "createdAt": "2026-11-22T10:00:00Z",
                    "returnLineItems": {
                        "nodes": [
                            {
                                "customerNote": None,
                                "returnReasonNote": "",
                                "returnReasonDefinition": {"name": "Damaged or defective"},
                            }
                        ]
                    },
                }
            ]
        },
        "transactionsCount": {"count": 4},
        "transactions": [
            _transaction(800, status="FAILURE", errorCode="EXPIRED_CARD"),
            _transaction(801, kind="AUTHORIZATION", paymentId="c77.2", createdAt="2026-11-20T14:05:00Z"),
            _transaction(802, kind="CAPTURE", parent=801, amount="40.00", createdAt="2026-11-21T14:00:00Z"),
            _transaction(803, kind="REFUND", parent=802, amount="10.00", createdAt="2026-11-22T14:00:00Z"),
        ],
        "disputes": [
            {"id": "gid://shopify/OrderDisputeSummary/97", "status": "NEEDS_RESPONSE", "initiatedAs": "INQUIRY"}
        ],
    }
    return {"data": {"order": {**order, **changes}}, "extensions": {"cost": {"requestedQueryCost": 400}}}


def _transaction(number: int, parent: int | None = None, amount: str = "41.94", **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": f"gid://shopify/OrderTransaction/{number}",
        "kind": "SALE",
        "status": "SUCCESS",
        "errorCode": None,
        "gateway": "shopify_payments",
        "createdAt": "2026-11-20T14:00:00Z",
        "processedAt": None,
        "paymentId": None,
        "receiptJson": None,
        "parentTransaction": {"id": f"gid://shopify/OrderTransaction/{parent}"} if parent else None,
        "amountSet": _usd(amount),
        "maximumRefundableV2": None,
        "paymentDetails": {
            "__typename": "CardPaymentDetails",
            "company": "Visa",
            "number": "•••• 4242",
            "wallet": None,
        },
    }
    return {**found, **changes}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(scope="session")
def shop() -> shopify.Shopify:
    return World().connect()


@pytest.fixture(scope="session")
def envelope() -> Callable[..., Envelope]:
    """A signed webhook; headers may be replaced by keywords."""
    return _envelope


@pytest.fixture(scope="session")
def make() -> Callable[..., dict[str, Any]]:
    """`make("order", name="#1002")`: what Shopify would send, with some fields replaced."""
    return _body


@pytest.fixture(scope="session")
def read(shop: shopify.Shopify) -> Read:
    """What a signed webhook says."""

    def read(topic: str, sent: bytes | dict[str, Any]) -> tuple[Observation, ...]:
        signed = _envelope(topic, sent)
        shop.verify(signed)
        return shop.read(signed)

    return read


@pytest.fixture(scope="session")
def recorded(specs: Path) -> list[tuple[str, dict[str, Any]]]:
    """Every recorded resource without its outer key, with a topic that brings it."""
    found: list[tuple[str, dict[str, Any]]] = []
    for name, (topic, key) in SAMPLES.items():
        sample = json.loads((specs / "shopify/rest_samples" / name).read_text())
        inner = sample[key] if key else [each for each in sample.values() if each]
        found += [(topic, each) for each in (inner if isinstance(inner, list) else [inner])]
    return found


@pytest.fixture(scope="session")
def order_answer() -> Callable[..., dict[str, Any]]:
    """The answer to ReadOrder, with some of the order's fields replaced."""
    return _order_answer


@pytest.fixture(scope="session")
def transaction() -> Callable[..., dict[str, Any]]:
    """`transaction(802, parent=801)`: a transaction in that answer."""
    return _transaction


@pytest.fixture
async def office(specs: Path) -> AsyncIterator[Office]:
    """A paid order in the simulated shop, which is strict by the vendor's own schema."""
    async for each in opened(load_schema(specs)):
        yield each
