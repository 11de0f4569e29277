"""This file tests the search for orders at Shopify, whose text is never trusted."""

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.contract import Denied
from connectors.model import (
    Customer,
    Order,
    References,
)
from connectors.shopify.documents import FIND_ORDERS

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def denied(*path: str, message: str = "This app is not approved to access the Customer object.") -> dict[str, Any]:
    return {"message": message, "path": [*path], "extensions": {"code": "ACCESS_DENIED"}}


# --- search ---


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("1001", 'name:"1001" OR name:"#1001"'),
        (" #1001 ", 'name:"1001" OR name:"#1001"'),
        ("ACME-1001", 'name:"ACME-1001" OR name:"#ACME-1001"'),
        ("ann@example.com", 'email:"ann@example.com"'),
        ("+1 (613) 612-0707", 'name:"+1 (613) 612-0707" OR name:"#+1 (613) 612-0707" OR "+16136120707"'),
        ("1001 OR email:*", 'name:"1001 OR email:*" OR name:"#1001 OR email:*"'),
        ('1" OR email:*', 'name:"1\\" OR email:*" OR name:"#1\\" OR email:*"'),
        ('a@b" OR name:*', 'email:"a@b\\" OR name:*"'),
        ('x\\" OR y', 'name:"x\\\\\\" OR y" OR name:"#x\\\\\\" OR y"'),
        ("1001\x00\n\u2028x", 'name:"1001 x" OR name:"#1001 x"'),
    ],
)
async def test_text_is_searched_for_and_never_obeyed(world: Any, text: str, query: str) -> None:
    world.answers = [{"data": {"orders": {"nodes": []}}}]
    assert await world.connect().find_orders(text) == ()
    assert world.asked == [{"query": FIND_ORDERS, "operationName": "FindOrders", "variables": {"query": query}}]


@pytest.mark.parametrize("text", ["", "   ", "#", "\x00", "x" * 201])
async def test_text_that_can_name_no_order_is_not_searched_for(world: Any, text: str) -> None:
    assert await world.connect().find_orders(text) == ()
    assert world.requests == []


async def test_found_orders_come_in_shopifys_sequence(world: Any) -> None:
    nodes = [{"id": f"gid://shopify/Order/{number}", "name": f"#{number}"} for number in (3, 1)]
    errors = [denied("orders", "nodes", "customer")]
    world.answers = [{"data": {"orders": {"nodes": [*nodes, None]}}, "errors": errors}]
    seen = await world.connect().find_orders("x")
    assert [(each.order, each.about, each.at) for each in seen] == [
        (
            Order(
                id=number,
                name=f"#{number}",
                customer=Customer(hidden=True),
                admin_url=f"https://acme.myshopify.com/admin/orders/{number}",
            ),
            References(shop_order=number),
            NOON,
        )
        for number in ("3", "1")
    ]


async def test_withheld_orders_are_denied_and_not_none(world: Any) -> None:
    world.answers = [{"data": {"orders": {"nodes": None}}, "errors": [denied("orders", message="no scope")]}]
    with pytest.raises(Denied, match="no scope"):
        await world.connect().find_orders("1001")
