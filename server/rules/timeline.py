"""This file is the fold: one more observation into everything that sources have said about an order.

Folding is idempotent and gives the same record whatever the sequence, so webhooks may come twice, late or shuffled.
That holds because nothing here depends on what came first: a field keeps the word with the latest time (equal times
are decided by comparing the words themselves), and scans, attempts, refunds, estimates and lines of history are sets.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import datetime
from functools import cache
from operator import attrgetter, eq
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import astuple, replace

from connectors.model import Contact, Customer, Observation, RefundRequest, Scan
from server.model import Estimate, OrderKey, OrderRecord, Said, TimelineEntry
from server.rules.view import view
from server.rules.view_payments import refund_standing

__all__ = ["empty", "fold", "view"]

T = TypeVar("T", bound=Struct)
E = TypeVar("E", bound=Struct)

MOST_SCANS = 300
MOST_ATTEMPTS = 100
"""Also of refunds."""
MOST_LINES = 300
MOST_ESTIMATES = 50
"""From each end: so many of the first, and so many of the last."""
_SETS = frozenset({"references", "attempts", "refunds", "refund_requests", "scans"})
_encode = msgspec.json.Encoder(order="deterministic").encode


def empty(key: OrderKey) -> OrderRecord:
    """An order of which nothing is known yet."""
    return OrderRecord(key=key)


def fold(record: OrderRecord, observation: Observation) -> OrderRecord:
    """The record with *observation* in it; the very same object where it says nothing new."""
    source, at = observation.source, observation.at
    changes: dict[str, Any] = {}
    if observation.order is not None:
        # Some words name the order by a part of it only.
        word = observation.order if observation.order.id else replace(observation.order, id=record.key.order_id)
        _set(changes, "order", record.order, source, _hear(record.order.get(source), word, at))
    if observation.payments:
        changes["payments"] = _hear_each(record.payments, source, observation.payments, lambda p: p.id, at)
    if observation.shipments:
        changes["shipments"] = _hear_each(record.shipments, source, observation.shipments, lambda s: s.key, at)
        changes["estimates"] = _note_estimates(record.estimates, observation)
    if observation.contacts:
        changes["contacts"] = _hear_contacts(record.contacts, observation)
    if observation.text:
        changes["timeline"] = _add_line(record.timeline, observation)
    changes = {name: value for name, value in changes.items() if value is not getattr(record, name)}
    return replace(record, **changes) if changes else record


def _set(changes: dict[str, Any], name: str, old: Mapping[str, Any], key: str, value: object) -> None:
    if value is not old.get(key):
        changes[name] = {**old, key: value}


def _hear_each(
    old: dict[str, dict[str, Said[T]]], source: str, words: Iterable[T], key_of: Callable[[T], str], at: datetime
) -> dict[str, dict[str, Said[T]]]:
    result = old
    for word in words:
        key = key_of(word)
        by_source = result.get(key, {})
        said = _hear(by_source.get(source), word, at)
        if said is not by_source.get(source):
            result = {**result, key: {**by_source, source: said}}
    return result


def _hear_contacts(old: dict[str, Said[Contact]], observation: Observation) -> dict[str, Said[Contact]]:
    result = old
    for contact in observation.contacts:
        key = f"{observation.source}|{contact.id}"
        said = _hear(result.get(key), contact, observation.at)
        if said is not result.get(key):
            result = {**result, key: said}
    return result


def _hear(said: Said[T] | None, word: T, at: datetime) -> Said[T]:
    """Fold one word of one source about one thing."""
    if said is None:
        stamps: dict[str, datetime] = {}
        facts = _heard(word, None, word, at, stamps)
        return Said(facts, stamps)
    stamps = dict(said.at)
    facts = _heard(word, said.facts, said.facts, at, stamps)
    return said if facts is said.facts and stamps == said.at else Said(facts, stamps)


def _heard(word: T, before: T | None, start: T, at: datetime, stamps: dict[str, datetime]) -> T:
    changes: dict[str, Any] = {}
    names = _field_names(type(word))
    known = astuple(before) if before is not None else (None,) * len(names)
    for name, value, current, first in zip(names, astuple(word), known, astuple(start), strict=True):
        if value is None:
            continue
        merged: Any
        if name in _SETS:
            merged = _union(name, current or (), value)
        elif isinstance(value, Customer):
            merged = _hear_customer(value, current, at, stamps)
        else:
            merged = _later(name, value, current, at, stamps)
        if merged is not first:
            changes[name] = merged
    return replace(start, **changes) if changes else start


def _later(name: str, value: Any, current: Any, at: datetime, stamps: dict[str, datetime]) -> Any:
    """The later of two words; of two at the same time the one that is larger when written down."""
    stamp = stamps.get(name)
    if stamp is None or at > stamp:
        stamps[name] = at
        return current if value == current else value
    is_larger = at == stamp and value != current and _encode(value) > _encode(current)
    return value if is_larger else current


def _hear_customer(word: Customer, current: Customer | None, at: datetime, stamps: dict[str, datetime]) -> Customer:
    """Field by field: a webhook that does not carry a customer's totals must not erase them."""
    merged = {
        name: _later(f"customer.{name}", value, getattr(current, name) if current else None, at, stamps)
        for name in _field_names(Customer)
        if (value := getattr(word, name)) is not None
    }
    if current is None:
        return Customer(**merged)
    changed = {name: value for name, value in merged.items() if value is not getattr(current, name)}
    return replace(current, **changed) if changed else current


