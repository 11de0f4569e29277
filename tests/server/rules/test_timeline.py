"""The fold gives the same order whatever comes first, twice or late."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.model import (
    Contact,
    Customer,
    Dispute,
    FraudWarning,
    Hold,
    Observation,
    Order,
    Payment,
    PaymentAttempt,
    PaymentState,
    Place,
    References,
    Refund,
    RefundRequest,
    Scan,
    Shipment,
    ShipmentState,
)
from connectors.money import Money
from server.model import OrderKey, OrderRecord, OrderView
from server.rules import timeline
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


# Half a second apart, so that some times are equal and some sort otherwise as text than as times.
times = st.integers(0, 6).map(lambda n: START + timedelta(seconds=n / 2))
small_text = st.sampled_from(["", "a", "b"])
maybe = lambda strategy: st.none() | strategy  # noqa: E731
orders = st.builds(
    Order,
    id=st.just("1"),
    name=maybe(st.sampled_from(["#1", "#2"])),
    cancelled_at=maybe(times),
    tags=maybe(st.sampled_from([(), ("vip",), ("a", "b")])),
    holds=maybe(st.lists(st.builds(Hold, reason=small_text, since=maybe(times)), max_size=2).map(tuple)),
    refund_requests=maybe(
        st.lists(st.builds(RefundRequest, id=st.just("r"), at=times, state=small_text), max_size=1).map(tuple)
    ),
    ship_by=maybe(times),
    address_problem=maybe(small_text),
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
    dispute=maybe(
        st.builds(Dispute, id=st.sampled_from(["d", "e"]), state=small_text, reason=small_text, respond_by=maybe(times))
    ),
    fraud_warning=maybe(st.builds(FraudWarning, id=st.just("w"), at=times, is_actionable=st.booleans())),
    refunds=st.lists(
        st.builds(
            Refund,
            id=st.sampled_from(["x", "y", "z"]),
            at=times,
            state=st.sampled_from(["pending", "requires_action", "succeeded", "failed", "cancelled"]),
            amount=maybe(st.integers(0, 2).map(lambda n: Money(n, "USD"))),
        ),
        max_size=3,
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


BOUNDS = ("MOST_SCANS", "MOST_ATTEMPTS", "MOST_LINES", "MOST_ESTIMATES")


@settings(max_examples=200, deadline=None)
@given(st.lists(observations, max_size=8), st.randoms(use_true_random=False), st.integers(1, 2))
def test_what_is_cut_does_not_depend_on_what_came_first(words, random, most) -> None:
    shuffled = [*words, *random.sample(words, len(words) // 2)]
    random.shuffle(shuffled)
    with pytest.MonkeyPatch.context() as patch:
        for bound in BOUNDS:
            patch.setattr(timeline, bound, most)
        record = folded(*words)
        assert record == folded(*shuffled)
        assert all(fold(record, again) is record for again in words)


def test_a_date_given_again_after_it_was_cut_is_as_old_as_when_it_was_not(monkeypatch) -> None:
    monkeypatch.setattr(timeline, "MOST_ESTIMATES", 2)
    given_dates = [(0, 100), (1, 101), (2, 102), (3, 103), (4, 100), (5, 101)]
    words = [word("ups", hours, shipments=(shipment(estimated_delivery=at(day)),)) for hours, day in given_dates]
    record = folded(*words)
    assert record == folded(*reversed(words)) == folded(*words[3:], *words[:3])
    kept = record.estimates["ups|1Z1"]["ups"]
    assert [(e.delivery, e.first_at, e.last_at) for e in kept] == [(at(100), at(0), at(4)), (at(101), at(1), at(5))]


def test_one_try_told_twice_is_cut_by_the_time_it_is_kept_with(monkeypatch) -> None:
    monkeypatch.setattr(timeline, "MOST_ATTEMPTS", 1)
    tries = [("x", 0.0), ("x", 0.5), ("y", 0.3)]
    words = [
        word("stripe", hours, payments=(Payment(id="p", processor="stripe", attempts=(attempt,)),))
        for hours, (name, seconds) in enumerate(tries)
        for attempt in [PaymentAttempt(id=name, at=START + timedelta(seconds=seconds), succeeded=False)]
    ]
    assert folded(*words) == folded(*reversed(words)) == folded(words[0], words[2], words[1])


def test_a_line_too_old_to_keep_changes_nothing() -> None:
    lines = [Observation(source="shop", kind="x", identity=str(n), at=at(n), text="line") for n in range(301)]
    record = folded(*lines)
    assert fold(record, lines[0]) is record


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


@pytest.mark.parametrize("count", [1, 400])
def test_history_is_bounded_whatever_the_sequence(count: int) -> None:
    words = [Observation(source="shop", kind="x", identity=str(n), at=at(n), text=f"line {n}") for n in range(count)]
    record = folded(*words)
    assert record == folded(*reversed(words))
    assert len(record.timeline) == min(count, 300)
    assert view(record).timeline[-1].text == f"line {count - 1}"


def refund(name: str, hours: float, state: str, cents: int | None = 2500) -> Refund:
    return Refund(id=name, at=at(hours), state=state, amount=None if cents is None else Money(cents, "USD"))


def with_refunds(source: str, hours: float, *refunds: Refund, **facts: object) -> Observation:
    name = "stripe:pi_1" if source == "stripe" else "shopify:1"
    facts = {"references": ("pi_1",)} | facts
    return word(source, hours, payments=(Payment(id=name, processor=source, refunds=refunds, **facts),))


def test_of_one_refund_the_further_word_counts_then_the_later() -> None:
    told = [
        with_refunds("stripe", 3, refund("re_1", 3, "requires_action")),
        with_refunds("stripe", 4, refund("re_1", 4, "pending")),
        with_refunds("stripe", 9, refund("re_2", 1, "failed"), refund("re_1", 1, "pending")),  # a look
        with_refunds("stripe", 2, refund("re_2", 2, "succeeded")),
    ]
    expected = (refund("re_2", 1, "failed"), refund("re_1", 4, "pending"))
    assert seen(*told).payments[0].refunds == seen(*reversed(told)).payments[0].refunds
    assert set(seen(*told).payments[0].refunds) == set(expected)


def test_the_shop_telling_the_processors_refunds_again_adds_nothing() -> None:
    by_stripe = with_refunds("stripe", 5, refund("re_1", 5, "succeeded"), refund("re_2", 5, "failed", 900))
    by_shop = with_refunds("shop", 6, refund("shopify:9", 4, "succeeded"), refund("shopify:8", 4, "failed", 900))
    assert seen(by_stripe, by_shop).payments[0].refunds == seen(by_stripe).payments[0].refunds


def test_a_refund_that_the_processor_never_took_is_the_shops_to_tell() -> None:
    by_stripe = with_refunds("stripe", 5, refund("re_1", 1, "succeeded"))
    refused = refund("shopify:9", 4, "failed")
    by_shop = with_refunds("shop", 6, refused, refund("shopify:7", 4, "succeeded", 300))
    found = seen(by_stripe, by_shop).payments[0].refunds
    assert [each.id for each in found] == ["re_1", "shopify:7", "shopify:9"]


def test_what_one_source_leaves_out_of_a_dispute_the_other_adds() -> None:
    webhook = Dispute(id="1", state="needs_response", reason="Fraud", amount=Money(5, "USD"), respond_by=at(99))
    look = Payment(id="shopify:1", processor="shop", dispute=Dispute(id="1", state="won"), references=("shopify:d1",))
    told = Payment(id="shopify:d1", processor="shop", dispute=webhook)
    both = (word(hours=1, payments=(told,)), word(hours=2, payments=(look,)))
    expected = Dispute(id="1", state="won", reason="Fraud", amount=Money(5, "USD"), respond_by=at(99))
    assert seen(*both).payments[0].dispute == seen(*reversed(both)).payments[0].dispute == expected


def test_a_request_was_asked_when_the_earliest_word_says_and_stays_decided() -> None:
    late, early, decided = (
        word(hours=hours, order=Order(id="1", refund_requests=(RefundRequest(id="r", at=at(when), state=state),)))
        for hours, when, state in ((1, 1, "requested"), (2, 0, "requested"), (3, 5, "declined"))
    )
    other = word(hours=4, order=Order(id="1", refund_requests=(RefundRequest(id="q", at=at(4), state="requested"),)))
    for told in ((late, early), (early, late)):
        assert [each.at for each in seen(*told).order.refund_requests] == [at(0)]
    for told in ((decided, early, other), (other, early, decided, late)):
        assert [(each.id, each.state) for each in seen(*told).order.refund_requests] == [
            ("q", "requested"),
            ("r", "declined"),
        ]


def test_a_word_about_a_part_of_the_order_does_not_rename_it() -> None:
    part = word(hours=2, order=Order(id="", holds=(Hold(reason="other"),)))
    assert seen(part).order == Order(id="1", holds=(Hold(reason="other"),))
    assert seen(word(hours=1, order=Order(id="1", name="#1")), part).order.id == "1"


def test_the_latest_word_on_holds_replaces_the_earlier() -> None:
    held = word(hours=1, order=Order(id="1", holds=(Hold(reason="other"),), ship_by=at(50)))
    asked = (RefundRequest(id="r", at=at(1), state="requested"),)
    released = word(hours=2, order=Order(id="1", holds=(), refund_requests=asked))
    silent = word(hours=3, order=Order(id="1"))
    for told in ((held, released, silent), (silent, released, held)):
        found = seen(*told).order
        assert (found.holds, found.refund_requests, found.ship_by) == ((), asked, at(50))


def test_the_latest_word_on_a_fraud_warning_counts() -> None:
    first, last = (
        word("stripe", hours, payments=(Payment(id="p", processor="stripe", fraud_warning=warning),))
        for hours, warning in (
            (1, FraudWarning(id="w", at=at(1))),
            (2, FraudWarning(id="w", at=at(1), is_actionable=False)),
        )
    )
    assert not seen(first, last).payments[0].fraud_warning.is_actionable
    assert not seen(last, first).payments[0].fraud_warning.is_actionable
