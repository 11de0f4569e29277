"""This file is what an agent may ask for, decide and take back, as typed rows: buttons, short forms, requests.

Whether anything of it is let through is decided by the server again when it arrives.
"""

from msgspec import Struct

from sidebar.tones import Pill


class Line(Struct, frozen=True):
    """One line of the order, of which up to *most* may be chosen."""

    line: str
    title: str
    most: int


class Choice(Struct, frozen=True):
    """One of several ways. The form's fields with the same `when` go with it."""

    value: str
    text: str


class Field(Struct, frozen=True, kw_only=True):
    """One thing to fill in.

    *kind*: `text`, `area` (several lines), `money`, `check`, `lines` (so many of each line), `choice`.
    A name that begins with `details.` is sent among the request's details.
    """

    name: str
    kind: str
    label: str
    is_required: bool = False
    hint: str = ""
    """Stands below: `Up to $129.00, $20.00 of it already asked for`."""
    value: str = ""
    """What it holds at first; of a choice, which; of a check, `true` if it is ticked."""
    when: str = ""
    """Only with this choice."""
    limit: str = ""
    """The most that may be asked for, as a plain number."""
    currency: str = ""
    longest: int = 200
    lines: tuple[Line, ...] = ()
    choices: tuple[Choice, ...] = ()


class Form(Struct, frozen=True, kw_only=True):
    """Asks for one kind of thing."""

    kind: str
    title: str
    fields: tuple[Field, ...]
    submit: str
    note: str = ""
    """What happens with it: who decides, and whether a person has to carry it out."""


class Possible(Struct, frozen=True, kw_only=True):
    """A button."""

    kind: str
    label: str
    form: Form


class Refused(Struct, frozen=True):
    """What cannot be asked for now, and why."""

    label: str
    reason: str


class Told(Struct, frozen=True):
    """One fact of a request."""

    label: str
    value: str


class Requested(Struct, frozen=True, kw_only=True):
    """One approval request. Somebody who may not decide sees why."""

    id: str
    version: int
    title: str
    """`Refund $12.00`."""
    pill: Pill
    asked: str
    """`Robin Diaz asked today at 14:03`."""
    reason: str
    facts: tuple[Told, ...] = ()
    said: tuple[str, ...] = ()
    """What approvers have said so far."""
    differences: tuple[str, ...] = ()
    line: str = ""
    """What it waits for, or what became of it."""
    problem: str = ""
    is_open: bool = False
    may_decide: bool = False
    why_not: str = ""
    may_withdraw: bool = False
    decide_label: str = "Approve"
