"""The simulated UPS and EasyPost: what they answer, what they refuse, and how EasyPost signs."""

import asyncio
import base64
from datetime import timedelta

import pytest
from easypost.errors import SignatureVerificationError
from easypost.util import validate_webhook

from server.demo.carriers import EASYPOST_KEY, EASYPOST_SECRET, UPS_ID, UPS_SECRET
from server.demo.orders import WorldScan

TOKEN_PATH = "http://ups.world.test/security/v1/oauth/token"
DETAILS = "http://ups.world.test/api/track/v1/details/"
HEADERS = {"transId": "1", "transactionSrc": "test"}
GRANT = {"grant_type": "client_credentials"}


def basic(name, secret):
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


@pytest.fixture
def parcel(world, new_parcel):
    parcel = new_parcel("UPS")
    parcel.scans.append(WorldScan(world.clock(), "in_transit", "Origin scan", "Denver", "CO"))
    return parcel


@pytest.fixture
async def token(client):
    answer = await client.post(TOKEN_PATH, data=GRANT, headers=basic(UPS_ID, UPS_SECRET))
    return answer.json()["access_token"]


async def track(client, token, number, headers=HEADERS):
    answer = await client.get(DETAILS + number, headers={**headers, "authorization": f"Bearer {token}"})
    return answer.status_code, answer.json()


def code(body):
    return body["response"]["errors"][0]["code"]


async def test_ups_tells_a_scan_by_the_places_clock_and_in_utc(client, token, parcel):
    status, body = await track(client, token, parcel.number)
    scan = body["trackResponse"]["shipment"][0]["package"][0]["activity"][0]
    # 14:00 in UTC is 7:00 in Denver.
    assert (status, scan["date"], scan["time"]) == (200, "20261110", "070000")
    assert (scan["gmtDate"], scan["gmtTime"], scan["gmtOffset"]) == ("20261110", "140000", "-07:00")
    assert (scan["status"]["type"], scan["location"]["address"]["city"]) == ("I", "Denver")


async def test_ups_gives_tokens_for_the_right_credentials_only(client):
    wrong = await client.post(TOKEN_PATH, data=GRANT, headers=basic(UPS_ID, "guess"))
    no_grant = await client.post(TOKEN_PATH, data={}, headers=basic(UPS_ID, UPS_SECRET))
    assert (wrong.status_code, no_grant.status_code) == (401, 400)


async def test_a_token_of_ups_ends_after_four_hours(client, world, token, parcel):
    world.clock.advance(timedelta(hours=4))
    status, body = await track(client, token, parcel.number)
    assert (status, code(body)) == (401, "250002")


async def test_ups_wants_to_know_who_asks(client, token, parcel):
    status, body = await track(client, token, parcel.number, headers={"transId": "1"})
    assert (status, code(body)) == (400, "VDR001")


async def test_ups_knows_only_its_own_parcels(client, token, new_parcel):
    status, body = await track(client, token, new_parcel("USPS").number)
    assert (status, code(body)) == (404, "TW0001")


async def test_ups_keeps_silent_about_a_slow_parcel_until_its_patience_ends(client, world, token, parcel):
    world.ups.slow_numbers.add(parcel.number)
    call = asyncio.create_task(track(client, token, parcel.number))
    await world.ups.until_called(2)
    assert not call.done()
    world.ups.patience.set()
    assert (await call)[0] == 200


async def test_easypost_finds_trackers_by_number_and_carrier(client, new_parcel):
    number = new_parcel("USPS").number

    async def found(**params):
        url = "http://tracking.world.test/v2/trackers"
        answer = await client.get(url, params=params, headers=basic(EASYPOST_KEY, ""))
        return [tracker["tracking_code"] for tracker in answer.json()["trackers"]]

    assert await found(tracking_code=number) == [number]
    assert await found(tracking_code=number, carrier="UPS") == []
    assert await found(tracking_code="9400000000000000000000") == []


async def test_easypost_refuses_another_key(client):
    answer = await client.get("http://tracking.world.test/v2/trackers", headers=basic("EZAKother", ""))
    assert answer.status_code == 401


def test_easyposts_own_library_accepts_our_signature(world, new_parcel):
    parcel = new_parcel("USPS")
    letter = world.easypost.letter(parcel)
    headers = {"X-Hmac-Signature": letter.headers["x-hmac-signature"]}
    event = validate_webhook(letter.body, headers, EASYPOST_SECRET)
    assert event["result"]["tracking_code"] == parcel.number
    with pytest.raises(SignatureVerificationError):
        validate_webhook(letter.body + b" ", headers, EASYPOST_SECRET)
