"""What a connection may do is held by a real server on a real loopback socket."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
import uvicorn

from server.web.protocol import LARGEST_HEAD, MOST_HEADERS, guarded

DEADLINE = 0.25


class Application:
    """Reads the whole body and says how long it was."""

    def __init__(self):
        self.requests = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, scope, receive, send):
        received = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.requests.append("disconnected")
                return
            received += len(message.get("body", b""))
            if not message.get("more_body"):
                break
        await self.gate.wait()
        self.requests.append(scope["path"])
        body = str(received).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(application, most_connections=1000, seconds=DEADLINE):
    config = uvicorn.Config(
        application,
        host="127.0.0.1",
        port=0,
        http=guarded(seconds, most_connections),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    task = asyncio.create_task(server.main_loop())
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task
        await server.shutdown()


async def exchange(port, *pieces):
    """Send the pieces, then read until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), timeout=5)
    finally:
        writer.close()
        await writer.wait_closed()


def status(answer):
    return int(answer.split(b" ", 2)[1])


def get(path="/", *headers):
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def test_a_whole_request_is_answered():
    async with serving(Application()) as port:
        answer = await exchange(port, get("/x"))
    assert (status(answer), answer.rpartition(b"\r\n\r\n")[2]) == (200, b"0")


async def test_half_sent_headers_are_cut_off_at_the_deadline():
    async with serving(Application()) as port:
        answer = await exchange(port, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    assert status(answer) == 408
    document = json.loads(answer.rpartition(b"\r\n\r\n")[2])
    assert document == {
        "type": "about:blank",
        "title": "Request Timeout",
        "status": 408,
        "detail": "The request was not complete within 0.25 seconds",
        "instance": "/",
    }


async def test_a_body_that_never_ends_is_cut_off_at_the_deadline_and_the_application_is_told():
    application = Application()
    async with serving(application) as port:
        answer = await exchange(port, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
    assert status(answer) == 408
    assert application.requests == ["disconnected"]


async def test_dripping_does_not_move_the_deadline():
    async def drip(writer):
        while True:
            writer.write(b"X-A: b\r\n")
            await asyncio.sleep(DEADLINE / 10)

    async with serving(Application()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n")
        dripping = asyncio.create_task(drip(writer))
        answer = await asyncio.wait_for(reader.read(), timeout=5)
        dripping.cancel()
        writer.close()
    assert status(answer) == 408


async def test_a_connection_that_asks_nothing_is_closed_without_a_word():
    async with serving(Application()) as port:
        assert await exchange(port) == b""


async def test_a_slow_answer_is_not_cut_off():
    application = Application()
    application.gate.clear()
    async with serving(application) as port:
        asking = asyncio.create_task(exchange(port, get()))
        await asyncio.sleep(DEADLINE * 2)
        application.gate.set()
        assert status(await asking) == 200


async def test_the_next_request_of_a_kept_connection_has_its_own_deadline():
    async with serving(Application()) as port:
        first = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
        answer = await exchange(port, first, b"GET /2 HTTP/1.1\r\n")
    assert answer.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 408" in answer


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (get("/", *(f"X-{number}: a" for number in range(MOST_HEADERS))), 431),
        (get("/", "X-Long: " + "a" * (LARGEST_HEAD + 1)), 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-Endless: " + b"a" * (LARGEST_HEAD + 1), 431),
        (get("/" + "a" * 9000), 414),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (get("/", "Host: second"), 400),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00", 400),
    ],
)
async def test_a_head_that_makes_no_sense_is_refused(request_, expected):
    application = Application()
    async with serving(application, seconds=5) as port:
        answer = await exchange(port, request_)
    assert status(answer) == expected
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"application/problem+json" in answer
    assert application.requests == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]:8080", "shop.example.com"])
async def test_an_honest_host_is_taken(host):
    async with serving(Application()) as port:
        answer = await exchange(port, f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert status(answer) == 200


async def test_health_is_answered_when_everything_else_is_turned_away():
    async with serving(Application(), most_connections=8, seconds=5) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        turned_away = await exchange(port, get("/v1/orders"))
        health = await exchange(port, get("/healthz"))
        for _, writer in held:
            writer.close()
    assert status(turned_away) == 503
    assert b"retry-after: 1" in turned_away
    assert status(health) == 200


async def test_connections_beyond_the_last_are_closed_at_once():
    async with serving(Application(), most_connections=4, seconds=5) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
        await asyncio.sleep(0.05)
        with pytest.raises((ConnectionError, IndexError)):
            status(await exchange(port, get("/healthz")))
        for _, writer in held:
            writer.close()


async def test_an_early_answer_is_not_followed_by_a_second_one():
    async def refuses(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async with serving(refuses) as port:
        answer = await exchange(port, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.count(b"HTTP/1.1 ") == 1


async def test_pipelined_requests_are_answered_in_their_order():
    async with serving(Application()) as port:
        answer = await exchange(port, b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n" * 3 + get("/last"))
    assert answer.count(b"HTTP/1.1 200 ") == 4
