"""This file tests what fulfillments/* and fulfillment_events/* of Shopify say."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.model import LineItem, Observation, Place, References, Scan, Shipment, ShipmentState

Read = Callable[[str, bytes | dict[str, Any]], tuple[Observation, ...]]
Make = Callable[..., dict[str, Any]]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_every_tracking_number_of_a_fulfilment_is_a_parcel(read: Read, make: Make) -> None:
    body = make(
        "fulfillment",
        tracking_numbers=["1Z1", " 1Z2 ", "", None, "1Z1"],
        tracking_urls=["https://u/1", "javascript:alert(1)"],
        shipment_status="in_transit",
        line_items=[{"id": 71, "title": "Mug", "quantity": 1}],
    )
    whole, line = read("fulfillments/update", body)

    def parcel(number: str, url: str | None) -> Shipment:
        return Shipment(
            carrier="ups",
            tracking_number=number,
            fulfillment_id="9001",
            tracking_url=url,
            state=ShipmentState.IN_TRANSIT,
            vendor_state="in_transit",
            shipped_at=at("2026-11-21T10:00:00Z"),
            items=(LineItem(id="71", title="Mug"),),
            exception="",
        )

    assert whole.shipments == (parcel("1Z1", "https://u/1"), parcel("1Z2", None))
    assert line.text == "Fulfilment created: UPS 1Z1, UPS 1Z2"


@pytest.mark.parametrize(
    ("changes", "state", "said", "exception"),
    [
        ({}, ShipmentState.LABEL_CREATED, "success", None),
        ({"tracking_numbers": [], "tracking_company": None}, None, "success", None),
        ({"shipment_status": "confirmed"}, ShipmentState.LABEL_CREATED, "confirmed", None),
        ({"shipment_status": "out_for_delivery"}, ShipmentState.OUT_FOR_DELIVERY, "out_for_delivery", ""),
        (
            {"shipment_status": "attempted_delivery"},
            ShipmentState.DELIVERY_FAILED,
            "attempted_delivery",
            "A delivery was attempted without success",
        ),
        (
            {"shipment_status": "failure"},
            ShipmentState.EXCEPTION,
            "failure",
            "The carrier could not deliver the parcel",
        ),
        ({"shipment_status": "ready_for_pickup"}, ShipmentState.AVAILABLE_FOR_PICKUP, "ready_for_pickup", ""),
        ({"shipment_status": "delivered"}, ShipmentState.DELIVERED, "delivered", ""),
        ({"shipment_status": "beamed_up"}, ShipmentState.UNKNOWN, "beamed_up", None),
        ({"status": "cancelled", "shipment_status": "in_transit"}, ShipmentState.CANCELLED, "cancelled", None),
        ({"status": "failure"}, ShipmentState.CANCELLED, "failure", None),
    ],
)
def test_shopifys_words_for_a_parcel_are_ours(
    read: Read, make: Make, changes: dict[str, Any], state: ShipmentState | None, said: str, exception: str | None
) -> None:
    found = read("fulfillments/update", make("fulfillment", **changes))[0].shipments[0]
    assert (found.state, found.vendor_state, found.exception) == (state, said, exception)


def test_cancelled_fulfilment_says_when(read: Read, make: Make) -> None:
    whole, *lines = read("fulfillments/update", make("fulfillment", status="cancelled", tracking_numbers=None))
    assert whole.shipments[0].cancelled_at == at("2026-11-21T11:00:00Z")
    assert whole.shipments[0].key == "fulfillment|9001"
    assert [line.text for line in lines] == [
        "Fulfilment created: UPS, no tracking number yet",
        "Fulfilment cancelled: UPS, no tracking number yet",
    ]


def test_tracking_event_is_a_scan_of_its_fulfilment(read: Read) -> None:
    body = {
        "id": 441,
        "fulfillment_id": 9001,
        "order_id": 5001,
        "status": "attempted_delivery",
        "message": "Nobody home",
        "happened_at": "2026-11-22T10:00:00+01:00",
        "estimated_delivery_at": "2026-11-23T10:00:00Z",
        "city": "Ottawa",
        "province": "Ontario",
        "country": "CA",
        "zip": "K1N 9J7",
    }
    (seen,) = read("fulfillment_events/create", body)
    assert seen == Observation(
        source="shop",
        kind="shipment.scanned",
        identity=seen.identity,
        at=at("2026-11-22T09:00:00Z"),
        about=References(shop_order="5001"),
        text="Nobody home (Ottawa, Ontario, CA)",
        shipments=(
            Shipment(
                carrier="unknown",
                tracking_number="",
                fulfillment_id="9001",
                estimated_delivery=at("2026-11-23T10:00:00Z"),
                scans=(
                    Scan(
                        at=at("2026-11-22T09:00:00Z"),
                        state=ShipmentState.DELIVERY_FAILED,
                        text="Nobody home",
                        code="attempted_delivery",
                        place=Place(city="Ottawa", region="Ontario", country="CA", postal_code="K1N 9J7"),
                    ),
                ),
            ),
        ),
    )
    (deleted,) = read("fulfillment_events/delete", body)
    assert deleted.text == "Tracking update withdrawn: Nobody home (Ottawa, Ontario, CA)"
    assert deleted.shipments == ()
