"""An order that is held back and that nobody lets go on."""

import pytest

from connectors.model import Hold, LineItem
from server.model import Kind
from server.rules.assess import assess
from server.rules.detectors.fulfillment_on_hold import reason


def hold(build, hours: float | None = 0, why: str = "inventory_out_of_stock", text: str = "") -> Hold:
    return Hold(reason=why, text=text, since=None if hours is None else build.at(hours))


def found(build, *holds: Hold, hours: float, **facts):
    facts = {"financial_state": "paid", "holds": holds} | facts
    signals = assess(build.order(**facts), build.at(hours), build.policy()).signals
    return next((signal for signal in signals if signal.kind is Kind.FULFILLMENT_ON_HOLD), None)


def test_a_hold_of_a_working_day_is_told_with_its_reason_in_words(build) -> None:
    assert found(build, hold(build), hours=23.9) is None
    signal = found(build, hold(build, text="Back on\nFriday"), hours=24, warehouse="Newark")
    assert (signal.headline, signal.since, signal.opens_at) == (
        "has been on hold for 24 hours: it is out of stock",
        build.at(0),
        build.at(24),
    )
    assert [(e.label, e.value) for e in signal.evidence] == [
        ("On hold because", "it is out of stock (Back on Friday), since Mon 16 Nov, 09:00 EST"),
        ("Waiting", "Lamp"),
        ("Warehouse", "Newark"),
    ]


@pytest.mark.parametrize(
    ("given", "text", "said"),
    [
        ("incorrect_address", "", "the address is wrong"),
        ("HIGH_RISK_OF_FRAUD", "call first", "it looks like fraud"),
        ("other", "Engraving to be checked", "Engraving to be checked"),
        ("other", "", "no reason was given"),
        ("gift_note_missing", "", "gift note missing"),
        ("", "", "no reason was given"),
    ],
)
def test_every_reason_can_be_read(given: str, text: str, said: str) -> None:
    assert reason(Hold(reason=given, text=text)) == said


def test_a_released_hold_ends_it_whatever_the_old_word_for_the_order(build) -> None:
    assert found(build, hours=100, fulfillment_state="on_hold") is None


def test_where_only_the_orders_word_is_known_it_counts_from_the_beginning(build) -> None:
    signal = found(build, hours=30, holds=None, fulfillment_state="on_hold")
    assert (signal.since, signal.headline) == (build.at(0), "has been on hold for 30 hours: no reason was given")
    assert found(build, hold(build, None), hours=30).since == build.at(0)


def test_of_several_holds_the_oldest_counts_and_all_are_named(build) -> None:
    signal = found(build, hold(build, 5), hold(build, 1, "high_risk_of_fraud"), hours=25)
    assert signal.since == build.at(1)
    assert signal.clause == "it has been on hold for 24 hours (it is out of stock and it looks like fraud)"


def test_it_is_told_again_for_a_new_reason_and_when_it_has_lasted_twice_as_long(build) -> None:
    once, later, twice = (found(build, hold(build), hours=hours).fingerprint for hours in (24, 47.9, 48))
    assert once == later != twice
    other = found(build, hold(build, why="high_risk_of_fraud"), hours=24)
    assert other.fingerprint != once


@pytest.mark.parametrize("facts", [{"cancelled_at": "now"}, {"closed_at": "now"}, {"unfulfilled": 0}])
def test_what_is_over_or_sent_is_not_held(build, facts: dict) -> None:
    facts = {name: build.at(1) if value == "now" else value for name, value in facts.items()}
    assert found(build, hold(build), hours=100, **facts) is None


def test_only_missing_stock_is_the_items_fault(build) -> None:
    lines = (LineItem(id="1", title="Lamp", sku="LAMP-1", unfulfilled=1),)
    stock, fraud = (
        found(build, hold(build, why=why), hours=30, line_items=lines, warehouse="Newark")
        for why in ("inventory_out_of_stock", "high_risk_of_fraud")
    )
    assert (stock.causes, fraud.causes) == (("warehouse:Newark", "sku:LAMP-1"), ("warehouse:Newark",))
