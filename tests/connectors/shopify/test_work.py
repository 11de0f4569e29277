"""This file tests what fulfillment_orders/* of Shopify say."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.model import Hold, Observation, Order, Place, References

Read = Callable[[str, bytes | dict[str, Any]], tuple[Observation, ...]]
Make = Callable[..., dict[str, Any]]


EIGHT = datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("topic", "work", "beside", "kind", "text", "order"),
    [
        (
            "progress_reported",
            {"status": "in_progress"},
            {},
            "fulfillment.started",
            "Fulfilment began",
            Order(id="5001", fulfillment_state="in_progress", fulfillment_started_at=EIGHT),
        ),
        (
            "cancellation_request_submitted",
            {"status": "in_progress", "request_status": "cancellation_request"},
            {"fulfillment_order_merchant_request": {"message": "Customer changed their mind"}},
            "cancellation.requested",
            "Warehouse asked to stop the fulfilment: Customer changed their mind",
            Order(
                id="5001",
                fulfillment_state="in_progress",
                fulfillment_started_at=EIGHT,
                cancel_requested_at=EIGHT,
            ),
        ),
        (
            "cancellation_request_rejected",
            {"status": "in_progress", "request_status": "cancellation_rejected"},
            {"message": "Order has already been shipped."},
            "cancellation.rejected",
            "Warehouse refused to stop the fulfilment: Order has already been shipped.",
            Order(id="5001", fulfillment_state="in_progress", fulfillment_started_at=EIGHT),
        ),
        (
            "placed_on_hold",
            {"status": "on_hold"},
            {"created_fulfillment_hold": {"reason": "inventory_out_of_stock"}},
            "fulfillment.held",
            "Fulfilment on hold because it is out of stock",
            Order(
                id="5001",
                fulfillment_state="on_hold",
                holds=(Hold(reason="inventory_out_of_stock", since=EIGHT),),
            ),
        ),
        (
            "hold_released",
            {},
            {},
            "fulfillment.released",
            "Fulfilment is no longer on hold",
            Order(id="5001", fulfillment_state="unfulfilled", holds=()),
        ),
        (
            "order_routing_complete",
            {"delivery_method": {"max_delivery_date_time": "2026-11-27T20:00:00Z"}},
            {},
            "fulfillment.updated",
            "",
            Order(id="5001", promised_by=datetime(2026, 11, 27, 20, tzinfo=UTC)),
        ),
        (
            "cancelled",
            {"status": "cancelled"},
            {},
            "fulfillment.cancelled",
            "Fulfilment called off",
            Order(id="5001", fulfillment_state="cancelled"),
        ),
        (
            "cancelled",
            {"status": "cancelled"},
            {"replacement_fulfillment_order": {"id": 2, "status": "open"}},
            "fulfillment.cancelled",
            "Fulfilment called off",
            Order(id="5001"),
        ),
    ],
)
def test_fulfilment_orders_tell_of_the_work(
    read: Read,
    make: Make,
    topic: str,
    work: dict[str, Any],
    beside: dict[str, Any],
    kind: str,
    text: str,
    order: Order,
) -> None:
    (seen,) = read(f"fulfillment_orders/{topic}", {"fulfillment_order": make("work", **work), **beside})
    assert (seen.kind, seen.text, seen.order, seen.at) == (kind, text, order, EIGHT)


def test_fulfilment_order_may_come_without_an_outer_key(read: Read, make: Make) -> None:
    (seen,) = read("fulfillment_orders/placed_on_hold", make("work", status="on_hold"))
    assert seen.order == Order(id="5001", fulfillment_state="on_hold", holds=(Hold(reason="other", since=EIGHT),))


def test_fulfilment_order_that_names_no_order_is_about_whichever_it_is_a_part_of(read: Read) -> None:
    body = {"fulfillment_order": {"id": "gid://shopify/FulfillmentOrder/301", "status": "on_hold"}}
    (seen,) = read("fulfillment_orders/placed_on_hold", body)
    assert (seen.kind, seen.about, seen.order.id) == (
        "fulfillment.held",
        References(order_ids=("FulfillmentOrder/301",)),
        "",
    )


def test_fulfilment_order_says_where_and_until_when(read: Read, make: Make) -> None:
    place = {"name": "Newark", "city": "Newark", "province": "NJ", "country_code": "US", "zip": "07101"}
    work = make("work", fulfill_by="2026-11-24T20:00:00Z", assigned_location=place)
    (seen,) = read("fulfillment_orders/moved", {"moved_fulfillment_order": work})
    assert (seen.order.ship_by, seen.order.warehouse, seen.order.origin) == (
        datetime(2026, 11, 24, 20, tzinfo=UTC),
        "Newark",
        Place(city="Newark", region="NJ", country="US", postal_code="07101"),
    )


def test_recorded_fulfilment_order_says_where_it_was_moved_to(read: Read, recorded: list[Any]) -> None:
    (seen,) = read(
        "fulfillment_orders/moved", next(body for topic, body in reversed(recorded) if topic.endswith("/moved"))
    )
    assert (seen.order.warehouse, seen.order.origin.country) == ("50 Rideau Street", "CA")
