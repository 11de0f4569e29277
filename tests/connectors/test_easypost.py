"""This file tests EasyPost: signatures by its own library, events and trackers in our words."""

import base64
import hashlib
import hmac
import json
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import easypost.errors
import httpx
import pytest
import yaml
from easypost.util import validate_webhook

from connectors import easypost as ours
from connectors.connection import Connection
from connectors.contract import (
    Checkable,
    Denied,
    Envelope,
    EventSource,
    Forged,
    Garbled,
    Missing,
    TrackingSource,
    Unreadable,
)
from connectors.easypost import translate
from connectors.model import Observation, Place, Problem, References, Scan, Shipment, ShipmentState

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECRET = "sécret"


class World:
    """EasyPost's list of trackers."""

    def __init__(self, *trackers: dict[str, Any], status: int = 200) -> None:
        self.trackers, self.status = trackers, status
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        body = {"trackers": list(self.trackers), "has_more": False} if self.status == 200 else {"error": {"code": "X"}}
        return httpx.Response(self.status, json=body)

    def connect(self, api_key: str = "EZAKlive", webhook_secret: str = SECRET) -> ours.EasyPost:
        connection = Connection(
            workspace="acme",
            name="tracking",
            clock=lambda: NOON,
            clients=lambda _: httpx.AsyncClient(transport=httpx.MockTransport(self)),
        )
        return ours.connect(ours.Settings(api_key=api_key, webhook_secret=webhook_secret), connection)


def tracker(**values: Any) -> dict[str, Any]:
    return {
        "id": "trk_1",
        "object": "Tracker",
        "tracking_code": "9400110898825022579493",
        "status": "in_transit",
        "status_detail": "arrived_at_facility",
        "carrier": "USPS",
        "updated_at": "2026-11-22T10:00:00Z",
        **values,
    }


def detail(status: str, when: str | None, **values: Any) -> dict[str, Any]:
    return {"status": status, "datetime": when, "message": status.replace("_", " ").title(), **values}


def event(result: Any, description: str = "tracker.updated", **values: Any) -> bytes:
    return json.dumps(
        {"id": "evt_1", "object": "Event", "description": description, "result": result, **values}
    ).encode()


def signature(body: bytes, secret: str = SECRET) -> str:
    key = unicodedata.normalize("NFKD", secret).encode()
    return "hmac-sha256-hex=" + hmac.new(key, body, hashlib.sha256).hexdigest()


def envelope(body: bytes, header: str | None = None) -> Envelope:
    headers = {"x-hmac-signature": signature(body) if header is None else header}
    return Envelope(headers=headers, body=body, received_at=NOON)


# --- signatures ---


@pytest.mark.parametrize("body", [b"{}", '{"name":"Zoë"}'.encode(), b'{"a": 1}\n'])
@pytest.mark.parametrize("secret", [SECRET, unicodedata.normalize("NFD", SECRET), "plain", "ﬁ"])
def test_the_vendors_library_and_we_agree(body: bytes, secret: str) -> None:
    header = signature(body, secret)
    assert validate_webhook(body, {"X-Hmac-Signature": header}, secret) == json.loads(body)
    World().connect(webhook_secret=secret).verify(envelope(body, header))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "hmac-sha256-hex=",
        signature(b"{}").removeprefix("hmac-sha256-hex="),
        signature(b"{}").upper(),
        signature(b"{}") + " ",
        signature(b"{}")[:-1],
        signature(b"{} "),
        signature(b"{}", "other"),
        "hmac-sha256-hex=" + base64.b64encode(b"x" * 32).decode(),
        "hmac-sha256-hex=é",
        "x" * 65536,
    ],
)
def test_other_signatures_are_forged_for_both(header: str) -> None:
    with pytest.raises(Forged):
        World().connect().verify(envelope(b"{}", header))
    with pytest.raises((easypost.errors.SignatureVerificationError, TypeError)):
        validate_webhook(b"{}", {"X-Hmac-Signature": header}, SECRET)


