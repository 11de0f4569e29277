"""This file says times, spans and other people's words so that an agent can read them, in tickets and reasons."""

import re
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from server.model import Level, PromiseRisk

_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]+")
_UNUSUAL = re.compile(r"[{}]|  ")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NEAR_DAYS = {0: "today", 1: "tomorrow", -1: "yesterday"}
_PLACEHOLDER = re.compile(r"\{(?=[{%#])|\}(?=\})")


def one_line(text: str, most: int = 200) -> str:
    """Somebody else's text on one line: no control characters, no placeholders that a helpdesk would fill in."""
    if len(text) <= most and text.isprintable() and not _UNUSUAL.search(text) and text == text.strip():
        return text
    flat = " ".join(_INVISIBLE.sub(" ", text).split())
    flat = _PLACEHOLDER.sub(r"\g<0> ", flat)
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def span(length: timedelta) -> str:
    """`51 hours`, `1 hour`, `6 days`, `25 minutes`: hours up to three days, because promises are about days."""
    minutes = int(length.total_seconds() // 60)
    if minutes < 60:
        return _count(max(minutes, 0), "minute")
    if minutes < 72 * 60:
        return _count(minutes // 60, "hour")
    return _count(minutes // (24 * 60), "day")


@lru_cache(maxsize=16_384)
def moment(at: datetime, zone: ZoneInfo) -> str:
    """`Mon 23 Nov, 14:05 EST`."""
    local = at.astimezone(zone)
    clock = f"{local.hour:02}:{local.minute:02} {local.tzname()}"
    return f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month]}, {clock}"


@lru_cache(maxsize=16_384)
def day(at: datetime, zone: ZoneInfo) -> str:
    """`Fri 27 Nov`."""
    local = at.astimezone(zone)
    return f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month]}"


def relative_day(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """`today`, `tomorrow`, `yesterday`, else `on Fri 27 Nov`."""
    days = (at.astimezone(zone).date() - now.astimezone(zone).date()).days
    return _NEAR_DAYS.get(days) or f"on {day(at, zone)}"


def promise_clause(found: PromiseRisk, now: datetime, zone: ZoneInfo) -> str:
    """A promise in trouble as a sentence of its own: `delivery promise is at risk tomorrow`."""
    when = relative_day(found.promise.promised_by, now, zone)
    missed = found.level is Level.MISSED
    return f"its delivery promise {when} was missed" if missed else f"delivery promise is at risk {when}"


def listed(words: list[str]) -> str:
    """`a`, `a and b`, `a, b, and c`."""
    if len(words) < 3:
        return " and ".join(words)
    return f"{', '.join(words[:-1])}, and {words[-1]}"


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
