"""The order on one line of time."""

from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.context import EstimateContext, PromiseContext
from server.flows.draw_picture import draw_picture
from server.model import Level
from tests.server.flows.drawing import NOW, ORDER, SHIPMENT, changed, context, scan

ZONE = ZoneInfo("America/New_York")


def promise(hours):
    return PromiseContext(
        promised_by=NOW + timedelta(hours=hours), source="the shop", risk=0.5, level=Level.WATCH, reasons=[]
    )


def drawn(**facts):
    return draw_picture(context(**facts), ZONE)


def places(picture, kind):
    return [mark.at for mark in picture.marks if mark.kind == kind]


def test_without_a_promise_or_a_scan_there_is_nothing_to_compare():
    assert drawn(promise=None, shipments=[changed(SHIPMENT, scans=[])]) is None
    assert drawn(order=None, promise=promise(24)) is None


def test_everything_stands_in_the_order_in_which_it_happens():
    found = drawn(promise=promise(24), shipments=[changed(SHIPMENT, scans=[scan(51, "Arrived"), scan(90, "Left")])])
    ordered, (first, last), (now,), (estimate,) = (
        places(found, "ordered")[0],
        places(found, "scan"),
        places(found, "now"),
        places(found, "estimate"),
    )
    day = next(stretch for stretch in found.stretches if stretch.kind == "promise")
    assert ordered < first < last < now < day.begins + day.length < estimate
    silence = next(stretch for stretch in found.stretches if stretch.kind == "silence")
    assert silence.begins == last
    assert abs(silence.begins + silence.length - now) < 0.2


@pytest.mark.parametrize(("hours", "is_silent"), [(35, False), (36, True)])
def test_only_a_long_silence_is_one(hours, is_silent):
    found = drawn(shipments=[changed(SHIPMENT, scans=[scan(hours)])])
    assert any(stretch.kind == "silence" for stretch in found.stretches) == is_silent


def test_what_has_arrived_is_not_silent_any_more():
    at = NOW - timedelta(days=2)
    there = changed(SHIPMENT, state="delivered", delivered_at=at, scans=[scan(48, "Delivered")])
    found = drawn(shipments=[there], promise=promise(24))
    assert [stretch.kind for stretch in found.stretches] == ["promise"]
    assert places(found, "delivered") == places(found, "scan")
    assert places(found, "estimate") == []
    assert "Delivered Sat 21 Nov, 14:05." in found.sentence


def test_the_sentence_says_the_same_as_the_picture():
    found = drawn(promise=promise(24), shipments=[changed(SHIPMENT, scans=[scan(51, "Arrived")])])
    assert found.sentence == (
        "Ordered Wed 18 Nov. Promised for tomorrow, Tue 24 Nov. The carrier expects Wed 25 Nov. "
        "1 scan, the last one 51 h ago."
    )
    assert drawn(promise=promise(24), shipments=[]).sentence.endswith("No scan so far.")


hours = st.integers(min_value=-2000, max_value=2000)


@given(
    placed=st.none() | hours.map(lambda h: NOW + timedelta(hours=h)),
    promised=st.none() | hours,
    scans=st.lists(st.integers(min_value=-100, max_value=2000), max_size=5),
    estimate=st.none() | hours.map(lambda h: NOW + timedelta(hours=h)),
)
def test_nothing_leaves_the_line_and_captions_keep_apart(placed, promised, scans, estimate):
    shipment = changed(
        SHIPMENT,
        scans=[scan(one) for one in sorted(scans)],
        estimated_delivery=EstimateContext(original=None, current=estimate),
    )
    found = drawn(
        order=changed(ORDER, placed_at=placed),
        promise=None if promised is None else promise(promised),
        shipments=[shipment],
    )
    if found is None:
        assert promised is None
        assert not scans
        return
    assert all(3 <= mark.at <= 97 for mark in found.marks)
    assert all(one.begins >= 0 and one.length >= 0 and one.begins + one.length <= 99.1 for one in found.stretches)
    below = sorted(caption.at for caption in found.captions if not caption.is_above)
    assert all(later - earlier > 30 for earlier, later in pairwise(below))
    for caption in found.captions:
        assert (caption.anchor == "start") == (caption.at < 25)
        assert (caption.anchor == "end") == (caption.at > 75)
