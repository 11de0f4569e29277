"""This file is through what a workspace can tell anybody anything: its connections, by what they can do."""

from msgspec import Struct

from server.rules.policy import Message
from server.rules.policy_names import HELPDESK

NOBODY: frozenset[str] = frozenset()


class Outlets(Struct, frozen=True, kw_only=True):
    """Names of connections; empty where there is none that can do this."""

    helpdesk: str = ""
    chat: str = ""
    """It posts into channels."""
    mail: str = ""
    """It mails teams."""
    notifiers: frozenset[str] = NOBODY
    mailers: frozenset[str] = NOBODY
    """They mail customers."""
    sinks: frozenset[str] = NOBODY
    """They take tasks."""
    editable: frozenset[str] = NOBODY
    """Their messages can be written anew where they stand."""

    def for_customer(self, message: Message) -> str:
        """Which connection takes *message* to the customer; empty where there is none."""
        if message.via in ("", HELPDESK):
            return self.helpdesk
        return message.via if message.via in self.mailers else ""
