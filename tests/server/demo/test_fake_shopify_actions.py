"""The simulated Shopify's mutations: what they change in the world, what they refuse, and which webhooks follow."""

import json

import pytest

from connectors.shopify.action_documents import CANCEL_ORDER, CHANGE_ADDRESS, CREDIT_CUSTOMER, REFUND_ORDER, hold_order
from connectors.shopify.documents import DOCUMENTS
from server.demo.graphql_answers import load_schema
from server.demo.shopify import TOKEN
from server.demo.stripe import charge_body
from server.demo.world import World

URL = "http://shop.world.test/admin/api/2026-10/graphql.json"


@pytest.fixture
def ask(client):
    async def ask(document, /, **variables):
        body = {"query": document, "variables": variables}
        return (await client.post(URL, json=body, headers={"x-shopify-access-token": TOKEN})).json()

    return ask


def gid(order):
    return f"gid://shopify/Order/{order.id}"


def refund_of(order, amount, **facts):
    parent = f"gid://shopify/OrderTransaction/{order.id * 10}"
    move = {"orderId": gid(order), "parentId": parent, "gateway": "stripe", "kind": "REFUND", "amount": amount}
    return {"orderId": gid(order), "transactions": [move], **facts}


def cancelling(order, **facts):
    known = {"id": gid(order), "reason": "OTHER", "restock": False, "notify": False, "note": "n"}
    return {**known, "refund": {"originalPaymentMethodsRefund": False}, **facts}


def said(answer, name, errors="userErrors"):
    return [each["message"] for each in answer["data"][name][errors]]


async def test_a_refund_is_in_the_shop_and_at_the_processor(ask, world, new_order):
    order = new_order()
    made = (await ask(REFUND_ORDER, input=refund_of(order, "10.00", note="n"), key="k"))["data"]["refundCreate"]
    assert (made["userErrors"], made["refund"]["note"]) == ([], "n")
    assert charge_body(order, order.intent.attempts[0])["amount_refunded"] == 1000
    read = await ask(DOCUMENTS["ReadOrder"], id=gid(order), fulfillmentOrders=True, disputes=True, returns=True)
    kinds = [(each["kind"], each["amountSet"]["shopMoney"]["amount"]) for each in read["data"]["order"]["transactions"]]
    assert kinds == [("SALE", "41.50"), ("REFUND", "10.00")]
    letters = world.shopify.take_letters()
    assert [letter.headers["x-shopify-topic"] for letter in letters] == ["refunds/create", "orders/updated"]
    assert json.loads(letters[0].body)["transactions"][0]["amount"] == "10.00"
    assert json.loads(letters[1].body)["financial_status"] == "partially_refunded"
    assert world.shopify.take_letters() == []


async def test_one_key_is_one_refund(ask, new_order):
    order = new_order()
    first = await ask(REFUND_ORDER, input=refund_of(order, "10.00"), key="k")
    again = await ask(REFUND_ORDER, input=refund_of(order, "10.00"), key="k")
    other = await ask(REFUND_ORDER, input=refund_of(order, "11.00"), key="k")
    assert first["data"] == again["data"]
    assert said(other, "refundCreate") == [
        "The same idempotency key cannot be used with different operation parameters."
    ]
    assert order.intent.refunded == 1000


async def test_a_refund_without_a_key_is_no_request(ask, new_order):
    order = new_order()
    document = "mutation($input: RefundInput!) { refundCreate(input: $input) { refund { id } } }"
    assert (
        "@idempotent directive is required"
        in (await ask(document, input=refund_of(order, "1.00")))["errors"][0]["message"]
    )
    assert order.intent.refunded == 0


@pytest.mark.parametrize(
    ("amount", "facts"),
    [
        ("41.51", {}),
        ("0", {}),
        ("-1", {}),
        ("1e309", {}),
        ("0.001", {}),
        ("NaN", {}),
        ("1.00", {"currency": "EUR"}),
        ("1.00", {"orderId": "gid://shopify/Order/1"}),
        ("1.00", {"refundLineItems": [{"lineItemId": "gid://shopify/LineItem/1", "quantity": 1}]}),
    ],
)
async def test_what_shopify_would_not_refund_is_refused(ask, new_order, amount, facts):
    order = new_order()
    answer = await ask(REFUND_ORDER, input=refund_of(order, amount, **facts), key="k")
    assert (len(said(answer, "refundCreate")), order.intent.refunded) == (1, 0)


async def test_a_declined_payment_gives_nothing_back(ask, new_order):
    order = new_order(declines=("do_not_honor",))
    assert said(await ask(REFUND_ORDER, input=refund_of(order, "1.00"), key="k"), "refundCreate") != []


