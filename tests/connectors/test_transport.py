"""This file tests transport: every way in which an outside system can misbehave becomes one of our errors."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import circuitbreaker
import httpx
import pytest
import stamina
from aiohttp.abc import AbstractResolver
from msgspec import Struct

from connectors import contract
from connectors.transport import (
    LARGEST_ANSWER,
    Answer,
    Limits,
    PublicResolver,
    Transport,
    backoff,
    build_client,
    is_public,
)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(autouse=True)
def retries_do_not_wait() -> Iterator[None]:
    stamina.set_testing(True, attempts=2)
    yield
    stamina.set_testing(False)


class Vendor:
    """Answers in turn what it is given; the last answer again and again."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def transport(vendor: Vendor, clock: Clock | None = None, **limits: float) -> Transport:
    client = httpx.AsyncClient(transport=httpx.MockTransport(vendor))
    return Transport("Acme", "https://api.acme.test", client=client, clock=clock or Clock(), limits=Limits(**limits))


@asynccontextmanager
async def loopback(serve: Serve, **limits: float) -> AsyncIterator[Transport]:
    """A real server on this machine, and the real client."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    made = Transport(
        "Acme", f"http://127.0.0.1:{port}", client=build_client(True), clock=Clock(), limits=Limits(**limits)
    )
    try:
        yield made
    finally:
        await made.close()
        server.close()


def answering(raw: bytes) -> Serve:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return serve


# --- answers ---


async def test_good_answer_comes_with_its_headers_in_lower_case() -> None:
    vendor = Vendor(httpx.Response(201, headers={"X-Thing": "One"}, content=b"{}"))
    answer = await transport(vendor).write("POST", "/things", body=b"{}", headers={"x-key": "k"})
    assert (answer.status, answer.headers["x-thing"], answer.body) == (201, "One", b"{}")
    assert vendor.requests[0].headers["x-key"] == "k"
    assert vendor.requests[0].headers["user-agent"] == "Beforehand"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, contract.Garbled),
        (400, contract.Rejected),
        (401, contract.Denied),
        (403, contract.Denied),
        (404, contract.Missing),
        (409, contract.Collided),
        (410, contract.Missing),
        (422, contract.Rejected),
        (429, contract.Throttled),
        (500, contract.Unavailable),
        (503, contract.Unavailable),
    ],
)
async def test_every_status_has_its_error(status: int, error: type[contract.ConnectorError]) -> None:
    vendor = Vendor(httpx.Response(status, content=b'{"error":\n "why"}'))
    with pytest.raises(contract.ConnectorError) as caught:
        await transport(vendor).write("PUT", "/things/1?secret=s")
    assert (type(caught.value), caught.value.status) == (error, status)
    assert caught.value.detail == f'{status} PUT /things/1: {{"error": "why"}}'


class Thing(Struct):
    name: str


@pytest.mark.parametrize(
    "body", [b"<html>down</html>", b'{"name": 1}', b'{"name": "x', b'{"name": "\xff"}', b"[" * 100_000, b""]
)
def test_answer_of_another_shape_is_garbled(body: bytes) -> None:
    answer = Answer("Acme", 200, {"content-type": "text/html"}, body)
    with pytest.raises(contract.Garbled, match="text/html"):
        answer.read(Thing)


async def test_redirect_is_not_followed() -> None:
    vendor = Vendor(httpx.Response(302, headers={"location": "https://evil.test/"}))
    with pytest.raises(contract.Garbled):
        await transport(vendor).read("/things")
    assert [str(request.url) for request in vendor.requests] == ["https://api.acme.test/things"]


async def test_cookies_of_an_answer_are_not_sent_back() -> None:
    vendor = Vendor(httpx.Response(200, headers={"set-cookie": "session=1; Path=/"}))
    made = transport(vendor)
    await made.read("/one")
    await made.read("/two")
    assert "cookie" not in vendor.requests[1].headers


# --- retries, budget, breaker ---


async def test_read_is_repeated_once_where_that_can_help() -> None:
    vendor = Vendor(httpx.Response(502), httpx.Response(200, content=b"ok"))
    assert (await transport(vendor).read("/things")).body == b"ok"
    assert len(vendor.requests) == 2


async def test_write_is_sent_once() -> None:
    vendor = Vendor(httpx.Response(502), httpx.Response(200))
    with pytest.raises(contract.Unavailable) as caught:
        await transport(vendor).write("POST", "/things")
    assert caught.value.outcome_unknown
    assert len(vendor.requests) == 1


async def test_read_is_not_repeated_when_told_to_wait() -> None:
    vendor = Vendor(httpx.Response(503, headers={"retry-after": "7"}), httpx.Response(200))
    with pytest.raises(contract.Unavailable) as caught:
        await transport(vendor).read("/things")
    assert caught.value.retry_after == 7
    assert len(vendor.requests) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30.0),
        ("0.5", 0.5),
        ("Mon, 23 Nov 2026 12:02:00 GMT", 120.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("1e9", 3600.0),
        ("-5", 0.0),
        ("nan", 1.0),
        ("soon", 1.0),
        (None, 1.0),
    ],
)
async def test_retry_after_is_read_in_every_spelling(header: str | None, seconds: float) -> None:
    vendor = Vendor(httpx.Response(429, headers={"retry-after": header} if header is not None else {}))
    with pytest.raises(contract.Throttled) as caught:
        await transport(vendor).read("/things")
    assert caught.value.retry_after == seconds


async def test_nothing_is_sent_before_retry_after_is_over() -> None:
    clock = Clock()
    vendor = Vendor(httpx.Response(429, headers={"retry-after": "30"}), httpx.Response(200))
    made = transport(vendor, clock)
    with pytest.raises(contract.Throttled):
        await made.read("/things")
    clock.now += timedelta(seconds=29)
    with pytest.raises(contract.Throttled) as caught:
        await made.write("POST", "/things")
    assert (caught.value.retry_after, len(vendor.requests)) == (1.0, 1)
    clock.now += timedelta(seconds=1)
    assert (await made.read("/things")).status == 200


async def test_own_budget_is_kept() -> None:
    vendor = Vendor(httpx.Response(200))
    made = transport(vendor, requests=2, per_seconds=3600, read_seconds=0.05)
    await made.read("/1")
    await made.read("/2")
    with pytest.raises(contract.Throttled, match="our own request budget"):
        await made.read("/3")
    assert len(vendor.requests) == 2


async def test_breaker_pauses_after_repeated_failures_and_lets_through_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [0.0]
    monkeypatch.setattr(circuitbreaker, "monotonic", lambda: seconds[0])
    vendor = Vendor(httpx.Response(500))
    made = transport(vendor, failures_before_pause=3, pause_seconds=15)
    for _ in range(3):
        with pytest.raises(contract.Unavailable):
            await made.write("POST", "/things")
    with pytest.raises(contract.Unreachable, match="paused") as caught:
        await made.write("POST", "/things")
    assert (caught.value.retry_after, caught.value.outcome_unknown, len(vendor.requests)) == (15.0, False, 3)
    seconds[0] = 16.0
    vendor.answers = [httpx.Response(200)]
    assert (await made.write("POST", "/things")).status == 200
    assert (await made.write("POST", "/things")).status == 200


async def test_an_answer_in_between_shows_that_nothing_is_broken() -> None:
    vendor = Vendor(httpx.Response(500), httpx.Response(404), httpx.Response(500))
    made = transport(vendor, failures_before_pause=2)
    for error in (contract.Unavailable, contract.Missing, contract.Unavailable):
        with pytest.raises(error):
            await made.write("POST", "/things")
    assert len(vendor.requests) == 3


async def test_cancelled_call_says_nothing_about_the_vendor() -> None:
    waiting = asyncio.Event()

    async def hang(_: httpx.Request) -> httpx.Response:
        waiting.set()
        await asyncio.Event().wait()
        raise AssertionError

    client = httpx.AsyncClient(transport=httpx.MockTransport(hang))
    made = Transport(
        "Acme", "https://api.acme.test", client=client, clock=Clock(), limits=Limits(failures_before_pause=1)
    )
    task = asyncio.create_task(made.read("/things"))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    made.limits = Limits(read_seconds=0.02)
    with pytest.raises(contract.TimedOut):  # and not "paused"
        await made.read("/things")


# --- where a request may go ---


@pytest.mark.parametrize(
    "path",
    [
        "things",
        "//evil.test/x",
        "/..",
        "/a/../b",
        "/a/%2e%2E/b",
        "/a/..%2fb",
        "/a\\b",
        "/a%5c..%5cb",
        "/./x",
        "https://evil.test/x",
        "",
    ],
)
async def test_path_that_leads_elsewhere_is_refused(path: str) -> None:
    vendor = Vendor(httpx.Response(200))
    with pytest.raises(contract.Rejected):
        await transport(vendor).read(path)
    assert vendor.requests == []


async def test_dots_within_a_name_are_not_a_climb() -> None:
    vendor = Vendor(httpx.Response(200))
    await transport(vendor).read("/a..b/x.json", params={"q": "../x"})
    assert str(vendor.requests[0].url) == "https://api.acme.test/a..b/x.json?q=..%2Fx"


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.test/next",
        "http://api.acme.test/next",
        "https://api.acme.test:8443/next",
        "https://api.acme.test.evil.test/next",
        "https://me@api.acme.test/next",
        "//evil.test/next",
        "https://[::1/next",
        "https://api.acme.test:http/next",
        "javascript:alert(1)",
    ],
)
def test_link_to_another_host_is_refused(link: str) -> None:
    with pytest.raises(contract.Garbled):
        transport(Vendor(httpx.Response(200))).local_path(link)


@pytest.mark.parametrize("link", ["https://api.acme.test/n?page=2", "HTTPS://API.acme.test:443/n?page=2", "/n?page=2"])
def test_link_to_the_same_host_becomes_a_path(link: str) -> None:
    assert transport(Vendor(httpx.Response(200))).local_path(link) == "/n?page=2"


async def test_request_that_cannot_be_written_down_is_refused_without_its_secret() -> None:
    vendor = Vendor(httpx.Response(200))
    with pytest.raises(contract.Rejected) as caught:
        await transport(vendor).read("/things", headers={"authorization": "Bearer sécret"})
    assert "cret" not in str(caught.value)
    with pytest.raises(contract.Rejected):
        await transport(vendor).read("/a\r\nx: y")
    assert vendor.requests == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("fe80::1%eth0", False),
    ],
)
def test_private_addresses_are_known(address: str, public: bool) -> None:
    assert is_public(address) is public


class Names(AbstractResolver):
    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list:
        return [
            {"hostname": host, "host": address, "port": port, "family": family, "proto": 0, "flags": 0}
            for address in self.addresses
        ]

    async def close(self) -> None:
        pass


async def test_name_that_resolves_to_a_private_address_is_refused() -> None:
    assert len(await PublicResolver(Names("8.8.8.8")).resolve("fine.test")) == 1
    with pytest.raises(OSError, match="not public"):
        await PublicResolver(Names("8.8.8.8", "10.0.0.1")).resolve("rebound.test")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "127.1", "[::1]", "0.0.0.0"])
async def test_private_address_is_never_connected_to(host: str) -> None:
    connections = []

    async def count(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        writer.close()

    server = await asyncio.start_server(count, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    made = Transport("Acme", f"http://{host}:{port}", client=build_client(False), clock=Clock())
    with pytest.raises(contract.Unreachable):
        await made.write("POST", "/things")
    await made.close()
    server.close()
    assert connections == []


# --- real sockets ---


async def test_real_server_is_read() -> None:
    body = gzip.compress(b'{"name":"x"}')
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body)
    async with loopback(answering(head + body)) as made:
        assert (await made.read("/things")).read(Thing) == Thing("x")


async def test_dripping_server_is_cut_off() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with loopback(drip, read_seconds=0.15) as made:
        started = asyncio.get_running_loop().time()
        with pytest.raises(contract.TimedOut) as caught:
            await made.read("/things")
        assert asyncio.get_running_loop().time() - started < 1.0
    assert caught.value.outcome_unknown


async def test_connection_that_breaks_within_the_answer_leaves_the_outcome_open() -> None:
    async def break_off(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
        await writer.drain()
        writer.transport.abort()

    async with loopback(break_off) as made:
        with pytest.raises(contract.Interrupted) as caught:
            await made.write("POST", "/things", body=b"{}")
    assert caught.value.outcome_unknown


async def test_connection_that_closes_before_the_answer_leaves_the_outcome_open() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with loopback(hang_up) as made:
        with pytest.raises(contract.Interrupted):
            await made.write("POST", "/things", body=b"{}")


async def test_answer_that_is_not_http_is_interrupted() -> None:
    async with loopback(answering(b"SSH-2.0-OpenSSH_9\r\n\r\n")) as made:
        with pytest.raises(contract.Interrupted):
            await made.write("POST", "/things", body=b"{}")


async def test_refused_connection_means_that_nothing_happened() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        made = Transport("Acme", f"http://127.0.0.1:{port}", client=build_client(True), clock=Clock())
        with pytest.raises(contract.Unreachable) as caught:
            await made.write("POST", "/things")
        await made.close()
    assert not caught.value.outcome_unknown


async def test_unknown_name_is_unreachable() -> None:
    made = Transport("Acme", "http://no-such-host.invalid", client=build_client(True), clock=Clock())
    with pytest.raises(contract.Unreachable):
        await made.write("POST", "/things")
    await made.close()


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip"])
async def test_gzip_bomb_is_cut_off(encoding: str) -> None:
    bomb = gzip.compress(bytes(LARGEST_ANSWER * 20))
    bomb = bomb if encoding == "gzip" else gzip.compress(bomb)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {len(bomb)}\r\n\r\n".encode()
    async with loopback(answering(head + bomb)) as made:
        with pytest.raises(contract.Garbled, match=r"larger than|more than once"):
            await made.read("/things")


async def test_endless_answer_is_cut_off() -> None:
    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(bytes(65536))
            await writer.drain()

    async with loopback(pour) as made:
        with pytest.raises(contract.Garbled, match="larger than"):
            await made.read("/things")


def test_backoff_grows_is_capped_and_varies() -> None:
    assert all(0.5 <= backoff(1) <= 1.0 for _ in range(50))
    assert all(150.0 <= backoff(50) <= 300.0 for _ in range(50))
    assert backoff(100_000) <= 300.0
    assert len({backoff(3) for _ in range(20)}) > 1