def test_missing_header_and_missing_secret_are_forged() -> None:
    with pytest.raises(Forged, match="X-Hmac-Signature"):
        World().connect().verify(Envelope(headers={}, body=b"{}", received_at=NOON))
    with pytest.raises(Forged, match="no webhook_secret"):
        World().connect(webhook_secret="").verify(envelope(b"{}", signature(b"{}", "")))


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (event(None), "evt_1"),
        (b'{"id": 7}', ""),
        (b"[]", ""),
        (b"{", ""),
        (b'{"id": "\xff"}', ""),
        (b'{"x":' * 100_000, ""),
        (json.dumps({"id": "e" * 101}).encode(), ""),
    ],
)
def test_delivery_key_is_the_events_id(body: bytes, key: str) -> None:
    assert World().connect().delivery_key(envelope(body)) == key


# --- events ---


def test_event_becomes_an_observation() -> None:
    body = event(
        tracker(
            status="out_for_delivery",
            status_detail="out_for_delivery",
            est_delivery_date="2026-11-23T00:00:00Z",
            public_url="https://track.easypost.com/x",
            carrier_detail={
                "service": "Priority",
                "destination_tracking_location": {"city": "Austin", "state": "TX", "country": "US", "zip": "78701"},
            },
            tracking_details=[
                detail(
                    "out_for_delivery",
                    "2026-11-22T08:10:00-06:00",
                    carrier_code="OF",
                    tracking_location={"city": "AUSTIN", "state": "TX", "country": None, "zip": "78701"},
                ),
                detail("pre_transit", "2026-11-19T08:00:00Z", message="Label Created", tracking_location=None),
                detail("in_transit", None),
            ],
        )
    )
    (found,) = World().connect().read(envelope(body))
    assert found == Observation(
        source="tracking",
        kind="shipment.scanned",
        identity=found.identity,
        at=datetime(2026, 11, 22, 10, tzinfo=UTC),
        about=References(trackings=("usps|9400110898825022579493",)),
        text="USPS: Out For Delivery (AUSTIN, TX)",
        shipments=(
            Shipment(
                carrier="usps",
                tracking_number="9400110898825022579493",
                tracking_url="https://tools.usps.com/go/TrackConfirmAction?tLabels=9400110898825022579493",
                service="Priority",
                state=ShipmentState.OUT_FOR_DELIVERY,
                vendor_state="out_for_delivery / out_for_delivery",
                estimated_delivery=datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC),
                destination=Place(city="Austin", region="TX", country="US", postal_code="78701"),
                exception="",
                tracking_problem="",
                scans=(
                    Scan(
                        at=datetime(2026, 11, 19, 8, tzinfo=UTC),
                        state=ShipmentState.LABEL_CREATED,
                        text="Label Created",
                    ),
                    Scan(
                        at=datetime(2026, 11, 22, 14, 10, tzinfo=UTC),
                        state=ShipmentState.OUT_FOR_DELIVERY,
                        text="Out For Delivery",
                        code="OF",
                        place=Place(city="AUSTIN", region="TX", postal_code="78701"),
                    ),
                ),
            ),
        ),
    )


def test_repeat_has_the_same_identity_and_news_have_another() -> None:
    source = World().connect()
    first, again, later, other = (
        source.read(envelope(body))[0].identity
        for body in (
            event(tracker()),
            event(tracker(), "tracker.created", id="evt_2"),
            event(tracker(updated_at="2026-11-22T11:00:00Z")),
            event(tracker(status="delivered")),
        )
    )
    assert first == again
    assert len({first, later, other}) == 3


@pytest.mark.parametrize("description", ["batch.updated", "insurance.purchased", "payment.created", "tracker.deleted"])
def test_other_events_say_nothing_about_orders(description: str) -> None:
    assert World().connect().read(envelope(event({"id": 1}, description))) == ()


