"""This file learns how long hand-over and transit take, one delivery after the other.

Every so many deliveries everything is reckoned anew from all that is kept; in between only the drift follows: whether
hand-over and transit have been slower of late than they used to be, everywhere and by destination.
"""

import math
from collections.abc import Iterable
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
    SHORTEST_HORIZON,
    SHORTEST_TRANSIT,
    USUAL_HORIZON,
    Curve,
    Effects,
    Leg,
    Transit,
)
from server.rules.transit_clock import TransitClock
from server.rules.transit_drift import Drift
from server.rules.transit_legs import DELIVERED, HANDED_OVER, PROMISED, READY, Legs, Ways

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]

TRANSIT_GROUPS = {"destination": 5.0, "origin": 10.0, "courier": 10.0, "lane": 15.0}
"""In this sequence each group explains what those before it left, and counts as if so many average parcels had gone it
besides. A seller's own effect on transit made predictions worse and is left out."""
HANDOVER_GROUPS = {"origin": 20.0, "seller": 5.0}
HORIZON_RIDGE = 20.0
RECENCY_DAYS = 400.0
"""After so long a delivery counts half for the curves."""
TRANSIT_DRIFT_DAYS, HANDOVER_DRIFT_DAYS = 21.0, 14.0
DRIFT_OF_ALL, DRIFT_OF_ONE = 20.0, 10.0
MOST_LEGS = 50_000
FEWEST_NEW, NEW_SHARE = 20, 30
"""After so many deliveries, or such a part of all (one in so many), everything is reckoned anew."""
SURE_TRANSIT, SURE_HANDOVER = 0.55, 0.9
"""How logarithms scatter where little is known; counts as ten deliveries."""
PRIOR_COUNT = 10.0
_DAY = 86400.0
_EDGES = (*(n / 20 for n in range(20)), 0.975, 0.985, 0.995, 1.0)


