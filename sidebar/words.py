"""This file says things so that an agent need not think: states, spans, times of day."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from connectors.money import Money
from sidebar.tones import Pill, Tone

_PAYMENT = {
    "paid": Pill("Paid", Tone.GOOD),
    "authorized": Pill("Authorised, not captured", Tone.GOOD),
    "pending": Pill("Payment pending", Tone.WARN),
    "requires_action": Pill("Customer must confirm", Tone.WARN),
    "partially_paid": Pill("Partly paid", Tone.WARN),
    "partially_refunded": Pill("Partly refunded", Tone.PLAIN),
    "refunded": Pill("Refunded", Tone.PLAIN),
    "failed": Pill("Payment failed", Tone.BAD),
    "cancelled": Pill("Payment cancelled", Tone.PLAIN),
    "voided": Pill("Payment voided", Tone.PLAIN),
    "expired": Pill("Authorisation expired", Tone.BAD),
}
_FULFILMENT = {
    "fulfilled": Pill("Fulfilled", Tone.GOOD),
    "partial": Pill("Partly fulfilled", Tone.WARN),
    "partially_fulfilled": Pill("Partly fulfilled", Tone.WARN),
    "unfulfilled": Pill("Not fulfilled", Tone.PLAIN),
    "in_progress": Pill("Being packed", Tone.PLAIN),
    "on_hold": Pill("On hold", Tone.WARN),
    "scheduled": Pill("Scheduled", Tone.PLAIN),
    "restocked": Pill("Restocked", Tone.PLAIN),
}
_SHIPMENT = {
    "label_created": Pill("Label made, not scanned", Tone.PLAIN),
    "cancelled": Pill("Label cancelled", Tone.PLAIN),
    "in_transit": Pill("On its way", Tone.PLAIN),
    "out_for_delivery": Pill("Out for delivery", Tone.GOOD),
    "available_for_pickup": Pill("Waiting for pick-up", Tone.WARN),
    "delivery_failed": Pill("Delivery failed", Tone.BAD),
    "exception": Pill("Problem reported", Tone.BAD),
    "returning": Pill("Coming back", Tone.BAD),
    "returned": Pill("Returned", Tone.WARN),
    "delivered": Pill("Delivered", Tone.GOOD),
    "unknown": Pill("Nothing known yet", Tone.PLAIN),
}
_LEVEL = {
    "on_track": Pill("On track", Tone.GOOD),
    "watch": Pill("Watch", Tone.WARN),
    "at_risk": Pill("At risk", Tone.BAD),
    "missed": Pill("Missed", Tone.BAD),
}
_SEVERITY = {"low": Tone.PLAIN, "normal": Tone.WARN, "high": Tone.BAD, "urgent": Tone.BAD}


def payment(state: str | None) -> Pill:
    return _known(_PAYMENT, state)


def fulfilment(state: str | None) -> Pill:
    return _known(_FULFILMENT, state or "unfulfilled")


def shipment(state: str | None) -> Pill:
    return _known(_SHIPMENT, state)


def level(state: str) -> Pill:
    return _known(_LEVEL, state)


def severity(state: str) -> Pill:
    return Pill(state.capitalize(), _SEVERITY.get(state, Tone.PLAIN))


def _known(table: dict[str, Pill], state: str | None) -> Pill:
    """A word that nobody has told us stays as it is, without its underscores."""
    word = (state or "unknown").lower()
    return table.get(word) or Pill(word.replace("_", " ").capitalize())


def span(length: timedelta) -> str:
    """`25 min`, `51 h`, `6 days`."""
    minutes = max(0, int(length.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 72 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // 1440} days"


def ago(at: datetime, now: datetime) -> str:
    """`just now`, `25 min ago`, `51 h ago`; a time ahead is `in 3 h`."""
    if at > now + timedelta(minutes=1):
        return f"in {span(at - now)}"
    return "just now" if now - at < timedelta(minutes=1) else f"{span(now - at)} ago"


def moment(at: datetime, zone: ZoneInfo) -> str:
    """`Mon 23 Nov, 14:05`."""
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b, %H:%M}"


def day(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """`today`, `tomorrow`, `yesterday`, `Fri 27 Nov`; with the year where it is another."""
    days = (at.astimezone(zone).date() - now.astimezone(zone).date()).days
    return ("yesterday", "today", "tomorrow")[days + 1] if abs(days) <= 1 else date(at, zone, now)


def date(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """`Fri 27 Nov`; with the year where it is another."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    year = f" {local.year}" if local.year != today.year else ""
    return f"{local:%a} {local.day} {local:%b}{year}"


def full_day(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """`tomorrow, Tue 24 Nov`."""
    near, exact = day(at, zone, now), date(at, zone, now)
    return exact if near == exact else f"{near}, {exact}"


def clock(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """`14:05` of today, else with its day."""
    local = at.astimezone(zone)
    return f"{local:%H:%M}" if local.date() == now.astimezone(zone).date() else moment(at, zone)


def money(value: str | None, currency: str | None) -> str:
    """An amount as a person reads it: `$12.00`; empty where there is none."""
    if value is None or currency is None:
        return ""
    try:
        return str(Money.parse(value, currency))
    except ValueError:
        return f"{value} {currency}"
