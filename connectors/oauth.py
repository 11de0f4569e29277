"""This file is how we prove who we are: tokens kept fresh, one refresh at a time, and no hammering once refused."""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from connectors.contract import Denied, Rejected
from connectors.transport import Clock, Transport

T = TypeVar("T")

EARLY = timedelta(minutes=2)
REFUSED_FOR = timedelta(seconds=60)
"""Credentials that were refused are tried again no sooner, so that a revoked connection is not hammered."""


class Access(Protocol):
    """Whatever can authorise a request."""

    async def authorized(self, send: Callable[[str], Awaitable[T]]) -> T:
        """Call *send* with the value of the Authorization header. Raises what it raises, and Denied without asking."""
        ...


class TokenAnswer(Struct):
    """RFC 6749 5.1. Some vendors send `expires_in` as text (UPS), so both are read."""

    access_token: str
    expires_in: int | str | None = None
    refresh_token: str | None = None


class _Refusal:
    """Remembers for a while that the credentials were refused."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._error: Denied | None = None
        self._until: datetime | None = None

    def stop_if_fresh(self) -> None:
        if self._error and self._until and self._clock() < self._until:
            wait = (self._until - self._clock()).total_seconds()
            raise Denied(self._error.system, self._error.detail, retry_after=wait, status=self._error.status)

    def remember(self, error: Denied) -> None:
        """A 403 is about one thing that may not be done; only a 401 is about who we are."""
        if error.status != 403:
            self._error, self._until = error, self._clock() + REFUSED_FOR


class FixedAccess:
    """A credential that does not change by itself: an API key, a long-lived token."""

    def __init__(self, authorization: str, *, clock: Clock) -> None:
        self._authorization = authorization
        self._refusal = _Refusal(clock)

    async def authorized(self, send: Callable[[str], Awaitable[T]]) -> T:
        """Call *send*. Once refused with 401, Denied is raised without a request for a minute."""
        self._refusal.stop_if_fresh()
        try:
            return await send(self._authorization)
        except Denied as error:
            self._refusal.remember(error)
            raise


class ClientCredentials:
    """Access tokens by the client-credentials grant (RFC 6749 4.4), kept in memory only.

    Fifty calls that find the token stale make one request: the others wait for it, and share its failure.
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
        self._refusal = _Refusal(clock)
        self._refreshing: asyncio.Task[None] | None = None
        self._token = ""
        self._until: datetime | None = None

    async def token(self) -> str:
        """A token that is good for now. Raises ConnectorError."""
        if self._is_good():
            return self._token
        self._refusal.stop_if_fresh()
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh())
            self._refreshing.add_done_callback(_seen)
        # A caller who gives up does not take the token away from the others.
        await asyncio.shield(self._refreshing)
        return self._token

    def forget(self, token: str) -> None:
        """The vendor refused *token*: fetch another next time. A token that is already replaced stays."""
        if token == self._token:
            self._until = None

    async def authorized(self, send: Callable[[str], Awaitable[T]]) -> T:
        """Call *send* with a bearer token, and once more with another where that one is refused.

        A 401 means that nothing was done, so this is safe for writes too.
        """
        self._refusal.stop_if_fresh()
        token = await self.token()
        try:
            return await send(f"Bearer {token}")
        except Denied as error:
            if error.status != 401:
                raise
            self.forget(token)
        token = await self.token()
        try:
            return await send(f"Bearer {token}")
        except Denied as error:
            self._refusal.remember(error)
            raise

    def _is_good(self) -> bool:
        return self._until is not None and self._clock() < self._until

    async def _refresh(self) -> None:
        try:
            found = await self._fetch()
        except Denied as error:
            self._refusal.remember(error)
            raise
        self._keep(found)

    def _keep(self, found: TokenAnswer) -> None:
        self._token = found.access_token
        lifetime = _lifetime(found)
        self._until = self._clock() + max(lifetime - EARLY, lifetime / 2)

    async def _fetch(self) -> TokenAnswer:
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
        try:
            answer = await self._transport.read(self._path, method="POST", headers=headers, body=body)
        except Rejected as error:
            # RFC 6749 5.2: an unknown client is a 400 for most, a 401 for some.
            raise Denied(error.system, error.detail, status=error.status) from error
        found = answer.read(TokenAnswer)
        if not found.access_token:
            raise Denied(self._transport.system, "the token answer holds no token")
        return found


class RefreshedToken(ClientCredentials):
    """Access tokens by a refresh token (RFC 6749 6), one refresh at a time.

    An answer may bring another refresh token (RFC 6749 5.1), which is used from then on. Like everything here it is
    kept in memory: a vendor whose refresh tokens are good for one use only needs more than this.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        client_id: str,
        client_secret: str,
        refresh_token: str,
        *,
        clock: Clock,
        access_token: str = "",
    ) -> None:
        fields = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        super().__init__(transport, path, client_id, client_secret, clock=clock, fields=fields)
        if access_token:
            # How old it is nobody says: it is used until it is refused.
            self._token, self._until = access_token, datetime.max.replace(tzinfo=UTC)

    def _keep(self, found: TokenAnswer) -> None:
        super()._keep(found)
        if found.refresh_token:
            self._fields["refresh_token"] = found.refresh_token


def _lifetime(found: TokenAnswer) -> timedelta:
    try:
        seconds = int(found.expires_in or 1800)
    except ValueError:
        seconds = 1800
    return timedelta(seconds=min(max(seconds, 60), 30 * 86400))


def _seen(task: asyncio.Task[None]) -> None:
    """Take note of a failure that nobody is left to hear, which asyncio would otherwise print."""
    if not task.cancelled():
        task.exception()
