"""This file is a Stripe connection to test, signed by Stripe's own library, and objects as Stripe documents them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from stripe import WebhookSignature

from connectors import stripe
from connectors.connection import Connection
from connectors.contract import Envelope
from connectors.model import Observation

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECRET = "whsec_hush"
NINE = int(datetime(2026, 11, 23, 9, tzinfo=UTC).timestamp())
OBJECTS: dict[str, dict[str, Any]] = {
    "payment_intent": {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 4194,
        "amount_received": 0,
        "created": NINE,
        "currency": "usd",
        "status": "requires_payment_method",
        "last_payment_error": None,
        "latest_charge": None,
        "metadata": {"order_id": "5001"},
    },
    "charge": {
        "id": "ch_1",
        "object": "charge",
        "amount": 4194,
        "amount_captured": 4194,
        "amount_refunded": 0,
        "captured": True,
        "created": NINE,
        "currency": "usd",
        "disputed": False,
        "failure_code": None,
        "metadata": {"order_id": "5001"},
        "payment_intent": "pi_1",
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": "4242"}},
        "refunded": False,
        "status": "succeeded",
    },
    "refund": {
        "id": "re_1",
        "object": "refund",
        "amount": 1000,
        "charge": "ch_1",
        "currency": "usd",
        "payment_intent": "pi_1",
        "status": "succeeded",
    },
    "dispute": {
        "id": "dp_1",
        "object": "dispute",
        "amount": 4194,
        "charge": "ch_1",
        "currency": "usd",
        "evidence_details": {"due_by": NINE + 10 * 86400},
        "payment_intent": "pi_1",
        "reason": "product_not_received",
        "status": "needs_response",
    },
    "session": {
        "id": "cs_1",
        "object": "checkout.session",
        "amount_total": 4194,
        "client_reference_id": "#1001",
        "currency": "usd",
        "metadata": {"order_id": "5001"},
        "payment_intent": "pi_1",
        "payment_status": "unpaid",
    },
}

Read = Callable[..., tuple[Observation, ...]]


class World:
    """Stripe on the other end: an answer for each path, and 404 for any other."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.get(request.url.path)
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, httpx.Response):
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        if answer is None:
            return httpx.Response(404, json={"error": {"type": "invalid_request_error", "message": "No such thing"}})
        return httpx.Response(200, json=answer)

    @property
    def asked(self) -> list[str]:
        """Path and query of every request, in one sequence whatever came first."""
        return sorted(request.url.raw_path.decode() for request in self.requests)

    def connect(self, **changes: Any) -> stripe.Stripe:
        connection = Connection(
            workspace="acme",
            name="pay",
            clock=lambda: NOON,
            clients=lambda _: httpx.AsyncClient(transport=httpx.MockTransport(self)),
            **changes,
        )
        return stripe.connect(stripe.Settings(api_key="sk_test_1", webhook_secret=SECRET), connection)


def _make(name: str, /, **changes: Any) -> dict[str, Any]:
    return {**json.loads(json.dumps(OBJECTS[name])), **changes}


def _signed(body: str) -> Envelope:
    header = WebhookSignature.generate_signature_header(body, SECRET, timestamp=int(NOON.timestamp()))
    return Envelope({"stripe-signature": header}, body.encode(), NOON)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(scope="session")
def pay() -> stripe.Stripe:
    return World().connect()


@pytest.fixture(scope="session")
def make() -> Callable[..., dict[str, Any]]:
    """`make("charge", captured=False)`: what Stripe would send, with some fields replaced."""
    return _make


@pytest.fixture(scope="session")
def read(pay: stripe.Stripe) -> Read:
    """What an event says that Stripe's own library has signed."""

    def read(kind: str, obj: Any, **changes: Any) -> tuple[Observation, ...]:
        event = {"id": "evt_1", "object": "event", "type": kind, "created": NINE, "data": {"object": obj}, **changes}
        envelope = _signed(json.dumps(event))
        pay.verify(envelope)
        return pay.read(envelope)

    return read
