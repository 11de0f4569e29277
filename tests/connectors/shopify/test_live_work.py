"""This file tests what a live look at Shopify says of the work on an order, and what it costs to ask for that alone."""

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.contract import Denied, Garbled, Missing, WorkSource
from connectors.model import Hold, Order, Place, Refund, RefundRequest
from connectors.money import Money
from connectors.shopify.documents import READ_WORK

NINE = datetime(2026, 11, 22, 9, tzinfo=UTC)


def part(number: int = 301, **changes: Any) -> dict[str, Any]:
    found = {
        "id": f"gid://shopify/FulfillmentOrder/{number}",
        "status": "OPEN",
        "requestStatus": "UNSUBMITTED",
        "updatedAt": "2026-11-22T09:00:00Z",
        "fulfillBy": None,
        "fulfillmentHolds": [],
        "assignedLocation": {"name": "Newark", "city": None, "province": None, "countryCode": "US", "zip": None},
        "deliveryMethod": None,
    }
    return {**found, **changes}


async def seen(world: Any, order_answer: Any, **changes: Any) -> Order:
    world.answers = [order_answer(**changes)]
    return (await world.connect().read_order("5001")).order


async def test_holds_are_told_with_reason_and_note(world: Any, order_answer: Any) -> None:
    held = part(status="ON_HOLD", fulfillmentHolds=[{"reason": "INCORRECT_ADDRESS", "reasonNotes": "No\nstreet"}])
    address = {"city": "Louisville", "validationResultSummary": None}
    order = await seen(world, order_answer, fulfillmentOrders={"nodes": [held, part(302)]}, shippingAddress=address)
    assert order.holds == (Hold(reason="incorrect_address", text="No street", since=NINE),)
    assert order.address_problem == "The order is held because the address is wrong"
    assert order.parts == ("FulfillmentOrder/301", "FulfillmentOrder/302")


async def test_a_released_hold_is_told_as_none(world: Any, order_answer: Any) -> None:
    address = {"city": "Louisville", "validationResultSummary": None}
    order = await seen(world, order_answer, fulfillmentOrders={"nodes": [part()]}, shippingAddress=address)
    assert (order.holds, order.address_problem) == ((), "")


@pytest.mark.parametrize(
    ("said", "problem"),
    [("ERROR", "Shopify's check says that the address is very likely wrong"), ("WARNING", ""), ("NO_ISSUES", "")],
)
async def test_only_a_clear_error_is_a_problem_of_the_address(
    world: Any, order_answer: Any, said: str, problem: str
) -> None:
    order = await seen(world, order_answer, shippingAddress={"city": "L", "validationResultSummary": said})
    assert order.address_problem == problem


async def test_what_we_may_not_see_is_not_told_as_none(world: Any, order_answer: Any) -> None:
    address = {"city": "Louisville", "validationResultSummary": None}
    order = await seen(world, order_answer, fulfillmentOrders=None, returns=None, shippingAddress=address)
    assert (order.holds, order.refund_requests, order.address_problem, order.parts) == (None, None, None, None)


async def test_the_earliest_time_of_an_open_part_counts(world: Any, order_answer: Any) -> None:
    parts = [
        part(301, status="CLOSED", fulfillBy="2026-11-20T00:00:00Z"),
        part(302, fulfillBy="2026-11-25T00:00:00Z"),
        part(303, fulfillBy="2026-11-24T00:00:00Z"),
    ]
    parts[0]["assignedLocation"] = {"name": "Old", "countryCode": "US"}
    order = await seen(world, order_answer, fulfillmentOrders={"nodes": parts})
    assert order.ship_by == datetime(2026, 11, 24, tzinfo=UTC)
    assert (order.warehouse, order.origin) == ("Newark", Place(country="US"))


