"""This file takes a webhook in: who sent it, what makes it the same word again, store it. Nothing else."""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, cast

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
        digest=digest(body, _topic(source, envelope)),
        headers=kept(headers),
        body=body,
        received_at=envelope.received_at,
    )
    return "accepted" if await store.accept(item) else "duplicate"


def event_source(workspaces: Workspaces, workspace: str, connection: str) -> EventSource:
    """The connection that an address names. Raises NotFound, in the same words whatever part of it is wrong."""
    found: object = workspaces[workspace].connections.get(connection) if workspace in workspaces else None
    if not _takes_webhooks(type(found)):
        raise NotFound("there is no connection at this address that takes webhooks")
    return cast("EventSource", found)


def digest(body: bytes, topic: str = "") -> bytes:
    """What makes a word the same word: the body and what it was sent as, not the ids beside it, which nobody signs."""
    return blake2b(topic.encode("utf-8", "surrogatepass") + b"\0" + body, digest_size=16).digest()


def kept(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that say something about the event: the vendor's own, without what proves who sent it."""
    return {name: value for name, value in headers.items() if len(value) <= LONGEST_HEADER and _is_kept(name)}


# Looking at a class for a protocol's methods, and at a name for many words, takes longer than storing a webhook.


@lru_cache(maxsize=1024)
def _is_kept(name: str) -> bool:
    if name.startswith(_OF_THE_WAY_HERE) or any(word in name for word in _SECRET):
        return False
    return name.startswith("x-") or name == "content-type"


@lru_cache(maxsize=256)
def _takes_webhooks(kind: type) -> bool:
    return issubclass(kind, EventSource)


@lru_cache(maxsize=256)
def _has_topics(kind: type) -> bool:
    return issubclass(kind, Topical)


def _topic(source: EventSource, envelope: Envelope) -> str:
    return cast("Topical", source).topic(envelope) if _has_topics(type(source)) else ""
