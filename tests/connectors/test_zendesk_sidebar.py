"""This file tests who may open the sidebar: tokens of our installation, and none of the clever others."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from connectors import zendesk
from connectors.connection import Connection
from connectors.contract import Forged
from connectors.zendesk import SidebarUser

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
KEY = RSAKey.generate_key(2048)
OTHER_KEY = RSAKey.generate_key(2048)
AUDIENCE = "https://acme.zendesk.com/api/v2/apps/installations/4711.json"


class KeyDesk:
    """Gives out the app's public key; `answer` may be replaced."""

    def __init__(self, key: RSAKey = KEY) -> None:
        self.answer: Callable[[], httpx.Response] = lambda: httpx.Response(200, content=key.as_pem(private=False))
        self.requests: list[httpx.Request] = []

    def gives(self, key: RSAKey) -> None:
        self.answer = lambda: httpx.Response(200, content=key.as_pem(private=False))

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        await asyncio.sleep(0)
        return self.answer()

    def connect(self, base_url: str = "", **settings: Any) -> zendesk.Zendesk:
        connection = Connection(
            workspace="acme",
            name="desk",
            base_url=base_url,
            clock=lambda: NOW,
            clients=lambda _: httpx.AsyncClient(transport=httpx.MockTransport(self)),
        )
        installed = {"app_id": "31", "installation_id": 4711, **settings}
        return zendesk.connect(zendesk.Settings(subdomain="acme", access_token="hush", **installed), connection)


def claims(**values: Any) -> dict[str, Any]:
    whole = {
        "iss": "acme.zendesk.com",
        "aud": AUDIENCE,
        "sub": "https://acme.zendesk.com/api/v2/users/35436.json",
        "iat": SECONDS - 1,
        "nbf": SECONDS - 1,
        "exp": SECONDS + 300,
        "jti": "one",
        "qsh": "anything",
        "context": {"product": "support", "location": "ticket_sidebar", "url": "https://app.test"},
        **values,
    }
    return {name: value for name, value in whole.items() if value is not ...}


def token(key: Any = KEY, header: dict[str, Any] | None = None, alg: str = "RS256", **values: Any) -> str:
    registry = JWSRegistry(algorithms=[alg], strict_check_header=False)
    return jwt.encode({"alg": alg, **(header or {})}, claims(**values), key, registry=registry)


def b64(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(header: Any, payload: Any = None, signature: str = "c2ln") -> str:
    return f"{b64(header)}.{b64(claims() if payload is None else payload)}.{signature}"


def with_hmac(secret: bytes) -> str:
    """A token that takes the public key for a shared secret."""
    message = f"{b64({'alg': 'HS256', 'typ': 'JWT'})}.{b64(claims())}"
    return f"{message}.{b64(hmac.new(secret, message.encode(), hashlib.sha256).digest())}"


async def test_agent_of_our_installation_is_let_in() -> None:
    desk = KeyDesk()
    assert await desk.connect().verify_sidebar(token(), now=NOW) == SidebarUser(
        user_id="35436", installation_id="4711", token_id="one", expires_at=NOW + timedelta(seconds=300)
    )
    (request,) = desk.requests
    assert str(request.url) == "https://acme.zendesk.com/api/v2/apps/31/public_key.pem"
    assert "authorization" not in request.headers


async def test_key_is_fetched_once_also_by_many_at_once() -> None:
    desk = KeyDesk()
    made = desk.connect()
    found = await asyncio.gather(*(made.verify_sidebar(token(), now=NOW) for _ in range(20)))
    assert len(desk.requests) == 1
    assert len(set(map(str, found))) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"iss": "https://acme.zendesk.com"},
        {"nbf": ..., "qsh": ..., "context": ..., "jti": ...},
        {"context": {}},
        {"exp": SECONDS - 9},
        {"iat": SECONDS + 9, "nbf": SECONDS + 9},
        {"surprise": [1, 2]},
    ],
)
async def test_what_is_optional_may_be_missing(values: dict[str, Any]) -> None:
    assert (await KeyDesk().connect().verify_sidebar(token(**values), now=NOW)).user_id == "35436"


