"""An order of which a part was sent and the rest was not."""

import pytest

from connectors.model import Hold, LineItem
from server.model import Kind
from server.rules.assess import assess

LINES = (
    LineItem(id="1", title="Lamp", sku="LAMP-1", quantity=1, unfulfilled=0),
    LineItem(id="2", title="Mug", sku="MUG-1", quantity=3, unfulfilled=2),
    LineItem(id="3", title="Manual (PDF)", quantity=1, unfulfilled=1, needs_shipping=False),
)


def parcel(build, *scans, **facts):
    items = (LineItem(id="1", title="Lamp", sku="LAMP-1"), LineItem(id="2", title="Mug", sku="MUG-1"))
    return build.shipment(*(scans or (build.scan(10),)), shipped_at=build.at(4), items=items, **facts)


def found(build, *shipments, hours: float, **facts):
    facts = {"line_items": LINES, "financial_state": "paid"} | facts
    signals = assess(build.order(*shipments, **facts), build.at(hours), build.policy()).signals
    return next((signal for signal in signals if signal.kind is Kind.PARTIAL_SHIPMENT), None)


def test_two_working_days_after_the_first_part_the_rest_is_late(build) -> None:
    assert found(build, parcel(build), hours=51.9) is None
    signal = found(build, parcel(build), hours=52, warehouse="Newark", promise=400)
    assert (signal.headline, signal.clause, signal.since, signal.opens_at, signal.deadline) == (
        "was sent in part: 2 of 4 items still wait 48 hours after the first",
        "2 of 4 items still wait 48 hours after the first part was sent",
        build.at(4),
        build.at(52),
        build.at(400),
    )
    assert [(e.label, e.value) for e in signal.evidence] == [
        ("Still waiting", "2 x Mug (MUG-1)"),
        ("Sent", "Lamp (LAMP-1), Mug (MUG-1), first Mon 16 Nov, 13:00 EST"),
        ("Warehouse", "Newark"),
        ("Promise", "Thu 3 Dec, 01:00 EST"),
    ]
    assert signal.causes == ("warehouse:Newark", "sku:MUG-1")


def test_the_delivery_of_the_first_part_does_not_end_it(build) -> None:
    delivered = parcel(build, build.scan(10), build.scan(40, "delivered"))
    assert found(build, delivered, hours=60) is not None


@pytest.mark.parametrize(
    "facts",
    [
        {"holds": (Hold(reason="other"),)},
        {"fulfillment_state": "scheduled"},
        {"closed_at": "now"},
        {"cancelled_at": "now"},
        {"line_items": (LineItem(id="1", title="Lamp", unfulfilled=0),)},
        {"line_items": (LineItem(id="3", title="PDF", unfulfilled=1, needs_shipping=False),)},
        {"line_items": None},
    ],
)
def test_the_rest_is_held_for_later_or_nothing(build, facts: dict) -> None:
    facts = {name: build.at(1) if value == "now" else value for name, value in facts.items()}
    assert found(build, parcel(build), hours=300, **facts) is None


def test_an_order_of_which_nothing_was_sent_is_another_kind(build) -> None:
    assert found(build, hours=300) is None


def test_it_is_told_again_when_less_is_left_and_when_it_has_lasted_twice_as_long(build) -> None:
    once, later, twice = (found(build, parcel(build), hours=h).fingerprint for h in (52, 99.9, 100))
    assert once == later != twice
    fewer = (LINES[0], LineItem(id="2", title="Mug", sku="MUG-1", quantity=3, unfulfilled=1))
    assert found(build, parcel(build), hours=52, line_items=fewer).fingerprint != once


def test_where_the_parcel_does_not_say_what_is_in_it_parcels_are_counted(build) -> None:
    assert found(build, build.shipment(build.scan(4)), hours=60).evidence[1].value.startswith("1 parcel, first")
