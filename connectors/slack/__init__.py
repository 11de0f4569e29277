"""This file is Slack: it posts into channels, and writes its messages anew (https://docs.slack.dev/reference/methods)."""

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import msgspec
from aiolimiter import AsyncLimiter
from msgspec import Struct
from msgspec.structs import replace

from connectors.connection import Connection
from connectors.contract import (
    Arrival,
    Denied,
    Envelope,
    Forged,
    Permanent,
    Press,
    Rejected,
    Throttled,
    Unavailable,
)
from connectors.model import Notice
from connectors.slack import interactions, translate, wire
from connectors.transport import Answer

SYSTEM = "Slack"
ANSWERS = "https://hooks.slack.com"
"""Where response URLs lead."""
SECONDS_BETWEEN_MESSAGES = 1.0
"""In one channel, as Slack allows."""
LONGEST_WAIT = 5.0
SETTLED_AFTER = timedelta(seconds=10)
"""A message whose answer was lost may still be on its way for so long."""
MOST_PAGES = 20
_CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{6,20}", re.ASCII)
_CHANNEL_NAME = re.compile(r"#[^\s#,@<>|]{1,80}")


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[workspace.NAME.connections.NAME]` of kind `slack`."""

    bot_token: str
    """With the scope chat:write. With channels:history and channels:read too, lost answers can be looked up."""
    signing_secret: str = ""
    """Of the app, for what Slack sends to us. Without it messages have no buttons, only links."""
    channel: str = ""
    """Where a notice goes that is sent to this connection by its name."""

    def __post_init__(self) -> None:
        if not self.bot_token.startswith("xox") or not self.bot_token.isascii():
            raise ValueError("expected bot_token to begin with xoxb-")
        if self.channel and not _is_channel(self.channel):
            raise ValueError(f"expected channel as in #logistics, or a channel's id, got {self.channel[:80]!r}")

    def __repr__(self) -> str:
        return f"Settings(channel={self.channel!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("channel", self.channel)]


class Slack:
    """One Slack workspace. Implements `Notifier`, `Editable`, `Interactive` and `Checkable`."""

    system = SYSTEM

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self._channel = settings.channel
        self._clock = connection.clock
        self._transport = connection.transport(
            SYSTEM, "https://slack.com", headers={"authorization": f"Bearer {settings.bot_token}"}
        )
        self._signing_secret = settings.signing_secret
        self._window = timedelta(seconds=connection.signature_window_seconds)
        # Another host, and one that must never see our token.
        self._answers = connection.transport(SYSTEM, ANSWERS)
        self._pace: dict[str, AsyncLimiter] = {}
        self._ids: dict[str, str] = {}

    def reaches(self, address: str) -> bool:
        """Channels, by name or by id."""
        return _is_channel(address)

    def render_notice(self, notice: Notice) -> bytes:
        """The body of chat.postMessage. Raises Rejected where no channel is named."""
        channel = notice.to or self._channel
        if not channel:
            raise Rejected(SYSTEM, "no channel: set `channel` for this connection, or notify a channel by its name")
        # Who cannot check what comes back offers nothing to press.
        return translate.message(notice if self._signing_secret else replace(notice, choices=()), channel)

    async def send(self, request: bytes, key: str) -> str:
        """Post it. Where it stands, as `channel|ts`."""
        del key  # it is in the message's metadata
        channel = _read(request).channel
        await self._wait_for_turn(channel)
        posted = self._checked(await self._post("chat.postMessage", request), wire.Posted)
        if channel.startswith("#"):
            self._ids[channel] = posted.channel
        return f"{posted.channel}|{posted.ts}"

    async def arrival(self, request: bytes, key: str, since: datetime) -> Arrival:
        """Look for the message in the channel. UNKNOWN where our scopes, or too many messages, do not let us."""
        if self._clock() - since < SETTLED_AFTER:
            raise Unavailable(SYSTEM, "a lost answer is looked up a little later", retry_after=5.0)
        try:
            channel = await self._id_of(_read(request).channel)
            return await self._look_for(channel, key, since) if channel else Arrival.UNKNOWN
        except Permanent:
            return Arrival.UNKNOWN

    async def edit(self, receipt: str, request: bytes) -> None:
        """chat.update. Raises Missing when the message was deleted."""
        channel, _, ts = receipt.partition("|")
        body = translate.update(request, channel, ts)
        self._checked(await self._post("chat.update", body), wire.Answer)

    def verify_interaction(self, envelope: Envelope) -> None:
        """Raises Forged; always where no signing secret is configured."""
        if not interactions.is_signed(envelope, self._signing_secret, self._window):
            raise Forged("the signature does not hold")

    def read_interaction(self, envelope: Envelope) -> Press | None:
        """What was pressed. Raises Unreadable, and Forged for a guest whom another workspace vouches for."""
        return interactions.read(envelope.body)

    async def answer_press(self, press: Press, text: str) -> None:
        """Post to the response URL, which is good for five answers within 30 minutes."""
        parts = urlsplit(press.reply_to)
        if f"{parts.scheme}://{parts.netloc}" != ANSWERS:
            raise Rejected(SYSTEM, f"a response URL that leads elsewhere: {parts.netloc[:80]}")
        headers = {"content-type": "application/json; charset=utf-8"}
        await self._answers.write("POST", parts.path, headers=headers, body=interactions.private_answer(text))

    async def check(self) -> str:
        """Which workspace it is, and what our scopes leave undone."""
        answer = await self._transport.read("/api/auth.test", method="POST")
        found = self._checked(answer, wire.WhoWeAre)
        scopes = {scope.strip() for scope in answer.headers.get("x-oauth-scopes", "").split(",") if scope.strip()}
        if scopes and "chat:write" not in scopes:
            raise Denied(SYSTEM, "the bot token lacks the scope chat:write")
        missing = sorted({"channels:history", "channels:read"} - scopes) if scopes else []
        blind = f"; without {' and '.join(missing)} a lost answer cannot be looked up" if missing else ""
        return f"Slack workspace {found.team}, as {found.user}{blind}"

    async def close(self) -> None:
        """Close network connections."""
        await self._transport.close()
        await self._answers.close()

    async def _post(self, method: str, body: bytes) -> Answer:
        headers = {"content-type": "application/json; charset=utf-8"}
        return await self._transport.write("POST", f"/api/{method}", headers=headers, body=body)

    async def _ask(self, method: str, params: Mapping[str, str], kind: type[wire.P]) -> wire.P:
        return self._checked(await self._transport.read(f"/api/{method}", params=params), kind)

    def _checked(self, answer: Answer, kind: type[wire.P]) -> wire.P:
        """The answer, which Slack also calls 200 when it refuses. Raises ConnectorError."""
        found = answer.read(wire.Answer)
        if not found.ok:
            raise translate.trouble(SYSTEM, found)
        return answer.read(kind)

    async def _wait_for_turn(self, channel: str) -> None:
        pace = self._pace.setdefault(channel, AsyncLimiter(1, SECONDS_BETWEEN_MESSAGES))
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                await pace.acquire()
        except TimeoutError as error:
            raise Throttled(SYSTEM, f"too many messages for {channel}", retry_after=LONGEST_WAIT) from error

    async def _id_of(self, channel: str) -> str:
        """The channel's id by its name; empty where there is none that we can see."""
        if not channel.startswith("#"):
            return channel
        cursor = ""
        for _ in range(MOST_PAGES):
            if channel in self._ids:
                break
            page = await self._ask(
                "conversations.list",
                {"exclude_archived": "true", "limit": "200", "types": "public_channel,private_channel"}
                | ({"cursor": cursor} if cursor else {}),
                wire.Channels,
            )
            self._ids |= {f"#{found.name}": found.id for found in page.channels}
            if not (cursor := page.next_cursor):
                break
        return self._ids.get(channel, "")

    async def _look_for(self, channel: str, key: str, since: datetime) -> Arrival:
        cursor, oldest = "", f"{since.timestamp() - 60:.6f}"
        for _ in range(MOST_PAGES):
            page = await self._ask(
                "conversations.history",
                {"channel": channel, "oldest": oldest, "limit": "100", "include_all_metadata": "true"}
                | ({"cursor": cursor} if cursor else {}),
                wire.History,
            )
            if any(translate.has_key(message, key) for message in page.messages):
                return Arrival.ARRIVED
            if not (cursor := page.next_cursor):
                return Arrival.REPEATABLE
        return Arrival.UNKNOWN


def connect(settings: Settings, connection: Connection) -> Slack:
    """Make the connector. No I/O."""
    return Slack(settings, connection)


def _is_channel(address: str) -> bool:
    return bool(_CHANNEL_NAME.fullmatch(address) or _CHANNEL_ID.fullmatch(address))


def _read(request: bytes) -> wire.Addressed:
    try:
        return msgspec.json.decode(request, type=wire.Addressed)
    except msgspec.DecodeError as error:
        raise Rejected(SYSTEM, f"not a message: {error}") from error
