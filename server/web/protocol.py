"""This file is what a connection may do before the application sees it: how long, how much, how many.

The web server has no deadline for receiving a request, no cap on headers, and no room kept for health checks.
"""

import asyncio
import re
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

RECEIVE_SECONDS = 10.0
MOST_CONNECTIONS = 1000
KEPT_FOR_HEALTH = 50
"""Of those; the other requests are turned away before the last are taken."""
LARGEST_HEAD = 64 * 1024
"""Bytes of request line and headers together; one vendor's signature header alone may take a few kilobytes."""
MOST_HEADERS = 100
LONGEST_ADDRESS = 8 * 1024

_HEALTH = (b"/healthz", b"/readyz", b"/metrics")
_HOST = re.compile(rb"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_PHRASES = {
    400: "Bad Request",
    408: "Request Timeout",
    414: "URI Too Long",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


class _Refused(Exception):
    """The request is not worth reading on."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class GuardedProtocol(HttpToolsProtocol):
    """One connection. A subclass made by `guarded` sets the limits."""

    receive_seconds = RECEIVE_SECONDS
    most_connections = MOST_CONNECTIONS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._guarded_app = self.app
        self._deadline: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._is_in_head = True
        self._refusal: _Refused | None = None

    # --- time -------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            transport.abort()
            return
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _expect_request(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.receive_seconds, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self.pipeline:
            # It is we who stopped reading, until the request before this one is answered.
            self._expect_request()
            return
        self._refuse(408, f"The request was not complete within {self.receive_seconds:g} seconds")

    # --- amount -----------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._expect_request()
        if self._is_in_head:
            # A header that never ends is never handed to `on_header`.
            self._head_bytes += len(data)
        super().data_received(data)
        if self._is_in_head and self._head_bytes > LARGEST_HEAD and not self.transport.is_closing():
            self._refuse(431, f"Expected at most {LARGEST_HEAD} bytes of headers")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = max(1, self._head_bytes)
        self._expect_request()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > LONGEST_ADDRESS:
            self._stop_parsing(414, f"Expected an address of at most {LONGEST_ADDRESS} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > MOST_HEADERS:
            self._stop_parsing(431, f"Expected at most {MOST_HEADERS} headers")

    def on_headers_complete(self) -> None:
        if sum(len(name) + len(value) for name, value in self.headers) > LARGEST_HEAD:
            self._stop_parsing(431, f"Expected at most {LARGEST_HEAD} bytes of headers")
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
            self._stop_parsing(400, "Expected one Host header with a host name")
        self._is_in_head = False
        self._head_bytes = 0
        self.app = self._guarded_app if self._has_room() else at_capacity
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._stop_waiting()
        self._is_in_head = True
        self._head_bytes = 0
        super().on_message_complete()

    def _has_room(self) -> bool:
        most = self.most_connections - min(KEPT_FOR_HEALTH, self.most_connections // 2)
        busy = max(len(self.connections), len(self.tasks))
        return busy <= most or self.url.partition(b"?")[0] in _HEALTH

    # --- refusing ---------------------------------------------------------------------------------------------------

    def _stop_parsing(self, status: int, detail: str) -> None:
        """From within the parser the only way out is an error, which `data_received` answers with a 400."""
        self._refusal = _Refused(status, detail)
        raise self._refusal

    def send_400_response(self, msg: str) -> None:
        refusal = self._refusal or _Refused(400, msg)
        self._refuse(refusal.status, refusal.detail)

    def _refuse(self, status: int, detail: str) -> None:
        """Answer, where an answer can still be understood, and close."""
        if self.transport.is_closing():
            return
        if self._is_in_head and self.cycle is not None and not self.cycle.response_complete:
            # What follows a good request is nonsense: that one is still answered, and then it ends.
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        if self._may_answer():
            body = _problem(status, detail)
            head = (
                f"HTTP/1.1 {status} {_PHRASES[status]}\r\ncontent-type: application/problem+json\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\ncache-control: no-store\r\n"
                "x-content-type-options: nosniff\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        if self.cycle is not None and not self.cycle.response_complete:
            # Whatever the application still says would be a second answer.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def _may_answer(self) -> bool:
        # Nothing was asked on a connection that was only opened; what was answered early is not answered twice.
        return self._head_bytes > 0 if self._is_in_head else not self.cycle.response_started


async def at_capacity(_scope: Any, _receive: Any, send: Any) -> None:
    """Turns a request away: 503, to be tried again."""
    body = _problem(503, "Too many requests are under way: try again")
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", b"1"),
        (b"connection", b"close"),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def guarded(receive_seconds: float, most_connections: int = MOST_CONNECTIONS) -> type[GuardedProtocol]:
    """The protocol with its limits; the server makes one for each connection."""

    class Guarded(GuardedProtocol):
        pass

    Guarded.receive_seconds = receive_seconds
    Guarded.most_connections = most_connections
    return Guarded


def _problem(status: int, detail: str) -> bytes:
    return msgspec.json.encode(
        {"type": "about:blank", "title": _PHRASES[status], "status": status, "detail": detail, "instance": "/"}
    )
