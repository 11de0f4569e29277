"""This file reads what a request asks for, and says what was expected where it cannot be read."""

import math

from server.errors import BadInput

LONGEST_TEXT = 200
LONGEST_WAIT = 10.0


def read_text(text: str | None, name: str) -> str:
    """A text to look for. Raises BadInput."""
    found = (text or "").strip()
    if not found or len(found) > LONGEST_TEXT:
        raise BadInput(f"{name}: expected 1 to {LONGEST_TEXT} characters")
    return found


def read_live(text: str | None) -> bool:
    """`?live=`, true where it is absent. Raises BadInput."""
    return _read_flag(text, "live", default=True)


def read_wait(text: str | None) -> float | None:
    """`?wait=` in seconds, at most ten; None where it is absent. Raises BadInput."""
    if text is None:
        return None
    try:
        seconds = float(text) if text.isascii() else math.nan
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds) or seconds < 0:
        raise BadInput(f"wait: expected a number of seconds from 0 to {LONGEST_WAIT:g}")
    return min(seconds, LONGEST_WAIT)


def read_limit(text: str | None, most: int) -> int:
    """`?limit=`; *most* where it is absent. Raises BadInput."""
    return most if text is None else read_count(text, "limit", most)


def read_count(text: str, name: str, most: int) -> int:
    """A whole number from 1 to *most*. Raises BadInput."""
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= most):
        raise BadInput(f"{name}: expected a whole number from 1 to {most}")
    return int(text)


def _read_flag(text: str | None, name: str, *, default: bool) -> bool:
    if text is None:
        return default
    if text.lower() in ("true", "1"):
        return True
    if text.lower() in ("false", "0"):
        return False
    raise BadInput(f"{name}: expected true or false")