NOT_JSON = r"malformed|truncated|nested too deep|not UTF-8"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", NOT_JSON),
        (b"<html>", NOT_JSON),
        (b"[]", r"Expected `object`, got `array`"),
        (b"{}", "missing required field `description`"),
        (b'{"description": "\xff"}', NOT_JSON),
        (b'{"description": "x", "result": ' + b"[" * 100_000, NOT_JSON),
        (event(None), r"Expected `object`, got `null`"),
        (event({"id": "trk_1"}), "missing required field `tracking_code`"),
        (event(tracker(tracking_code=None)), r"Expected `str`, got `null` - at `\$.tracking_code`"),
        (event(tracker(tracking_details=[{"datetime": 5}])), r"at `\$.tracking_details\[0\].datetime`"),
        (
            event(tracker(tracking_details=[detail("x", "soon")])),
            r"tracking_details\[0\].datetime: expected an ISO 8601",
        ),
        (event(tracker(tracking_details=[detail("x", "0001-01-01T00:00:00+14:00")])), "a time between 1990 and"),
        (event(tracker(tracking_details=[detail("x", "2026-11-24T12:00:01Z")])), "and 2026-11-24 12:00 UTC, got"),
        (event(tracker(updated_at="2050-01-01T00:00:00Z")), "updated_at: expected a time between"),
        (event(tracker(est_delivery_date="2150-01-01T00:00:00Z")), "est_delivery_date: expected a time between"),
        (event(tracker(carrier="@")).replace(b"@", b"\xff"), NOT_JSON),
        (event(tracker(more="@")).replace(b'"@"', b"[" * 100_000), NOT_JSON),
        (event(tracker(updated_at=None)), "updated_at: expected"),
        (event(tracker(est_delivery_date="2026-02-30")), "est_delivery_date: expected"),
    ],
)
def test_signed_nonsense_is_unreadable_and_named(body: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        World().connect().read(envelope(body))


def test_nulls_everywhere_are_taken() -> None:
    empty = dict.fromkeys(
        ("status", "status_detail", "carrier", "est_delivery_date", "tracking_details", "carrier_detail", "public_url")
    )
    (found,) = World().connect().read(envelope(event(tracker(**empty))))
    assert found.shipments == (
        Shipment(
            carrier="unknown",
            tracking_number="9400110898825022579493",
            state=ShipmentState.UNKNOWN,
            exception="",
        ),
    )
    assert found.text == "Unknown: unknown"


@pytest.mark.parametrize(
    ("status", "status_detail", "state", "kind"),
    [
        ("pre_transit", "label_created", ShipmentState.LABEL_CREATED, "shipment.created"),
        ("in_transit", "departed_facility", ShipmentState.IN_TRANSIT, "shipment.scanned"),
        ("in_transit", "weather_delay", ShipmentState.IN_TRANSIT, "shipment.scanned"),
        ("in_transit", "delivery_exception", ShipmentState.DELIVERY_FAILED, "shipment.exception"),
        ("in_transit", "lost", ShipmentState.EXCEPTION, "shipment.exception"),
        ("out_for_delivery", "address_correction", ShipmentState.EXCEPTION, "shipment.exception"),
        ("delivered", "arrived_at_destination", ShipmentState.DELIVERED, "shipment.delivered"),
        ("delivered", "damaged", ShipmentState.DELIVERED, "shipment.delivered"),
        ("available_for_pickup", None, ShipmentState.AVAILABLE_FOR_PICKUP, "shipment.scanned"),
        ("return_to_sender", "return", ShipmentState.RETURNING, "shipment.returning"),
        ("failure", "unknown", ShipmentState.EXCEPTION, "shipment.exception"),
        ("cancelled", "cancelled", ShipmentState.CANCELLED, "shipment.scanned"),
        ("error", "expired", ShipmentState.UNKNOWN, "shipment.scanned"),
        ("teleported", "beamed", ShipmentState.UNKNOWN, "shipment.scanned"),
    ],
)
def test_statuses(status: str, status_detail: str | None, state: ShipmentState, kind: str) -> None:
    (found,) = World().connect().read(envelope(event(tracker(status=status, status_detail=status_detail))))
    words = " / ".join(word for word in (status, status_detail) if word)
    assert (found.shipments[0].state, found.shipments[0].vendor_state, found.kind) == (state, words, kind)


def test_trouble_and_delivery_are_told_from_the_scans() -> None:
    scans = [detail("in_transit", "2026-11-20T08:00:00Z"), detail("delivered", "2026-11-21T09:00:00Z")]
    delivered = tracker(status="delivered", status_detail=None, tracking_details=scans)
    (found,) = World().connect().read(envelope(event(delivered)))
    assert found.shipments[0].delivered_at == datetime(2026, 11, 21, 9, tzinfo=UTC)
    held = [detail("in_transit", "2026-11-20T08:00:00Z", message="Held at customs")]
    (found,) = World().connect().read(envelope(event(tracker(status_detail="held", tracking_details=held))))
    assert found.shipments[0].exception == "Held at customs"


@pytest.mark.parametrize(
    ("status", "status_detail", "said", "problem"),
    [
        ("in_transit", "address_correction", "Arrived", Problem.ADDRESS),
        ("in_transit", "damaged", "Lost", Problem.DAMAGED),
        ("failure", "lost", "x", Problem.LOST),
        ("in_transit", "missorted", "x", Problem.MISROUTED),
        ("in_transit", "refused", "x", Problem.REFUSED),
        ("in_transit", "weather_delay", "x", Problem.WEATHER),
        ("in_transit", "delayed", "x", Problem.DELAYED),
        ("in_transit", "delivery_exception", "x", Problem.DELIVERY_ATTEMPT),
        ("in_transit", "delivery_exception", "Insufficient Address", Problem.ADDRESS),
        ("in_transit", "held", "x", Problem.HELD),
        ("in_transit", "held", "Held in Customs", Problem.CUSTOMS),
        ("in_transit", "transit_exception", "x", None),
        ("in_transit", "transit_exception", "Clearance delay - Import", Problem.CUSTOMS),
        ("failure", "unknown", "Package cannot be located", Problem.LOST),
        ("failure", None, "x", None),
        ("return_to_sender", "return", "Refused", Problem.REFUSED),
        ("in_transit", "departed_facility", "Held in Customs", None),
        ("delivered", "damaged", "Delivered, damaged", None),
        (None, "lost", "lost", None),
    ],
)
def test_problems(status: str | None, status_detail: str | None, said: str, problem: Problem | None) -> None:
    words = {"status": status, "status_detail": status_detail}
    scans = [{**words, "datetime": "2026-11-20T08:00:00Z", "message": said}]
    (found,) = World().connect().read(envelope(event(tracker(**words, tracking_details=scans))))
    assert (found.shipments[0].problem, found.shipments[0].scans[0].problem) == (problem, problem)


@pytest.mark.parametrize(
    ("status", "carrier", "scans", "problem"),
    [
        ("unknown", "USPS", None, "EasyPost has heard nothing of this number from USPS"),
        ("error", "USPS", [], "EasyPost cannot follow this number with USPS"),
        ("unknown", None, None, "EasyPost has heard nothing of this number from any carrier"),
        ("error", "USPS", [detail("in_transit", "2026-11-20T08:00:00Z")], ""),
        ("pre_transit", "USPS", None, ""),
        ("delivered", "USPS", None, ""),
        ("teleported", "USPS", None, None),
        (None, "USPS", None, None),
    ],
)
def test_a_number_of_which_nothing_was_ever_heard(
    status: str | None, carrier: str | None, scans: list[Any] | None, problem: str | None
) -> None:
    (found,) = World().connect().read(envelope(event(tracker(status=status, carrier=carrier, tracking_details=scans))))
    assert found.shipments[0].tracking_problem == problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23", datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC)),
        ("2026-11-23T00:00:00Z", datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC)),
        ("2026-11-23T17:30:00Z", datetime(2026, 11, 23, 17, 30, tzinfo=UTC)),
        (None, None),
    ],
)
def test_estimate_of_a_day_means_its_end(text: str | None, expected: datetime | None) -> None:
    assert translate._estimate(text) == expected


