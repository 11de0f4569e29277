"""A parcel that the carrier has and does not scan."""

import pytest
from msgspec.structs import replace

from connectors.model import Place
from server.model import Kind
from server.rules.assess import assess


def stall(build, *shipments, hours: float, **tables):
    found = assess(build.order(*shipments), build.at(hours), build.policy(**tables)).signals
    return next((signal for signal in found if signal.kind is Kind.TRACKING_STALLED), None)


def test_several_silent_parcels_are_one_finding_that_names_them_all(build) -> None:
    first, second = build.shipment(build.scan(0), number="1Z1"), build.shipment(build.scan(6), number="1Z2")
    arrived = build.shipment(build.scan(0), build.scan(9, "delivered"), number="1Z3")
    found = stall(build, first, second, arrived, hours=55)
    assert (found.headline, found.clause, found.since) == (
        "has 2 of 3 parcels without a carrier scan for up to 55 hours",
        "2 of 3 parcels have had no carrier scan for 55 hours",
        build.at(0),
    )
    assert [e.value for e in found.evidence if e.label == "Shipment"] == ["UPS 1Z1", "UPS 1Z2"]


def test_the_evidence_shows_the_last_scan_with_its_place(build) -> None:
    scan = replace(build.scan(0, text="Departed\nFacility"), place=Place(city="Memphis", region="TN", country="US"))
    found = stall(build, build.shipment(scan), hours=50)
    assert [(e.label, e.value) for e in found.evidence] == [
        ("Shipment", "UPS 1Z1"),
        ("Last scan", "Mon 16 Nov, 09:00 EST in Memphis, TN, US: Departed Facility"),
    ]
    assert found.reasons == (
        "UPS last scanned it Mon 16 Nov, 09:00 EST; at least 48 hours of working time have passed",
    )


def test_a_label_is_not_with_the_carrier(build) -> None:
    assert stall(build, build.shipment(build.scan(0, "label_created")), hours=200) is None


@pytest.mark.parametrize("state", ["in_transit", "delivered", "returned", "exception"])
def test_any_news_of_the_parcel_ends_it(build, state: str) -> None:
    assert stall(build, build.shipment(build.scan(0), build.scan(60, state)), hours=61) is None


def test_the_policy_sets_how_long_and_how_much_longer_before_a_ticket(build) -> None:
    tables = {"detectors": {"tracking_stalled": {"threshold": "10h", "wait": "2h"}}}
    parcel = build.shipment(build.scan(0))
    assert stall(build, parcel, hours=9.9, **tables) is None
    assert stall(build, parcel, hours=10, **tables).opens_at == build.at(12)


def test_hours_alone_are_not_told_again(build) -> None:
    parcel = build.shipment(build.scan(0))
    prints = [stall(build, parcel, hours=h).fingerprint for h in (48, 60, 95.9, 96, 300)]
    assert [len(set(prints[:3])), len(set(prints[3:])), len(set(prints))] == [1, 1, 2]


def test_across_a_border_the_holidays_at_both_ends_do_not_count(build) -> None:
    # 26 November 2026 is Thanksgiving; the parcel was scanned on the Wednesday before. Across a border it has 96 hours.
    parcel = build.shipment(build.scan(9 * 24))
    abroad = build.order(parcel, destination=Place(country="US"), origin=Place(country="CA"))
    hours = {at: assess(abroad, build.at(at), build.policy()).signals for at in (9 * 24 + 167, 9 * 24 + 168)}
    assert [len(found) for found in hours.values()] == [0, 1]
    at_home = build.order(parcel, destination=Place(country="US"), origin=Place(country="US"))
    assert [s.kind for s in assess(at_home, build.at(11 * 24), build.policy()).signals] == [Kind.TRACKING_STALLED]
