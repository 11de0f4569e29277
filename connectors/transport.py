"""This file is the only place from which a request is sent to an outside system.

It gives every call a time limit for the whole answer, a byte cap, the connection's request budget, a circuit breaker,
and errors in our words (`connectors/contract.py`). Reads are retried once where that can help; writes never are here,
because only the outbox knows whether a repeat is safe.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

import aiohttp
import httpx
import msgspec
import stamina
from aiolimiter import AsyncLimiter
from circuitbreaker import CircuitBreaker
from msgspec import Struct

from connectors.client import ClientFactory, PublicResolver, build_client, is_public
from connectors.contract import (
    Collided,
    ConnectorError,
    Denied,
    Garbled,
    Interrupted,
    Missing,
    Rejected,
    Temporary,
    Throttled,
    TimedOut,
    Unavailable,
    Unreachable,
)

__all__ = [
    "Answer",
    "ClientFactory",
    "Clock",
    "Limits",
    "PublicResolver",
    "Transport",
    "backoff",
    "build_client",
    "is_public",
    "utc_now",
]

T = TypeVar("T")
Clock = Callable[[], datetime]

USER_AGENT = "Beforehand"
LARGEST_ANSWER = 5 * 1024 * 1024
LONGEST_PAUSE = 3600.0
_KEPT_OF_AN_ERROR = 16 * 1024
_BROKEN = (Unreachable, TimedOut, Interrupted, Unavailable)


class Limits(Struct, frozen=True, kw_only=True):
    """What one connection may do. Times in seconds."""

    read_seconds: float = 2.5
    write_seconds: float = 10.0
    requests: float = 1200.0
    """Against running wild; where a vendor says what it allows, its connector sets that."""
    per_seconds: float = 60.0
    failures_before_pause: int = 5
    pause_seconds: float = 15.0


class Answer(Struct, frozen=True):
    """A good (2xx) answer. Header names are in lower case."""

    system: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def read(self, kind: type[T]) -> T:
        """The body as *kind*. Raises Garbled when it is anything else."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            found = self.headers.get("content-type", "no content type")
            raise Garbled(self.system, f"{error} (answer of {len(self.body)} bytes, {found})") from error


