"""This file says how likely a promise is to be missed, from how long hand-over and transit took for others.

What is known of a way (origin, destination, carrier, service, seller) is the mean of the logarithm of its times, shrunk
towards wider groups where few parcels went it; how single parcels scatter around it is one curve for all of them.
So the chance is a quotient of two points of that curve: of those that take longer than until now, how many take longer
than until the promise? It can only rise in silence, and the moment at which it reaches a given share is known exactly.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from server.rules.transit_clock import TransitClock

LOST = 0.014
"""The share of parcels that never arrive once the carrier has them. A constant, as the next one is, because histories
are often made of what was completed, or of samples of it, and would teach anything."""
NEVER_HANDED_OVER = 0.008
"""The share of orders that nobody ever hands over."""
FEWEST = 50
"""Legs that must have been learnt before the curve is believed."""
FEWEST_OF_A_LANE = 20
GRID_FROM, GRID_TO, GRID_STEP = -4.0, 4.0, 0.02
SHORTEST_TRANSIT, SHORTEST_HANDOVER = 0.2, 0.05
"""Working days: what is quicker is a matter of when somebody scanned it."""
SHORTEST_HORIZON = 2.0
USUAL_HORIZON = 2.8
"""The logarithm of the working days that promises usually leave; only centres the effect of longer and shorter ones."""


class Way(Struct, frozen=True):
    """Which way a parcel goes, as far as it is known; the names are whatever the sources call the places."""

    origin: str = ""
    destination: str = ""
    carrier: str = ""
    service: str = ""
    seller: str = ""

    @property
    def lane(self) -> str:
        return f"{self.origin}>{self.destination}"

    @property
    def courier(self) -> str:
        return f"{self.carrier}|{self.service}"


class Leg(Struct, frozen=True, kw_only=True):
    """A way that was gone to its end. `ready_at` is when it was paid, or placed."""

    way: Way
    ready_at: datetime
    handed_over_at: datetime
    delivered_at: datetime
    promised_by: datetime | None = None


class Effects(Struct, frozen=True):
    """A mean of logarithms of working days, and by how much groups differ from it."""

    mean: float
    groups: Mapping[str, Mapping[str, float]]
    """Name of the property of `Way`, then its value."""

    def of(self, way: Way) -> float:
        found = self.mean
        for name, effects in self.groups.items():
            found += effects.get(getattr(way, name), 0.0)
        return found


class Curve(Struct, frozen=True):
    """Which share scatters beyond each point of the grid; falls from 1 to the share that never arrives."""

    beyond: Sequence[float]

    def at(self, point: float) -> float:
        return self.all_at((point,))[0]

    def all_at(self, points: Sequence[float]) -> list[float]:
        """`at`, of several points."""
        beyond, last = self.beyond, len(self.beyond) - 1
        found = []
        for point in points:
            place = (point - GRID_FROM) / GRID_STEP
            index = int(place) if place > 0 else 0
            if index >= last:
                found.append(beyond[-1])
            else:
                low = beyond[index]
                found.append(low + (max(place, 0.0) - index) * (beyond[index + 1] - low))
        return found

    def where(self, share: float) -> float | None:
        """The first point beyond which no more than *share* scatters; None where there always is more."""
        beyond = self.beyond
        if share < beyond[-1]:
            return None
        low, high = 0, len(beyond) - 1
        while low < high:
            middle = (low + high) // 2
            if beyond[middle] <= share:
                high = middle
            else:
                low = middle + 1
        if low == 0:
            return -math.inf
        before, after = beyond[low - 1], beyond[low]
        return GRID_FROM + GRID_STEP * (low - 1 + (before - share) / (before - after))


class Course(Struct, frozen=True):
    """How the chance of one order to miss its promise rises while nothing is heard. Times are the clock's."""

    starts: float
    """When the hand-over, or the transit, began."""
    steps: Sequence[tuple[float, float]] = ()
    """Before hand-over: from how many working days after `starts` on, which chance."""
    curve: Curve | None = None
    expected: float = 0.0
    missed: float = 1.0
    """In transit: the share of all that go this way which take longer than until the promise."""

    def risk(self, at: float) -> float:
        if self.curve is None:
            found = 0.0
            for begins, chance in self.steps:
                if at - self.starts < begins:
                    break
                found = chance
            return found
        return min(1.0, self.missed / self.curve.at(_log(at - self.starts) - self.expected))

    def reaches(self, share: float) -> float | None:
        """From when on the chance is *share* or more."""
        if self.curve is None:
            return next((self.starts + begins for begins, chance in self.steps if chance >= share), None)
        point = self.curve.where(self.missed / share)
        return None if point is None else self.starts + math.exp(min(point + self.expected, 20.0))


class Transit(Struct, frozen=True, kw_only=True):
    """What has been learnt so far."""

    clock: TransitClock | None = None
    legs: int = 0
    handover: Effects = Effects(0.0, {})
    transit: Effects = Effects(0.0, {})
    horizon: float = 0.0
    """How much longer transit takes where the promise leaves longer: promises know where parcels go."""
    handover_horizon: float = 0.0
    """The same of hand-over: promises know what takes long to make."""
    handover_times: Sequence[tuple[float, float]] = ()
    """Points of the hand-over's curve, by how many times what is usual, with the share that each stands for."""
    handover_drift: float = 0.0
    curve: Curve = Curve((1.0, LOST))
    drift: float = 0.0
    """By how much parcels have been slower of late than they used to be; `handover_drift` is the same of hand-over."""
    drifts: Mapping[str, float] = {}
    """The same by destination, on top."""
    lanes: Mapping[str, int] = {}
    destinations: Mapping[str, int] = {}

    @property
    def is_learnt(self) -> bool:
        return self.clock is not None and self.legs >= FEWEST

    def in_transit(self, way: Way, ready: float, handed_over: float, promised: float) -> Course:
        """For a parcel that the carrier has."""
        expected = self._expected(way, ready, promised)
        missed = self.curve.at(_log(promised - handed_over) - expected)
        return Course(starts=handed_over, curve=self.curve, expected=expected, missed=missed)

    def not_handed_over(self, way: Way, ready: float, promised: float) -> Course:
        """For an order that nobody has handed over: its hand-over may take as long as others', and transit after it."""
        left = promised - ready
        expected = self._expected(way, ready, promised)
        usual = math.exp(self.handover.of(way) + self.handover_horizon * _horizon(left) + self.handover_drift)
        times = [times_usual * usual for times_usual, _ in self.handover_times]
        lates = self.curve.all_at([_log(left - takes) - expected for takes in times])
        late = still = NEVER_HANDED_OVER
        steps = [(times[-1] if times else 0.0, 1.0)]
        for position in range(len(times) - 1, -1, -1):
            share = self.handover_times[position][1] * (1 - NEVER_HANDED_OVER)
            late += share * lates[position]
            still += share
            steps.append((times[position - 1] if position else 0.0, late / still))
        steps.reverse()
        return Course(starts=ready, steps=steps)

    def _expected(self, way: Way, ready: float, promised: float) -> float:
        drift = self.drift + self.drifts.get(way.destination, 0.0)
        return self.transit.of(way) + self.horizon * _horizon(promised - ready) + drift


def _horizon(days: float) -> float:
    return math.log(max(days, SHORTEST_HORIZON)) - USUAL_HORIZON


def _log(days: float) -> float:
    return math.log(days) if days > 1e-3 else -7.0


UNLEARNED = Transit()
"""Before anything has been learnt."""
