"""This file tests UPS: its words in ours, its times in UTC, its refusals in sentences."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from connectors import ups
from connectors.connection import Connection
from connectors.contract import Checkable, Denied, Garbled, Missing, Rejected, TrackingSource
from connectors.model import Observation, Place, Problem, References, Scan, Shipment, ShipmentState
from connectors.ups import statuses, translate, wire

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NUMBER = "1Z204W4R0308071865"


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class World:
    """UPS on the other end: a token desk and one answer for every parcel."""

    def __init__(self, status: int = 200, body: Any = None) -> None:
        self.status, self.body = status, body
        self.requests: list[httpx.Request] = []
        self.tokens = 0
        self.bad_tokens: set[str] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path == "/security/v1/oauth/token":
            self.tokens += 1
            return httpx.Response(200, json={"access_token": f"t{self.tokens}", "expires_in": "14399"})
        if request.headers["authorization"] in {f"Bearer {token}" for token in self.bad_tokens}:
            return httpx.Response(401, json={"response": {"errors": [{"code": "250002", "message": "Invalid"}]}})
        return httpx.Response(self.status, json=self.body)

    def connect(self, **settings: str) -> ups.Ups:
        connection = Connection(
            workspace="acme",
            name="brown",
            clock=Clock(),
            clients=lambda _: httpx.AsyncClient(transport=httpx.MockTransport(self)),
        )
        return ups.connect(ups.Settings(client_id="id", client_secret="hush", **settings), connection)


def package(**values: Any) -> dict[str, Any]:
    return {"trackingNumber": NUMBER, **values}


def answer(*packages: dict[str, Any], **shipment: Any) -> dict[str, Any]:
    return {"trackResponse": {"shipment": [{"inquiryNumber": NUMBER, "package": list(packages), **shipment}]}}


def activity(kind: str, text: str, day: str, time: str, **more: Any) -> dict[str, Any]:
    address = {"city": "Louisville", "stateProvince": "KY", "countryCode": "US", "postalCode": "40213"}
    return {
        "date": day,
        "time": time,
        "status": {"type": kind, "code": more.pop("code", "AR"), "description": text, **more.pop("status", {})},
        "location": {"address": address},
        **more,
    }


LOUISVILLE = Place(city="Louisville", region="KY", country="US", postal_code="40213")


async def test_parcel_is_told_in_our_words() -> None:
    world = World(
        body=answer(
            package(trackingNumber="1Z204W4R0308071866"),
            package(
                activity=[
                    activity(
                        "D",
                        "DELIVERED ",
                        "20261121",
                        "095004",
                        code="FS",
                        gmtDate="20261121",
                        gmtTime="145004",
                        gmtOffset="-05:00",
                    ),
                    activity("I", "Arrived at Facility", "20261120", "231500", gmtOffset="-05:00"),
                    activity("M", "Label created", "20261119", "080000"),
                ],
                currentStatus={"type": "D", "code": "FS", "description": "DELIVERED", "statusCode": "011"},
                deliveryDate=[{"type": "SDD", "date": "20261120"}, {"type": "RDD", "date": "20261121"}],
                service={"description": "UPS Ground"},
                packageAddress=[
                    {"type": "ORIGIN", "address": {"city": "Reno"}},
                    {"type": "DESTINATION", "address": {"city": "Louisville", "stateProvince": "KY"}},
                ],
            ),
        )
    )
    found = await world.connect().read_tracking("ups", f" {NUMBER.lower()} ")
    assert found == Observation(
        source="brown",
        kind="shipment.read",
        identity=found.identity,
        at=NOON,
        about=References(trackings=(f"ups|{NUMBER}",)),
        shipments=(
            Shipment(
                carrier="ups",
                tracking_number=NUMBER,
                tracking_url=f"https://www.ups.com/track?tracknum={NUMBER}",
                service="UPS Ground",
                state=ShipmentState.DELIVERED,
                vendor_state="DELIVERED",
                delivered_at=datetime(2026, 11, 21, 14, 50, 4, tzinfo=UTC),
                estimated_delivery=datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC),
                destination=Place(city="Louisville", region="KY"),
                exception="",
                tracking_problem="",
                scans=(
                    Scan(
                        at=datetime(2026, 11, 21, 14, 50, 4, tzinfo=UTC),
                        state=ShipmentState.DELIVERED,
                        text="DELIVERED",
                        code="FS",
                        place=LOUISVILLE,
                        utc_offset=-300,
                    ),
                    Scan(
                        at=datetime(2026, 11, 21, 4, 15, tzinfo=UTC),
                        state=ShipmentState.IN_TRANSIT,
                        text="Arrived at Facility",
                        code="AR",
                        place=LOUISVILLE,
                        utc_offset=-300,
                    ),
                    Scan(
                        at=datetime(2026, 11, 19, 8, tzinfo=UTC),
                        state=ShipmentState.LABEL_CREATED,
                        text="Label created",
                        code="AR",
                        place=LOUISVILLE,
                    ),
                ),
            ),
        ),
    )


async def test_same_answer_has_the_same_identity_and_another_has_another() -> None:
    world = World(body=answer(package(currentStatus={"type": "I"})))
    source = world.connect()
    first = await source.read_tracking("ups", NUMBER)
    again = await source.read_tracking("ups", NUMBER)
    world.body = answer(package(currentStatus={"type": "D"}))
    later = await source.read_tracking("ups", NUMBER)
    assert first.identity == again.identity
    assert first.identity != later.identity


async def test_request_carries_what_ups_demands() -> None:
    world = World(body=answer(package()))
    source = world.connect(account="A1B2C3")
    await source.read_tracking("ups", NUMBER)
    await source.read_tracking("ups", NUMBER)
    token, first, second = world.requests
    assert token.headers["x-merchant-id"] == "A1B2C3"
    assert first.url == f"https://onlinetools.ups.com/api/track/v1/details/{NUMBER}"
    assert first.headers["authorization"] == "Bearer t1"
    assert first.headers["transactionsrc"] == "Beforehand"
    assert len(first.headers["transid"]) == 32
    assert first.headers["transid"] != second.headers["transid"]


async def test_expired_token_is_replaced_and_the_question_repeated() -> None:
    world = World(body=answer(package()))
    world.bad_tokens = {"t1"}
    await world.connect().read_tracking("ups", NUMBER)
    assert [request.headers["authorization"] for request in world.requests[1::2]] == ["Bearer t1", "Bearer t2"]


async def test_credentials_that_are_always_refused_are_denied() -> None:
    world = World(body=answer(package()))
    world.bad_tokens = {"t1", "t2", "t3"}
    source = world.connect()
    for _ in range(3):
        with pytest.raises(Denied):
            await source.read_tracking("ups", NUMBER)
    assert len(world.requests) == 4


def unknown(words: str) -> tuple[Shipment, ...]:
    return (
        Shipment(carrier="ups", tracking_number=NUMBER, tracking_problem=f"UPS does not know this number: {words}"),
    )


@pytest.mark.parametrize("number", ["123456", "1" * 35, "../../oauth", "1Z/204W4R03", "١٢٣٤٥٦٧٨", "1Z204W4R?x=1"])
async def test_what_is_no_ups_number_is_not_asked_and_said_to_be_none(number: str) -> None:
    world = World(body=answer(package()))
    (found,) = (await world.connect().read_tracking("ups", number)).shipments
    assert found == Shipment(
        carrier="ups",
        tracking_number=number.upper(),
        tracking_problem="UPS does not know this number: its numbers have 7 to 34 letters and digits",
    )
    assert world.requests == []


async def test_without_a_number_there_is_nothing_to_ask() -> None:
    with pytest.raises(Missing, match="no tracking number"):
        await World(body=answer(package())).connect().read_tracking("ups", " ")


@pytest.mark.parametrize("status", [400, 404])
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("TV1002", "Invalid inquiry number"),
        ("TW0001", "Tracking Information Not Found"),
        ("151018", "Invalid tracking number"),
        ("151044", "No tracking information available"),
    ],
)
async def test_that_ups_does_not_know_a_parcel_is_an_observation(status: int, code: str, words: str) -> None:
    world = World(status, {"response": {"errors": [{"code": code, "message": words}]}})
    found = await world.connect().read_tracking("ups", NUMBER.lower())
    assert (found.kind, found.at, found.about) == ("shipment.read", NOON, References(trackings=(f"ups|{NUMBER}",)))
    assert found.shipments == unknown(f"{words} ({code})")


async def test_an_answer_without_a_parcel_says_so_by_its_warning() -> None:
    nothing = {"warnings": [{"code": "TW0001", "message": "Tracking Information\nNot Found"}]}
    found = await World(body={"trackResponse": {"shipment": [nothing]}}).connect().read_tracking("ups", NUMBER)
    assert found.shipments == unknown("Tracking Information Not Found (TW0001)")
    other = {"warnings": [{"code": "TW0099", "message": "Try later"}]}
    with pytest.raises(Missing, match=r"Try later \(TW0099\)"):
        await World(body={"trackResponse": {"shipment": [other]}}).connect().read_tracking("ups", NUMBER)


@pytest.mark.parametrize("body", [{"response": {"errors": [{"code": "TV9998", "message": "Gone"}]}}, "<html>", None])
async def test_another_404_says_nothing_of_the_number(body: Any) -> None:
    with pytest.raises(Missing):
        await World(404, body).connect().read_tracking("ups", NUMBER)


async def test_a_number_that_ups_knows_after_all_is_said_to_be_known() -> None:
    world = World(404, {"response": {"errors": [{"code": "TW0001", "message": "Not Found"}]}})
    source = world.connect()
    before = await source.read_tracking("ups", NUMBER)
    world.status, world.body = 200, answer(package(currentStatus={"type": "M"}))
    after = await source.read_tracking("ups", NUMBER)
    assert [found.shipments[0].tracking_problem == "" for found in (before, after)] == [False, True]
    assert before.identity != after.identity


async def test_other_parcels_of_a_shipment_are_not_taken_for_the_one() -> None:
    world = World(body=answer(package(trackingNumber="1Z1"), package(trackingNumber="1Z2")))
    with pytest.raises(Missing, match="holds no parcel"):
        await world.connect().read_tracking("ups", NUMBER)


async def test_other_refusals_stay_what_they_are() -> None:
    world = World(400, {"response": {"errors": [{"code": "TV9999", "message": "Bad transId"}]}})
    with pytest.raises(Rejected):
        await world.connect().read_tracking("ups", NUMBER)
    with pytest.raises(Garbled):
        await World(body={"other": 1}).connect().read_tracking("ups", NUMBER)


async def test_credentials_are_checked_without_a_parcel() -> None:
    world = World()
    assert await world.connect().check() == "UPS accepts the credentials"
    assert [request.url.path for request in world.requests] == ["/security/v1/oauth/token"]


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({"type": "D"}, ShipmentState.DELIVERED),
        ({"type": "d "}, ShipmentState.DELIVERED),
        ({"type": "I"}, ShipmentState.IN_TRANSIT),
        ({"type": "P"}, ShipmentState.IN_TRANSIT),
        ({"type": "M", "statusCode": "003"}, ShipmentState.LABEL_CREATED),
        ({"type": "MV"}, ShipmentState.CANCELLED),
        ({"type": "X"}, ShipmentState.EXCEPTION),
        ({"type": "X", "statusCode": "013"}, ShipmentState.EXCEPTION),
        ({"type": "RS"}, ShipmentState.RETURNED),
        ({"type": "O"}, ShipmentState.OUT_FOR_DELIVERY),
        ({"type": "I", "code": "OT", "statusCode": "021"}, ShipmentState.OUT_FOR_DELIVERY),
        ({"type": "I", "code": "OT"}, ShipmentState.OUT_FOR_DELIVERY),
        ({"type": "I", "statusCode": 21}, ShipmentState.OUT_FOR_DELIVERY),
        ({"type": "X", "statusCode": "022"}, ShipmentState.DELIVERY_FAILED),
        ({"type": "X", "statusCode": "014"}, ShipmentState.IN_TRANSIT),
        ({"type": "X", "statusCode": "035"}, ShipmentState.RETURNING),
        ({"type": "D", "statusCode": "040"}, ShipmentState.AVAILABLE_FOR_PICKUP),
        ({"type": "NA"}, ShipmentState.UNKNOWN),
        ({"type": "ZZ", "code": None, "statusCode": None}, ShipmentState.UNKNOWN),
        ({}, ShipmentState.UNKNOWN),
    ],
)
def test_statuses(status: dict[str, Any], state: ShipmentState) -> None:
    assert statuses.state_of(msgspec.convert(status, wire.Status)) is state


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # 24 April 2024 09:15:19 in Charlotte, with every combination of what UPS may leave out.
        (("20240423", "091519", "20240423", "131519", "-04:00"), ("2024-04-23T13:15:19", -240)),
        (("20240423", "091519", "20240423", "131519", None), ("2024-04-23T13:15:19", -240)),
        (("20240423", "091519", None, None, "-04.00"), ("2024-04-23T13:15:19", -240)),
        (("20240423", "233000", None, None, "+05:30"), ("2024-04-23T18:00:00", 330)),
        (("20240423", "091519", None, None, None), ("2024-04-23T09:15:19", None)),
        ((None, None, "20240423", "74700", "-05:00"), ("2024-04-23T07:47:00", -300)),
        (("20240423", None, None, None, None), ("2024-04-23T00:00:00", None)),
        (("20240423", "091519", "20240501", "131519", None), ("2024-05-01T13:15:19", None)),
        (("20240423", "250000", None, None, None), None),
        (("00010101", "091519", None, None, None), None),
        (("string", "string", None, None, None), None),
        ((None, None, None, None, None), None),
    ],
)
def test_times(given: tuple[str | None, ...], expected: tuple[str, int | None] | None) -> None:
    day, time, gmt_date, gmt_time, gmt_offset = given
    activity = wire.Activity(date=day, time=time, gmt_date=gmt_date, gmt_time=gmt_time, gmt_offset=gmt_offset)
    found = translate.moment(activity)
    assert found == (expected and (datetime.fromisoformat(expected[0]).replace(tzinfo=UTC), expected[1]))


def test_delivery_date_serves_where_no_scan_says_it() -> None:
    found = translate.shipment(
        wire.Package(
            current_status=wire.Status(type="D"),
            delivery_date=(wire.DeliveryDate(type="DEL", date="20261121"),),
            delivery_time=wire.DeliveryTime(type="DEL", end_time="101500"),
        ),
        NUMBER,
        NOON,
    )
    assert (found.delivered_at, found.estimated_delivery) == (datetime(2026, 11, 21, 10, 15, tzinfo=UTC), None)


def test_scan_from_the_future_is_left_out() -> None:
    scans = tuple(wire.Activity(date=day, time="120000") for day in ("20261124", "20261125"))
    found = translate.shipment(wire.Package(activity=scans), NUMBER, NOON)
    assert [scan.at for scan in found.scans] == [NOON + timedelta(days=1)]


def test_exception_is_told_in_words() -> None:
    status = wire.Status(type="X", description="Severe weather has delayed delivery.")
    found = translate.shipment(wire.Package(current_status=status), NUMBER, NOON)
    assert (found.state, found.exception) == (ShipmentState.EXCEPTION, "Severe weather has delayed delivery.")


def test_newest_activity_serves_where_there_is_no_current_status() -> None:
    newest = wire.Activity(status=wire.Status(type="I", code="OT"))
    oldest = wire.Activity(status=wire.Status(type="M"))
    found = translate.shipment(wire.Package(activity=(newest, oldest)), NUMBER, NOON)
    assert found.state is ShipmentState.OUT_FOR_DELIVERY


async def test_recorded_answer_with_its_placeholders(specs: Path) -> None:
    body = json.loads((specs / "carriers/ups/TrackingResponseJSON.json").read_text())
    found = await World(body=body).connect().read_tracking("ups", "1Z023E2X0214323462")
    assert found.shipments == (
        Shipment(
            carrier="ups",
            tracking_number="1Z023E2X0214323462",
            tracking_url="https://www.ups.com/track?tracknum=1Z023E2X0214323462",
            service="UPS Ground",
            state=ShipmentState.EXCEPTION,
            vendor_state="Your package was released by the customs agency.",
            exception="Your package was released by the customs agency.",
            tracking_problem="",
            scans=(
                Scan(
                    at=datetime(2021, 2, 10, 7, 13, 56, tzinfo=UTC),
                    state=ShipmentState.EXCEPTION,
                    text="Your package was released by the customs agency.",
                    code="SR",
                    place=Place(city="Wayne", region="NJ", country="US", postal_code="07470"),
                ),
            ),
        ),
    )


async def test_recorded_refusal(specs: Path) -> None:
    body = json.loads((specs / "carriers/ups/InvalidTrackingNumberResponseJSON.json").read_text())
    found = await World(404, body).connect().read_tracking("ups", NUMBER)
    assert found.shipments == unknown("Invalid inquiry number (TV1002)")


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ({"type": "X", "statusCode": "059"}, Problem.DAMAGED),
        ({"type": "X", "statusCode": "068"}, Problem.LOST),
        ({"type": "X", "statusCode": "058"}, Problem.CUSTOMS),
        ({"type": "X", "statusCode": "016"}, Problem.HELD),
        ({"type": "I", "statusCode": "069"}, Problem.HELD),
        ({"type": "I", "statusCode": "050"}, Problem.ADDRESS),
        ({"type": "X", "statusCode": 64}, Problem.REFUSED),
        ({"type": "X", "statusCode": "052"}, Problem.WEATHER),
        ({"type": "X", "statusCode": "047"}, Problem.DELAYED),
        ({"type": "X", "statusCode": "047", "description": "The package was missorted."}, Problem.MISROUTED),
        ({"type": "X", "statusCode": "022"}, Problem.DELIVERY_ATTEMPT),
        ({"type": "X", "statusCode": "022", "description": "The street number is incorrect."}, Problem.ADDRESS),
        ({"type": "X", "statusCode": "059", "description": "The address is incomplete."}, Problem.DAMAGED),
        ({"type": "X", "description": "Your package is pending clearance."}, Problem.CUSTOMS),
        ({"type": "X", "statusCode": "013", "simplifiedTextDescription": "Refused"}, Problem.REFUSED),
        ({"type": "X", "statusCode": "013", "description": "Something else."}, None),
        ({"type": "X"}, None),
        ({"type": "I", "description": "Pending clearance by customs"}, None),
        ({"type": "D", "description": "Damaged"}, None),
        ({"type": "X", "statusCode": "035", "description": "The receiver refused it."}, Problem.REFUSED),
        ({}, None),
    ],
)
def test_problems(status: dict[str, Any], problem: Problem | None) -> None:
    told = msgspec.convert(status, wire.Status)
    assert statuses.problem_of(told) is problem
    scan = wire.Activity(date="20261120", time="120000", status=told)
    found = translate.shipment(wire.Package(current_status=told, activity=(scan,)), NUMBER, NOON)
    assert (found.problem, found.scans[0].problem) == (problem, problem)


def test_it_can_what_it_says() -> None:
    source = World().connect()
    assert isinstance(source, TrackingSource)
    assert isinstance(source, Checkable)
    assert (source.tracks("ups"), source.tracks("fedex")) == (True, False)


def test_settings_say_what_is_missing_and_keep_the_secret() -> None:
    with pytest.raises(ValueError, match="expected client_secret"):
        ups.Settings(client_id="id", client_secret="")
    settings = ups.Settings(client_id="id", client_secret="hush")
    assert "hush" not in f"{settings!r}{settings}{list(settings.__rich_repr__())}"


def test_offset_of_more_than_a_day_is_nonsense() -> None:
    assert translate._difference(NOON, NOON - timedelta(hours=15)) == 900
    assert translate._difference(NOON, NOON - timedelta(hours=16)) is None
