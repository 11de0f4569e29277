"""This file seals what a button in a chat stands for, so that nobody but us can make one up, and opens it again.

It also makes our own relative links whole. Both happen just before a notice leaves: what is planned holds no secret,
and does not know where we are reached.
"""

from collections.abc import Sequence

import msgspec
from cryptography.fernet import InvalidToken
from msgspec import Struct
from msgspec.structs import replace

from connectors.model import Choice, Link, Notice
from server.approval_model import Verdict
from server.keys import sealer

LONGEST_TOKEN = 2000
"""Slack's limit for a button's value (https://docs.slack.dev/reference/block-kit/block-elements/button-element)."""


class Chosen(Struct, frozen=True, kw_only=True):
    """What a button stands for: one verdict on one version of one request, where it was shown."""

    workspace: str
    connection: str
    request: str
    version: int
    verdict: Verdict


class ChatChoices:
    """Seals and opens with the server's keys; the first seals, all are tried."""

    def __init__(self, secret_keys: Sequence[str], public_url: str) -> None:
        self._sealer = sealer(secret_keys, "chat choice")
        self._public_url = public_url.rstrip("/")

    def ready(self, notice: Notice, workspace: str, connection: str) -> Notice:
        """The notice as it may leave through *connection*. A choice that is none of ours is left out."""
        choices = (self._sealed(choice, workspace, connection) for choice in notice.choices)
        return replace(
            notice,
            choices=tuple(choice for choice in choices if choice is not None),
            links=tuple(Link(link.label, self._whole(link.url)) for link in notice.links),
        )

    def open(self, token: str, workspace: str, connection: str) -> Chosen | None:
        """What *token* stands for; None where it is not ours, or was shown elsewhere."""
        if len(token) > LONGEST_TOKEN or not token.isascii():
            return None
        try:
            found = msgspec.msgpack.decode(self._sealer.decrypt(token.encode()), type=Chosen)
        except (InvalidToken, msgspec.DecodeError):
            return None
        return found if (found.workspace, found.connection) == (workspace, connection) else None

    def _sealed(self, choice: Choice, workspace: str, connection: str) -> Choice | None:
        request, _, rest = choice.value.partition("|")
        version, _, verdict = rest.partition("|")
        if not request or not version.isdigit() or verdict not in list(Verdict):
            return None
        chosen = Chosen(
            workspace=workspace,
            connection=connection,
            request=request,
            version=int(version),
            verdict=Verdict(verdict),
        )
        return replace(choice, value=self._sealer.encrypt(msgspec.msgpack.encode(chosen)).decode())

    def _whole(self, url: str) -> str:
        return f"{self._public_url}{url}" if url.startswith("/") and not url.startswith("//") else url


def plain(notice: Notice) -> Notice:
    """The notice where nothing is known by which to seal: without buttons, and without links that lead nowhere."""
    return replace(notice, choices=(), links=tuple(link for link in notice.links if not link.url.startswith("/")))
