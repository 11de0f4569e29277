"""This file tests recorded bodies of Shopify, whole and damaged."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import Unreadable
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
    Shipment,
    ShipmentState,
)
from connectors.money import Money

Read = Callable[[str, bytes | dict[str, Any]], tuple[Observation, ...]]
Recorded = list[tuple[str, dict[str, Any]]]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def test_recorded_order_is_told_whole(read: Read, recorded: Recorded) -> None:
    whole, *history = read(*recorded[0])
    mug: dict[str, Any] = {"title": "IPod Nano - 8gb", "unfulfilled": 0, "price": usd(19900), "needs_shipping": True}
    assert whole == Observation(
        source="shop",
        kind="order.updated",
        identity=whole.identity,
        at=at("2025-07-02T16:31:21Z"),
        about=References(shop_order="450789469"),
        order=Order(
            id="450789469",
            name="#1001",
            placed_at=at("2008-01-10T16:00:00Z"),
            updated_at=at("2025-07-02T16:31:21Z"),
            total=usd(59894),
            financial_state="refunded",
            fulfillment_state="unfulfilled",
            cancelled_at=at("2025-07-02T16:31:21Z"),
            cancel_reason="other",
            tags=(),
            email="bob.norman@mail.example.com",
            phone="+557734881234",
            customer=Customer(
                id="207119551",
                name="Bob Norman",
                email="bob.norman@mail.example.com",
                phone="+16136120707",
                tags=("Léon", "Noël"),
            ),
            destination=Place(city="Louisville", region="KY", country="US", postal_code="40202"),
            shipping_method="Free Shipping",
            line_items=(
                LineItem(id="466157049", sku="IPOD2008GREEN", **mug),
                LineItem(id="518995019", sku="IPOD2008RED", **mug),
                LineItem(id="703073504", sku="IPOD2008BLACK", **mug),
            ),
            attributes={"custom engraving": "Happy Birthday", "colour": "green"},
            admin_url="https://acme.myshopify.com/admin/orders/450789469",
            is_test=False,
        ),
        payments=(
            Payment(
                id="shopify:1068278490",
                processor="bogus",
                state=PaymentState.REFUNDED,
                refunded=usd(1000),
                references=("c901414060.3", "shopify:1068278491"),
                refunds=(
                    Refund(id="shopify:1068278491", at=at("2025-07-02T16:31:21Z"), state="succeeded", amount=usd(1000)),
                ),
            ),
        ),
        shipments=(
            Shipment(
                carrier="usps",
                tracking_number="1Z1234512345123456",
                fulfillment_id="255858046",
                tracking_url="https://tools.usps.com/go/TrackConfirmAction_input?qtc_tLabels1=1Z1234512345123456",
                state=ShipmentState.CANCELLED,
                vendor_state="failure",
                items=(LineItem(id="466157049", title="IPod Nano - 8gb", sku="IPOD2008GREEN"),),
            ),
        ),
    )
    assert [seen.text for seen in history] == [
        "Order placed",
        "Order cancelled",
        "Fulfilment created: USPS 1Z1234512345123456",
        "Fulfilment failed: USPS 1Z1234512345123456",
        "Refund of $10.00: Order canceled",
    ]


def test_recorded_payloads_are_all_read(read: Read, recorded: Recorded) -> None:
    told = [seen for topic, body in recorded[1:] for seen in read(topic, body)]
    assert {seen.about.shop_order for seen in told} == {"450789469", "625362839"}
    assert [seen.text for seen in told if seen.text][:7] == [
        "Fulfilment created: USPS 1Z1234512345123456",
        "Fulfilment failed: USPS 1Z1234512345123456",
        "In transit",
        "Refund of $209.00: it broke during shipping",
        "Payment of $598.94 authorised (Visa ending 4242)",
        "Payment of $250.94 taken",
        "Chargeback of $11.50 opened: The customer says that a promised refund never came; "
        "evidence is due by 30 Dec 2099",
    ]


BAD_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "1e999999999", "\x00", "-1", "[[["]),
    st.lists(st.none(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)


def mutate(data: st.DataObject, body: Any) -> None:
    """Drop or replace one field somewhere in *body*."""
    here = body
    while True:
        keys: list[Any] = list(here) if isinstance(here, dict) else list(range(len(here)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        inner = here[key]
        if isinstance(inner, dict | list) and inner and data.draw(st.integers(0, 3)):
            here = inner
            continue
        if isinstance(here, dict) and data.draw(st.booleans()):
            del here[key]
        else:
            here[key] = data.draw(BAD_VALUES)
        return


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_payloads_are_read_or_unreadable(read: Read, recorded: Recorded, data: st.DataObject) -> None:
    topic, sample = data.draw(st.sampled_from(recorded))
    body = copy.deepcopy(sample)
    for _ in range(data.draw(st.integers(1, 4))):
        mutate(data, body)
    try:
        told = read(topic, body)
    except Unreadable:
        return
    assert all(isinstance(seen, Observation) and seen.at.tzinfo is UTC for seen in told)
