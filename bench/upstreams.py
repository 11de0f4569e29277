"""This file is all five upstreams and the helpdesk in one process; each answers after a given delay, and cheaply.

python -m bench.upstreams PORT ORDERS

`POST /delay/{SYSTEM}/{SECONDS}` sets how long a system takes, `GET /opened` says which tickets were opened when.
"""

import asyncio
import json
import re
import sys
import time
from collections import defaultdict

import uvloop

from bench.orders import FIRST, make_order
from server.demo.carriers import FakeEasyPost, _ups_details
from server.demo.shopify_graphql import graphql_order
from server.demo.stripe import intent_body

_SYSTEMS = {"/admin/": "shopify", "/v1/": "stripe", "/v2/": "easypost", "/api/track": "ups", "/api/v2/": "zendesk"}
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Upstreams:
    """What is answered, and how late. The answers are made before the measurement begins."""

    def __init__(self, orders: int) -> None:
        self.delays: dict[str, float] = defaultdict(float)
        self._opened: list[tuple[str, float]] = []
        self._answers: dict[str, bytes] = {}
        easypost = FakeEasyPost(lambda: None)  # type: ignore[arg-type,return-value]  # its clock is for webhooks
        for number in range(1, orders + 1):
            order = make_order(number)
            ups, usps = order.parcels
            told = {"data": {"order": _plain(graphql_order(order))}, "extensions": {}}
            self._keep(f"gid://shopify/Order/{FIRST + number}", told)
            self._keep(f"/v1/payment_intents/{order.intent.id}", intent_body(order))
            self._keep(f"/api/track/v1/details/{ups.number}", _ups_details(ups))
            self._keep(f"/v2/trackers?{usps.number}", {"trackers": [easypost.tracker(usps)], "has_more": False})

    def _keep(self, key: str, content: object) -> None:
        self._answers[key] = json.dumps(content).encode()

    def answer(self, method: str, path: str, body: bytes) -> tuple[float, int, bytes]:
        """Delay, status and body."""
        place, _, query = path.partition("?")
        if place.startswith("/delay/"):
            _, _, system, seconds = place.split("/")
            self.delays[system] = float(seconds)
            return 0, 200, b"{}"
        if place == "/opened":
            return 0, 200, json.dumps(self._opened).encode()
        if place == "/security/v1/oauth/token":
            return 0, 200, b'{"access_token": "t", "expires_in": "14399"}'
        system = next((name for start, name in _SYSTEMS.items() if place.startswith(start)), "")
        if system == "zendesk":
            return (self.delays[system], *self._desk(method, place, body))
        found = self._found(place, query, body)
        return self.delays[system], 200 if found else 404, found or b"{}"

    def _found(self, place: str, query: str, body: bytes) -> bytes | None:
        if place.endswith("graphql.json"):
            return self._answers.get(json.loads(body)["variables"]["id"])
        if place == "/v2/trackers":
            code = next(part for part in query.split("&") if part.startswith("tracking_code="))
            return self._answers.get(f"{place}?{code.partition('=')[2]}")
        if place.endswith("/search"):
            ids = re.findall(r"\d{13}", query)
            intent = self._answers.get(f"/v1/payment_intents/pi_{int(ids[0]) - FIRST}", b"") if ids else b""
            return b'{"object": "search_result", "data": [' + intent + b'], "has_more": false}'
        return self._answers.get(place)

    def _desk(self, method: str, place: str, body: bytes) -> tuple[int, bytes]:
        if method == "GET":
            return 200, b'{"users": []}' if "users" in place else b'{"tickets": []}'
        ticket = json.loads(body)["ticket"]
        self._opened.append((ticket["subject"].split()[1], time.time()))
        told = {name: value for name, value in ticket.items() if name not in ("comment", "requester")}
        made = {"id": len(self._opened), "status": "open", "updated_at": "2026-01-01T00:00:00Z", **told}
        return 201, json.dumps({"ticket": made}).encode()


def _plain(found: object) -> object:
    """Without what takes arguments, which no look asks for."""
    if isinstance(found, dict):
        return {name: _plain(value) for name, value in found.items() if not callable(value)}
    return [_plain(value) for value in found] if isinstance(found, list) else found


class Connection(asyncio.Protocol):
    """As much HTTP/1.1 as our own client speaks: one request at a time, with a length."""

    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or len(rest) < (int(length[1]) if length else 0):
            return
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
        self._received = bytearray()
        delay, status, body = self._upstreams.answer(method, path, bytes(rest))
        asyncio.get_running_loop().call_later(delay, self._send, status, body)

    def _send(self, status: int, body: bytes) -> None:
        head = f"HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        if not self._transport.is_closing():
            self._transport.write(head.encode() + body)


async def main(port: int, orders: int) -> None:
    upstreams = Upstreams(orders)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(upstreams), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
