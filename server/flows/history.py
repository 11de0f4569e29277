"""This file reads an order history: CSV, a line an order. A line with a mistake is left out and named.

Lines are taken one by one, so that an unclosed quote or a broken end spoils its own line and not all that follow.
"""

import csv
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct

from server.errors import BadInput
from server.flows.history_fields import Wrong, read_row
from server.flows.history_lines import LONGEST_LINE, Line, Lines, quoted
from server.rules.history import HistoryRow

COLUMNS = (
    *("order_id", "status", "purchased_at", "approved_at", "handed_over_at", "delivered_at", "promised_date"),
    *("origin", "destination", "ship_by", "value", "currency", "items", "seller", "complained_at"),
)
WEIGHT = "weight"
"""May come besides: how many orders a row of a sample stands for."""
MOST_NAMED = 1000
"""Mistakes that are kept with their place; the others are counted."""


class Mistake(Struct, frozen=True):
    """One thing that is wrong, with its place."""

    line: int
    column: str
    """Its name, or `column 7 (promised_date)`; empty where the whole line is meant."""
    text: str

    def __str__(self) -> str:
        return f"line {self.line}{f', {self.column}' if self.column else ''}: {self.text}"


class HistoryFile:
    """One pass over a file: `rows` yields the good ones, and what was wrong has been gathered when it ends."""

    def __init__(self, path: Path, timezone: ZoneInfo, progress: Callable[[int], None] = lambda _: None) -> None:
        """*progress* is told of bytes as they are read."""
        self.path = path
        self.used = 0
        self.left_out = 0
        self.repeated = 0
        """Of those left out, how many name an order that an earlier line has."""
        self.mistakes: list[Mistake] = []
        self.ignored: tuple[str, ...] = ()
        """Columns that nobody asked for."""
        self._timezone = timezone
        self._progress = progress
        self._names: tuple[str, ...] = ()
        self._first_lines: dict[str, int] = {}

    def rows(self) -> Iterator[HistoryRow]:
        """Raises BadInput where the file cannot be opened or its header is not the right one."""
        try:
            with self.path.open("rb") as file:
                lines = Lines(file, self._progress)
                self._read_header(lines)
                while (line := lines.next()) is not None:
                    if (row := self._read_line(line, lines)) is not None:
                        self.used += 1
                        yield row
        except OSError as error:
            raise BadInput(f"{self.path}: {error.strerror or error}") from error

    def check_usable(self) -> None:
        """To be called at the end. Raises BadInput where not a single line could be used."""
        if self.used:
            return
        why = f"; the first mistake: {self.mistakes[0]}" if self.mistakes else ": there are none below the header"
        raise BadInput(f"{self.path}: no line could be used{why}")

    def _read_header(self, lines: Lines) -> None:
        line = lines.next()
        expected = f"expected a first line with the columns {','.join(COLUMNS)}"
        if line is None:
            raise BadInput(f"{self.path}: the file is empty; {expected}")
        raw = line.raw.removeprefix(b"\xef\xbb\xbf")
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff") or line.is_too_long:
            raise BadInput(f"{self.path}, line 1: this is not CSV in UTF-8; {expected}")
        try:
            names = tuple(name.strip() for name in next(csv.reader([raw.decode()], strict=True), []))
        except (UnicodeDecodeError, csv.Error) as error:
            raise BadInput(f"{self.path}, line 1: this is not CSV in UTF-8 ({error}); {expected}") from error
        missing = [name for name in COLUMNS if name not in names]
        unknown = [name for name in names if name not in (*COLUMNS, WEIGHT)]
        twice = sorted({name for name in names if name and names.count(name) > 1})
        if missing or twice:
            told = [f"missing: {', '.join(missing)}"] if missing else []
            told += [f"twice: {', '.join(twice)}"] if twice else []
            told += [f"unknown: {', '.join(map(repr, unknown))[:200]}"] if unknown else []
            raise BadInput(f"{self.path}, line 1: {'; '.join(told)}; {expected}, separated by commas")
        self._names, self.ignored = names, tuple(unknown)

    def _read_line(self, line: Line, lines: Lines) -> HistoryRow | None:
        try:
            fields = self._fields(line, lines)
            if fields is None:
                return None
            found = dict(zip(self._names, fields, strict=True))
            row = read_row(found, self._timezone)
        except Wrong as wrong:
            self._note(line.number, *wrong.mistakes)
            return None
        first = self._first_lines.setdefault(row.order_id, line.number)
        if first != line.number:
            self.repeated += 1
            self._note(line.number, ("order_id", f"order {row.order_id!r} is already on line {first}"))
            return None
        return row

    def _fields(self, line: Line, lines: Lines) -> list[str] | None:
        """The fields of the record that begins on *line*; None where it is blank. Raises Wrong."""
        if line.is_too_long:
            raise Wrong(("", f"longer than {LONGEST_LINE} bytes"))
        text = self._decoded(line)
        if not text.strip():
            return None
        count = len(self._names)
        fields = text.split(",") if '"' not in text else quoted(text, lines, count)
        if len(fields) < count:
            raise Wrong((self._column(len(fields) - 1), f"the line ends here; expected {count} columns"))
        if len(fields) > count:
            raise Wrong(("", f"expected {count} columns, got {len(fields)}; a comma within a field needs quotes"))
        return fields

    def _decoded(self, line: Line) -> str:
        if (place := line.raw.find(b"\0")) >= 0:
            raise Wrong((self._column(line.raw.count(b",", 0, place)), "a NUL character"))
        try:
            return line.raw.decode()
        except UnicodeDecodeError as error:
            column = self._column(line.raw.count(b",", 0, error.start))
            raise Wrong((column, f"expected UTF-8, got the byte 0x{line.raw[error.start]:02x}")) from error

    def _column(self, index: int) -> str:
        return f"column {index + 1} ({self._names[index]})" if index < len(self._names) else f"column {index + 1}"

    def _note(self, line: int, *mistakes: tuple[str, str]) -> None:
        self.left_out += 1
        room = MOST_NAMED - len(self.mistakes)
        self.mistakes += [Mistake(line, column, text) for column, text in mistakes[:room]]


def read_all(file: HistoryFile) -> list[HistoryRow]:
    """Every good row. Raises BadInput where there is none."""
    rows = list(file.rows())
    file.check_usable()
    return rows


def latest_moment(rows: list[HistoryRow]) -> datetime:
    """Until when the file has seen anything happen."""
    return max(
        moment
        for row in rows
        for moment in (row.purchased_at, row.approved_at, row.handed_over_at, row.delivered_at, row.complained_at)
        if moment is not None
    )
