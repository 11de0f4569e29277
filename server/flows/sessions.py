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
    """Whose tickets it may show; empty where it stands beside none."""
    user: str
    """`zendesk:9001` in a sidebar, `email:dana@acme.test` on our own pages."""
    expires_at: datetime
    via: str = ""
    """Who vouched for the user where that was not the connection: `sign_in`."""
    within: str = ""
    """The id of the session of our own pages that it belongs to: signing out there ends it too."""

    @property
    def principal(self) -> Principal:
        """Whoever can open a ticket may read and ask; for more, who it is and what they may is looked up anew."""
        return Principal(workspace=self.workspace, user=self.user, role=Role.AGENT, via=self.via or self.connection)


class Sessions:
    """Opens and reads sessions. Tokens survive a restart, and end with their time or with the key."""

    def __init__(self, secret_keys: Sequence[str], lifetime: timedelta) -> None:
        self._sealer = sealer(secret_keys, "sidebar session")
        self._lifetime = lifetime

    def open(
        self,
        workspace: str,
        connection: str,
        user: str,
        now: datetime,
        *,
        via: str = "",
        until: datetime | None = None,
        within: str = "",
    ) -> str:
        """A token for *user* from now on; never beyond *until*, the end of what they signed in with."""
        ends = now + self._lifetime
        session = Session(
            workspace=workspace,
            connection=connection,
            user=user,
            expires_at=ends if until is None else min(ends, until),
            via=via,
            within=within,
        )
        return PREFIX + self._sealer.encrypt(msgspec.json.encode(session)).decode()

    def read(self, token: str, now: datetime) -> Session | None:
        """The session of a token; None where it is none of ours, or over."""
        session = self.opened(token)
        return session if session is not None and now < session.expires_at else None

    def opened(self, token: str) -> Session | None:
        """The session of a token that was ours, also where it is over: whose it was. It lets nobody in."""
        if not token.startswith(PREFIX) or len(token) > _LONGEST or not token.isascii():
            return None
        try:
            return msgspec.json.decode(self._sealer.decrypt(token.removeprefix(PREFIX)), type=Session)
        except (InvalidToken, msgspec.DecodeError):
            return None
