"""This file opens the database file: one process only, never a damaged one, and never a new one in place of an old one.

Of SQLite before 3.51.3 it is known that two connections which write or checkpoint at the same moment can damage the
file. So exactly one connection here does either, the others can only read, and no memory mapping is used.
"""

import fcntl
import os
import sqlite3
from datetime import datetime
from pathlib import Path

import structlog

from server.errors import AlreadyRunning
from server.store.contract import Damaged, StoreUnavailable
from server.store.migrations import migrate

log = structlog.get_logger()

LONGEST_LOCK = 1.0
"""Seconds to wait for a lock that another program holds on the file."""
LARGEST_CHECKED = 256 * 1024 * 1024
"""Bytes up to which every page is looked at before each start; larger files are examined at night."""
_HEADER = b"SQLite format 3\x00"


class FileLock:
    """Held as long as the process uses the database; the system lets go of it when the process dies."""

    def __init__(self, database: Path, now: datetime) -> None:
        """Raises AlreadyRunning with the process that holds it, and StoreUnavailable when it cannot be made."""
        path = database.with_name(database.name + ".lock")
        try:
            database.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailable(f"{path} cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._descriptor, 200).decode("utf-8", "replace").strip()
            os.close(self._descriptor)
            raise AlreadyRunning(f"{database} is in use by process {holder or '(unknown)'}") from error
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()} since {now.isoformat(timespec='seconds')}\n".encode())

    def release(self) -> None:
        os.close(self._descriptor)


def prepare(path: Path) -> None:
    """See that the file may be used, and bring its schema up to date. To be called before anything else has it open.

    Raises Damaged, or sqlite3.Error.
    """
    _expect_usable_file(path)
    # Customers' data: for the owner's eyes only.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = open_writer(path)
    try:
        migrate(connection)
    except ValueError as error:
        raise Damaged(f"{path} cannot be used: {error}") from error
    finally:
        connection.close()


def open_writer(path: Path) -> sqlite3.Connection:
    """The connection that writes."""
    connection = sqlite3.connect(path, timeout=LONGEST_LOCK, isolation_level=None, cached_statements=256)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 1000")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    connection.execute("PRAGMA mmap_size = 0")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -16384")
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that can only read, and so never checkpoints. It is used by one thread and closed by another."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        timeout=LONGEST_LOCK,
        isolation_level=None,
        cached_statements=256,
        check_same_thread=False,
    )
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA mmap_size = 0")
    return connection


def damage(connection: sqlite3.Connection) -> str:
    """What is wrong with the file; empty when every page and index is sound."""
    try:
        found = [line for row in connection.execute("PRAGMA quick_check(3)") for line in str(row[0]).splitlines()]
    except sqlite3.OperationalError:  # locked, or the disk: says nothing about the content
        raise
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == ["ok"] else "; ".join(line for line in found if not line.startswith("***"))


def _expect_usable_file(path: Path) -> None:
    """Look at the file before SQLite does, which would start afresh where it finds nothing."""
    log_path = path.with_name(path.name + "-wal")
    has_log = log_path.exists() and log_path.stat().st_size > 0
    size = path.stat().st_size if path.exists() else 0
    if not size:
        if has_log:
            raise Damaged(
                f"{path} is {'empty' if path.exists() else 'missing'}, but its write-ahead log {log_path.name} is not. "
                + _way_out(path)
            )
        return
    # Reading the file through Python is safe only while SQLite has it closed: closing it would drop SQLite's locks.
    with path.open("rb") as file:
        header = file.read(len(_HEADER))
    if header != _HEADER:
        raise Damaged(f"{path} is not a SQLite database. " + _way_out(path))
    _expect_sound_content(path)


def _expect_sound_content(path: Path) -> None:
    if path.stat().st_size > LARGEST_CHECKED:
        log.info("database_not_checked_at_start", path=str(path), bytes=path.stat().st_size)
    # Not read-only: after a crash the write-ahead log has to be taken in before the content is whole.
    connection = sqlite3.connect(path, timeout=LONGEST_LOCK, isolation_level=None)
    try:
        if path.stat().st_size <= LARGEST_CHECKED and (found := damage(connection)):
            raise Damaged(f"{path} is damaged: {found}. {_way_out(path)}")
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise Damaged(f"{path} is damaged: {error}. {_way_out(path)}") from error
    finally:
        connection.close()
    if tables and "_sqlite_migrations" not in tables:
        raise Damaged(f"{path} belongs to another program (it has the table {tables[0]}): name another file")


def _way_out(path: Path) -> str:
    return (
        f"Nothing was changed. Move {path.name}, {path.name}-wal and {path.name}-shm away together, put your backup in "
        f"their place (cp BACKUP {path}) and start again"
    )
