"""What the SQLite store owes beyond the contract: group commit, full disks, broken disks, locks."""

import asyncio
import sqlite3
import threading
from contextlib import asynccontextmanager, closing

import pytest

from server.store import writer
from server.store.contract import InboxState, StoreUnavailable
from server.store.opening import open_writer
from tests.server.storing import large, new_rows


@asynccontextmanager
async def held(store):
    """Holds the writer inside a unit, so that what is handed in meanwhile waits together behind it."""
    begun, opened = threading.Event(), threading.Event()
    task = asyncio.ensure_future(store.write(lambda _: (begun.set(), opened.wait(10))))
    await asyncio.to_thread(begun.wait, 10)
    yield
    opened.set()
    await asyncio.gather(task, return_exceptions=True)


async def queued(*works):
    """Start them all, and come back when all are in the queue."""
    tasks = [asyncio.ensure_future(work) for work in works]
    await asyncio.sleep(0)
    return tasks


# --- group commit ---------------------------------------------------------------------------------------------------


async def test_webhooks_that_arrive_together_share_one_commit(opened):
    statements = []

    def connect(path):
        connection = open_writer(path)
        connection.set_trace_callback(statements.append)
        return connection

    store = await opened(connect)
    async with held(store):
        tasks = await queued(*(store.accept(large(number, 100)) for number in range(300)))
    assert all(await asyncio.gather(*tasks))
    # One for what held the writer, one for everything that waited behind it.
    assert (statements.count("BEGIN IMMEDIATE"), statements.count("COMMIT")) == (2, 2)


async def test_nobody_is_told_before_the_commit(opened):
    told = []

    class Committing(sqlite3.Connection):
        def execute(self, sql, *values):
            if sql == "COMMIT":
                told.append(any(task.done() for task in tasks))
            return super().execute(sql, *values)

    tasks = []
    store = await opened(lambda path: _dressed(path, Committing))
    async with held(store):
        tasks += await queued(*(store.accept(large(number)) for number in range(20)))
    assert all(await asyncio.gather(*tasks))
    assert told == [False, False]


async def test_who_gave_up_waiting_has_stored_nothing(opened):
    store = await opened()
    async with held(store):
        first, second = await queued(store.accept(large(1)), store.accept(large(2)))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    assert await second
    assert await new_rows(store) == 1


async def test_too_much_waiting_is_refused_at_once(opened, monkeypatch):
    monkeypatch.setattr(writer, "MOST_WAITING", 3)
    store = await opened()
    async with held(store):
        tasks = await queued(store.accept(large(1)), store.accept(large(2)))
        with pytest.raises(StoreUnavailable, match="too many"):
            await store.accept(large(3))
    assert await asyncio.gather(*tasks) == [True, True]
    assert await store.accept(large(3))


async def test_too_many_bytes_waiting_are_refused_at_once(opened, monkeypatch):
    monkeypatch.setattr(writer, "MOST_BYTES_WAITING", 10_000)
    store = await opened()
    async with held(store):
        tasks = await queued(store.accept(large(1)), store.accept(large(2)))
        with pytest.raises(StoreUnavailable, match="too many"):
            await store.accept(large(3))
    await asyncio.gather(*tasks)


async def test_a_storage_that_hangs_takes_nothing_more_in(opened, monkeypatch):
    monkeypatch.setattr(writer, "LONGEST_COMMIT", -1.0)
    store = await opened()
    async with held(store):
        with pytest.raises(StoreUnavailable, match="not answered"):
            await store.accept(large(1))


# --- trouble with the storage ---------------------------------------------------------------------------------------


def _dressed(path, kind):
    """A writer's connection whose class can be made to fail, and which the test may touch while the writer is idle."""
    connection = sqlite3.connect(path, isolation_level=None, factory=kind, check_same_thread=False)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


async def _accept_until_full(store):
    for number in range(100):
        try:
            await store.accept(large(number))
        except StoreUnavailable:
            return number
    raise AssertionError("it never filled up")


