"""This file stands in for a warehouse that takes tasks by signed webhook, each of them once."""

import json
from datetime import UTC, datetime
from typing import Any

from litestar import Response, post

from connectors.signing import decode_base64, matches_base64_bytes
from connectors.transport import Clock
from server.demo.fake import AnyRequest, Fake, answer

SECRET = "whsec_ZGVtby1kZW1vLWRlbW8tZGVtby1kZW1v"
PATH = "/tasks"
WINDOW_SECONDS = 300


class FakeWarehouse(Fake):
    """It verifies signatures as Standard Webhooks say, and knows a repeat by its id."""

    def __init__(self, clock: Clock) -> None:
        self.tasks: list[dict[str, Any]] = []
        self.repeats = 0
        self._clock = clock
        self._ids: dict[str, bytes] = {}

        @post(PATH, status_code=202)
        async def take(request: AnyRequest) -> Response[Any]:
            return self._take(request, await request.body())

        super().__init__([take])

    def events(self) -> list[str]:
        """What came, in words: `issue.opened #48222`."""
        return [f"{task['type']} {task['data']['order_name']}" for task in self.tasks]

    def _take(self, request: AnyRequest, body: bytes) -> Response[Any]:
        if not self._is_signed(request, body):
            return answer({"error": "the signature does not match"}, 401)
        identity = request.headers["webhook-id"]
        if identity in self._ids:
            if self._ids[identity] != body:
                return answer({"error": "another task has the same id"}, 422)
            self.repeats += 1
            return answer({"status": "known"}, 200)
        self._ids[identity] = body
        self.tasks.append(json.loads(body))
        return answer({"status": "taken"}, 202)

    def _is_signed(self, request: AnyRequest, body: bytes) -> bool:
        headers = request.headers
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        identity, time, signatures = (headers.get(name, "") for name in names)
        if not identity or not time.isdigit():
            return False
        age = self._clock() - datetime.fromtimestamp(int(time), UTC)
        message = f"{identity}.{time}.".encode() + body
        key = decode_base64(SECRET.removeprefix("whsec_")) or b""
        is_ours = (matches_base64_bytes(s.removeprefix("v1,"), key, message) for s in signatures.split())
        return abs(age.total_seconds()) <= WINDOW_SECONDS and any(is_ours)
