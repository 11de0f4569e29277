"""This file stands in for the merchant's sign-in provider: OpenID Connect, as strict as real ones should be."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from html import escape
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import RSAKey
from litestar import Response, get, post

from connectors.transport import Clock
from server.demo.fake import AnyRequest, Fake, answer

CLIENT_ID, CLIENT_SECRET = "beforehand-demo", "people demo/secret+100%"
DOMAIN = "acme-outfitters.example"
CODE_LIFE = timedelta(seconds=60)
TOKEN_LIFE = timedelta(minutes=5)
REDIRECT = re.compile(r"http://127\.0\.0\.1(:\d{1,5})?/sign-in/[a-z0-9_-]{1,63}/callback", re.ASCII)
"""The one address that is registered; its port may be any, as for every application on one's own machine (RFC 8252)."""
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True)
class Account:
    """Somebody who can sign in."""

    key: str
    name: str
    email: str
    is_verified: bool = True


ACCOUNTS = (
    Account("robin", "Robin Diaz", f"robin@{DOMAIN}"),
    Account("sam", "Sam Ortiz", f"sam@{DOMAIN}"),
    Account("dana", "Dana Lopez", f"dana@{DOMAIN}"),
    Account("kim", "Kim Novak", f"kim@{DOMAIN}"),
    Account("pat", "Pat Stone (of another company)", "pat@elsewhere.example"),
    Account("lee", "Lee Park (address not verified)", f"lee@{DOMAIN}", is_verified=False),
)
"""Robin, Dana and Kim are in the helpdesk too, with the same addresses."""


@dataclass
class Grant:
    """One code that was given out."""

    account: Account
    asked: Mapping[str, str]
    at: datetime
    is_used: bool = False


@dataclass
class Twist:
    """What tests change about the next ID tokens."""

    claims: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    header: dict[str, Any] = field(default_factory=dict)
    key: RSAKey | None = None
    token: str = ""
    """Instead of any that is made here."""


