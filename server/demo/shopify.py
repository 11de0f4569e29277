"""This file stands in for a Shopify shop: the GraphQL Admin API with its cost budget, and signed webhooks."""

import base64
import hashlib
import hmac
import json
import re
from collections import deque
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from graphql import GraphQLError, GraphQLSchema
from litestar import Response, post

from connectors.transport import Clock
from server.demo.fake import AnyRequest, Fake, answer
from server.demo.graphql_answers import Answers, is_mutation, problem
from server.demo.graphql_cost import actual_cost, requested_cost
from server.demo.orders import WorldOrder
from server.demo.sender import Letter
from server.demo.shopify_bodies import SHOP, stamp
from server.demo.shopify_books import Books
from server.demo.shopify_graphql import graphql_order
from server.demo.shopify_graphql_money import graphql_customer
from server.demo.shopify_mutations import SCOPES as NEEDED
from server.demo.shopify_mutations import Mutations

TOKEN = "shpat_demo"
SECRET = "shpss_demo"
BUCKET = 2000.0
RESTORED_PER_SECOND = 100.0
MOST_PER_QUERY = 1000
SCOPES = (
    "read_customers",
    "read_store_credit_accounts",
    "write_merchant_managed_fulfillment_orders",
    "write_orders",
    "write_store_credit_account_transactions",
)


class FakeShopify(Fake):
    """One shop. It knows the orders in `orders`, by id."""

    def __init__(self, clock: Clock, schema: GraphQLSchema | None = None) -> None:
        self.orders: dict[int, WorldOrder] = {}
        self.scopes: set[str] = set(SCOPES)
        """What the merchant has granted."""
        self.letters: deque[Letter] = deque()
        """Webhooks about what was done through the API, until somebody delivers them: `take_letters`."""
        self.refused_fields: set[str] = set()
        """What the app may not see, such as `customer`: null, with an error."""
        self._clock = clock
        self._answers = Answers(schema)
        self._books: dict[int, Books] = {}
        self._mutations = Mutations(self.orders, self._books, clock, self._tell)
        self._left = BUCKET
        self._filled_at = clock()

        @post("/admin/api/2026-10/graphql.json", status_code=200)
        async def graphql(request: AnyRequest) -> Response[Any]:
            if request.headers.get("x-shopify-access-token") != TOKEN:
                return answer({"errors": "[API] Invalid API key or access token (unrecognized login)"}, 401)
            return self._graphql(await request.json())

        super().__init__([graphql])

    def spend_budget(self) -> None:
        """Empty the bucket, as another app of the merchant may."""
        self._left, self._filled_at = 0.0, self._clock()

    def take_letters(self) -> list[Letter]:
        """The webhooks that are due, once."""
        taken = list(self.letters)
        self.letters.clear()
        return taken

    def credit_of(self, customer: int) -> Decimal:
        """How much store credit a customer was given."""
        return sum((credit.amount for credit in self._mutations.credits.get(customer, ())), Decimal(0))

    def letter(self, topic: str, body: dict[str, Any]) -> Letter:
        """A signed webhook."""
        raw = json.dumps(body).encode()
        digest = base64.b64encode(hmac.new(SECRET.encode(), raw, hashlib.sha256).digest()).decode()
        event_id = str(uuid4())
        return Letter(
            connection="shop",
            body=raw,
            headers={
                "content-type": "application/json",
                "x-shopify-topic": topic,
                "x-shopify-hmac-sha256": digest,
                "x-shopify-shop-domain": SHOP,
                "x-shopify-api-version": "2026-10",
                "x-shopify-webhook-id": event_id,
                "x-shopify-event-id": event_id,
                "x-shopify-triggered-at": stamp(self._clock()) or "",
            },
        )

    def _graphql(self, asked: dict[str, Any]) -> Response[Any]:
        document = self._answers.read(asked.get("query", ""))
        if isinstance(document, list):
            return answer({"errors": document})
        variables = asked.get("variables") or {}
        cost = requested_cost(document, variables)
        if cost > MOST_PER_QUERY:
            text = f"Query cost is {cost}, which exceeds the single query max cost limit ({MOST_PER_QUERY})."
            return answer({"errors": [problem(text, "MAX_COST_EXCEEDED")]})
        if self._available() < cost:
            errors = [problem("Throttled", "THROTTLED")]
            return answer({"errors": errors, "extensions": self._extensions(cost, None)})
        if wrong := self._answers.check_variables(document, variables):
            return answer({"errors": wrong})
        changes = is_mutation(document)
        root = self._mutations.root() if changes else self._root()
        refused = self.refused_fields | {name for name, scope in NEEDED.items() if scope not in self.scopes}
        try:
            data, errors = self._answers.execute(document, root, variables, refused=refused)
        except GraphQLError as error:
            return answer({"errors": [problem(error.message, "undefinedField")]})
        spent = actual_cost(data)
        self._left -= spent
        told = {"data": data, "extensions": self._extensions(cost, spent)}
        return answer({**told, "errors": errors} if errors else told)

    def _available(self) -> float:
        now: datetime = self._clock()
        refilled = (now - self._filled_at).total_seconds() * RESTORED_PER_SECOND
        self._left, self._filled_at = min(BUCKET, self._left + refilled), now
        return self._left

    def _extensions(self, requested: int, spent: int | None) -> dict[str, Any]:
        left = self._available()
        status = {"maximumAvailable": BUCKET, "currentlyAvailable": left, "restoreRate": RESTORED_PER_SECOND}
        return {"cost": {"requestedQueryCost": requested, "actualQueryCost": spent, "throttleStatus": status}}

    def _root(self) -> dict[str, Any]:
        return {
            "order": self._order,
            "orders": self._orders,
            "shop": {"name": "Acme Outfitters", "myshopifyDomain": SHOP},
            "currentAppInstallation": {"accessScopes": [{"handle": scope} for scope in sorted(self.scopes)]},
            "customer": self._customer,
            "node": self._mutations.job,
            "nodes": lambda ids: [self._mutations.part(name) for name in ids],
        }

    def _customer(self, id: str) -> dict[str, Any] | None:  # noqa: A002  # the vendor's argument
        number = int(id.rsplit("/", 1)[-1])
        if not any(order.customer.id == number for order in self.orders.values()):
            return None
        return graphql_customer(number, self._mutations.credits.get(number, ()))

    def _tell(self, topic: str, body: dict[str, Any]) -> None:
        self.letters.append(self.letter(topic, body))

    def _order(self, id: str) -> dict[str, Any] | None:  # noqa: A002  # the vendor's argument
        self._mutations.advance()
        found = self.orders.get(int(id.rsplit("/", 1)[-1]))
        return graphql_order(found, self._mutations.books(found)) if found else None

    def _orders(self, query: str = "", first: str = "10", **_: Any) -> dict[str, Any]:
        found = [order for order in self.orders.values() if _matches(order, query)]
        newest = sorted(found, key=lambda order: order.placed_at, reverse=True)[: int(first)]
        return {"nodes": [graphql_order(order, self._mutations.books(order)) for order in newest]}


def _matches(order: WorldOrder, query: str) -> bool:
    """Terms as in `name:"#1001" OR email:"a@b.c"`; unquoted operators in a value would be Shopify's, not the user's."""
    terms = re.findall(r"(name|email|phone|id):(?:\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|(\S+))", query)
    known = {"name": {order.name.lower(), str(order.number)}, "email": {order.customer.email}, "id": {str(order.id)}}
    return any((a or b or c).lower() in known.get(field, set()) for field, a, b, c in terms)
