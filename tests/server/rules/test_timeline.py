"""The fold gives the same order whatever comes first, twice or late."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.model import (
    Contact,
    Customer,
    Observation,
    Order,
    Payment,
    PaymentAttempt,
    PaymentState,
    Place,
    References,
    Scan,
    Shipment,
    ShipmentState,
)
from connectors.money import Money
from server.model import OrderKey, OrderRecord, OrderView
from server.rules.timeline import empty, fold, view

KEY = OrderKey("acme", "shop", "1")
START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def folded(*observations: Observation) -> OrderRecord:
    record = empty(KEY)
    for observation in observations:
        record = fold(record, observation)
    return record


def seen(*observations: Observation) -> OrderView:
    return view(folded(*observations))


def word(source: str = "shop", hours: float = 0, **facts: object) -> Observation:
    return Observation(source=source, kind="order.updated", identity=f"{source}{hours}{facts}", at=at(hours), **facts)


def shipment(number: str = "1Z1", **facts: object) -> Shipment:
    return Shipment(carrier="ups", tracking_number=number, **facts)


def scan(hours: float, state: ShipmentState = ShipmentState.IN_TRANSIT, city: str = "", **facts: object) -> Scan:
    return Scan(at=at(hours), state=state, text=facts.pop("text", "Scanned"), place=Place(city=city), **facts)


times = st.integers(0, 6).map(at)
small_text = st.sampled_from(["", "a", "b"])
maybe = lambda strategy: st.none() | strategy  # noqa: E731
orders = st.builds(
    Order,
    id=st.just("1"),
    name=maybe(st.sampled_from(["#1", "#2"])),
    cancelled_at=maybe(times),
    tags=maybe(st.sampled_from([(), ("vip",), ("a", "b")])),
    customer=maybe(
        st.builds(Customer, name=maybe(small_text), email=maybe(small_text), orders_count=maybe(st.integers(0, 3)))
    ),
)
payments = st.builds(
    Payment,
    id=st.sampled_from(["p1", "p2", "p3"]),
    processor=st.sampled_from(["stripe", "shop"]),
    state=maybe(st.sampled_from(PaymentState)),
    amount=maybe(st.integers(0, 2).map(lambda n: Money(n, "USD"))),
    references=st.lists(st.sampled_from(["r1", "r2", "p3"]), max_size=2).map(tuple),
    attempts=st.lists(
        st.builds(PaymentAttempt, id=st.sampled_from(["x", "y"]), at=times, succeeded=st.booleans()), max_size=2
    ).map(tuple),
)
scans = st.builds(
    Scan,
    at=times,
    state=st.sampled_from(ShipmentState),
    text=small_text,
    code=small_text,
    place=st.sampled_from([Place(), Place(city="Memphis"), Place(city="Memphis", region="TN")]),
)
shipments = st.builds(
    Shipment,
    carrier=st.sampled_from(["ups", "usps"]),
    tracking_number=st.sampled_from(["", "N1", "N2"]),
    fulfillment_id=maybe(st.sampled_from(["f1", "f2"])),
    state=maybe(st.sampled_from(ShipmentState)),
    shipped_at=maybe(times),
    delivered_at=maybe(times),
    estimated_delivery=maybe(times),
    exception=maybe(small_text),
    scans=st.lists(scans, max_size=3).map(tuple),
)
contacts = st.builds(Contact, id=st.sampled_from(["t1", "t2"]), at=times, channel=st.just("email"), state=small_text)
observations = st.builds(
    Observation,
    source=st.sampled_from(["shop", "stripe", "ups"]),
    kind=st.sampled_from(["order.updated", "shipment.scanned"]),
    identity=st.sampled_from(["i1", "i2", "i3"]),
    at=times,
    about=st.just(References()),
    text=small_text,
    order=maybe(orders),
    payments=st.lists(payments, max_size=2).map(tuple),
    shipments=st.lists(shipments, max_size=2).map(tuple),
    contacts=st.lists(contacts, max_size=1).map(tuple),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(observations, max_size=6), st.randoms(use_true_random=False), st.data())
def test_any_sequence_and_repetition_of_words_folds_to_the_same_order(words, random, data) -> None:
    shuffled = words + (data.draw(st.lists(st.sampled_from(words), max_size=4)) if words else [])
    random.shuffle(shuffled)
    assert folded(*words) == folded(*shuffled)
    assert seen(*words) == seen(*shuffled)


@settings(max_examples=100, deadline=None)
@given(st.lists(observations, min_size=1, max_size=5))
def test_saying_the_same_again_returns_the_very_same_record(words) -> None:
    record = folded(*words)
    for again in words:
        assert fold(record, again) is record


def test_the_later_word_of_a_source_wins_field_by_field() -> None:
    early = word(hours=1, order=Order(id="1", name="#1", financial_state="pending", tags=("new",)))
    late = word(hours=2, order=Order(id="1", financial_state="paid"))
    expected = Order(id="1", name="#1", financial_state="paid", tags=("new",))
    assert seen(late, early).order == seen(early, late).order == expected


def test_a_word_without_the_customers_totals_does_not_erase_them() -> None:
    look = word(hours=1, order=Order(id="1", customer=Customer(name="Ada", orders_count=9)))
    webhook = word(hours=2, order=Order(id="1", customer=Customer(name="Ada L.")))
    assert seen(look, webhook).order.customer == Customer(name="Ada L.", orders_count=9)


def test_other_sources_only_fill_in_what_the_shop_leaves_out() -> None:
    shop = word(hours=1, order=Order(id="1", name="#1"))
    other = word("erp", hours=2, order=Order(id="1", name="WRONG", shipping_method="Ground"))
    assert seen(shop, other).order == Order(id="1", name="#1", shipping_method="Ground")


def test_a_late_in_transit_scan_does_not_reopen_a_delivered_parcel() -> None:
    delivered = word("ups", 5, shipments=(shipment(scans=(scan(4, ShipmentState.DELIVERED),)),))
    stale = word("ups", 6, shipments=(shipment(state=ShipmentState.IN_TRANSIT, scans=(scan(5),)),))
    found = seen(delivered, stale).shipments[0]
    assert (found.shipment.state, found.shipment.delivered_at) == (ShipmentState.DELIVERED, at(4))


def test_a_shops_repeated_summary_does_not_hide_what_the_carrier_scanned() -> None:
    carrier = word("ups", 3, shipments=(shipment(scans=(scan(3, ShipmentState.EXCEPTION, text="Damaged"),)),))
    shop = word("shop", 9, shipments=(shipment(state=ShipmentState.IN_TRANSIT),))
    found = seen(carrier, shop).shipments[0].shipment
    assert (found.state, found.exception) == (ShipmentState.EXCEPTION, "Damaged")


def test_a_cancelled_label_that_moves_after_all_is_in_transit() -> None:
    cancelled = word("shop", 5, shipments=(shipment(state=ShipmentState.CANCELLED),))
    moving = word("ups", 4, shipments=(shipment(scans=(scan(4),)),))
    assert seen(cancelled, moving).shipments[0].shipment.state is ShipmentState.IN_TRANSIT


def test_the_same_scan_told_by_two_sources_counts_once() -> None:
    ups = word("ups", 3, shipments=(shipment(scans=(scan(2, city="Memphis", text="Arrived at facility"),)),))
    easypost = word("easypost", 3, shipments=(shipment(scans=(scan(2 + 1 / 3600, city="MEMPHIS"),)),))
    assert [s.text for s in seen(ups, easypost).shipments[0].shipment.scans] == ["Arrived at facility"]


def test_a_fulfilment_that_gets_its_number_later_is_one_shipment() -> None:
    before = word(hours=1, shipments=(Shipment(carrier="unknown", tracking_number="", fulfillment_id="f1"),))
    after = word(hours=2, shipments=(shipment("1Z1", fulfillment_id="f1"),))
    assert [s.shipment.key for s in seen(after, before).shipments] == ["ups|1Z1"]


def test_a_corrected_tracking_number_replaces_the_wrong_one() -> None:
    wrong = word(hours=1, shipments=(shipment("WRONG", fulfillment_id="f1"),))
    right = word(hours=2, shipments=(shipment("RIGHT", fulfillment_id="f1"),))
    assert [s.shipment.tracking_number for s in seen(right, wrong).shipments] == ["RIGHT"]


def test_a_fulfilment_in_two_parcels_is_two_shipments() -> None:
    both = word(hours=1, shipments=(shipment("A", fulfillment_id="f1"), shipment("B", fulfillment_id="f1")))
    assert [s.shipment.tracking_number for s in seen(both).shipments] == ["A", "B"]


def test_estimates_given_at_label_time_are_not_counted() -> None:
    label = word("ups", 1, shipments=(shipment(estimated_delivery=at(48)),))
    moving = word("ups", 10, shipments=(shipment(estimated_delivery=at(72), scans=(scan(9),)),))
    later = word("ups", 20, shipments=(shipment(estimated_delivery=at(96)),))
    found = seen(label, moving, later).shipments[0]
    assert (found.estimated_original, found.estimated_current) == (at(72), at(96))
    assert seen(label).shipments[0].estimated_current is None


def test_an_estimate_that_still_stands_after_the_first_scan_is_the_original() -> None:
    label = word("ups", 1, shipments=(shipment(estimated_delivery=at(48)),))
    same = word("ups", 10, shipments=(shipment(estimated_delivery=at(48), scans=(scan(9),)),))
    assert seen(label, same).shipments[0].estimated_original == at(48)


def test_the_processor_is_believed_about_its_payment_and_both_words_are_one_payment() -> None:
    dollars = Money(1000, "USD")
    shop = word(
        "shop",
        5,
        payments=(Payment(id="shopify:9", processor="stripe", state=PaymentState.PENDING, references=("pi_1",)),),
    )
    stripe = word(
        "stripe",
        4,
        payments=(
            Payment(
                id="stripe:pi_1",
                processor="stripe",
                state=PaymentState.PAID,
                amount=dollars,
                captured=dollars,
                refunded=Money(250, "USD"),
                references=("pi_1", "ch_1"),
                failure_message="an earlier decline",
            ),
        ),
    )
    assert seen(shop, stripe).payments == (
        Payment(
            id="stripe:pi_1",
            processor="stripe",
            state=PaymentState.PAID,
            amount=dollars,
            captured=dollars,
            refunded=Money(250, "USD"),
            refundable=Money(750, "USD"),
            references=("ch_1", "pi_1", "shopify:9"),
            failure_code="",
            failure_message="",
        ),
    )


def test_a_try_that_the_shop_tells_again_counts_once() -> None:
    by_stripe = PaymentAttempt(id="ch_1", at=at(1), succeeded=True)
    by_shop = PaymentAttempt(id="shopify:9", at=at(1), succeeded=True)
    stripe = word("stripe", 1, payments=(Payment(id="stripe:pi_1", processor="stripe", attempts=(by_stripe,)),))
    told_again = Payment(id="shopify:9", processor="stripe", references=("stripe:pi_1",), attempts=(by_shop,))
    shop = word("shop", 2, payments=(told_again,))
    assert [payment.attempts for payment in seen(stripe, shop).payments] == [(by_stripe,)]
    assert [payment.attempts for payment in seen(shop).payments] == [(by_shop,)]


@pytest.mark.parametrize("count", [1, 400])
def test_history_is_bounded_whatever_the_sequence(count: int) -> None:
    words = [Observation(source="shop", kind="x", identity=str(n), at=at(n), text=f"line {n}") for n in range(count)]
    record = folded(*words)
    assert record == folded(*reversed(words))
    assert len(record.timeline) == min(count, 300)
    assert view(record).timeline[-1].text == f"line {count - 1}"
