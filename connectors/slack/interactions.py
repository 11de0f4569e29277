"""This file reads what people press in Slack, and answers them. Pure.

https://docs.slack.dev/interactivity/handling-user-interaction
"""

import re
from datetime import timedelta
from hashlib import blake2b
from urllib.parse import parse_qs

import msgspec

from connectors.contract import Envelope, Forged, Press, Unreadable
from connectors.signing import matches_hex, unix_time_is_fresh
from connectors.slack import wire
from connectors.slack.translate import CHOICE, LONGEST_TEXT, REASON, cut, escaped

_USER_ID = re.compile(r"[UW][A-Z0-9]{1,30}", re.ASCII)


def is_signed(envelope: Envelope, secret: str, window: timedelta) -> bool:
    """Version v0 of Slack's signature (https://docs.slack.dev/authentication/verifying-requests-from-slack)."""
    at, signature = (envelope.headers.get(f"x-slack-{name}", "") for name in ("request-timestamp", "signature"))
    version, _, digest = signature.partition("=")
    if not secret or version != "v0" or not unix_time_is_fresh(at, envelope.received_at, window):
        return False
    return matches_hex(digest, secret, b"v0:" + at.encode() + b":" + envelope.body)


def read(body: bytes) -> Press | None:
    """The form field `payload`, which is JSON; None where it is no button of ours.

    Raises Unreadable, and Forged for a guest of a shared channel, whom another workspace vouches for.
    """
    try:
        fields = parse_qs(body.decode("utf-8"), max_num_fields=20, keep_blank_values=True)
        (payload,) = fields.get("payload", [])
        found = msgspec.json.decode(payload, type=wire.Interaction)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"expected one form field `payload` with an interaction: {error}") from error
    if not _USER_ID.fullmatch(found.user.id):
        raise Unreadable(f"expected a member's ID such as U02DANA, got {found.user.id[:40]!r}")
    if _is_of_another_team(found):
        raise Forged("whoever pressed belongs to another Slack workspace")
    return _press(found)


def private_answer(text: str) -> bytes:
    """What is posted to a response URL: seen by whoever pressed, beside the message, which stays as it is."""
    return msgspec.json.encode(
        {"response_type": "ephemeral", "replace_original": False, "text": cut(escaped(text), LONGEST_TEXT)},
        order="sorted",
    )


def _press(found: wire.Interaction) -> Press | None:
    """Which of our buttons was pressed, and what was written beside it; None where it is none of ours."""
    if found.type != "block_actions":
        return None
    pressed = next((action for action in found.actions if action.action_id.startswith(CHOICE)), None)
    if pressed is None or not pressed.value:
        return None
    blocks = found.state.values.values() if found.state else ()
    reasons = [entered.value for block in blocks for name, entered in block.items() if name == REASON and entered.value]
    return Press(
        id=f"{found.user.id}|{pressed.action_ts}|{blake2b(pressed.value.encode(), digest_size=8).hexdigest()}",
        user=found.user.id,
        value=pressed.value,
        reason=reasons[0] if len(reasons) == 1 else "",
        reply_to=found.response_url,
    )


def _is_of_another_team(found: wire.Interaction) -> bool:
    """Whether whoever pressed is a guest of a shared channel, whom another workspace vouches for."""
    teams = {found.team.id if found.team else "", found.user.team_id} - {""}
    return len(teams) > 1 and not (found.enterprise and found.enterprise.id)
