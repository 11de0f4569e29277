"""This file merges what several sources said into one order as it stands.

Who is believed: the shop about the order, the processor about its payments, the carrier (or whoever follows parcels)
about scans and states. The other fills in what the first leaves out.
"""

from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter, eq

import msgspec

from connectors.model import (
    Customer,
    Order,
    Problem,
    Scan,
    Shipment,
    ShipmentState,
)
from server.model import Estimate, OrderRecord, OrderView, ShipmentView
from server.rules.merging import Member, first_said, latest
from server.rules.view_payments import payments

_SHOP_KNOWS_BEST = ("fulfillment_id", "shipped_at", "items", "tracking_url", "destination")
_TROUBLED = (ShipmentState.EXCEPTION, ShipmentState.DELIVERY_FAILED, ShipmentState.RETURNING)
_encode = msgspec.json.Encoder(order="deterministic").encode
_at = attrgetter("at")
_RANKS = {state: state.rank for state in ShipmentState}


def view(record: OrderRecord) -> OrderView:
    """One order out of every source's words; the same for the same record."""
    shop = record.key.shop
    return OrderView(
        key=record.key,
        order=_order(record, shop),
        payments=payments(record, shop),
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
    merged = first_said(words)
    customers = [word.customer for word in words if word.customer]
    if len(customers) > 1:
        merged["customer"] = Customer(**first_said(customers))
    return Order(**merged | {"id": record.key.order_id})


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
    merged = first_said(words)
    for word in reversed([said.facts for source, said in members if source == shop]):
        merged |= {name: value for name in _SHOP_KNOWS_BEST if (value := getattr(word, name)) is not None}
    merged["scans"] = scans
    merged["state"] = state
    merged["exception"] = _exception(state, words, scans)
    merged["problem"] = _problem(state, members, scans)
    merged["delivered_at"] = _delivered_at(state, scans, merged["delivered_at"])
    first_transit = _first_with_carrier(scans)
    merged["tracking_problem"] = "" if first_transit else _tracking_problem(words)
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
        members, key=lambda m: (not m[1].facts.tracking_number, m[0] == shop, latest(m[1]), m[0], m[1].facts.key)
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


def _problem(state: ShipmentState, members: list[Member[Shipment]], scans: tuple[Scan, ...]) -> Problem | None:
    """What is wrong now as one word: by who says so now, else by the newest scan that does."""
    if state not in _TROUBLED:
        return None
    for _, said in members:
        stamps = said.at
        if said.facts.problem and said.facts.state is state and stamps["problem"] == stamps["state"]:
            return said.facts.problem
    return next((scan.problem for scan in reversed(scans) if scan.state is state and scan.problem), None)


def _tracking_problem(words: list[Shipment]) -> str | None:
    """Why nobody can follow it; nothing is wrong with a number that one of them can follow."""
    told = [word.tracking_problem for word in words if word.tracking_problem is not None]
    return min(told, key=bool) if told else None


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
