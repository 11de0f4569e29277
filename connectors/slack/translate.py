"""This file is how a notice becomes a Slack message, and what Slack's refusals mean. Pure.

Everything that others wrote is escaped, and `verbatim` keeps Slack from reading names, channels and addresses into it.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from connectors.contract import ConnectorError, Denied, Missing, Rejected, Throttled, Unavailable
from connectors.model import Choice, Link, Notice
from connectors.slack import wire

EVENT_TYPE = "beforehand_notice"
LONGEST_SECTION = 3000
LONGEST_TEXT = 4000
MOST_ELEMENTS = 10
LONGEST_VALUE = 2000
LONGEST_REASON = 1000
MOST_BUTTONS = 5
CHOICE = "beforehand_choice_"
"""How the ids of our buttons begin."""
REASON = "beforehand_reason"

_TROUBLE: dict[str, type[ConnectorError]] = {
    "access_denied": Denied,
    "account_inactive": Denied,
    "enterprise_is_restricted": Denied,
    "invalid_auth": Denied,
    "missing_scope": Denied,
    "no_permission": Denied,
    "not_allowed_token_type": Denied,
    "not_authed": Denied,
    "org_login_required": Denied,
    "team_access_not_granted": Denied,
    "token_expired": Denied,
    "token_revoked": Denied,
    "channel_not_found": Missing,
    "message_not_found": Missing,
    "ratelimited": Throttled,
    "rate_limited": Throttled,
    "fatal_error": Unavailable,
    "internal_error": Unavailable,
    "request_timeout": Unavailable,
    "service_unavailable": Unavailable,
}
_ADVICE = {
    "channel_not_found": "there is no such channel, or it is private and the app was not invited into it",
    "is_archived": "the channel is archived",
    "missing_scope": "the app lacks a scope: add it and install the app again",
    "not_in_channel": "invite the app into the channel, or give it the scope chat:write.public",
    "restricted_action": "the workspace lets only some people post in this channel",
}


def message(notice: Notice, channel: str) -> bytes:
    """The body of chat.postMessage. `text` is what notifications and screen readers say."""
    return msgspec.json.encode(
        {
            "channel": channel,
            "text": cut(escaped(f"{notice.headline}\n{notice.text}"), LONGEST_TEXT),
            "blocks": blocks(notice),
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": notice.key}},
            "mrkdwn": False,
            "unfurl_links": False,
            "unfurl_media": False,
        },
        order="sorted",
    )


def update(request: bytes, channel: str, ts: str) -> bytes:
    """What `message` made, as the body of chat.update."""
    found: dict[str, Any] = msgspec.json.decode(request)
    kept = {name: found[name] for name in ("text", "blocks", "metadata")}
    return msgspec.json.encode({**kept, "channel": channel, "ts": ts}, order="sorted")


def blocks(notice: Notice) -> list[dict[str, Any]]:
    """The message as people see it."""
    head, text = notice.headline, notice.text
    # The sentence mostly begins with the headline: then that part of it is made bold.
    rest = text[len(head) :] if text.startswith(head) else f"\n{text}"
    found: list[dict[str, Any]] = [{"type": "section", "text": _mrkdwn(f"*{_bold(head)}*{escaped(rest)}")}]
    if notice.details:
        details = [_mrkdwn(escaped(detail)) for detail in notice.details[:MOST_ELEMENTS] if detail]
        found.append({"type": "context", "elements": details})
    if links := [shown for link in notice.links if (shown := _link(link))]:
        found.append({"type": "context", "elements": [_mrkdwn(" · ".join(links))]})
    if choices := [choice for choice in notice.choices if len(choice.value) <= LONGEST_VALUE][:MOST_BUTTONS]:
        found += _decision(choices)
    return found


def _decision(choices: Sequence[Choice]) -> list[dict[str, Any]]:
    """A line for the reason, and the buttons. Slack wants new ids whenever a message is written anew."""
    mark = blake2b("|".join(choice.value for choice in choices).encode(), digest_size=8).hexdigest()
    reason = {
        "type": "plain_text_input",
        "action_id": REASON,
        "max_length": LONGEST_REASON,
        "placeholder": _plain("Why? Whoever asked reads it.", 150),
    }
    return [
        {"type": "input", "block_id": f"{REASON}_{mark}", "label": _plain("Reason", 2000), "element": reason},
        {"type": "actions", "block_id": f"choices_{mark}", "elements": [_button(choice) for choice in choices]},
    ]


def _button(choice: Choice) -> dict[str, Any]:
    return {
        "type": "button",
        "action_id": f"{CHOICE}{choice.id}",
        "text": _plain(choice.label, 75),
        "value": choice.value,
        "style": "danger" if choice.is_dangerous else "primary",
    }


def escaped(text: str) -> str:
    """Text that stays text: no mention, no link, no channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def has_key(found: wire.Message, key: str) -> bool:
    """Whether it is our message with this key."""
    metadata = found.metadata
    return metadata is not None and metadata.event_type == EVENT_TYPE and metadata.event_payload.get("key") == key


def trouble(system: str, found: wire.Answer) -> ConnectorError:
    """A refusal in our words."""
    code = found.error[:80] or "no reason given"
    kind = _TROUBLE.get(code, Rejected)
    needed = f" ({found.needed[:80]})" if found.needed else ""
    advice = f": {_ADVICE[code]}{needed}" if code in _ADVICE else needed
    return kind(system, f"{code}{advice}", retry_after=30.0 if kind is Throttled else None)


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": cut(text, LONGEST_SECTION), "verbatim": True}


def _plain(text: str, most: int) -> dict[str, Any]:
    """Text that Slack does not read anything into, beyond emoji names, which stay as they are."""
    shown = text if len(text) <= most else text[: most - 1] + "…"
    return {"type": "plain_text", "text": shown, "emoji": False}


def _bold(text: str) -> str:
    """On one line, without the asterisk that would end it."""
    return escaped(" ".join(text.split()).replace("*", "\u2217"))


def _link(link: Link) -> str:
    if urlsplit(link.url).scheme not in ("http", "https"):
        return ""
    url = quote(link.url, safe="%/:=&?~#+!$,;'@()*[]")
    return f"<{url.replace('&', '&amp;')}|{escaped(link.label).replace('|', '/')}>"


def cut(text: str, most: int) -> str:
    """Never in the middle of an escaped sign."""
    if len(text) <= most:
        return text
    head = text[: most - 1]
    begin = head.rfind("&", most - 7)
    return (head[:begin] if begin >= 0 and ";" not in head[begin:] else head) + "…"