async def test_a_full_disk_acknowledges_nothing_and_is_over_when_there_is_space_again(opened):
    connections = []

    def connect(path):
        connections.append(_dressed(path, sqlite3.Connection))
        return connections[-1]

    store = await opened(connect)
    (pages,) = connections[0].execute("PRAGMA page_count").fetchone()
    connections[0].execute(f"PRAGMA max_page_count = {pages + 20}")
    accepted = await _accept_until_full(store)
    assert accepted > 0
    assert await new_rows(store) == accepted
    with pytest.raises(StoreUnavailable, match="full"):
        await store.accept(large(accepted))
    connections[0].execute("PRAGMA max_page_count = 100000")
    assert await store.accept(large(accepted))
    assert await new_rows(store) == accepted + 1


class Failing(sqlite3.Connection):
    """Fails to commit as often as it is told."""

    failures = 0

    def execute(self, sql, *values):
        if sql == "COMMIT" and Failing.failures:
            Failing.failures -= 1
            super().execute("ROLLBACK")
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, *values)


async def test_after_a_failed_fsync_nobody_is_acknowledged_and_the_connection_is_a_new_one(opened):
    connections = []

    def connect(path):
        connections.append(_dressed(path, Failing))
        return connections[-1]

    store = await opened(connect)
    await store.accept(large(1))
    async with held(store):
        tasks = await queued(store.accept(large(2)), store.write(lambda tx: tx.settle(1, InboxState.DONE)))
        Failing.failures = 2  # the holder's own commit, and that of the two behind it
    assert [type(answer) for answer in await asyncio.gather(*tasks, return_exceptions=True)] == [StoreUnavailable] * 2
    assert await new_rows(store) == 1
    assert await store.accept(large(2))
    assert await new_rows(store) == 2
    assert len(connections) == 3
    for thrown_away in connections[:2]:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            thrown_away.execute("SELECT 1")


async def test_after_trouble_even_an_empty_write_proves_that_writing_works(opened):
    statements = []

    def connect(path):
        connection = _dressed(path, Failing)
        connection.set_trace_callback(statements.append)
        return connection

    store = await opened(connect)
    await store.write(lambda tx: None)
    assert not any("probe" in statement for statement in statements)
    Failing.failures = 2
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await store.write(lambda tx: None)
    await store.write(lambda tx: None)
    assert sum("probe" in statement for statement in statements) == 2
    await store.write(lambda tx: None)
    assert sum("probe" in statement for statement in statements) == 2


async def test_a_statement_that_is_wrong_is_not_mistaken_for_a_broken_disk(opened):
    store = await opened()
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await store.write(lambda tx: tx._all("SELECT * FROM nowhere"))
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await store.read(lambda tx: tx._all("SELECT * FROM nowhere"))
    assert await store.accept(large(1))


async def test_a_lock_of_another_program_is_unavailable_and_passes(opened, path):
    store = await opened()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await store.accept(large(1))
        assert await new_rows(store) == 0
        other.execute("ROLLBACK")
    assert await store.accept(large(1))


# --- housekeeping ---------------------------------------------------------------------------------------------------


async def test_tidying_empties_the_log_and_examining_finds_nothing(opened, path):
    store = await opened()
    for number in range(50):
        await store.accept(large(number))
    log = path.with_name("beforehand.db-wal")
    assert log.stat().st_size > 100_000
    await store.tidy()
    assert log.stat().st_size == 0
    assert await store.examine() == ""
    assert await new_rows(store) == 50


async def test_what_is_due_is_found_by_an_index_and_not_by_looking_at_everything(opened):
    store = await opened()

    async def plan(sql):
        return " / ".join(row[3] for row in await store.read(lambda tx: tx._all(f"EXPLAIN QUERY PLAN {sql}")))

    for sql in (
        "SELECT key FROM orders WHERE review_at <= 5 ORDER BY review_at LIMIT 9",
        "SELECT min(review_at) FROM orders WHERE review_at IS NOT NULL",
        "SELECT body FROM actions WHERE due_at <= 5 ORDER BY due_at, seq LIMIT 9",
        "SELECT min(due_at) FROM actions WHERE due_at IS NOT NULL",
        "SELECT id FROM inbox_open WHERE state = 'new' AND workspace = 'acme' ORDER BY id LIMIT 9",
        "SELECT order_key FROM names WHERE workspace = 'a' AND kind = 'b' AND value = 'c'",
        "SELECT body FROM issues WHERE workspace = 'a' AND state = 'open' ORDER BY opened_at DESC, rowid DESC LIMIT 9",
    ):
        found = await plan(sql)
        assert "SEARCH" in found, (sql, found)
        assert "TEMP B-TREE" not in found, (sql, found)
