"""This file is who opened the sidebar: Zendesk's signed token, checked against the installation that we stored.

Everything that decides (host, app, installation, algorithm) comes from our configuration, nothing from the token.
What the token says of the ticket is not asked: it says nothing of it.
"""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import RSAKey
from msgspec import Struct

from connectors.contract import ConnectorError, Forged
from connectors.signing import decode_base64
from connectors.transport import Transport

LEEWAY_SECONDS = 10
LONGEST_TOKEN = 8192
LONGEST_LIFE_SECONDS = 86_400
KEY_PAUSE = timedelta(seconds=60)
"""A key that we have is fetched anew no more often than this, however many bad tokens arrive."""
FIRST_KEY_PAUSE = timedelta(seconds=5)
"""The same, as long as there is none."""
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_LAST_NUMBER = re.compile(r"(\d{1,20})(?:\.json)?/?\Z", re.ASCII)
_LEADS_ASTRAY = ("b64", "crit", "jku", "jwk", "x5c", "x5u")
"""Headers by which a token brings its own key or its own rules."""


class SidebarUser(Struct, frozen=True, kw_only=True):
    """The agent whom Zendesk vouches for. Role and name are not in the token: `Zendesk.read_user` asks for them."""

    user_id: str
    """Empty where the token names nobody."""
    installation_id: str
    token_id: str
    """The same for the same token, to notice that it is used again."""
    expires_at: datetime


class SidebarTokens:
    """Checks the tokens of one installation."""

    def __init__(self, transport: Transport, subdomain: str, app_id: str, installation_id: str) -> None:
        self._transport = transport
        self._app_id = app_id
        self._installation_id = installation_id
        host = f"{subdomain}.zendesk.com"
        self._issuers = [host, f"https://{host}"]
        # Also with base_url: the token is about the account, not about the way to it.
        self._audience = f"https://{host}/api/v2/apps/installations/{installation_id}.json"
        self._lock = asyncio.Lock()
        self._key: RSAKey | None = None
        self._asked_at: datetime | None = None

    async def verify(self, token: str, *, now: datetime) -> SidebarUser:
        """Who it is. Raises Forged, and nothing else, with the reason."""
        if not self._app_id or not self._installation_id:
            raise Forged("app_id and installation_id of the sidebar app are not configured")
        _check_header(token)
        claims = await self._verified(token, now)
        self._check_claims(claims, now)
        _check_place(claims.get("context"))
        return SidebarUser(
            user_id=_user_id(claims.get("sub")),
            installation_id=self._installation_id,
            token_id=_token_id(token, claims.get("jti")),
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        )

    async def _verified(self, token: str, now: datetime) -> dict[str, Any]:
        """The claims, once the signature holds; a key that does not fit is fetched anew, for Zendesk may replace it."""
        used = self._key or await self._fetch(None, now)
        for key in (used, None):
            try:
                return jwt.decode(token, key or await self._fetch(used, now), algorithms=["RS256"]).claims
            except BadSignatureError:
                continue
            except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
                raise Forged(f"the token cannot be read: {type(error).__name__}") from error
        raise Forged("the signature does not match")

    async def _fetch(self, bad: RSAKey | None, now: datetime) -> RSAKey:
        """A key other than *bad*. Anybody may read it, so no credentials go along."""
        async with self._lock:
            if self._key is not None and self._key is not bad:
                return self._key
            pause = KEY_PAUSE if bad else FIRST_KEY_PAUSE
            if self._asked_at and timedelta() <= now - self._asked_at < pause:
                raise Forged("the signature does not match" if bad else "the app's public key could not be read")
            self._asked_at = now
            try:
                answer = await self._transport.read(
                    f"/api/v2/apps/{self._app_id}/public_key.pem", headers={"accept": "*/*"}
                )
                self._key = RSAKey.import_key(answer.body)
            except ConnectorError as error:
                raise Forged(f"the app's public key could not be read: {error}") from error
            except (JoseError, ValueError, TypeError) as error:
                raise Forged("the app's public key is not one") from error
            return self._key

    def _check_claims(self, claims: dict[str, Any], now: datetime) -> None:
        rules = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=LEEWAY_SECONDS,
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            iat={"essential": True},
            iss={"essential": True, "values": self._issuers},
        )
        try:
            # joserfc's decode checks none of these.
            rules.validate({name: claims[name] for name in ("aud", "exp", "iat", "iss", "nbf") if name in claims})
        except JoseError as error:
            raise Forged(f"the token does not hold: {error.description or error.error}") from error
        if not isinstance(claims["aud"], str):
            raise Forged("the token is for several audiences")
        if claims["exp"] - claims["iat"] > LONGEST_LIFE_SECONDS:
            raise Forged("the token lives for too long")


def _check_header(token: str) -> None:
    """Before anything is fetched or computed."""
    match = _COMPACT.fullmatch(token) if len(token) <= LONGEST_TOKEN else None
    if not match:
        raise Forged("expected a signed token of three parts")
    raw = decode_base64(match[1].replace("-", "+").replace("_", "/") + "=" * (-len(match[1]) % 4))
    try:
        header = msgspec.json.decode(raw or b"", type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Forged("the token's header cannot be read") from error
    if header.get("alg") != "RS256":
        raise Forged("expected a token signed with RS256")
    if astray := [name for name in _LEADS_ASTRAY if name in header]:
        raise Forged(f"the token's header brings {astray[0]}")


def _check_place(context: Any) -> None:
    """The sidebar of a ticket in Support, where the token says where it is."""
    if context is None:
        return
    if not isinstance(context, dict):
        raise Forged("the token's context cannot be read")
    for name, expected in (("product", "support"), ("location", "ticket_sidebar")):
        if context.get(name, expected) != expected:
            raise Forged(f"the token is for another {name}")


def _user_id(subject: Any) -> str:
    """The number at the end of the user's address; which address it is, Zendesk does not promise."""
    match = _LAST_NUMBER.search(subject if isinstance(subject, str) else "")
    return match[1] if match else ""


def _token_id(token: str, said: Any) -> str:
    if isinstance(said, str) and 0 < len(said) <= 200:
        return said
    return blake2b(token.encode(), digest_size=16).hexdigest()