@pytest.mark.parametrize(
    ("sub", "user_id"),
    [
        ("https://acme.zendesk.com/api/v2/users/35436.json", "35436"),
        ("https://acme.zendesk.com/users/35436/", "35436"),
        ("35436", "35436"),
        ("agent@acme.test", ""),
        (35436, ""),
        (..., ""),
    ],
)
async def test_user_is_the_number_at_the_end_of_the_subject(sub: Any, user_id: str) -> None:
    assert (await KeyDesk().connect().verify_sidebar(token(sub=sub), now=NOW)).user_id == user_id


async def test_token_without_an_id_has_one_of_its_own() -> None:
    made = KeyDesk().connect()
    plain = token(jti=...)
    first, again, other = [
        (await made.verify_sidebar(one, now=NOW)).token_id for one in (plain, plain, token(jti=..., exp=SECONDS + 301))
    ]
    assert first == again != other


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"exp": SECONDS - 10}, "expired"),
        ({"exp": ...}, "exp"),
        ({"exp": None}, "exp"),
        ({"exp": (SECONDS + 300) * 1000}, "lives for too long"),
        ({"exp": str(SECONDS + 300)}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": float("nan")}, "exp"),
        ({"exp": float("inf")}, "exp"),
        ({"exp": 10**400}, "lives for too long"),
        ({"iat": ...}, "iat"),
        ({"iat": SECONDS + 3600}, "iat|future"),
        ({"iat": SECONDS - 100_000}, "lives for too long"),
        ({"nbf": SECONDS + 3600}, "nbf|not yet"),
        ({"aud": ...}, "aud"),
        ({"aud": [AUDIENCE]}, "several audiences"),
        ({"aud": [AUDIENCE, "https://evil.test"]}, "several audiences"),
        ({"aud": AUDIENCE.replace("4711", "4712")}, "aud"),
        ({"aud": AUDIENCE + ".evil"}, "aud"),
        ({"aud": AUDIENCE.replace("acme", "evil")}, "aud"),
        ({"aud": AUDIENCE.upper()}, "aud"),
        ({"aud": {"x": AUDIENCE}}, "aud"),
        ({"iss": ...}, "iss"),
        ({"iss": "evil.zendesk.com"}, "iss"),
        ({"iss": "acme.zendesk.com.evil.com"}, "iss"),
        ({"iss": ["acme.zendesk.com"]}, "iss"),
        ({"context": {"product": "chat", "location": "ticket_sidebar"}}, "another product"),
        ({"context": {"product": "support", "location": "new_ticket_sidebar"}}, "another location"),
        ({"context": {"location": None}}, "another location"),
        ({"context": "support"}, "context cannot be read"),
    ],
)
async def test_claims_that_are_not_ours_are_forged(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(Forged, match=f"(?i){reason}"):
        await KeyDesk().connect().verify_sidebar(token(**values), now=NOW)


PEM = KEY.as_pem(private=False)


@pytest.mark.parametrize(
    "forged",
    [
        unsigned({"alg": "none"}),
        unsigned({"alg": "None"}, signature=""),
        unsigned({"alg": "NONE"}),
        with_hmac(PEM),
        with_hmac(PEM.strip()),
        token(alg="RS512"),
        token(alg="PS256"),
        token(ECKey.generate_key("P-256"), alg="ES256"),
        unsigned({"alg": ["RS256"]}),
        unsigned({"typ": "JWT"}),
        unsigned(["RS256"]),
        unsigned(b"\xff\xfe"),
        unsigned(b"[" * 5000),
        unsigned(b'{"alg":"RS256","x":' + b"[" * 5000),
        token(OTHER_KEY),
        token(OTHER_KEY, {"jwk": OTHER_KEY.as_dict(private=False)}),
        token(header={"jwk": OTHER_KEY.as_dict(private=False)}),
        token(OTHER_KEY, {"jku": "https://evil.test/keys"}),
        token(OTHER_KEY, {"x5u": "https://evil.test/cert"}),
        token(OTHER_KEY, {"kid": "../../../dev/null"}),
        unsigned({"alg": "RS256", "crit": ["unknown"], "unknown": 1}),
        unsigned({"alg": "RS256", "b64": False, "crit": ["b64"]}),
        token()[:-3] + "AAA",
        token() + "A",
        token() + "\n",
        token().replace(".", ".A", 1),
        ".".join([*token().split(".")[:2], ""]),
        ".".join(token().split(".")[:2]),
        token() + ".x",
        "." * 100_000,
        "a" * 100_000,
        "",
        "é.é.é",
        "\ud800.a.a",
        f"Bearer {token()}",
    ],
)
async def test_token_that_nobody_we_know_signed_is_forged(forged: str) -> None:
    desk = KeyDesk()
    made = desk.connect()
    for _ in range(3):
        with pytest.raises(Forged):
            await made.verify_sidebar(forged, now=NOW)
    assert len(desk.requests) <= 1


async def test_signed_nonsense_is_forged() -> None:
    for payload in (b"[1]", b"{", b"\xff", b"[" * 2000):
        signed = _signed_raw(payload)
        with pytest.raises(Forged):
            await KeyDesk().connect().verify_sidebar(signed, now=NOW)


def _signed_raw(payload: bytes) -> str:
    return jws.serialize_compact({"alg": "RS256"}, payload, KEY, algorithms=["RS256"])


async def test_replaced_key_is_noticed_at_most_once_a_minute() -> None:
    desk = KeyDesk()
    made = desk.connect()
    await made.verify_sidebar(token(), now=NOW)
    desk.gives(OTHER_KEY)
    late = NOW + timedelta(seconds=59)
    for _ in range(5):
        with pytest.raises(Forged, match="signature"):
            await made.verify_sidebar(token(OTHER_KEY), now=late)
    assert len(desk.requests) == 1
    later = NOW + timedelta(seconds=60)
    assert (await made.verify_sidebar(token(OTHER_KEY), now=later)).user_id == "35436"
    with pytest.raises(Forged, match="signature"):
        await made.verify_sidebar(token(KEY), now=later)
    assert len(desk.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b"<html>sign in</html>"),
        httpx.Response(200, content=b""),
        httpx.Response(200, content=ECKey.generate_key("P-256").as_pem(private=False)),
        httpx.Response(404),
        httpx.Response(500, headers={"retry-after": "1"}),
        httpx.Response(302, headers={"location": "https://evil.test/key"}),
    ],
)
async def test_key_that_cannot_be_had_lets_nobody_in(answer: httpx.Response) -> None:
    desk = KeyDesk()
    desk.answer = lambda: httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
    made = desk.connect()
    for _ in range(5):
        with pytest.raises(Forged, match="public key"):
            await made.verify_sidebar(token(), now=NOW)
    assert len(desk.requests) == 1
    desk.gives(KEY)
    assert (await made.verify_sidebar(token(), now=NOW + timedelta(seconds=6))).user_id == "35436"


async def test_without_an_installation_nobody_gets_in() -> None:
    desk = KeyDesk()
    with pytest.raises(Forged, match="not configured"):
        await desk.connect(app_id="", installation_id="").verify_sidebar(token(), now=NOW)
    assert desk.requests == []


async def test_base_url_moves_the_key_and_not_the_audience() -> None:
    desk = KeyDesk()
    await desk.connect("http://127.0.0.1:9103").verify_sidebar(token(), now=NOW)
    assert str(desk.requests[0].url) == "http://127.0.0.1:9103/api/v2/apps/31/public_key.pem"
