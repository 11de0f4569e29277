"""This file is the marks of the panel: a word, and whether it is good or bad news."""

from enum import StrEnum

from msgspec import Struct


class Tone(StrEnum):
    """What a mark means. It always comes with words: colour alone says nothing."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    PLAIN = "plain"


class Pill(Struct, frozen=True):
    """A short word on a coloured ground."""

    text: str
    tone: Tone = Tone.PLAIN
