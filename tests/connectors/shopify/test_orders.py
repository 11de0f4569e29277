"""This file tests what orders/* of Shopify say."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from connectors import shopify
from connectors.model import (
    Customer,
    LineItem,
    Observation,
    Order,
    Payment,
    PaymentState,
    Place,
    References,
    Refund,
    ShipmentState,
)
from connectors.money import Money

Read = Callable[[str, bytes | dict[str, Any]], tuple[Observation, ...]]
Make = Callable[..., dict[str, Any]]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def test_new_order_is_told_whole(read: Read, make: Make) -> None:
    whole, placed = read("orders/create", make("order"))
    about = References(shop_order="5001")
    assert whole == Observation(
        source="shop",
        kind="order.created",
        identity=whole.identity,
        at=at("2026-11-20T14:00:02Z"),
        about=about,
        order=Order(
            id="5001",
            name="#1001",
            placed_at=at("2026-11-20T14:00:00Z"),
            updated_at=at("2026-11-20T14:00:02Z"),
            total=usd(4194),
            financial_state="pending",
            tags=("VIP", "gift"),
            email="ann@example.com",
            line_items=(LineItem(id="71", title="Mug", sku="MUG", quantity=2, unfulfilled=2, price=usd(2097)),),
            admin_url="https://acme.myshopify.com/admin/orders/5001",
        ),
    )
    assert placed == Observation(
        source="shop",
        kind="order.created",
        identity="order:5001:placed",
        at=at("2026-11-20T14:00:00Z"),
        about=about,
        text="Order placed",
        order=Order(id="5001", placed_at=at("2026-11-20T14:00:00Z"), fulfillment_state="unfulfilled"),
    )


def test_identity_is_that_of_the_body_whatever_topic_and_ids_stand_beside_it(
    read: Read, make: Make, shop: shopify.Shopify, envelope: Any
) -> None:
    body = make("order", financial_status="paid")
    told = [
        {seen.identity for seen in shop.read(envelope(topic, body, x_shopify_event_id=event))}
        for topic, event in (("orders/paid", "1"), ("orders/paid", "2"), ("orders/updated", "3"))
    ]
    assert told[0] == told[1] == told[2]
    assert told[0].isdisjoint(seen.identity for seen in read("orders/paid", make("order", note="x"))[:1])


def test_null_fulfillment_status_does_not_take_a_hold_away(read: Read, make: Make) -> None:
    states = [seen.order.fulfillment_state for seen in read("orders/updated", make("order")) if seen.order is not None]
    assert states == [None, "unfulfilled"]  # the second as of the order's placing


def test_cancelled_fulfilment_takes_fulfilled_back(read: Read, make: Make) -> None:
    body = make("order", fulfillments=[make("fulfillment", status="cancelled")])
    whole = read("orders/updated", body)[0]
    assert whole.order is not None
    assert whole.order.fulfillment_state == "unfulfilled"
    assert whole.shipments[0].state is ShipmentState.CANCELLED


def test_order_tells_of_its_shipments_refunds_and_cancellation(read: Read, make: Make) -> None:
    body = make(
        "order",
        updated_at="2026-11-22T10:00:00Z",
        cancelled_at="2026-11-22T10:00:00Z",
        cancel_reason="customer",
        financial_status="partially_refunded",
        fulfillment_status="fulfilled",
        fulfillments=[make("fulfillment")],
        refunds=[
            {
                "id": 61,
                "created_at": "2026-11-22T09:00:00Z",
                "note": "broken\nhandle",
                "transactions": [
                    make("transaction", id=802, parent_id=801, kind="refund", amount="10.00", payment_id="c77.2")
                ],
            },
            {
                "id": 62,
                "created_at": "2026-11-22T09:30:00Z",
                "transactions": [
                    make("transaction", id=803, parent_id=801, kind="refund", amount="5.5"),
                    make("transaction", id=804, parent_id=801, kind="refund", amount="7", status="failure"),
                ],
            },
        ],
    )
    whole, *history = read("orders/updated", body)
    taken = at("2026-11-20T14:00:01Z")
    assert whole.payments == (
        Payment(
            id="shopify:801",
            processor="shopify_payments",
            state=PaymentState.PARTIALLY_REFUNDED,
            refunded=usd(1550),
            references=("c77.1", "c77.2", "shopify:802", "shopify:803", "shopify:804"),
            refunds=(
                Refund(id="shopify:802", at=taken, state="succeeded", amount=usd(1000)),
                Refund(id="shopify:803", at=taken, state="succeeded", amount=usd(550)),
                Refund(
                    id="shopify:804",
                    at=taken,
                    state="failed",
                    amount=usd(700),
                    failure="The payment was refused without a reason",
                ),
            ),
        ),
    )
    assert [(seen.at, seen.kind, seen.text) for seen in history] == [
        (at("2026-11-20T14:00:00Z"), "order.created", "Order placed"),
        (at("2026-11-22T10:00:00Z"), "order.cancelled", "Order cancelled because the customer wanted to"),
        (at("2026-11-21T10:00:00Z"), "fulfillment.created", "Fulfilment created: UPS 1Z999"),
        (at("2026-11-22T09:00:00Z"), "refund.created", "Refund of $10.00: broken handle"),
        (at("2026-11-22T09:30:00Z"), "refund.created", "Refund of $5.50"),
    ]


def test_fulfilment_and_refund_are_the_same_word_in_the_order_and_on_their_own(read: Read, make: Make) -> None:
    refund = {"id": 61, "order_id": 5001, "created_at": "2026-11-22T09:00:00Z", "note": "x", "transactions": []}
    in_order = read("orders/updated", make("order", fulfillments=[make("fulfillment")], refunds=[refund]))
    alone = (*read("fulfillments/create", make("fulfillment")), *read("refunds/create", refund))
    lines = {seen for seen in in_order if seen.text} - {seen for seen in in_order if seen.text == "Order placed"}
    assert lines == {seen for seen in alone if seen.text}
    assert len(lines) == 2


def test_guest_without_anything_is_no_customer(read: Read, make: Make) -> None:
    nothing = {name: None for name in make("order") if name not in ("id", "updated_at")}
    whole = read("orders/create", {**nothing, "id": 5001, "updated_at": "2026-11-20T14:00:02Z"})
    assert [seen.order for seen in whole] == [
        Order(
            id="5001",
            updated_at=at("2026-11-20T14:00:02Z"),
            admin_url="https://acme.myshopify.com/admin/orders/5001",
        )
    ]


def test_customer_address_and_notes_are_read(read: Read, make: Make) -> None:
    whole = read(
        "orders/updated",
        make(
            "order",
            customer={"id": 31, "first_name": "Ann", "last_name": "Lee", "email": "ann@example.com", "tags": "vip"},
            shipping_address={"city": "Louisville", "province_code": "KY", "country_code": "US", "zip": "40202"},
            shipping_lines=[{"title": "Gone", "is_removed": True}, {"title": "Express"}],
            note_attributes=[{"name": "delivery date", "value": "2026-11-25"}, {"name": "wrap", "value": True}],
            closed_at="2026-11-20T15:00:00Z",
            test=True,
        ),
    )[0]
    assert whole.order is not None
    assert whole.order.customer == Customer(id="31", name="Ann Lee", email="ann@example.com", tags=("vip",))
    assert whole.order.destination == Place(city="Louisville", region="KY", country="US", postal_code="40202")
    assert whole.order.shipping_method == "Express"
    assert whole.order.attributes == {"delivery date": "2026-11-25", "wrap": "True"}
    assert (whole.order.closed_at, whole.order.is_test) == (at("2026-11-20T15:00:00Z"), True)


def test_edit_is_a_line_of_history(read: Read) -> None:
    body = {
        "order_edit": {
            "id": 3,
            "order_id": 5001,
            "created_at": "2026-11-20T15:00:00Z",
            "committed_at": "2026-11-20T15:01:00Z",
            "line_items": {
                "additions": [{"id": 1, "delta": 1}],
                "removals": [{"id": 2, "delta": 1}, {"id": 3, "delta": 2}],
            },
        }
    }
    (seen,) = read("orders/edited", body)
    assert (seen.at, seen.text, seen.order) == (
        at("2026-11-20T15:01:00Z"),
        "Order edited: 1 line added, 2 lines removed",
        None,
    )


def test_amounts_with_more_decimals_than_the_currency_are_rounded_not_refused(read: Read, make: Make) -> None:
    totals = {}
    for currency, amount in (("JPY", "1000.0"), ("ALL", "1234.56"), ("KWD", "1.234"), ("USD", 41.94)):
        seen = read("orders/create", make("order", currency=currency, total_price=amount, line_items=None))[0]
        assert seen.order is not None
        totals[currency] = seen.order.total
    assert totals == {
        "JPY": Money(1000, "JPY"),
        "ALL": Money(1235, "ALL"),
        "KWD": Money(1234, "KWD"),
        "USD": Money(4194, "USD"),
    }


def test_an_order_whose_only_refund_failed_tells_of_it_and_of_no_sum(read: Read, make: Make) -> None:
    failed = make("transaction", id=804, parent_id=801, kind="refund", amount="7", status="failure")
    refund = {"id": 62, "created_at": "2026-11-22T09:30:00Z", "transactions": [failed]}
    (payment,) = read("orders/updated", make("order", financial_status="refunded", refunds=[refund]))[0].payments
    assert (payment.state, payment.refunded, [each.state for each in payment.refunds]) == (None, None, ["failed"])


def test_a_marketplaces_order_brings_its_name_and_deadlines(read: Read, make: Make) -> None:
    notes = [
        {"name": "Ship-by date", "value": "2026-11-24T20:00:00-05:00"},
        {"name": "deliver by", "value": "2026-11-30"},
    ]
    order = read("orders/create", make("order", source_name="ebay", note_attributes=notes))[0].order
    assert (order.marketplace, order.ship_by, order.deliver_by) == (
        "ebay",
        at("2026-11-25T01:00:00Z"),
        at("2026-11-30T23:59:59Z"),
    )


def test_what_is_not_sent_is_told(read: Read, make: Make) -> None:
    lines = [{"id": 71, "title": "Card", "quantity": 1, "fulfillable_quantity": 1, "requires_shipping": False}]
    assert read("orders/create", make("order", line_items=lines))[0].order.line_items[0].needs_shipping is False
