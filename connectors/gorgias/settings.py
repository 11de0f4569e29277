"""This file is what a Gorgias connection is configured with."""

import re

from msgspec import Struct

_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
_ADDRESS = re.compile(r"[!-?A-~]{1,64}@(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]{2,63}", re.ASCII)
_SECRET = re.compile(r"[!-~]{32,255}", re.ASCII)
_LEAST_LETTERS = 8
"""Different ones in a secret: thirty-two times the same letter is no secret."""
BY_KEY = ("email", "api_key")
BY_APP = ("client_id", "client_secret", "refresh_token")
BUCKET = 40
"""Requests in 20 seconds by API key; an OAuth app has twice as many: developers.gorgias.com/reference/limitations."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[workspace.NAME.connections.NAME]` of kind `gorgias`. Ids may be numbers or text."""

    domain: str
    """The ACCOUNT of `https://ACCOUNT.gorgias.com`."""
    email: str = ""
    api_key: str = ""
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""
    access_token: str = ""
    """Of an OAuth app. It is good for a day; with a `refresh_token` the next ones are fetched."""
    webhook_secret: str | tuple[str, ...] = ""
    """What the HTTP integration sends in `X-Beforehand-Secret`; during a rotation the old one beside the new one."""
    user_email: str = ""
    """Whose name our notes carry; without it that of `email`. Must be a user of the account.

    What is changed with an app's token Gorgias counts as done by whoever installed the app: let it be them.
    """
    reply_from: str = ""
    """The support address that replies go from, for tickets in which the customer has not written yet."""
    app_id: str = ""
    """Of the OAuth app: widgets for what we push beside a customer's tickets belong to it."""
    order_field: str | int = ""
    """The id of the ticket field that holds the order's number."""
    teams: dict[str, str | int] = {}
    """Ids of teams by the name under which the policy calls them owners."""
    requests_per_20_seconds: int = 0
    """What the account allows (40 by API key, 80 by OAuth, double for Enterprise); four fifths of it are used."""

    def __post_init__(self) -> None:
        if not _DOMAIN.fullmatch(self.domain):
            raise ValueError(f"expected domain to be ACCOUNT of https://ACCOUNT.gorgias.com, got {self.domain[:80]!r}")
        self._check_credentials()
        for name in ("email", "user_email", "reply_from"):
            if getattr(self, name) and not _ADDRESS.fullmatch(getattr(self, name)):
                raise ValueError(f"expected {name} to be an e-mail address, got {getattr(self, name)[:80]!r}")
        if not self.sender:
            raise ValueError("expected user_email: the address of the Gorgias user whose name our notes carry")
        if self.webhook_secret != "" and not 1 <= len(self.webhook_secrets) <= 2:
            raise ValueError("expected webhook_secret to be one secret, or the new and the old one")
        if not all(_is_secret(secret) for secret in self.webhook_secrets):
            raise ValueError(
                "expected webhook_secret to be at least 128 random bits, as `openssl rand -hex 32` prints them: "
                "32 or more letters and digits without spaces"
            )
        for name, team in self.teams.items():
            if not is_id(team):
                raise ValueError(f"expected teams.{name} to be the team's number, got {str(team)[:40]!r}")
        if self.order_field != "" and not is_id(self.order_field):
            raise ValueError(f"expected order_field to be a number, got {str(self.order_field)[:40]!r}")
        if not 0 <= self.requests_per_20_seconds <= 10_000:
            raise ValueError(f"expected requests_per_20_seconds from 1 to 10000, got {self.requests_per_20_seconds}")

    def _check_credentials(self) -> None:
        by_key = [name for name in BY_KEY if getattr(self, name)]
        by_app = [name for name in (*BY_APP, "access_token") if getattr(self, name)]
        if by_key and by_app:
            raise ValueError(f"expected one kind of credentials, got {by_app[0]} beside {by_key[0]}")
        if not by_key and not by_app:
            raise ValueError("expected credentials: email and api_key, or client_id, client_secret and refresh_token")
        wanted = BY_KEY if by_key else BY_APP if by_app != ["access_token"] else ()
        if missing := [name for name in wanted if not getattr(self, name)]:
            raise ValueError(f"expected {missing[0]} beside {(by_key or by_app)[0]}")

    @property
    def sender(self) -> str:
        """The address of the user that we are there, in lower case."""
        return (self.user_email or self.email).lower()

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """All that are good right now."""
        if isinstance(self.webhook_secret, str):
            return (self.webhook_secret,) if self.webhook_secret else ()
        return self.webhook_secret

    @property
    def bucket(self) -> int:
        """How many requests fit into 20 seconds."""
        return self.requests_per_20_seconds or (BUCKET if self.api_key else 2 * BUCKET)

    @property
    def order_field_id(self) -> int | None:
        return int(self.order_field) if self.order_field != "" else None

    def __repr__(self) -> str:
        return f"Settings(domain={self.domain!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("domain", self.domain)]


def is_id(value: str | int) -> bool:
    """Whether it is a number as Gorgias gives to things. Also keeps a path from being climbed."""
    text = str(value)
    return text.isascii() and text.isdigit() and len(text) <= 18


def _is_secret(text: str) -> bool:
    return bool(_SECRET.fullmatch(text)) and len(set(text)) >= _LEAST_LETTERS
