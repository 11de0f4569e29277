"""This file reads `policy.toml` as a whole: either all of it is good, or it is refused with the place of every mistake.

What a file leaves out has its default (`policy_text.py`). `Table` knows how single values are read.
"""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.money import currency_code
from server.errors import ConfigurationError
from server.model import Kind
from server.rules.calendar import WEEK, WorkCalendar, check_holidays
from server.rules.policy import Policy, QuietHours
from server.rules.policy_approvals import read_approvals, read_people
from server.rules.policy_detectors import read_detectors
from server.rules.policy_names import Connections, Names, read_messages, read_teams
from server.rules.policy_table import Mistake, Table, shown

LARGEST = 1024 * 1024


class PolicyRefused(ConfigurationError):
    """A policy has *mistakes*, and none of it is used."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        first, *others = map(str, mistakes)
        listed = "".join(f"\n  {line}" for line in (first, *others))
        super().__init__(first if not others else f"{len(mistakes)} mistakes{listed}")


def load_policy(path: Path | None, timezone: ZoneInfo, connections: Connections | None = None) -> Policy:
    """Read a policy file; None means every default. Raises ConfigurationError with file, key and what was expected."""
    if path is None:
        return parse_policy({}, timezone)
    try:
        return parse_policy(read_document(path), timezone, connections)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def read_document(path: Path) -> dict[str, Any]:
    """The decoded file, not yet checked. Raises ConfigurationError."""
    return decode(read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """The file as it is. Raises ConfigurationError."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigurationError(str(error)) from error
    if len(content) > LARGEST:
        raise ConfigurationError(f"expected at most {LARGEST} bytes")
    return content


def decode(content: bytes) -> dict[str, Any]:
    """A file's content as TOML. Raises ConfigurationError."""
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        # ValueError is what is no TOML, no UTF-8, or a number of thousands of digits.
        raise ConfigurationError(str(error)) from error


def parse_policy(document: Mapping[str, Any], timezone: ZoneInfo, connections: Connections | None = None) -> Policy:
    """Check a decoded policy. Raises PolicyRefused.

    With *connections*, names of connections are checked as well. Without, nobody knows which there are: those in
    `log_back` and `via` are believed, and those in `notify` where there is no `[teams]` table that they could mean.
    """
    mistakes: list[Mistake] = []
    root = Table(document, "", mistakes)
    policy = _read(root, timezone, connections)
    root.close(also=[f"detectors.{kind}" for kind in Kind])
    if mistakes:
        raise PolicyRefused(mistakes)
    return policy


def _read(root: Table, timezone: ZoneInfo, connections: Connections | None) -> Policy:
    default = Policy(timezone=timezone, calendar=WorkCalendar(timezone=timezone), detectors={})
    teams = read_teams(root)
    names = Names(
        teams=teams if "teams" in root else None,
        messages=read_messages(root, connections),
        connections=connections,
    )
    people = read_people(root, names)
    found: dict[str, Any] = {
        "calendar": _calendar(root.table("calendar"), timezone),
        "detectors": read_detectors(root, names),
        "teams": teams,
        "messages": names.messages,
        "quiet_hours": _quiet_hours(root.table("quiet_hours")),
        "people": people,
        **read_approvals(root, names, people),
        **_promise(root.table("promise"), default),
        **_worth(root, default),
        **_tickets(root.table("tickets"), default, connections),
    }
    return Policy(timezone=timezone, **found)


def _promise(table: Table, default: Policy) -> dict[str, Any]:
    found = {
        "promise_attribute": table.text("attribute"),
        "promise_business_days": table.count("business_days", None, 60),
        "promise_notice": table.duration("notice", default.promise_notice),
    }
    table.close()
    return found


def _worth(root: Table, default: Policy) -> dict[str, Any]:
    """Which orders and customers count for more."""
    value, vip = root.table("high_value"), root.table("vip")
    found = {
        "high_value": value.amount("amount", default.high_value),
        "high_value_currency": _currency(value),
        "vip_tags": frozenset(tag.casefold() for tag in vip.texts("tags", tuple(default.vip_tags)) if tag),
        "vip_total_spent": vip.amount("total_spent", None),
        "vip_orders": vip.count("orders_count", None, 100_000),
    }
    value.close()
    vip.close()
    return found


def _currency(table: Table) -> str:
    text = table.text("currency")
    try:
        return currency_code(text) if text else ""
    except ValueError as error:
        table.wrong("currency", str(error))
        return ""


def _tickets(table: Table, default: Policy, connections: Connections | None) -> dict[str, Any]:
    found = {
        "join_customer_ticket": table.flag("join_customer_ticket", default.join_customer_ticket),
        "note_every": table.duration("note_every", default.note_every),
        "reopen_within": table.duration("reopen_within", default.reopen_within),
        "most_reopenings": table.count("most_reopenings", default.most_reopenings, 100, least=0),
        "escalate_before": table.duration("escalate_before", default.escalate_before),
        "customer_told_within": table.duration("customer_told_within", default.customer_told_within),
        "helpdesk": table.text("helpdesk"),
        "group": table.text("group"),
        "ignore_after": table.duration("ignore_after", default.ignore_after),
    }
    if connections is not None and found["helpdesk"]:
        connections.check(table, "helpdesk", str(found["helpdesk"]), "helpdesks")
    table.close()
    return found


def _calendar(table: Table, timezone: ZoneInfo) -> WorkCalendar:
    days = table.texts("working_days", WEEK[:5])
    for index, day in enumerate(days):
        if day not in WEEK:
            table.wrong("working_days", f"expected one of {', '.join(WEEK)}, got {shown(day)}", index=index)
    if not days:
        table.wrong("working_days", "expected at least one day")
    country = subdivision = ""
    try:
        country, subdivision = check_holidays(table.text("holidays"))
    except ValueError as error:
        table.wrong("holidays", str(error))
    opens = table.clock("opens", time(0))
    # The end of the day is not a time of it.
    closes = time(0) if table.get("closes") == "24:00" else table.clock("closes", time(0))
    if closes != time(0) and closes <= opens:
        table.wrong("closes", f"expected a time after {opens:%H:%M}, got {closes:%H:%M}")
    table.close()
    return WorkCalendar(
        timezone=timezone,
        working_days=frozenset(WEEK.index(day) for day in days if day in WEEK),
        opens=opens,
        closes=closes,
        country=country,
        subdivision=subdivision,
    )


def _quiet_hours(table: Table) -> QuietHours:
    found = QuietHours(begins=table.clock("begins", time(0)), ends=table.clock("ends", time(0)))
    table.close()
    return found
