"""This file tells whether a person has dealt with a Gorgias ticket, from its events and messages. Pure."""

from collections.abc import Iterable, Set

from connectors.gorgias import wire
from connectors.gorgias.translate import is_theirs

BY_HAND = ("helpdesk",)
"""Where a person writes with the user that we work with too, which an account may do although it should not."""
_LOOKS = ("read-status", "viewed", "typing", "satisfaction", "rule-", "rules-", "action-executed")
"""Events that change nothing, or that are the helpdesk's own doing."""


def wrote_by_hand(message: wire.Message, us: Set[str]) -> bool:
    """Whether somebody of the staff wrote it, but us and the rules."""
    if is_theirs(message) or not message.from_agent or message.rule_id is not None or message.via == "rule":
        return False
    author = ((message.sender.email if message.sender else "") or "").lower()
    return author not in us or message.via in BY_HAND


def actors(events: Iterable[wire.Event], others: Set[int | None]) -> set[int]:
    """Who changed something: not nobody, which is a rule, and none of the *others*: us, and the customer."""
    return {
        event.user_id
        for event in events
        if event.user_id is not None
        and event.user_id not in others
        and event.type.startswith("ticket-")
        and not any(word in event.type for word in _LOOKS)
    }
