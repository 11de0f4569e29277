"""This file is what an agent sees, before it has a look: the panel as typed rows. Every helpdesk draws the same one.

All text is for people and already in the workspace's time zone; drawing escapes it. Links are checked when drawn.
"""

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


class Row(Struct, frozen=True):
    """One fact. *hint* is the exact time behind a relative one, or the like."""

    label: str
    value: str
    hint: str = ""


class Header(Struct, frozen=True, kw_only=True):
    """Which order, whose, and how it stands."""

    name: str
    href: str
    line: str
    """`Ada Lovelace | 14 Nov`."""
    pills: tuple[Pill, ...]
    rows: tuple[Row, ...] = ()
    note: str = ""
    """By what the order was found, where that is sure enough."""
    warnings: tuple[str, ...] = ()
    """That the match is not sure; that the shop hides the customer."""


class Promised(Struct, frozen=True, kw_only=True):
    """The delivery promise."""

    pill: Pill
    line: str
    source: str
    risk: str
    reasons: tuple[str, ...]


class Trouble(Struct, frozen=True, kw_only=True):
    """One open issue, or a signal that has no ticket yet."""

    headline: str
    pill: Pill
    line: str
    reasons: tuple[str, ...] = ()
    href: str = ""
    link: str = ""


class Paid(Struct, frozen=True, kw_only=True):
    """One payment."""

    title: str
    pill: Pill
    rows: tuple[Row, ...]
    problem: str = ""
    attempts: tuple[Row, ...] = ()


class Scanned(Struct, frozen=True, kw_only=True):
    """One scan. `gap` is the silence after it, where that was long; `ago` stands at the newest one alone."""

    when: str
    hint: str
    text: str
    place: str
    ago: str = ""
    gap: str = ""


class Shipped(Struct, frozen=True, kw_only=True):
    """One shipment. Scans are newest first; the gap of the first one reaches up to now."""

    title: str
    number: str
    href: str
    pill: Pill
    rows: tuple[Row, ...]
    problem: str = ""
    scans: tuple[Scanned, ...] = ()


class Contacted(Struct, frozen=True, kw_only=True):
    """One ticket that the customer began."""

    subject: str
    line: str
    href: str = ""


class Happened(Struct, frozen=True, kw_only=True):
    """One line of the order's history."""

    when: str
    text: str


class Source(Struct, frozen=True, kw_only=True):
    """One outside system: as of when, or what is wrong with it."""

    name: str
    tone: Tone
    text: str
    detail: str = ""


class Candidate(Struct, frozen=True, kw_only=True):
    """One of several orders that may be meant."""

    reference: str
    shop: str
    title: str
    line: str
    match: str


class Panel(Struct, frozen=True, kw_only=True):
    """Everything. `message` stands in place of the order where there is none, or several."""

    as_of: str
    message: str = ""
    header: Header | None = None
    promise: Promised | None = None
    troubles: tuple[Trouble, ...] = ()
    solved: tuple[Trouble, ...] = ()
    payments: tuple[Paid, ...] = ()
    shipments: tuple[Shipped, ...] = ()
    contacts: tuple[Contacted, ...] = ()
    notifications: tuple[Happened, ...] = ()
    """What the customer has been told, newest first."""
    history: tuple[Happened, ...] = ()
    """Newest first."""
    sources: tuple[Source, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    waiting_for: tuple[str, ...] = ()
    """Names of sources that have not answered yet."""