class Transport:
    """All requests of one connection, which share its budget and its breaker."""

    def __init__(
        self,
        system: str,
        origin: str,
        *,
        client: httpx.AsyncClient,
        clock: Clock,
        limits: Limits | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.system = system
        self.origin = origin.rstrip("/")
        self.limits = limits or Limits()
        self._client = client
        self._clock = clock
        self._headers = {"user-agent": USER_AGENT, "accept": "application/json", **(headers or {})}
        self._budget = AsyncLimiter(self.limits.requests, self.limits.per_seconds)
        self._breaker = CircuitBreaker(
            failure_threshold=self.limits.failures_before_pause,
            recovery_timeout=int(self.limits.pause_seconds),
            expected_exception=_BROKEN,
            name=system,
        )
        self._not_before: datetime | None = None

    async def read(
        self,
        path: str,
        *,
        method: str = "GET",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """A request that changes nothing over there (also a GraphQL query by POST): retried once, within the limit."""
        seconds = self.limits.read_seconds
        deadline = _loop_time() + seconds
        async for attempt in stamina.retry_context(
            on=_worth_repeating, attempts=2, timeout=seconds, wait_initial=0.05, wait_max=0.5, wait_jitter=0.1
        ):
            with attempt:
                return await self._guarded(deadline, method, path, params, headers, body)
        raise AssertionError("stamina either returns or raises")

    async def write(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """A request that changes something over there: sent once."""
        deadline = _loop_time() + self.limits.write_seconds
        return await self._guarded(deadline, method, path, params, headers, body)

    def local_path(self, url: str) -> str:
        """The path and query of a link that the vendor gave us. Raises Garbled when it leads to another host."""
        try:
            parts = urlsplit(url)
            leads_elsewhere = bool(parts.scheme or parts.netloc) and _place(parts) != _place(urlsplit(self.origin))
        except ValueError as error:
            raise Garbled(self.system, f"a link is not an address: {url[:80]}") from error
        if leads_elsewhere:
            raise Garbled(self.system, f"a link leads to another host: {parts.netloc[:80]}")
        return parts.path + (f"?{parts.query}" if parts.query else "")

    async def close(self) -> None:
        """Close the connections. The transport cannot be used afterwards."""
        await self._client.aclose()

    async def _guarded(
        self,
        deadline: float,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        body: bytes | None,
    ) -> Answer:
        await self._may_ask(deadline)
        try:
            # One limit for everything, down to the last byte: the client's own is per read.
            async with asyncio.timeout_at(deadline):
                answer = await self._send(method, path, params, headers, body)
        except TimeoutError as error:
            failure = TimedOut(self.system, "no complete answer within the time limit")
            self._count(failure)
            raise failure from error
        except ConnectorError as error:
            if isinstance(error, _BROKEN):
                self._count(error)
            elif error.status is not None:
                self._breaker.reset()  # it answered, so nothing is broken
            raise
        # A cancelled call counts neither way: an agent who leaves a ticket says nothing about the vendor.
        self._breaker.reset()
        return answer

    async def _may_ask(self, deadline: float) -> None:
        """Wait for the budget; raise at once where the vendor, or the breaker, said to stay away."""
        now = self._clock()
        if self._not_before and now < self._not_before:
            raise Throttled(self.system, "we were told to wait", retry_after=(self._not_before - now).total_seconds())
        if self._breaker.opened:
            raise Unreachable(
                self.system, "paused after repeated failures", retry_after=max(1.0, self._breaker.open_remaining)
            )
        try:
            async with asyncio.timeout_at(deadline):
                await self._budget.acquire()
        except TimeoutError as error:
            raise Throttled(self.system, "our own request budget is used up", retry_after=1.0) from error

    def _count(self, failure: ConnectorError) -> None:
        self._breaker.__exit__(type(failure), failure, None)

    async def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        body: bytes | None,
    ) -> Answer:
        address = self.origin + _checked_path(self.system, path)
        try:
            request = self._client.build_request(
                method,
                address,
                params=dict(params) if params else None,
                headers={**self._headers, **(headers or {})},
                content=body,
            )
        except (httpx.InvalidURL, ValueError) as error:
            # Such as a line break in a path, or a letter outside ASCII in a credential.
            raise Rejected(self.system, f"a request that cannot be written down: {type(error).__name__}") from error
        try:
            response = await self._client.send(request, stream=True)
            # Nobody's session may leak from one answer into the next request.
            self._client.cookies.clear()
            try:
                content = await self._read_capped(response)
            finally:
                await response.aclose()
        except (httpx.HTTPError, aiohttp.ClientError) as error:
            raise self._failure(error) from error
        return self._judge(response, content)

    async def _read_capped(self, response: httpx.Response) -> bytes:
        if "," in response.headers.get("content-encoding", ""):
            # Packed twice, one chunk of 16 KB can become gigabytes.
            raise Garbled(self.system, "the answer is compressed more than once")
        chunks = bytearray()
        async for chunk in response.aiter_bytes():
            chunks += chunk
            if len(chunks) > LARGEST_ANSWER:
                raise Garbled(self.system, f"the answer is larger than {LARGEST_ANSWER} bytes")
        return bytes(chunks)

    def _failure(self, error: httpx.HTTPError | aiohttp.ClientError) -> ConnectorError:
        detail = str(error) or type(error).__name__
        if _was_never_sent(error):
            return Unreachable(self.system, detail)
        if isinstance(_cause(error), httpx.TimeoutException | TimeoutError):
            return TimedOut(self.system, detail)
        if isinstance(error, httpx.DecodingError):
            return Garbled(self.system, detail)
        return Interrupted(self.system, detail)

    def _judge(self, response: httpx.Response, content: bytes) -> Answer:
        status = response.status_code
        if 200 <= status < 300:
            return Answer(self.system, status, {k.lower(): v for k, v in response.headers.items()}, content)
        detail = f"{status} {response.request.method} {response.request.url.path}: {_excerpt(content)}"
        if status == 429:
            pause = self._pause(response.headers.get("retry-after"))
            self._not_before = self._clock() + timedelta(seconds=pause)
            raise Throttled(self.system, detail, retry_after=pause, status=status)
        kind: type[ConnectorError] = Rejected
        if status >= 500:
            kind = Unavailable
        elif status in (401, 403):
            kind = Denied
        elif status in (404, 410):
            kind = Missing
        elif status == 409:
            kind = Collided
        elif status < 400:
            kind = Garbled
        after = self._pause(response.headers.get("retry-after")) if "retry-after" in response.headers else None
        raise kind(self.system, detail, retry_after=after, status=status, answer=content[:_KEPT_OF_AN_ERROR])

    def _pause(self, header: str | None) -> float:
        """Seconds to wait as `Retry-After` says (a number or a date, RFC 9110 10.2.3); one second where unclear."""
        try:
            seconds = float(header or "1")
        except ValueError:
            try:
                seconds = (parsedate_to_datetime(header or "") - self._clock()).total_seconds()
            except (ValueError, TypeError, OverflowError):
                seconds = 1.0
        return min(max(seconds, 0.0), LONGEST_PAUSE) if seconds == seconds else 1.0


def backoff(attempt: int, *, first: float = 1.0, most: float = 300.0) -> float:
    """Seconds before the try after *attempt* (1 is the first that failed): doubling, capped, with full jitter."""
    return random.uniform(0.5, 1.0) * float(min(most, first * 2.0 ** min(attempt - 1, 60)))  # noqa: S311


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def _worth_repeating(error: Exception) -> bool:
    return isinstance(error, Temporary) and not isinstance(error, Throttled | TimedOut) and error.retry_after is None


def _place(parts: SplitResult) -> tuple[str, str | None, int | None, str | None]:
    """Where a link leads. Who it says we are counts too: `https://vendor@other` is another place."""
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, port, parts.username


def _checked_path(system: str, path: str) -> str:
    plain = unquote(path.partition("?")[0])
    if not path.startswith("/") or plain.startswith("//") or "\\" in plain:
        raise Rejected(system, f"not a path on this host: {path[:80]}")
    if any(segment in (".", "..") for segment in plain.split("/")):
        raise Rejected(system, f"a path must not climb: {path[:80]}")
    return path


def _was_never_sent(error: httpx.HTTPError | aiohttp.ClientError) -> bool:
    """Only a failed connect is sure."""
    sure = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)
    return isinstance(_cause(error), (*sure, httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol))


def _cause(error: httpx.HTTPError | aiohttp.ClientError) -> BaseException:
    """What really happened: httpx-aiohttp calls every lost connection a ConnectTimeout, also one lost mid-answer."""
    return error.__cause__ if isinstance(error.__cause__, aiohttp.ClientError | TimeoutError) else error


def _excerpt(content: bytes) -> str:
    return " ".join(content[:300].decode("utf-8", "replace").split())


def utc_now() -> datetime:
    """The real clock; tests hand in their own."""
    return datetime.now(UTC)
