"""This file merges what several sources said into one order as it stands.

Who is believed: the shop about the order, the processor about its payments, the carrier (or whoever follows parcels)
about scans and states. The other fills in what the first leaves out.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from operator import attrgetter, eq
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import astuple, replace

from connectors.model import (
    Customer,
    Dispute,
    Order,
    Payment,
    PaymentAttempt,
    PaymentState,
    Refund,
    Scan,
    Shipment,
    ShipmentState,
)
from server.model import Estimate, OrderRecord, OrderView, Said, ShipmentView

T = TypeVar("T", bound=Struct)
Member = tuple[str, Said[T]]
"""A source's name and its word."""

_SHOP_KNOWS_BEST = ("fulfillment_id", "shipped_at", "items", "tracking_url", "destination")
_TROUBLED = (ShipmentState.EXCEPTION, ShipmentState.DELIVERY_FAILED, ShipmentState.RETURNING)
_HOLDS_MONEY = frozenset(
    {PaymentState.PAID, PaymentState.AUTHORIZED, PaymentState.PARTIALLY_REFUNDED, PaymentState.REFUNDED}
)
_REFUND_RANKS = {"pending": 0, "requires_action": 0, "succeeded": 1, "failed": 2, "cancelled": 2}
_CLOCKS_DIFFER = timedelta(hours=1)
_encode = msgspec.json.Encoder(order="deterministic").encode
_at = attrgetter("at")
_RANKS = {state: state.rank for state in ShipmentState}


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
    words = [said.facts for _, said in members]
    if len(words) == 1 and words[0].id == record.key.order_id:
        return words[0]
    merged = _first_said(words)
    customers = [word.customer for word in words if word.customer]
    if len(customers) > 1:
        merged["customer"] = Customer(**_first_said(customers))
    return Order(**merged | {"id": record.key.order_id})


def _first_said(words: Sequence[Struct]) -> dict[str, Any]:
    """Each field as the first of *words* that says it."""
    values = astuple(words[0])
    for word in words[1:]:
        values = tuple([more if value is None else value for value, more in zip(values, astuple(word), strict=True)])
    return dict(zip(_field_names(type(words[0])), values, strict=True))


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
    merged["attempts"] = _attempts(members, shop)
    if any(word.refunds for word in words):
        merged["refunds"] = _refunds(members, shop)
    if merged["dispute"] is not None:
        merged["dispute"] = _dispute(words)
    return _consistent(Payment(**merged))


def _attempts(members: list[Member[Payment]], shop: str) -> tuple[PaymentAttempt, ...]:
    """The shop tells the processor's tries again, under ids of its own: they count only where nobody else tells any."""
    of_processor = [said.facts for source, said in members if source != shop and said.facts.attempts]
    told = [attempt for word in of_processor or [said.facts for _, said in members] for attempt in word.attempts]
    if len(told) > 1:
        told = list({attempt.id: attempt for attempt in sorted(told, key=_encode)}.values())
    return tuple(sorted(told, key=lambda attempt: (attempt.at, attempt.id)))


def _refunds(members: list[Member[Payment]], shop: str) -> tuple[Refund, ...]:
    """Every refund as the latest word of its processor has it.

    The shop tells the processor's refunds again, often under ids of its own: one of the same amount is the same. Only
    of one that the processor never took (and so cannot tell of) the shop's word is all there is.
    """
    told = _one_word_each(refund for source, said in members if source != shop for refund in said.facts.refunds)
    of_shop = _one_word_each(refund for source, said in members if source == shop for refund in said.facts.refunds)
    of_shop = {id_: refund for id_, refund in of_shop.items() if not any(_is_again(refund, o) for o in told.values())}
    return tuple(sorted((of_shop | told).values(), key=lambda refund: (refund.at, refund.id)))


def _one_word_each(refunds: Iterable[Refund]) -> dict[str, Refund]:
    return {refund.id: refund for refund in sorted(refunds, key=refund_standing)}


def refund_standing(refund: Refund) -> tuple[int, datetime, bytes]:
    """Of two words about one refund the one with the higher standing counts: the further one, then the later one.

    A live look cannot tell when a refund came to be as it is. But none comes back from having failed, and one that
    went through can only fail.
    """
    return _REFUND_RANKS.get(refund.state, 0), refund.at, _encode(refund)


