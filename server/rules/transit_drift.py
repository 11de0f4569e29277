"""This file follows whether times have been longer of late than they used to be, everywhere and in each group.

Each delivery's scatter fades with the days since; what remains is shrunk towards no drift at all.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]

MOST_DOUBLINGS = 500.0
"""Before the weights are put back to where they began: numbers end somewhere."""


class Drift:
    """Sums of recent scatter by group. A later day weighs more, which is the same as that earlier ones fade."""

    def __init__(self, half_life: float, of_all: float, of_one: float) -> None:
        """*of_all* and *of_one*: how many deliveries without drift are assumed besides, everywhere and in a group."""
        self._half_life, self._of_all, self._of_one = half_life, of_all, of_one
        self._begin = self._last = 0.0
        self._sums: dict[str, tuple[float, float]] = {}

    def begin(self, scatter: Numbers, groups: Sequence[str], members: Places, days: Numbers) -> None:
        """Start again with what is known: *members* says to which of *groups* each belongs."""
        self._begin = self._last = float(days.max())
        weights = 0.5 ** ((self._begin - days) / self._half_life)
        totals = np.bincount(members, weights * scatter, len(groups)).tolist()
        known = np.bincount(members, weights, len(groups)).tolist()
        self._sums = dict(zip(groups, zip(totals, known, strict=True), strict=True))

    def add(self, group: str, scatter: float, day: float) -> None:
        if (day - self._begin) / self._half_life > MOST_DOUBLINGS:
            fading = self._weight(self._begin, day)
            self._sums = {name: (total * fading, known * fading) for name, (total, known) in self._sums.items()}
            self._begin = day
        self._last = max(self._last, day)
        weight = self._weight(day, self._begin)
        total, known = self._sums.get(group, (0.0, 0.0))
        self._sums[group] = (total + scatter * weight, known + weight)

    def found(self) -> tuple[float, dict[str, float]]:
        """The drift everywhere, and what each group has besides."""
        present = self._weight(self._last, self._begin)
        totals = math.fsum(total for total, _ in self._sums.values())
        known = math.fsum(weight for _, weight in self._sums.values())
        drift = totals / (known + self._of_all * present)
        besides = self._of_one * present
        own = {name: (total - drift * weight) / (weight + besides) for name, (total, weight) in self._sums.items()}
        return drift, own

    def _weight(self, day: float, as_of: float) -> float:
        """What counts once on *as_of* counts so much on *day*."""
        return float(2.0 ** ((day - as_of) / self._half_life))
