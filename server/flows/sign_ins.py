"""This file keeps what was asked of a sign-in provider until its answer comes: sealed, in the browser that asked.

An attempt is good once, for ten minutes, for one workspace, in one browser.
"""

import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import unquote

import msgspec
from cryptography.fernet import InvalidToken
from msgspec import Struct

from connectors.openid import Asked
from server.errors import BadInput
from server.keys import sealer

LIFE = timedelta(minutes=10)
LONGEST_PATH = 500
_LONGEST = 3000
_MOST_USED = 50_000
_PATH = re.compile(r"/app/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*", re.ASCII)


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt to sign in."""

    workspace: str
    asked: Asked
    return_to: str
    expires_at: datetime


class SignIns:
    """Begins attempts, and takes each back once."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        self._sealer = sealer(secret_keys, "sign-in attempt")
        self._used: dict[str, datetime] = {}

    def begin(self, workspace: str, return_to: str, now: datetime) -> tuple[Asked, str]:
        """What to ask the provider, and the value of the cookie that goes with it. Raises BadInput."""
        asked = Asked(
            state=secrets.token_urlsafe(32), nonce=secrets.token_urlsafe(32), verifier=secrets.token_urlsafe(48)
        )
        attempt = Attempt(
            workspace=workspace, asked=asked, return_to=own_path(return_to, workspace), expires_at=now + LIFE
        )
        return asked, self._sealer.encrypt(msgspec.json.encode(attempt)).decode()

    def take(self, cookie: str | None, state: str | None, workspace: str, now: datetime) -> Attempt:
        """The attempt that an answer belongs to; it cannot be taken again. Raises BadInput with the reason."""
        attempt = self._read(cookie)
        if attempt is None:
            raise BadInput("this browser did not begin to sign in")
        if attempt.workspace != workspace:
            raise BadInput("the attempt was for another workspace")
        if state is None or not hmac.compare_digest(state.encode(), attempt.asked.state.encode()):
            raise BadInput("the answer belongs to another attempt")
        if now >= attempt.expires_at:
            raise BadInput("the attempt took longer than ten minutes")
        self._used = {known: until for known, until in self._used.items() if now < until}
        if attempt.asked.state in self._used:
            raise BadInput("the answer was used before")
        while len(self._used) >= _MOST_USED:
            del self._used[next(iter(self._used))]
        self._used[attempt.asked.state] = attempt.expires_at
        return attempt

    def _read(self, cookie: str | None) -> Attempt | None:
        if not cookie or len(cookie) > _LONGEST or not cookie.isascii():
            return None
        try:
            return msgspec.json.decode(self._sealer.decrypt(cookie), type=Attempt)
        except (InvalidToken, msgspec.DecodeError):
            return None


def own_path(path: str, workspace: str) -> str:
    """*path* where it leads to a page of ours; the queue where it is empty. Raises BadInput for anywhere else."""
    if not path:
        return f"/app/{workspace}/approvals"
    plain = unquote(path)
    climbs = any(segment in (".", "..") for segment in re.split(r"[/?]", plain))
    if not _PATH.fullmatch(path) or len(path) > LONGEST_PATH or "//" in plain or "\\" in plain or climbs:
        raise BadInput("return_to: expected the path of a page here, such as /app/acme/approvals")
    if not plain.isprintable():
        raise BadInput("return_to: expected a path without control characters")
    return path