class TransitLearner:
    """Learns legs; `transit` is what is known by now, and a new object whenever that changes."""

    def __init__(self, clock: TransitClock) -> None:
        self.transit = Transit(clock=clock)
        self._clock = clock
        self._legs = Legs(tuple({**TRANSIT_GROUPS, **HANDOVER_GROUPS}))
        self._next_reckoning = 1
        self._begin_drifts()

    def learn(self, leg: Leg) -> None:
        """Take in one delivery. Those that cannot be (delivered before they were handed over) are passed over."""
        if leg.delivered_at < leg.handed_over_at:
            return
        self._legs.add(leg)
        if len(self._legs) >= self._next_reckoning:
            self.reckon()
        else:
            self._follow(leg)

    def learn_all(self, legs: Iterable[Leg]) -> None:
        """Take in many at once, in any order."""
        for leg in legs:
            if leg.delivered_at >= leg.handed_over_at:
                self._legs.add(leg)
        if len(self._legs):
            self.reckon()

    def reckon(self) -> None:
        """Reckon everything anew. The same legs give the same answer, in whatever sequence they came."""
        moments, went = self._legs.sort(MOST_LEGS)
        ways, self._next_reckoning = self._legs.ways, len(went) + max(FEWEST_NEW, len(went) // NEW_SHARE)
        clock = self._clock.learnt(moments[:, DELIVERED])
        takes_transit, takes_handover, horizon = _logarithms(clock, moments)
        weights = 0.5 ** ((moments[-1, DELIVERED] - moments[:, DELIVERED]) / (RECENCY_DAYS * _DAY))
        transit, scatter = _effects(takes_transit, ways, went, TRANSIT_GROUPS)
        slope, scatter = _slope(scatter, horizon)
        handover, handover_scatter = _effects(takes_handover, ways, went, HANDOVER_GROUPS)
        handover_slope, handover_scatter = _slope(handover_scatter, horizon)
        destinations = ways.members("destination")[went]
        self._begin_drifts()
        names = list(ways.names["destination"])
        self._transit_drift.begin(scatter, names, destinations, moments[:, DELIVERED] / _DAY)
        everywhere = np.zeros(len(went), dtype=np.int64)
        self._handover_drift.begin(handover_scatter, [""], everywhere, moments[:, HANDED_OVER] / _DAY)
        known = Transit(
            clock=clock,
            legs=len(went),
            handover=handover,
            transit=transit,
            horizon=slope,
            handover_horizon=handover_slope,
            handover_times=_points(handover_scatter, weights),
            curve=_curve(scatter, weights),
            lanes=_counts(ways, went, "lane"),
            destinations=_counts(ways, went, "destination"),
        )
        self.transit = self._with_drifts(known)

    def _begin_drifts(self) -> None:
        self._transit_drift = Drift(TRANSIT_DRIFT_DAYS, DRIFT_OF_ALL, DRIFT_OF_ONE)
        self._handover_drift = Drift(HANDOVER_DRIFT_DAYS, DRIFT_OF_ALL, DRIFT_OF_ONE)

    def _follow(self, leg: Leg) -> None:
        """Take one more delivery into the drifts."""
        known, clock = self.transit, self.transit.clock
        assert clock is not None  # noqa: S101  # the first leg was reckoned
        ready, handed_over, delivered = clock.at(leg.ready_at), clock.at(leg.handed_over_at), clock.at(leg.delivered_at)
        left = clock.at(leg.promised_by) - ready if leg.promised_by is not None else None
        horizon = math.log(max(left, SHORTEST_HORIZON)) - USUAL_HORIZON if left is not None else 0.0
        took = math.log(max(delivered - handed_over, SHORTEST_TRANSIT))
        expected = known.transit.of(leg.way) + known.horizon * horizon
        self._transit_drift.add(leg.way.destination, took - expected, leg.delivered_at.timestamp() / _DAY)
        took = math.log(max(handed_over - ready, SHORTEST_HANDOVER))
        expected = known.handover.of(leg.way) + known.handover_horizon * horizon
        self._handover_drift.add("", took - expected, leg.handed_over_at.timestamp() / _DAY)
        self.transit = self._with_drifts(known)

    def _with_drifts(self, known: Transit) -> Transit:
        drift, drifts = self._transit_drift.found()
        handover_drift, _ = self._handover_drift.found()
        return replace(known, legs=len(self._legs), drift=drift, drifts=drifts, handover_drift=handover_drift)


def _logarithms(clock: TransitClock, moments: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Of working days: how long transit took, and hand-over, and how much the promise left (centred; 0: unknown)."""
    ready, handed_over, delivered, promised = (
        clock.at_many(moments[:, column]) for column in (READY, HANDED_OVER, DELIVERED, PROMISED)
    )
    horizon = np.log(np.maximum(promised - ready, SHORTEST_HORIZON)) - USUAL_HORIZON
    return (
        np.log(np.maximum(delivered - handed_over, SHORTEST_TRANSIT)),
        np.log(np.maximum(handed_over - ready, SHORTEST_HANDOVER)),
        np.where(moments[:, PROMISED] > 0, horizon, 0.0),
    )


def _effects(values: Numbers, ways: Ways, went: Places, groups: dict[str, float]) -> tuple[Effects, Numbers]:
    """The mean, what each group adds to it, and what is left unexplained."""
    mean = float(values.mean())
    left = values - mean
    found: dict[str, dict[str, float]] = {}
    for name, besides in groups.items():
        members, names = ways.members(name)[went], ways.names[name]
        means = np.bincount(members, left, len(names)) / (np.bincount(members, minlength=len(names)) + besides)
        left = left - means[members]
        found[name] = dict(zip(names, means.tolist(), strict=True))
    return Effects(mean, found), left


def _slope(scatter: Numbers, horizon: Numbers) -> tuple[float, Numbers]:
    """By how much scatter goes with the horizon, shrunk, and what is left of it then."""
    slope = float((horizon * scatter).sum() / ((horizon * horizon).sum() + HORIZON_RIDGE))
    return slope, scatter - slope * horizon


def _counts(ways: Ways, went: Places, group: str) -> dict[str, int]:
    names = ways.names[group]
    return dict(zip(names, np.bincount(ways.members(group)[went], minlength=len(names)).tolist(), strict=True))


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
    mixed = np.exp((count * known + PRIOR_COUNT * normal) / (count + PRIOR_COUNT))
    shares = [high - low for low, high in pairwise(_EDGES)]
    return list(zip(mixed.tolist(), shares, strict=True))


def _normal_point(share: float) -> float:
    return math.log(share / (1 - share)) / 1.702
