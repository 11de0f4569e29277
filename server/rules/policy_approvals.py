"""This file reads who works here, `[people]`, and who may approve what, `[approvals]`."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from server.model import Role
from server.rules.policy import (
    APPROVAL_KINDS,
    ApprovalPolicy,
    ApprovalRule,
    Colleague,
)
from server.rules.policy_detectors import read_condition
from server.rules.policy_names import Names, read_email
from server.rules.policy_table import Table, shown, suggestion

_NO_CONNECTIONS = ("token", "email")
"""Ways in that need no connection."""
ADMINS = "helpdesk_admins_approve"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)
_IDENTITY = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}:\S{1,200}", re.ASCII)


def read_people(root: Table, names: Names) -> dict[str, Colleague]:
    """`[people.NAME]`. Nobody can be two of them."""
    found: dict[str, Colleague] = {}
    tables = root.tables("people")
    # A token for `dana` is Dana's, whether she says so or not.
    taken = {f"token:{name}": name for name in tables}
    for name, table in tables.items():
        if not _NAME.fullmatch(name):
            table.wrong_itself("expected a name of lower-case letters, digits, dots, - and _")
            continue
        colleague = _colleague(name, table, names)
        ways = [("email", f"email:{colleague.email}")] if colleague.email else []
        for key, way in [*ways, *(("identities", identity) for identity in colleague.identities)]:
            if taken.setdefault(way.casefold(), name) != name:
                table.wrong(key, f"{shown(way)} is {taken[way.casefold()]} already: one way in leads to one person")
        found[name] = colleague
    return found


def _colleague(name: str, table: Table, names: Names) -> Colleague:
    teams, connections = names.teams, names.connections
    identities = table.texts("identities")
    for index, identity in enumerate(identities):
        if not _IDENTITY.fullmatch(identity):
            expected = 'expected a connection and the id there such as "desk:9001", or "token:dana"'
            table.wrong("identities", f"{expected}, got {shown(identity)}", index=index)
        elif connections is not None and connections.are_known:
            prefix, known = identity.partition(":")[0], (*sorted(connections.names), *_NO_CONNECTIONS)
            if prefix not in known:
                problem = f"{shown(prefix)} is no connection; {suggestion(prefix, known)}"
                table.wrong("identities", problem, index=index)
    member_of = table.texts("teams")
    for index, team in enumerate(member_of):
        if teams is not None and team not in teams:
            table.wrong("teams", f"no such team: {shown(team)}; {suggestion(team, teams)}", index=index)
    found = Colleague(
        id=name,
        name=table.text("name"),
        email=read_email(table).casefold(),
        role=table.choice("role", Role, Role.AGENT),
        identities=identities,
        teams=member_of,
        max_amount=table.amount("max_amount", None),
    )
    table.close()
    return found


def read_approvals(root: Table, names: Names, people: Mapping[str, Colleague]) -> dict[str, Any]:
    """`[approvals]` and `[approvals.KIND]`, by the names that the policy's fields have."""
    table = root.table("approvals")
    admins = table.flag(ADMINS, True)  # noqa: FBT003
    found = {}
    for kind in table.names_of_tables():
        inner = table.table(kind)
        if kind in APPROVAL_KINDS:
            found[kind] = _approval(inner, names, people)
        else:
            inner.wrong_itself(f"no such kind of approval; {suggestion(kind, APPROVAL_KINDS)}")
    table.close()
    return {"approvals": found, "helpdesk_admins_approve": admins}


def _approval(table: Table, names: Names, people: Mapping[str, Colleague]) -> ApprovalPolicy:
    default = ApprovalPolicy()
    most, second = _amounts(table)
    notify = tuple(dict.fromkeys(name for name in table.texts("notify") if name))
    for index, name in enumerate(notify):
        names.check_listener(table, "notify", name, index, kind="messengers")
    found = ApprovalPolicy(
        enabled=table.flag("enabled", default.enabled),
        approvers=_approvers(table, names, people) or (),
        max_amount=most,
        second_above=second,
        max_per_order=table.amount("max_per_order", None),
        max_per_day=table.amount("max_per_day", None),
        expires_after=table.duration("expires_after", default.expires_after),
        remind_after=table.duration("remind_after", default.remind_after),
        record_only=table.flag("record_only", default.record_only),
        notify=notify,
        rules=_rules(table, names, people, most),
    )
    _check_second(table, found, people)
    if not found.expires_after:
        table.wrong("expires_after", "expected more than nothing, or no request could ever be decided")
    table.close()
    return found


def _check_second(table: Table, found: ApprovalPolicy, people: Mapping[str, Colleague]) -> None:
    """Where two must agree, two must be there. Teams may still get their people."""
    if found.second_above is None or len(found.approvers) != 1 or found.approvers[0] not in people:
        return
    table.wrong("second_above", f"needs two different people, but {found.approvers[0]} is the only approver")


def _rules(
    table: Table, names: Names, people: Mapping[str, Colleague], most: Decimal | None
) -> tuple[ApprovalRule, ...]:
    entries = table.get("rules")
    if entries is None:
        return ()
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        table.wrong("rules", f"expected tables such as [[{table.at('rules')}]], got {shown(entries)}")
        return ()
    found = []
    for index, entry in enumerate(entries):
        inner = table.inline("rules", index, entry)
        condition = read_condition(inner)
        if condition is None:
            if "when" not in inner:
                inner.wrong("when", 'expected a condition such as "customer.vip"')
            continue
        own_most, second = _amounts(inner, most)
        found.append(
            ApprovalRule(
                when=condition,
                approvers=_approvers(inner, names, people),
                max_amount=own_most,
                second_above=second,
            )
        )
        inner.close()
    return tuple(found)


def _amounts(table: Table, at_most: Decimal | None = None) -> tuple[Decimal | None, Decimal | None]:
    """`max_amount` and `second_above`; the second makes sense only below the first."""
    most, second = table.amount("max_amount", None), table.amount("second_above", None)
    limit = at_most if most is None else most
    if limit is not None and second is not None and second >= limit:
        table.wrong("second_above", f"expected less than max_amount, which is {limit}, got {second}")
    return most, second


def _approvers(table: Table, names: Names, people: Mapping[str, Colleague]) -> tuple[str, ...] | None:
    """People and teams; None where the file does not say. Where it has no people, any name will do."""
    found = tuple(dict.fromkeys(name for name in table.texts("approvers") if name))
    if "approvers" not in table:
        return None
    if people:
        known = (*people, *(names.teams or {}), *(team for person in people.values() for team in person.teams))
        for index, name in enumerate(found):
            if name not in known:
                problem = f"no such person or team: {shown(name)}; {suggestion(name, known)}"
                table.wrong("approvers", problem, index=index)
    return found
