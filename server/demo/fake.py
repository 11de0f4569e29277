"""This file is what all stand-ins share: they are web applications that keep account of their calls and can misbehave."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from litestar import Litestar, Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.types import Message, Receive, Scope, Send

AnyRequest = Request[Any, Any, Any]


@dataclass(frozen=True)
class Call:
    """One request as it arrived."""

    method: str
    path: str
    query: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Mishap:
    """How a stand-in answers its next call instead of the right way."""

    status: int = 0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    loses_answer: bool = False
    """The call is carried out, and the answer never arrives."""
    waits_for: asyncio.Event | None = None
    """The call hangs until this is set."""


DOWN = Mishap(status=503, body=b'{"error":"unavailable"}')
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
        self.calls: list[Call] = []
        self.mishaps: deque[Mishap] = deque()
        self.standing_mishap: Mishap | None = None
        """Happens to every call as long as it is set."""
        self._inner = Litestar(route_handlers=list(handlers), openapi_config=None, logging_config=None, debug=False)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        if not scope["path"].startswith("/_page") and scope["path"] != "/":
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
            query = scope["query_string"].decode("latin-1")
            self.calls.append(Call(str(scope["method"]), scope["path"], query, headers))
            mishap = self.mishaps.popleft() if self.mishaps else self.standing_mishap
            if mishap is not None:
                await self._misbehave(mishap, scope, receive, send)
                return
        await self._inner(scope, receive, send)

    async def _misbehave(self, mishap: Mishap, scope: Scope, receive: Receive, send: Send) -> None:
        if mishap.loses_answer:

            async def nowhere(_: Message) -> None:
                return

            await self._inner(scope, receive, nowhere)
            raise AnswerLost
        if mishap.waits_for is not None:
            await mishap.waits_for.wait()
        if not mishap.status:
            await self._inner(scope, receive, send)
            return
        headers = {**mishap.headers, "content-type": mishap.content_type, "content-length": str(len(mishap.body))}
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        start: Any = {"type": "http.response.start", "status": mishap.status, "headers": pairs}
        await send(start)
        await send({"type": "http.response.body", "body": mishap.body, "more_body": False})


def answer(content: Any, status: int = 200, **headers: str) -> Response[Any]:
    """A JSON answer; underscores in *headers* are hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(content, status_code=status, headers=named, media_type="application/json")
