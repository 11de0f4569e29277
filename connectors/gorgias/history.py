"""This file reads an account's tickets back: what has changed since last time, the latest first."""

from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from connectors.contract import Cursor, ReadBack, Rejected
from connectors.gorgias import events, translate, wire
from connectors.gorgias.api import Api
from connectors.model import Observation
from connectors.reading import answer_of

BEGINS = timedelta(minutes=15)
"""How far the first reading goes back: history is not news."""
OVERLAP = timedelta(minutes=5)
"""Tickets may appear in the list a little after their time."""
MOST_KNOWN = 300


class Place(Struct, frozen=True, omit_defaults=True):
    """How far a reading has come. One goes from the latest change down to `seen`, in pages."""

    seen: datetime
    """Everything up to then was read, by a whole reading."""
    known: tuple[str, ...] = ()
    """Identities of what was told and lies within the overlap."""
    page: str = ""
    """Gorgias' cursor, in the middle of a reading."""
    top: datetime | None = None
    """The latest change when this reading began."""
    told: tuple[str, ...] = ()
    """Identities of what this reading has told near its top."""


async def read_back(api: Api, source: str, cursor: Cursor, *, now: datetime) -> ReadBack:
    """One page of what has changed, in the words of a webhook. Raises ConnectorError."""
    place = _place(cursor, now)
    asked = {"order_by": "updated_datetime:desc", "trashed": "true"}
    try:
        found, following = await api.page("/api/tickets", asked, wire.TicketPage, place.page)
    except Rejected:
        if not place.page:
            raise
        # A cursor that Gorgias has forgotten: begin again at the top.
        place = Place(seen=place.seen, known=place.known)
        found, following = await api.page("/api/tickets", asked, wire.TicketPage)
    with answer_of(api.transport.system):
        changes = [(events.listed(ticket, source), ticket) for ticket in found.data]
    floor = place.seen - OVERLAP
    fresh = [(change, ticket) for change, ticket in changes if _updated(ticket, change) >= floor]
    top = place.top or max((_updated(ticket, change) for change, ticket in fresh), default=place.seen)
    told = (*place.told, *(c.identity for c, ticket in fresh if _updated(ticket, c) >= top - OVERLAP))[:MOST_KNOWN]
    news = tuple(c for c, ticket in fresh if c.identity not in place.known and not _is_ours(ticket))
    if following and len(fresh) == len(changes):
        on = Place(seen=place.seen, known=place.known, page=following, top=top, told=told)
        return ReadBack(observations=news, cursor=_cursor(on), has_more=True)
    end = Place(seen=max(top, place.seen), known=told or place.known)
    return ReadBack(observations=news, cursor=_cursor(end))


def _updated(ticket: wire.Ticket, change: Observation) -> datetime:
    """What the list is ordered by."""
    return translate.moment(ticket.updated_datetime or ticket.created_datetime) or change.at


def _is_ours(ticket: wire.Ticket) -> bool:
    return (ticket.external_id or "").startswith(translate.OURS)


def _place(cursor: Cursor, now: datetime) -> Place:
    """Where to go on; a cursor that cannot be read is none."""
    try:
        return msgspec.json.decode(cursor.text, type=Place)
    except (msgspec.DecodeError, ValueError):
        return Place(seen=now - BEGINS)


def _cursor(place: Place) -> Cursor:
    return Cursor(text=msgspec.json.encode(place).decode())
