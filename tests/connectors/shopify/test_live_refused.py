"""This file tests looks at Shopify that are refused, in part or as a whole, and those that cost too much."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors.contract import Denied, Garbled, Rejected, Throttled, Unavailable
from connectors.model import (
    Customer,
)
from connectors.money import Money

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def denied(*path: str, message: str = "This app is not approved to access the Customer object.") -> dict[str, Any]:
    return {"message": message, "path": [*path], "extensions": {"code": "ACCESS_DENIED"}}


# --- what is withheld ---


async def test_withheld_customer_is_hidden_and_everything_else_shown(world: Any, order_answer: Any) -> None:
    world.answers = [
        {**order_answer(customer=None, email=None), "errors": [denied("order", "customer"), denied("order", "email")]}
    ]
    seen = await world.connect().read_order("5001")
    assert seen.order.customer == Customer(hidden=True)
    assert (seen.order.email, seen.order.name, len(seen.payments)) == (None, "#1001", 2)


async def test_withheld_name_leaves_what_is_not_personal(world: Any, order_answer: Any) -> None:
    customer = {**order_answer()["data"]["order"]["customer"], "firstName": None, "lastName": None}
    world.answers = [
        {
            **order_answer(customer={**customer, "defaultEmailAddress": None}),
            "errors": [denied("order", "customer", "firstName"), denied("order", "customer", "defaultEmailAddress")],
        }
    ]
    seen = await world.connect().read_order("5001")
    assert seen.order.customer == Customer(
        id="31", orders_count=12, total_spent=Money(125050, "USD"), tags=("vip",), hidden=True
    )


async def test_order_without_a_customer_is_not_hidden(world: Any, order_answer: Any) -> None:
    world.answers = [order_answer(customer=None)]
    assert (await world.connect().read_order("5001")).order.customer is None


async def test_part_that_needs_another_scope_is_left_out_from_then_on(world: Any, order_answer: Any) -> None:
    scope = denied("order", "fulfillmentOrders", message="Access denied for fulfillmentOrders field.")
    world.answers = [{"data": {"order": None}, "errors": [scope]}, order_answer(fulfillmentOrders=None)]
    shop = world.connect()
    seen = await shop.read_order("5001")
    assert (seen.order.name, seen.order.promised_by) == ("#1001", None)
    await shop.read_order("5001")
    assert [asked["variables"]["fulfillmentOrders"] for asked in world.asked] == [True, False, False]


async def test_withheld_order_is_denied_and_not_missing(world: Any) -> None:
    world.answers = [{"data": {"order": None}, "errors": [denied("order", message="no read_orders scope")]}]
    with pytest.raises(Denied, match="no read_orders scope"):
        await world.connect().read_order("5001")
    world.answers = [{"errors": [denied(message="not approved to access the Order object")]}]
    with pytest.raises(Denied, match="Order object"):
        await world.connect().read_order("5001")


# --- what goes wrong ---


async def test_throttled_answer_says_how_long_to_wait_and_is_heeded(world: Any, order_answer: Any) -> None:
    cost = {
        "requestedQueryCost": 752,
        "actualQueryCost": None,
        "throttleStatus": {"maximumAvailable": 1000.0, "currentlyAvailable": 252, "restoreRate": 50.0},
    }
    error = {"message": "Throttled", "extensions": {"code": "THROTTLED", "documentation": "https://shopify.dev"}}
    world.answers = [{"errors": [error], "extensions": {"cost": cost}}, order_answer()]
    shop = world.connect()
    with pytest.raises(Throttled) as caught:
        await shop.read_order("5001")
    assert caught.value.retry_after == pytest.approx(10.0)
    world.clock.now += timedelta(seconds=4)
    with pytest.raises(Throttled) as caught:
        await shop.find_orders("1001")
    assert caught.value.retry_after == pytest.approx(6.0)
    assert len(world.requests) == 1
    world.clock.now += timedelta(seconds=6)
    assert (await shop.read_order("5001")).order.name == "#1001"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"errors": [{"message": "Field 'x' doesn't exist", "extensions": {"code": "undefinedField"}}]}, Rejected),
        ({"errors": [{"message": "too dear", "extensions": {"code": "MAX_COST_EXCEEDED"}}]}, Rejected),
        ({"errors": [{"message": "oops", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}, Unavailable),
        ({"errors": [{"message": "gone", "extensions": {"code": "SHOP_INACTIVE"}}]}, Denied),
        ({"errors": [{"message": "Throttled"}]}, Throttled),
        ({"errors": "Not Found"}, Rejected),
        ({"data": None}, Garbled),
        ({}, Garbled),
        ([], Garbled),
        ({"data": {"order": {"id": "gid://shopify/Order/x"}}}, Garbled),
        ({"data": {"order": {"id": "gid://shopify/Order/5001", "createdAt": "9999-01-01T00:00:00Z"}}}, Garbled),
        ({"data": {"order": {"id": "gid://shopify/Order/5001", "tags": 5}}}, Garbled),
        (httpx.Response(200, content=b"<html>Store unavailable</html>"), Garbled),
        (httpx.Response(401, json={"errors": "[API] Invalid API key or access token"}), Denied),
        (httpx.Response(402, json={"errors": "Payment Required"}), Rejected),
        (httpx.Response(430, text="too many"), Rejected),
    ],
)
async def test_trouble_is_one_of_our_errors(world: Any, answer: Any, error: type[Exception]) -> None:
    world.answers = [answer]
    with pytest.raises(error):
        await world.connect().read_order("5001")


# --- access ---


def installed(*scopes: str) -> dict[str, Any]:
    shop = {"name": "Acme", "myshopifyDomain": "acme.myshopify.com"}
    granted = [{"handle": scope} for scope in scopes]
    return {"data": {"shop": shop, "currentAppInstallation": {"accessScopes": granted}}}


async def test_check_names_the_shop_its_scopes_and_what_is_missing_without_others(world: Any) -> None:
    world.answers = [installed("write_orders", "read_customers", "read_third_party_fulfillment_orders", "read_returns")]
    assert await world.connect().check() == (
        "Shopify shop Acme (acme.myshopify.com); "
        "scopes: read_customers, read_returns, read_third_party_fulfillment_orders, write_orders; "
        "without read_fulfillments (parcels), read_shopify_payments_disputes (disputes); "
        "people carry out by hand what needs write_merchant_managed_fulfillment_orders (holds), "
        "write_store_credit_account_transactions (store credit)"
    )


async def test_check_says_no_more_where_nothing_is_missing(world: Any) -> None:
    scopes = (
        "read_customers",
        "read_fulfillments",
        "read_merchant_managed_fulfillment_orders",
        "read_orders",
        "read_returns",
        "read_shopify_payments_disputes",
        "write_merchant_managed_fulfillment_orders",
        "write_orders",
        "write_store_credit_account_transactions",
    )
    world.answers = [installed(*scopes)]
    assert await world.connect().check() == f"Shopify shop Acme (acme.myshopify.com); scopes: {', '.join(scopes)}"


async def test_without_any_credentials_looks_are_denied_and_nothing_is_sent(world: Any) -> None:
    shop = world.connect(access_token="")
    for asking in (shop.read_order("5001"), shop.find_orders("1001"), shop.check()):
        with pytest.raises(Denied, match="no access_token is configured"):
            await asking
    assert world.requests == []


async def test_without_a_token_one_is_fetched_with_the_clients_credentials(world: Any, order_answer: Any) -> None:
    world.answers = [{"access_token": "shpat_new", "scope": "read_orders", "expires_in": 86399}, order_answer()]
    await world.connect(access_token="", client_id="id").read_order("5001")
    token, look = world.requests
    assert token.url.path == "/admin/oauth/access_token"
    assert world.asked[0] == {"grant_type": "client_credentials", "client_id": "id", "client_secret": "hush"}
    assert look.headers["x-shopify-access-token"] == "shpat_new"
