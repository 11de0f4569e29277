"""This file is the order's story on one line: what was promised, where it is now, and when it was last scanned.

Places on the line are in percent of its length.
"""

from msgspec import Struct


class Mark(Struct, frozen=True):
    """A point. *kind*: `ordered`, `scan`, `now`, `estimate`, `delivered`."""

    at: float
    kind: str


class Stretch(Struct, frozen=True):
    """A part of the line. *kind*: `promise` (the promised day), `silence` (no scan for long)."""

    begins: float
    length: float
    kind: str


class Caption(Struct, frozen=True):
    """A word at the line. *anchor* is `start`, `middle` or `end`; above stands what is now, below what was said."""

    at: float
    anchor: str
    text: str
    is_above: bool = False


class Picture(Struct, frozen=True, kw_only=True):
    """`sentence` says the same for those who cannot see it."""

    sentence: str
    stretches: tuple[Stretch, ...] = ()
    marks: tuple[Mark, ...] = ()
    captions: tuple[Caption, ...] = ()
