"""A database that an earlier version made goes on where it was."""

import sqlite3
from datetime import UTC, datetime, timedelta

from sqlite_utils import Database

from server.approval_model import ApprovalState
from server.model import ActionState
from server.store.migrations import migrate, migrations
from server.store.reading import SqliteReading, microseconds
from server.store.writing import encode
from tests.server.approving import approved, request
from tests.server.desk import NOW
from tests.server.storing import KEY, OTHER, action

OLD = "INSERT INTO actions (key, order_key, state, not_before, due_at, body) VALUES (?, ?, ?, ?, ?, ?)"


def test_actions_of_before_there_were_lanes_stay_in_sequence(tmp_path):
    connection = sqlite3.connect(tmp_path / "old.db", isolation_level=None)
    database = Database(connection, recursive_triggers=False, execute_plugins=False)
    migrations.apply(database, stop_before="m0005_lanes")
    waits = NOW + timedelta(hours=1)
    rows = [
        (action(1, state=ActionState.DONE), None),
        (action(2, state=ActionState.SENDING, not_before=waits), microseconds(waits)),
        (action(3), None),
        (action(4, OTHER), microseconds(NOW)),
    ]
    for found, due_at in rows:
        order, at = str(found.order), microseconds(found.not_before)
        connection.execute(OLD, (found.key, order, found.state.value, at, due_at, encode(found)))
    migrate(connection)
    reading = SqliteReading(connection)
    assert reading.due_actions(NOW, 9) == (rows[3][0],)
    assert reading.due_actions(waits, 9) == (rows[3][0], rows[1][0])
    assert reading.actions_of(KEY) == tuple(found for found, _ in rows[:3])
    assert reading.due_actions_elsewhere(waits, 9, ["acme.desk"]) == ()
    connection.close()


def test_what_was_agreed_to_before_counts_for_limits_of_a_day(tmp_path):
    connection = sqlite3.connect(tmp_path / "old.db", isolation_level=None)
    database = Database(connection, recursive_triggers=False, execute_plugins=False)
    migrations.apply(database, stop_before="m0009_agreements")
    for found in (approved(id="r1"), request(id="r2", state=ApprovalState.EXPIRED)):
        row = (found.id, "acme", str(found.order), found.state.value, encode(found))
        sql = "INSERT INTO approvals (id, workspace, order_key, state, ask_key, body) VALUES (?, ?, ?, ?, '', ?)"
        connection.execute(sql, row)
    migrate(connection)
    day = datetime.now(UTC) - timedelta(days=1)
    assert [found.id for found in SqliteReading(connection).approvals_agreed("acme", day)] == ["r1"]
    connection.close()
