"""This file is EasyPost's JSON, as far as we read it (API v2: Tracker and Event)."""

from msgspec import Raw, Struct


class TrackingLocation(Struct, frozen=True):
    city: str | None = None
    state: str | None = None
    country: str | None = None
    zip: str | None = None


class TrackingDetail(Struct, frozen=True):
    """One scan. `datetime` is said to be UTC; where EasyPost knows no zone it is the local time called UTC."""

    datetime: str | None = None
    message: str | None = None
    description: str | None = None
    status: str | None = None
    status_detail: str | None = None
    carrier_code: str | None = None
    tracking_location: TrackingLocation | None = None


class CarrierDetail(Struct, frozen=True):
    service: str | None = None
    destination_tracking_location: TrackingLocation | None = None


class Tracker(Struct, frozen=True):
    """EasyPost's record of one parcel. Lists and objects in it may be null."""

    id: str
    tracking_code: str
    carrier: str | None = None
    status: str | None = None
    status_detail: str | None = None
    updated_at: str | None = None
    est_delivery_date: str | None = None
    public_url: str | None = None
    tracking_details: tuple[TrackingDetail, ...] | None = None
    carrier_detail: CarrierDetail | None = None


class TrackerList(Struct, frozen=True):
    trackers: tuple[Tracker, ...]


class Event(Struct, frozen=True):
    """A webhook. What `result` is depends on `description`, so it is read after it."""

    description: str
    result: Raw = Raw(b"null")


class EventId(Struct, frozen=True):
    id: str = ""
