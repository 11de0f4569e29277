"""An order of the past at any moment: built directly it is what the fold makes of it, and knows no more."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.model import PaymentState, ShipmentState
from connectors.money import Money
from server.rules.history import key_of, leg_of_row, moments, observations, order_at, total_of
from server.rules.timeline import empty, fold, view
from server.rules.transit import Leg
from tests.server.rules.histories import any_row, at, delivered, policy, row

FACTS = ("approved_at", "handed_over_at", "delivered_at", "complained_at")


@given(found=any_row("1"))
def test_an_order_built_directly_is_the_order_that_is_folded(found) -> None:
    record = empty(key_of(found, "acme"))
    for said in observations(found, "acme"):
        record = fold(record, said)
        assert order_at(found, said.at, "acme") == view(record)


@given(found=any_row("1"), data=st.data())
def test_the_sequence_in_which_it_is_folded_does_not_matter(found, data) -> None:
    record = empty(key_of(found, "acme"))
    for said in data.draw(st.permutations(list(observations(found, "acme")))):
        record = fold(record, said)
    assert order_at(found, moments(found)[-1], "acme") == view(record)


@given(found=any_row("1"), hours=st.integers(0, 50 * 24))
def test_what_is_still_to_come_cannot_be_seen(found, hours) -> None:
    now = found.purchased_at + timedelta(hours=hours)
    later = {name: None for name in FACTS if (moment := getattr(found, name)) is not None and moment > now}
    unknown = replace(found, **later, status="who knows")
    assert order_at(unknown, now, "acme") == order_at(found, now, "acme")


def test_an_order_goes_from_placed_to_delivered() -> None:
    found = delivered("1", takes=3, approved_at=0.5, complained_at=9, items=2)
    seen = [order_at(found, at(day), "acme") for day in (0, 0.5, 1, 4, 9)]
    assert [order.order.financial_state for order in seen] == [None, "paid", "paid", "paid", "paid"]
    assert [[p.state for p in order.payments] for order in seen] == [[], *[[PaymentState.PAID]] * 4]
    assert [order.order.line_items[0].unfulfilled for order in seen if order.order.line_items] == [2, 2, 0, 0, 0]
    assert [[s.shipment.state for s in order.shipments] for order in seen] == [
        [],
        [],
        [ShipmentState.IN_TRANSIT],
        [ShipmentState.DELIVERED],
        [ShipmentState.DELIVERED],
    ]
    assert [len(order.contacts) for order in seen] == [0, 0, 0, 0, 1]


def test_an_amount_is_rounded_to_its_coins_and_needs_a_currency() -> None:
    assert total_of(row(value=Decimal("37.6100001"))) == Money(3761, "USD")
    assert total_of(replace(row(value=Decimal(1200)), currency="JPY")) == Money(1200, "JPY")
    assert total_of(replace(row(value=Decimal(5)), currency="")) is None


def test_a_delivery_teaches_its_way_and_times() -> None:
    leg = leg_of_row(delivered("1", takes=3, approved_at=0.5, seller="Lamps"), policy())
    assert isinstance(leg, Leg)
    assert (leg.way.origin, leg.way.destination, leg.way.seller) == ("NJ", "CA", "Lamps")
    assert (leg.ready_at, leg.handed_over_at, leg.delivered_at, leg.promised_by) == (at(0.5), at(1), at(4), at(10))


def test_what_was_not_delivered_or_at_an_impossible_time_teaches_nothing() -> None:
    rows = [
        delivered("1", delivered_at=None),
        delivered("1", handed_over_at=None),
        delivered("1", handed_over_at=5, delivered_at=4),
    ]
    assert [leg_of_row(found, policy()) for found in rows] == [None, None, None]
