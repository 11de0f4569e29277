"""This file learns how long hand-over and transit take, one delivery after the other.

Every so many deliveries everything is reckoned anew from all that is kept; in between only the drift follows: whether
parcels have been slower of late than they used to be, everywhere and by destination.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from server.rules.transit import (
    GRID_FROM,
    GRID_STEP,
    GRID_TO,
    LOST,
    SHORTEST_HANDOVER,
    SHORTEST_TRANSIT,
    USUAL_HORIZON,
    Curve,
    Effects,
    Leg,
    Transit,
    Way,
)
from server.rules.transit_clock import TransitClock

Numbers = NDArray[np.float64]

TRANSIT_GROUPS = {"destination": 5.0, "origin": 10.0, "courier": 10.0, "lane": 15.0}
"""In this sequence each group explains what those before it left, and counts as if so many average parcels had gone it
besides. A seller's own effect on transit made predictions worse on every fold and is left out."""
HANDOVER_GROUPS = {"origin": 5.0, "seller": 2.0}
HORIZON_RIDGE = 20.0
RECENCY_DAYS = 400.0
"""After so long a delivery counts half for the curves."""
DRIFT_DAYS = 21.0
DRIFT_OF_ALL, DRIFT_OF_ONE = 20.0, 10.0
"""Deliveries without drift that are assumed besides, for all together and for a destination."""
MOST_LEGS = 100_000
SURE_TRANSIT, SURE_HANDOVER = 0.55, 0.9
"""How logarithms scatter where little is known; counts as ten deliveries."""
PRIOR_COUNT = 10.0
_EDGES = (*(n / 20 for n in range(20)), 0.975, 0.985, 0.995, 1.0)


