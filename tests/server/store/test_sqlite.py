"""What the SQLite store owes beyond the contract: group commit, full disks, locks, damage, one process only."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import asynccontextmanager, closing
from datetime import timedelta

import pytest

from server.errors import AlreadyRunning
from server.store import writer
from server.store.contract import Damaged, InboxItem, InboxState, StoreUnavailable
from server.store.opening import open_writer
from server.store.sqlite import SqliteStore
from tests.server.desk import NOW


def item(number=1, size=8000):
    return InboxItem(
        workspace="acme",
        connection="shop",
        delivery_key=f"key-{number}",
        digest=number.to_bytes(16, "big"),
        headers={},
        body=b"x" * size,
        received_at=NOW + timedelta(seconds=number),
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "beforehand.db"


@pytest.fixture
async def opened(path):
    """Opens stores, and closes them in the end."""
    stores = []

    async def open_store(connect=open_writer):
        store = await SqliteStore.open(path, clock=lambda: NOW, connect=connect)
        stores.append(store)
        return store

    yield open_store
    for store in stores:
        await store.close()


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


async def new_rows(store):
    return len(await store.read(lambda tx: tx.inbox([InboxState.NEW], 10_000)))


# --- group commit ---------------------------------------------------------------------------------------------------


async def test_webhooks_that_arrive_together_share_one_commit(opened):
    statements = []

    def connect(path):
        connection = open_writer(path)
        connection.set_trace_callback(statements.append)
        return connection

    store = await opened(connect)
    async with held(store):
        tasks = await queued(*(store.accept(item(number, 100)) for number in range(300)))
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
        tasks += await queued(*(store.accept(item(number)) for number in range(20)))
    assert all(await asyncio.gather(*tasks))
    assert told == [False, False]


async def test_who_gave_up_waiting_has_stored_nothing(opened):
    store = await opened()
    async with held(store):
        first, second = await queued(store.accept(item(1)), store.accept(item(2)))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    assert await second
    assert await new_rows(store) == 1


async def test_too_much_waiting_is_refused_at_once(opened, monkeypatch):
    monkeypatch.setattr(writer, "MOST_WAITING", 3)
    store = await opened()
    async with held(store):
        tasks = await queued(store.accept(item(1)), store.accept(item(2)))
        with pytest.raises(StoreUnavailable, match="too many"):
            await store.accept(item(3))
    assert await asyncio.gather(*tasks) == [True, True]
    assert await store.accept(item(3))


async def test_too_many_bytes_waiting_are_refused_at_once(opened, monkeypatch):
    monkeypatch.setattr(writer, "MOST_BYTES_WAITING", 10_000)
    store = await opened()
    async with held(store):
        tasks = await queued(store.accept(item(1)), store.accept(item(2)))
        with pytest.raises(StoreUnavailable, match="too many"):
            await store.accept(item(3))
    await asyncio.gather(*tasks)


async def test_a_storage_that_hangs_takes_nothing_more_in(opened, monkeypatch):
    monkeypatch.setattr(writer, "LONGEST_COMMIT", -1.0)
    store = await opened()
    async with held(store):
        with pytest.raises(StoreUnavailable, match="not answered"):
            await store.accept(item(1))


# --- trouble with the storage ---------------------------------------------------------------------------------------


def _dressed(path, kind):
    """A writer's connection whose class can be made to fail, and which the test may touch while the writer is idle."""
    connection = sqlite3.connect(path, isolation_level=None, factory=kind, check_same_thread=False)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


async def _accept_until_full(store):
    for number in range(100):
        try:
            await store.accept(item(number))
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
        await store.accept(item(accepted))
    connections[0].execute("PRAGMA max_page_count = 100000")
    assert await store.accept(item(accepted))
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
    await store.accept(item(1))
    async with held(store):
        tasks = await queued(store.accept(item(2)), store.write(lambda tx: tx.settle(1, InboxState.DONE)))
        Failing.failures = 2  # the holder's own commit, and that of the two behind it
    assert [type(answer) for answer in await asyncio.gather(*tasks, return_exceptions=True)] == [StoreUnavailable] * 2
    assert await new_rows(store) == 1
    assert await store.accept(item(2))
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
    assert await store.accept(item(1))


async def test_a_lock_of_another_program_is_unavailable_and_passes(opened, path):
    store = await opened()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await store.accept(item(1))
        assert await new_rows(store) == 0
        other.execute("ROLLBACK")
    assert await store.accept(item(1))


# --- opening --------------------------------------------------------------------------------------------------------


async def test_what_was_acknowledged_is_there_after_closing_and_opening(opened, path):
    store = await opened()
    await asyncio.gather(*(store.accept(item(number)) for number in range(50)))
    await store.close()
    assert sorted(os.listdir(path.parent)) == ["beforehand.db", "beforehand.db.lock"]
    again = await opened()
    assert await new_rows(again) == 50
    assert not await again.accept(item(7))


