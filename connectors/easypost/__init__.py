"""This file is EasyPost: tracking of nearly every carrier, by webhook and on request.

Only trackers that exist are read. Making one costs the merchant money, so a look never does.
"""

import unicodedata
from base64 import b64encode
from datetime import datetime

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from connectors.carriers import carrier_code, carrier_name
from connectors.connection import Connection
from connectors.contract import Envelope, Forged, Missing
from connectors.easypost import translate, wire
from connectors.model import Observation, References
from connectors.oauth import FixedAccess
from connectors.reading import AHEAD, answer_of, decode, digest, webhook
from connectors.signing import matches_hex
from connectors.transport import Answer

ORIGIN = "https://api.easypost.com"
REQUESTS_PER_MINUTE = 1200.0
"""Our own bound: the vendor publishes none, and answers 429 when it is too much."""
_PREFIX = "hmac-sha256-hex="
_TRACKER_EVENTS = ("tracker.created", "tracker.updated")
_LONGEST_ID = 100


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without `webhook_secret` every webhook is refused; parcels can still be looked up."""

    api_key: str
    webhook_secret: str = ""

    def __post_init__(self) -> None:
        if not self.api_key:
            raise ValueError("expected api_key: a key of EasyPost's dashboard, EZAK... or EZTK... for tests")

    def __repr__(self) -> str:
        return "Settings(...)"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return []


class EasyPost:
    """Follows parcels of any carrier for which the merchant has a tracker."""

    system = "EasyPost"

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self._name = connection.name
        self._clock = connection.clock
        # Both sides bring the secret into this form before they sign: "é" has two spellings in Unicode.
        self._secret = unicodedata.normalize("NFKD", settings.webhook_secret)
        self._is_test = settings.api_key.startswith("EZTK")
        limits = replace(connection.limits, requests=REQUESTS_PER_MINUTE, per_seconds=60.0)
        self._transport = connection.transport(self.system, ORIGIN, limits=limits)
        pair = b64encode(f"{settings.api_key}:".encode()).decode()
        self._access = FixedAccess(f"Basic {pair}", clock=connection.clock)

    def verify(self, envelope: Envelope) -> None:
        """Raise Forged unless `X-Hmac-Signature` is the digest of the body."""
        if not self._secret:
            raise Forged("no webhook_secret is configured")
        header = envelope.headers.get("x-hmac-signature", "")
        if not header.startswith(_PREFIX):
            raise Forged(f"expected a header X-Hmac-Signature that begins with {_PREFIX}")
        if not matches_hex(header.removeprefix(_PREFIX), self._secret, envelope.body):
            raise Forged("the signature does not match")

    def delivery_key(self, envelope: Envelope) -> str:
        """The event's id, which every retry repeats."""
        try:
            found = decode(envelope.body, wire.EventId).id
        except (msgspec.DecodeError, ValueError):
            return ""
        return found if len(found) <= _LONGEST_ID else ""

    def read(self, envelope: Envelope) -> tuple[Observation, ...]:
        """A tracker event as one observation; other events say nothing about orders. Raises Unreadable."""
        with webhook():
            event = decode(envelope.body, wire.Event)
            if event.description not in _TRACKER_EVENTS:
                return ()
            observation = self._observe(decode(event.result, wire.Tracker), envelope.received_at)
        shipment = observation.shipments[0]
        return (replace(observation, kind=translate.kind_of(shipment), text=translate.last_word(shipment)),)

    def tracks(self, carrier: str) -> bool:
        """Any carrier: only EasyPost knows which trackers there are."""
        return True

    async def read_tracking(self, carrier: str, tracking_number: str) -> Observation:
        """The newest tracker of a parcel. Raises Missing where the merchant has none."""
        number = tracking_number.replace(" ", "").upper()
        params = {"tracking_code": number}
        if carrier in translate.CARRIER_NAMES:
            params["carrier"] = translate.CARRIER_NAMES[carrier]
        found = (await self._ask(params)).read(wire.TrackerList).trackers
        of_number = [tracker for tracker in found if tracker.tracking_code.upper() == number]
        same = [tracker for tracker in of_number if carrier in (carrier_code(tracker.carrier), "unknown")]
        if not same:
            others = ", ".join(sorted({carrier_name(carrier_code(t.carrier)) for t in of_number}))
            raise Missing(self.system, f"it has no tracker for this parcel{f' but one of {others}' if others else ''}")
        newest = max(same, key=lambda tracker: tracker.updated_at or "")
        with answer_of(self.system):
            return self._observe(newest, self._clock(), carrier)

    async def check(self) -> str:
        """Read one tracker, to see whether the key is good."""
        await self._ask({"page_size": "1"})
        return "EasyPost accepts the key" + (" (a test key: real parcels are not tracked)" if self._is_test else "")

    async def close(self) -> None:
        """Close network connections."""
        await self._transport.close()

    async def _ask(self, params: dict[str, str]) -> Answer:
        async def send(authorization: str) -> Answer:
            return await self._transport.read("/v2/trackers", params=params, headers={"authorization": authorization})

        return await self._access.authorized(send)

    def _observe(self, tracker: wire.Tracker, now: datetime, carrier: str = "") -> Observation:
        """*carrier* is how the asker names the parcel, so that the answer is about the same one."""
        shipment = translate.shipment(tracker, now)
        if carrier:
            shipment = replace(shipment, carrier=carrier)
        at = translate.moment(tracker.updated_at, "updated_at", now + AHEAD)
        if at is None:
            raise ValueError("updated_at: expected an ISO 8601 time, got nothing")
        return Observation(
            source=self._name,
            kind="shipment.read",
            identity=f"easypost:{tracker.id}:{digest(tracker.updated_at, shipment)}",
            at=at,
            about=References(trackings=(shipment.key,)),
            shipments=(shipment,),
        )


def connect(settings: Settings, connection: Connection) -> EasyPost:
    """Make the connector. No I/O."""
    return EasyPost(settings, connection)
