"""This file is one webhook of Shopify while it is read: what its body does not say of itself, and how it is told.

Identities and lines of history come from the body alone, because nobody signs the topic.
"""

from datetime import datetime
from typing import Any

from msgspec import Struct

from connectors.model import Observation, References
from connectors.reading import AHEAD, digest, instant
from connectors.shopify.translate import stamp


class Webhook(Struct, frozen=True, kw_only=True):
    """What a body does not say of itself: whose it is, and when it came."""

    source: str
    shop: str
    topic: str
    body: bytes
    received_at: datetime

    def as_of(self, where: str, *moments: datetime | None) -> datetime:
        """The first of *moments* that is said; it must not be from the future. Raises ValueError."""
        said = next((moment for moment in moments if moment is not None), None)
        if said is None:
            raise ValueError(f"{where}: expected a time, got nothing")
        return instant(said, where, latest=self.received_at + AHEAD)

    def maybe_as_of(self, where: str, moment: datetime | None) -> datetime | None:
        """The same for a time that need not be said."""
        return None if moment is None else self.as_of(where, moment)

    def observation(self, kind: str, identity: str, at: datetime, order_id: str, **facts: Any) -> Observation:
        """An observation about one of the shop's orders."""
        about = References(shop_order=order_id)
        return Observation(source=self.source, kind=kind, identity=identity, at=at, about=about, **facts)

    def moment(self, kind: str, name: str, at: datetime, order_id: str, text: str) -> Observation:
        """A line of the order's history; the same one whichever body tells it."""
        return self.observation(kind, f"{name}:{digest(stamp(at), text)}", at, order_id, text=text)
