"""This file finds out where a provider does what: its own description, and the keys that it signs with."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import Struct

from connectors.connection import Connection
from connectors.contract import Garbled
from connectors.transport import Clock, Transport

SYSTEM = "The sign-in provider"
DESCRIBED_FOR = timedelta(hours=1)
KEY_PAUSE = timedelta(seconds=60)
"""Keys are fetched anew no more often than this, however many tokens name one that we do not have."""
_MOST_KEYS = 50
_SIGNING = ("RSA", "EC")


class _Described(Struct, frozen=True):
    """OpenID Connect Discovery 1.0 section 3, as far as we read it."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] | None = None
    authorization_response_iss_parameter_supported: bool | None = None
    code_challenge_methods_supported: tuple[str, ...] | None = None


class _Keys(Struct, frozen=True):
    keys: list[dict[str, Any]]


class Provider(Struct, frozen=True, kw_only=True):
    """What it says of itself."""

    issuer: str
    authorization_address: str
    """For the browser."""
    token_address: str
    keys_address: str
    secret_in_body: bool
    """It takes our secret in the form alone, not in a header."""
    says_issuer: bool
    """Its answers name it (RFC 9207), so one that does not is not its."""


class Discovery:
    """The provider's description and keys, remembered. All its addresses are fixed by the configured issuer."""

    def __init__(self, issuer: str, connection: Connection) -> None:
        self.clock: Clock = connection.clock
        self._issuer = issuer
        self._connection = connection
        self._transports: dict[str, Transport] = {}
        self._lock = asyncio.Lock()
        self._provider: tuple[Provider, datetime] | None = None
        self._keys: KeySet | None = None
        self._keys_asked_at: datetime | None = None

    async def provider(self, now: datetime) -> Provider:
        """What it says of itself, as of at most an hour ago. Raises ConnectorError."""
        async with self._lock:
            if self._provider is None or not timedelta() <= now - self._provider[1] < DESCRIBED_FOR:
                self._provider = (await self._describe(), now)
            return self._provider[0]

    async def keys(self, now: datetime, *, anew: bool = False) -> KeySet:
        """Its keys for signing. *anew*: those that we have do not fit. Raises ConnectorError."""
        provider = await self.provider(now)
        async with self._lock:
            asked = self._keys_asked_at
            is_recent = asked is not None and timedelta() <= now - asked < KEY_PAUSE
            if self._keys is None or (anew and not is_recent):
                self._keys_asked_at = now
                self._keys = await self._fetch_keys(provider.keys_address)
            return self._keys

    def way_to(self, address: str) -> tuple[Transport, str]:
        """The transport to an address that the provider named, and the path there."""
        parts = urlsplit(address)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._transports:
            self._transports[origin] = self._connection.transport(SYSTEM, origin)
        return self._transports[origin], parts.path + (f"?{parts.query}" if parts.query else "")

    async def close(self) -> None:
        """Close network connections."""
        for transport in self._transports.values():
            await transport.close()

    async def _describe(self) -> Provider:
        transport, path = self.way_to(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        found = (await transport.read(path)).read(_Described)
        if found.issuer != self._issuer:
            # Else one provider could speak for another (OpenID Connect Discovery 1.0 section 4.3).
            raise Garbled(SYSTEM, f"it calls itself {found.issuer[:200]!r}, expected {self._issuer!r}")
        methods = found.code_challenge_methods_supported
        if methods is not None and "S256" not in methods:
            raise Garbled(SYSTEM, "it does not take PKCE with S256")
        ways = found.token_endpoint_auth_methods_supported or ("client_secret_basic",)
        return Provider(
            issuer=found.issuer,
            authorization_address=self._checked(found.authorization_endpoint, is_for_browser=True),
            token_address=self._checked(found.token_endpoint),
            keys_address=self._checked(found.jwks_uri),
            secret_in_body="client_secret_basic" not in ways and "client_secret_post" in ways,
            says_issuer=found.authorization_response_iss_parameter_supported is True,
        )

    def _checked(self, address: str, *, is_for_browser: bool = False) -> str:
        """An address that the provider names: https like the issuer's, for our secret goes there."""
        parts = urlsplit(address)
        is_secure = parts.scheme == "https" or (parts.scheme == "http" and self._connection.allow_private)
        if not is_secure or not parts.hostname or parts.username is not None or parts.fragment:
            raise Garbled(SYSTEM, f"it names an address that cannot be used: {address[:200]!r}")
        base = self._connection.base_url
        if base and is_for_browser:
            return base.rstrip("/") + parts.path + (f"?{parts.query}" if parts.query else "")
        return address

    async def _fetch_keys(self, address: str) -> KeySet:
        transport, path = self.way_to(address)
        found = (await transport.read(path)).read(_Keys)
        usable: list[Any] = [key for key in found.keys[:_MOST_KEYS] if _signs(key)]
        try:
            return KeySet.import_key_set({"keys": usable})
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Garbled(SYSTEM, f"its keys cannot be read: {type(error).__name__}") from error


def _signs(key: dict[str, Any]) -> bool:
    return key.get("kty") in _SIGNING and key.get("use", "sig") == "sig"
