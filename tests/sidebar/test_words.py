"""How states, spans and times are said."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connectors.model import PaymentState, ShipmentState
from server.model import Level, Severity
from sidebar import words
from sidebar.panel import Pill, Tone

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 23, 19, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(), "0 min"),
        (timedelta(seconds=-5), "0 min"),
        (timedelta(minutes=25, seconds=59), "25 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=51), "51 h"),
        (timedelta(hours=71, minutes=59), "71 h"),
        (timedelta(days=3), "3 days"),
        (timedelta(days=40), "40 days"),
    ],
)
def test_spans_are_short(length, said):
    assert words.span(length) == said


@pytest.mark.parametrize(
    ("hours", "said"), [(0, "just now"), (0.01, "just now"), (0.5, "30 min ago"), (51, "51 h ago"), (-3, "in 3 h")]
)
def test_how_long_ago(hours, said):
    assert words.ago(NOW - timedelta(hours=hours), NOW) == said


def test_moments_are_in_the_workspace_s_zone():
    assert words.moment(NOW, NEW_YORK) == "Mon 23 Nov, 14:05"
    assert words.moment(NOW, ZoneInfo("Asia/Tokyo")) == "Tue 24 Nov, 04:05"
    assert words.moment(datetime(2026, 7, 1, 0, 30, tzinfo=UTC), NEW_YORK) == "Tue 30 Jun, 20:30"


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(2026, 11, 24, 4, 59, tzinfo=UTC), "today"),
        (datetime(2026, 11, 24, 5, 0, tzinfo=UTC), "tomorrow"),
        (datetime(2026, 11, 23, 4, 59, tzinfo=UTC), "yesterday"),
        (datetime(2026, 11, 27, 20, 0, tzinfo=UTC), "Fri 27 Nov"),
        (datetime(2027, 1, 4, 20, 0, tzinfo=UTC), "Mon 4 Jan 2027"),
    ],
)
def test_days_change_at_local_midnight(at, said):
    assert words.day(at, NEW_YORK, NOW) == said


def test_near_days_also_say_their_date():
    assert words.full_day(NOW + timedelta(days=1), NEW_YORK, NOW) == "tomorrow, Tue 24 Nov"
    assert words.full_day(NOW + timedelta(days=4), NEW_YORK, NOW) == "Fri 27 Nov"


def test_a_time_of_another_day_says_the_day():
    assert words.clock(NOW, NEW_YORK, NOW) == "14:05"
    assert words.clock(NOW - timedelta(days=2), NEW_YORK, NOW) == "Sat 21 Nov, 14:05"


def test_amounts():
    assert words.money("12.00", "USD") == "$12.00"
    assert words.money("1200", "JPY") == "¥1,200"
    assert words.money(None, "USD") == ""
    assert words.money("12.00", None) == ""
    assert words.money("twelve", "USD") == "twelve USD"


def test_every_state_of_ours_has_words():
    pills = [
        *(words.payment(state.value) for state in PaymentState if state is not PaymentState.UNKNOWN),
        *(words.shipment(state.value) for state in ShipmentState),
        *(words.level(state.value) for state in Level),
        *(words.severity(state.value) for state in Severity),
    ]
    assert all("_" not in pill.text for pill in pills)
    assert words.shipment("exception") == Pill("Problem reported", Tone.BAD)
    assert words.payment("failed") == Pill("Payment failed", Tone.BAD)
    assert words.severity("urgent") == Pill("Urgent", Tone.BAD)


def test_an_unknown_word_stays_readable():
    assert words.payment("on_the_moon") == Pill("On the moon", Tone.PLAIN)
    assert words.payment(None) == Pill("Unknown", Tone.PLAIN)
    assert words.fulfilment(None) == Pill("Not fulfilled", Tone.PLAIN)
