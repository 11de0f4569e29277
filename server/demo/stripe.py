"""This file stands in for Stripe: PaymentIntents with their charges and refunds, and signed events."""

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from litestar import Response, get, post
from litestar.params import FromPath

from connectors.transport import Clock
from server.demo.fake import AnyRequest, Fake, answer
from server.demo.orders import Attempt, Intent, WorldOrder
from server.demo.sender import Letter
from server.demo.stripe_refunds import Refunds

KEY = "rk_test_demo"
READ_KEY = "rk_test_readonly"
"""A restricted key that may read everything, and refund nothing."""
SECRET = "whsec_demo"
VERSION = "2026-10-28.endive"
TIME_TO_ANSWER = timedelta(days=9)
SEARCH_IS_LATE_BY = timedelta(minutes=1)
_EXPAND = re.compile(r"expand\[\d*\]")
_DECLINES = {
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "do_not_honor": "Your card was declined.",
}


class FakeStripe(Fake):
    """One account. It knows the payments of the orders in `orders`, by order id."""

    def __init__(self, clock: Clock) -> None:
        self.orders: dict[int, WorldOrder] = {}
        self.refunds = Refunds(clock, self._find)
        self._clock = clock

        @get("/v1/payment_intents/search")
        async def search(request: AnyRequest) -> Response[Any]:
            return self._answer(request, {"query", "limit", "page"}, lambda: self._search(request))

        @get("/v1/payment_intents")
        async def several(request: AnyRequest) -> Response[Any]:
            return self._answer(request, {"limit", "customer"}, lambda: _list(self._intents(request)))

        @get("/v1/payment_intents/{intent_id:str}")
        async def read(request: AnyRequest, intent_id: FromPath[str]) -> Response[Any]:
            found = [order for order in self.orders.values() if order.intent.id == intent_id]
            return self._answer(
                request,
                set(),
                lambda: self._intent_body(found[0], request) if found else _missing("payment_intent"),
            )

        @get("/v1/charges/{charge_id:str}")
        async def charge(request: AnyRequest, charge_id: FromPath[str]) -> Response[Any]:
            found = [(o, a) for o in self.orders.values() for a in o.intent.attempts if a.charge_id == charge_id]
            return self._answer(request, set(), lambda: charge_body(*found[0]) if found else _missing("charge"))

        @get("/v1/disputes")
        async def disputes(request: AnyRequest) -> Response[Any]:
            return self._answer(request, {"payment_intent", "charge", "limit"}, lambda: _list(self._disputes(request)))

        @get("/v1/account")
        async def account(request: AnyRequest) -> Response[Any]:
            profile = {"id": "acct_demo", "object": "account", "business_profile": {"name": "Acme Outfitters"}}
            return self._answer(request, set(), lambda: profile)

        @get("/v1/balance")
        async def balance(request: AnyRequest) -> Response[Any]:
            return self._answer(request, set(), lambda: {"object": "balance", "available": [], "livemode": False})

        @get("/v1/refunds")
        async def refunds(request: AnyRequest) -> Response[Any]:
            known = {"payment_intent", "charge", "limit", "starting_after"}
            return self._answer(request, known, lambda: self.refunds.page(dict(request.query_params)))

        @post("/v1/refunds", status_code=200)
        async def refund(request: AnyRequest) -> Response[Any]:
            body = await request.body()
            return self._answer(request, set(), lambda: self.refunds.create(dict(request.headers), body), writes=True)

        super().__init__([search, several, read, charge, disputes, account, balance, refunds, refund])

    def letter(self, kind: str, subject: dict[str, Any]) -> Letter:
        """A signed event about an object."""
        now = int(self._clock().timestamp())
        event = {
            "id": f"evt_{uuid4().hex[:24]}",
            "object": "event",
            "api_version": VERSION,
            "created": now,
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
            "data": {"object": subject},
        }
        return self._signed(json.dumps(event).encode())

    def signed_again(self, letter: Letter) -> Letter:
        """The same event, sent once more: each delivery has a signature of its own time."""
        return self._signed(letter.body)

    def _signed(self, raw: bytes) -> Letter:
        now = int(self._clock().timestamp())
        digest = hmac.new(SECRET.encode(), f"{now}.".encode() + raw, hashlib.sha256).hexdigest()
        return Letter(connection="payments", body=raw, headers={"stripe-signature": f"t={now},v1={digest}"})

    def letters_of(self, order: WorldOrder, attempt: Attempt) -> list[Letter]:
        """What Stripe sends after a try to take the money: an event about the charge and one about the payment."""
        outcome = "failed" if attempt.decline_code else "succeeded"
        intent_event = "payment_intent.payment_failed" if attempt.decline_code else "payment_intent.succeeded"
        return [
            self.letter(f"charge.{outcome}", charge_body(order, attempt)),
            self.letter(intent_event, intent_body(order)),
        ]

    def refund_letters(self, kind: str, refund: dict[str, Any]) -> list[Letter]:
        """What Stripe sends about a refund: an event of *kind*, and about a new one also that of its charge."""
        letters = [self.letter(kind, refund)]
        found = self._find("charge", refund["charge"])
        if found and kind == "refund.created" and refund["status"] != "failed":
            letters.append(self.letter("charge.refunded", charge_body(*found)))
        return letters

    def _find(self, parameter: str, name: str) -> tuple[WorldOrder, Attempt] | None:
        """The order and the charge that are named by a payment intent's id or a charge's."""
        for order in self.orders.values():
            tries = order.intent.attempts
            if parameter == "payment_intent" and order.intent.id == name:
                return order, tries[-1] if tries else Attempt("", order.intent.created_at, "none")
            for attempt in tries:
                if parameter == "charge" and attempt.charge_id == name:
                    return order, attempt
        return None

    def _intent_body(self, order: WorldOrder, request: AnyRequest) -> dict[str, Any]:
        """With its charge and the charge's refunds, where they are asked for."""
        found = intent_body(order, expand=_expands(request))
        charge = found["latest_charge"]
        if isinstance(charge, dict) and "latest_charge.refunds" in _expanded(request):
            charge["refunds"] = _list(self.refunds.of(charge["id"]))
        return found

    def _answer(
        self, request: AnyRequest, known: set[str], work: Callable[[], Any], *, writes: bool = False
    ) -> Response[Any]:
        """What *work* finds, for whoever may ask and asks with *known* parameters only."""
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if key not in (KEY, READ_KEY):
            return _refusal(401, "Invalid API Key provided")
        if writes and key == READ_KEY:
            return _refusal(
                403,
                f"The provided key '{key[:8]}***' does not have the required permissions for this endpoint on account "
                "'acct_demo'. Having the 'rak_charge_write' permission would allow this request to continue.",
            )
        unknown = [name for name in request.query_params if name not in known and not _EXPAND.fullmatch(name)]
        if unknown:
            return _refusal(400, f"Received unknown parameter: {unknown[0]}", code="parameter_unknown")
        found = work()
        return found if isinstance(found, Response) else answer(found)

    def _intents(self, request: AnyRequest) -> list[dict[str, Any]]:
        newest = sorted(self.orders.values(), key=lambda order: order.intent.created_at, reverse=True)
        most = int(request.query_params.get("limit", "10"))
        return [intent_body(order, expand=_expands(request)) for order in newest[:most]]

    def _disputes(self, request: AnyRequest) -> list[dict[str, Any]]:
        wanted = request.query_params.get("payment_intent", "")
        return [
            dispute_body(order)
            for order in self.orders.values()
            if order.intent.disputed_at and wanted in ("", order.intent.id)
        ]

    def _search(self, request: AnyRequest) -> Any:
        """By metadata. The index is a minute behind, as the real one is."""
        query = request.query_params.get("query", "")
        terms = re.findall(r"metadata\[['\"](\w+)['\"]\]:\s?['\"]((?:[^'\"\\]|\\.)*)['\"]", query)
        if not terms:
            return _refusal(400, "We were unable to parse your search query")
        indexed = self._clock() - SEARCH_IS_LATE_BY
        found = [
            intent_body(order, expand=_expands(request))
            for order in self.orders.values()
            if order.intent.created_at <= indexed and all(_metadata(order).get(name) == value for name, value in terms)
        ]
        return {"object": "search_result", "data": found, "has_more": False, "url": "/v1/payment_intents/search"}


