"""This file finds out which order something is about: an observation, a search, a ticket's text.

An observation joins by certain names only (the shop's order id, payment ids, a tracking number with its carrier).
E-mail, phone and a tracking number alone are for people who search; they never join anything by themselves.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator

from msgspec import Struct

from connectors.model import Observation, Ticket
from server.model import OrderKey, OrderView, Reference, ReferenceKind

Find = Callable[[Iterable[Reference]], tuple[OrderKey, ...]]

LONGEST_QUERY = 200
MOST_MENTIONS = 20
_EMAIL = re.compile(r"[^\s@<>\"'(),;:]{1,64}@[^\s@<>\"'(),;:]{1,255}\.[^\s@<>\"'(),;:.]{2,63}")
_PHONE = re.compile(r"\+?[\d\s().\-/]{7,25}")
_EXTENSION = re.compile(r"(?:ext(?:ension)?\.?|x|#|;ext=)[\s:]*\d{1,6}\s*$", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\ud800-\udfff]")
_HASHED = re.compile(r"#\s?([A-Za-z0-9][A-Za-z0-9_\-/.]{0,39})")
_NUMBERED = re.compile(
    r"(?<!\w)(?<!\w-)(?<!\d\.)((?:[A-Za-z]{1,10}-?)?\d{3,20}(?:-[A-Za-z0-9]{1,10}){0,3})(?!\w|-\w|\.\d)", re.ASCII
)
"""Whole words only: neither the end of a phone number nor a part of a price."""
_TRACKING_MENTION = re.compile(r"\b(1Z[0-9A-Z]{16}|[A-Z]{2}\d{9}[A-Z]{2}|\d{12,34})\b", re.IGNORECASE)


class Joined(Struct, frozen=True):
    """It is about this order."""

    key: OrderKey


class Waiting(Struct, frozen=True):
    """It is about an order that has not been seen yet: any that appears under one of these names."""

    references: tuple[Reference, ...]


class Ambiguous(Struct, frozen=True):
    """It fits several orders, so it is refused."""

    keys: tuple[OrderKey, ...]


class Unjoinable(Struct, frozen=True):
    """It says nothing by which an order could ever be found."""

    reason: str


Join = Joined | Waiting | Ambiguous | Unjoinable


def join(observation: Observation, workspace: str, shops: Collection[str], find: Find) -> Join:
    """Which order of *workspace* the observation is about. Every name that is known must agree, else it is refused."""
    about = observation.about
    shop = about.shop or observation.source
    if about.shop_order and shop in shops:
        return Joined(OrderKey(workspace, shop, about.shop_order))
    if about.ticket or about.text:
        return _join_ticket(observation, find)
    references = (
        *(Reference(ReferenceKind.PAYMENT, payment) for payment in about.payments),
        *(Reference(ReferenceKind.ORDER_ID, order_id) for order_id in about.order_ids),
        *(Reference(ReferenceKind.NAME, order_name(name)) for name in about.order_ids if order_name(name)),
        *(Reference(ReferenceKind.TRACKING, tracking) for tracking in about.trackings),
    )
    if not references:
        return Unjoinable("it names no order, payment or tracking number")
    found = find(references)
    if len(found) > 1:
        return Ambiguous(found)
    return Joined(found[0]) if found else Waiting(references)


def _join_ticket(observation: Observation, find: Find) -> Join:
    """A ticket is about the order it is known to be about, else about the only one that its text names.

    Text that names none, or several, is no trouble: most tickets are about something else.
    """
    about = observation.about
    known = find([Reference(ReferenceKind.TICKET, f"{observation.source}|{about.ticket}")]) if about.ticket else ()
    found = known or (find(named) if (named := mentions(about.text)) else ())
    if len(found) == 1:
        return Joined(found[0])
    return Unjoinable("it names no single order")


def references_of(order: OrderView) -> frozenset[Reference]:
    """Every name under which this order can be found."""
    facts, customer = order.order, order.order.customer
    emails = {facts.email, customer.email if customer else None}
    phones = {facts.phone, customer.phone if customer else None}
    kind = ReferenceKind
    found = {Reference(kind.ORDER_ID, name) for name in (facts.id, *(facts.parts or ()))}
    if facts.name and order_name(facts.name):
        found.add(Reference(kind.NAME, order_name(facts.name)))
    for payment in order.payments:
        found |= {Reference(kind.PAYMENT, name) for name in (payment.id, *payment.references)}
    for shipment in order.shipments:
        if shipment.shipment.tracking_number:
            found.add(Reference(kind.TRACKING, shipment.shipment.key))
            if number := tracking_number(shipment.shipment.tracking_number):
                found.add(Reference(kind.TRACKING_NUMBER, number))
    found |= {Reference(kind.EMAIL, email.strip().casefold()) for email in emails if email and email.strip()}
    found |= {Reference(kind.PHONE, digits) for phone in phones if phone and (digits := phone_digits(phone))}
    return frozenset(found)


def parse_query(text: str) -> tuple[Reference, ...]:
    """What a person may mean who searches for *text*; empty where it can mean nothing. Never raises."""
    query = _CONTROL.sub(" ", text[: LONGEST_QUERY + 1]).strip()
    if not query or len(query) > LONGEST_QUERY:
        return ()
    if _EMAIL.fullmatch(query):
        return (Reference(ReferenceKind.EMAIL, query.casefold()),)
    found = [Reference(ReferenceKind.ORDER_ID, query)]
    if order_name(query):
        found.append(Reference(ReferenceKind.NAME, order_name(query)))
    if number := tracking_number(query):
        found.append(Reference(ReferenceKind.TRACKING_NUMBER, number))
    if _PHONE.fullmatch(query) and (digits := phone_digits(query)):
        found.append(Reference(ReferenceKind.PHONE, digits))
    return tuple(found)


def mentions(text: str) -> tuple[Reference, ...]:
    """Order names and tracking numbers that a ticket's text may mention; each still has to be found in the store.

    What has a `#` comes first: it is surely meant, and a mail full of other numbers must not push it out.
    """
    shown = _CONTROL.sub(" ", text[:20_000])
    trackings = [
        Reference(ReferenceKind.TRACKING_NUMBER, tracking_number(match.group(1)))
        for match in _TRACKING_MENTION.finditer(shown)
    ]
    found = [*_named(_HASHED, shown), *trackings[: MOST_MENTIONS // 2], *_named(_NUMBERED, shown)]
    return tuple(dict.fromkeys(found))[:MOST_MENTIONS]


def _named(pattern: re.Pattern[str], text: str) -> Iterator[Reference]:
    for match in pattern.finditer(text):
        word = match.group(1).rstrip(".-/_")
        yield Reference(ReferenceKind.NAME, order_name(word))
        if word.isdigit():
            yield Reference(ReferenceKind.ORDER_ID, word)


def is_about(ticket: Ticket, order: OrderView) -> bool:
    """Whether a ticket names this order, in its fields, its subject or its first message."""
    named = set(mentions(f"{ticket.subject}\n{ticket.description}"))
    for text in ticket.order_references:
        named |= {Reference(ReferenceKind.ORDER_ID, text.strip()), Reference(ReferenceKind.NAME, order_name(text))}
    return not named.isdisjoint(references_of(order))


def order_name(text: str) -> str:
    """An order's name as it is compared: `#1001`, ` 1001` and `1001` are one."""
    return text.strip().lstrip("#").strip().casefold()[:LONGEST_QUERY]


def tracking_number(text: str) -> str:
    """A tracking number as it is compared: without spaces, in upper case; empty where it cannot be one."""
    number = re.sub(r"[\s-]", "", text).upper()
    return number if number.isascii() and number.isalnum() and 5 <= len(number) <= 40 else ""


def phone_digits(text: str) -> str:
    """The last nine digits of a phone number: with its country code, with a leading zero or without it is the same.

    Ten would still hold the 3 of +33 6 12 34 56 78. Extensions are left out. Countries with eight digits are found
    only as the shop spells them.
    """
    digits = "".join(str(int(digit)) for digit in _EXTENSION.sub("", text[:LONGEST_QUERY]) if digit.isdecimal())
    return digits[-9:] if len(digits) >= 7 else ""
