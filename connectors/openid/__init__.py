"""This file is OpenID Connect: a provider that says who somebody is, asked by the authorization code flow with PKCE.

OpenID Connect Core 1.0 section 3.1, RFC 7636 (PKCE), RFC 9207 (the issuer in the answer). Where the browser is sent
and what comes back is the web's affair; everything that is decided about it is decided here.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from msgspec import Struct

from connectors.connection import Connection
from connectors.contract import Denied, Forged, Rejected
from connectors.openid.discovery import SYSTEM, Discovery
from connectors.openid.id_token import IdTokens, SignedIn
from connectors.openid.settings import Settings

__all__ = ["Asked", "OpenId", "Settings", "SignedIn"]

SCOPES = "openid email profile"
_LONGEST_CODE = 2000


class Asked(Struct, frozen=True, kw_only=True):
    """What was asked of the provider for one browser. All of it is random and good for one answer."""

    state: str
    nonce: str
    verifier: str
    """Stays with us until the code is redeemed, so that a stolen code is worth nothing (RFC 7636)."""


class _Tokens(Struct, frozen=True):
    """RFC 6749 5.1 with OpenID Connect Core 3.1.3.3."""

    id_token: str
    access_token: str = ""


class OpenId:
    """One provider, for one workspace."""

    system = SYSTEM

    def __init__(self, settings: Settings, connection: Connection, redirect_uri: str) -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._discovery = Discovery(settings.issuer, connection)
        self._tokens = IdTokens(settings, self._discovery)

    async def address(self, asked: Asked, now: datetime) -> str:
        """Where the browser is to be sent. Raises ConnectorError."""
        provider = await self._discovery.provider(now)
        return str(
            prepare_grant_uri(
                provider.authorization_address,
                self._settings.client_id,
                "code",
                redirect_uri=self._redirect_uri,
                scope=SCOPES,
                state=asked.state,
                nonce=asked.nonce,
                code_challenge=create_s256_code_challenge(asked.verifier),
                code_challenge_method="S256",
            )
        )

    async def redeem(self, code: str, issuer: str | None, asked: Asked, now: datetime) -> SignedIn:
        """Who came back with *code*; *issuer* is the answer's own `iss`, where it has one.

        Raises Forged with the reason where it does not hold, and ConnectorError where the provider cannot be asked.
        """
        provider = await self._discovery.provider(now)
        if issuer is None and provider.says_issuer:
            raise Forged("the answer does not say which provider it is from")
        if issuer is not None and issuer != self._settings.issuer:
            raise Forged("the answer is from another provider")
        if not code or len(code) > _LONGEST_CODE or not code.isascii() or not code.isprintable():
            raise Forged("the answer holds no code")
        body = prepare_token_request(
            "authorization_code", redirect_uri=self._redirect_uri, code=code, code_verifier=asked.verifier
        )
        tokens = await self._exchange(provider.token_address, provider.secret_in_body, body)
        return await self._tokens.read(tokens.id_token, tokens.access_token, asked.nonce, now)

    async def _exchange(self, address: str, secret_in_body: bool, body: str) -> _Tokens:
        """The code for the tokens; once, since a code is good for one try."""
        method = "client_secret_post" if secret_in_body else "client_secret_basic"
        auth = ClientAuth(*self._settings.credentials(as_form=not secret_in_body), method)
        _, headers, sent = auth.prepare("POST", address, {}, body)
        form: Mapping[str, str] = {**headers, "content-type": "application/x-www-form-urlencoded"}
        transport, path = self._discovery.way_to(address)
        try:
            answer = await transport.write("POST", path, headers=form, body=sent.encode())
        except Rejected as error:
            # RFC 6749 5.2: 400 for a bad code, and of some providers for a bad secret.
            raise Forged(f"the provider did not take the code: {_reason(error)}") from error
        except Denied as error:
            raise Denied(SYSTEM, f"the provider did not take our secret: {_reason(error)}", status=401) from error
        return answer.read(_Tokens)

    async def check(self) -> str:
        """Whether the provider can be asked, for `doctor`."""
        found = await self._discovery.provider(self._discovery.clock())
        return f"signs people in by {found.issuer}"

    async def close(self) -> None:
        """Close network connections."""
        await self._discovery.close()


class _Error(Struct):
    error: str = ""


def _reason(error: Rejected | Denied) -> str:
    """RFC 6749 5.2's word for it. Nothing else of the answer is repeated: it may hold what was sent."""
    _, _, content = error.detail.partition(": ")
    try:
        word = msgspec.json.decode(content, type=_Error).error
    except (msgspec.DecodeError, RecursionError):
        word = ""
    return word if word.isascii() and word.replace("_", "").isalnum() and len(word) <= 60 else "no reason given"
