"""Several sources' words make one order as it stands."""

from datetime import UTC, datetime, timedelta

import pytest

from connectors.model import (
    Observation,
    Order,
    Payment,
    PaymentAttempt,
    PaymentState,
    Place,
    Problem,
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


def test_a_label_that_the_shop_cancelled_is_cancelled_although_its_label_was_scanned() -> None:
    label = word("ups", 1, shipments=(shipment(scans=(scan(1, ShipmentState.LABEL_CREATED),)),))
    cancelled = word("shop", 5, shipments=(shipment(state=ShipmentState.CANCELLED),))
    repeated = word("easypost", 9, shipments=(shipment(state=ShipmentState.LABEL_CREATED),))
    assert seen(label, cancelled, repeated).shipments[0].shipment.state is ShipmentState.CANCELLED


def test_a_carrier_may_know_of_trouble_that_it_did_not_scan() -> None:
    lost = shipment(state=ShipmentState.EXCEPTION, exception="Lost", scans=(scan(1),))
    known = word("easypost", 9, shipments=(lost,))
    found = seen(known).shipments[0].shipment
    assert (found.state, found.exception) == (ShipmentState.EXCEPTION, "Lost")
    moved_on = word("ups", 10, shipments=(shipment(scans=(scan(10),)),))
    assert seen(known, moved_on).shipments[0].shipment.state is ShipmentState.IN_TRANSIT
    found_again = word("easypost", 12, shipments=(shipment(scans=(scan(12),)),))
    assert seen(known, found_again).shipments[0].shipment.state is ShipmentState.IN_TRANSIT


def test_what_is_wrong_is_said_by_whoever_says_that_it_is() -> None:
    failed = word("ups", 3, shipments=(shipment(scans=(scan(3, ShipmentState.DELIVERY_FAILED, text="Nobody home"),)),))
    late = word("shop", 9, shipments=(shipment(state=ShipmentState.EXCEPTION, exception="Delayed"),))
    assert seen(failed, late).shipments[0].shipment.exception == "Nobody home"


def troubled(source: str, hours: float, problem: Problem | None, *scans: Scan) -> Observation:
    """A source that says that something is wrong, and perhaps what."""
    state = ShipmentState.EXCEPTION
    return word(source, hours, shipments=(shipment(state=state, problem=problem, scans=scans),))


def test_which_trouble_it_is_is_said_by_whoever_says_it_now() -> None:
    assert seen(troubled("ups", 3, Problem.LOST)).shipments[0].shipment.problem is Problem.LOST
    # The later word of the same source says that something is wrong and not what: the earlier trouble is over.
    again = seen(troubled("ups", 3, Problem.LOST), troubled("ups", 4, None))
    assert again.shipments[0].shipment.problem is None
    damaged = scan(5, ShipmentState.EXCEPTION, problem=Problem.DAMAGED)
    scanned = seen(troubled("ups", 3, Problem.LOST), troubled("ups", 6, None, damaged))
    assert scanned.shipments[0].shipment.problem is Problem.DAMAGED
    both = seen(troubled("ups", 3, None), troubled("easypost", 2, Problem.CUSTOMS))
    assert both.shipments[0].shipment.problem is Problem.CUSTOMS


@pytest.mark.parametrize("state", [ShipmentState.IN_TRANSIT, ShipmentState.DELIVERED, ShipmentState.RETURNED])
def test_a_parcel_that_goes_on_has_no_trouble_any_more(state: ShipmentState) -> None:
    held = scan(3, ShipmentState.EXCEPTION, problem=Problem.CUSTOMS)
    found = seen(
        troubled("ups", 3, Problem.CUSTOMS, held), word("ups", 9, shipments=(shipment(scans=(scan(9, state),)),))
    )
    assert (found.shipments[0].shipment.state, found.shipments[0].shipment.problem) == (state, None)


def test_a_number_that_one_of_them_can_follow_is_no_problem() -> None:
    unknown = word("ups", 3, shipments=(shipment(tracking_problem="UPS does not know it"),))
    silent = word("shop", 9, shipments=(shipment(shipped_at=at(1)),))
    followed = word("easypost", 2, shipments=(shipment(tracking_problem="", state=ShipmentState.LABEL_CREATED),))
    scanned = word("easypost", 2, shipments=(shipment(scans=(scan(2),)),))
    corrected = word("ups", 9, shipments=(shipment(tracking_problem=""),))
    problems = [
        found.shipments[0].shipment.tracking_problem
        for found in (
            seen(silent),
            seen(silent, unknown),
            seen(followed, unknown),
            seen(scanned, unknown),
            seen(unknown, corrected),
            seen(corrected, unknown),
        )
    ]
    assert problems == [None, "UPS does not know it", "", "", "", ""]


def test_a_parcel_that_arrives_and_departs_within_a_minute_does_both() -> None:
    both = (scan(2, city="Memphis", text="Arrived", code="AR"), scan(2, city="Memphis", text="Departed", code="DP"))
    ups = word("ups", 3, shipments=(shipment(scans=both),))
    easypost = word("easypost", 3, shipments=(shipment(scans=(scan(2, city="Memphis", text="A facility"),)),))
    assert seen(ups).shipments[0].shipment.scans == seen(ups, easypost).shipments[0].shipment.scans == both


def test_a_word_without_the_number_never_hides_it() -> None:
    without = word("erp", 2, shipments=(Shipment(carrier="unknown", tracking_number="", fulfillment_id="f1"),))
    shop = word("shop", 1, shipments=(shipment("1Z1", fulfillment_id="f1"),))
    assert [found.shipment.key for found in seen(without, shop).shipments] == ["ups|1Z1"]


def test_an_order_always_has_the_shops_id() -> None:
    erp = word("erp", 1, order=Order(id="E-5", shipping_method="Ground"))
    assert seen(erp).order == Order(id="1", shipping_method="Ground")


def test_words_that_say_nothing_make_an_order_of_which_nothing_is_known() -> None:
    nothing = word(order=Order(id="1"), shipments=(Shipment(carrier="unknown", tracking_number=""),))
    found = seen(word(), nothing)
    assert found.order == Order(id="1")
    assert [entry.shipment.state for entry in found.shipments] == [ShipmentState.UNKNOWN]
    assert view(empty(KEY)) == OrderView(key=KEY, order=Order(id="1"))


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
