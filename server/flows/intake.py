"""This file takes a webhook in: who sent it, what makes it the same word again, store it. Nothing else."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Literal

from connectors.contract import Envelope, EventSource, Topical
from connectors.transport import Clock
from server.errors import NotFound
from server.store.contract import InboxItem, Store
from server.workspaces import Workspaces

LONGEST_HEADER = 2000
_SECRET = ("authorization", "cookie", "signature", "hmac", "token", "secret", "api-key", "apikey", "password")
_OF_THE_WAY_HERE = ("x-forwarded", "x-real-ip", "x-client-ip", "x-envoy", "x-amzn", "x-cloud-trace", "x-original")


async def accept(
    workspaces: Workspaces, store: Store, clock: Clock, address: str, headers: Mapping[str, str], body: bytes
) -> Literal["accepted", "duplicate"]:
    """Store the webhook that came to `{workspace}.{connection}`; when this returns it is on disk.

    Header names are in lower case. Raises NotFound, Forged, StoreUnavailable.
    """
    workspace, _, connection = address.partition(".")
    source = event_source(workspaces, workspace, connection)
    envelope = Envelope(headers, body, clock())
    source.verify(envelope)
    item = InboxItem(
        workspace=workspace,
        connection=connection,
        delivery_key=source.delivery_key(envelope),
        digest=digest(body, source.topic(envelope) if isinstance(source, Topical) else ""),
        headers=kept(headers),
        body=body,
        received_at=envelope.received_at,
    )
    return "accepted" if await store.accept(item) else "duplicate"


def event_source(workspaces: Workspaces, workspace: str, connection: str) -> EventSource:
    """The connection that an address names. Raises NotFound, in the same words whatever part of it is wrong."""
    found: object = workspaces[workspace].connections.get(connection) if workspace in workspaces else None
    if not isinstance(found, EventSource):
        raise NotFound("there is no connection at this address that takes webhooks")
    return found


def digest(body: bytes, topic: str = "") -> bytes:
    """What makes a word the same word: the body and what it was sent as, not the ids beside it, which nobody signs."""
    return blake2b(topic.encode("utf-8", "surrogatepass") + b"\0" + body, digest_size=16).digest()


def kept(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that say something about the event: the vendor's own, without what proves who sent it."""
    return {
        name: value
        for name, value in headers.items()
        if (name.startswith("x-") or name == "content-type")
        and len(value) <= LONGEST_HEADER
        and not name.startswith(_OF_THE_WAY_HERE)
        and not any(word in name for word in _SECRET)
    }
