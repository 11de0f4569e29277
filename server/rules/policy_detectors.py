"""This file reads how each kind of trouble is treated: `[detectors.KIND]`."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from server.model import Kind, Severity
from server.rules.condition import Condition
from server.rules.policy import DEFAULT_DETECTORS, DetectorPolicy, NoticeRule, Occasion, Recovery
from server.rules.policy_names import Names
from server.rules.policy_table import Table, shown, suggestion

MOST_COUNTED = 100_000
LONGEST_CONDITION = 2000


def read_detectors(root: Table, names: Names) -> Mapping[Kind, DetectorPolicy]:
    """Every kind, with the file's word where it has one."""
    tables = root.tables("detectors")
    for name, table in tables.items():
        if name not in list(Kind):
            table.wrong_itself(f"no such kind; {suggestion(name, Kind)}")
    return {
        kind: _detector(tables[kind], DEFAULT_DETECTORS[kind], names) if kind in tables else DEFAULT_DETECTORS[kind]
        for kind in Kind
    }


def _detector(table: Table, default: DetectorPolicy, names: Names) -> DetectorPolicy:
    found = DetectorPolicy(
        enabled=table.flag("enabled", default.enabled),
        dry_run=table.flag("dry_run", default.dry_run),
        wait=table.duration("wait", default.wait),
        threshold=_threshold(table, default),
        within=_within(table, default),
        when=read_condition(table),
        severity=table.choice("severity", Severity, default.severity),
        owner=table.text("owner"),
        notify=_notify(table, names),
        customer_message=table.text("customer_message"),
        customer_wait=table.duration("customer_wait", default.customer_wait),
        on_recovery=table.choice("on_recovery", Recovery, default.on_recovery),
        log_back=table.texts("log_back"),
    )
    names.check_owner(table, "owner", found.owner)
    names.check_message(table, "customer_message", found.customer_message)
    for index, name in enumerate(found.log_back):
        names.check_sink(table, "log_back", name, index)
    table.close()
    return found


def _threshold(table: Table, default: DetectorPolicy) -> timedelta | float | None:
    """A duration, a whole number for kinds that count within a time, a share of 1 for those that judge a chance."""
    key = "threshold"
    if default.threshold is None:
        if table.get(key) is not None:
            table.wrong(key, "this kind has no threshold")
        return None
    if isinstance(default.threshold, timedelta):
        return table.duration(key, default.threshold)
    if default.within:
        count = table.count(key, int(default.threshold), MOST_COUNTED)
        return None if count is None else float(count)
    return table.share(key, default.threshold)


def _within(table: Table, default: DetectorPolicy) -> timedelta:
    if not default.within:
        if table.get("within") is not None:
            table.wrong("within", "this kind counts nothing, so it has no time to count in")
        return default.within
    found = table.duration("within", default.within)
    if not found:
        table.wrong("within", "expected more than 0s")
    return found


def read_condition(table: Table) -> Condition | None:
    """`when`, compiled; None where there is none, or none that can be read."""
    text = table.text("when", longest=LONGEST_CONDITION)
    if not text:
        return None
    try:
        condition = Condition(text)
        condition.check()
    except ValueError as error:
        table.wrong("when", f"expected a CEL expression: {str(error)[:500]}")
        return None
    return condition


def _notify(table: Table, names: Names) -> tuple[NoticeRule, ...]:
    entries = table.get("notify")
    if entries is None:
        return ()
    if not isinstance(entries, list | tuple):
        table.wrong("notify", f'expected a list such as ["logistics", "#alerts"], got {shown(entries)}')
        return ()
    return tuple(_rule(table, index, entry, names) for index, entry in enumerate(entries))


def _rule(table: Table, index: int, entry: Any, names: Names) -> NoticeRule:
    """`"logistics"`, or `{who = "logistics", when = ["opened"], after = "2h"}`."""
    if isinstance(entry, str):
        names.check_listener(table, "notify", entry.strip(), index)
        return NoticeRule(entry.strip())
    if not isinstance(entry, dict):
        expected = 'expected a name, or a table such as {who = "logistics", when = "opened"}'
        table.wrong("notify", f"{expected}, got {shown(entry)}", index=index)
        return NoticeRule("")
    inner = table.inline("notify", index, entry)
    who = inner.text("who")
    names.check_listener(inner, "who", who)
    rule = NoticeRule(who, _occasions(inner), inner.duration("after", timedelta()))
    if rule.after and Occasion.SOLVED in rule.when:
        inner.wrong("after", "an issue that is solved is told of at once, or not at all")
    inner.close()
    return rule


def _occasions(table: Table) -> tuple[Occasion, ...]:
    found = table.get("when")
    if found is None:
        return NoticeRule("").when
    if isinstance(found, str):
        found = [found]
    if isinstance(found, list | tuple) and found and all(isinstance(o, str) and o in list(Occasion) for o in found):
        return tuple(dict.fromkeys(map(Occasion, found)))
    table.wrong("when", f"expected one or a list of {', '.join(Occasion)}, got {shown(found)}")
    return ()
