"""This file is what may be done in the simulated shop: refunds, cancellations, holds, addresses, store credit.

It refuses what Shopify refuses, in words like its own; what it does changes the world's order, and sends webhooks.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from graphql import GraphQLError

from connectors.transport import Clock
from server.demo.orders import WorldOrder
from server.demo.shopify_bodies import cancelled_body, named_part_body, order_body, shop_refund_body
from server.demo.shopify_books import (
    Books,
    CancelJob,
    Credit,
    ShopHold,
    ShopRefund,
    give_back,
    holds_of,
    left_to_refund,
)
from server.demo.shopify_graphql import graphql_order, graphql_part
from server.demo.shopify_graphql_money import graphql_credit, graphql_job, graphql_refund

SCOPES = {
    "refundCreate": "write_orders",
    "orderCancel": "write_orders",
    "orderUpdate": "write_orders",
    "fulfillmentOrderHold": "write_merchant_managed_fulfillment_orders",
    "fulfillmentOrderReleaseHold": "write_merchant_managed_fulfillment_orders",
    "storeCreditAccountCredit": "write_store_credit_account_transactions",
}
MOST_HOLDS = 10
LONGEST_HANDLE, LONGEST_STAFF_NOTE = 64, 255
_ADDRESS_FIELDS = {
    "firstName",
    "lastName",
    "company",
    "address1",
    "address2",
    "city",
    "province",
    "provinceCode",
    "country",
    "countryCode",
    "zip",
    "phone",
}
Tell = Callable[[str, dict[str, Any]], None]
"""Sends a webhook: topic and body."""


class Mutations:
    """What is done to the orders in *orders*."""

    def __init__(self, orders: dict[int, WorldOrder], books: dict[int, Books], clock: Clock, tell: Tell) -> None:
        self._orders = orders
        self._books = books
        self._clock = clock
        self._tell = tell
        self._keys: dict[str, tuple[str, dict[str, Any]]] = {}
        self._placed = 0
        self.credits: dict[int, list[Credit]] = {}

    def root(self) -> dict[str, Any]:
        """By the name of the mutation."""
        return {
            "refundCreate": self.refund,
            "orderCancel": self.cancel,
            "orderUpdate": self.update,
            "fulfillmentOrderHold": self.hold,
            "fulfillmentOrderReleaseHold": self.release,
            "storeCreditAccountCredit": self.credit,
        }

    def books(self, order: WorldOrder) -> Books:
        """What the shop keeps of an order."""
        return self._books.setdefault(order.id, Books())

    # --- refunds ------------------------------------------------------------------------------------------------------

    def refund(self, input: dict[str, Any], idempotent: str = "") -> dict[str, Any]:  # noqa: A002
        """Once for each key: a repeat gets the first answer, another request with the same key an error."""
        if not idempotent.strip():
            raise GraphQLError("The @idempotent directive is required for this mutation but was not provided.")
        asked = json.dumps(input, sort_keys=True)
        if idempotent in self._keys:
            before, answered = self._keys[idempotent]
            return (
                answered
                if before == asked
                else _wrong("The same idempotency key cannot be used with different operation parameters.")
            )
        try:
            made = self._refund(input)
        except _Refusal as refusal:
            return _wrong(str(refusal))
        self._keys[idempotent] = (asked, made)
        return made

    def _refund(self, asked: dict[str, Any]) -> dict[str, Any]:
        order = self._order(asked["orderId"])
        books = self.books(order)
        if asked.get("currency") not in (None, "USD"):
            raise _Refusal("Currency must be the presentment currency of the order")
        lines = _lines(order, books, asked.get("refundLineItems") or [])
        total = Decimal("0.00")
        for each in asked.get("transactions") or []:
            total += _transaction(order, each)
        if total > left_to_refund(order):
            raise _Refusal(f"Refund amount cannot be greater than the maximum refundable: {left_to_refund(order)}")
        if not total and not lines:
            raise _Refusal("Refund must have at least one transaction or line item")
        restocks = any(each.get("restockType") != "NO_RESTOCK" for each in asked.get("refundLineItems") or [])
        refund = give_back(order, books, total, self._clock(), note=asked.get("note"), lines=lines, restocks=restocks)
        self._tell_refund(order, refund)
        return {"refund": graphql_refund(refund), "order": graphql_order(order, books), "userErrors": []}

    def _tell_refund(self, order: WorldOrder, refund: ShopRefund) -> None:
        self._tell("refunds/create", shop_refund_body(order, refund))
        self._tell("orders/updated", order_body(order))

    # --- cancellations ------------------------------------------------------------------------------------------------

    def cancel(self, orderId: str, restock: bool, reason: str, **asked: Any) -> dict[str, Any]:  # noqa: N803
        """Take the cancellation on. It is done later."""
        del restock, reason
        try:
            order = self._order(orderId)
        except _Refusal as refusal:
            return _not_cancelled(str(refusal), "NOT_FOUND")
        books = self.books(order)
        if order.cancelled_at:
            return _not_cancelled("Order has already been cancelled")
        if books.job and not books.job.is_done:
            return _not_cancelled("Order is already being cancelled")
        if order.parcels:
            return _not_cancelled("Cannot cancel an order that has fulfillments")
        if len(asked.get("staffNote") or "") > LONGEST_STAFF_NOTE:
            return _not_cancelled(f"Staff note is too long (maximum is {LONGEST_STAFF_NOTE} characters)")
        refunds = bool((asked.get("refundMethod") or {}).get("originalPaymentMethodsRefund") or asked.get("refund"))
        books.job = CancelJob(f"gid://shopify/OrderCancelJobResult/{order.id}", refunds, asked.get("staffNote"))
        return {"jobResult": graphql_job(books.job), "orderCancelUserErrors": [], "userErrors": []}

    def advance(self) -> None:
        """Somebody looks at an order: jobs that were pending at the last look are done now."""
        for number, books in self._books.items():
            if books.job is None or books.job.is_done:
                continue
            if books.job.was_polled:
                self._finish(self._orders[number], books, books.job)
            books.job.was_polled = True

    def _finish(self, order: WorldOrder, books: Books, job: CancelJob) -> None:
        job.is_done = True
        order.cancelled_at = order.updated_at = self._clock()
        left = left_to_refund(order)
        if job.refunds and left:
            lines = {item.id: item.quantity - books.refunded_of(item.id) for item in order.items}
            self._tell_refund(order, give_back(order, books, left, self._clock(), lines=lines))
        self._tell("orders/cancelled", cancelled_body(order))

    def job(self, id: str) -> dict[str, Any] | None:  # noqa: A002
        """A cancellation by the id of its job."""
        jobs = (books.job for books in self._books.values() if books.job)
        return next((graphql_job(job) for job in jobs if job.id == id), None)

    # --- address ------------------------------------------------------------------------------------------------------

    def update(self, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
        """A new shipping address; nothing else of an order is changed here."""
        try:
            order = self._order(input["id"])
        except _Refusal as refusal:
            return {"order": None, **_errors(str(refusal), field=["id"])}
        address = input.get("shippingAddress") or {}
        unknown = (set(input) - {"id", "shippingAddress"}) | (set(address) - _ADDRESS_FIELDS)
        if unknown:
            raise GraphQLError(f"Field is not defined on OrderInput: {sorted(unknown)[0]}")
        if not address.get("address1") or not address.get("city"):
            return {"order": None, **_errors("Shipping address is invalid", field=["shippingAddress"])}
        books = self.books(order)
        books.address = {
            **{name: address.get(name) or None for name in _ADDRESS_FIELDS - {"countryCode", "province", "country"}},
            "countryCodeV2": address.get("countryCode"),
            "province": address.get("province") or address.get("provinceCode") or None,
        }
        order.updated_at = self._clock()
        self._tell("orders/updated", order_body(order, books.address))
        return {"order": graphql_order(order, books), "userErrors": []}

    # --- holds --------------------------------------------------------------------------------------------------------

    def hold(self, id: str, fulfillmentHold: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, N803
        """Put it on hold once more, or for the first time."""
        order = self._by_part(id)
        if order is None:
            return _part_error("Fulfillment order could not be found.", "FULFILLMENT_ORDER_NOT_FOUND")
        if order.parcels or order.cancelled_at or order.picking_at:
            return _part_error("The fulfillment order is not in a state that can be put on hold.", None)
        holds, handle = holds_of(order, self.books(order)), fulfillmentHold.get("handle") or ""
        if len(handle) > LONGEST_HANDLE:
            return _part_error("Handle is too long (maximum is 64 characters)", None)
        if any(each.handle is not None and each.handle == handle for each in holds):
            said = "The handle provided for the fulfillment hold is already in use by this app for another hold on "
            return _part_error(f"{said}this fulfillment order.", "DUPLICATE_FULFILLMENT_HOLD_HANDLE")
        if len(holds) >= MOST_HOLDS:
            return _part_error("The maximum number of holds was reached.", "FULFILLMENT_ORDER_HOLD_LIMIT_REACHED")
        self._placed += 1
        number = f"{order.id}{self._placed + 1:02}"
        made = ShopHold(
            f"gid://shopify/FulfillmentHold/{number}",
            fulfillmentHold["reason"],
            fulfillmentHold.get("reasonNotes"),
            handle,
        )
        holds.append(made)
        now: datetime = self._clock()
        order.held_at, order.updated_at = order.held_at or now, now
        order.hold_reason = order.hold_reason or made.reason.lower()
        self._tell("fulfillment_orders/placed_on_hold", named_part_body(order))
        return {"fulfillmentOrder": graphql_part(order, self.books(order)), "userErrors": []}

    def release(
        self,
        id: str,  # noqa: A002
        holdIds: list[str] | None = None,  # noqa: N803
        externalId: str = "",  # noqa: N803
    ) -> dict[str, Any]:
        """Lift the given holds; all of them where none are given."""
        del externalId
        order = self._by_part(id)
        if order is None:
            return _part_error("Fulfillment order could not be found.", "FULFILLMENT_ORDER_NOT_FOUND")
        books = self.books(order)
        holds = holds_of(order, books)
        books.holds = [each for each in holds if holdIds is not None and each.id not in holdIds]
        order.updated_at = self._clock()
        order.held_at = order.held_at if books.holds else None
        order.hold_reason = books.holds[0].reason.lower() if books.holds else ""
        self._tell("fulfillment_orders/hold_released", named_part_body(order))
        return {"fulfillmentOrder": graphql_part(order, books), "userErrors": []}

    # --- store credit -------------------------------------------------------------------------------------------------

    def credit(self, id: str, creditInput: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, N803
        """Give a customer store credit. There is no key: twice is twice."""
        number = int(id.rsplit("/", 1)[-1])
        if not id.startswith("gid://shopify/Customer/") or not self._knows(number):
            return _not_credited("Owner does not exist.", "OWNER_NOT_FOUND")
        amount = creditInput["creditAmount"]
        value = _decimal(amount["amount"])
        if value is None or value <= 0:
            return _not_credited(
                "A positive amount must be used to credit a store credit account.", "NEGATIVE_OR_ZERO_AMOUNT"
            )
        if amount["currencyCode"] != "USD":
            return _not_credited("The currency provided is not currently supported.", "UNSUPPORTED_CURRENCY")
        given = self.credits.setdefault(number, [])
        made = Credit(number * 1000 + len(given) + 1, value, amount["currencyCode"], self._clock())
        given.append(made)
        return {"storeCreditAccountTransaction": graphql_credit(made), "userErrors": []}

    # --- finding ------------------------------------------------------------------------------------------------------

    def _order(self, name: str) -> WorldOrder:
        order = self._orders.get(int(name.rsplit("/", 1)[-1])) if re.search(r"/Order/\d+$", name) else None
        if order is None:
            raise _Refusal("Order does not exist")
        return order

    def _by_part(self, name: str) -> WorldOrder | None:
        return next((o for o in self._orders.values() if name == f"gid://shopify/FulfillmentOrder/{o.id}1"), None)

    def part(self, name: str) -> dict[str, Any] | None:
        """A fulfilment order by its id."""
        order = self._by_part(name)
        return graphql_part(order, self.books(order)) if order else None

    def _knows(self, customer: int) -> bool:
        return any(order.customer.id == customer for order in self._orders.values())


class _Refusal(Exception):
    """What the shop says against it."""


def _lines(order: WorldOrder, books: Books, asked: list[dict[str, Any]]) -> dict[int, int]:
    known = {item.id: item for item in order.items}
    found: dict[int, int] = {}
    for each in asked:
        number = int(each["lineItemId"].rsplit("/", 1)[-1])
        if number not in known:
            raise _Refusal("Line item does not exist")
        found[number] = found.get(number, 0) + each["quantity"]
        left = known[number].quantity - books.refunded_of(number)
        if each["quantity"] < 1 or found[number] > left:
            raise _Refusal("Quantity cannot refund more items than were purchased")
        if each.get("restockType") == "CANCEL" and order.parcels:
            raise _Refusal("Cannot cancel items that have been fulfilled")
    return found


def _transaction(order: WorldOrder, asked: dict[str, Any]) -> Decimal:
    amount = _decimal(asked["amount"])
    if asked["kind"] != "REFUND" or amount is None or amount <= 0 or amount != amount.quantize(Decimal("0.01")):
        raise _Refusal("Transaction amount is invalid")
    paid = [n for n, attempt in enumerate(order.intent.attempts) if not attempt.decline_code]
    parents = {f"gid://shopify/OrderTransaction/{order.id * 10 + n}" for n in paid}
    if asked.get("parentId") not in parents or asked["gateway"] != "stripe":
        raise _Refusal("Transaction parent is invalid")
    return amount


def _decimal(text: Any) -> Decimal | None:
    try:
        found = Decimal(str(text))
    except InvalidOperation:
        return None
    return found if found.is_finite() and found.adjusted() < 12 else None


def _errors(message: str, code: str | None = None, field: list[str] | None = None) -> dict[str, Any]:
    return {"userErrors": [{"message": message, "field": field, "code": code}]}


def _wrong(message: str) -> dict[str, Any]:
    return {"refund": None, "order": None, **_errors(message)}


def _not_cancelled(message: str, code: str = "INVALID") -> dict[str, Any]:
    said = _errors(message, code)["userErrors"]
    return {"jobResult": None, "job": None, "orderCancelUserErrors": said, "userErrors": said}


def _part_error(message: str, code: str | None) -> dict[str, Any]:
    return {"fulfillmentOrder": None, "fulfillmentHold": None, **_errors(message, code)}


def _not_credited(message: str, code: str) -> dict[str, Any]:
    return {"storeCreditAccountTransaction": None, **_errors(message, code)}
