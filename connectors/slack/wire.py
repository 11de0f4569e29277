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


class Named(Struct, frozen=True):
    id: str = ""


class Presser(Struct, frozen=True):
    id: str
    team_id: str = ""


class Pressed(Struct, frozen=True):
    """An element that was used."""

    action_id: str = ""
    value: str = ""
    action_ts: str = ""


class Entered(Struct, frozen=True):
    """An element as it stands: an input that nobody has written in has null."""

    value: str | None = None


class Entries(Struct, frozen=True):
    values: dict[str, dict[str, Entered]] = {}


class Interaction(Struct, frozen=True):
    """Which element was used, and by whom (https://docs.slack.dev/reference/interaction-payloads/block_actions-payload)."""

    type: str
    user: Presser
    team: Named | None = None
    enterprise: Named | None = None
    actions: tuple[Pressed, ...] = ()
    state: Entries | None = None
    response_url: str = ""


P = TypeVar("P", Answer, Posted, WhoWeAre, Channels, History)