async def test_a_marketplaces_app_names_it_and_keeps_its_deadlines_in_notes(world: Any, order_answer: Any) -> None:
    notes = [
        {"key": "Amazon Latest Ship Date", "value": "2026-11-23T07:59:59Z"},
        {"key": "latest_delivery_date", "value": "2026-11-27"},
        {"key": "Ship by", "value": "soon"},
    ]
    order = await seen(
        world, order_answer, sourceName="580111", app={"name": "Amazon by Codisto"}, customAttributes=notes
    )
    assert (order.marketplace, order.ship_by, order.deliver_by) == (
        "amazon",
        datetime(2026, 11, 23, 7, 59, 59, tzinfo=UTC),
        datetime(2026, 11, 27, 23, 59, 59, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("REQUESTED", "requested"),
        ("OPEN", "approved"),
        ("DECLINED", "declined"),
        ("CANCELED", "cancelled"),
        ("CLOSED", "closed"),
    ],
)
async def test_a_return_says_what_became_of_it(world: Any, order_answer: Any, status: str, state: str) -> None:
    lines = {"nodes": [{"customerNote": "It is\nbroken", "returnReasonNote": "x", "returnReasonDefinition": None}]}
    one = {"id": "gid://shopify/Return/61", "status": status, "createdAt": "2026-11-22T09:00:00Z"}
    order = await seen(world, order_answer, returns={"nodes": [{**one, "returnLineItems": lines}]})
    assert order.refund_requests == (RefundRequest(id="61", at=NINE, state=state, reason="It is broken"),)


async def test_a_failed_refund_is_told_under_the_processors_own_name(
    world: Any, order_answer: Any, transaction: Any
) -> None:
    failed = transaction(802, kind="REFUND", parent=801, status="FAILURE", errorCode="EXPIRED_CARD", amount="5.00")
    again = transaction(803, kind="REFUND", parent=801, amount="5.00", receiptJson='{"id": "re_3Nabcdefgh"}')
    world.answers = [order_answer(transactions=[transaction(801), failed, again], transactionsCount={"count": 3})]
    payment, *_ = (await world.connect().read_order("5001")).payments
    assert [(each.id, each.state, each.amount, each.failure) for each in payment.refunds] == [
        ("shopify:802", "failed", Money(500, "USD"), "The card has expired"),
        ("re_3Nabcdefgh", "succeeded", Money(500, "USD"), ""),
    ]
    assert isinstance(payment.refunds[0], Refund)


async def test_of_a_dispute_without_a_certain_payment_the_look_keeps_to_itself(
    world: Any, order_answer: Any, transaction: Any
) -> None:
    two = [transaction(801), transaction(802)]
    world.answers = [order_answer(transactions=two, transactionsCount={"count": 2})]
    payment = (await world.connect().read_order("5001")).payments[-1]
    assert (payment.id, payment.references) == ("shopify:dispute:97:seen", ("shopify:dispute:97",))


# --- what webhooks leave out, alone ---


async def test_the_work_alone_is_asked_for_and_told_alone(world: Any, order_answer: Any) -> None:
    world.answers = [order_answer()]
    shop = world.connect()
    assert isinstance(shop, WorkSource)
    assert shop.can_look
    found = await shop.read_work("5001")
    assert world.asked[0]["query"] == READ_WORK
    assert world.asked[0]["variables"] == {
        "id": "gid://shopify/Order/5001",
        "fulfillmentOrders": True,
        "returns": True,
    }
    assert (found.kind, found.about.shop_order, found.payments, found.shipments) == ("order.read", "5001", (), ())
    assert (found.order.name, found.order.warehouse, found.order.holds) == (None, "Newark", ())


async def test_the_work_of_no_order_is_missing(world: Any) -> None:
    world.answers = [{"data": {"order": None}}]
    with pytest.raises(Missing):
        await world.connect().read_work("5001")
    with pytest.raises(Missing):
        await world.connect().read_work("x")


async def test_the_work_of_another_order_is_garbled(world: Any, order_answer: Any) -> None:
    world.answers = [order_answer(id="gid://shopify/Order/6")]
    with pytest.raises(Garbled):
        await world.connect().read_work("5001")


async def test_a_scope_that_is_missing_leaves_its_part_out(world: Any, order_answer: Any) -> None:
    refused = {
        "data": {"order": None},
        "errors": [
            {
                "message": "Access denied for returns",
                "path": ["order", "returns"],
                "extensions": {"code": "ACCESS_DENIED"},
            }
        ],
    }
    world.answers = [refused, order_answer(returns=None)]
    found = await world.connect().read_work("5001")
    assert [asked["variables"]["returns"] for asked in world.asked] == [True, False]
    assert (found.order.refund_requests, found.order.warehouse) == (None, "Newark")


async def test_without_access_nothing_is_asked(world: Any) -> None:
    shop = world.connect(access_token="")
    assert not shop.can_look
    with pytest.raises(Denied, match="no access_token"):
        await shop.read_work("5001")
    assert world.requests == []


async def test_looks_can_be_switched_off(world: Any) -> None:
    assert not world.connect(look_after_events=False).can_look
