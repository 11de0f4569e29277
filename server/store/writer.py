"""This file is the one thread that writes to the database: it commits everything that is waiting with one fsync.

What is handed in is a unit: it happens wholly or not at all, and its future is resolved only after the commit.
A unit that fails undoes itself and nothing else. When the storage fails, nothing of the batch is acknowledged and the
connection is thrown away: an fsync that failed once says nothing when it is repeated on the same file handle.
"""

import asyncio
import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import Future as ThreadFuture
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any

import structlog

from server.store.contract import StoreUnavailable
from server.store.writing import SqliteWriting

log = structlog.get_logger()

Work = Callable[[SqliteWriting], Any]
Connect = Callable[[], sqlite3.Connection]

MOST_WAITING = 10_000
MOST_BYTES_WAITING = 64 * 1024 * 1024
MOST_TOGETHER = 512
"""Units in one commit."""
LONGEST_COMMIT = 3.0
"""Seconds after which a batch that is still not done counts as stuck: then nothing more is taken in."""


@dataclass(slots=True, eq=False)
class Unit:
    """Work for the writer. With *alone* it is run outside a transaction."""

    future: asyncio.Future[Any]
    work: Work
    size: int
    alone: bool = False


@dataclass(slots=True)
class Outcome:
    unit: Unit
    value: Any = None
    error: BaseException | None = None


class Writer:
    """Owns the only connection that writes and checkpoints."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._queue: SimpleQueue[Unit | None] = SimpleQueue()
        self._waiting = 0
        self._bytes = 0
        self._busy_since: float | None = None
        self._is_open = True
        self._must_prove = False
        """After trouble, the next commit has to write something before it may say that all is well."""
        self._started: ThreadFuture[None] = ThreadFuture()
        self._thread = Thread(target=self._run, name="database writer", daemon=True)

    async def start(self) -> None:
        """Open the database, in the thread that will use it. Raises what *connect* raises."""
        self._thread.start()
        await asyncio.wrap_future(self._started)

    def submit(self, work: Work, size: int = 0, *, alone: bool = False) -> asyncio.Future[Any]:
        """Queue *work* of *size* bytes. Raises StoreUnavailable at once when there is too much waiting already."""
        if not self._is_open:
            raise StoreUnavailable("the store is closed")
        if self._waiting >= MOST_WAITING or self._bytes >= MOST_BYTES_WAITING:
            raise StoreUnavailable("too many writes are waiting")
        if self._busy_since is not None and monotonic() - self._busy_since > LONGEST_COMMIT:
            raise StoreUnavailable("the storage has not answered for a while")
        unit = Unit(asyncio.get_running_loop().create_future(), work, size, alone)
        self._waiting += 1
        self._bytes += size
        self._queue.put(unit)
        return unit.future

    async def stop(self) -> None:
        """Finish what is queued, then close."""
        self._is_open = False
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    # --- in the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._connection = self._connect()
        except BaseException as error:  # noqa: BLE001 - whoever waits for the start is told
            self._started.set_exception(error)
            return
        self._started.set_result(None)
        is_last = False
        while not is_last:
            batch, is_last = self._take()
            self._busy_since = monotonic()
            outcomes = self._commit(batch) if batch else []
            self._busy_since = None
            self._resolve(outcomes)
        self._discard()

    def _take(self) -> tuple[list[Unit], bool]:
        """Wait for a unit, then take along what else is there; and whether this was the end."""
        batch: list[Unit] = []
        with contextlib.suppress(Empty):
            unit = self._queue.get()
            while unit is not None:
                batch.append(unit)
                if unit.alone or len(batch) == MOST_TOGETHER:
                    return batch, False
                unit = self._queue.get_nowait()
            return batch, True
        return batch, False

    def _commit(self, batch: list[Unit]) -> list[Outcome]:
        """Run a batch and make it durable."""
        try:
            if self._connection is None:
                self._connection = self._connect()
            return self._transact(self._connection, batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, this thread must live and nobody may be told "stored"
            log.critical("storage_failed", error=str(error), units=len(batch))
            self._must_prove = True
            if not _leaves_connection_sound(error):
                self._discard()
            return [Outcome(unit, error=_unavailable(error)) for unit in batch]

    def _transact(self, connection: sqlite3.Connection, batch: list[Unit]) -> list[Outcome]:
        tables = SqliteWriting(connection)
        together = [unit for unit in batch if not unit.alone]
        outcomes: list[Outcome] = []
        if together or self._must_prove:
            try:
                connection.execute("BEGIN IMMEDIATE")
                outcomes = [_perform(connection, tables, unit) for unit in together]
                if self._must_prove:
                    connection.execute("UPDATE probe SET writes = writes + 1")
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
        self._must_prove = False
        return outcomes + [_run_alone(tables, unit) for unit in batch if unit.alone]

    def _discard(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _resolve(self, outcomes: list[Outcome]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[Outcome]] = defaultdict(list)
        for outcome in outcomes:
            by_loop[outcome.unit.future.get_loop()].append(outcome)
        for loop, found in by_loop.items():
            # A loop that was closed meanwhile has nobody left who waits.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._tell, found)

    def _tell(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            self._waiting -= 1
            self._bytes -= outcome.unit.size
            if outcome.unit.future.done():
                continue
            if outcome.error is not None:
                outcome.unit.future.set_exception(outcome.error)
            else:
                outcome.unit.future.set_result(outcome.value)


def _perform(connection: sqlite3.Connection, tables: SqliteWriting, unit: Unit) -> Outcome:
    """One unit within the transaction, undone alone where it fails. Raises where the storage is to blame."""
    if unit.future.done():
        return Outcome(unit)  # whoever asked has given up and was told so
    connection.execute("SAVEPOINT unit")
    try:
        value = unit.work(tables)
    except BaseException as error:  # it is raised where the work was asked for
        if is_storage_trouble(error) or not connection.in_transaction:
            raise
        connection.execute("ROLLBACK TO unit")
        connection.execute("RELEASE unit")
        return Outcome(unit, error=error)
    connection.execute("RELEASE unit")
    return Outcome(unit, value)


def _run_alone(tables: SqliteWriting, unit: Unit) -> Outcome:
    try:
        return Outcome(unit, unit.work(tables))
    except sqlite3.Error as error:
        return Outcome(unit, error=_unavailable(error))


def is_storage_trouble(error: BaseException) -> bool:
    """Whether the disk, a lock or the file is to blame, and not the statement or its values."""
    if not isinstance(error, sqlite3.OperationalError) and type(error) is not sqlite3.DatabaseError:
        return False
    return getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR


def _leaves_connection_sound(error: BaseException) -> bool:
    """A lock held by another program and a full disk go away by themselves."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL)


def _unavailable(error: BaseException) -> StoreUnavailable:
    if isinstance(error, StoreUnavailable):
        return error
    failure = StoreUnavailable(f"the database cannot be written: {error}")
    failure.__cause__ = error
    return failure