# --- looking up ---


async def test_newest_tracker_of_the_parcel_is_read() -> None:
    world = World(
        tracker(id="trk_old", updated_at="2026-11-01T10:00:00Z"),
        tracker(id="trk_new", status="delivered"),
        tracker(id="trk_other", carrier="FedEx", updated_at="2026-11-23T10:00:00Z"),
    )
    found = await world.connect().read_tracking("usps", "9400 1108 9882 5022 5794 93")
    assert found.identity.startswith("easypost:trk_new:")
    assert (found.kind, found.text, found.shipments[0].state) == ("shipment.read", "", ShipmentState.DELIVERED)
    (request,) = world.requests
    assert request.method == "GET"
    assert dict(request.url.params) == {"tracking_code": "9400110898825022579493", "carrier": "USPS"}
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"EZAKlive:"


async def test_the_parcel_keeps_the_carrier_by_which_it_was_asked_for() -> None:
    world = World(tracker(carrier="UPSDAP"))
    found = await world.connect().read_tracking("ups", "9400110898825022579493")
    assert found.about.trackings == ("ups|9400110898825022579493",)
    assert "carrier" not in world.requests[0].url.params
    found = await world.connect().read_tracking("unknown", "9400110898825022579493")
    assert found.shipments[0].carrier == "unknown"


