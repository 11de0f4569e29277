"""This file stands in for the two ways to follow parcels: UPS itself, and EasyPost for the postal service."""

import asyncio
import base64
import hashlib
import hmac
import json
import unicodedata
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from litestar import Response, get, post
from litestar.params import FromPath

from connectors.transport import Clock
from server.demo.fake import AnyRequest, Call, Fake, Mishap, answer
from server.demo.orders import Parcel, WorldScan
from server.demo.sender import Letter
from server.demo.shopify_bodies import stamp

UPS_ID, UPS_SECRET = "ups-demo", "ups-demo-secret"
EASYPOST_KEY, EASYPOST_SECRET = "EZAKdemo", "easypost-demo-secret"
UPS_TOKEN_LIFE = timedelta(seconds=14399)
_TRACK = "/api/track/v1/details/"
_ZONES = {
    **dict.fromkeys(("CA", "OR", "WA", "NV"), ZoneInfo("America/Los_Angeles")),
    **dict.fromkeys(("CO", "UT", "MT", "NM"), ZoneInfo("America/Denver")),
    **dict.fromkeys(("IL", "MO", "NE", "OK", "TN", "TX", "WI"), ZoneInfo("America/Chicago")),
}
_EAST = ZoneInfo("America/New_York")
# EasyPost's word -> UPS's type, code, status code and description
_UPS_STATUS = {
    "pre_transit": ("M", "MP", "003", "Shipper created a label, UPS has not received the package yet."),
    "in_transit": ("I", "DP", "005", "Departed from Facility"),
    "out_for_delivery": ("I", "OT", "021", "Out For Delivery Today"),
    "delivered": ("D", "FS", "011", "DELIVERED"),
    "failure": ("X", "48", "022", "The receiver was not available."),
}


def _basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


