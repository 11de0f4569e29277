"""This file reads one TOML table key by key: what is wrong is noted with its path and what was expected.

A key that is wrong counts as left out, so that reading goes on and all mistakes are found at once.
"""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from msgspec import Struct

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_DURATION = re.compile(r"([0-9]{1,6})\s*([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,3})?")
LONGEST = timedelta(days=366)


class Mistake(Struct, frozen=True):
    """One thing that is wrong with a document."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class Table:
    """One table of a document. Every table read from it notes into the same list of mistakes."""

    def __init__(self, values: Mapping[str, Any], path: str, mistakes: list[Mistake]) -> None:
        self._values = values
        self._path = path
        self._mistakes = mistakes
        self._known: dict[str, None] = {}

    def at(self, key: str) -> str:
        """The path of a key as TOML spells it."""
        shown = key if _BARE_KEY.fullmatch(key) else json.dumps(key)[:80]
        return f"{self._path}.{shown}" if self._path else shown

    def wrong(self, key: str, message: str, *, index: int | None = None) -> None:
        """Note a mistake; *index* is its place in the key's list."""
        place = "" if index is None else f"[{index}]"
        self._mistakes.append(Mistake(self.at(key) + place, message))

    def wrong_itself(self, message: str) -> None:
        """Note that the table should not be there, or not under this name."""
        self._mistakes.append(Mistake(self._path, message))

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def get(self, key: str) -> Any:
        """The value as it is, None where the key is left out; the key is now one that may be there."""
        self._known[key] = None
        return self._values.get(key)

    def close(self, also: Iterable[str] = ()) -> None:
        """Note every key that nobody has asked for. *also* are what else may be meant."""
        for key in self._values:
            if key not in self._known:
                self.wrong(key, f"no such key; {suggestion(key, self._known, also)}")

    # --- one kind of value each -------------------------------------------------------------------------------------

    def flag(self, key: str, default: bool) -> bool:
        found = self.get(key)
        if found is None or isinstance(found, bool):
            return default if found is None else found
        return self._refuse(key, "true or false", default)

    def text(self, key: str, default: str = "", *, longest: int = 200) -> str:
        found = self.get(key)
        if found is None:
            return default
        if isinstance(found, str) and len(found) <= longest:
            return found.strip()
        return self._refuse(key, f"a text of at most {longest} characters", default)

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        found = self.get(key)
        if found is None:
            return default
        if isinstance(found, list | tuple) and all(isinstance(item, str) for item in found):
            return tuple(item.strip() for item in found)
        return self._refuse(key, 'a list of texts such as ["one", "two"]', default)

    def duration(self, key: str, default: timedelta) -> timedelta:
        found = self.get(key)
        if found is None:
            return default
        match = _DURATION.fullmatch(found.strip()) if isinstance(found, str) else None
        if match is None:
            return self._refuse(key, 'a duration such as "45m", "48h" or "2d"', default)
        length = timedelta(**{_UNITS[match[2]]: int(match[1])})
        return length if length <= LONGEST else self._refuse(key, f"at most {LONGEST.days} days", default)

    def count(self, key: str, default: int | None, most: int, least: int = 1) -> int | None:
        found = self.get(key)
        if found is None:
            return default
        if isinstance(found, int) and not isinstance(found, bool) and least <= found <= most:
            return found
        return self._refuse(key, f"{least} to {most}", default)

    def share(self, key: str, default: float) -> float:
        found = self.get(key)
        if found is None:
            return default
        if isinstance(found, int | float) and not isinstance(found, bool) and 0 < found <= 1:
            return float(found)
        return self._refuse(key, "a number above 0 and at most 1", default)

    def amount(self, key: str, default: Decimal | None) -> Decimal | None:
        found = self.get(key)
        if found is None:
            return default
        # A number of TOML is as good as a text: written out again it is what the merchant wrote.
        if isinstance(found, str | int | float) and not isinstance(found, bool):
            text = found.strip() if isinstance(found, str) else shown(found)
            if _AMOUNT.fullmatch(text):
                return Decimal(text)
        return self._refuse(key, 'an amount such as "200.00"', default)

    def clock(self, key: str, default: time) -> time:
        found = self.get(key)
        if found is None:
            return default
        if isinstance(found, time) and found.tzinfo is None:
            return found.replace(microsecond=0)
        if isinstance(found, str) and _CLOCK.fullmatch(found):
            return time.fromisoformat(found)
        return self._refuse(key, "a time of day such as 09:00", default)

    def choice(self, key: str, kind: type[E], default: E) -> E:
        found = self.get(key)
        if found is None:
            return default
        if isinstance(found, str) and found in list(kind):
            return kind(found)
        return self._refuse(key, f"one of {', '.join(kind)}", default)

    def table(self, key: str) -> "Table":
        """The table under a key; an empty one where there is none."""
        found = self.get(key)
        if found is not None and not isinstance(found, dict):
            self._refuse(key, f"a table [{self.at(key)}]", None)
        return Table(found if isinstance(found, dict) else {}, self.at(key), self._mistakes)

    def tables(self, key: str) -> dict[str, "Table"]:
        """The named tables under a key, as `[teams.NAME]` are under `teams`."""
        return self.table(key)._inner()  # noqa: SLF001 - another of us

    def names_of_tables(self) -> list[str]:
        """Keys whose values are tables, where others may stand beside them."""
        return [key for key, value in self._values.items() if isinstance(value, dict)]

    def inline(self, key: str, index: int, values: Mapping[str, Any]) -> "Table":
        """A table that stands within a list."""
        return Table(values, f"{self.at(key)}[{index}]", self._mistakes)

    def _inner(self) -> dict[str, "Table"]:
        return {name: self.table(name) for name in self._values}

    def _refuse(self, key: str, expected: str, default: T) -> T:
        self.wrong(key, f"expected {expected}, got {shown(self._values[key])}")
        return default


def shown(value: object) -> str:
    """A value as a message quotes it."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, or lists in lists in lists
        text = "more than can be shown"
    if len(text) > 80:
        return f"{text[:80]}..."
    return text


def suggestion(name: str, known: Iterable[str], also: Iterable[str] = ()) -> str:
    """`expected one of enabled, wait; did you mean wait?`: the names that exist, and the one that may be meant."""
    names = list(known)
    near = difflib.get_close_matches(name[:200], [*names, *also], n=1, cutoff=0.6)
    listed = f"expected one of {', '.join(sorted(names))}" if names else "there are none"
    return f"{listed}; did you mean {near[0]}?" if near else listed
