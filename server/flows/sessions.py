"""This file makes the sidebar's own short-lived bearer tokens: sealed, so that nothing has to be stored."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from cryptography.fernet import InvalidToken
from msgspec import Struct

from server.keys import sealer
from server.model import Principal, Role

PREFIX = "bhs_"
_LONGEST = 2000


class Session(Struct, frozen=True, kw_only=True):
    """One agent in one helpdesk's sidebar, as that helpdesk vouched for them."""

    workspace: str
    connection: str
    user: str
    expires_at: datetime

    @property
    def principal(self) -> Principal:
        """Whoever can open a ticket may read and ask; deciding takes more than a sidebar."""
        return Principal(workspace=self.workspace, user=self.user, role=Role.AGENT, via=self.connection)


class Sessions:
    """Opens and reads sessions. Tokens survive a restart, and end with their time or with the key."""

    def __init__(self, secret_keys: Sequence[str], lifetime: timedelta) -> None:
        self._sealer = sealer(secret_keys, "sidebar session")
        self._lifetime = lifetime

    def open(self, workspace: str, connection: str, user: str, now: datetime) -> str:
        """A token for *user* from now on."""
        session = Session(workspace=workspace, connection=connection, user=user, expires_at=now + self._lifetime)
        return PREFIX + self._sealer.encrypt(msgspec.json.encode(session)).decode()

    def read(self, token: str, now: datetime) -> Session | None:
        """The session of a token; None where it is none of ours, or over."""
        if not token.startswith(PREFIX) or len(token) > _LONGEST or not token.isascii():
            return None
        try:
            session = msgspec.json.decode(self._sealer.decrypt(token.removeprefix(PREFIX)), type=Session)
        except (InvalidToken, msgspec.DecodeError):
            return None
        return session if now < session.expires_at else None
