"""This file stops a helpdesk's signed token from opening a second session in somebody else's hands.

Zendesk posts one token for each time that it opens the frame, good for minutes. An agent who reloads the frame posts
the same one again, and that has to work; the same token out of another browser or network has no good reason. So a
token belongs to whoever brought it first, until it is over, and even they may use it only so often. Whoever is refused
reloads the helpdesk's own page, which signs a new one.

It is kept in this process: another process of the same server does not know of it.
"""

from datetime import datetime
from hashlib import blake2b
from typing import Any

from litestar import Request
from msgspec import Struct

from connectors.contract import Forged
from connectors.zendesk import SidebarUser

MOST_LOADS = 20
"""Times that one token may be posted: nobody reloads more often within its minutes."""
MOST_TOKENS = 20_000
"""Remembered at a time; beyond it, those that are over soonest are forgotten first."""


class _Seen(Struct):
    """Who brought a token, how often, and until when it is good."""

    by: bytes
    expires_at: datetime
    loads: int = 1


class Replays:
    """Remembers the tokens that are still good."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], _Seen] = {}

    def check(self, installation: str, user: SidebarUser, by: bytes, now: datetime) -> None:
        """Take note of a verified token. Raises Forged where somebody else has brought it, or too often."""
        key = (installation, user.token_id)
        seen = self._seen.get(key)
        if seen is None or seen.expires_at <= now:
            self._make_room(now)
            self._seen[key] = _Seen(by=by, expires_at=user.expires_at)
            return
        if seen.by != by:
            raise Forged("the token was used before, from another browser or network")
        seen.loads += 1
        if seen.loads > MOST_LOADS:
            raise Forged(f"the token was used more than {MOST_LOADS} times")

    def _make_room(self, now: datetime) -> None:
        if len(self._seen) < MOST_TOKENS:
            return
        good = sorted(
            ((key, seen) for key, seen in self._seen.items() if seen.expires_at > now),
            key=lambda item: item[1].expires_at,
        )
        self._seen = dict(good[len(good) - MOST_TOKENS // 2 :]) if len(good) > MOST_TOKENS // 2 else dict(good)


def fingerprint(request: Request[Any, Any, Any]) -> bytes:
    """A browser and its network, as far as a request shows them; not kept in clear."""
    address = request.client.host if request.client else ""
    text = "\n".join((address, request.headers.get("user-agent", "")))
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
