"""What others wrote is made inert, and times are said as people say them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.rules import wording

NEW_YORK = ZoneInfo("America/New_York")


@given(st.text(alphabet=st.sampled_from("{}%# ab\n\u202e\ufeff\x00")) | st.text())
def test_no_placeholder_and_no_second_line_survives(text: str) -> None:
    found = wording.one_line(text)
    assert not any(mark in found for mark in ("{{", "{%", "{#", "}}", "\u202e", "\ufeff", "\x00"))
    assert len(found.splitlines()) <= 1
    assert len(found) <= 200


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{{ticket.id}}}", "{ { {ticket.id} } }"),
        ("Held\r\n\tat customs", "Held at customs"),
        ("a" * 300, "a" * 199 + "…"),
    ],
)
def test_other_peoples_words_on_one_line(text: str, expected: str) -> None:
    assert wording.one_line(text) == expected


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (timedelta(seconds=59), "0 minutes"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=119), "1 hour"),
        (timedelta(hours=71, minutes=59), "71 hours"),
        (timedelta(hours=72), "3 days"),
        (timedelta(minutes=-5), "0 minutes"),
    ],
)
def test_how_long_something_lasted(length: timedelta, expected: str) -> None:
    assert wording.span(length) == expected


def test_tomorrow_is_tomorrow_in_the_workspaces_zone() -> None:
    late_evening = datetime(2026, 11, 24, 2, tzinfo=UTC)  # still Monday in New York
    assert wording.relative_day(datetime(2026, 11, 24, 20, tzinfo=UTC), late_evening, NEW_YORK) == "tomorrow"
    assert wording.relative_day(late_evening, late_evening, NEW_YORK) == "today"
    assert wording.moment(late_evening, NEW_YORK) == "Mon 23 Nov, 21:00 EST"
