"""This file is the clock by which parcels travel: Saturdays count little, Sundays and holidays hardly.

The weights are what fits deliveries best (`python -m bench promise` says on which); a carrier that does deliver on
Sundays is not misjudged by it, since all that is compared is measured by the same clock.
"""

from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

WEIGHTS = (1.0, 1.0, 1.0, 1.0, 1.0, 0.3, 0.07)
"""How much of a working day each day of the week is worth, from Monday."""
HOLIDAY = 0.05
_FIRST = date(2000, 1, 1)
_DAYS = 365 * 60
_SECONDS = 86400.0
_TICK = timedelta(microseconds=1)


class TransitClock:
    """Working days since 2000, as a number that never goes back.

    Days are those of *timezone* in winter: an hour of summer matters to nobody, and a clock that jumps would.
    """

    def __init__(self, timezone: ZoneInfo, country: str = "", subdivision: str = "") -> None:
        free = holidays.country_holidays(country, subdiv=subdivision or None) if country else None
        self._weights = []
        self._until = [0.0]
        for number in range(_DAYS):
            day = _FIRST + timedelta(days=number)
            is_free = free is not None and day in free
            weight = min(WEIGHTS[day.weekday()], HOLIDAY) if is_free else WEIGHTS[day.weekday()]
            self._weights.append(weight)
            self._until.append(self._until[-1] + weight)
        offset = datetime(2026, 1, 1, tzinfo=timezone).utcoffset() or timedelta()
        self._origin = datetime(_FIRST.year, _FIRST.month, _FIRST.day, tzinfo=UTC) - offset
        self._origin_seconds = self._origin.timestamp()

    def at(self, moment: datetime) -> float:
        """Working days until *moment*. Before 2000 and after 2059 the clock stands."""
        days = (moment.timestamp() - self._origin_seconds) / _SECONDS
        if not 0 <= days < _DAYS:
            return 0.0 if days < 0 else self._until[-1]
        number = int(days)
        return self._until[number] + (days - number) * self._weights[number]

    def when(self, worth: float) -> datetime:
        """A moment at which `at` says *worth*, to the microsecond and never late."""
        number = min(max(bisect_left(self._until, worth) - 1, 0), _DAYS - 1)
        inside = min(max(0.0, worth - self._until[number]) / self._weights[number], 1.0)
        return self._origin + timedelta(seconds=(number + inside) * _SECONDS) - _TICK


@lru_cache(maxsize=256)
def transit_clock(timezone: ZoneInfo, country: str = "", subdivision: str = "") -> TransitClock:
    """The clock of a place, made once."""
    return TransitClock(timezone, country, subdivision)
