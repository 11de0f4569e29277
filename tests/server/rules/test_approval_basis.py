"""What of an order matters for a request, and what has changed of it since."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.model import Dispute, Hold, Place
from connectors.order_actions import OrderActionKind
from server.rules.approval_basis import basis, differences
from tests.server.rules.asking import paid_order, payment, usd


def now_is(kind, before, after):
    return differences(basis(OrderActionKind(kind), before), basis(OrderActionKind(kind), after))


def test_money_that_went_back_elsewhere_is_said(build):
    before, after = paid_order(build), paid_order(build, payment(refunded=usd(1250)))
    assert now_is("refund", before, after) == ("Refunded: was nothing, is now $12.50",)


def test_a_dispute_a_cancellation_and_another_total_are_said(build):
    after = paid_order(build, payment(dispute=Dispute(id="dp_1", state="needs_response")), total=usd(9000))
    after = replace(after, order=replace(after.order, cancelled_at=build.at(1)))
    assert now_is("refund", paid_order(build), after) == (
        "Cancelled: was no, is now yes",
        "Total: was $100.00, is now $90.00",
        "Disputed: was no, is now yes",
    )


def test_goods_that_left_matter_for_a_cancellation_and_not_for_a_refund(build):
    before = paid_order(build)
    sent = replace(before, shipments=(build.shipment(build.scan(1)),))
    assert now_is("cancel", before, sent) == ("Shipped: was nothing, is now part of it",)
    assert now_is("refund", before, sent) == ()


def test_another_address_and_a_hold_are_said_where_they_matter(build):
    before = paid_order(build)
    moved = replace(before, order=replace(before.order, destination=Place(city="Boise", postal_code="83702")))
    held = replace(before, order=replace(before.order, holds=(Hold(reason="high_risk_of_fraud"),)))
    assert any("Boise 83702" in text for text in now_is("address_change", before, moved))
    assert now_is("refund", before, moved) == ()
    assert now_is("hold", before, held) == ("On hold: was no, is now high risk of fraud",)


@given(hours=st.integers(2, 500), kind=st.sampled_from(OrderActionKind))
def test_scans_alone_change_nobodys_mind(build, hours, kind):
    parcel = build.shipment(build.scan(1))
    later = build.shipment(build.scan(1), build.scan(hours, text="Departed"))
    before, after = (replace(paid_order(build), shipments=(found,)) for found in (parcel, later))
    assert now_is(kind, before, after) == ()
    assert basis(kind, before)
