"""What agents see of a parcel."""

import pytest

from server.context import (
    EstimateContext,
)
from sidebar.panel import (
    Pill,
    Row,
    Scanned,
    Shipped,
    Tone,
)
from tests.server.flows.drawing import NOW, SHIPMENT, changed, panel, scan


def test_silences_are_marked_where_they_are():
    scans = [
        scan(51, "Arrived", place="Memphis, TN, US", local_time="2026-11-21 10:05"),
        scan(90, "Departed"),
        scan(92, "Origin scan"),
    ]
    assert panel(shipments=[changed(SHIPMENT, scans=scans)]).shipments == (
        Shipped(
            title="UPS",
            number="1Z999",
            href="https://www.ups.com/track?tracknum=1Z999",
            pill=Pill("On its way", Tone.PLAIN),
            rows=(Row("Service", "Ground"), Row("Estimate", "Wed 25 Nov"), Row("First estimate", "today")),
            scans=(
                Scanned(
                    when="Sat 21 Nov, 11:05",
                    hint="2026-11-21 10:05 local time",
                    text="Arrived",
                    place="Memphis, TN, US",
                    local="10:05 there",
                    ago="51 h ago",
                    gap="No scan for 51 h",
                ),
                Scanned(when="Thu 19 Nov, 20:05", hint="", text="Departed", place="", gap="No scan for 39 h"),
                Scanned(when="Thu 19 Nov, 18:05", hint="", text="Origin scan", place=""),
            ),
        ),
    )


@pytest.mark.parametrize("state", ["delivered", "returned", "cancelled"])
def test_a_parcel_at_its_end_is_not_silent(state):
    found = panel(shipments=[changed(SHIPMENT, state=state, scans=[scan(200)])]).shipments[0]
    assert found.scans[0].gap == ""


def test_a_parcel_without_scans_says_when_it_was_shipped():
    fresh = changed(SHIPMENT, service=None, estimated_delivery=EstimateContext(original=None, current=None))
    assert panel(shipments=[fresh]).shipments[0].rows == (Row("Shipped", "Thu 19 Nov, 14:05"),)


def test_a_delivered_parcel_says_when_and_not_what_was_estimated():
    there = changed(SHIPMENT, state="delivered", service=None, delivered_at=NOW, scans=[scan(0)])
    assert panel(shipments=[there]).shipments[0].rows == (Row("Delivered", "Mon 23 Nov, 14:05"),)


def test_a_number_that_nobody_can_follow_is_shown_as_the_problem():
    unknown = changed(SHIPMENT, tracking_problem="UPS does not know this number")
    shown = panel(shipments=[unknown, changed(unknown, exception="Lost")]).shipments
    assert [parcel.problem for parcel in shown] == ["UPS does not know this number", "Lost"]