def _is_again(of_shop: Refund, other: Refund) -> bool:
    """Whether the processor's *other* is what the shop tells of; what failed before there was one is not."""
    return of_shop.amount == other.amount and (of_shop.state != "failed" or other.at >= of_shop.at - _CLOCKS_DIFFER)


def _dispute(words: list[Payment]) -> Dispute:
    """As the first has it who tells of one; what it leaves out, as others have it."""
    told = [word.dispute for word in words if word.dispute is not None]
    same = [dispute for dispute in told if dispute.id == told[0].id]
    if len(same) == 1:
        return told[0]
    return Dispute(
        id=told[0].id,
        state=told[0].state,
        reason=next((dispute.reason for dispute in same if dispute.reason), ""),
        amount=next((dispute.amount for dispute in same if dispute.amount), None),
        respond_by=next((dispute.respond_by for dispute in same if dispute.respond_by), None),
        opened_at=next((dispute.opened_at for dispute in same if dispute.opened_at), None),
    )


def _latest(said: Said[T]) -> float:
    """Sorts the latest word first."""
    return -max(said.at.values()).timestamp()


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
    found = []
    for name, keys, members in _same_shipments(record):
        merged = _shipment(members, _estimates(record, keys), shop)
        known = merged.shipment
        first = known.shipped_at or (known.scans[0].at if known.scans else None)
        found.append((first is None, first, name, merged))
    return tuple(entry[-1] for entry in sorted(found, key=lambda entry: entry[:-1]))


def _same_shipments(record: OrderRecord) -> Iterable[tuple[str, list[str], list[Member[Shipment]]]]:
    """Words about the same parcel under its name, with the keys under which they came.

    A fulfilment that got its tracking number later is the same shipment, and one whose number was corrected is only
    the corrected one: of one fulfilment, a source's latest word names all its numbers. What others say about a number
    that is no longer it goes with it.
    """
    numbers: dict[tuple[str, str], dict[str, datetime]] = {}
    for key, by_source in record.shipments.items():
        for source, said in by_source.items():
            if said.facts.tracking_number and said.facts.fulfillment_id:
                named = numbers.setdefault((source, said.facts.fulfillment_id), {})
                named[key] = said.at["tracking_number"]
    renamed: dict[str, str] = {}
    for (_, fulfillment_id), stamps in sorted(numbers.items()):
        newest = max(stamps.values())
        renamed[f"fulfillment|{fulfillment_id}"] = min(key for key, at in stamps.items() if at == newest)
        if len(stamps) > 1:
            renamed |= {key: "" for key, at in stamps.items() if at < newest}
    groups: dict[str, tuple[str, list[str], list[Member[Shipment]]]] = {}
    for key, by_source in record.shipments.items():
        if target := renamed.get(key, key):
            _, keys, members = groups.setdefault(target, (target, [], []))
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
    members = _by_trust(members, shop)
    words = [said.facts for _, said in members]
    told = _told(members)
    scans = _scans(told)
    state = _state(told, members)
    merged = _first_said(words)
    for word in reversed([said.facts for source, said in members if source == shop]):
        merged |= {name: value for name in _SHOP_KNOWS_BEST if (value := getattr(word, name)) is not None}
    merged["scans"] = scans
    merged["state"] = state
    merged["exception"] = _exception(state, words, scans)
    merged["delivered_at"] = _delivered_at(state, scans, merged["delivered_at"])
    first_transit = _first_with_carrier(scans)
    original, current = _dates(estimates, first_transit, shop)
    return ShipmentView(
        shipment=Shipment(**merged),
        sources=tuple(sorted({source for source, _ in members})),
        first_transit_at=first_transit,
        last_scan_at=_first_with_carrier(reversed(scans)),
        estimated_original=original,
        estimated_current=current,
    )


def _first_with_carrier(scans: Iterable[Scan]) -> datetime | None:
    return next((scan.at for scan in scans if _RANKS[scan.state] >= 2), None)


def _by_trust(members: list[Member[Shipment]], shop: str) -> list[Member[Shipment]]:
    """Words that know the number first, then who follows parcels before the shop, then the latest."""
    if len(members) == 1:
        return members
    standings = [(not said.facts.tracking_number, source == shop) for source, said in members]
    if len(set(standings)) == len(members):
        return [member for _, member in sorted(zip(standings, members, strict=True), key=lambda pair: pair[0])]
    return sorted(
        members, key=lambda m: (not m[1].facts.tracking_number, m[0] == shop, _latest(m[1]), m[0], m[1].facts.key)
    )