@pytest.mark.parametrize(
    ("trackers", "reason"),
    [
        ([], "it has no tracker for this parcel$"),
        ([tracker(carrier="FedEx")], "no tracker for this parcel but one of FedEx"),
        ([tracker(tracking_code="other")], "it has no tracker for this parcel$"),
    ],
)
async def test_no_tracker_is_missing_and_none_is_made(trackers: list[dict[str, Any]], reason: str) -> None:
    world = World(*trackers)
    with pytest.raises(Missing, match=reason):
        await world.connect().read_tracking("usps", "9400110898825022579493")
    assert [request.method for request in world.requests] == ["GET"]


async def test_tracker_with_an_absurd_date_is_garbled() -> None:
    with pytest.raises(Garbled, match="updated_at"):
        await World(tracker(updated_at="soon")).connect().read_tracking("usps", "9400110898825022579493")


async def test_refused_key_is_not_hammered() -> None:
    world = World(status=401)
    source = world.connect()
    for _ in range(5):
        with pytest.raises(Denied):
            await source.check()
    assert len(world.requests) == 1


async def test_check_says_when_the_key_is_for_tests() -> None:
    assert await World().connect().check() == "EasyPost accepts the key"
    assert "test key" in await World().connect("EZTKtest").check()


def test_it_can_what_it_says_and_keeps_its_secrets() -> None:
    source = World().connect()
    assert isinstance(source, EventSource)
    assert isinstance(source, TrackingSource)
    assert isinstance(source, Checkable)
    assert source.tracks("anything")
    settings = ours.Settings(api_key="EZAKlive", webhook_secret=SECRET)
    shown = f"{settings!r}{settings}{list(settings.__rich_repr__())}"
    assert "EZAK" not in shown
    assert SECRET not in shown
    with pytest.raises(ValueError, match="expected api_key"):
        ours.Settings(api_key="")


# --- recordings ---


def _recorded(specs: Path, name: str) -> list[Any]:
    tape = yaml.safe_load((specs / "easypost" / name).read_text())
    return [json.loads(turn["response"]["body"]["string"]) for turn in tape["interactions"]]


async def test_recorded_tracker(specs: Path) -> None:
    recorded = _recorded(specs, "test_tracker_retrieve.yaml")[-1]
    found = await World(recorded).connect().read_tracking("usps", "EZ1000000001")
    assert found.at == datetime(2025, 3, 6, 19, 48, 26, tzinfo=UTC)
    assert found.shipments == (
        Shipment(
            carrier="usps",
            tracking_number="EZ1000000001",
            tracking_url="https://tools.usps.com/go/TrackConfirmAction?tLabels=EZ1000000001",
            service="First-Class Package Service",
            state=ShipmentState.LABEL_CREATED,
            vendor_state="pre_transit / status_update",
            estimated_delivery=datetime(2025, 3, 6, 19, 48, 26, tzinfo=UTC),
            exception="",
            tracking_problem="",
            scans=(
                Scan(
                    at=datetime(2025, 2, 6, 19, 48, 26, tzinfo=UTC),
                    state=ShipmentState.LABEL_CREATED,
                    text="Pre-Shipment Info Sent to USPS",
                ),
                Scan(
                    at=datetime(2025, 2, 7, 8, 25, 26, tzinfo=UTC),
                    state=ShipmentState.LABEL_CREATED,
                    text="Shipping Label Created",
                    place=Place(city="HOUSTON", region="TX", postal_code="77063"),
                ),
            ),
        ),
    )


def test_every_recorded_tracker_can_come_as_an_event(specs: Path) -> None:
    (listed,) = _recorded(specs, "test_tracker_all.yaml")
    source = World().connect()
    found = [source.read(envelope(event(one)))[0] for one in listed["trackers"]]
    assert len(found) == 5
    assert {observation.shipments[0].carrier for observation in found} == {"usps"}
    assert len({observation.identity for observation in found}) == 5
