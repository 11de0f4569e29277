"""This file is the five upstreams in one process: each answers after a given delay, as cheaply as it can.

python -m bench.upstreams PORT DELAY_SECONDS ORDERS
"""

import asyncio
import json
import re
import sys
import time
from typing import Any

import uvicorn

from bench.orders import FIRST, make_order
from server.demo.carriers import FakeEasyPost, _ups_details
from server.demo.shopify_graphql import graphql_order
from server.demo.stripe import intent_body


class Upstreams:
    """An ASGI application. Answers are made before the measurement begins."""

    def __init__(self, delay: float, orders: int) -> None:
        self._delay = delay
        self._answers: dict[str, bytes] = {}
        self._opened: list[tuple[str, float]] = []
        easypost = FakeEasyPost(lambda: None)  # type: ignore[arg-type,return-value]  # its clock is for webhooks
        for number in range(1, orders + 1):
            order = make_order(number)
            ups, usps = order.parcels
            told = {"data": {"order": graphql_order(order)}, "extensions": {}}
            self._answers[f"gid://shopify/Order/{FIRST + number}"] = json.dumps(told).encode()
            self._answers[f"/v1/payment_intents/{order.intent.id}"] = json.dumps(intent_body(order)).encode()
            self._answers[f"/api/track/v1/details/{ups.number}"] = json.dumps(_ups_details(ups)).encode()
            tracked = {"trackers": [easypost.tracker(usps)], "has_more": False}
            self._answers[f"/v2/trackers?{usps.number}"] = json.dumps(tracked).encode()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        path, query = scope["path"], scope["query_string"].decode()
        status, answer, delay = self._answer(scope["method"], path, query, body)
        if delay:
            await asyncio.sleep(delay)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def _answer(self, method: str, path: str, query: str, body: bytes) -> tuple[int, bytes, float]:
        """Status, body, delay. The helpdesk answers at once where an action is delivered."""
        if path.startswith("/api/v2/"):
            delay = self._delay if "users/search" in path else 0.0
            return self._desk(method, path, body, delay)
        if path == "/security/v1/oauth/token":
            return 200, b'{"access_token": "t", "expires_in": "14399"}', 0.0
        if path == "/opened":
            return 200, json.dumps(self._opened).encode(), 0.0
        key = path
        if path.endswith("graphql.json"):
            key = json.loads(body)["variables"]["id"]
        elif path == "/v2/trackers":
            key = f"{path}?{dict(part.split('=') for part in query.split('&'))['tracking_code']}"
        elif path.endswith("/search"):
            order_id = next((int(word) for word in re.findall(r"\d{10,}", query)), FIRST)
            found = self._answers.get(f"/v1/payment_intents/pi_{order_id - FIRST}", b"")
            return 200, b'{"object": "search_result", "data": [' + found + b'], "has_more": false}', self._delay
        found = self._answers.get(key)
        return (200, found, self._delay) if found else (404, b"{}", self._delay)

    def _desk(self, method: str, path: str, body: bytes, delay: float) -> tuple[int, bytes, float]:
        if path == "/api/v2/users/search":
            return 200, b'{"users": []}', delay
        if method == "POST":
            ticket = json.loads(body)["ticket"]
            self._opened.append((ticket["subject"].split()[1], time.time()))
            number = len(self._opened)
            made = {"id": number, "status": "open", "updated_at": "2026-01-01T00:00:00Z", **ticket}
            for name in ("comment", "requester"):
                made.pop(name, None)
            return 201, json.dumps({"ticket": made}).encode(), 0.0
        return 200, b'{"tickets": []}', 0.0


if __name__ == "__main__":
    application: Any = Upstreams(float(sys.argv[2]), int(sys.argv[3]))
    uvicorn.run(application, host="127.0.0.1", port=int(sys.argv[1]), interface="asgi3", log_level="warning")
