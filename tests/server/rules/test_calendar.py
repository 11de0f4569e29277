"""Working time: weekends, holidays, hours, and clocks that change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.rules.calendar import WorkCalendar, check_holidays

NEW_YORK = ZoneInfo("America/New_York")
WHOLE_DAYS = WorkCalendar(timezone=NEW_YORK, country="US")
OFFICE = WorkCalendar(timezone=NEW_YORK, opens=time(9), closes=time(17))
HOUR = timedelta(hours=1)


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=NEW_YORK).astimezone(UTC)


def test_a_weekend_counts_for_nothing() -> None:
    friday, monday = local(2026, 11, 13, 12), local(2026, 11, 16, 12)
    assert WHOLE_DAYS.elapsed(friday, monday) == 24 * HOUR
    assert WHOLE_DAYS.after(friday, 24 * HOUR) == monday


def test_office_hours_count_only_while_open() -> None:
    friday = local(2026, 11, 13, 16)
    assert OFFICE.after(friday, 2 * HOUR) == local(2026, 11, 16, 10)
    assert OFFICE.elapsed(friday, local(2026, 11, 16, 10)) == 2 * HOUR


def test_thanksgiving_is_a_day_off() -> None:
    assert WHOLE_DAYS.after(local(2026, 11, 25, 12), 24 * HOUR) == local(2026, 11, 27, 12)


def test_the_day_on_which_clocks_go_back_has_25_hours() -> None:
    every_day = WorkCalendar(timezone=NEW_YORK, working_days=frozenset(range(7)))
    assert every_day.elapsed(local(2026, 11, 1), local(2026, 11, 2)) == 25 * HOUR


def test_a_promise_in_working_days_ends_with_the_day() -> None:
    assert WHOLE_DAYS.end_of_working_day(local(2026, 11, 12, 15), 3) == local(2026, 11, 17, 23, 59, 59)


moments = st.integers(0, 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@settings(deadline=None)
@given(moments, st.integers(0, 400), st.sampled_from([WHOLE_DAYS, OFFICE]))
def test_after_is_the_first_moment_at_which_so_much_has_elapsed(start, hours, calendar) -> None:
    end = calendar.after(start, hours * HOUR)
    assert calendar.elapsed(start, end) == hours * HOUR
    if hours:
        assert calendar.elapsed(start, end - timedelta(seconds=1)) < hours * HOUR


def test_unknown_countries_are_refused() -> None:
    assert check_holidays("US-CA") == ("US", "CA")
    for code in ("XX", "US-ZZ"):
        with pytest.raises(ValueError, match="expected a country such as US"):
            check_holidays(code)


@settings(deadline=None)
@given(moments, st.integers(1, 400), st.sampled_from([WHOLE_DAYS, OFFICE]))
def test_before_is_the_last_moment_that_leaves_so_much_time(end, hours, calendar) -> None:
    start = calendar.before(end, hours * HOUR)
    assert calendar.elapsed(start, end) == hours * HOUR
    assert calendar.elapsed(start + timedelta(seconds=1), end) < hours * HOUR


def test_along_a_way_neither_ends_holidays_count() -> None:
    plain = WorkCalendar(timezone=ZoneInfo("UTC"))
    thanksgiving, day_in_france = date(2026, 11, 26), date(2026, 7, 14)
    assert plain.is_working_day(thanksgiving)
    lane = plain.along("us", "FR")
    assert not lane.is_working_day(thanksgiving)
    assert not lane.is_working_day(day_in_france)
    assert lane.is_working_day(date(2026, 11, 27))
    assert plain.along("FR", "US") is lane, "a lane's calendar is made once"


@pytest.mark.parametrize("countries", [(), ("",), ("XX",), ("United States",), ("U\x00",)])
def test_along_a_way_of_which_no_holidays_are_known_it_stays_the_same(countries: tuple[str, ...]) -> None:
    plain = WorkCalendar(timezone=ZoneInfo("UTC"))
    assert plain.along(*countries) is plain
