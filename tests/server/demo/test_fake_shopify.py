"""The simulated Shopify: strict GraphQL with a budget, and webhooks in the vendor's own shape."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from graphql import parse

from connectors.shopify.documents import DOCUMENTS
from server.demo.graphql_answers import load_schema
from server.demo.graphql_cost import actual_cost, requested_cost
from server.demo.orders import WorldScan
from server.demo.shopify import SECRET, TOKEN
from server.demo.shopify_bodies import (
    SHOP,
    fulfillment_body,
    fulfillment_event_body,
    fulfillment_order_body,
    named_part_body,
    order_body,
    refund_body,
    transaction_body,
)
from server.demo.shopify_graphql import graphql_order
from server.demo.world import World

URL = "http://shop.world.test/admin/api/2026-10/graphql.json"
EVERYTHING = {"fulfillmentOrders": True, "disputes": True, "returns": True}


async def ask(client, document, /, token=TOKEN, **variables):
    body = {"query": document, "variables": variables}
    answer = await client.post(URL, json=body, headers={"x-shopify-access-token": token})
    return answer.status_code, answer.json()


def gid(order):
    return f"gid://shopify/Order/{order.id}"


@pytest.fixture
def parcel(world, new_order, new_parcel):
    parcel = new_parcel("UPS")
    parcel.scans.append(WorldScan(world.clock(), "in_transit", "Origin scan", "Denver", "CO"))
    return parcel


@pytest.fixture
def order(world, parcel):
    return next(order for order in world.shopify.orders.values() if parcel in order.parcels)


async def test_an_order_is_read_whole(client, order, parcel):
    _, body = await ask(client, DOCUMENTS["ReadOrder"], id=gid(order), **EVERYTHING)
    found = body["data"]["order"]
    assert (found["name"], found["totalPriceSet"]["shopMoney"]["amount"]) == (order.name, "41.50")
    assert found["fulfillments"][0]["trackingInfo"] == [{"company": "UPS", "number": parcel.number, "url": None}]
    assert found["fulfillments"][0]["events"]["nodes"][0]["city"] == "Denver"
    assert [each["status"] for each in found["transactions"]] == ["SUCCESS"]


async def test_an_order_that_is_not_there_is_null(client):
    _, body = await ask(client, DOCUMENTS["ReadOrder"], id="gid://shopify/Order/1", **EVERYTHING)
    assert body["data"] == {"order": None}


async def test_what_a_directive_leaves_out_is_left_out(client, order):
    _, body = await ask(client, DOCUMENTS["ReadOrder"], id=gid(order), fulfillmentOrders=False, disputes=False)
    assert {"fulfillmentOrders", "disputes"}.isdisjoint(body["data"]["order"])


async def test_orders_are_found_by_name_and_by_nothing_else(client, order, new_order):
    new_order()
    _, body = await ask(client, DOCUMENTS["FindOrders"], query=f'name:"{order.number}" OR name:"{order.name}"')
    _, nothing = await ask(client, DOCUMENTS["FindOrders"], query='name:"1 OR email:*"')
    assert [found["name"] for found in body["data"]["orders"]["nodes"]] == [order.name]
    assert nothing["data"]["orders"]["nodes"] == []


async def test_another_token_is_refused(client):
    status, body = await ask(client, DOCUMENTS["Check"], token="shpat_other")
    assert (status, body) == (401, {"errors": "[API] Invalid API key or access token (unrecognized login)"})


async def test_a_field_that_the_shop_does_not_know_is_an_error(client, order):
    status, body = await ask(client, "query($id: ID!) { order(id: $id) { id colour } }", id=gid(order))
    assert (status, body["errors"]) == (
        200,
        [
            {
                "message": "Field 'colour' doesn't exist on type 'Order'",
                "extensions": {"code": "undefinedField"},
            }
        ],
    )


async def test_a_text_that_is_no_graphql_is_an_error(client):
    _, body = await ask(client, "{ order(")
    assert body["errors"][0]["extensions"]["code"] == "parseError"


async def test_what_the_app_may_not_see_is_null_with_an_error(client, world, order):
    world.shopify.refused_fields.add("customer")
    _, body = await ask(client, DOCUMENTS["ReadOrder"], id=gid(order), **EVERYTHING)
    assert body["data"]["order"]["customer"] is None
    assert [(error["extensions"]["code"], error["path"]) for error in body["errors"]] == [
        ("ACCESS_DENIED", ["order", "customer"])
    ]


async def test_a_spent_budget_throttles_until_it_is_restored(client, world, order):
    world.shopify.spend_budget()
    _, refused = await ask(client, DOCUMENTS["ReadOrder"], id=gid(order), **EVERYTHING)
    cost = refused["extensions"]["cost"]
    assert [error["extensions"]["code"] for error in refused["errors"]] == ["THROTTLED"]
    assert (cost["actualQueryCost"], cost["throttleStatus"]["currentlyAvailable"]) == (None, 0)
    # Nearly five seconds at 100 points a second.
    world.clock.advance(timedelta(seconds=cost["requestedQueryCost"] // cost["throttleStatus"]["restoreRate"] + 1))
    _, answered = await ask(client, DOCUMENTS["ReadOrder"], id=gid(order), **EVERYTHING)
    assert answered["data"]["order"]["name"] == order.name


async def test_a_query_that_could_cost_too_much_is_refused_whatever_is_left(client):
    query = "{ orders(first: 200) { nodes { fulfillments(first: 20) { trackingInfo(first: 9) { number } } } } }"
    _, body = await ask(client, query)
    assert [error["extensions"]["code"] for error in body["errors"]] == ["MAX_COST_EXCEEDED"]


@pytest.mark.parametrize(
    ("query", "points"),
    [
        ("{ shop { name } }", 1),
        ("{ orders(first: 10) { nodes { id } } }", 10),
        ("{ orders(first: 10) { edges { node { id } } } }", 10),
        ("{ orders(first: 10) { pageInfo { hasNextPage } nodes { id customer { id } } } }", 20),
        ("{ order(id: 1) { transactions(first: 3) { id amountSet { shopMoney { amount } } } } }", 10),
        ("{ order(id: 1) { customer @include(if: false) { id } } }", 1),
        ("{ order(id: 1) { ... on Order { customer { id } } ... on Draft { id } } }", 2),
    ],
)
def test_a_query_costs_what_it_could_bring(query, points):
    assert requested_cost(parse(query), {}) == points


def test_an_answer_costs_what_it_brought():
    assert actual_cost({"orders": {"nodes": [{"id": 1, "customer": {"id": 2}}, {"id": 3, "customer": None}]}}) == 4


async def test_with_the_vendors_schema_unknown_fields_and_arguments_are_refused_in_its_words(specs, clock):
    world = World(clock, schema=load_schema(specs))
    async with world.clients(True) as client:
        _, field = await ask(client, '{ order(id: "gid://shopify/Order/1") { id colour } }')
        _, argument = await ask(client, "{ orders(first: 1, colour: 2) { nodes { id } } }")
        _, fine = await ask(client, DOCUMENTS["FindOrders"], query="name:1")
    assert [error["message"] for error in field["errors"]] == ["Field 'colour' doesn't exist on type 'Order'"]
    assert [error["message"] for error in argument["errors"]] == ["Field 'orders' doesn't accept argument 'colour'"]
    assert fine["data"] == {"orders": {"nodes": []}}


def test_a_webhook_is_signed_over_its_body_and_says_whose_it_is(world, order):
    letter = world.shopify.letter("orders/paid", order_body(order))
    digest = base64.b64encode(hmac.digest(SECRET.encode(), letter.body, hashlib.sha256)).decode()
    assert (letter.headers["x-shopify-hmac-sha256"], letter.headers["x-shopify-shop-domain"]) == (digest, SHOP)
    assert (letter.headers["x-shopify-topic"], letter.headers["x-shopify-api-version"]) == ("orders/paid", "2026-10")
    assert letter.headers["x-shopify-triggered-at"] == "2026-11-10T14:00:00+00:00"


def known_fields(specs, name):
    found = next(iter(json.loads((specs / "shopify/rest_samples" / f"{name}.json").read_text("utf-8")).values()))
    return {field for each in (found if isinstance(found, list) else [found]) for field in each}


@pytest.mark.parametrize("name", ["order", "fulfillment", "fulfillment_event", "transaction", "refund"])
def test_webhook_bodies_have_only_fields_of_the_rest_resource(specs, world, order, parcel, name):
    paid = order.intent.attempts[0]
    body = {
        "order": lambda: order_body(order),
        "fulfillment": lambda: fulfillment_body(order, parcel),
        "fulfillment_event": lambda: fulfillment_event_body(order, parcel, parcel.scans[0]),
        "transaction": lambda: transaction_body(order, paid),
        "refund": lambda: refund_body(order, order.total, world.clock()),
    }[name]()
    assert sorted(set(body) - known_fields(specs, name)) == []


def test_work_on_an_order_reads_the_same_in_a_webhook_and_in_graphql(world, new_order):
    order = new_order()
    order.picking_at = order.cancel_requested_at = world.clock()
    webhook = fulfillment_order_body(order)["fulfillment_order"]
    (work,) = graphql_order(order)["fulfillmentOrders"]["nodes"]
    assert (webhook["status"], webhook["request_status"]) == ("in_progress", "cancellation_requested")
    assert (work["status"], work["requestStatus"]) == ("IN_PROGRESS", "CANCELLATION_REQUESTED")


async def test_a_held_order_says_why_when_it_is_looked_at_and_not_in_its_webhook(client, world, new_order):
    order = new_order()
    order.held_at, order.hold_reason = world.clock(), "inventory_out_of_stock"
    _, body = await ask(client, DOCUMENTS["ReadWork"], id=gid(order), fulfillmentOrders=True, returns=True)
    (work,) = body["data"]["order"]["fulfillmentOrders"]["nodes"]
    assert (work["status"], work["fulfillmentHolds"]) == (
        "ON_HOLD",
        [{"reason": "INVENTORY_OUT_OF_STOCK", "reasonNotes": None}],
    )
    assert named_part_body(order) == {"fulfillment_order": {"id": work["id"], "status": "on_hold"}}
