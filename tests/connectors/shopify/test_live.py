"""This file tests live looks at Shopify: what they say, what they cost, and what is withheld."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.contract import Garbled, Missing
from connectors.model import (
    Customer,
    Dispute,
    LineItem,
    Observation,
    Order,
    Payment,
    PaymentAttempt,
    PaymentState,
    Place,
    References,
    Refund,
    RefundRequest,
    Scan,
    Shipment,
    ShipmentState,
)
from connectors.money import Money
from connectors.shopify.documents import READ_ORDER

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


async def test_order_is_told_whole_as_of_now(world: Any, order_answer: Any) -> None:
    world.answers = [order_answer()]
    seen = await world.connect().read_order("5001")
    why = "The card has expired"
    assert seen == Observation(
        source="shop",
        kind="order.read",
        identity=seen.identity,
        at=NOON,
        about=References(shop_order="5001"),
        order=Order(
            id="5001",
            name="#1001",
            placed_at=at("2026-11-20T14:00:00Z"),
            updated_at=at("2026-11-22T09:00:00Z"),
            total=Money(4194, "USD"),
            financial_state="partially_refunded",
            fulfillment_state="partial",
            fulfillment_started_at=at("2026-11-22T09:00:00Z"),
            cancel_requested_at=at("2026-11-22T09:00:00Z"),
            tags=("VIP",),
            email="ann@example.com",
            customer=Customer(
                id="31",
                name="Ann Lee",
                email="ann@example.com",
                orders_count=12,
                total_spent=Money(125050, "USD"),
                tags=("vip",),
                hidden=False,
            ),
            destination=Place(city="Louisville", region="KY", country="US", postal_code="40202"),
            shipping_method="Express",
            line_items=(
                LineItem(
                    id="71",
                    title="Mug",
                    sku="MUG",
                    quantity=2,
                    unfulfilled=1,
                    price=Money(2097, "USD"),
                    needs_shipping=True,
                ),
            ),
            attributes={"delivery date": "2026-11-25"},
            promised_by=at("2026-11-25T22:00:00Z"),
            holds=(),
            refund_requests=(
                RefundRequest(id="61", at=at("2026-11-22T10:00:00Z"), state="requested", reason="Damaged or defective"),
            ),
            address_problem="",
            ship_by=at("2026-11-23T22:00:00Z"),
            warehouse="Newark",
            origin=Place(city="Newark", region="NJ", country="US", postal_code="07101"),
            parts=("FulfillmentOrder/301",),
            admin_url="https://acme.myshopify.com/admin/orders/5001",
            is_test=False,
        ),
        payments=(
            Payment(
                id="shopify:800",
                processor="shopify_payments",
                state=PaymentState.FAILED,
                amount=Money(4194, "USD"),
                method="Visa ending 4242",
                created_at=at("2026-11-20T14:00:00Z"),
                failure_code="expired_card",
                failure_message=why,
                attempts=(
                    PaymentAttempt(
                        id="shopify:800",
                        at=at("2026-11-20T14:00:00Z"),
                        succeeded=False,
                        failure_code="expired_card",
                        failure_message=why,
                    ),
                ),
            ),
            Payment(
                id="shopify:801",
                processor="shopify_payments",
                state=PaymentState.PARTIALLY_REFUNDED,
                amount=Money(4194, "USD"),
                captured=Money(4000, "USD"),
                refunded=Money(1000, "USD"),
                method="Visa ending 4242",
                created_at=at("2026-11-20T14:05:00Z"),
                failure_code="",
                failure_message="",
                dispute=Dispute(id="97", state="needs_response"),
                references=("c77.2", "shopify:802", "shopify:803", "shopify:dispute:97"),
                attempts=(PaymentAttempt(id="shopify:801", at=at("2026-11-20T14:05:00Z"), succeeded=True),),
                refunds=(
                    Refund(
                        id="shopify:803", at=at("2026-11-22T14:00:00Z"), state="succeeded", amount=Money(1000, "USD")
                    ),
                ),
            ),
        ),
        shipments=(
            Shipment(
                carrier="ups",
                tracking_number="1Z999",
                fulfillment_id="9001",
                tracking_url="https://ups.example/1Z999",
                state=ShipmentState.IN_TRANSIT,
                vendor_state="in_transit",
                shipped_at=at("2026-11-21T10:00:00Z"),
                estimated_delivery=at("2026-11-24T20:00:00Z"),
                items=(LineItem(id="71", title="Mug", sku="MUG"),),
                exception="",
                scans=(
                    Scan(
                        at=at("2026-11-22T08:00:00Z"),
                        state=ShipmentState.IN_TRANSIT,
                        text="In transit",
                        code="in_transit",
                        place=Place(city="Ottawa", region="Ontario", country="CA"),
                    ),
                ),
            ),
        ),
    )


async def test_request_is_what_shopify_documents(world: Any, order_answer: Any) -> None:
    world.answers = [order_answer()]
    shop = world.connect()
    await shop.read_order("5001")
    (request,) = world.requests
    assert (request.method, str(request.url)) == (
        "POST",
        "https://acme.myshopify.com/admin/api/2026-10/graphql.json",
    )
    assert request.headers["x-shopify-access-token"] == "shpat_1"
    assert "authorization" not in request.headers
    assert world.asked == [
        {
            "query": READ_ORDER,
            "operationName": "ReadOrder",
            "variables": {
                "id": "gid://shopify/Order/5001",
                "fulfillmentOrders": True,
                "disputes": True,
                "returns": True,
            },
        }
    ]
    await shop.close()


async def test_same_content_has_the_same_identity_whenever_it_is_read(world: Any, order_answer: Any) -> None:
    world.answers = [order_answer(), order_answer(), order_answer(tags=[])]
    shop = world.connect()
    first = await shop.read_order("5001")
    world.clock.now += timedelta(minutes=5)
    again, changed = await shop.read_order("5001"), await shop.read_order("5001")
    assert (first.identity, again.at - first.at) == (again.identity, timedelta(minutes=5))
    assert changed.identity != first.identity


async def test_unknown_order_is_missing(world: Any) -> None:
    world.answers = [{"data": {"order": None}}]
    with pytest.raises(Missing, match="no order 5001"):
        await world.connect().read_order("5001")


@pytest.mark.parametrize("order_id", ["", "0", "x", "../5001", "5001\n", "9" * 21, "5001 OR 1"])
async def test_what_is_no_order_id_is_never_asked_for(world: Any, order_id: str) -> None:
    with pytest.raises(Missing):
        await world.connect().read_order(order_id)
    assert world.requests == []


async def test_answer_about_another_order_is_garbled(world: Any, order_answer: Any) -> None:
    world.answers = [order_answer(id="gid://shopify/Order/6")]
    with pytest.raises(Garbled, match="asked for order 5001, got 6"):
        await world.connect().read_order("5001")


async def test_part_of_a_long_list_does_not_replace_the_whole(world: Any, order_answer: Any) -> None:
    items = order_answer()["data"]["order"]["lineItems"]
    world.answers = [
        order_answer(lineItems={**items, "pageInfo": {"hasNextPage": True}}, transactionsCount={"count": 99})
    ]
    seen = await world.connect().read_order("5001")
    assert seen.order.line_items is None
    assert [(payment.captured, payment.refunded) for payment in seen.payments] == [(None, None), (None, None)]


async def test_scans_of_several_parcels_stay_with_their_fulfilment(world: Any, order_answer: Any) -> None:
    (one,) = order_answer()["data"]["order"]["fulfillments"]
    tracking = [{"company": "UPS", "number": number, "url": None} for number in ("1Z1", "1Z2")]
    world.answers = [order_answer(fulfillments=[{**one, "trackingInfo": tracking}])]
    seen = await world.connect().read_order("5001")
    assert [(found.key, len(found.scans)) for found in seen.shipments] == [
        ("ups|1Z1", 0),
        ("ups|1Z2", 0),
        ("fulfillment|9001", 1),
    ]


async def test_cancelled_order_whose_work_is_over_was_stopped(world: Any, order_answer: Any) -> None:
    work = {"nodes": [{"status": "CANCELLED", "requestStatus": "CANCELLATION_ACCEPTED", "updatedAt": None}]}
    world.answers = [
        order_answer(
            cancelledAt="2026-11-22T09:00:00Z",
            displayFulfillmentStatus="UNFULFILLED",
            fulfillments=[],
            fulfillmentOrders=work,
        )
    ]
    seen = await world.connect().read_order("5001")
    assert (seen.order.fulfillment_state, seen.order.fulfillment_started_at) == ("cancelled", None)


async def test_refunded_whole_is_refunded(world: Any, order_answer: Any, transaction: Any) -> None:
    world.answers = [
        order_answer(
            transactions=[
                transaction(801, receiptJson='{"id": "ch_3Nabcdefgh"}'),
                transaction(802, kind="REFUND", parent=801),
            ],
            transactionsCount={"count": 2},
            disputes=[],
        )
    ]
    (payment,) = (await world.connect().read_order("5001")).payments
    assert (payment.state, payment.refunded, payment.references) == (
        PaymentState.REFUNDED,
        Money(4194, "USD"),
        ("ch_3Nabcdefgh", "shopify:802"),
    )
