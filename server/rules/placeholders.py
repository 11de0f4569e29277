"""This file is what a message to a customer may leave open: `{name}`, `{order}` and so on, and how it is filled in.

Messages are the merchant's words. Nothing in braces is ever evaluated; a name that is not on the list is refused when
the policy is read, so that no customer is sent a brace.
"""

from collections.abc import Mapping
from string import Formatter

from msgspec import Struct

from server.rules.policy_table import suggestion


class Placeholder(Struct, frozen=True):
    """What a name in braces stands for, and what is written where that is not known."""

    meaning: str
    otherwise: str
    is_needed: bool = False
    """Nothing stands well in its place: a message that uses it is not sent where it is not known."""


PLACEHOLDERS: Mapping[str, Placeholder] = {
    "name": Placeholder("the customer's name", "customer"),
    "first_name": Placeholder("the first word of the customer's name", "customer"),
    "order": Placeholder("the order as people call it, such as #1001", "your order"),
    "items": Placeholder("what was ordered, by title", "your items"),
    "total": Placeholder("what the order costs, with its currency", "the order's total", is_needed=True),
    "carrier": Placeholder("who carries the parcel", "the carrier"),
    "tracking_number": Placeholder("the parcel's number", "the tracking number", is_needed=True),
    "tracking_link": Placeholder("where the customer can follow the parcel", "the carrier's website", is_needed=True),
    "promised_by": Placeholder("the delivery date that the customer was given", "the date given", is_needed=True),
    "estimated_delivery": Placeholder("the carrier's present estimate", "a later date", is_needed=True),
    "destination": Placeholder("the town that it goes to", "your address"),
}


def check(text: str) -> None:
    """Raise ValueError where *text* has a placeholder that nothing is known to stand for. `{{` is a brace."""
    for field in _fields(text):
        if field not in PLACEHOLDERS:
            raise ValueError(f"no such placeholder {{{field[:60]}}}; {suggestion(field, PLACEHOLDERS)}")


def fill(text: str, known: Mapping[str, str]) -> str:
    """*text* with every placeholder replaced, by words of our own where *known* has nothing for it."""
    pieces = []
    for literal, field, _, _ in Formatter().parse(text):
        pieces.append(literal)
        if field is not None:
            pieces.append(known.get(field) or PLACEHOLDERS[field].otherwise)
    return "".join(pieces)


def missing(text: str, known: Mapping[str, str]) -> tuple[str, ...]:
    """What *text* cannot do without and is not known: with a gap there, it is better not sent."""
    used = dict.fromkeys(field for _, field, _, _ in Formatter().parse(text) if field is not None)
    return tuple(field for field in used if PLACEHOLDERS[field].is_needed and not known.get(field))


def _fields(text: str) -> list[str]:
    """The names in braces. Raises ValueError where the braces do not match, or hold more than a name."""
    try:
        parsed = list(Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"{str(error).lower()}; write {{{{ and }}}} for braces of your own") from error
    fields = []
    for _, field, layout, conversion in parsed:
        if field is None:
            continue
        if layout or conversion:
            raise ValueError(f"expected nothing but a name in the braces of {{{field[:60]}}}")
        fields.append(field)
    return fields
