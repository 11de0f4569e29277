"""This file is what Shopify's webhooks and answers have in common, in our words."""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from connectors.carriers import carrier_code, carrier_name
from connectors.model import LineItem, Place, Shipment, ShipmentState
from connectors.money import Money
from connectors.reading import line, money
from connectors.shopify import wire
from connectors.shopify.words import EXCEPTIONS, NEVER_SHIPPED, SHIPMENT_STATES, word

MOST_PARCELS = 50
"""Tracking numbers of one fulfilment that are read."""
_DIGITS = re.compile(r"[1-9]\d{0,19}", re.ASCII)
_GID = re.compile(r"gid://shopify/\w{1,60}/([1-9]\d{0,19})(\?.*)?", re.ASCII)


def maybe_id(value: int | str | None, where: str) -> str:
    """A 64-bit id as text, also out of a `gid://shopify/Order/1`; empty where there is none. Raises ValueError."""
    if value is None or value == "":
        return ""
    # An id with more digits than Python will print is no id either.
    text = value if isinstance(value, str) else str(value) if abs(value) < 10**20 else "a number of over 20 digits"
    found = _GID.fullmatch(text)
    if found:
        return found[1]
    if not _DIGITS.fullmatch(text):
        raise ValueError(f"{where}: expected a positive whole number, got {text[:60]!r}")
    return text


def id_of(value: int | str | None, where: str) -> str:
    """The same, where there must be one."""
    found = maybe_id(value, where)
    if not found:
        raise ValueError(f"{where}: expected an id, got nothing")
    return found


def place(city: str | None, region: str | None, country: str | None, postal_code: str | None) -> Place | None:
    """A town-level place, or None where nothing of it is said."""
    found = Place(city=line(city), region=line(region), country=line(country), postal_code=line(postal_code))
    return found if found != Place() else None


def shipment_state(status: str | None, display: str | None, *, has_number: bool) -> tuple[ShipmentState | None, str]:
    """Our state and Shopify's own word. A fulfilment with a number and no news has at least a label."""
    made, seen = word(status), word(display)
    if made in NEVER_SHIPPED:
        return ShipmentState.CANCELLED, made
    if seen:
        return SHIPMENT_STATES.get(seen, ShipmentState.UNKNOWN), seen
    if has_number:
        return ShipmentState.LABEL_CREATED, made
    return None, made


def exception_of(display: str | None, state: ShipmentState | None) -> str | None:
    """What is wrong with the parcel; empty when nothing is, None when nothing is said."""
    if state is None or state.rank < 2:
        return None
    return EXCEPTIONS.get(word(display), "")


def named(carrier: str, number: str) -> str:
    """A parcel for people: `UPS 1Z999`."""
    who = carrier_name(carrier) if carrier != "unknown" else ""
    return f"{who} {line(number, 60)}".strip() if number else f"{who}, no tracking number yet".lstrip(", ")


def parcels(
    base: Shipment, company: str | None, numbers: Sequence[str | None], urls: Sequence[str | None]
) -> tuple[Shipment, ...]:
    """One shipment like *base* for each tracking number of a fulfilment, or one without a number."""
    carrier = carrier_code(company)
    links: dict[str, str | None] = {}
    for index, number in enumerate(numbers[:MOST_PARCELS]):
        if number and number.strip():
            links.setdefault(number.strip(), urls[index] if index < len(urls) else None)
    if not links:
        return (replace(base, carrier=carrier),)
    return tuple(
        replace(base, carrier=carrier, tracking_number=number, tracking_url=url if _is_link(url) else None)
        for number, url in links.items()
    )


def _is_link(url: str | None) -> bool:
    return bool(url) and str(url).startswith(("https://", "http://"))


def stamp(moment: datetime) -> str:
    """A time as identities spell it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def items(
    found: list[wire.LineItem], currency: str | None, where: str, *, with_unfulfilled: bool = True
) -> tuple[LineItem, ...]:
    """The lines of an order, or of a fulfilment, which does not say what is left to send."""
    return tuple(
        LineItem(
            id=id_of(each.id, f"{where}[{index}].id"),
            title=line(each.title or each.name),
            sku=line(each.sku),
            quantity=1 if each.quantity is None else each.quantity,
            unfulfilled=each.fulfillable_quantity if with_unfulfilled else None,
            needs_shipping=each.requires_shipping if with_unfulfilled else None,
            price=amount(each.price, currency, f"{where}[{index}].price"),
        )
        for index, each in enumerate(found)
    )


def amount(value: Decimal | None, currency: str | None, where: str) -> Money | None:
    """An amount, where both it and its currency are said. Raises ValueError."""
    return None if value is None or not currency else money(value, currency, where)


def town(address: wire.Address) -> Place | None:
    """The town of a REST address."""
    region, country = address.province_code or address.province, address.country_code or address.country
    return place(address.city, region, country, address.zip)


def spoken(status: str | None) -> str:
    """A word of Shopify's that we have none of our own for, so that people can read it."""
    words = line(word(status).replace("_", " "))
    return words[:1].upper() + words[1:] or "Tracking update"


def part_name(fulfillment_order: str) -> str:
    """How we name a fulfilment order among the names of its order."""
    return f"FulfillmentOrder/{fulfillment_order}"
