"""This file is the load: raw keep-alive connections, so that the client costs less than the server."""

import asyncio
import time
from collections.abc import Sequence
from statistics import quantiles


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """The bytes of one HTTP/1.1 request."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Answers:
    """What came back: a time for each answer, and how many were not as expected."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.wrong: list[bytes] = []
        self.elapsed = 0.0

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.elapsed

    def percentile(self, share: int) -> float:
        """In milliseconds."""
        return 1000 * quantiles(sorted(self.seconds), n=100, method="inclusive")[share - 1]


async def send_all(port: int, requests: Sequence[bytes], connections: int, status: bytes) -> Answers:
    """Send every request once, *connections* at a time."""
    answers, waiting = Answers(), iter(requests)
    started = time.perf_counter()
    await asyncio.gather(*(_work(port, waiting, answers, status) for _ in range(connections)))
    answers.elapsed = time.perf_counter() - started
    return answers


async def _work(port: int, waiting: "object", answers: Answers, status: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for data in waiting:  # type: ignore[attr-defined]
        began = time.perf_counter()
        writer.write(data)
        head = await reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        length = int(lower.split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
        body = await reader.readexactly(length)
        answers.seconds.append(time.perf_counter() - began)
        if head[9:12] != status:
            answers.wrong.append(head[:40] + body[:200])
    writer.close()
