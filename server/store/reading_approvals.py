"""This file is what can be asked of the SQLite tables about approvals, the audit log and cursors."""

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from server.approval_model import ApprovalRequest, ApprovalState, AuditEntry, AuditHead
from server.model import OrderKey
from server.rules.audit import BEGINNING, AuditRow

decode_approval = msgspec.msgpack.Decoder(ApprovalRequest).decode
decode_entry = msgspec.json.Decoder(AuditEntry).decode
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ApprovalsReading:
    """The part of `Reading` that is about approvals."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def _all(self, sql: str, *values: object) -> list[Any]:
        return self._connection.execute(sql, values).fetchall()

    def _requests(self, sql: str, *values: object) -> tuple[ApprovalRequest, ...]:
        return tuple(decode_approval(row[0]) for row in self._all(sql, *values))

    def approval(self, request_id: str) -> ApprovalRequest | None:
        found = self._requests("SELECT body FROM approvals WHERE id = ?", request_id)
        return found[0] if found else None

    def approval_by_key(self, workspace: str, ask_key: str) -> ApprovalRequest | None:
        sql = "SELECT body FROM approvals WHERE workspace = ? AND ask_key = ? AND ask_key <> ''"
        found = self._requests(sql, workspace, ask_key)
        return found[0] if found else None

    def approvals(self, workspace: str, states: Iterable[ApprovalState], limit: int) -> tuple[ApprovalRequest, ...]:
        wanted = [state.value for state in states] or [state.value for state in ApprovalState]
        marks = ", ".join("?" * len(wanted))
        sql = f"""SELECT body FROM approvals WHERE workspace = ? AND state IN ({marks})
            ORDER BY seq DESC LIMIT ?"""  # noqa: S608  # nothing but question marks goes in
        return self._requests(sql, workspace, *wanted, limit)

    def approvals_agreed(self, workspace: str, since: datetime) -> tuple[ApprovalRequest, ...]:
        sql = "SELECT body FROM approvals WHERE workspace = ? AND agreed_at >= ? ORDER BY agreed_at"
        return self._requests(sql, workspace, (since - _EPOCH) // timedelta(microseconds=1))

    def approvals_of(self, key: OrderKey) -> tuple[ApprovalRequest, ...]:
        return self._requests("SELECT body FROM approvals WHERE order_key = ? ORDER BY seq", str(key))

    def due_approvals(self, now: datetime, limit: int) -> tuple[ApprovalRequest, ...]:
        sql = "SELECT body FROM approvals WHERE due_at <= ? ORDER BY due_at, seq LIMIT ?"
        return self._requests(sql, (now - _EPOCH) // timedelta(microseconds=1), limit)

    def audit(self, workspace: str, after: int, limit: int) -> tuple[AuditEntry, ...]:
        sql = "SELECT body FROM audit WHERE workspace = ? AND sequence > ? ORDER BY sequence LIMIT ?"
        return tuple(decode_entry(row[0]) for row in self._all(sql, workspace, after, limit))

    def audit_rows(self, workspace: str, after: int, limit: int) -> tuple[AuditRow, ...]:
        # Whatever somebody has put there: a number may be text by now, and a text bytes.
        sql = """SELECT CAST(sequence AS INTEGER), CAST(hash AS BLOB), CAST(body AS BLOB) FROM audit
            WHERE workspace = ? AND sequence > ? ORDER BY sequence LIMIT ?"""
        return tuple(
            AuditRow(sequence=sequence, hash=(hashed or b"").decode("utf-8", "replace"), body=body or b"")
            for sequence, hashed, body in self._all(sql, workspace, after, limit)
        )

    def audit_head(self, workspace: str) -> AuditHead:
        sql = "SELECT sequence, hash FROM audit WHERE workspace = ? ORDER BY sequence DESC LIMIT 1"
        found = self._all(sql, workspace)
        return AuditHead(*found[0]) if found else AuditHead(0, BEGINNING)

    def cursor(self, workspace: str, connection: str) -> str:
        found = self._all("SELECT text FROM cursors WHERE workspace = ? AND connection = ?", workspace, connection)
        return found[0][0] if found else ""
