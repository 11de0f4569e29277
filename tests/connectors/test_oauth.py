"""This file tests how we prove who we are: fresh tokens, one refresh at a time, no hammering once refused."""

import asyncio
import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import httpx
import pytest
import stamina

from connectors.contract import Denied, Garbled, Unavailable
from connectors.oauth import ClientCredentials, FixedAccess, RefreshedToken
from connectors.transport import Limits, Transport


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class TokenDesk:
    """Hands out numbered tokens; `refuse` is a status and body with which it refuses instead."""

    def __init__(self, expires_in: object = 3600) -> None:
        self.expires_in = expires_in
        self.requests: list[httpx.Request] = []
        self.refuse: tuple[int, dict[str, str]] | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        await asyncio.sleep(0)
        if self.refuse:
            return httpx.Response(self.refuse[0], json=self.refuse[1])
        found: dict[str, object] = {"access_token": f"token-{len(self.requests)}"}
        return httpx.Response(200, json=found if self.expires_in is None else {**found, "expires_in": self.expires_in})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def retries_do_not_wait() -> Iterator[None]:
    stamina.set_testing(True, attempts=2)
    yield
    stamina.set_testing(False)


def credentials(desk: TokenDesk, clock: Clock, **options: object) -> ClientCredentials:
    client = httpx.AsyncClient(transport=httpx.MockTransport(desk))
    transport = Transport("Acme", "https://acme.test", client=client, clock=clock, limits=Limits())
    return ClientCredentials(transport, "/token", "id", "sécret", clock=clock, **options)  # type: ignore[arg-type]


async def test_form_with_basic_credentials_is_sent(clock: Clock) -> None:
    desk = TokenDesk()
    made = credentials(desk, clock, headers={"x-merchant-id": "A1"}, fields={"scope": "read write"})
    assert await made.token() == "token-1"
    request = desk.requests[0]
    assert parse_qs(request.content.decode()) == {"grant_type": ["client_credentials"], "scope": ["read write"]}
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode() == "id:sécret"
    assert (request.method, request.headers["x-merchant-id"]) == ("POST", "A1")


async def test_json_is_sent_where_that_is_wanted(clock: Clock) -> None:
    desk = TokenDesk()
    await credentials(desk, clock, as_json=True).token()
    assert json.loads(desk.requests[0].content) == {
        "grant_type": "client_credentials",
        "client_id": "id",
        "client_secret": "sécret",
    }
    assert "authorization" not in desk.requests[0].headers


@pytest.mark.parametrize(
    ("expires_in", "good_for"),
    [
        (3600, 3480),
        ("14399", 14279),
        (180, 90),
        (None, 1680),
        ("soon", 1680),
        (-5, 30),
        (10**30, 30 * 86400 - 120),
    ],
)
async def test_token_is_replaced_a_little_before_it_runs_out(clock: Clock, expires_in: object, good_for: int) -> None:
    made = credentials(TokenDesk(expires_in), clock)
    assert await made.token() == "token-1"
    clock.forward(good_for - 1)
    assert await made.token() == "token-1"
    clock.forward(1)
    assert await made.token() == "token-2"


async def test_fifty_callers_make_one_request(clock: Clock) -> None:
    desk = TokenDesk()
    made = credentials(desk, clock)
    assert set(await asyncio.gather(*(made.token() for _ in range(50)))) == {"token-1"}
    assert len(desk.requests) == 1


async def test_fifty_callers_share_one_failure(clock: Clock) -> None:
    desk = TokenDesk()
    desk.refuse = (503, {})
    made = credentials(desk, clock)
    found = await asyncio.gather(*(made.token() for _ in range(50)), return_exceptions=True)
    assert {type(error) for error in found} == {Unavailable}
    assert len(desk.requests) == 2  # a read is repeated once


async def test_caller_who_gives_up_does_not_take_the_token_from_the_others(clock: Clock) -> None:
    desk = TokenDesk()
    made = credentials(desk, clock)
    first, second = asyncio.create_task(made.token()), asyncio.create_task(made.token())
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "token-1"
    assert len(desk.requests) == 1


async def test_refused_token_is_replaced_once_and_the_call_repeated(clock: Clock) -> None:
    desk = TokenDesk()
    made = credentials(desk, clock)
    sent: list[str] = []

    async def send(authorization: str) -> str:
        sent.append(authorization)
        if authorization == "Bearer token-1":
            raise Denied("Acme", "expired", status=401)
        return "fine"

    assert await made.authorized(send) == "fine"
    assert sent == ["Bearer token-1", "Bearer token-2"]


async def test_fifty_refused_calls_make_one_refresh(clock: Clock) -> None:
    desk = TokenDesk()
    made = credentials(desk, clock)
    await made.token()

    async def send(authorization: str) -> str:
        await asyncio.sleep(0)
        if authorization == "Bearer token-1":
            raise Denied("Acme", "expired", status=401)
        return authorization

    found = await asyncio.gather(*(made.authorized(send) for _ in range(50)))
    assert set(found) == {"Bearer token-2"}
    assert len(desk.requests) == 2


