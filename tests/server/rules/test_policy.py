"""What a policy says once it has been read: amounts, quiet hours, thresholds by kind."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.money import Money
from server.model import Kind
from server.rules.kinds import SUMMARY
from server.rules.policy import DEFAULT_DETECTORS, QuietHours
from server.rules.policy_reading import parse_policy

BERLIN = ZoneInfo("Europe/Berlin")


def test_high_value_compares_only_the_policys_currency() -> None:
    policy = parse_policy({"high_value": {"amount": "100", "currency": "eur"}}, BERLIN)
    assert [policy.is_high_value(m) for m in (Money(10000, "EUR"), Money(9999, "EUR"), Money(99999, "USD"), None)] == [
        True,
        False,
        False,
        False,
    ]


def test_every_kind_has_a_default_and_a_summary_that_agree_on_what_a_threshold_measures() -> None:
    assert set(DEFAULT_DETECTORS) == set(SUMMARY) == set(Kind)
    for kind, detector in DEFAULT_DETECTORS.items():
        assert (detector.threshold is None) == (SUMMARY[kind].threshold == ""), kind
        assert all(text.endswith(".") for text in (SUMMARY[kind].trigger, SUMMARY[kind].clears)), kind


def local(hour: int, minute: int = 0, day: int = 18) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("begins", "ends", "moment", "told_at"),
    [
        (22, 7, local(23), local(7, day=19)),
        (22, 7, local(3), local(7)),
        (22, 7, local(22), local(7, day=19)),
        (22, 7, local(7), local(7)),
        (22, 7, local(12), local(12)),
        (12, 14, local(13, 30), local(14)),
        (12, 14, local(11, 59), local(11, 59)),
        (0, 0, local(3), local(3)),
        (22, 0, local(23), local(0, day=19)),
        (0, 6, local(0), local(6)),
    ],
)
def test_quiet_hours_end_when_they_end_also_after_midnight(begins, ends, moment, told_at) -> None:
    assert QuietHours(begins=time(begins), ends=time(ends)).over_at(moment, BERLIN) == told_at


@given(
    st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001 - made aware below
)
def test_nothing_waits_longer_than_the_quiet_hours_last_and_never_goes_back(begins, ends, moment) -> None:
    hours, now = QuietHours(begins=begins, ends=ends), moment.replace(tzinfo=UTC)
    over = hours.over_at(now, BERLIN)
    # A day on which the clocks are put back has 25 hours.
    assert now <= over <= now + timedelta(hours=25)
    if over != now:
        assert (
            over.astimezone(BERLIN).time() == ends
            or over.astimezone(BERLIN).utcoffset() != now.astimezone(BERLIN).utcoffset()
        )
        assert hours.over_at(over, BERLIN) == over or over.astimezone(BERLIN).fold
