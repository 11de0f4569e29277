"""This file finds the marketplace of an order, and the deadlines that the app which brought it keeps in its notes."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time

from connectors.reading import instant
from connectors.shopify.words import DELIVER_BY_NOTES, MARKETPLACES, SHIP_BY_NOTES, word


def marketplace(*names: str | None) -> str | None:
    """`amazon`, by the order's source or the app that made it; None where neither is a marketplace."""
    for name in names:
        for known in MARKETPLACES:
            if known in word(name):
                return known
    return None


def ship_by(attributes: Mapping[str, str] | None, *others: datetime | None) -> datetime | None:
    """The earliest time by which somebody wants it handed over."""
    return min((each for each in (_noted(attributes, SHIP_BY_NOTES), *others) if each is not None), default=None)


def deliver_by(attributes: Mapping[str, str] | None) -> datetime | None:
    """By when the marketplace wants it delivered."""
    return _noted(attributes, DELIVER_BY_NOTES)


def _noted(attributes: Mapping[str, str] | None, names: Iterable[str]) -> datetime | None:
    for name, value in (attributes or {}).items():
        if "".join(filter(str.isalnum, name.lower())) in names and (found := _moment(value)) is not None:
            return found
    return None


def _moment(text: str) -> datetime | None:
    """A date means its end; where no zone is said it is UTC. What cannot be read is left to people."""
    try:
        found = datetime.fromisoformat(text.strip())
        if len(text.strip()) == len("2026-11-27"):
            found = datetime.combine(found.date(), time(23, 59, 59))
        return instant(found if found.tzinfo else found.replace(tzinfo=UTC), "note")
    except ValueError:
        return None
