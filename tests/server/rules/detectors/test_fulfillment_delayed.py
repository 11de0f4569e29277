"""An order that is paid for and of which nothing has been sent."""

import pytest

from connectors.model import Hold, LineItem, Payment, PaymentAttempt, PaymentState, ShipmentState
from server.model import Kind
from server.rules.assess import assess


def found(build, *shipments, hours: float, tables=None, **facts):
    facts = {"financial_state": "paid"} | facts
    order = build.order(*shipments, **facts)
    signals = assess(order, build.at(hours), build.policy(**(tables or {}))).signals
    return next((signal for signal in signals if signal.kind is Kind.FULFILLMENT_DELAYED), None)


def test_after_three_working_days_nothing_sent_is_late(build) -> None:
    assert found(build, hours=71.9) is None
    lines = (LineItem(id="1", title="Lamp", sku="LAMP-1", quantity=2, unfulfilled=2),)
    signal = found(build, hours=72, warehouse="Newark", seller="s9", line_items=lines)
    assert (signal.headline, signal.clause, signal.since, signal.opens_at) == (
        "has not been sent 3 days after it could have been",
        "nothing has been sent for 3 days",
        build.at(0),
        build.at(72),
    )
    assert [(e.label, e.value) for e in signal.evidence] == [
        ("Could be sent since", "Mon 16 Nov, 09:00 EST"),
        ("Waiting", "2 x Lamp (LAMP-1)"),
        ("Warehouse", "Newark"),
    ]
    assert signal.causes == ("warehouse:Newark", "seller:s9", "sku:LAMP-1")


def test_a_weekend_does_not_count(build) -> None:
    thursday = build.at(3 * 24)
    assert found(build, hours=7 * 24 + 20, placed_at=thursday) is None
    assert found(build, hours=8 * 24, placed_at=thursday) is not None


def test_it_counts_from_when_the_money_was_there(build) -> None:
    attempt = PaymentAttempt(id="a", at=build.at(20), succeeded=True)
    payment = Payment(
        id="p", processor="stripe", state=PaymentState.AUTHORIZED, created_at=build.at(0), attempts=(attempt,)
    )
    assert found(build, hours=91.9, payments=(payment,)) is None
    assert found(build, hours=92, payments=(payment,)).since == build.at(20)


@pytest.mark.parametrize("state", ["pending", "expired"])
def test_what_nobody_paid_for_is_not_late(build, state: str) -> None:
    assert found(build, hours=300, financial_state=state) is None
    waiting = Payment(id="p", processor="stripe", state=PaymentState.PENDING)
    assert found(build, hours=300, financial_state=None, payments=(waiting,)) is None


def test_the_processor_may_know_that_it_is_paid_before_the_shop_says_so(build) -> None:
    paid = Payment(id="p", processor="stripe", state=PaymentState.PAID)
    assert found(build, hours=72, financial_state="pending", payments=(paid,)) is not None


def test_where_nobody_speaks_of_money_it_counts_from_its_placing(build) -> None:
    assert found(build, hours=72, financial_state=None) is not None


@pytest.mark.parametrize("state", ["fulfilled", "partial", "scheduled", "on_hold", "cancelled", "restocked"])
def test_what_the_shop_knows_to_be_gone_held_or_for_later_is_not_late(build, state: str) -> None:
    assert found(build, hours=300, fulfillment_state=state) is None


@pytest.mark.parametrize("state", [None, "unfulfilled", "in_progress"])
def test_work_that_has_begun_is_not_a_parcel(build, state: str | None) -> None:
    assert found(build, hours=300, fulfillment_state=state) is not None


@pytest.mark.parametrize(
    "facts",
    [
        {"holds": (Hold(reason="other"),)},
        {"cancelled_at": "now"},
        {"financial_state": "refunded"},
        {"closed_at": "now"},
        {"is_test": True},
        {"line_items": ()},
        {"line_items": (LineItem(id="1", title="E-book", unfulfilled=1, needs_shipping=False),)},
        {"line_items": (LineItem(id="1", title="Lamp", quantity=2, unfulfilled=0),)},
    ],
)
def test_there_is_nothing_to_send_or_a_reason_not_to(build, facts: dict) -> None:
    facts = {name: build.at(1) if value == "now" else value for name, value in facts.items()}
    assert found(build, hours=300, **facts) is None


def test_a_label_is_no_longer_this_kind_and_a_voided_one_is_again(build) -> None:
    assert found(build, build.shipment(), hours=300, unfulfilled=1) is None
    voided = build.shipment(state=ShipmentState.CANCELLED)
    assert found(build, voided, hours=300, unfulfilled=1) is not None


def test_an_order_of_unknown_lines_can_be_late_too(build) -> None:
    assert found(build, hours=300, line_items=None) is not None


def test_it_is_told_again_when_it_has_lasted_twice_as_long(build) -> None:
    once, later, twice = (found(build, hours=hours).fingerprint for hours in (72, 8 * 24 - 0.1, 8 * 24))
    assert once == later != twice


def test_the_promise_is_the_deadline_else_the_time_to_hand_it_over(build) -> None:
    promised = found(build, hours=80, promise=400, ship_by=build.at(300))
    assert (promised.deadline, promised.evidence[-1].label) == (build.at(400), "Promise")
    assert found(build, hours=80, ship_by=build.at(300)).deadline == build.at(300)


def test_many_lines_are_counted_and_not_all_named(build) -> None:
    lines = tuple(LineItem(id=str(n), title=f"Item {n}", sku=f"S{n:02}", unfulfilled=1) for n in range(30))
    signal = found(build, hours=80, line_items=lines)
    assert signal.evidence[1].value.endswith("Item 4 (S04) and 25 more")
    assert len(signal.causes) == 20