def _told(members: list[Member[Shipment]]) -> dict[str, tuple[Scan, ...]]:
    """The scans of each source that has any, oldest first."""
    told: dict[str, tuple[Scan, ...]] = {}
    for source, said in members:
        if scans := said.facts.scans:
            if source in told:
                both = sorted((*told[source], *scans), key=_encode)
                scans = tuple({scan.key: scan for scan in both}.values())
            told[source] = _in_order(scans)
    return told


def _in_order(scans: Iterable[Scan]) -> tuple[Scan, ...]:
    ordered = sorted(scans, key=_at)
    times = [scan.at for scan in ordered]
    if any(map(eq, times, times[1:])):
        ordered.sort(key=lambda scan: (scan.at, scan.state.rank, _encode(scan)))
    return tuple(ordered)


def _scans(told: dict[str, tuple[Scan, ...]]) -> tuple[Scan, ...]:
    """All scans, oldest first. Where two sources tell of the same minute, state and town, the fuller account counts.

    One source's own scans are never taken for each other: parcels do arrive and depart within a minute.
    """
    if len(told) < 2:
        return next(iter(told.values()), ())
    accounts: dict[tuple[object, ...], dict[str, list[Scan]]] = {}
    for source, scans in told.items():
        for scan in scans:
            key = (scan.at.replace(second=0, microsecond=0), scan.state, scan.place.city.casefold())
            accounts.setdefault(key, {}).setdefault(source, []).append(scan)
    kept = (
        max(account.values(), key=_fullness) if len(account) > 1 else next(iter(account.values()))
        for account in accounts.values()
    )
    return _in_order(scan for account in kept for scan in account)


def _fullness(account: list[Scan]) -> tuple[int, int, list[bytes]]:
    detail = sum(len(scan.text) + len(str(scan.place)) + (scan.utc_offset is not None) for scan in account)
    return (len(account), detail, sorted(map(_encode, account)))


def _state(told: dict[str, tuple[Scan, ...]], members: list[Member[Shipment]]) -> ShipmentState:
    """The furthest that anybody says; of several, what was scanned last.

    A scan beats a summary, which is repeated long after. But who scanned last may know of trouble without a scan (a
    lost parcel), and a void label stays void however often a tracker repeats that it exists.
    """
    newest = {source: _furthest(scans) for source, scans in told.items()}
    summaries = [(source, said.facts.state, said.at["state"]) for source, said in members if said.facts.state]
    rank = max([_RANKS[state] for state in (*(s.state for s in newest.values()), *(s for _, s, _ in summaries))] or [0])
    summed_up = [state for _, state, _ in summaries if _RANKS[state] == rank]
    scanned = [(source, scan) for source, scan in newest.items() if _RANKS[scan.state] == rank]
    if ShipmentState.CANCELLED in (*summed_up, *(scan.state for _, scan in scanned)):
        return ShipmentState.CANCELLED
    if not scanned:
        # Members are in order of trust, so the first summary of that rank is whose word counts.
        return summed_up[0] if summed_up else ShipmentState.UNKNOWN
    source, last = max(scanned, key=lambda found: found[1].at)
    if last.state.is_with_carrier and last.state not in _TROUBLED:
        own = (state for by, state, at in summaries if by == source and at >= last.at and state in _TROUBLED)
        return next(own, last.state)
    return last.state


def _furthest(scans: tuple[Scan, ...]) -> Scan:
    """The newest of those with the highest rank."""
    ranks = [_RANKS[scan.state] for scan in reversed(scans)]
    return scans[-1 - ranks.index(max(ranks))]


def _exception(state: ShipmentState, words: list[Shipment], scans: tuple[Scan, ...]) -> str:
    """What is wrong now: in the words of who says so, else of the scan that does, else of anybody."""
    if state not in _TROUBLED:
        return ""
    own = next((word.exception for word in words if word.exception and word.state is state), "")
    scanned = next((scan.text for scan in reversed(scans) if scan.state is state), "")
    return own or scanned or next((word.exception for word in words if word.exception), "")


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
    if len(counted) == 1:
        return counted[0][1].delivery, counted[0][1].delivery
    original = min(counted, key=lambda found: (found[1].first_at, found[0] == shop, found[1].delivery))
    current = max(counted, key=lambda found: (found[0] != shop, found[1].last_at, found[1].delivery))
    return original[1].delivery, current[1].delivery


@cache
def _field_names(kind: type[Struct]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(kind))