class FakeUps(Fake):
    """UPS Track with client credentials. It knows the parcels in `parcels`, by number."""

    def __init__(self, clock: Clock) -> None:
        self.parcels: dict[str, Parcel] = {}
        self.slow_numbers: set[str] = set()
        """Parcels about which UPS does not answer until `patience` is set, which takes longer than anybody waits."""
        self.patience = asyncio.Event()
        self._clock = clock
        self._tokens: dict[str, datetime] = {}

        @post("/security/v1/oauth/token", status_code=200)
        async def token(request: AnyRequest) -> Response[Any]:
            if request.headers.get("authorization") != _basic(UPS_ID, UPS_SECRET):
                return answer(_ups_errors("10401", "ClientId is Invalid"), 401)
            if (await request.form()).get("grant_type") != "client_credentials":
                return answer(_ups_errors("10400", "Invalid/Missing grant_type"), 400)
            made = uuid4().hex
            self._tokens[made] = clock() + UPS_TOKEN_LIFE
            issued = str(int(clock().timestamp() * 1000))
            return answer(
                {
                    "token_type": "Bearer",
                    "issued_at": issued,
                    "access_token": made,
                    "expires_in": str(int(UPS_TOKEN_LIFE.total_seconds())),
                    "status": "approved",
                }
            )

        @get("/api/track/v1/details/{number:str}")
        async def details(request: AnyRequest, number: FromPath[str]) -> Response[Any]:
            if not self._is_known(request.headers.get("authorization", "")):
                return answer(_ups_errors("250002", "Invalid Authentication Information."), 401)
            if not request.headers.get("transid") or not request.headers.get("transactionsrc"):
                return answer(_ups_errors("VDR001", "Missing transId or transactionSrc"), 400)
            if number not in self.parcels:
                return answer(_ups_errors("TW0001", "Tracking Information Not Found"), 404)
            return answer(_ups_details(self.parcels[number]))

        super().__init__([token, details])
        self.misbehaves = self._silence

    def forget_tokens(self) -> None:
        """Every token given so far is refused from now on."""
        self._tokens.clear()

    def _is_known(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        return scheme == "Bearer" and token in self._tokens and self._clock() < self._tokens[token]

    def _silence(self, call: Call) -> Mishap | None:
        return Mishap(waits_for=self.patience) if call.path.removeprefix(_TRACK) in self.slow_numbers else None


def _ups_errors(code: str, message: str) -> dict[str, Any]:
    return {"response": {"errors": [{"code": code, "message": message}]}}


def _ups_details(parcel: Parcel) -> dict[str, Any]:
    package: dict[str, Any] = {
        "trackingNumber": parcel.number,
        "service": {"code": "003", "description": "UPS Ground"},
        "activity": [_ups_activity(scan) for scan in reversed(parcel.scans)],
        "deliveryDate": [],
    }
    if parcel.scans:
        package["currentStatus"] = package["activity"][0]["status"]
    if parcel.status == "delivered":
        last = package["activity"][0]
        package["deliveryDate"] = [{"type": "DEL", "date": last["date"]}]
        package["deliveryTime"] = {"type": "DEL", "startTime": "", "endTime": last["time"]}
    elif parcel.estimate:
        package["deliveryDate"] = [{"type": "SDD", "date": f"{parcel.estimate:%Y%m%d}"}]
    return {"trackResponse": {"shipment": [{"inquiryNumber": parcel.number, "package": [package]}]}}


def _ups_activity(scan: WorldScan) -> dict[str, Any]:
    """One scan. `date` and `time` are by the clock of the place, `gmt*` the same moment in UTC."""
    kind, code, status_code, text = _UPS_STATUS[scan.status]
    local = scan.at.astimezone(_ZONES.get(scan.region, _EAST))
    return {
        "date": f"{local:%Y%m%d}",
        "time": f"{local:%H%M%S}",
        "gmtDate": f"{scan.at:%Y%m%d}",
        "gmtTime": f"{scan.at:%H%M%S}".lstrip("0") or "0",  # as UPS writes it
        "gmtOffset": f"{local:%z}"[:3] + ":" + f"{local:%z}"[3:],
        "location": {"address": {"city": scan.city, "stateProvince": scan.region, "countryCode": "US"}},
        "status": {"type": kind, "code": code, "statusCode": status_code, "description": scan.text or text},
    }


class FakeEasyPost(Fake):
    """EasyPost's trackers. It knows the parcels in `parcels`, by number."""

    def __init__(self, clock: Clock) -> None:
        self.parcels: dict[str, Parcel] = {}
        self._clock = clock

        @get("/v2/trackers")
        async def trackers(request: AnyRequest) -> Response[Any]:
            if request.headers.get("authorization") != _basic(EASYPOST_KEY, ""):
                return answer({"error": {"code": "UNAUTHORIZED", "message": "Unauthorized", "errors": []}}, 401)
            number, carrier = (request.query_params.get(name) for name in ("tracking_code", "carrier"))
            found = [p for p in self.parcels.values() if number in (None, p.number) and carrier in (None, p.carrier)]
            return answer({"trackers": [self.tracker(parcel) for parcel in found], "has_more": False})

        super().__init__([trackers])

    def letter(self, parcel: Parcel) -> Letter:
        """A signed event: the tracker has changed."""
        event: dict[str, Any] = {
            "id": f"evt_{uuid4().hex}",
            "object": "Event",
            "mode": "production",
            "description": "tracker.updated",
            "created_at": stamp(self._clock()),
            "updated_at": stamp(self._clock()),
            "previous_attributes": {},
            "pending_urls": [],
            "completed_urls": [],
            "status": "pending",
            "result": self.tracker(parcel),
        }
        raw = json.dumps(event).encode()
        secret = unicodedata.normalize("NFKD", EASYPOST_SECRET).encode()
        digest = hmac.new(secret, raw, hashlib.sha256).hexdigest()
        return Letter(connection="tracking", body=raw, headers={"x-hmac-signature": f"hmac-sha256-hex={digest}"})

    def tracker(self, parcel: Parcel) -> dict[str, Any]:
        """The tracker object."""
        changed = parcel.scans[-1].at if parcel.scans else parcel.shipped_at
        return {
            "id": f"trk_{parcel.number.lower()}",
            "object": "Tracker",
            "mode": "production",
            "tracking_code": parcel.number,
            "status": parcel.status,
            "status_detail": "status_update",
            "created_at": stamp(parcel.shipped_at),
            "updated_at": stamp(changed),
            "est_delivery_date": stamp(parcel.estimate),
            "carrier": parcel.carrier,
            "public_url": f"https://track.easypost.com/{parcel.number}",
            "carrier_detail": {"object": "CarrierDetail", "service": "Ground Advantage"},
            "tracking_details": [_easypost_detail(parcel, scan) for scan in parcel.scans],
        }


def _easypost_detail(parcel: Parcel, scan: WorldScan) -> dict[str, Any]:
    place = {"object": "TrackingLocation", "city": scan.city, "state": scan.region, "country": "US", "zip": None}
    return {
        "object": "TrackingDetail",
        "message": scan.text,
        "description": "",
        "status": scan.status,
        "status_detail": "status_update",
        "datetime": stamp(scan.at),
        "source": parcel.carrier,
        "carrier_code": "",
        "tracking_location": place,
    }
