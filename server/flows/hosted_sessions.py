"""This file keeps people signed in on our own pages: a sealed cookie, which nothing but these pages takes.

It is sealed for a purpose of its own: it is no bearer token of the panel, and such a token is no cookie.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from cryptography.fernet import InvalidToken
from msgspec import Struct

from server.keys import sealer
from server.model import Principal, Role

_LONGEST = 2000
_MOST_ENDED = 10_000


class HostedSession(Struct, frozen=True, kw_only=True):
    """Somebody who signed in, as the workspace's provider vouched for them."""

    id: str
    workspace: str
    email: str
    """In lower case, verified by the provider."""
    name: str
    form_key: str
    """Stands in every form of ours and comes back with it, so that no other site can post one (CSRF)."""
    expires_at: datetime

    @property
    def principal(self) -> Principal:
        """What they may do is looked up again whenever it matters, never kept here."""
        return Principal(workspace=self.workspace, user=f"email:{self.email}", role=Role.AGENT, via="sign_in")


class HostedSessions:
    """Opens, reads and ends sessions. They survive a restart, and end with their time, with the key or by signing out.

    Who signed out is known to this process; nothing of it is stored, so a cookie that somebody copied before would be
    good again after a restart, for the rest of its time.
    """

    def __init__(self, secret_keys: Sequence[str], lifetime: timedelta) -> None:
        self._sealer = sealer(secret_keys, "hosted session")
        self._lifetime = lifetime
        self._ended: dict[str, datetime] = {}

    @property
    def seconds(self) -> int:
        """How long a session lasts."""
        return int(self._lifetime.total_seconds())

    def open(self, workspace: str, email: str, name: str, now: datetime) -> str:
        """A cookie's value, for somebody who has just signed in."""
        session = HostedSession(
            id=secrets.token_urlsafe(16),
            workspace=workspace,
            email=email,
            name=name,
            form_key=secrets.token_urlsafe(32),
            expires_at=now + self._lifetime,
        )
        return self._sealer.encrypt(msgspec.json.encode(session)).decode()

    def read(self, cookie: str | None, now: datetime) -> HostedSession | None:
        """The session of a cookie; None where it is none of ours, or over."""
        session = self.opened(cookie)
        return session if session and now < session.expires_at and not self.has_ended(session.id) else None

    def has_ended(self, session_id: str) -> bool:
        """Whether somebody has signed out of this session."""
        return session_id in self._ended

    def opened(self, cookie: str | None) -> HostedSession | None:
        """The session of a cookie that was ours, also where it is over: whose it was. It lets nobody in."""
        if not cookie or len(cookie) > _LONGEST or not cookie.isascii():
            return None
        try:
            return msgspec.json.decode(self._sealer.decrypt(cookie), type=HostedSession)
        except (InvalidToken, msgspec.DecodeError):
            return None

    def end(self, session: HostedSession, now: datetime) -> None:
        """Sign out."""
        self._ended = {known: until for known, until in self._ended.items() if now < until}
        while len(self._ended) >= _MOST_ENDED:
            del self._ended[next(iter(self._ended))]
        self._ended[session.id] = session.expires_at
