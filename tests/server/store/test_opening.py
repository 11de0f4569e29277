"""Opening the database: one process only, never a damaged file, never a new one in place of an old one."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from server.errors import AlreadyRunning
from server.store.contract import Damaged, InboxState, StoreUnavailable
from server.store.sqlite import SqliteStore
from tests.server.desk import NOW
from tests.server.storing import large, new_rows


async def test_what_was_acknowledged_is_there_after_closing_and_opening(opened, path):
    store = await opened()
    await asyncio.gather(*(store.accept(large(number)) for number in range(50)))
    await store.close()
    assert sorted(os.listdir(path.parent)) == ["beforehand.db", "beforehand.db.lock"]
    again = await opened()
    assert await new_rows(again) == 50
    assert not await again.accept(large(7))


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
    assert await store.accept(large(1))


async def test_a_lock_file_left_by_a_dead_process_is_no_hindrance(opened, path):
    path.with_name("beforehand.db.lock").write_text("99999 since 2020-01-01\n")
    assert await (await opened()).accept(large(1))


async def test_a_damaged_file_is_refused_with_the_cause_and_left_alone(opened, path):
    store = await opened()
    for number in range(200):
        await store.accept(large(number, 100))
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
    assert await (await opened()).accept(large(1))


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
        await store.accept(large(number))
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