async def test_the_file_is_for_its_owner_only_and_durable(opened, path):
    store = await opened()
    assert path.stat().st_mode & 0o077 == 0
    settings = ("journal_mode", "synchronous", "secure_delete", "mmap_size")
    found = [await store.write(lambda tx, name=name: tx._first(f"PRAGMA {name}")) for name in settings]
    assert found == ["wal", 2, 1, 0]
    with pytest.raises(StoreUnavailable, match="readonly"):
        await store.read(lambda tx: tx._all("DELETE FROM inbox"))


async def test_a_second_store_on_the_same_file_is_refused_and_named(opened, path):
    await opened()
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()} since 2026-11-18"):
        await opened()


async def test_a_second_process_on_the_same_file_is_refused(opened, path):
    store = await opened()
    program = f"""
import asyncio, pathlib, datetime
from server.errors import AlreadyRunning
from server.store.sqlite import SqliteStore
try:
    asyncio.run(SqliteStore.open(pathlib.Path({str(path)!r}), clock=lambda: datetime.datetime.now(datetime.UTC)))
except AlreadyRunning as error:
    print(error)
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=subprocess.PIPE)
    said, _ = await process.communicate()
    assert f"in use by process {os.getpid()}" in said.decode()
    assert await store.accept(item(1))


async def test_a_lock_file_left_by_a_dead_process_is_no_hindrance(opened, path):
    path.with_name("beforehand.db.lock").write_text("99999 since 2020-01-01\n")
    assert await (await opened()).accept(item(1))


async def test_a_damaged_file_is_refused_with_the_cause_and_left_alone(opened, path):
    store = await opened()
    for number in range(200):
        await store.accept(item(number, 100))
    await store.close()
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 3] = os.urandom(4096)
    path.write_bytes(content)
    with pytest.raises(Damaged, match=r"is damaged: .*put your backup in their place"):
        await opened()
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("content", "why"), [(b"hello" * 100, "not a SQLite database"), (b"SQLite format 3\x00" + b"?" * 4080, "damaged")]
)
async def test_a_file_of_another_kind_is_refused_and_left_alone(opened, path, content, why):
    path.write_bytes(content)
    with pytest.raises(Damaged, match=why):
        await opened()
    assert path.read_bytes() == content


@pytest.mark.parametrize("is_there", [True, False], ids=["empty", "missing"])
async def test_a_log_without_its_database_is_refused(opened, path, is_there):
    path.with_name("beforehand.db-wal").write_bytes(b"x" * 5000)
    if is_there:
        path.touch()
    with pytest.raises(Damaged, match="write-ahead log"):
        await opened()
    assert path.exists() is is_there


async def test_an_empty_file_is_what_a_crash_at_the_first_start_leaves(opened, path):
    path.touch()
    assert await (await opened()).accept(item(1))


async def test_the_database_of_another_program_is_refused(opened, path):
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE photos (id)")
    with pytest.raises(Damaged, match=r"another program.*photos"):
        await opened()


async def test_a_schema_of_a_newer_version_is_refused(opened, path):
    await (await opened()).close()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('beforehand', 'm9999_more', '')"
        )
    with pytest.raises(Damaged, match=r"newer version.*m9999_more"):
        await opened()


async def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        await SqliteStore.open(tmp_path / "file" / "beforehand.db", clock=lambda: NOW)


async def test_a_torn_log_keeps_what_was_committed_before_the_tear(opened, path, tmp_path):
    store = await opened()
    for number in range(40):
        await store.accept(item(number))
    log = path.with_name("beforehand.db-wal").read_bytes()
    database = path.read_bytes()
    for cut in (len(log), len(log) - 1, len(log) // 2, len(log) // 3, 100):
        copy = tmp_path / f"copy-{cut}" / "beforehand.db"
        copy.parent.mkdir()
        copy.write_bytes(database)
        copy.with_name("beforehand.db-wal").write_bytes(log[:cut])
        if cut == 100 and len(database) < 8192:
            continue
        found = await SqliteStore.open(copy, clock=lambda: NOW)
        rows = await found.read(lambda tx: tx.inbox([InboxState.NEW], 100))
        assert [row.item.delivery_key for row in rows] == [f"key-{n}" for n in range(len(rows))]
        assert len(rows) == 40 or cut < len(log)
        assert await found.examine() == ""
        await found.close()


# --- housekeeping ---------------------------------------------------------------------------------------------------


async def test_tidying_empties_the_log_and_examining_finds_nothing(opened, path):
    store = await opened()
    for number in range(50):
        await store.accept(item(number))
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
