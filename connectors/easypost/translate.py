"""This file is what EasyPost's words mean in ours: tables and pure functions."""

from datetime import UTC, datetime, time, timedelta

from connectors.carriers import carrier_code, carrier_name, tracking_link
from connectors.easypost import wire
from connectors.model import Place, Problem, Scan, Shipment, ShipmentState
from connectors.reading import AHEAD, LATEST, instant, line
from connectors.trouble_words import problem_in

_STATUSES = {
    "pre_transit": ShipmentState.LABEL_CREATED,
    "in_transit": ShipmentState.IN_TRANSIT,
    "out_for_delivery": ShipmentState.OUT_FOR_DELIVERY,
    "delivered": ShipmentState.DELIVERED,
    "available_for_pickup": ShipmentState.AVAILABLE_FOR_PICKUP,
    "return_to_sender": ShipmentState.RETURNING,  # on its way back; EasyPost does not say that it arrived
    "failure": ShipmentState.EXCEPTION,
    "cancelled": ShipmentState.CANCELLED,
    # unknown and error are about EasyPost's knowledge, not about the parcel.
}
# EasyPost leaves many troubles at in_transit and says them in the detail alone.
_DETAILS = {
    "address_correction": ShipmentState.EXCEPTION,
    "damaged": ShipmentState.EXCEPTION,
    "delivery_exception": ShipmentState.DELIVERY_FAILED,
    "held": ShipmentState.EXCEPTION,
    "lost": ShipmentState.EXCEPTION,
    "missorted": ShipmentState.EXCEPTION,
    "refused": ShipmentState.EXCEPTION,
    "return": ShipmentState.RETURNING,
    "transit_exception": ShipmentState.EXCEPTION,
}
# What is wrong, by the detail; the words are EasyPost's, in its documentation of the Tracker's `status_detail`.
_PROBLEMS = {
    "address_correction": Problem.ADDRESS,
    "damaged": Problem.DAMAGED,
    "lost": Problem.LOST,
    "missorted": Problem.MISROUTED,
    "refused": Problem.REFUSED,
    "weather_delay": Problem.WEATHER,
}
# These details cover several troubles, of which the carrier's sentence may name one.
_VAGUE_PROBLEMS = {
    "delayed": Problem.DELAYED,
    "delivery_exception": Problem.DELIVERY_ATTEMPT,
    "held": Problem.HELD,
}
_DELAYS = ("delayed", "weather_delay")
_UNFOLLOWED = {
    "unknown": "EasyPost has heard nothing of this number from {carrier}",
    "error": "EasyPost cannot follow this number with {carrier}",
}
_REFINED = ("in_transit", "out_for_delivery", "failure")
_WRONG = (ShipmentState.EXCEPTION, ShipmentState.DELIVERY_FAILED)
_TROUBLED = (*_WRONG, ShipmentState.RETURNING)
_KINDS = {
    ShipmentState.DELIVERED: "shipment.delivered",
    ShipmentState.DELIVERY_FAILED: "shipment.exception",
    ShipmentState.EXCEPTION: "shipment.exception",
    ShipmentState.RETURNING: "shipment.returning",
    ShipmentState.LABEL_CREATED: "shipment.created",
}
CARRIER_NAMES = {
    "australia_post": "AustraliaPost",
    "canada_post": "CanadaPost",
    "dhl_express": "DHLExpress",
    "purolator": "Purolator",
    "royal_mail": "RoyalMail",
    "usps": "USPS",
}
"""EasyPost's spelling, for carriers that have only one there (UPS is UPS, UPSDAP, UPSSurePost ...)."""


def state_of(status: str | None, detail: str | None) -> ShipmentState:
    """What EasyPost says of a parcel; UNKNOWN for words we have not met."""
    known = _STATUSES.get(status or "", ShipmentState.UNKNOWN)
    return _DETAILS.get(detail or "", known) if status in _REFINED else known


