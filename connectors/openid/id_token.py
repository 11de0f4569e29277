"""This file is who came back from the provider: its signed word for it, checked against what we asked and configured.

Everything that decides (issuer, audience, algorithms, domains) comes from our configuration, nothing from the token.
"""

import hmac
import re
from datetime import datetime
from typing import Any

import msgspec
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from msgspec import Struct

from connectors.contract import Forged
from connectors.openid.discovery import Discovery
from connectors.openid.settings import Settings
from connectors.reading import line
from connectors.signing import decode_base64

ALGORITHMS = ["RS256", "PS256", "ES256"]
LEEWAY_SECONDS = 10
LONGEST_TOKEN = 16_384
OLDEST_SECONDS = 600
"""Since it was made; it answers a question that is ten minutes old at most."""
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_LEADS_ASTRAY = ("b64", "crit", "jku", "jwk", "x5c", "x5u")
"""Headers by which a token brings its own key or its own rules."""
_EMAIL = re.compile(r"[!#$%&'*+/=?^_`{|}~.0-9a-z-]{1,64}@([a-z0-9.-]{1,190})", re.ASCII)


class SignedIn(Struct, frozen=True, kw_only=True):
    """Somebody for whom the provider vouches."""

    subject: str
    email: str
    """In lower case, verified, of an allowed domain."""
    name: str


class IdTokens:
    """Checks the ID tokens of one provider."""

    def __init__(self, settings: Settings, discovery: Discovery) -> None:
        self._settings = settings
        self._discovery = discovery

    async def read(self, token: str, access_token: str, nonce: str, now: datetime) -> SignedIn:
        """Who it is. Raises Forged with the reason, or ConnectorError where the keys cannot be had."""
        _check_header(token)
        header, claims = await self._verified(token, now)
        self._check_claims(claims, now)
        _check_answer(claims, header, self._settings.client_id, access_token)
        said = claims.get("nonce")
        if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
            raise Forged("the token answers another question (nonce)")
        return SignedIn(
            subject=_subject(claims["sub"]), email=self._email(claims), name=line(_text(claims.get("name")), 100)
        )

    async def _verified(self, token: str, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
        """Header and claims, once the signature holds; keys that do not fit are fetched anew, for they are rotated."""
        for anew in (False, True):
            keys = await self._discovery.keys(now, anew=anew)
            try:
                found = _decode(token, keys)
            except (BadSignatureError, InvalidKeyIdError):
                continue
            except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
                raise Forged(f"the token cannot be read: {type(error).__name__}") from error
            return dict(found.header), found.claims
        raise Forged("the token's signature does not match")

    def _check_claims(self, claims: dict[str, Any], now: datetime) -> None:
        rules = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=LEEWAY_SECONDS,
            aud={"essential": True, "value": self._settings.client_id},
            exp={"essential": True},
            iat={"essential": True},
            iss={"essential": True, "value": self._settings.issuer},
            sub={"essential": True},
        )
        try:
            # joserfc's decode checks none of these.
            rules.validate(
                {name: claims[name] for name in ("aud", "exp", "iat", "iss", "nbf", "sub") if name in claims}
            )
        except JoseError as error:
            raise Forged(f"the token does not hold: {error.description or error.error}") from error
        if now.timestamp() - claims["iat"] > OLDEST_SECONDS + LEEWAY_SECONDS:
            raise Forged("the token is from long ago")

    def _email(self, claims: dict[str, Any]) -> str:
        email = _text(claims.get("email")).strip().lower()
        match = _EMAIL.fullmatch(email)
        if not match:
            raise Forged("the provider does not say which e-mail address it is")
        # Some providers send a word instead of a truth value.
        said = claims.get("email_verified")
        if said is not True and said != "true":
            raise Forged("the provider has not verified the e-mail address")
        if match[1] not in self._settings.allowed_domains:
            raise Forged(f"the e-mail address is of another domain: {match[1][:100]}")
        return email


def _decode(token: str, keys: KeySet) -> jwt.Token:
    return jwt.decode(token, keys, algorithms=ALGORITHMS)


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
    if header.get("alg") not in ALGORITHMS:
        raise Forged("expected a token signed with one of " + ", ".join(ALGORITHMS))
    if astray := [name for name in _LEADS_ASTRAY if name in header]:
        raise Forged(f"the token's header brings {astray[0]}")


def _check_answer(claims: dict[str, Any], header: dict[str, Any], client_id: str, access_token: str) -> None:
    """What OpenID Connect Core 3.1.3.7 and 3.1.3.8 add: for whom among several, and with which access token."""
    token = CodeIDToken(claims, header, params={"client_id": client_id, "access_token": access_token})
    try:
        token.validate_azp()
        token.validate_at_hash()
    except (JoseError, ValueError, TypeError, AttributeError) as error:
        raise Forged(f"the token is not for this answer: {type(error).__name__}") from error


def _subject(said: Any) -> str:
    if not isinstance(said, str) or not 0 < len(said) <= 255:
        raise Forged("the token names nobody")
    return said


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
