"""This file is what an operator may ask about the audit log (`server/flows/administer.py` has the other commands)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from server.errors import BadInput, NotFound
from server.flows import audit
from server.flows.desk import Desk
from server.model import JsonObject

MOST_AT_ONCE = 1000


class AuditVerify(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """*head* is `COUNT:HASH`; it needs a workspace, since every workspace has a log of its own."""

    workspace: str = ""
    head: str = ""


class AuditPart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The entries after number *after*."""

    workspace: str
    after: int = 0
    limit: int = 100


class AuditHeads(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    workspace: str = ""


async def verify_audit(desk: Desk, wanted: AuditVerify) -> JsonObject:
    """Check one log, or all; what is the first bad entry of each, if any."""
    if wanted.head and not wanted.workspace:
        raise BadInput("head: expected --workspace with it, since every workspace has a log of its own")
    anchor = audit.parse_head(wanted.head) if wanted.head else None
    found = []
    for name in _workspaces(desk, wanted.workspace):
        finding = await audit.check(desk.store, name, anchor)
        found.append(
            {
                "workspace": name,
                "sound": finding.is_sound,
                "entries": finding.count,
                "hash": finding.hash,
                "bad": finding.bad or None,
                "reason": finding.reason,
            }
        )
    return {"logs": found}


async def head_of_audit(desk: Desk, wanted: AuditHeads) -> JsonObject:
    """How many entries each log has, and the hash of the last: to be kept elsewhere."""
    heads = []
    for name in _workspaces(desk, wanted.workspace):
        head = await desk.store.read(lambda tx, name=name: tx.audit_head(name))  # type: ignore[misc]
        heads.append({"workspace": name, "head": f"{head.count}:{head.hash}"})
    return {"heads": heads}


async def list_audit(desk: Desk, wanted: AuditPart) -> JsonObject:
    """Entries as people read them, oldest first; the newest ones where nothing is said of where to begin."""
    _check(desk, wanted)
    after = wanted.after
    if not after:
        head = await desk.store.read(lambda tx: tx.audit_head(wanted.workspace))
        after = max(0, head.count - wanted.limit)
    rows = await desk.store.read(lambda tx: tx.audit_rows(wanted.workspace, after, wanted.limit))
    return {"entries": [_shown(row.sequence, row.body) for row in rows]}


async def export_audit(desk: Desk, wanted: AuditPart) -> JsonObject:
    """Entries letter by letter as they are stored, oldest first."""
    _check(desk, wanted)
    rows = await desk.store.read(lambda tx: tx.audit_rows(wanted.workspace, wanted.after, wanted.limit))
    last = rows[-1].sequence if rows else wanted.after
    return {"lines": [row.body.decode("utf-8", "backslashreplace") for row in rows], "last": last}


def _workspaces(desk: Desk, name: str) -> tuple[str, ...]:
    if name and name not in desk.workspaces:
        raise NotFound(f"there is no workspace {name!r}; the configuration has {', '.join(desk.workspaces)}")
    return (name,) if name else tuple(desk.workspaces)


def _check(desk: Desk, wanted: AuditPart) -> None:
    if not wanted.workspace:
        raise BadInput("workspace: expected whose log to read")
    _workspaces(desk, wanted.workspace)
    if not 1 <= wanted.limit <= MOST_AT_ONCE or wanted.after < 0:
        raise BadInput(f"limit: expected 1 to {MOST_AT_ONCE}, and nothing below zero as `after`")


def _shown(sequence: int, body: bytes) -> JsonObject:
    try:
        fact = msgspec.json.decode(body, type=dict[str, Any])["fact"]
        text = ", ".join(f"{name} {value}" for name, value in fact["details"].items())
        return {
            "number": sequence,
            **{name: str(fact[name]) for name in ("at", "event", "actor", "via", "subject")},
            "details": text,
        }
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        nothing = dict.fromkeys(("at", "actor", "via", "subject", "details"), "")
        return {"number": sequence, "event": "(cannot be read: see `audit verify`)", **nothing}


Command = Callable[[Desk, Any], Awaitable[JsonObject]]
COMMANDS: Mapping[str, tuple[type[Struct], Command]] = {
    "audit_verify": (AuditVerify, verify_audit),
    "audit_head": (AuditHeads, head_of_audit),
    "audit_list": (AuditPart, list_audit),
    "audit_export": (AuditPart, export_audit),
}
