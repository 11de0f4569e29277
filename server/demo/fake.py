"""This file is what all stand-ins share: web applications that keep their calls and can misbehave."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from litestar import Litestar, Request, Response
from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.types import Message, Receive, Scope, Send

AnyRequest = Request[Any, Any, Any]

MOST_CALLS = 10_000


@dataclass(frozen=True)
class Call:
    """One request as it arrived. Header names are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Mishap:
    """How a stand-in answers a call instead of the right way."""

    status: int = 0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    loses_answer: bool = False
    """The call is carried out, and the answer never arrives."""
    waits_for: asyncio.Event | None = None
    """The call hangs until this is set, or until the caller has gone."""


DOWN = Mishap(status=503, body=b'{"error":"unavailable"}')
BROKEN = Mishap(status=500, body=b'{"error":"internal"}')
REFUSED = Mishap(status=401, body=b'{"error":"invalid_token"}')
HTML = Mishap(status=200, body=b"<html><h1>Sorry</h1></html>", content_type="text/html")
LOST = Mishap(loses_answer=True)


def too_many(retry_after: int) -> Mishap:
    """429 with a time to wait, in seconds."""
    return Mishap(status=429, body=b'{"error":"rate limited"}', headers={"retry-after": str(retry_after)})


class AnswerLost(Exception):
    """The connection broke after the call was carried out."""


class Fake:
    """A stand-in. `app` is the ASGI application."""

    def __init__(self, handlers: Sequence[HTTPRouteHandler]) -> None:
        self.calls: deque[Call] = deque(maxlen=MOST_CALLS)
        """The latest ones, without those of a page that people look at."""
        self.mishaps: deque[Mishap] = deque()
        """What happens to the next calls, one each."""
        self.standing_mishap: Mishap | None = None
        """Happens to every call as long as it is set."""
        self.misbehaves: Callable[[Call], Mishap | None] = lambda _: None
        """Says what happens to a call, by what it is about."""
        self._arrival = asyncio.Event()
        self._inner = Litestar(route_handlers=list(handlers), openapi_config=None, logging_config=None, debug=False)

    def next_answers(self, *mishaps: Mishap) -> None:
        """Let these happen to the next calls, one each."""
        self.mishaps.extend(mishaps)

    async def until_called(self, times: int) -> None:
        """Return once so many calls have arrived."""
        while len(self.calls) < times:
            self._arrival.clear()
            await self._arrival.wait()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] != ScopeType.HTTP or scope["path"].startswith(("/_page", "/agent/")) or scope["path"] == "/":
            await self._inner(scope, receive, send)
            return
        body = await _whole_body(receive)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"].decode("latin-1")
        call = Call(str(scope["method"]), scope["path"], query, headers, body)
        self.calls.append(call)
        self._arrival.set()
        mishap = self.mishaps.popleft() if self.mishaps else self.standing_mishap or self.misbehaves(call)
        if mishap and mishap.waits_for and not await _set_before_caller_left(mishap.waits_for, receive):
            return
        again = _replayed(body, receive)
        if mishap and (mishap.loses_answer or mishap.status):
            await self._misbehave(mishap, scope, again, send)
        else:
            await self._inner(scope, again, send)

    async def _misbehave(self, mishap: Mishap, scope: Scope, receive: Receive, send: Send) -> None:
        if mishap.loses_answer:
            await self._inner(scope, receive, _nowhere)
            # An answer that has begun and is cut off: a whole missing one would become a 500 of the web server's.
            await send(_start(200, {"content-type": "application/json", "content-length": "1000"}))
            raise AnswerLost
        length = str(len(mishap.body))
        await send(
            _start(mishap.status, {**mishap.headers, "content-type": mishap.content_type, "content-length": length})
        )
        await send({"type": "http.response.body", "body": mishap.body, "more_body": False})


def answer(content: Any, status: int = 200, **headers: str) -> Response[Any]:
    """A JSON answer; underscores in *headers* are hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(content, status_code=status, headers=named, media_type="application/json")


async def _whole_body(receive: Receive) -> bytes:
    parts = bytearray()
    while True:
        message: Any = await receive()
        parts += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """What has been read already, once more; then whatever follows, which is the caller's leaving."""
    waiting: list[Any] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Any:
        return waiting.pop() if waiting else await receive()

    return replay


async def _set_before_caller_left(event: asyncio.Event, receive: Receive) -> bool:
    """Wait for whichever comes first."""

    async def until_left() -> None:
        message: Any = {}
        while message.get("type") != "http.disconnect":
            message = await receive()

    waits = asyncio.create_task(event.wait())
    leaves = asyncio.create_task(until_left())
    try:
        await asyncio.wait((waits, leaves), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waits.cancel()
        leaves.cancel()
    return event.is_set()


async def _nowhere(_: Message) -> None:
    """Where lost answers go."""


def _start(status: int, headers: dict[str, str]) -> Any:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": pairs}
