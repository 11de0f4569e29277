"""This file is the clock by which parcels travel: Saturdays count less, Sundays and holidays hardly, nights a little.

How the days weigh is what fits deliveries best (`python -m bench promise` says on which); how the hours of a day weigh
is learnt from when parcels are delivered. A carrier that does deliver on Sundays is not misjudged by it, since all that
is compared is measured by the same clock.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from copy import copy
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from zoneinfo import ZoneInfo

import holidays
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

WEIGHTS = (1.0, 1.0, 1.0, 1.0, 1.0, 0.6, 0.07)
"""How much of a working day each day of the week is worth, from Monday."""
HOLIDAY = 0.05
USUAL_HOURS = (0.25,) * 8 + (0.5,) * 4 + (0.75,) * 4 + (1.0,) * 6 + (0.75,) * 2
"""How the hours of a day weigh before anything is learnt: most parcels come in the afternoon and the evening."""
USUAL_HOURS_COUNT = 100.0
"""As so many deliveries."""
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
        for number in range(_DAYS):
            day = _FIRST + timedelta(days=number)
            weight = WEIGHTS[day.weekday()]
            self._weights.append(min(weight, HOLIDAY) if free is not None and day in free else weight)
        self._until = list(accumulate(self._weights, initial=0.0))
        self._many_weights, self._many_until = np.array([*self._weights, 0.0]), np.array(self._until)
        offset = datetime(2026, 1, 1, tzinfo=timezone).utcoffset() or timedelta()
        self._origin = datetime(_FIRST.year, _FIRST.month, _FIRST.day, tzinfo=UTC) - offset
        self._origin_seconds = self._origin.timestamp()
        self._set_hours(USUAL_HOURS)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TransitClock) and self._says() == other._says()

    __hash__ = None  # type: ignore[assignment]

    def _says(self) -> tuple[float, Sequence[float], Sequence[float]]:
        return self._origin_seconds, self._hours, self._weights

    def learnt(self, deliveries: Numbers) -> "TransitClock":
        """The same clock with the hours at which these (in seconds since 1970) came."""
        hours = ((deliveries - self._origin_seconds) % _SECONDS / 3600).astype(int)
        usual = np.array(USUAL_HOURS) * (USUAL_HOURS_COUNT / sum(USUAL_HOURS))
        clock = copy(self)
        clock._set_hours((np.bincount(hours, minlength=24)[:24] + usual).tolist())  # noqa: SLF001  # one of its own kind
        return clock

    def _set_hours(self, weights: Sequence[float]) -> None:
        whole = sum(weights)
        self._hours = [weight / whole for weight in weights] + [0.0]
        self._hours_until = [*accumulate(self._hours[:24], initial=0.0)]

    def at(self, moment: datetime) -> float:
        """Working days until *moment*. Before 2000 and after 2059 the clock stands."""
        days = (moment.timestamp() - self._origin_seconds) / _SECONDS
        if not 0 <= days < _DAYS:
            return 0.0 if days < 0 else self._until[-1]
        number = int(days)
        hours = (days - number) * 24
        hour = int(hours)
        inside = self._hours_until[hour] + (hours - hour) * self._hours[hour]
        return self._until[number] + inside * self._weights[number]

    def at_many(self, seconds: Numbers) -> Numbers:
        """The same for many moments, in seconds since 1970."""
        days = np.clip((seconds - self._origin_seconds) / _SECONDS, 0.0, _DAYS)
        numbers = days.astype(int)
        hours = (days - numbers) * 24
        hour = hours.astype(int)
        inside = np.array(self._hours_until)[hour] + (hours - hour) * np.array(self._hours)[hour]
        found: Numbers = self._many_until[numbers] + inside * self._many_weights[numbers]
        return found

    def when(self, worth: float) -> datetime:
        """A moment at which `at` says *worth*, to the microsecond and never late."""
        number = min(max(bisect_left(self._until, worth) - 1, 0), _DAYS - 1)
        inside = min(max(0.0, worth - self._until[number]) / self._weights[number], 1.0)
        hour = min(bisect_right(self._hours_until, inside) - 1, 23)
        hours = min(hour + (inside - self._hours_until[hour]) / self._hours[hour], 24.0)
        return self._origin + timedelta(seconds=number * _SECONDS + hours * 3600) - _TICK


@lru_cache(maxsize=256)
def transit_clock(timezone: ZoneInfo, country: str = "", subdivision: str = "") -> TransitClock:
    """The clock of a place, made once."""
    return TransitClock(timezone, country, subdivision)
