"""This file is what UPS's answers mean in our words: parcels, scans, times."""

import re
from datetime import UTC, date, datetime, time, timedelta

from connectors.carriers import tracking_link
from connectors.model import Place, Scan, Shipment, ShipmentState
from connectors.reading import AHEAD, line
from connectors.ups import wire
from connectors.ups.statuses import problem_of, state_of, words_of

_WRONG = (ShipmentState.EXCEPTION, ShipmentState.DELIVERY_FAILED)
_OFFSET = re.compile(r"([+-])(\d{2})[:.]?(\d{2})", re.ASCII)
_FURTHEST_OFFSET = timedelta(hours=15)


def shipment(package: wire.Package, number: str, now: datetime) -> Shipment:
    """One parcel. What is not a date ("string" in UPS's own samples), or lies ahead of us, is left out."""
    activities = package.activity or ()
    scans = tuple(scan for scan in map(_scan, activities) if scan and scan.at <= now + AHEAD)
    status = package.current_status or next((a.status for a in activities if a.status), None)
    state = state_of(status)
    return Shipment(
        carrier="ups",
        tracking_number=number,
        tracking_url=tracking_link("ups", number),
        service=_text(package.service.description) or None if package.service else None,
        state=state,
        vendor_state=words_of(status),
        delivered_at=_delivered_at(package, scans) if state is ShipmentState.DELIVERED else None,
        estimated_delivery=_estimate(package),
        destination=_destination(package),
        exception=words_of(status) if state in _WRONG else "",
        problem=problem_of(status),
        tracking_problem="",
        scans=scans,
    )


def unknown(number: str, words: str) -> Shipment:
    """What is left to say of a parcel that UPS does not know: so much, in UPS's *words*."""
    said = f"UPS does not know this number: {_text(words)}"
    return Shipment(carrier="ups", tracking_number=number, tracking_problem=said)


def find_package(answer: wire.TrackAnswer, number: str) -> wire.Package | None:
    """The parcel that was asked for; an answer may hold all parcels of a shipment. One alone is the one."""
    packages = [p for s in answer.track_response.shipment or () for p in s.package or ()]
    alone = packages[0] if len(packages) == 1 else None
    return next((p for p in packages if p.tracking_number == number), alone)


def warnings(answer: wire.TrackAnswer) -> dict[str, str]:
    """What UPS says instead of a parcel, by its code, as in "Tracking Information Not Found (TW0001)"."""
    found = [w for s in answer.track_response.shipment or () for w in s.warnings or ()]
    return {_text(w.code): f"{_text(w.message)} ({_text(w.code)})" for w in found}


def moment(activity: wire.Activity) -> tuple[datetime, int | None] | None:
    """When a scan happened, in UTC, and the place's clock in minutes east of UTC.

    Where UPS gives neither `gmt*` nor an offset, the local time is taken as if it were UTC and the offset is None:
    up to half a day wrong, but in the right sequence for one place.
    """
    local = _moment(activity.date, activity.time)
    offset = _offset(activity.gmt_offset)
    exact = _moment(activity.gmt_date, activity.gmt_time)
    if exact and local and offset is None:
        offset = _difference(local, exact)
    if exact is None and local and offset is not None:
        exact = local - timedelta(minutes=offset)
    found = exact or local
    return (found, offset) if found else None


def _scan(activity: wire.Activity) -> Scan | None:
    when = moment(activity)
    if when is None:
        return None
    at, offset = when
    status = activity.status
    address = activity.location.address if activity.location else None
    return Scan(
        at=at,
        state=state_of(status),
        text=words_of(status),
        code=_text(status.code) if status else "",
        place=_place(address),
        problem=problem_of(status),
        utc_offset=offset,
    )


def _place(address: wire.Address | None) -> Place:
    if address is None:
        return Place()
    return Place(
        city=_text(address.city),
        region=_text(address.state_province),
        country=_text(address.country_code) or _text(address.country),
        postal_code=_text(address.postal_code),
    )


def _destination(package: wire.Package) -> Place | None:
    found = [a for a in package.package_address or () if _text(a.type).upper() == "DESTINATION"]
    return _place(found[0].address) if found else None


def _delivered_at(package: wire.Package, scans: tuple[Scan, ...]) -> datetime | None:
    """The delivery scan knows its time zone; the delivery date does not."""
    delivered = [scan.at for scan in scans if scan.state is ShipmentState.DELIVERED]
    if delivered:
        return max(delivered)
    given = package.delivery_time
    at = given.end_time if given and given.type == "DEL" else None
    return next((_moment(d.date, at) for d in package.delivery_date or () if d.type == "DEL"), None)


def _estimate(package: wire.Package) -> datetime | None:
    """UPS's day, rescheduled before scheduled, as the end of that day in UTC: the destination's zone is not said."""
    by_type = {d.type: _day(d.date) for d in package.delivery_date or ()}
    day = by_type.get("RDD") or by_type.get("SDD")
    return datetime.combine(day, time(23, 59, 59), UTC) if day else None


def _moment(day: str | None, clock: str | None) -> datetime | None:
    """YYYYMMDD and HHMMSS, as if it were UTC. UPS drops a leading zero of the hour ("74700")."""
    found = _day(day)
    if found is None:
        return None
    try:
        return datetime.combine(found, datetime.strptime(f"{_text(clock):0>6}", "%H%M%S").time(), UTC)  # noqa: DTZ007
    except ValueError:
        return None


def _day(text: str | None) -> date | None:
    try:
        found = datetime.strptime(_text(text), "%Y%m%d").date()  # noqa: DTZ007
    except ValueError:
        return None
    return found if 1990 <= found.year <= 2100 else None


def _offset(text: str | None) -> int | None:
    match = _OFFSET.fullmatch(_text(text))
    if not match:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    return -minutes if match[1] == "-" else minutes


def _difference(local: datetime, exact: datetime) -> int | None:
    apart = local - exact
    return round(apart.total_seconds() / 60) if abs(apart) <= _FURTHEST_OFFSET else None


def _text(value: str | None) -> str:
    return line(value)