class FakePeople(Fake):
    """The provider. `issuer` is what it calls itself: where the first request of its description came to."""

    def __init__(self, clock: Clock) -> None:
        self.grants: dict[str, Grant] = {}
        self.twist = Twist()
        self.described: dict[str, Any] = {}
        """Replaces what the description says."""
        self.keys = [_key("first")]
        """Published; the first one signs."""
        self._clock = clock

        @get("/.well-known/openid-configuration")
        async def describe(request: AnyRequest) -> Response[Any]:
            return answer(self._description(_origin(request)))

        @get("/keys")
        async def keys() -> Response[Any]:
            published = [{**key.as_dict(private=False), "use": "sig", "alg": "RS256"} for key in self.keys]
            # As real ones do, it also publishes keys that are none for this.
            odd = [{"kty": "AKP", "kid": "pq"}, {"kty": "oct", "kid": "oct", "k": "c2VjcmV0"}]
            return answer({"keys": [*published, *odd]})

        @get("/authorize")
        async def choose(request: AnyRequest) -> Response[Any]:
            asked = {name: value for name, value in request.query_params.items() if isinstance(value, str)}
            problem = _problem(asked)
            text = f"<h1>Bad request</h1><p>{escape(problem)}</p>" if problem else _choice(asked)
            return Response(_page(text), status_code=400 if problem else 200, media_type="text/html")

        @post("/authorize", status_code=303)
        async def decide(request: AnyRequest) -> Response[Any]:
            form = _form(await request.body())
            chosen = form.pop("account", "")
            account = next((found for found in ACCOUNTS if found.key == chosen), None)
            problem = _problem(form)
            if problem:
                return Response(_page(escape(problem)), status_code=400, media_type="text/html")
            said = {"state": form["state"], "iss": _origin(request)}
            if account is None:
                return _leads_to(form["redirect_uri"], {**said, "error": "access_denied"})
            code = uuid4().hex
            self.grants[code] = Grant(account, form, self._clock())
            return _leads_to(form["redirect_uri"], {**said, "code": code})

        @post("/token", status_code=200)
        async def token(request: AnyRequest) -> Response[Any]:
            return self._redeem(request.headers.get("authorization", ""), _form(await request.body()), _origin(request))

        @get("/favicon.ico", status_code=204)
        async def no_icon() -> None:
            """Browsers ask for one."""

        super().__init__([describe, keys, choose, decide, token, no_icon])

    def rotate(self) -> None:
        """Sign with another key from now on; the old one is still published."""
        self.keys = [_key(f"number {len(self.keys) + 1}"), *self.keys]

    def _description(self, issuer: str) -> dict[str, Any]:
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            **self.described,
        }

    def _redeem(self, authorization: str, form: dict[str, str], issuer: str) -> Response[Any]:
        if not self._knows(authorization, form):
            return answer({"error": "invalid_client"}, 401, www_authenticate='Basic realm="people"')
        if form.get("grant_type") != "authorization_code":
            return answer({"error": "unsupported_grant_type"}, 400)
        grant = self.grants.get(form.get("code", ""))
        if grant is None or grant.is_used or self._clock() - grant.at > CODE_LIFE:
            return answer({"error": "invalid_grant"}, 400)
        grant.is_used = True
        challenge = _unpadded(sha256(form.get("code_verifier", "").encode()).digest())
        if form.get("redirect_uri") != grant.asked["redirect_uri"] or challenge != grant.asked["code_challenge"]:
            return answer({"error": "invalid_grant"}, 400)
        access_token = uuid4().hex
        return answer(
            {
                "access_token": access_token,
                "token_type": "Bearer",
                "expires_in": int(TOKEN_LIFE.total_seconds()),
                "id_token": self.twist.token or self._id_token(grant, issuer, access_token),
            },
            cache_control="no-store",
        )

    def _knows(self, authorization: str, form: dict[str, str]) -> bool:
        """The secret, in the way that the description says (RFC 6749 2.3.1)."""
        ways = self._description("")["token_endpoint_auth_methods_supported"]
        if "client_secret_basic" not in ways:
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        scheme, _, given = authorization.partition(" ")
        try:
            name, _, secret = base64.b64decode(given, validate=True).decode().partition(":")
        except ValueError:
            return False
        return scheme == "Basic" and (unquote_plus(name), unquote_plus(secret)) == (CLIENT_ID, CLIENT_SECRET)

    def _id_token(self, grant: Grant, issuer: str, access_token: str) -> str:
        now = int(self._clock().timestamp())
        account = grant.account
        claims = {
            "iss": issuer,
            "sub": f"people|{account.key}",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + int(TOKEN_LIFE.total_seconds()),
            "nonce": grant.asked["nonce"],
            "email": account.email,
            "email_verified": account.is_verified,
            "name": account.name,
            "at_hash": _unpadded(sha256(access_token.encode()).digest()[:16]),
            **self.twist.claims,
        }
        for name in self.twist.without:
            claims.pop(name, None)
        key = self.twist.key or self.keys[0]
        header = {"alg": "RS256", "kid": self.keys[0].kid, **self.twist.header}
        return jwt.encode(header, claims, key, algorithms=[str(header["alg"])])


def _problem(asked: Mapping[str, str]) -> str:
    """What is wrong with a request for a code; empty where nothing is."""
    expected = {"response_type": "code", "client_id": CLIENT_ID, "code_challenge_method": "S256"}
    for name, value in expected.items():
        if asked.get(name) != value:
            return f"{name}: expected {value}"
    if not REDIRECT.fullmatch(asked.get("redirect_uri", "")):
        return "redirect_uri: not one that is registered"
    if "openid" not in asked.get("scope", "").split():
        return "scope: expected openid"
    if not _CHALLENGE.fullmatch(asked.get("code_challenge", "")):
        return "code_challenge: expected one of PKCE"
    if min(len(asked.get("state", "")), len(asked.get("nonce", ""))) < 22:
        return "state, nonce: expected at least 128 random bits"
    return ""


def _choice(asked: Mapping[str, str]) -> str:
    hidden = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in asked.items())
    buttons = "".join(
        f'<p><button name="account" value="{found.key}">{escape(found.name)}</button></p>' for found in ACCOUNTS
    )
    deny = '<p><button name="account" value="">Cancel</button></p>'
    return f'<h1>Who are you?</h1><form method="post" action="/authorize">{hidden}{buttons}{deny}</form>'


def _page(text: str) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Acme sign-in (simulated)</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<body style="font:16px system-ui;max-width:30em;margin:3em auto;padding:0 1em">{text}</body></html>'
    )


def _form(body: bytes) -> dict[str, str]:
    found = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _leads_to(address: str, values: Mapping[str, str]) -> Response[Any]:
    return Response(b"", status_code=303, headers={"location": f"{address}?{urlencode(values)}"})


def _origin(request: AnyRequest) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@cache
def _key(name: str) -> RSAKey:
    """One for each name in the whole process: making it takes a moment."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return RSAKey.import_key(private, {"kid": name, "use": "sig"})
