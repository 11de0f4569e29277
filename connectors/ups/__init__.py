"""This file is UPS: where a parcel is, by its Track API (OAuth client credentials)."""

import re
from urllib.parse import quote
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace

from connectors.connection import Connection
from connectors.contract import Missing, Rejected
from connectors.model import Observation, References, Shipment, tracking_key
from connectors.oauth import ClientCredentials
from connectors.reading import digest
from connectors.transport import Answer
from connectors.ups import translate, wire

ORIGIN = "https://onlinetools.ups.com"
REQUESTS_PER_MINUTE = 1200.0
"""Our own bound: the vendor publishes none, and answers 429 when it is too much."""
_NUMBER = re.compile(r"[A-Z0-9]{7,34}", re.ASCII)
_ERROR = re.compile(r'"code"\s*:\s*"(\w+)"(?:\s*,\s*"message"\s*:\s*"([^"]*)")?')
_UNKNOWN_NUMBER = ("TV1002", "TW0001", "151018", "151044")
"""Errors, and warnings, that say "no such parcel" in several spellings; UPS sends some of them with 400."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`account` is the shipper number, which UPS wants to see as the merchant of the token."""

    client_id: str
    client_secret: str
    account: str = ""

    def __post_init__(self) -> None:
        for name in ("client_id", "client_secret"):
            if not getattr(self, name):
                raise ValueError(f"expected {name} of the app in UPS's developer portal")

    def __repr__(self) -> str:
        return f"Settings(client_id={self.client_id!r}, account={self.account!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("client_id", self.client_id), ("account", self.account)]


class Ups:
    """Answers about UPS parcels alone."""

    system = "UPS"

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self._name = connection.name
        self._clock = connection.clock
        limits = replace(connection.limits, requests=REQUESTS_PER_MINUTE, per_seconds=60.0)
        self._transport = connection.transport(self.system, ORIGIN, limits=limits)
        self._access = ClientCredentials(
            self._transport,
            "/security/v1/oauth/token",
            settings.client_id,
            settings.client_secret,
            clock=connection.clock,
            headers={"x-merchant-id": settings.account} if settings.account else None,
        )

    def tracks(self, carrier: str) -> bool:
        """Only its own parcels."""
        return carrier == "ups"

    async def read_tracking(self, carrier: str, tracking_number: str) -> Observation:
        """All UPS knows of one parcel, if only that it does not know it; it forgets after 120 days. Raises Missing."""
        number = tracking_number.replace(" ", "").upper()
        if not number:
            raise Missing(self.system, "there is no tracking number to ask about")
        shipment = await self._read(number)
        return Observation(
            source=self._name,
            kind="shipment.read",
            identity=f"ups:{number}:{digest(shipment)}",
            at=self._clock(),
            about=References(trackings=(tracking_key("ups", number),)),
            shipments=(shipment,),
        )

    async def check(self) -> str:
        """Fetch a token: the only thing that can be asked without a parcel."""
        await self._access.token()
        return "UPS accepts the credentials"

    async def close(self) -> None:
        """Close network connections."""
        await self._transport.close()

    async def _read(self, number: str) -> Shipment:
        if not _NUMBER.fullmatch(number):
            return translate.unknown(number, "its numbers have 7 to 34 letters and digits")
        try:
            answer = (await self._ask(number)).read(wire.TrackAnswer)
        except (Missing, Rejected) as error:
            found = _ERROR.search(error.detail)
            words = f"{found[2] or 'no such parcel'} ({found[1]})" if found else ""
            if found and found[1] in _UNKNOWN_NUMBER:
                return translate.unknown(number, words)
            if found and isinstance(error, Missing):
                raise Missing(self.system, words, status=error.status) from error
            raise
        package = translate.find_package(answer, number)
        if package is not None:
            return translate.shipment(package, number, self._clock())
        said = translate.warnings(answer)
        if not said.keys().isdisjoint(_UNKNOWN_NUMBER):
            return translate.unknown(number, "; ".join(said.values()))
        raise Missing(self.system, "; ".join(said.values()) or "the answer holds no parcel")

    async def _ask(self, number: str) -> Answer:
        async def send(authorization: str) -> Answer:
            return await self._transport.read(
                f"/api/track/v1/details/{quote(number, safe='')}",
                headers={"authorization": authorization, "transId": uuid4().hex, "transactionSrc": "Beforehand"},
            )

        return await self._access.authorized(send)


def connect(settings: Settings, connection: Connection) -> Ups:
    """Make the connector. No I/O."""
    return Ups(settings, connection)
