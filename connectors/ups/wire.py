"""This file is UPS's JSON, as far as we read it (Track API v1, `trackResponse`)."""

from msgspec import Struct


class Status(Struct, frozen=True, rename="camel"):
    """`statusCode` has three digits and is finer than `type`; Track Alert sends it as a number."""

    type: str | None = None
    code: str | None = None
    description: str | None = None
    simplified_text_description: str | None = None
    status_code: str | int | None = None


class Address(Struct, frozen=True, rename="camel"):
    city: str | None = None
    state_province: str | None = None
    postal_code: str | None = None
    country_code: str | None = None
    country: str | None = None


class Location(Struct, frozen=True, rename="camel"):
    address: Address | None = None


class Activity(Struct, frozen=True, rename="camel"):
    """One scan. `date` (YYYYMMDD) and `time` (HHMMSS) are the place's clock, `gmt*` the same moment in UTC."""

    date: str | None = None
    time: str | None = None
    gmt_date: str | None = None
    gmt_time: str | None = None
    gmt_offset: str | None = None
    location: Location | None = None
    status: Status | None = None


class DeliveryDate(Struct, frozen=True, rename="camel"):
    """`type` is SDD (scheduled), RDD (rescheduled) or DEL (delivered)."""

    type: str | None = None
    date: str | None = None


class DeliveryTime(Struct, frozen=True, rename="camel"):
    type: str | None = None
    end_time: str | None = None


class Service(Struct, frozen=True, rename="camel"):
    description: str | None = None


class PackageAddress(Struct, frozen=True, rename="camel"):
    type: str | None = None
    address: Address | None = None


class Package(Struct, frozen=True, rename="camel"):
    tracking_number: str | None = None
    activity: tuple[Activity, ...] | None = None
    current_status: Status | None = None
    delivery_date: tuple[DeliveryDate, ...] | None = None
    delivery_time: DeliveryTime | None = None
    package_address: tuple[PackageAddress, ...] | None = None
    service: Service | None = None


class Warning(Struct, frozen=True, rename="camel"):  # noqa: A001 - the vendor's word
    code: str | None = None
    message: str | None = None


class Shipment(Struct, frozen=True, rename="camel"):
    package: tuple[Package, ...] | None = None
    warnings: tuple[Warning, ...] | None = None


class TrackResponse(Struct, frozen=True, rename="camel"):
    shipment: tuple[Shipment, ...] | None = None


class TrackAnswer(Struct, frozen=True, rename="camel"):
    track_response: TrackResponse
