"""This file counts working time: a carrier that rests on Sunday is not late on Monday morning."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

import holidays
from msgspec import Struct
from msgspec.structs import replace

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = timedelta(days=1)
LONGEST = timedelta(days=400)
"""Nothing that lasted longer is told apart from this."""
MOST_KNOWN = 20_000
"""Answers that are remembered."""


class WorkCalendar(Struct, frozen=True, kw_only=True, dict=True):
    """Which hours count. Days are those of *timezone*; `closes` of midnight means the end of the day."""

    timezone: ZoneInfo
    working_days: frozenset[int] = frozenset(range(5))
    """0 is Monday."""
    opens: time = time(0)
    closes: time = time(0)
    country: str = ""
    subdivision: str = ""
    lane: tuple[str, ...] = ()
    """Further countries whose public holidays do not count."""

    def along(self, *countries: str) -> "WorkCalendar":
        """The same for a parcel from one country to another: neither's public holidays count.

        Countries that the library does not know are left out.
        """
        wanted = tuple(sorted({code.upper() for code in countries if has_holidays(code.upper())} - {self.country}))
        if not wanted:
            return self
        known = self._known_lanes.get(wanted)
        if known is None:
            known = self._known_lanes[wanted] = replace(self, lane=wanted)
        return known

    def elapsed(self, start: datetime, end: datetime) -> timedelta:
        """How much working time lies between two moments; none when they are the wrong way round."""
        total = timedelta()
        end = min(end, start + LONGEST)
        day = start.astimezone(self.timezone).date()
        while end > start:
            opening, closing = self._hours(day)
            if opening >= end:
                break
            total += max(timedelta(), min(end, closing) - max(start, opening))
            day += DAY
        return total

    def after(self, start: datetime, duration: timedelta) -> datetime:
        """The first moment at which *duration* of working time has passed since *start*."""
        known = self._known_ends.get((start, duration))
        if known is None:
            if len(self._known_ends) >= MOST_KNOWN:
                self._known_ends.clear()
            known = self._known_ends[start, duration] = self._after(start, duration)
        return known

    def _after(self, start: datetime, duration: timedelta) -> datetime:
        left, day = duration, start.astimezone(self.timezone).date()
        latest = start + LONGEST
        while True:
            opening, closing = self._hours(day)
            begin = max(start, opening)
            if closing - begin >= left and closing > begin:
                return begin + left
            left -= max(timedelta(), closing - begin)
            if opening > latest:
                return latest
            day += DAY

    def before(self, end: datetime, duration: timedelta) -> datetime:
        """The moment from which *duration* of working time is left until *end*."""
        left, day = duration, end.astimezone(self.timezone).date()
        earliest = end - LONGEST
        while True:
            opening, closing = self._hours(day)
            finish = min(end, closing)
            if finish - opening >= left and finish > opening:
                return finish - left
            left -= max(timedelta(), finish - opening)
            if closing < earliest:
                return earliest
            day -= DAY

    def end_of_working_day(self, start: datetime, days: int) -> datetime:
        """The end of the *days*th working day after the day of *start*, in local time."""
        day = start.astimezone(self.timezone).date()
        left = days
        for _ in range(LONGEST.days):
            if left <= 0:
                break
            day += DAY
            left -= self.is_working_day(day)
        return self.end_of_day(day)

    def end_of_day(self, day: date) -> datetime:
        """The last second of a local day, in UTC."""
        return datetime.combine(day, time(23, 59, 59), self.timezone).astimezone(UTC)

    def is_working_day(self, day: date) -> bool:
        if day.weekday() not in self.working_days or _is_holiday(self.country, self.subdivision, day):
            return False
        return not any(_is_holiday(country, "", day) for country in self.lane)

    def _hours(self, day: date) -> tuple[datetime, datetime]:
        """When work begins and ends on a day, in UTC; equal on a day off."""
        known = self._known_hours.get(day)
        if known is None:
            known = self._known_hours[day] = self._read_hours(day)
        return known

    @cached_property
    def _known_hours(self) -> dict[date, tuple[datetime, datetime]]:
        """There are only so many days; working one out costs more than all else that is done with it."""
        return {}

    @cached_property
    def _known_lanes(self) -> dict[tuple[str, ...], "WorkCalendar"]:
        """A calendar remembers what it has worked out, so each lane keeps its own."""
        return {}

    @cached_property
    def _known_ends(self) -> dict[tuple[datetime, timedelta], datetime]:
        """Several rules ask about the same scan, and all of them ask again with every look at the order."""
        return {}

    def _read_hours(self, day: date) -> tuple[datetime, datetime]:
        opening = datetime.combine(day, self.opens, self.timezone).astimezone(UTC)
        if not self.is_working_day(day):
            return opening, opening
        until = day + DAY if self.closes == time(0) else day
        return opening, datetime.combine(until, self.closes, self.timezone).astimezone(UTC)


@lru_cache(maxsize=512)
def has_holidays(country: str) -> bool:
    """Whether the library knows the public holidays of a country's two-letter code."""
    return len(country) == 2 and country in holidays.list_supported_countries()


@lru_cache(maxsize=8192)
def _is_holiday(country: str, subdivision: str, day: date) -> bool:
    return bool(country) and day in _holidays(country, subdivision)


@lru_cache(maxsize=64)
def _holidays(country: str, subdivision: str) -> holidays.HolidayBase:
    return holidays.country_holidays(country, subdiv=subdivision or None)


def check_holidays(code: str) -> tuple[str, str]:
    """Country and subdivision of a code such as `US` or `US-CA`. Raises ValueError where the library has none."""
    country, _, subdivision = code.partition("-")
    if country:
        try:
            holidays.country_holidays(country, subdiv=subdivision or None)
        except NotImplementedError as error:
            raise ValueError(f"expected a country such as US, or US-CA, got {code!r}") from error
    return country, subdivision
