"""This file is what can be asked of the SQLite tables: every SELECT."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import msgspec

from server.model import Action, Issue, Kind, OrderKey, OrderRecord
from server.rules.incident import Member
from server.rules.transit import Leg
from server.store.contract import (
    Counts,
    InboxItem,
    InboxRow,
    InboxState,
    IssueEnd,
    OrderSummary,
    PolicyMark,
    Reference,
    TokenRow,
)
from server.store.reading_approvals import ApprovalsReading

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ROW = """SELECT i.id, i.workspace, i.connection, i.delivery_key, i.digest, i.headers, i.body, i.received_at, i.is_look,
    o.state, o.attempts, o.reason FROM inbox i LEFT JOIN inbox_open o ON o.id = i.id WHERE i.id = ?"""
_DOOR = "substr(lane, 1, instr(lane || '|', '|') - 1)"

decode_record = msgspec.msgpack.Decoder(OrderRecord).decode
decode_issue = msgspec.msgpack.Decoder(Issue).decode
decode_issue_end = msgspec.msgpack.Decoder(IssueEnd).decode
decode_action = msgspec.msgpack.Decoder(Action).decode
decode_token = msgspec.msgpack.Decoder(TokenRow).decode
decode_leg = msgspec.msgpack.Decoder(Leg).decode
decode_headers = msgspec.json.Decoder(dict[str, str]).decode


def microseconds(time: datetime) -> int:
    """An aware time as it is stored; exact."""
    return (time - _EPOCH) // _MICROSECOND


def moment(stored: int | None) -> datetime | None:
    """A stored time; None stays None."""
    return None if stored is None else _EPOCH + timedelta(microseconds=stored)


class SqliteReading(ApprovalsReading):
    """Implements `Reading` on one connection."""

    def _first(self, sql: str, *values: object) -> Any:
        """The first column of the first row, or None."""
        row = self._connection.execute(sql, values).fetchone()
        return None if row is None else row[0]

    # --- orders -----------------------------------------------------------------------------------------------------

    def record(self, key: OrderKey) -> OrderRecord | None:
        found = self._first("SELECT record FROM orders WHERE key = ?", str(key))
        return None if found is None else decode_record(found)

    def find(self, workspace: str, references: Iterable[Reference]) -> tuple[OrderKey, ...]:
        return tuple(sorted(OrderKey.parse(key) for key in self._keys(workspace, references)))

    def _keys(self, workspace: str, references: Iterable[Reference]) -> set[str]:
        sql = "SELECT order_key FROM names WHERE workspace = ? AND kind = ? AND value = ?"
        return {row[0] for named in references for row in self._all(sql, workspace, named.kind.value, named.value)}

    def search(self, workspace: str, references: Iterable[Reference], limit: int) -> tuple[OrderSummary, ...]:
        sql = "SELECT key, name, placed_at, email, customer_name, total FROM orders WHERE key = ?"
        rows = [row for key in self._keys(workspace, references) for row in self._all(sql, key)]
        rows.sort(key=lambda row: (row[2] is not None, row[2], row[0]), reverse=True)
        return tuple(
            OrderSummary(
                key=OrderKey.parse(key),
                name=name,
                placed_at=moment(placed_at),
                email=email,
                customer_name=customer_name,
                total=total,
            )
            for key, name, placed_at, email, customer_name, total in rows[:limit]
        )

    def due_orders(self, now: datetime, limit: int) -> tuple[OrderKey, ...]:
        sql = "SELECT key FROM orders WHERE review_at <= ? ORDER BY review_at LIMIT ?"
        return tuple(OrderKey.parse(row[0]) for row in self._all(sql, microseconds(now), limit))

    # --- issues and actions -----------------------------------------------------------------------------------------

    def issues_of(self, key: OrderKey) -> tuple[Issue, ...]:
        sql = "SELECT body FROM issues WHERE order_key = ? ORDER BY opened_at, rowid"
        return tuple(decode_issue(row[0]) for row in self._all(sql, str(key)))

    def issues(self, workspace: str, *, open_only: bool, limit: int) -> tuple[Issue, ...]:
        only = "AND state = 'open'" if open_only else ""
        sql = f"SELECT body FROM issues WHERE workspace = ? {only} ORDER BY opened_at DESC, rowid DESC LIMIT ?"  # noqa: S608
        return tuple(decode_issue(row[0]) for row in self._all(sql, workspace, limit))

    def issue_ends(self, workspace: str, since: datetime, until: datetime) -> Iterator[IssueEnd]:
        sql = "SELECT body FROM issues WHERE workspace = ? AND opened_at >= ? AND opened_at < ? ORDER BY opened_at"
        rows = self._connection.execute(sql, (workspace, microseconds(since), microseconds(until)))
        return (decode_issue_end(row[0]) for row in rows)

    def actions_of(self, key: OrderKey) -> tuple[Action, ...]:
        sql = "SELECT body FROM actions WHERE order_key = ? ORDER BY seq"
        return tuple(decode_action(row[0]) for row in self._all(sql, str(key)))

    def due_actions(self, now: datetime, limit: int) -> tuple[Action, ...]:
        return self.due_actions_elsewhere(now, limit, ())

    def due_actions_elsewhere(self, now: datetime, limit: int, shut: Iterable[str]) -> tuple[Action, ...]:
        sql = f"SELECT body FROM actions WHERE due_at <= ? AND {_DOOR} NOT IN (SELECT value FROM json_each(?))"  # noqa: S608
        doors = msgspec.json.encode(sorted(shut)).decode()
        rows = self._all(f"{sql} ORDER BY due_at, seq LIMIT ?", microseconds(now), doors, limit)
        return tuple(decode_action(row[0]) for row in rows)

    def stopped_actions(self, workspace: str, limit: int) -> tuple[Action, ...]:
        sql = "SELECT body FROM actions WHERE state IN ('failed', 'uncertain')"
        found = (decode_action(row[0]) for row in self._all(f"{sql} ORDER BY seq DESC"))
        return tuple(islice((a for a in found if workspace in ("", a.order.workspace)), limit))

    def action(self, key: str) -> Action | None:
        found = self._first("SELECT body FROM actions WHERE key = ?", key)
        return None if found is None else decode_action(found)

    def next_due_at(self) -> datetime | None:
        review = self._first("SELECT min(review_at) FROM orders WHERE review_at IS NOT NULL")
        action = self._first("SELECT min(due_at) FROM actions WHERE due_at IS NOT NULL")
        approval = self._first("SELECT min(due_at) FROM approvals WHERE due_at IS NOT NULL")
        return moment(min((time for time in (review, action, approval) if time is not None), default=None))

    # --- the inbox --------------------------------------------------------------------------------------------------

    def causes_of(self, issue_id: str) -> tuple[str, ...]:
        return tuple(cause for (cause,) in self._all("SELECT cause FROM causes WHERE issue_id = ?", issue_id))

    def begun_with(self, workspace: str, cause: str, begin: datetime, end: datetime, *, open_only: bool) -> int:
        sql = """SELECT count(DISTINCT order_key) FROM causes
            WHERE workspace = ? AND cause = ? AND begun_at >= ? AND begun_at < ?"""
        if open_only:
            sql += " AND ended_at IS NULL"
        return int(self._first(sql, workspace, cause, microseconds(begin), microseconds(end)))

    def in_trouble_with(self, workspace: str, cause: str, limit: int) -> tuple[Member, ...]:
        sql = """SELECT c.order_key, coalesce(o.name, ''), c.kind, c.issue_id FROM causes c
            LEFT JOIN orders o ON o.key = c.order_key
            WHERE c.workspace = ? AND c.cause = ? AND c.ended_at IS NULL ORDER BY c.begun_at, c.order_key LIMIT ?"""
        rows = self._all(sql, workspace, cause, limit)
        return tuple(Member(OrderKey.parse(key), name, Kind(kind), issue_id) for key, name, kind, issue_id in rows)

    def legs(self, workspace: str, limit: int) -> tuple[Leg, ...]:
        sql = "SELECT body FROM legs WHERE workspace = ? ORDER BY delivered_at DESC, name LIMIT ?"
        return tuple(decode_leg(body) for (body,) in reversed(self._all(sql, workspace, limit)))

    def inbox(self, states: Iterable[InboxState], limit: int, *, workspace: str = "") -> tuple[InboxRow, ...]:
        ids = sorted(row_id for state in set(states) for row_id in self._ids(state, limit, workspace))
        rows = (self.inbox_row(row_id) for row_id in ids[:limit])
        return tuple(row for row in rows if row is not None)

    def _ids(self, state: InboxState, limit: int, workspace: str) -> Iterable[int]:
        if state is InboxState.DONE:
            table, where, values = "inbox", "id NOT IN (SELECT id FROM inbox_open)", []
        else:
            table, where, values = "inbox_open", "state = ?", [state.value]
        if workspace:
            where, values = f"{where} AND workspace = ?", [*values, workspace]
        sql = f"SELECT id FROM {table} WHERE {where} ORDER BY id LIMIT ?"  # noqa: S608 - no value is spliced in
        return (row[0] for row in self._all(sql, *values, limit))

    def inbox_row(self, row_id: int) -> InboxRow | None:
        found = self._all(_ROW, row_id)
        if not found:
            return None
        number, workspace, connection, delivery_key, digest, headers, body, received, is_look, *rest = found[0]
        state, attempts, reason = rest
        item = InboxItem(
            workspace=workspace,
            connection=connection,
            delivery_key=delivery_key,
            digest=digest,
            headers=decode_headers(headers),
            body=body,
            received_at=_EPOCH + timedelta(microseconds=received),
            is_look=bool(is_look),
        )
        return InboxRow(
            id=number,
            item=item,
            state=InboxState(state or InboxState.DONE),
            attempts=attempts or 0,
            reason=reason or "",
        )

    # --- tokens and figures -----------------------------------------------------------------------------------------

    def token(self, digest: bytes) -> TokenRow | None:
        found = self._first("SELECT body FROM tokens WHERE digest = ?", digest)
        return None if found is None else decode_token(found)

    def tokens(self, workspace: str) -> tuple[TokenRow, ...]:
        sql = "SELECT body FROM tokens WHERE workspace = ? ORDER BY rowid DESC"
        return tuple(decode_token(row[0]) for row in self._all(sql, workspace))

    def policy_mark(self, workspace: str) -> PolicyMark | None:
        rows = self._all("SELECT digest, reviewed_to FROM policies WHERE workspace = ?", workspace)
        return PolicyMark(workspace=workspace, digest=rows[0][0], reviewed_to=rows[0][1]) if rows else None

    def counts(self) -> Counts:
        inbox = self._by_state("inbox_open", "inbox")
        actions = self._by_state("actions", "actions")
        oldest = self._first("SELECT min(id) FROM inbox_open WHERE state = 'new'")
        return Counts(
            inbox=inbox,
            actions=actions,
            open_issues=self._first("SELECT count(*) FROM issues WHERE state = 'open'"),
            orders=self._first("SELECT count(*) FROM orders"),
            oldest_new_at=moment(self._first("SELECT received_at FROM inbox WHERE id = ?", oldest)),
        )

    def _by_state(self, unfinished: str, everything: str) -> dict[str, int]:
        """What is done is not counted but left over: it is nearly all."""
        sql = f"SELECT state, count(*) FROM {unfinished} WHERE state <> 'done' GROUP BY state"  # noqa: S608
        found: dict[str, int] = dict(self._all(sql))
        total = self._first(f"SELECT count(*) FROM {everything}")  # noqa: S608
        return {**found, "done": total - sum(found.values())}
