"""This file is the store in one SQLite file: a writer that groups commits, readers beside it."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from connectors.transport import Clock
from server.store.contract import InboxItem, Reading, StoreUnavailable, Writing
from server.store.opening import FileLock, damage, open_reader, open_writer, prepare
from server.store.reading import SqliteReading
from server.store.writer import Writer, is_storage_trouble

T = TypeVar("T")

READERS = 3


class SqliteStore:
    """Implements `Store` and `Tended`. One process at a time; the loop that opened it uses it."""

    def __init__(self, path: Path, lock: FileLock, writer: Writer) -> None:
        self._path = path
        self._lock = lock
        self._writer = writer
        self._readers = Readers(path)

    @classmethod
    async def open(
        cls, path: Path, *, clock: Clock, connect: Callable[[Path], sqlite3.Connection] = open_writer
    ) -> "SqliteStore":
        """Open the database, or make it where there is none. Raises AlreadyRunning, Damaged, StoreUnavailable."""
        lock = FileLock(path, clock())
        writer = Writer(lambda: connect(path))
        try:
            await asyncio.to_thread(prepare, path)
            await writer.start()
        except (sqlite3.Error, OSError) as error:
            lock.release()
            raise StoreUnavailable(f"{path} cannot be opened: {error}") from error
        except BaseException:
            lock.release()
            raise
        return cls(path, lock, writer)

    async def accept(self, item: InboxItem) -> bool:
        is_new: bool = await self._writer.submit(lambda tx: tx.add_inbox(item), len(item.body))
        return is_new

    async def write(self, work: Callable[[Writing], T]) -> T:
        value: T = await self._writer.submit(work)
        return value

    async def read(self, work: Callable[[Reading], T]) -> T:
        return await self._readers.run(work)

    async def tidy(self) -> None:
        """Move the write-ahead log into the database and let SQLite look after its statistics."""
        await self._writer.submit(lambda tx: tx.tidy(), alone=True)

    async def examine(self) -> str:
        """Look at every page, on a connection of its own beside the work."""

        def work() -> str:
            connection = open_reader(self._path)
            try:
                return damage(connection)
            finally:
                connection.close()

        return await asyncio.to_thread(work)

    async def close(self) -> None:
        """Finish what is queued and close. Closing twice does nothing."""
        if self._readers.is_open:
            # Readers first: the last connection to go tidies up, and only the writer may.
            await asyncio.to_thread(self._readers.close)
            await self._writer.stop()
            self._lock.release()


class Readers:
    """A few threads, each with a connection of its own that sees one moment per piece of work."""

    def __init__(self, path: Path) -> None:
        self.is_open = True
        self._path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="database reader")

    async def run(self, work: Callable[[Reading], T]) -> T:
        """Run *work* in one of the threads. Raises StoreUnavailable."""
        if not self.is_open:
            raise StoreUnavailable("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, work)

    def close(self) -> None:
        self.is_open = False
        self._threads.shutdown(wait=True)
        for connection in self._connections:
            connection.close()

    def _read(self, work: Callable[[Reading], T]) -> T:
        try:
            tables = self._tables()
            self._local.connection.execute("BEGIN")
            try:
                return work(tables)
            finally:
                self._local.connection.execute("COMMIT")
        except sqlite3.Error as error:
            if not is_storage_trouble(error):
                raise
            self._drop()
            raise StoreUnavailable(f"the database cannot be read: {error}") from error

    def _tables(self) -> SqliteReading:
        if getattr(self._local, "connection", None) is None:
            self._local.connection = open_reader(self._path)
            self._local.tables = SqliteReading(self._local.connection)
            self._connections.append(self._local.connection)
        tables: SqliteReading = self._local.tables
        return tables

    def _drop(self) -> None:
        if getattr(self._local, "connection", None) is not None:
            self._connections.remove(self._local.connection)
            self._local.connection.close()
            self._local.connection = None
