"""This file makes links to our own pages that can stand where nobody proves who reads them: sealed, and for a time.

A link says which page to open and nothing else: whoever follows it still has to sign in, and sees what they may see.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import quote

import msgspec
from cryptography.fernet import InvalidToken
from msgspec import Struct

from server.keys import sealer

Page = Literal["orders", "tickets", "approvals"]
LIFE = timedelta(days=30)
"""A helpdesk may show it for as long as nothing happens to the ticket."""
_LONGEST = 2000


class Link(Struct, frozen=True, kw_only=True):
    """Where a link leads. *reference* is an order's id, a ticket's as `connection/id`, or a request's id."""

    workspace: str
    page: Page
    reference: str
    expires_at: datetime

    @property
    def path(self) -> str:
        """The page's own path, for whoever has signed in."""
        safe = "/" if self.page == "tickets" else ""
        return f"/app/{quote(self.workspace, safe='')}/{self.page}/{quote(self.reference, safe=safe)}"


class Links:
    """Makes and reads links. They survive a restart, and end with their time or with the key."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        self._sealer = sealer(secret_keys, "link to a page")

    def make(self, workspace: str, page: Page, reference: str, now: datetime) -> str:
        """The token of a link; its address is `{public_url}/app/link/{token}`."""
        link = Link(workspace=workspace, page=page, reference=reference, expires_at=now + LIFE)
        return self._sealer.encrypt(msgspec.json.encode(link)).decode()

    def read(self, token: str, now: datetime) -> Link | None:
        """Where a token leads; None where it is none of ours, or over."""
        if not token.isascii() or len(token) > _LONGEST:
            return None
        try:
            link = msgspec.json.decode(self._sealer.decrypt(token), type=Link)
        except (InvalidToken, msgspec.DecodeError):
            return None
        climbs = any(part in ("", ".", "..") for part in link.reference.split("/"))
        return link if now < link.expires_at and not climbs else None
