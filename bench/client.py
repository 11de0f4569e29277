"""This file is the load: raw keep-alive connections, so that the client costs less than the server."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from statistics import quantiles

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def request(method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    """The bytes of one HTTP/1.1 request."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Answers:
    """How long each answer took, in the order in which they came."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.bodies: list[bytes] = []
        self.elapsed = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.elapsed

    def milliseconds(self, percentile: int) -> float:
        """The time within which *percentile* of 100 answers came."""
        return 1000 * quantiles(self.seconds, n=100, method="inclusive")[percentile - 1]

    def __add__(self, other: "Answers") -> "Answers":
        both = Answers()
        both.seconds = self.seconds + other.seconds
        both.bodies = self.bodies + other.bodies
        both.elapsed = self.elapsed + other.elapsed
        return both


async def send_all(port: int, requests: Sequence[bytes], connections: int, status: int) -> Answers:
    """Send every request once, on so many connections at a time. Ends the program at the first other status."""
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]
    answers, waiting = Answers(), iter(requests)
    started = time.perf_counter()
    await asyncio.gather(*(_work(stream, waiting, answers, status) for stream in streams))
    answers.elapsed = time.perf_counter() - started
    for _, writer in streams:
        writer.close()
    return answers


async def _work(stream: Stream, waiting: Iterator[bytes], answers: Answers, status: int) -> None:
    reader, writer = stream
    for data in waiting:
        began = time.perf_counter()
        writer.write(data)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
        body = await reader.readexactly(length)
        answers.seconds.append(time.perf_counter() - began)
        answers.bodies.append(body)
        if int(head[9:12]) != status:
            raise SystemExit(f"expected {status}, got {head[:40]!r} {body[:300]!r}")
