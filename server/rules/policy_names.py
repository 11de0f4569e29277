"""This file reads what a policy gives names to, teams and messages, and checks whoever uses such a name."""

import re
from collections.abc import Mapping

from msgspec import Struct

from server.rules.placeholders import check
from server.rules.policy import Message, Team
from server.rules.policy_table import Table, shown, suggestion

_CHANNEL = re.compile(r"#[^\s#,]{1,80}|[CG][A-Z0-9]{6,20}")
_EMAIL = re.compile(r"[^\s@,<>]{1,64}@[^\s@,<>]{1,190}")
_TEAM = re.compile(r"[^\W_][\w .&/-]{0,60}")
LONGEST_BODY = 5000
HELPDESK = "helpdesk"
"""The word that `via` has for the helpdesk, whatever its connection is called."""


class Connections(Struct, frozen=True, kw_only=True):
    """The connections that the configuration has, by what they can do."""

    names: frozenset[str] = frozenset()
    helpdesks: frozenset[str] = frozenset()
    mailers: frozenset[str] = frozenset()
    sinks: frozenset[str] = frozenset()
    """They take tasks and log-backs: webhooks, files."""
    listeners: frozenset[str] = frozenset()
    """They can be told by their own name."""
    messengers: frozenset[str] = frozenset()
    """Those of them that take messages for people, not only tasks."""
    reaches_channels: bool = False
    reaches_emails: bool = False
    """Whether any of them can tell a channel, or an address."""
    are_known: bool = True
    """False where nobody is going to be told: then every name may be a connection's."""

    def check(self, table: Table, key: str, name: str, kind: str, index: int | None = None) -> None:
        """Note it where *name* is no connection, or none that can do this."""
        if not self.are_known:
            return
        able: frozenset[str] = getattr(self, kind)
        if name not in self.names:
            table.wrong(key, f"{shown(name)} is no connection; {suggestion(name, able)}", index=index)
        elif name not in able:
            table.wrong(key, f"connection {name!r} cannot do this; {suggestion(name, able)}", index=index)


ANY_CONNECTION = Connections(are_known=False)
"""For reading a policy only to judge by it."""


class Names(Struct, frozen=True, kw_only=True):
    """What names mean while a policy is read. `teams` is None where the file has no `[teams]` table: any will do."""

    teams: Mapping[str, Team] | None = None
    messages: Mapping[str, Message] = {}
    connections: Connections | None = None

    def check_owner(self, table: Table, key: str, name: str) -> None:
        if name and self.teams is not None and name not in self.teams:
            table.wrong(key, f"no such team: {shown(name)}; {suggestion(name, self.teams)}")

    def check_listener(
        self, table: Table, key: str, name: str, index: int | None = None, *, kind: str = "listeners"
    ) -> None:
        """Whoever is notified: a channel, a team that can be reached, or a connection that takes notices.

        *kind* is what such a connection must be among: `listeners`, or `messengers` where tasks will not do.
        """
        if message := self._why_not(name):
            table.wrong(key, message, index=index)
        elif self._is_connection(name) and self.connections is not None:
            self.connections.check(table, key, name, kind, index)

    def _why_not(self, name: str) -> str:
        """Why nobody would hear of it; empty where somebody would."""
        if not name or (name.startswith("#") and not _CHANNEL.fullmatch(name)):
            return f"expected a team, a channel such as #logistics, or a connection's name, got {shown(name)}"
        teams = self.teams
        if name.startswith("#") or teams is None or self._is_connection(name):
            return ""
        if name in teams:
            reached = teams[name].slack or teams[name].email
            return "" if reached else f"team {name!r} has neither slack nor email, so nobody would hear of it"
        what = "team" if self.connections is None else "team or connection"
        return f"no such {what}: {shown(name)}; {suggestion(name, teams)}"

    def _is_connection(self, name: str) -> bool:
        if self.connections is None or name in (self.teams or ()):
            return False
        return name in self.connections.names or not self.connections.are_known

    def check_message(self, table: Table, key: str, name: str) -> None:
        if name and name not in self.messages:
            table.wrong(key, f"no message is called {shown(name)}; {suggestion(name, self.messages)}")

    def check_sink(self, table: Table, key: str, name: str, index: int) -> None:
        """Whoever is logged back to."""
        if not name:
            table.wrong(key, "expected a connection's name", index=index)
        elif self.connections is not None:
            self.connections.check(table, key, name, "sinks", index)


def read_teams(root: Table) -> dict[str, Team]:
    """`[teams.NAME]`."""
    found = {}
    for name, table in root.tables("teams").items():
        if not _TEAM.fullmatch(name):
            table.wrong_itself("expected a name of letters, digits, spaces, - and _")
            continue
        number = table.get("group")
        group = str(number) if type(number) is int and 0 < number < 10**20 else table.text("group")
        found[name] = Team(name=name, group=group, slack=_channel(table), email=read_email(table))
        table.close()
    return found


def read_messages(root: Table, connections: Connections | None) -> dict[str, Message]:
    """`[messages.NAME]`, with every placeholder checked."""
    found = {}
    for name, table in root.tables("messages").items():
        message = Message(
            name=name,
            subject=_wording(table, "subject", 200),
            body=_wording(table, "body", LONGEST_BODY),
            via=table.text("via"),
        )
        if connections is not None and message.via not in ("", HELPDESK):
            connections.check(table, "via", message.via, "mailers")
        table.close()
        found[name] = message
    return found


def _wording(table: Table, key: str, longest: int) -> str:
    text = table.text(key, longest=longest)
    if key not in table or (not text and isinstance(table.get(key), str)):
        table.wrong(key, "expected a text for the customer")
    try:
        check(text)
    except ValueError as error:
        table.wrong(key, str(error))
    return text


def _channel(table: Table) -> str:
    text = table.text("slack")
    if text and not _CHANNEL.fullmatch(text):
        table.wrong("slack", f"expected a channel such as #logistics, got {shown(text)}")
    return text


def read_email(table: Table) -> str:
    """`email`, which must be one address."""
    text = table.text("email", longest=254)
    if text and not _EMAIL.fullmatch(text):
        table.wrong("email", f"expected an address such as logistics@example.com, got {shown(text)}")
    return text
