"""This file is a mail server (SMTP): it takes messages to customers, and notices to teams.

A mail is handed over at most once: nobody can look up whether a server took one whose answer was lost.
"""

import asyncio
import ssl
from collections.abc import Awaitable
from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage
from urllib.parse import urlsplit

import aiosmtplib
from aiosmtplib import SMTP
from msgspec import Struct

from connectors.connection import Connection
from connectors.contract import (
    Arrival,
    ConnectorError,
    Denied,
    Garbled,
    Interrupted,
    Rejected,
    Throttled,
    TimedOut,
    Unreachable,
)
from connectors.model import Letter, Notice
from connectors.smtp import compose

SYSTEM = "Mail server"
PORTS = {"starttls": 587, "tls": 465, "none": 25}
SECONDS = 30.0
"""For one mail, from the first byte to the last: mail servers take their time."""
PAUSE_WHEN_BUSY = 60.0


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[workspace.NAME.connections.NAME]` of kind `smtp`. The host may be one of your own network."""

    host: str
    from_address: str
    port: int = 0
    """0: the usual one (587 for starttls, 465 for tls, 25 for none)."""
    user: str = ""
    password: str = ""
    from_name: str = ""
    reply_to: str = ""
    security: str = "starttls"
    """starttls, tls, or none (only within your own network)."""

    def __post_init__(self) -> None:
        if not self.host or any(letter.isspace() or letter in "/@" for letter in self.host):
            raise ValueError(f"expected host as in smtp.example.com, got {self.host[:80]!r}")
        if self.security not in PORTS:
            raise ValueError(f"expected security to be one of starttls, tls, none, got {self.security[:20]!r}")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"expected port from 1 to 65535, got {self.port}")
        for name in ("from_address", "reply_to"):
            value = getattr(self, name)
            if (value or name == "from_address") and not compose.is_address(value):
                raise ValueError(f"expected {name} to be an address such as orders@example.com, got {value[:80]!r}")
        if bool(self.user) != bool(self.password):
            raise ValueError("expected user and password together")
        if self.user and self.security == "none":
            raise ValueError("expected security starttls or tls: a password is never sent in the clear")

    def __repr__(self) -> str:
        return f"Settings(host={self.host!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("host", self.host)]


class Smtp:
    """One mail account. Implements `Mailer`, `Notifier` and `Checkable`."""

    system = SYSTEM

    def __init__(self, settings: Settings, connection: Connection, trust: ssl.SSLContext | None = None) -> None:
        place = urlsplit(connection.base_url) if connection.base_url else None
        self._host = (place.hostname if place else None) or settings.host
        self._port = (place.port if place else None) or settings.port or PORTS[settings.security]
        self._settings = settings
        self._trust = trust
        self._sender = compose.Sender(settings.from_address, settings.from_name, settings.reply_to)

    def reaches(self, address: str) -> bool:
        """E-mail addresses."""
        return compose.is_address(address)

    def render_letter(self, letter: Letter) -> bytes:
        """The whole mail, headers and all. Raises Rejected for what is no address."""
        return compose.letter(letter, self._sender)

    def render_notice(self, notice: Notice) -> bytes:
        """The same for a team."""
        return compose.notice(notice, self._sender)

    async def send(self, request: bytes, key: str) -> str:
        """Hand it over. Raises Interrupted or TimedOut only where the server may have taken it."""
        del key  # the Message-ID is made of it
        mail = compose.parsed(request)
        to = compose.address_of(mail)
        client, may_have_it = self._client(), False
        try:
            async with asyncio.timeout(SECONDS):
                await self._greet(client)
                await self._address(client, to)
                may_have_it = True
                await self._hand_over(client, mail)
        except TimeoutError as error:
            raise (TimedOut if may_have_it else Unreachable)(SYSTEM, "no answer within the time limit") from error
        finally:
            await _leave(client)
        return ""

    async def arrival(self, request: bytes, key: str, since: datetime) -> Arrival:
        """Nobody can tell."""
        return Arrival.UNKNOWN

    async def check(self) -> str:
        """Sign in, and say nothing."""
        client = self._client()
        try:
            async with asyncio.timeout(SECONDS):
                await self._greet(client)
        except TimeoutError as error:
            raise Unreachable(SYSTEM, "no answer within the time limit") from error
        finally:
            await _leave(client)
        return f"{self._host} lets us in; mails come from {self._settings.from_address}"

    async def close(self) -> None:
        """Nothing stays open."""

    def _client(self) -> SMTP:
        found = self._settings
        return SMTP(
            hostname=self._host,
            port=self._port,
            username=found.user or None,
            password=found.password or None,
            use_tls=found.security == "tls",
            start_tls=found.security == "starttls",
            tls_context=self._trust,
            timeout=SECONDS,
        )

    async def _greet(self, client: SMTP) -> None:
        """Connect, go over to TLS, sign in: whatever goes wrong here, no mail has been sent."""
        try:
            await client.connect()
        except aiosmtplib.SMTPAuthenticationError as error:
            raise self._refused(error, Denied) from error
        except aiosmtplib.SMTPResponseException as error:
            raise self._refused(error, Rejected) from error
        except (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPServerDisconnected, OSError, TimeoutError) as error:
            raise Unreachable(SYSTEM, f"{self._host}: {error}") from error
        except aiosmtplib.SMTPException as error:
            raise Rejected(SYSTEM, f"{self._host}: {error}") from error

    async def _address(self, client: SMTP, to: str) -> None:
        """From whom and to whom: here too nothing is sent yet."""
        try:
            await client.mail(self._settings.from_address)
            await client.rcpt(to)
        except aiosmtplib.SMTPResponseException as error:
            raise self._refused(error, Rejected) from error
        except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError, TimeoutError) as error:
            raise Unreachable(SYSTEM, f"{self._host}: {error}") from error

    async def _hand_over(self, client: SMTP, mail: EmailMessage) -> None:
        try:
            await client.data(mail.as_bytes(policy=compose.ON_THE_WIRE))
        except aiosmtplib.SMTPResponseException as error:
            raise self._refused(error, Rejected) from error
        except aiosmtplib.SMTPTimeoutError as error:
            raise TimedOut(SYSTEM, f"{self._host}: {error}") from error
        except (aiosmtplib.SMTPServerDisconnected, OSError) as error:
            raise Interrupted(SYSTEM, f"{self._host}: {error}") from error
        except aiosmtplib.SMTPException as error:
            raise Garbled(SYSTEM, f"{self._host}: {error}") from error

    def _refused(self, error: aiosmtplib.SMTPResponseException, kind: type[ConnectorError]) -> ConnectorError:
        """4yz is "not now" (RFC 5321 4.2.1), everything else is for good."""
        said = f"{self._host}: {error.code} {' '.join(error.message.split())[:200]}"
        if 400 <= error.code < 500:
            return Throttled(SYSTEM, said, retry_after=PAUSE_WHEN_BUSY)
        return kind(SYSTEM, said)


async def _leave(client: SMTP) -> None:
    """Politely where that is possible; a mail that was taken stays taken."""
    with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
        if client.is_connected:
            await _within(2.0, client.quit())
    client.close()


async def _within(seconds: float, work: Awaitable[object]) -> None:
    async with asyncio.timeout(seconds):
        await work


def connect(settings: Settings, connection: Connection) -> Smtp:
    """Make the connector. No I/O."""
    return Smtp(settings, connection)