async def test_forbidden_thing_does_not_cost_the_token(clock: Clock) -> None:
    desk = TokenDesk()
    made = credentials(desk, clock)

    async def send(_: str) -> str:
        raise Denied("Acme", "not in your plan", status=403)

    for _ in range(2):
        with pytest.raises(Denied, match="not in your plan"):
            await made.authorized(send)
    assert len(desk.requests) == 1


async def test_revoked_client_is_asked_once_a_minute(clock: Clock) -> None:
    desk = TokenDesk()
    desk.refuse = (400, {"error": "invalid_client"})
    made = credentials(desk, clock)
    for _ in range(10):
        with pytest.raises(Denied, match="invalid_client"):
            await made.token()
    assert len(desk.requests) == 1
    clock.forward(60)
    desk.refuse = None
    assert await made.token() == "token-2"


async def test_tokens_that_are_all_refused_are_not_fetched_for_ever(clock: Clock) -> None:
    desk = TokenDesk()
    made = credentials(desk, clock)
    calls: list[str] = []

    async def send(authorization: str) -> str:
        calls.append(authorization)
        raise Denied("Acme", "no", status=401)

    for _ in range(10):
        with pytest.raises(Denied):
            await made.authorized(send)
    assert (len(calls), len(desk.requests)) == (2, 2)


@pytest.mark.parametrize("body", [{"access_token": ""}, {"token": "x"}, {"access_token": None}])
async def test_answer_without_a_token_is_no_token(clock: Clock, body: dict[str, object]) -> None:
    client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=body)))
    transport = Transport("Acme", "https://acme.test", client=client, clock=clock)
    with pytest.raises((Denied, Garbled)):
        await ClientCredentials(transport, "/token", "id", "secret", clock=clock).token()


async def test_fixed_credential_is_not_hammered_once_refused(clock: Clock) -> None:
    made = FixedAccess("Bearer x", clock=clock)
    calls: list[str] = []

    async def send(authorization: str) -> str:
        calls.append(authorization)
        if len(calls) == 1:
            raise Denied("Acme", "revoked", status=401)
        return "fine"

    for _ in range(5):
        with pytest.raises(Denied, match="revoked") as caught:
            await made.authorized(send)
        clock.forward(1)
    assert (calls, caught.value.status, caught.value.retry_after) == (["Bearer x"], 401, 56.0)
    clock.forward(55)
    assert await made.authorized(send) == "fine"


class RotatingDesk(TokenDesk):
    """Hands out another refresh token with each access token, and takes only the latest."""

    def __init__(self) -> None:
        super().__init__()
        self.good = "first"

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        given = parse_qs(request.content.decode())
        assert given["grant_type"] == ["refresh_token"]
        if given["refresh_token"] != [self.good]:
            return httpx.Response(400, json={"error": "invalid_grant"})
        answer = await super().__call__(request)
        self.good = f"refresh-{len(self.requests)}"
        return httpx.Response(200, json={**answer.json(), "refresh_token": self.good})


def refreshed(desk: TokenDesk, clock: Clock, **options: str) -> RefreshedToken:
    client = httpx.AsyncClient(transport=httpx.MockTransport(desk))
    transport = Transport("Vendor", "https://vendor.test", client=client, clock=clock)
    return RefreshedToken(transport, "/oauth/token", "id", "secret", "first", clock=clock, **options)


async def test_a_refresh_token_brings_access_tokens_one_refresh_at_a_time(clock: Clock) -> None:
    desk = RotatingDesk()
    access = refreshed(desk, clock)
    assert set(await asyncio.gather(*(access.token() for _ in range(50)))) == {"token-1"}
    clock.forward(3600)
    assert set(await asyncio.gather(*(access.token() for _ in range(50)))) == {"token-2"}
    assert desk.good == "refresh-2"
    assert desk.requests[0].headers["authorization"] == "Basic " + base64.b64encode(b"id:secret").decode()


async def test_a_given_access_token_is_used_until_it_is_refused(clock: Clock) -> None:
    desk = RotatingDesk()
    access = refreshed(desk, clock, access_token="given")
    sent: list[str] = []

    async def send(authorization: str) -> str:
        sent.append(authorization)
        if authorization == "Bearer given" and len(sent) > 2:
            raise Denied("Vendor", "expired", status=401)
        return authorization

    for _ in range(3):
        await access.authorized(send)
    assert sent == ["Bearer given"] * 3 + ["Bearer token-1"]


async def test_a_refresh_token_that_was_revoked_is_denied_and_not_hammered(clock: Clock) -> None:
    desk = RotatingDesk()
    desk.good = "another"
    access = refreshed(desk, clock)
    for _ in range(3):
        with pytest.raises(Denied):
            await access.token()
    assert desk.requests == []