async def test_more_items_than_were_bought_are_refused(ask, new_order):
    order = new_order()
    lines = [{"lineItemId": f"gid://shopify/LineItem/{order.items[0].id}", "quantity": 2, "restockType": "NO_RESTOCK"}]
    await ask(REFUND_ORDER, input=refund_of(order, "1.00", refundLineItems=lines), key="k")
    answer = await ask(REFUND_ORDER, input=refund_of(order, "1.00", refundLineItems=lines), key="k2")
    assert said(answer, "refundCreate") == ["Quantity cannot refund more items than were purchased"]


async def test_a_cancellation_waits_for_one_look(ask, world, new_order):
    order = new_order()
    answer = await ask(CANCEL_ORDER, **cancelling(order, refund={"originalPaymentMethodsRefund": True}))
    assert answer["data"]["orderCancel"]["jobResult"]["status"] == "STARTED"
    states = [
        (await ask(DOCUMENTS["ReadCancellation"], id=gid(order)))["data"]["order"]["cancelledAt"] for _ in range(2)
    ]
    assert (states[0], states[1] is not None) == (None, True)
    assert order.intent.refunded == 4150
    topics = [letter.headers["x-shopify-topic"] for letter in world.shopify.take_letters()]
    assert topics == ["refunds/create", "orders/updated", "orders/cancelled"]


async def test_a_cancellation_is_refused_twice_and_after_shipping(ask, new_order, new_parcel, world):
    order = new_order()
    await ask(CANCEL_ORDER, **cancelling(order))
    assert said(await ask(CANCEL_ORDER, **cancelling(order)), "orderCancel", "orderCancelUserErrors") == [
        "Order is already being cancelled"
    ]
    parcel = new_parcel("UPS")
    shipped = next(each for each in world.shopify.orders.values() if parcel in each.parcels)
    assert said(await ask(CANCEL_ORDER, **cancelling(shipped)), "orderCancel", "orderCancelUserErrors") == [
        "Cannot cancel an order that has fulfillments"
    ]


async def test_a_handle_holds_once(ask, new_order):
    order = new_order()
    variables = {"hold": {"reason": "OTHER", "handle": "h"}, "id0": f"gid://shopify/FulfillmentOrder/{order.id}1"}
    await ask(hold_order(1), **variables)
    answer = await ask(hold_order(1), **variables)
    assert [each["code"] for each in answer["data"]["part0"]["userErrors"]] == ["DUPLICATE_FULFILLMENT_HOLD_HANDLE"]
    assert order.held_at is not None


async def test_store_credit_twice_is_twice(ask, world, new_order):
    order = new_order()
    credit = {"creditAmount": {"amount": "5.00", "currencyCode": "USD"}}
    for _ in range(2):
        await ask(CREDIT_CUSTOMER, id=f"gid://shopify/Customer/{order.customer.id}", credit=credit)
    assert world.shopify.credit_of(order.customer.id) == 10


async def test_an_address_reaches_the_webhook(ask, world, new_order):
    order = new_order()
    address = {"address1": "9 Elm", "city": "Boulder", "provinceCode": "CO", "countryCode": "US", "zip": "80301"}
    await ask(CHANGE_ADDRESS, input={"id": gid(order), "shippingAddress": address})
    (letter,) = world.shopify.take_letters()
    assert json.loads(letter.body)["shipping_address"]["city"] == "Boulder"


async def test_without_the_scope_nothing_is_done(ask, world, new_order):
    order = new_order()
    world.shopify.scopes.discard("write_orders")
    answer = await ask(REFUND_ORDER, input=refund_of(order, "1.00"), key="k")
    assert answer["data"] == {"refundCreate": None}
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["ACCESS_DENIED"]
    assert order.intent.refunded == 0


async def test_a_mutation_costs_ten_points_more(ask, new_order):
    answer = await ask(REFUND_ORDER, input=refund_of(new_order(), "1.00"), key="k")
    assert answer["extensions"]["cost"]["requestedQueryCost"] > 10


async def test_with_the_vendors_schema_a_wrong_variable_is_refused(specs, clock):
    world = World(clock, schema=load_schema(specs))
    async with world.clients(True) as client:
        body = {"query": REFUND_ORDER, "variables": {"input": {"orderID": "gid://shopify/Order/1"}, "key": "k"}}
        found = (await client.post(URL, json=body, headers={"x-shopify-access-token": TOKEN})).json()
    assert found["errors"][0]["extensions"]["code"] == "INVALID_VARIABLE"
