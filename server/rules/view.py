"""This file merges what several sources said into one order as it stands.

Who is believed: the shop about the order, the processor about its payments, the carrier (or whoever follows parcels)
about scans and states. The other fills in what the first leaves out.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from connectors.model import Customer, Order, Payment, PaymentState, Scan, Shipment, ShipmentState
from server.model import Estimate, OrderRecord, OrderView, Said, ShipmentView

T = TypeVar("T", bound=Struct)
Member = tuple[str, Said[T]]
"""A source's name and its word."""

_SHOP_KNOWS_BEST = frozenset({"fulfillment_id", "shipped_at", "items", "tracking_url", "destination"})
_TROUBLED = frozenset({ShipmentState.EXCEPTION, ShipmentState.DELIVERY_FAILED, ShipmentState.RETURNING})
_HOLDS_MONEY = frozenset(
    {PaymentState.PAID, PaymentState.AUTHORIZED, PaymentState.PARTIALLY_REFUNDED, PaymentState.REFUNDED}
)
_encode = msgspec.json.Encoder(order="deterministic").encode


def view(record: OrderRecord) -> OrderView:
    """One order out of every source's words; the same for the same record."""
    shop = record.key.shop
    return OrderView(
        key=record.key,
        order=_order(record, shop),
        payments=_payments(record, shop),
        shipments=_shipments(record, shop),
        contacts=tuple(sorted((said.facts for said in record.contacts.values()), key=lambda c: (c.at, _encode(c)))),
        timeline=tuple(sorted(record.timeline.values())),
    )


def _order(record: OrderRecord, shop: str) -> Order:
    members = sorted(record.order.items(), key=lambda member: (member[0] != shop, member[0]))
    if not members:
        return Order(id=record.key.order_id)
    first = members[0][1].facts
    if len(members) == 1:
        return first
    merged = _first_said([said.facts for _, said in members])
    customers = [said.facts.customer for _, said in members if said.facts.customer]
    if len(customers) > 1:
        merged["customer"] = Customer(**_first_said(customers))
    return replace(first, **merged)


def _first_said(words: Sequence[Struct]) -> dict[str, Any]:
    """Each field as the first of *words* that says it."""
    return {
        name: next((value for word in words if (value := getattr(word, name)) is not None), None)
        for name in _field_names(type(words[0]))
    }


# --- payments -------------------------------------------------------------------------------------------------------


def _payments(record: OrderRecord, shop: str) -> tuple[Payment, ...]:
    merged = [_payment(group, shop) for group in _same_payments(record)]
    return tuple(sorted(merged, key=lambda p: (p.created_at is None, p.created_at, p.id)))


def _same_payments(record: OrderRecord) -> Iterable[list[Member[Payment]]]:
    """Words that share an id or a reference, also through others, are about the same payment."""
    group_of: dict[str, str] = {}

    def root(name: str) -> str:
        while group_of.setdefault(name, name) != name:
            name = group_of[name]
        return name

    for payment_id, by_source in record.payments.items():
        for said in by_source.values():
            for reference in said.facts.references:
                group_of[root(reference)] = root(payment_id)
    groups: dict[str, list[Member[Payment]]] = defaultdict(list)
    for payment_id, by_source in record.payments.items():
        groups[root(payment_id)] += by_source.items()
    return groups.values()


def _payment(members: list[Member[Payment]], shop: str) -> Payment:
    if len(members) == 1:
        return _consistent(members[0][1].facts)
    members = sorted(members, key=lambda m: (m[0] == shop, _latest(m[1]), m[1].facts.id, m[0]))
    words = [said.facts for _, said in members]
    merged = _first_said(words)
    merged["references"] = tuple(sorted({*(r for w in words for r in w.references), *(w.id for w in words[1:])}))
    # The shop tells the processor's tries again, under ids of its own: they count only where nobody else tells any.
    of_processor = [said.facts for source, said in members if source != shop and said.facts.attempts]
    told = sorted((attempt for word in of_processor or words for attempt in word.attempts), key=_encode)
    attempts = {attempt.id: attempt for attempt in told}
    merged["attempts"] = tuple(sorted(attempts.values(), key=lambda attempt: (attempt.at, attempt.id)))
    return _consistent(replace(words[0], **merged))


def _latest(said: Said[T]) -> float:
    """Sorts the latest word first."""
    return -max(at.timestamp() for at in said.at.values())


def _consistent(payment: Payment) -> Payment:
    """A payment that worked shows no failure; its attempts still do."""
    if payment.state in _HOLDS_MONEY and (payment.failure_code or payment.failure_message):
        payment = replace(payment, failure_code="", failure_message="")
    if payment.refundable is None and payment.captured is not None:
        refunded = payment.refunded
        if refunded is None or refunded.currency == payment.captured.currency:
            payment = replace(payment, refundable=payment.captured if not refunded else payment.captured - refunded)
    return payment


# --- shipments ------------------------------------------------------------------------------------------------------


def _shipments(record: OrderRecord, shop: str) -> tuple[ShipmentView, ...]:
    groups = _same_shipments(record)
    merged = [_shipment(members, _estimates(record, keys), shop) for keys, members in groups]
    return tuple(sorted(merged, key=_first_known))


def _first_known(found: ShipmentView) -> tuple[bool, datetime | None, str]:
    first = found.shipment.shipped_at or (found.shipment.scans[0].at if found.shipment.scans else None)
    return (first is None, first, found.shipment.key)


