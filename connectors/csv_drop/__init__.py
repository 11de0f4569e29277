"""This file is a folder into which tasks are written as CSV, one file a day, for systems that fetch files.

Each file is replaced as a whole, so that whoever fetches it never sees half a row. A task that is in the day's file
already is not written again.
"""

import asyncio
import csv
import fcntl
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from connectors.connection import Connection
from connectors.contract import Arrival, Denied, Rejected, Unavailable
from connectors.model import Task

SYSTEM = "CSV folder"
COLUMNS = (
    "key",
    "at",
    "event",
    "kind",
    "severity",
    "shop",
    "order",
    "order_name",
    "text",
    "reasons",
    "since",
    "deadline",
    "carrier",
    "tracking_number",
    "owner",
    "issue",
    "order_url",
    "ticket_id",
    "ticket_url",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[workspace.NAME.connections.NAME]` of kind `csv_drop`."""

    folder: str
    """An absolute path; it is made where there is none."""

    def __post_init__(self) -> None:
        if not Path(self.folder).is_absolute() or "\0" in self.folder:
            raise ValueError(f"expected folder to be an absolute path, got {self.folder[:80]!r}")

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("folder", self.folder)]


class CsvDrop:
    """One folder. Implements `TaskSink` and `Checkable`."""

    system = SYSTEM

    def __init__(self, settings: Settings) -> None:
        self._folder = Path(settings.folder)

    def render_task(self, task: Task) -> bytes:
        """The task as JSON."""
        return msgspec.json.encode(task, order="sorted")

    async def send(self, request: bytes, key: str) -> str:
        """Add a row, unless it is there."""
        try:
            task = msgspec.json.decode(request, type=Task)
        except msgspec.DecodeError as error:
            raise Rejected(SYSTEM, f"not a task: {error}") from error
        try:
            await asyncio.to_thread(_add, self._folder, task, key)
        except PermissionError as error:
            raise Denied(SYSTEM, f"{error.filename}: {error.strerror}") from error
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise Unavailable(SYSTEM, str(error)) from error
        return ""

    async def arrival(self, request: bytes, key: str, since: datetime) -> Arrival:
        """Writing it again changes nothing."""
        return Arrival.REPEATABLE

    async def check(self) -> str:
        """Whether files can be written there. Writes none."""
        folder = self._folder
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise Denied(SYSTEM, f"{folder} cannot be written to")
        return f"tasks are written to {self._folder}"

    async def close(self) -> None:
        """Nothing stays open."""


def connect(settings: Settings, connection: Connection) -> CsvDrop:
    """Make the connector. No I/O."""
    del connection
    return CsvDrop(settings)


def _add(folder: Path, task: Task, key: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"beforehand-{task.at.astimezone(UTC):%Y-%m-%d}.csv"
    with _alone(folder / ".beforehand.lock"):
        before = path.read_bytes().decode() if path.exists() else ""
        if any(row[:1] == [key] for row in csv.reader(io.StringIO(before))):
            return
        # Somebody's editor may have left the last line open.
        begun = before if not before or before.endswith("\n") else f"{before}\r\n"
        rows = ([] if before else [COLUMNS]) + [_row(task, key)]
        _replace(path, begun + _written(rows))


def _row(task: Task, key: str) -> tuple[str, ...]:
    first = task.parcels[0] if task.parcels else None
    values = {
        **{name: value for name, value in msgspec.to_builtins(task).items() if isinstance(value, str)},
        "key": key,
        "reasons": "; ".join(task.reasons),
        "carrier": first.carrier if first else "",
        "tracking_number": "; ".join(parcel.tracking_number for parcel in task.parcels),
    }
    return tuple(_inert(values.get(name, "")) for name in COLUMNS)


def _inert(cell: str) -> str:
    """What a spreadsheet would take for a formula begins with a quote, which makes it text."""
    plain = " ".join(cell.split())
    return f"'{plain}" if cell.startswith(_FORMULA) or plain.startswith(_FORMULA) else plain


def _written(rows: list[tuple[str, ...]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _replace(path: Path, text: str) -> None:
    """All of it or nothing, also when the power fails."""
    fresh = path.with_suffix(".csv.new")
    with fresh.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One writer at a time."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
