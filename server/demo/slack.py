"""This file stands in for Slack: channels that keep what is posted, and refusals with status 200, as Slack has them."""

import json
from dataclasses import dataclass, field
from typing import Any

from litestar import Response, get, post

from connectors.transport import Clock
from server.demo.fake import AnyRequest, Fake, answer
from server.demo.slack_presses import SIGNING_SECRET, Invalid, Press, Presses, check_blocks

__all__ = ["SIGNING_SECRET", "TOKEN", "FakeSlack", "Message"]

TOKEN = "xoxb-demo"
CHANNELS = {"#logistics": "C0LOGISTICS", "#payments": "C0PAYMENTS"}
LONGEST_TEXT = 40_000
LONGEST_SECTION = 3000


@dataclass
class Message:
    """What stands in a channel; `text` is what it says by now, `edits` how often it was written anew."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any] = field(default_factory=dict)
    edits: int = 0


class Refused(Exception):
    """`ok: false`, with Slack's word for why."""


class FakeSlack(Fake):
    """One Slack workspace with an app in its channels."""

    def __init__(self, clock: Clock) -> None:
        self.messages: list[Message] = []
        self.presses = Presses(clock)
        self._clock = clock

        @post("/api/chat.postMessage", status_code=200)
        async def send(request: AnyRequest) -> Response[Any]:
            body = await request.body()
            return self._answer(request, lambda: self._send(_json(request, body)))

        @post("/api/chat.update", status_code=200)
        async def update(request: AnyRequest) -> Response[Any]:
            body = await request.body()
            return self._answer(request, lambda: self._update(_json(request, body)))

        @post("/api/auth.test", status_code=200)
        async def who(request: AnyRequest) -> Response[Any]:
            return self._answer(
                request, lambda: {"team": "Acme", "user": "beforehand", "url": "https://acme.slack.com/"}
            )

        @get("/api/conversations.list")
        async def channels(request: AnyRequest) -> Response[Any]:
            found = [{"id": number, "name": name[1:]} for name, number in CHANNELS.items()]
            return self._answer(request, lambda: {"channels": found, "response_metadata": {"next_cursor": ""}})

        @get("/api/conversations.history")
        async def history(request: AnyRequest) -> Response[Any]:
            return self._answer(request, lambda: self._history(request))

        @post("/actions/{rest:path}", status_code=200)
        async def respond(request: AnyRequest) -> Response[Any]:
            return self._take_answer(request, await request.body())

        super().__init__([send, update, who, channels, history, respond])

    def texts(self, channel: str) -> list[str]:
        """What stands in a channel, oldest first."""
        return [message.text for message in self.messages if message.channel == CHANNELS[channel]]

    def press(self, message: Message, label: str, user: str, reason: str = "", **facts: Any) -> Press:
        """The request that Slack sends when *user* presses a button of *message*."""
        return self.presses.press(message.blocks, label, user, reason, **facts)

    def _take_answer(self, request: AnyRequest, body: bytes) -> Response[Any]:
        if "authorization" in request.headers:
            return answer({"ok": False, "error": "a token has no business here"}, 400)
        try:
            values = _json(request, body)
        except Refused as refused:
            return answer({"ok": False, "error": str(refused)}, 400)
        if problem := self.presses.answer(request.url.path, values):
            return answer({"ok": False, "error": problem}, 404)
        return Response(b"ok", media_type="text/plain")

    def _send(self, values: dict[str, Any]) -> dict[str, Any]:
        channel = _channel(values)
        # Two in one moment of the demo's clock are two messages all the same.
        ts = f"{self._clock().timestamp():.0f}.{len(self.messages):06}"
        text, blocks = _checked(values)
        self.messages.append(Message(channel, ts, text, blocks, values.get("metadata") or {}))
        return {"channel": channel, "ts": ts, "message": {"text": text}}

    def _update(self, values: dict[str, Any]) -> dict[str, Any]:
        channel = values.get("channel")
        for message in self.messages:
            if (message.channel, message.ts) == (channel, values.get("ts")):
                message.text, message.blocks = _checked(values)
                message.edits += 1
                return {"channel": channel, "ts": message.ts, "text": message.text}
        raise Refused("message_not_found")

    def _history(self, request: AnyRequest) -> dict[str, Any]:
        asked = request.query_params
        if asked.get("channel") not in CHANNELS.values():
            raise Refused("channel_not_found")
        oldest = float(asked.get("oldest", "0"))
        found = [m for m in self.messages if m.channel == asked["channel"] and float(m.ts) > oldest]
        shown = asked.get("include_all_metadata") == "true"
        messages = [
            {"ts": m.ts, "text": m.text, **({"metadata": m.metadata} if shown else {})} for m in reversed(found)
        ]
        return {"messages": messages, "has_more": False}

    def _answer(self, request: AnyRequest, work: Any) -> Response[Any]:
        try:
            _admit(request)
            found = {"ok": True, **work()}
        except Refused as refused:
            found = {"ok": False, "error": str(refused)}
        return answer(found, x_oauth_scopes="chat:write,channels:history,channels:read")


def _admit(request: AnyRequest) -> None:
    if "authorization" not in request.headers:
        raise Refused("not_authed")
    if request.headers["authorization"] != f"Bearer {TOKEN}":
        raise Refused("invalid_auth")


def _json(request: AnyRequest, body: bytes) -> dict[str, Any]:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise Refused("invalid_form_data")
    try:
        found = json.loads(body)
    except ValueError as error:
        raise Refused("invalid_json") from error
    if not isinstance(found, dict):
        raise Refused("json_not_object")
    return found


def _channel(values: dict[str, Any]) -> str:
    wanted = values.get("channel")
    found = CHANNELS.get(str(wanted), str(wanted))
    if found not in CHANNELS.values():
        raise Refused("channel_not_found")
    return found


def _checked(values: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """Text and blocks as Slack would take them."""
    text, blocks = values.get("text"), values.get("blocks") or []
    if not isinstance(text, str) or not text.strip():
        raise Refused("no_text")
    if len(text) > LONGEST_TEXT:
        raise Refused("msg_too_long")
    try:
        check_blocks(blocks)
    except Invalid as invalid:
        raise Refused("invalid_blocks") from invalid
    for block in blocks:
        if block.get("type") in ("actions", "input"):
            continue
        elements = block.get("elements") if block.get("type") == "context" else [block.get("text")]
        if block.get("type") not in ("section", "context") or not elements:
            raise Refused("invalid_blocks")
        for element in elements:
            shown = element.get("text") if isinstance(element, dict) else None
            if not isinstance(shown, str) or not 0 < len(shown) <= LONGEST_SECTION or element.get("type") != "mrkdwn":
                raise Refused("invalid_blocks")
    return text, blocks