def shipment(tracker: wire.Tracker, now: datetime) -> Shipment:
    """One parcel with its scans, oldest first. Raises ValueError for a time that cannot be."""
    carrier = carrier_code(tracker.carrier)
    found = (_scan(detail, index, now + AHEAD) for index, detail in enumerate(tracker.tracking_details or ()))
    scans = tuple(sorted((scan for scan in found if scan), key=lambda scan: scan.at))
    state = state_of(tracker.status, tracker.status_detail)
    about = tracker.carrier_detail or wire.CarrierDetail()
    return Shipment(
        carrier=carrier,
        tracking_number=tracker.tracking_code,
        tracking_url=tracking_link(carrier, tracker.tracking_code) or tracker.public_url,
        service=about.service,
        state=state,
        vendor_state=" / ".join(word for word in (tracker.status, tracker.status_detail) if word) or None,
        delivered_at=_delivered_at(scans) if state is ShipmentState.DELIVERED else None,
        estimated_delivery=_estimate(tracker.est_delivery_date),
        destination=_place(about.destination_tracking_location) if about.destination_tracking_location else None,
        exception=_exception(tracker, state, scans),
        problem=_problem(state, tracker.status_detail, scans[-1].text if scans else ""),
        tracking_problem=_tracking_problem(tracker, carrier),
        scans=scans,
    )


def kind_of(found: Shipment) -> str:
    """The kind of the observation that a webhook becomes."""
    return _KINDS.get(found.state or ShipmentState.UNKNOWN, "shipment.scanned")


def last_word(found: Shipment) -> str:
    """What happened last, for the order's timeline."""
    if not found.scans:
        return f"{carrier_name(found.carrier)}: {(found.state or ShipmentState.UNKNOWN).replace('_', ' ')}"
    last = found.scans[-1]
    return f"{carrier_name(found.carrier)}: {last.text}" + (f" ({last.place})" if str(last.place) else "")


def moment(text: str | None, where: str, latest: datetime = LATEST) -> datetime | None:
    """A time in UTC. Raises ValueError for text that is none, and for absurd years."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{where}: expected an ISO 8601 time, got {text[:40]!r}") from error
    return instant(found.replace(tzinfo=UTC) if found.tzinfo is None else found, where, latest=latest)


def _scan(detail: wire.TrackingDetail, index: int, latest: datetime) -> Scan | None:
    at = moment(detail.datetime, f"tracking_details[{index}].datetime", latest)
    if at is None:
        return None
    state = state_of(detail.status, detail.status_detail)
    text = line(detail.message or detail.description or (detail.status or "").replace("_", " "))
    return Scan(
        at=at,
        state=state,
        text=text,
        code=detail.carrier_code or "",
        place=_place(detail.tracking_location),
        problem=_problem(state, detail.status_detail, text),
    )


def _place(location: wire.TrackingLocation | None) -> Place:
    if location is None:
        return Place()
    return Place(
        city=(location.city or "").strip(),
        region=(location.state or "").strip(),
        country=(location.country or "").strip(),
        postal_code=(location.zip or "").strip(),
    )


def _delivered_at(scans: tuple[Scan, ...]) -> datetime | None:
    return max((scan.at for scan in scans if scan.state is ShipmentState.DELIVERED), default=None)


def _estimate(text: str | None) -> datetime | None:
    """A bare day comes as a date or as its midnight in UTC, and means the end of that day."""
    found = moment(text, "est_delivery_date")
    if found is not None and found.time() == time.min:
        return found + timedelta(hours=23, minutes=59, seconds=59)
    return found


def _exception(tracker: wire.Tracker, state: ShipmentState, scans: tuple[Scan, ...]) -> str:
    if state in _WRONG or tracker.status_detail in _DELAYS:
        return scans[-1].text if scans else (tracker.status_detail or tracker.status or "").replace("_", " ")
    return ""


def _problem(state: ShipmentState, detail: str | None, text: str) -> Problem | None:
    """What is wrong, where EasyPost says that something is; None where neither its word nor the carrier's is known."""
    if state not in _TROUBLED and detail not in _DELAYS:
        return None
    return _PROBLEMS.get(detail or "") or problem_in(text) or _VAGUE_PROBLEMS.get(detail or "")


def _tracking_problem(tracker: wire.Tracker, carrier: str) -> str | None:
    """EasyPost's own trouble with a number of which it has never heard a scan."""
    if tracker.tracking_details:
        return ""
    if tracker.status in _UNFOLLOWED:
        named = carrier_name(carrier) if carrier != "unknown" else "any carrier"
        return _UNFOLLOWED[tracker.status].format(carrier=named)
    return "" if tracker.status in _STATUSES else None
