"""This file is what a condition of the policy may ask about an order and its customer.

Nothing here changes by time alone: `review_at` would have to know of it.
"""

from collections.abc import Mapping
from typing import Any

from connectors.model import Place
from connectors.money import Money
from server.model import OrderView

ORDER_FACTS: Mapping[str, str] = {
    "name": "what people call it, such as #1001",
    "value": "the total in its currency",
    "currency": "such as USD",
    "high_value": "true or false, as [high_value] says",
    "tags": "list of the shop's tags",
    "items": "how many pieces",
    "skus": "list of stock numbers",
    "marketplace": "amazon, ebay ...; empty for the shop itself",
    "seller": "who sells it, on a marketplace of several",
    "warehouse": "where it is fulfilled from",
    "shipping_method": "as the shop calls it",
    "carriers": "list of carriers of its parcels: ups, usps, fedex ...",
    "country": "where it goes to: US, DE ...",
    "destination": "country, region, city and postal_code, as in order.destination.city",
    "origin": "the same of where it is sent from",
    "is_international": "whether origin and destination are in different countries",
    "financial_state": "the shop's word: pending, paid, partially_refunded ...",
    "fulfillment_state": "the shop's word: unfulfilled, partial, fulfilled ...",
}
CUSTOMER_FACTS: Mapping[str, str] = {
    "vip": "true or false, as [vip] says",
    "orders_count": "how many orders they have placed",
    "total_spent": "on all of them, in the shop's currency",
    "tags": "list of the shop's tags",
}

_PLACE = {"country": "US", "region": "IL", "city": "Springfield", "postal_code": "62701"}
EVERY_FACT: Mapping[str, Mapping[str, Any]] = {
    "order": {
        "name": "#1001",
        "value": 100.0,
        "currency": "USD",
        "high_value": False,
        "tags": ["gift"],
        "items": 1,
        "skus": ["MUG-1"],
        "marketplace": "",
        "seller": "acme",
        "warehouse": "Newark",
        "shipping_method": "Standard",
        "carriers": ["ups"],
        "country": "US",
        "destination": _PLACE,
        "origin": _PLACE,
        "is_international": False,
        "financial_state": "paid",
        "fulfillment_state": "fulfilled",
    },
    "customer": {"vip": False, "orders_count": 1, "total_spent": 100.0, "tags": ["wholesale"]},
}
"""All of them, as of some order."""

_OPPOSITE: Mapping[type, Any] = {bool: True, float: 1e9, int: 1_000_000, str: "", list: []}
OTHER_FACTS: Mapping[str, Mapping[str, Any]] = {
    table: {name: _OPPOSITE.get(type(value), value) for name, value in facts.items()}
    for table, facts in EVERY_FACT.items()
}
"""As of quite another order, so that what comes after an `&&` or `||` is tried too."""


def condition_facts(order: OrderView, *, vip: bool, high_value: bool) -> dict[str, Any]:
    """The variables of CEL conditions: unknown ones are left out, and a condition that needs them holds."""
    facts, customer = order.order, order.order.customer
    destination, origin = _place(facts.destination), _place(_origin(order))
    countries = [place["country"] for place in (origin, destination) if place and "country" in place]
    carriers = [s.shipment.carrier for s in order.shipments if s.shipment.carrier not in ("", "unknown")]
    return {
        "order": _known(
            name=facts.name,
            value=_number(facts.total),
            currency=facts.total.currency if facts.total else None,
            high_value=high_value,
            tags=list(facts.tags) if facts.tags is not None else None,
            items=sum(item.quantity for item in facts.line_items) if facts.line_items is not None else None,
            skus=[i.sku for i in facts.line_items if i.sku] if facts.line_items is not None else None,
            marketplace=facts.marketplace or "",
            seller=facts.seller,
            warehouse=facts.warehouse,
            shipping_method=facts.shipping_method,
            carriers=list(dict.fromkeys(carriers)),
            country=destination.get("country") if destination else None,
            destination=destination,
            origin=origin,
            is_international=countries[0] != countries[1] if len(countries) == 2 else None,
            financial_state=facts.financial_state,
            fulfillment_state=facts.fulfillment_state,
        ),
        "customer": _known(
            vip=vip,
            orders_count=customer.orders_count if customer else None,
            total_spent=_number(customer.total_spent) if customer else None,
            tags=list(customer.tags) if customer and customer.tags is not None else None,
        ),
    }


def _known(**facts: Any) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


def _origin(order: OrderView) -> Place | None:
    """Where the order is sent from, else the first of its parcels of which that is known."""
    found = (s.shipment.origin for s in order.shipments if s.shipment.origin)
    return order.order.origin or next(found, None)


def _place(place: Place | None) -> dict[str, str] | None:
    if place is None:
        return None
    named = {"country": place.country, "region": place.region, "city": place.city, "postal_code": place.postal_code}
    return {name: value for name, value in named.items() if value}


def _number(money: Money | None) -> float | None:
    # CEL has no decimals; comparing an amount with a limit is all that conditions do with it.
    return float(money.decimal) if money else None
