"""This file is a system that takes tasks by webhook: signed as Standard Webhooks say (https://www.standardwebhooks.com).

The receiver knows a repeat by `webhook-id`, which is the same for every try at one task.
"""

import base64
from datetime import datetime
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from connectors.client import is_public
from connectors.connection import Connection
from connectors.contract import Arrival, Collided, ConnectorError, Rejected
from connectors.model import Task
from connectors.signing import decode_base64, sha256_hmac_bytes

SYSTEM = "Webhook"
_PREFIX = "whsec_"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[workspace.NAME.connections.NAME]` of kind `webhook`."""

    url: str
    """Where tasks are posted. Its path and query may hold a secret of the receiver: neither is shown."""
    secret: str
    """`whsec_` and base64, as receivers' libraries take it."""
    previous_secret: str = ""
    """While the receiver changes over: signatures by both are sent."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        # Addresses on the inside are refused when they are called, unless the server allows them.
        is_inside = parts.scheme == "http" and parts.hostname is not None and _is_inside(parts.hostname)
        if parts.hostname is None or parts.username is not None or not (parts.scheme == "https" or is_inside):
            raise ValueError("expected url to be an https:// address without a user")
        for name in ("secret", "previous_secret"):
            value = getattr(self, name)
            if (value or name == "secret") and not _key(value):
                raise ValueError(f"expected {name} to be whsec_ and the base64 of 24 to 64 random bytes")

    def __repr__(self) -> str:
        return f"Settings(host={urlsplit(self.url).hostname!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("host", urlsplit(self.url).hostname or "")]


class Webhook:
    """One receiver. Implements `TaskSink` and `Checkable`."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        parts = urlsplit(settings.url)
        self.system = f"{SYSTEM} {parts.hostname}"
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._hidden = parts.path.strip("/")
        self._secrets = [key for text in (settings.secret, settings.previous_secret) if (key := _key(text))]
        self._clock = connection.clock
        self._transport = connection.transport(self.system, f"{parts.scheme}://{parts.netloc}")

    def render_task(self, task: Task) -> bytes:
        """The body: `type`, `timestamp` and `data`."""
        body = {"type": task.event, "timestamp": task.at, "data": msgspec.to_builtins(task)}
        return msgspec.json.encode(body, order="sorted")

    async def send(self, request: bytes, key: str) -> str:
        """Post it, signed for the present moment. Any 2xx is enough."""
        now = str(int(self._clock().timestamp()))
        message = b".".join((key.encode(), now.encode(), request))
        signatures = (base64.b64encode(sha256_hmac_bytes(secret, message)).decode() for secret in self._secrets)
        headers = {
            "content-type": "application/json",
            "webhook-id": key,
            "webhook-timestamp": now,
            "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
        }
        try:
            await self._transport.write("POST", self._path, headers=headers, body=request)
        except Collided as error:
            raise Rejected(self.system, self._discreet(error.detail), status=error.status) from None
        except ConnectorError as error:
            error.detail = self._discreet(error.detail)
            error.args = (f"{self.system}: {error.detail}",)
            raise
        return ""

    async def arrival(self, request: bytes, key: str, since: datetime) -> Arrival:
        """It may be sent again: the receiver knows it by its id."""
        return Arrival.REPEATABLE

    async def check(self) -> str:
        """That somebody answers there, to a question that changes nothing: what it is does not matter."""
        try:
            await self._transport.read("/", method="HEAD")
        except ConnectorError as error:
            if error.status is None or error.status >= 500:
                raise
        return f"{self.system} answers; tasks are posted there, signed"

    async def close(self) -> None:
        """Close network connections."""
        await self._transport.close()

    def _discreet(self, detail: str) -> str:
        return detail.replace(self._hidden, "…") if self._hidden else detail


def connect(settings: Settings, connection: Connection) -> Webhook:
    """Make the connector. No I/O."""
    return Webhook(settings, connection)


def _key(secret: str) -> bytes:
    """The bytes that sign; empty where it is no secret."""
    text = secret.removeprefix(_PREFIX) if secret.startswith(_PREFIX) else ""
    found = decode_base64(text + "=" * (-len(text) % 4)) or b""
    return found if 24 <= len(found) <= 64 else b""


def _is_inside(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        return host == "localhost"
