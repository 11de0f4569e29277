"""The clock of parcels: it never goes back, knows what days and hours are worth, and learns the hours."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.rules.transit_clock import TransitClock, transit_clock

BRAZIL = ZoneInfo("America/Sao_Paulo")


@pytest.fixture(scope="module")
def clock() -> TransitClock:
    return transit_clock(BRAZIL)


def learnt(hours: list[int], count: int = 1000) -> TransitClock:
    """From deliveries at these hours of the day in Brazil."""
    midnight = datetime(2026, 3, 2, tzinfo=BRAZIL)
    moments = [midnight + timedelta(days=n // 24, hours=hours[n % len(hours)], minutes=n % 60) for n in range(count)]
    return transit_clock(BRAZIL).learnt(np.array([moment.timestamp() for moment in moments]))


@given(st.integers(1, 54 * 365 * 24 * 60), st.floats(0, 300), st.booleans())
def test_the_clock_never_goes_back_and_names_the_moment(minutes, more, is_learnt) -> None:
    clock = learnt([17, 18, 21]) if is_learnt else transit_clock(BRAZIL)
    begin = datetime(2001, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    worth = clock.at(begin) + more
    found = clock.when(worth)
    assert clock.at(found) <= worth + 1e-9
    assert clock.at(found + timedelta(milliseconds=1)) >= worth - 1e-9
    assert clock.at(begin + timedelta(hours=1)) > clock.at(begin)


def test_weekends_and_holidays_count_little(clock) -> None:
    friday, monday = datetime(2026, 3, 6, 15, tzinfo=UTC), datetime(2026, 3, 9, 15, tzinfo=UTC)
    assert clock.at(monday) - clock.at(friday) == pytest.approx(1 + 0.6 + 0.07, abs=0.01)
    with_holidays = transit_clock(BRAZIL, "BR")
    christmas = datetime(2025, 12, 25, 15, tzinfo=UTC)
    assert with_holidays.at(christmas + timedelta(days=1)) - with_holidays.at(christmas) < 0.7
    assert clock.at(christmas + timedelta(days=1)) - clock.at(christmas) == pytest.approx(1.0)


@pytest.mark.parametrize("moment", [datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)])
def test_the_clock_stands_where_no_parcel_has_been(clock, moment) -> None:
    assert clock.at(moment) in (0.0, clock.at(datetime(2090, 1, 1, tzinfo=UTC)))


def test_the_hours_at_which_parcels_come_are_learnt() -> None:
    noon, evening = datetime(2026, 3, 3, 12, tzinfo=BRAZIL), datetime(2026, 3, 3, 18, tzinfo=BRAZIL)
    six_hours = timedelta(hours=6)
    early, late = learnt([9, 10, 11]), learnt([19, 20, 21])
    assert early.at(noon) - early.at(noon - six_hours) > 0.8 > 0.3 > early.at(evening + six_hours) - early.at(evening)
    assert late.at(evening + six_hours) - late.at(evening) > 0.8 > 0.3 > late.at(noon) - late.at(noon - six_hours)
    whole = timedelta(days=1)
    assert early.at(noon + whole) - early.at(noon) == pytest.approx(1)
    assert early == learnt([9, 10, 11]) != late


def test_a_few_deliveries_do_not_say_much_about_the_hours(clock) -> None:
    evening = datetime(2026, 3, 3, 18, tzinfo=BRAZIL)
    once, often = learnt([3], count=2), learnt([3])
    usual = clock.at(evening) - clock.at(evening - timedelta(hours=6))
    assert once.at(evening) - once.at(evening - timedelta(hours=6)) == pytest.approx(usual, rel=0.05)
    assert often.at(evening) - often.at(evening - timedelta(hours=6)) < usual / 5


@given(st.lists(st.floats(946_000_000, 2_800_000_000), min_size=1, max_size=20), st.booleans())
def test_many_moments_at_once_are_told_as_each_by_itself(seconds, is_learnt) -> None:
    clock = learnt([8, 17]) if is_learnt else transit_clock(BRAZIL, "BR")
    one_by_one = [clock.at(datetime.fromtimestamp(each, UTC)) for each in seconds]
    assert clock.at_many(np.array(seconds)).tolist() == pytest.approx(one_by_one, abs=1e-6)