class TransitLearner:
    """Learns legs; `transit` is what is known by now, and a new object whenever that changes."""

    def __init__(self, clock: TransitClock) -> None:
        self.transit = Transit(clock=clock)
        self._clock = clock
        self._ways: list[Way] = []
        self._known_ways: dict[Way, Way] = {}
        """Each way once: many parcels go it."""
        self._rows: list[tuple[float, float, float, float]] = []
        """Logarithm of transit, of hand-over, of the promise's horizon (centred), and the day of delivery."""
        self._next_reckoning = 1
        self._drift = _Drift()

    def learn(self, leg: Leg) -> None:
        """Take in one delivery. Those that cannot be (delivered before they were handed over) are passed over."""
        if leg.delivered_at < leg.handed_over_at:
            return
        row = self._row(leg)
        self._ways.append(self._known_ways.setdefault(leg.way, leg.way))
        self._rows.append(row)
        if len(self._rows) >= self._next_reckoning:
            self.reckon()
        else:
            self._drift.add(leg.way.destination, row[0] - self._expected(leg.way, row), row[3])
            drift, drifts = self._drift.found()
            self.transit = replace(self.transit, legs=len(self._rows), drift=drift, drifts=drifts)

    def learn_all(self, legs: Iterable[Leg]) -> None:
        """Take in many at once, in any order."""
        for leg in legs:
            if leg.delivered_at >= leg.handed_over_at:
                self._ways.append(self._known_ways.setdefault(leg.way, leg.way))
                self._rows.append(self._row(leg))
        if self._rows:
            self.reckon()

    def reckon(self) -> None:
        """Reckon everything anew. The same legs give the same answer, in whatever sequence they came."""
        order = sorted(
            range(len(self._rows)),
            key=lambda index: (self._rows[index][3], self._rows[index], _name(self._ways[index])),
        )
        order = order[-MOST_LEGS:]
        self._ways, self._rows = [self._ways[index] for index in order], [self._rows[index] for index in order]
        self._known_ways = {way: way for way in self._ways}
        self._next_reckoning = len(order) + max(20, len(order) // 20)
        rows = np.array(self._rows)
        days, weights = rows[:, 3], 0.5 ** ((rows[-1, 3] - rows[:, 3]) / RECENCY_DAYS)
        transit, scatter = _effects(rows[:, 0], self._ways, TRANSIT_GROUPS)
        slope = float(rows[:, 2] @ scatter / (rows[:, 2] @ rows[:, 2] + HORIZON_RIDGE))
        scatter = scatter - slope * rows[:, 2]
        handover, handover_scatter = _effects(rows[:, 1], self._ways, HANDOVER_GROUPS)
        destinations = [way.destination for way in self._ways]
        self._drift = _Drift.of(scatter, destinations, days)
        drift, drifts = self._drift.found()
        self.transit = Transit(
            clock=self._clock,
            legs=len(order),
            handover=handover,
            transit=transit,
            horizon=slope,
            handover_times=_points(handover_scatter, weights),
            curve=_curve(scatter, weights),
            lanes=Counter(way.lane for way in self._ways),
            destinations=Counter(destinations),
            drift=drift,
            drifts=drifts,
        )

    def _row(self, leg: Leg) -> tuple[float, float, float, float]:
        at = self._clock.at
        ready, handed_over, delivered = at(leg.ready_at), at(leg.handed_over_at), at(leg.delivered_at)
        left = at(leg.promised_by) - ready if leg.promised_by is not None else 0.0
        horizon = float(np.log(max(left, 2.0))) - USUAL_HORIZON if leg.promised_by is not None else 0.0
        return (
            float(np.log(max(delivered - handed_over, SHORTEST_TRANSIT))),
            float(np.log(max(handed_over - ready, SHORTEST_HANDOVER))),
            horizon,
            leg.delivered_at.timestamp() / 86400,
        )

    def _expected(self, way: Way, row: Sequence[float]) -> float:
        return self.transit.transit.of(way) + self.transit.horizon * row[2]


class _Drift:
    """Recent scatter, fading with the days of the deliveries that bring it."""

    def __init__(self) -> None:
        self._day = 0.0
        self._sums: dict[str, tuple[float, float]] = {}
        """By destination: the sum and the weight, as of `_day`."""

    @classmethod
    def of(cls, scatter: Numbers, destinations: Sequence[str], days: Numbers) -> "_Drift":
        drift = cls()
        drift._day = float(days[-1])
        weights = 0.5 ** ((drift._day - days) / DRIFT_DAYS)
        for destination, value, weight in zip(destinations, weights * scatter, weights, strict=True):
            total, known = drift._sums.get(destination, (0.0, 0.0))
            drift._sums[destination] = (total + float(value), known + float(weight))
        return drift

    def add(self, destination: str, scatter: float, day: float) -> None:
        if day > self._day:
            fading = 0.5 ** ((day - self._day) / DRIFT_DAYS)
            self._sums = {name: (total * fading, known * fading) for name, (total, known) in self._sums.items()}
            self._day = day
        weight = 0.5 ** ((self._day - day) / DRIFT_DAYS)
        total, known = self._sums.get(destination, (0.0, 0.0))
        self._sums[destination] = (total + scatter * weight, known + weight)

    def found(self) -> tuple[float, dict[str, float]]:
        """The drift everywhere, and what each destination has besides."""
        everywhere = sum(total for total, _ in self._sums.values())
        known = sum(weight for _, weight in self._sums.values())
        drift = everywhere / (known + DRIFT_OF_ALL)
        own = {name: (total - drift * weight) / (weight + DRIFT_OF_ONE) for name, (total, weight) in self._sums.items()}
        return drift, own


def _effects(values: Numbers, ways: Sequence[Way], groups: dict[str, float]) -> tuple[Effects, Numbers]:
    """The mean, what each group adds to it, and what is left unexplained."""
    mean = float(values.mean())
    left = values - mean
    found: dict[str, dict[str, float]] = {}
    for name, besides in groups.items():
        codes: dict[str, int] = {}
        members = np.array([codes.setdefault(getattr(way, name), len(codes)) for way in ways])
        means = np.bincount(members, left) / (np.bincount(members) + besides)
        left = left - means[members]
        found[name] = dict(zip(codes, means.tolist(), strict=True))
    return Effects(mean, found), left


def _curve(scatter: Numbers, weights: Numbers) -> Curve:
    """The share beyond each point of the grid; where little is known it is near a normal one."""
    grid = np.arange(GRID_FROM, GRID_TO + GRID_STEP / 2, GRID_STEP)
    order = np.argsort(scatter)
    until = np.concatenate([[0.0], np.cumsum(weights[order])])
    beyond = until[-1] - until[np.searchsorted(scatter[order], grid, side="right")]
    beyond = (beyond + PRIOR_COUNT * _normal_beyond(grid / SURE_TRANSIT)) / (until[-1] + PRIOR_COUNT)
    return Curve((LOST + (1 - LOST) * np.minimum.accumulate(beyond)).tolist())


def _normal_beyond(points: Numbers) -> Numbers:
    # The logistic curve that is nearest to the normal one: good to one in a hundred, and no library for it.
    return np.asarray(1 / (1 + np.exp(1.702 * points)))


def _points(scatter: Numbers, weights: Numbers) -> list[tuple[float, float]]:
    """The hand-over's curve as some points, closer where it is late."""
    order = np.argsort(scatter)
    until = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
    middles = [(low + high) / 2 for low, high in pairwise(_EDGES)]
    known = np.interp(middles, until, scatter[order])
    count, normal = len(scatter), np.array([SURE_HANDOVER * _normal_point(middle) for middle in middles])
    mixed = (count * known + PRIOR_COUNT * normal) / (count + PRIOR_COUNT)
    shares = [high - low for low, high in pairwise(_EDGES)]
    return list(zip(mixed.tolist(), shares, strict=True))


def _normal_point(share: float) -> float:
    return float(np.log(share / (1 - share)) / 1.702)


def _name(way: Way) -> tuple[str, ...]:
    return (way.origin, way.destination, way.carrier, way.service, way.seller)