def _same_shipments(record: OrderRecord) -> Iterable[tuple[list[str], list[Member[Shipment]]]]:
    """Words about the same parcel, with the keys under which they came.

    A fulfilment that got its tracking number later is the same shipment, and one whose number was corrected is only
    the corrected one: of one fulfilment, a source's latest word names all its numbers.
    """
    numbers: dict[tuple[str, str], dict[str, datetime]] = defaultdict(dict)
    for key, by_source in record.shipments.items():
        for source, said in by_source.items():
            if said.facts.tracking_number and said.facts.fulfillment_id:
                numbers[source, said.facts.fulfillment_id][key] = said.at["tracking_number"]
    renamed: dict[str, str] = {}
    for (_, fulfillment_id), stamps in sorted(numbers.items()):
        newest = max(stamps.values())
        current = min(key for key, at in stamps.items() if at == newest)
        renamed[f"fulfillment|{fulfillment_id}"] = current
        renamed |= {key: "" for key, at in stamps.items() if at < newest}
    groups: dict[str, tuple[list[str], list[Member[Shipment]]]] = {}
    for key, by_source in record.shipments.items():
        target = renamed.get(key, key)
        if target:
            keys, members = groups.setdefault(target, ([], []))
            keys.append(key)
            members += by_source.items()
    return groups.values()


def _estimates(record: OrderRecord, keys: Iterable[str]) -> list[tuple[str, Estimate]]:
    return [
        (source, estimate)
        for key in keys
        for source, estimates in record.estimates.get(key, {}).items()
        for estimate in estimates
    ]


def _shipment(members: list[Member[Shipment]], estimates: list[tuple[str, Estimate]], shop: str) -> ShipmentView:
    members = sorted(
        members, key=lambda m: (m[0] == shop, not m[1].facts.tracking_number, _latest(m[1]), m[0], m[1].facts.key)
    )
    words = [said.facts for _, said in members]
    scans = _scans(word.scans for word in words)
    state = _state(scans, members)
    merged = _first_said(words)
    from_shop = _first_said([said.facts for _, said in sorted(members, key=lambda m: m[0] != shop)])
    merged |= {name: from_shop[name] for name in _SHOP_KNOWS_BEST}
    merged |= {"scans": scans, "state": state, "exception": _exception(state, words, scans)}
    merged["delivered_at"] = _delivered_at(state, scans, merged["delivered_at"])
    with_carrier = [scan.at for scan in scans if scan.state.rank >= 2]
    first_transit = min(with_carrier, default=None)
    original, current = _dates(estimates, first_transit, shop)
    return ShipmentView(
        shipment=replace(words[0], **merged),
        sources=tuple(sorted({source for source, _ in members})),
        first_transit_at=first_transit,
        last_scan_at=max(with_carrier, default=None),
        estimated_original=original,
        estimated_current=current,
    )


def _scans(scan_sets: Iterable[tuple[Scan, ...]]) -> tuple[Scan, ...]:
    """All scans, oldest first; two sources telling the same scan (minute, state, town) count once, the fuller one."""
    found: dict[tuple[object, ...], Scan] = {}
    for scan in (scan for scans in scan_sets for scan in scans):
        key = (scan.at.replace(second=0, microsecond=0), scan.state, scan.place.city.casefold())
        if key not in found or _fullness(scan) > _fullness(found[key]):
            found[key] = scan
    return tuple(sorted(found.values(), key=lambda scan: (scan.at, scan.state.rank, _encode(scan))))


def _fullness(scan: Scan) -> tuple[int, bytes]:
    return (len(scan.text) + len(str(scan.place)) + (scan.utc_offset is not None), _encode(scan))


def _state(scans: tuple[Scan, ...], members: list[Member[Shipment]]) -> ShipmentState:
    """The furthest that anybody says. Between equals a scan beats a summary: summaries are repeated long after."""
    said = [(word.facts.state, word.at["state"]) for _, word in members if word.facts.state is not None]
    rank = max([scan.state.rank for scan in scans] + [state.rank for state, _ in said], default=0)
    latest = next((scan.state for scan in reversed(scans) if scan.state.rank == rank), None)
    if latest is not None:
        return latest
    # Members are in order of trust, so the first summary of that rank is whose word counts.
    return next((state for state, _ in said if state.rank == rank), ShipmentState.UNKNOWN)


def _exception(state: ShipmentState, words: list[Shipment], scans: tuple[Scan, ...]) -> str:
    if state not in _TROUBLED:
        return ""
    told = next((word.exception for word in words if word.exception), "")
    return told or next((scan.text for scan in reversed(scans) if scan.state == state), "")


def _delivered_at(state: ShipmentState, scans: tuple[Scan, ...], said: datetime | None) -> datetime | None:
    if state is not ShipmentState.DELIVERED:
        return None
    return next((scan.at for scan in scans if scan.state is ShipmentState.DELIVERED), said)


def _dates(
    estimates: list[tuple[str, Estimate]], first_transit: datetime | None, shop: str
) -> tuple[datetime | None, datetime | None]:
    """The first and the current estimate; those given before the carrier had the parcel are guesses."""
    counted = [(source, e) for source, e in estimates if first_transit is not None and e.last_at >= first_transit]
    if not counted:
        return None, None
    original = min(counted, key=lambda found: (found[1].first_at, found[0] == shop, found[1].delivery))
    current = max(counted, key=lambda found: (found[0] != shop, found[1].last_at, found[1].delivery))
    return original[1].delivery, current[1].delivery


@cache
def _field_names(kind: type[Struct]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(kind))
