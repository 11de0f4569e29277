"""This file is the SQLite schema, as steps that are applied once each, in order. A released step never changes.

Times are whole microseconds since 1970 in UTC, so that they compare as numbers. Records, issues and actions are
MessagePack; the columns beside them are what is searched for.
"""

import sqlite3

import msgspec
from sqlite_utils import Database, Migrations

NAME = "beforehand"
migrations = Migrations(NAME)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date. Raises ValueError when a newer version of us has made it."""
    database = Database(connection, recursive_triggers=False, execute_plugins=False)
    known = {step.name for step in migrations._migrations}  # noqa: SLF001 - there is no public list
    unknown = [step.name for step in migrations.applied(database) if step.name not in known]
    if unknown:
        raise ValueError(f"it was made by a newer version (it has {', '.join(unknown)}): install that version again")
    migrations.apply(database)


@migrations()
def m0001_inbox(database: Database) -> None:
    """What arrived, never rewritten, and beside it what is still to be done about it: no row there means done.

    A row of the inbox holds a whole body; changing a word of it would write all of it again.
    """
    _run(
        database,
        """CREATE TABLE inbox (
            id INTEGER PRIMARY KEY, workspace TEXT NOT NULL, connection TEXT NOT NULL, received_at INTEGER NOT NULL,
            is_look INTEGER NOT NULL, delivery_key TEXT NOT NULL, digest BLOB NOT NULL, headers BLOB NOT NULL,
            body BLOB NOT NULL
        )""",
        "CREATE UNIQUE INDEX inbox_by_digest ON inbox (workspace, connection, digest)",
        """CREATE UNIQUE INDEX inbox_by_delivery ON inbox (workspace, connection, delivery_key)
            WHERE delivery_key <> ''""",
        """CREATE TABLE inbox_open (
            id INTEGER PRIMARY KEY, workspace TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
            reason TEXT NOT NULL
        )""",
        "CREATE INDEX inbox_open_by_state ON inbox_open (state, workspace, id)",
        """CREATE TABLE waits (
            workspace TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, row_id INTEGER NOT NULL,
            PRIMARY KEY (workspace, kind, value, row_id)
        ) WITHOUT ROWID""",
        "CREATE INDEX waits_by_row ON waits (row_id)",
    )


@migrations()
def m0002_orders(database: Database) -> None:
    """Orders, the names they are found by, their issues and what is done about them.

    `actions.due_at` is set on the oldest unfinished action of each order only, so that what is due is one index range.
    """
    _run(
        database,
        """CREATE TABLE orders (
            key TEXT PRIMARY KEY, review_at INTEGER, placed_at INTEGER, name TEXT NOT NULL, email TEXT NOT NULL,
            customer_name TEXT NOT NULL, total TEXT NOT NULL, record BLOB NOT NULL
        )""",
        "CREATE INDEX orders_by_review ON orders (review_at) WHERE review_at IS NOT NULL",
        """CREATE TABLE names (
            workspace TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, order_key TEXT NOT NULL,
            PRIMARY KEY (workspace, kind, value, order_key)
        ) WITHOUT ROWID""",
        "CREATE INDEX names_by_order ON names (order_key)",
        """CREATE TABLE issues (
            id TEXT PRIMARY KEY, order_key TEXT NOT NULL, workspace TEXT NOT NULL, state TEXT NOT NULL,
            opened_at INTEGER NOT NULL, body BLOB NOT NULL
        )""",
        "CREATE INDEX issues_by_order ON issues (order_key, opened_at)",
        "CREATE INDEX issues_by_time ON issues (workspace, opened_at)",
        "CREATE INDEX issues_open_by_time ON issues (workspace, opened_at) WHERE state = 'open'",
        """CREATE TABLE actions (
            seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, order_key TEXT NOT NULL, state TEXT NOT NULL,
            not_before INTEGER NOT NULL, due_at INTEGER, body BLOB NOT NULL
        )""",
        "CREATE INDEX actions_by_order ON actions (order_key, seq)",
        "CREATE INDEX actions_by_due ON actions (due_at, seq) WHERE due_at IS NOT NULL",
        "CREATE INDEX actions_by_state ON actions (state) WHERE state <> 'done'",
    )


@migrations()
def m0003_tokens(database: Database) -> None:
    """API tokens, and a row to write to where it has to be known whether writing works."""
    _run(
        database,
        """CREATE TABLE tokens (
            id TEXT PRIMARY KEY, digest BLOB NOT NULL UNIQUE, workspace TEXT NOT NULL, body BLOB NOT NULL
        )""",
        "CREATE INDEX tokens_by_workspace ON tokens (workspace)",
        "CREATE TABLE probe (id INTEGER PRIMARY KEY CHECK (id = 1), writes INTEGER NOT NULL)",
        "INSERT INTO probe VALUES (1, 0)",
    )


@migrations()
def m0004_legs(database: Database) -> None:
    """Deliveries from which transit times are learnt, each once."""
    _run(
        database,
        """CREATE TABLE legs (
            workspace TEXT NOT NULL, name TEXT NOT NULL, delivered_at INTEGER NOT NULL, body BLOB NOT NULL,
            PRIMARY KEY (workspace, name)
        ) WITHOUT ROWID""",
        "CREATE INDEX legs_by_time ON legs (workspace, delivered_at)",
    )


@migrations()
def m0005_lanes(database: Database) -> None:
    """In which lane an action goes (`acme.desk`, see `Action.lane`): it waits only for those before it there."""
    _run(
        database,
        "ALTER TABLE actions ADD COLUMN lane TEXT NOT NULL DEFAULT ''",
        "DROP INDEX actions_by_order",
        "CREATE INDEX actions_by_order ON actions (order_key, lane, seq)",
        "DROP INDEX actions_by_due",
        "CREATE INDEX actions_by_due ON actions (due_at, seq, lane) WHERE due_at IS NOT NULL",
    )
    # Only what is unfinished is ever asked for by its lane, and there were no notices yet.
    sql = "SELECT seq, body FROM actions WHERE state IN ('pending', 'sending')"
    for seq, body in database.conn.execute(sql).fetchall():
        found = msgspec.msgpack.decode(body)
        lane = f"{found['order']['workspace']}.{found['connection']}"
        database.conn.execute("UPDATE actions SET lane = ? WHERE seq = ?", (lane, seq))
    _run(
        database,
        """UPDATE actions SET due_at = not_before WHERE seq IN
            (SELECT min(seq) FROM actions WHERE state IN ('pending', 'sending') GROUP BY order_key, lane)""",
    )


@migrations()
def m0006_causes(database: Database) -> None:
    """What open trouble may share with that of other orders: an incident is many rows of one cause."""
    _run(
        database,
        """CREATE TABLE causes (
            workspace TEXT NOT NULL, cause TEXT NOT NULL, issue_id TEXT NOT NULL, order_key TEXT NOT NULL,
            kind TEXT NOT NULL, begun_at INTEGER NOT NULL, ended_at INTEGER,
            PRIMARY KEY (workspace, cause, issue_id)
        ) WITHOUT ROWID""",
        "CREATE INDEX causes_by_issue ON causes (issue_id)",
        "CREATE INDEX causes_by_time ON causes (workspace, cause, begun_at, order_key)",
        "CREATE INDEX causes_open ON causes (workspace, cause, begun_at) WHERE ended_at IS NULL",
        "CREATE INDEX causes_ended ON causes (ended_at) WHERE ended_at IS NOT NULL",
    )


@migrations()
def m0007_policies(database: Database) -> None:
    """Which policy orders are judged by: a change is followed by a look at all of them, also over a restart."""
    _run(
        database,
        "CREATE TABLE policies (workspace TEXT PRIMARY KEY, digest BLOB NOT NULL, reviewed_to TEXT) WITHOUT ROWID",
    )


@migrations()
def m0008_approvals(database: Database) -> None:
    """What people ask for and decide, the audit log of it, and how far connections have been read back."""
    _run(
        database,
        """CREATE TABLE approvals (
            seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, workspace TEXT NOT NULL, order_key TEXT NOT NULL,
            state TEXT NOT NULL, ask_key TEXT NOT NULL, due_at INTEGER, body BLOB NOT NULL
        )""",
        "CREATE UNIQUE INDEX approvals_by_key ON approvals (workspace, ask_key) WHERE ask_key <> ''",
        "CREATE INDEX approvals_by_order ON approvals (order_key, seq)",
        "CREATE INDEX approvals_by_state ON approvals (workspace, state, seq)",
        "CREATE INDEX approvals_by_due ON approvals (due_at) WHERE due_at IS NOT NULL",
        """CREATE TABLE audit (
            workspace TEXT NOT NULL, sequence INTEGER NOT NULL, hash TEXT NOT NULL, body BLOB NOT NULL,
            PRIMARY KEY (workspace, sequence)
        ) WITHOUT ROWID""",
        """CREATE TABLE cursors (
            workspace TEXT NOT NULL, connection TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (workspace, connection)
        ) WITHOUT ROWID""",
    )


@migrations()
def m0009_agreements(database: Database) -> None:
    """When somebody last agreed to a request, for limits of a day. What is there may count for a day too long."""
    _run(
        database,
        "ALTER TABLE approvals ADD COLUMN agreed_at INTEGER",
        """UPDATE approvals SET agreed_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000000
            WHERE state IN ('pending', 'approved', 'executing', 'executed')""",
        "CREATE INDEX approvals_by_agreement ON approvals (workspace, agreed_at) WHERE agreed_at IS NOT NULL",
    )


def _run(database: Database, *statements: str) -> None:
    # One by one: `executescript` would commit in the middle of the step.
    for statement in statements:
        database.conn.execute(statement)
