"""This file is Slack's JSON, as far as we read it."""

from typing import Any, TypeVar

from msgspec import Struct


class Metadata(Struct, frozen=True):
    event_type: str = ""
    event_payload: dict[str, Any] = {}


class Answer(Struct, frozen=True):
    """Every answer: a refusal comes with status 200 too, and says why in `error`."""

    ok: bool
    error: str = ""
    needed: str = ""
    """Which scope is missing."""


class Posted(Struct, frozen=True):
    channel: str
    ts: str


class WhoWeAre(Struct, frozen=True):
    team: str = ""
    user: str = ""


class Addressed(Struct, frozen=True):
    """Our own request, as far as we read it again."""

    channel: str


class Channel(Struct, frozen=True):
    id: str
    name: str = ""


class Cursor(Struct, frozen=True):
    next_cursor: str = ""


class Channels(Struct, frozen=True):
    channels: tuple[Channel, ...]
    response_metadata: Cursor | None = None

    @property
    def next_cursor(self) -> str:
        return self.response_metadata.next_cursor if self.response_metadata else ""


class Message(Struct, frozen=True):
    metadata: Metadata | None = None


class History(Struct, frozen=True):
    messages: tuple[Message, ...]
    response_metadata: Cursor | None = None

    @property
    def next_cursor(self) -> str:
        return self.response_metadata.next_cursor if self.response_metadata else ""


P = TypeVar("P", Answer, Posted, WhoWeAre, Channels, History)