def _union(name: str, current: tuple[Any, ...], added: tuple[Any, ...]) -> tuple[Any, ...]:
    if not added or added == current:
        return current
    if name == "references":
        together = tuple(sorted({*current, *added}))
    elif name == "scans":
        together = _add_scans(current, added)
    elif name == "refunds":
        together = _add(current, added, refund_standing)
    elif name == "refund_requests":
        together = _add(current, added, _request_standing)
    else:
        together = _newest(_one_each((*current, *added), attrgetter("id")), MOST_ATTEMPTS)
    return current if together == current else together


def _add_scans(current: tuple[Scan, ...], added: tuple[Scan, ...]) -> tuple[Scan, ...]:
    """Carriers tell all scans with every new one, so only those that share a moment with a new one are compared."""
    known = frozenset(current)
    fresh = [scan for scan in added if scan not in known]
    if not fresh:
        return current
    moments = {scan.at for scan in fresh}
    settled = [scan for scan in current if scan.at not in moments]
    rivals = [scan for scan in current if scan.at in moments]
    return _newest((*settled, *_one_each((*rivals, *fresh), attrgetter("key"))), MOST_SCANS)


def _add(
    current: tuple[Any, ...], added: tuple[Any, ...], standing: Callable[[Any], tuple[object, ...]]
) -> tuple[Any, ...]:
    """One for each id, of the highest standing. What is cut goes by the id, since every word about it has the same."""
    found = {item.id: item for item in sorted((*current, *added), key=standing)}
    return tuple(found[name] for name in sorted(found)[-MOST_ATTEMPTS:])


def _request_standing(request: RefundRequest) -> tuple[int, float, bytes]:
    """A request that was decided is not asked again. Who says the earliest time knows best when it was asked."""
    return request.state != "requested", -request.at.timestamp(), _encode(request)


def _one_each(items: Iterable[E], key_of: Callable[[Any], Hashable]) -> Iterable[E]:
    """Of those with the same key the one that `_newest` would put last: by another order than the one by which it
    cuts, it would matter what came first.
    """
    found: dict[Hashable, Any] = {}
    for item in items:
        other = found.get(key := key_of(item))
        if other is None or (other != item and _place_in_time(item) > _place_in_time(other)):
            found[key] = item
    return found.values()


def _newest(items: Iterable[E], most: int) -> tuple[E, ...]:
    """At most so many, oldest first."""
    ordered: list[Any] = sorted(items, key=attrgetter("at"))
    times = [item.at for item in ordered]
    if any(map(eq, times, times[1:])):
        ordered.sort(key=_place_in_time)
    return tuple(ordered[-most:])


def _place_in_time(item: Any) -> tuple[datetime, bytes]:
    return (item.at, _encode(item))


def _note_estimates(
    old: dict[str, dict[str, tuple[Estimate, ...]]], observation: Observation
) -> dict[str, dict[str, tuple[Estimate, ...]]]:
    """When each source was seen giving which delivery date, first and last."""
    result = old
    for shipment in observation.shipments:
        if shipment.estimated_delivery is None:
            continue
        by_source = result.get(shipment.key, {})
        current = by_source.get(observation.source, ())
        merged = _with_estimate(current, shipment.estimated_delivery, observation.at)
        if merged != current:
            result = {**result, shipment.key: {**by_source, observation.source: merged}}
    return result


def _with_estimate(current: tuple[Estimate, ...], delivery: datetime, at: datetime) -> tuple[Estimate, ...]:
    known = {estimate.delivery: estimate for estimate in current}
    seen = known.get(delivery, Estimate(delivery, at, at))
    known[delivery] = Estimate(delivery, min(seen.first_at, at), max(seen.last_at, at))
    kept = known.values() if len(known) <= MOST_ESTIMATES else _first_and_last(known.values())
    return tuple(sorted(kept, key=lambda e: (e.first_at, e.delivery)))


def _first_and_last(estimates: Iterable[Estimate]) -> Iterable[Estimate]:
    """The earliest, among which the original is, and the latest, among which the current one is.

    Of a date that is in one of the two only, the other time is forgotten: it could have been cut before, and what is
    left must not depend on when that was.
    """
    first = sorted(estimates, key=lambda e: (e.first_at, e.delivery))[:MOST_ESTIMATES]
    last = sorted(estimates, key=lambda e: (e.last_at, e.delivery))[-MOST_ESTIMATES:]
    firsts = {e.delivery: e.first_at for e in first}
    lasts = {e.delivery: e.last_at for e in last}
    return [
        Estimate(delivery, firsts.get(delivery) or lasts[delivery], lasts.get(delivery) or firsts[delivery])
        for delivery in {**firsts, **lasts}
    ]


def _add_line(old: dict[str, TimelineEntry], observation: Observation) -> dict[str, TimelineEntry]:
    entry = TimelineEntry(observation.at, observation.source, observation.kind, observation.text)
    if (known := old.get(observation.identity)) is not None and known >= entry:
        return old
    lines = {**old, observation.identity: entry}
    if len(lines) > MOST_LINES:
        oldest = min(lines, key=lambda identity: (lines[identity], identity))
        if oldest == observation.identity:
            return old
        del lines[oldest]
    return lines


@cache
def _field_names(kind: type[Struct]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(kind))
