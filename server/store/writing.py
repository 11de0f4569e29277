"""This file is what can be changed in the SQLite tables: every INSERT, UPDATE and DELETE."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from server.approval_model import ApprovalRequest, AuditEntry, AuditFact
from server.model import Action, Issue, OrderKey, OrderRecord
from server.rules.audit import chained
from server.rules.transit import Leg
from server.store.contract import UNFINISHED, InboxItem, InboxState, PolicyMark, Reference, ReferenceKind, TokenRow
from server.store.reading import SqliteReading, microseconds

encode = msgspec.msgpack.Encoder().encode
encode_headers = msgspec.json.Encoder().encode
encode_entry = msgspec.json.Encoder(order="sorted").encode

_ADD = """INSERT INTO inbox (workspace, connection, received_at, is_look, delivery_key, digest, headers, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""
_OPEN = "INSERT INTO inbox_open (id, workspace, state, attempts, reason) VALUES (?, ?, 'new', 0, '')"


class SqliteWriting(SqliteReading):
    """Implements `Writing` on one connection, within the transaction that is open there."""

    # --- the inbox --------------------------------------------------------------------------------------------------

    def add_inbox(self, item: InboxItem) -> bool:
        added = self._connection.execute(
            _ADD,
            (
                item.workspace,
                item.connection,
                microseconds(item.received_at),
                item.is_look,
                item.delivery_key,
                item.digest,
                encode_headers(item.headers),
                item.body,
            ),
        )
        if not added.rowcount:
            return False
        self._connection.execute(_OPEN, (added.lastrowid, item.workspace))
        return True

    def start_attempt(self, row_ids: Iterable[int]) -> None:
        sql = "UPDATE inbox_open SET attempts = attempts + 1 WHERE id = ?"
        self._connection.executemany(sql, ((row_id,) for row_id in row_ids))

    def settle(self, row_id: int, state: InboxState, reason: str = "") -> None:
        self._all("DELETE FROM waits WHERE row_id = ?", row_id)
        if state is InboxState.DONE:
            self._all("DELETE FROM inbox_open WHERE id = ?", row_id)
            return
        starts_afresh = state is InboxState.WAITING or (state is InboxState.NEW and not reason)
        self._all(
            """INSERT INTO inbox_open (id, workspace, state, attempts, reason)
                SELECT id, workspace, ?, 0, ? FROM inbox WHERE id = ?
                ON CONFLICT (id) DO UPDATE SET state = excluded.state, reason = excluded.reason,
                attempts = CASE WHEN ? THEN 0 ELSE attempts END""",
            state.value,
            reason,
            row_id,
            starts_afresh,
        )

    def restart_stopped(self, workspace: str = "") -> int:
        restarted = self._connection.execute(
            """UPDATE inbox_open SET state = 'new', attempts = 0, reason = ''
                WHERE state IN ('dead', 'refused') AND ? IN ('', workspace)""",
            (workspace,),
        )
        return restarted.rowcount

    def wait_for(self, row_id: int, workspace: str, references: Iterable[Reference]) -> None:
        self.settle(row_id, InboxState.WAITING)
        self._connection.executemany(
            "INSERT INTO waits (workspace, kind, value, row_id) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            ((workspace, reference.kind.value, reference.value, row_id) for reference in references),
        )

    def waiting_for(self, workspace: str, references: Iterable[Reference]) -> tuple[int, ...]:
        sql = "SELECT row_id FROM waits WHERE workspace = ? AND kind = ? AND value = ?"
        found = {row[0] for named in references for row in self._all(sql, workspace, named.kind.value, named.value)}
        return tuple(sorted(found))

    def forget_done(self, before: datetime, limit: int) -> int:
        sql = """SELECT id, received_at FROM inbox WHERE id NOT IN (SELECT id FROM inbox_open) ORDER BY id LIMIT ?"""
        old = [(row_id,) for row_id, received in self._all(sql, limit) if received < microseconds(before)]
        self._connection.executemany("DELETE FROM inbox WHERE id = ?", old)
        self._all("DELETE FROM causes WHERE ended_at < ?", microseconds(before))
        return len(old)

    # --- orders -----------------------------------------------------------------------------------------------------

    def put_record(
        self,
        record: OrderRecord,
        references: Iterable[Reference],
        *,
        review_at: datetime | None,
        name: str,
        placed_at: datetime | None,
        email: str,
        customer_name: str,
        total: str,
    ) -> tuple[Reference, ...]:
        key = str(record.key)
        self._all(
            """INSERT INTO orders (key, review_at, placed_at, name, email, customer_name, total, record)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (key) DO UPDATE SET review_at = excluded.review_at, placed_at = excluded.placed_at,
                name = excluded.name, email = excluded.email, customer_name = excluded.customer_name,
                total = excluded.total, record = excluded.record""",
            key,
            None if review_at is None else microseconds(review_at),
            None if placed_at is None else microseconds(placed_at),
            name,
            email,
            customer_name,
            total,
            encode(record),
        )
        return self._rename(key, record.key.workspace, {(named.kind.value, named.value) for named in references})

    def _rename(self, key: str, workspace: str, wanted: set[tuple[str, str]]) -> tuple[Reference, ...]:
        """Make the order's names those wanted, tickets aside; the names it did not have before."""
        known = {(kind, value) for kind, value in self._all("SELECT kind, value FROM names WHERE order_key = ?", key)}
        lost = {found for found in known - wanted if found[0] != ReferenceKind.TICKET}
        if lost:
            sql = "DELETE FROM names WHERE workspace = ? AND kind = ? AND value = ? AND order_key = ?"
            self._connection.executemany(sql, ((workspace, kind, value, key) for kind, value in lost))
        gained = sorted(wanted - known)
        if gained:
            sql = "INSERT INTO names (workspace, kind, value, order_key) VALUES (?, ?, ?, ?)"
            self._connection.executemany(sql, ((workspace, kind, value, key) for kind, value in gained))
        return tuple(Reference(ReferenceKind(kind), value) for kind, value in gained)

    def set_review(self, key: OrderKey, at: datetime | None) -> None:
        sql = "UPDATE orders SET review_at = ? WHERE key = ?"
        self._all(sql, None if at is None else microseconds(at), str(key))

    def review_after(self, workspace: str, after: str, limit: int, at: datetime) -> str | None:
        # A workspace's keys lie between `acme/` and `acme0`, the sign after the slash.
        sql = "SELECT key FROM orders WHERE key > ? AND key < ? ORDER BY key LIMIT ?"
        keys = [row[0] for row in self._all(sql, max(after, f"{workspace}/"), f"{workspace}0", limit)]
        for key in keys:
            self._all(
                """UPDATE orders SET review_at = ? WHERE key = ? AND (review_at > ? OR (review_at IS NULL
                    AND EXISTS (SELECT 1 FROM issues WHERE order_key = orders.key AND state = 'open')))""",
                microseconds(at),
                key,
                microseconds(at),
            )
        return keys[-1] if len(keys) == limit else None

    def put_policy_mark(self, mark: PolicyMark) -> None:
        self._all(
            """INSERT INTO policies (workspace, digest, reviewed_to) VALUES (?, ?, ?) ON CONFLICT (workspace)
                DO UPDATE SET digest = excluded.digest, reviewed_to = excluded.reviewed_to""",
            mark.workspace,
            mark.digest,
            mark.reviewed_to,
        )

    def link_ticket(self, key: OrderKey, connection: str, ticket_id: str) -> None:
        self._all(
            "INSERT INTO names (workspace, kind, value, order_key) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            key.workspace,
            ReferenceKind.TICKET.value,
            f"{connection}|{ticket_id}",
            str(key),
        )

    def put_causes(self, issue: Issue, causes: Iterable[str], at: datetime) -> None:
        # Trouble that comes back begins again; what goes on keeps its begin.
        self._connection.executemany(
            """INSERT INTO causes (workspace, cause, issue_id, order_key, kind, begun_at) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (workspace, cause, issue_id) DO UPDATE SET begun_at = ?, ended_at = NULL
                WHERE ended_at IS NOT NULL""",
            [
                (
                    issue.order.workspace,
                    cause,
                    issue.id,
                    str(issue.order),
                    issue.kind.value,
                    microseconds(issue.opened_at),
                    microseconds(at),
                )
                for cause in causes
            ],
        )

    def keep_one_cause(self, issue_id: str, cause: str) -> None:
        self._all("DELETE FROM causes WHERE issue_id = ? AND cause <> ?", issue_id, cause)

    def end_causes(self, issue_id: str, at: datetime) -> None:
        sql = "UPDATE causes SET ended_at = ? WHERE issue_id = ? AND ended_at IS NULL"
        self._all(sql, microseconds(at), issue_id)

    def put_leg(self, workspace: str, name: str, leg: Leg) -> bool:
        added = self._connection.execute(
            "INSERT INTO legs (workspace, name, delivered_at, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (workspace, name, microseconds(leg.delivered_at), encode(leg)),
        )
        return added.rowcount > 0

    # --- issues and actions -----------------------------------------------------------------------------------------

    def put_issue(self, issue: Issue) -> None:
        self._all(
            """INSERT INTO issues (id, order_key, workspace, state, opened_at, body) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET state = excluded.state, opened_at = excluded.opened_at,
                body = excluded.body""",
            issue.id,
            str(issue.order),
            issue.order.workspace,
            issue.state.value,
            microseconds(issue.opened_at),
            encode(issue),
        )

    def put_action(self, action: Action) -> None:
        self._all(
            """INSERT INTO actions (key, order_key, lane, state, not_before, body) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (key) DO UPDATE SET state = excluded.state, not_before = excluded.not_before,
                body = excluded.body""",
            action.key,
            str(action.order),
            action.lane,
            action.state.value,
            microseconds(action.not_before),
            encode(action),
        )
        self._mark_first_due(str(action.order), action.lane)

    def _mark_first_due(self, order_key: str, lane: str) -> None:
        """Of an order's actions in one lane only the oldest unfinished one is due: a note cannot overtake its ticket.

        What goes in another lane does not wait for it: a chat that is down keeps no ticket from being opened.
        """
        sql = "SELECT seq, state, not_before, due_at FROM actions WHERE order_key = ? AND lane = ? ORDER BY seq"
        is_first = True
        for seq, state, not_before, due_at in self._all(sql, order_key, lane):
            due = not_before if is_first and state in UNFINISHED else None
            is_first = is_first and due is None
            if due != due_at:
                self._all("UPDATE actions SET due_at = ? WHERE seq = ?", due, seq)

    # --- tokens -----------------------------------------------------------------------------------------------------

    def put_token(self, token: TokenRow) -> None:
        self._all(
            """INSERT INTO tokens (id, digest, workspace, body) VALUES (?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, workspace = excluded.workspace,
                body = excluded.body""",
            token.id,
            token.digest,
            token.workspace,
            encode(token),
        )

    # --- approvals --------------------------------------------------------------------------------------------------

    def put_approval(self, request: ApprovalRequest) -> None:
        agreed_at = max((decision.at for decision in request.approvals), default=None)
        self._all(
            """INSERT INTO approvals (id, workspace, order_key, state, ask_key, due_at, agreed_at, body)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET state = excluded.state, due_at = excluded.due_at,
                agreed_at = excluded.agreed_at, body = excluded.body""",
            request.id,
            request.workspace,
            str(request.order),
            request.state.value,
            request.ask_key,
            None if request.due_at is None else microseconds(request.due_at),
            None if agreed_at is None else microseconds(agreed_at),
            encode(request),
        )

    def add_audit(self, fact: AuditFact) -> AuditEntry:
        head = self.audit_head(fact.workspace)
        entry = chained(head.hash, head.count + 1, fact)
        self._all(
            "INSERT INTO audit (workspace, sequence, hash, body) VALUES (?, ?, ?, ?)",
            fact.workspace,
            entry.sequence,
            entry.hash,
            encode_entry(entry),
        )
        return entry

    def put_cursor(self, workspace: str, connection: str, text: str) -> None:
        self._all(
            """INSERT INTO cursors (workspace, connection, text) VALUES (?, ?, ?)
                ON CONFLICT (workspace, connection) DO UPDATE SET text = excluded.text""",
            workspace,
            connection,
            text,
        )

    # --- housekeeping -----------------------------------------------------------------------------------------------

    def tidy(self) -> None:
        """Outside a transaction: empty the write-ahead log as far as no reader needs it, refresh statistics."""
        self._all("PRAGMA wal_checkpoint(TRUNCATE)")
        self._all("PRAGMA analysis_limit = 400")
        self._all("PRAGMA optimize")
