"""This file is what an agent sees, before it has a look: the panel as typed rows. Every helpdesk draws the same one.

All text is for people and already in the workspace's time zone; drawing escapes it. Links are checked when drawn.
What agents ask for and decide is in `asking.py`, the picture in `picture.py`.
"""

from collections.abc import Mapping

from msgspec import Struct

from sidebar.asking import Possible, Refused, Requested
from sidebar.picture import Picture
from sidebar.tones import Pill, Tone

__all__ = ["Panel", "Pill", "Tone"]


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
    """One payment. `line` says in plain words how the money stands, `problem` why it was declined."""

    title: str
    pill: Pill
    rows: tuple[Row, ...]
    line: str = ""
    problem: str = ""
    warning: str = ""
    """A dispute, with what is due when."""
    attempts: tuple[Row, ...] = ()


class Scanned(Struct, frozen=True, kw_only=True):
    """One scan. `gap` is the silence after it, where that was long; `ago` stands at the newest one alone.

    `local` is the clock of the place, where the carrier said it and it differs from the workspace's.
    """

    when: str
    hint: str
    text: str
    place: str
    local: str = ""
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
    """One outside system: as of when, or what is wrong with it. `key` is what a refresh of it alone names."""

    name: str
    key: str = ""
    tone: Tone
    text: str
    detail: str = ""


class Candidate(Struct, frozen=True, kw_only=True):
    """One of several orders that may be meant, or another one of the customer's: status before detail."""

    reference: str
    shop: str
    title: str
    line: str
    match: str = ""
    """By what it was found, where that needs saying."""
    pills: tuple[Pill, ...] = ()


class Panel(Struct, frozen=True, kw_only=True):
    """Everything. `message` stands in place of the order where there is none, or several."""

    as_of: str
    message: str = ""
    header: Header | None = None
    picture: Picture | None = None
    requests: tuple[Requested, ...] = ()
    """Approval requests: what waits for somebody first, then what became of the others, newest first."""
    possible: tuple[Possible, ...] = ()
    not_now: tuple[Refused, ...] = ()
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
    """Several orders that may be meant; one is to be chosen."""
    others: tuple[Candidate, ...] = ()
    """The customer's other orders, each to be opened beside this one."""
    waiting_for: tuple[str, ...] = ()
    """Names of sources that have not answered yet."""
    waiting_in: Mapping[str, tuple[str, ...]] = {}
    """The same by section, so that each says whom it waits for."""