def _expands(request: AnyRequest) -> bool:
    return not {"latest_charge", "data.latest_charge"}.isdisjoint(_expanded(request))


def _expanded(request: AnyRequest) -> list[str]:
    """What is to be shown whole; Stripe takes `expand[]` and `expand[0]` alike."""
    return [value for name, value in request.query_params.multi_items() if _EXPAND.fullmatch(name)]


def _list(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {"object": "list", "data": found, "has_more": False}


def _refusal(status: int, message: str, **more: str) -> Response[Any]:
    return answer({"error": {"type": "invalid_request_error", "message": message, **more}}, status)


def _missing(what: str) -> Response[Any]:
    return _refusal(404, f"No such {what}", code="resource_missing")


def _metadata(order: WorldOrder) -> dict[str, str]:
    return {"order_id": str(order.id), "order_name": order.name}


def charge_body(order: WorldOrder, attempt: Attempt) -> dict[str, Any]:
    """A charge: one try."""
    declined = attempt.decline_code
    message = _DECLINES.get(declined, "Your card was declined.") if declined else None
    amount = order.intent.amount
    return {
        "id": attempt.charge_id,
        "object": "charge",
        "amount": amount,
        "amount_captured": 0 if declined else amount,
        "amount_refunded": 0 if declined else order.intent.refunded,
        "captured": not declined,
        "created": int(attempt.at.timestamp()),
        "currency": "usd",
        "disputed": order.intent.disputed_at is not None and not declined,
        "failure_code": "card_declined" if declined else None,
        "failure_message": message,
        "livemode": False,
        "metadata": _metadata(order),
        "outcome": {"reason": declined or None, "type": "issuer_declined" if declined else "authorized"},
        "paid": not declined,
        "payment_intent": order.intent.id,
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": "4242"}},
        "refunded": not declined and order.intent.refunded == amount,
        "status": "failed" if declined else "succeeded",
    }


def dispute_body(order: WorldOrder) -> dict[str, Any]:
    """A chargeback of the whole payment."""
    intent, begun = order.intent, order.intent.disputed_at
    assert begun is not None  # noqa: S101
    return {
        "id": f"dp_{intent.id}",
        "object": "dispute",
        "amount": intent.amount,
        "charge": intent.attempts[-1].charge_id,
        "created": int(begun.timestamp()),
        "currency": "usd",
        "evidence_details": {"due_by": int((begun + TIME_TO_ANSWER).timestamp()), "has_evidence": False},
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": intent.id,
        "reason": intent.dispute_reason,
        "status": "needs_response",
    }


def intent_body(order: WorldOrder, *, expand: bool = False) -> dict[str, Any]:
    """A PaymentIntent: the payment with all its tries."""
    intent: Intent = order.intent
    last = intent.attempts[-1] if intent.attempts else None
    charge: Any = None
    if last is not None:
        charge = charge_body(order, last) if expand else last.charge_id
    return {
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": 0,
        "amount_received": intent.amount if intent.is_paid else 0,
        "canceled_at": None,
        "capture_method": "automatic",
        "created": int(intent.created_at.timestamp()),
        "currency": "usd",
        "last_payment_error": _payment_error(last) if last and last.decline_code else None,
        "latest_charge": charge,
        "livemode": False,
        "metadata": _metadata(order),
        "payment_method_types": ["card"],
        "status": "succeeded" if intent.is_paid else "requires_payment_method",
    }


def _payment_error(attempt: Attempt) -> dict[str, Any]:
    return {
        "code": "card_declined",
        "decline_code": attempt.decline_code,
        "message": _DECLINES.get(attempt.decline_code, "Your card was declined."),
        "type": "card_error",
        "charge": attempt.charge_id,
    }
