"""This file keeps access tokens fresh: one refresh at a time per connection, a little before the token runs out."""

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from connectors.contract import Denied
from connectors.transport import Clock, Transport

EARLY = timedelta(minutes=2)


class TokenAnswer(Struct):
    """RFC 6749 5.1. Some vendors send `expires_in` as text (UPS), so both are read."""

    access_token: str
    expires_in: int | str | None = None


class ClientCredentials:
    """Access tokens by the client-credentials grant (RFC 6749 4.4), kept in memory only.

    Fifty calls that find the token stale make one request: the others wait for it.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        client_id: str,
        client_secret: str,
        *,
        clock: Clock,
        as_json: bool = False,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._transport = transport
        self._path = path
        self._client_id = client_id
        self._client_secret = client_secret
        self._clock = clock
        self._as_json = as_json
        self._fields = {"grant_type": "client_credentials", **(fields or {})}
        self._headers = dict(headers or {})
        self._lock = asyncio.Lock()
        self._token = ""
        self._until: datetime | None = None

    async def token(self) -> str:
        """A token that is good for now. Raises ConnectorError."""
        if self._is_good():
            return self._token
        async with self._lock:
            if not self._is_good():
                await self._refresh()
            return self._token

    def forget(self, token: str) -> None:
        """The vendor refused *token*: fetch another next time. A token that is already replaced stays."""
        if token == self._token:
            self._until = None

    def _is_good(self) -> bool:
        return self._until is not None and self._clock() < self._until

    async def _refresh(self) -> None:
        headers = dict(self._headers)
        fields = dict(self._fields)
        if self._as_json:
            fields |= {"client_id": self._client_id, "client_secret": self._client_secret}
            headers["content-type"] = "application/json"
            body = msgspec.json.encode(fields)
        else:
            pair = f"{self._client_id}:{self._client_secret}".encode()
            headers |= {
                "authorization": f"Basic {b64encode(pair).decode()}",
                "content-type": "application/x-www-form-urlencoded",
            }
            body = urlencode(fields).encode()
        answer = await self._transport.read(self._path, method="POST", headers=headers, body=body)
        found = answer.read(TokenAnswer)
        if not found.access_token:
            raise Denied(self._transport.system, "the token answer holds no token")
        try:
            lifetime = timedelta(seconds=min(int(found.expires_in or 1800), 30 * 86400))
        except ValueError:
            lifetime = timedelta(minutes=30)
        self._token = found.access_token
        self._until = self._clock() + max(lifetime - EARLY, lifetime / 2)
