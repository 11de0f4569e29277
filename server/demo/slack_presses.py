"""This file is what happens in the simulated Slack when somebody presses a button: a signed form, private answers."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from connectors.transport import Clock

SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TEAM = "T0ACME"
MOST_ANSWERS = 5
GOOD_FOR = timedelta(minutes=30)
LONGEST_ID, LONGEST_LABEL, LONGEST_VALUE, MOST_ELEMENTS = 255, 75, 2000, 25


class Invalid(Exception):
    """Slack would not take these blocks."""


@dataclass(frozen=True)
class Press:
    """A request as Slack would send it to our address."""

    headers: dict[str, str]
    body: bytes


@dataclass
class ResponseUrl:
    """Where whoever was sent a press may answer, for a while."""

    path: str
    user: str
    made_at: datetime
    answers: list[dict[str, Any]]


class Presses:
    """Presses of one Slack workspace, and what was answered to each."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.urls: list[ResponseUrl] = []

    def press(
        self,
        blocks: list[dict[str, Any]],
        label: str,
        user: str,
        reason: str = "",
        *,
        team: str = TEAM,
        at: datetime | None = None,
        secret: str = SIGNING_SECRET,
    ) -> Press:
        """*user* writes *reason* and presses the button that reads *label*. Raises LookupError where there is none."""
        found = [(block, each) for block in blocks if block["type"] == "actions" for each in block["elements"]]
        block, button = next(pair for pair in found if pair[1]["text"]["text"] == label) if found else _no_button()
        now = at or self._clock()
        url = ResponseUrl(f"/actions/{TEAM}/{len(self.urls) + 1}/{user}", user, now, [])
        self.urls.append(url)
        inputs = [each for each in blocks if each["type"] == "input"]
        entered = {"type": "plain_text_input", "value": reason or None}
        action = {
            "type": "button",
            "block_id": block["block_id"],
            "action_id": button["action_id"],
            "text": button["text"],
            "value": button["value"],
            "style": button["style"],
            "action_ts": f"{now.timestamp():.0f}.{len(self.urls):06}",
        }
        payload = {
            "type": "block_actions",
            "user": {"id": user, "username": user.lower(), "name": user.lower(), "team_id": team},
            "api_app_id": "A0BEFOREHAND",
            "container": {"type": "message", "is_ephemeral": False},
            "trigger_id": f"{len(self.urls)}.1.demo",
            "team": {"id": TEAM, "domain": "acme"},
            "enterprise": None,
            "is_enterprise_install": False,
            "state": {"values": {each["block_id"]: {each["element"]["action_id"]: entered} for each in inputs}},
            "response_url": f"https://hooks.slack.com{url.path}",
            "actions": [action],
        }
        return signed(urlencode({"payload": json.dumps(payload)}).encode(), now, secret)

    def answer(self, path: str, values: dict[str, Any]) -> str:
        """Take an answer. Slack's word for what is wrong with it; empty: nothing."""
        url = next((each for each in self.urls if each.path == path), None)
        if url is None or self._clock() - url.made_at > GOOD_FOR:
            return "expired_url"
        if len(url.answers) >= MOST_ANSWERS:
            return "used_url"
        if not isinstance(values.get("text"), str) or values.get("response_type") not in ("ephemeral", "in_channel"):
            return "invalid_payload"
        url.answers.append(values)
        return ""

    def told(self, user: str) -> list[str]:
        """What *user* alone was answered, in sequence."""
        return [found["text"] for url in self.urls if url.user == user for found in url.answers]


def signed(body: bytes, at: datetime, secret: str = SIGNING_SECRET) -> Press:
    """The request with Slack's signature of version v0."""
    stamp = f"{at.timestamp():.0f}"
    digest = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": f"v0={digest}",
    }
    return Press(headers, body)


def check_blocks(blocks: list[dict[str, Any]]) -> None:
    """Of the blocks that people can use, those that Slack would take. Raises Invalid."""
    ids = [str(block["block_id"]) for block in blocks if "block_id" in block]
    if len(set(ids)) < len(ids) or any(not 0 < len(each) <= LONGEST_ID for each in ids):
        raise Invalid("block_id")
    for block in blocks:
        if block.get("type") == "actions":
            _check_actions(block)
        elif block.get("type") == "input":
            _check_input(block)


def _check_actions(block: dict[str, Any]) -> None:
    elements = block.get("elements")
    if block.keys() - {"type", "block_id", "elements"} or not isinstance(elements, list):
        raise Invalid("actions")
    if not 0 < len(elements) <= MOST_ELEMENTS or len({each.get("action_id") for each in elements}) < len(elements):
        raise Invalid("elements")
    for each in elements:
        if each.get("type") != "button" or each.keys() - {"type", "action_id", "text", "value", "style"}:
            raise Invalid("button")
        if each.get("style", "primary") not in ("primary", "danger") or not 0 < len(each["action_id"]) <= LONGEST_ID:
            raise Invalid("style")
        if not 0 < len(each.get("value", "x")) <= LONGEST_VALUE:
            raise Invalid("value")
        _check_plain(each.get("text"), LONGEST_LABEL)


def _check_input(block: dict[str, Any]) -> None:
    element = block.get("element")
    if block.keys() - {"type", "block_id", "label", "element", "hint", "optional"} or not isinstance(element, dict):
        raise Invalid("input")
    if element.get("type") != "plain_text_input" or not 0 < len(element.get("action_id", "")) <= LONGEST_ID:
        raise Invalid("element")
    if not 0 < element.get("max_length", 1) <= 3000:
        raise Invalid("max_length")
    _check_plain(block.get("label"), 2000)
    if "placeholder" in element:
        _check_plain(element["placeholder"], 150)


def _check_plain(text: object, most: int) -> None:
    if not isinstance(text, dict) or text.get("type") != "plain_text" or text.keys() - {"type", "text", "emoji"}:
        raise Invalid("plain_text")
    if not isinstance(text.get("text"), str) or not 0 < len(text["text"]) <= most:
        raise Invalid("plain_text")


def _no_button() -> tuple[dict[str, Any], dict[str, Any]]:
    raise LookupError("the message has no buttons")
