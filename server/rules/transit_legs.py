"""This file keeps the legs that are learnt from, in columns: a hundred thousand of them take a few megabytes."""

from array import array
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from server.rules.transit import Leg, Way

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]

READY, HANDED_OVER, DELIVERED, PROMISED = range(4)
"""The columns of moments, in seconds since 1970. What was not promised is 0."""


class Ways:
    """Each way once, with a number for it and for every group that it belongs to."""

    def __init__(self, groups: Iterable[str]) -> None:
        self.all: list[Way] = []
        self.names: dict[str, dict[str, int]] = {group: {} for group in groups}
        """Of each group: its members' names, each with its number."""
        self._numbers: dict[Way, int] = {}
        self._members: dict[str, array[int]] = {group: array("q") for group in self.names}

    def number(self, way: Way) -> int:
        known = self._numbers.get(way)
        if known is None:
            known = self._numbers[way] = len(self.all)
            self.all.append(way)
            for group, names in self.names.items():
                self._members[group].append(names.setdefault(getattr(way, group), len(names)))
        return known

    def members(self, group: str) -> Places:
        """By way: the number of the group's member that it belongs to."""
        return np.array(self._members[group], dtype=np.int64)


class Legs:
    """All that is learnt from."""

    def __init__(self, groups: Sequence[str]) -> None:
        self.ways = Ways(groups)
        self._groups = groups
        self._moments = array("d")
        self._went = array("q")

    def __len__(self) -> int:
        return len(self._went)

    def add(self, leg: Leg) -> None:
        promised = leg.promised_by.timestamp() if leg.promised_by is not None else 0.0
        self._moments.extend(
            (leg.ready_at.timestamp(), leg.handed_over_at.timestamp(), leg.delivered_at.timestamp(), promised)
        )
        self._went.append(self.ways.number(leg.way))

    def sort(self, most: int) -> tuple[Numbers, Places]:
        """The newest *most* by delivery, whatever the sequence they came in, and the numbers of their ways.

        The others are forgotten, and the ways that only they went.
        """
        moments, went = np.array(self._moments).reshape(-1, 4), np.array(self._went, dtype=np.int64)
        ways, columns = self.ways.all, [moments[:, column] for column in (PROMISED, READY, HANDED_OVER, DELIVERED)]
        order = np.lexsort(columns)
        alike = (np.diff(moments[order], axis=0) == 0).all(axis=1)
        if alike.any():  # only then the names of their ways tell which comes first
            tied = np.unique(went[order][np.append(alike, False) | np.append(False, alike)]).tolist()
            ranks = np.zeros(len(ways), dtype=np.int64)
            ranks[sorted(tied, key=lambda number: _name(ways[number]))] = np.arange(len(tied))
            order = np.lexsort((ranks[went], *columns))
        order = order[-most:]
        moments, went = moments[order], went[order]
        if len(order) < len(self._went):
            self.ways = Ways(self._groups)
            went = np.array([self.ways.number(ways[number]) for number in went.tolist()], dtype=np.int64)
        self._moments, self._went = array("d", moments.tobytes()), array("q", went.tobytes())
        return moments, went


def _name(way: Way) -> tuple[str, ...]:
    return (way.origin, way.destination, way.carrier, way.service, way.seller)
