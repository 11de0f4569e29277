"""This file takes a file line by line: none longer than memory can bear, and some looked at before they are taken."""

import csv
from collections.abc import Callable
from typing import BinaryIO

from msgspec import Struct

from server.flows.history_fields import Wrong

LONGEST_LINE = 64 * 1024
MOST_TOGETHER = 50
"""Lines that one quoted field may run over."""


class Line(Struct, frozen=True):
    """One line as it stands there, without its end; nothing of it where it is too long."""

    number: int
    raw: bytes
    is_too_long: bool = False


class Lines:
    """The lines of a file."""

    def __init__(self, file: BinaryIO, progress: Callable[[int], None]) -> None:
        self._file = file
        self._progress = progress
        self._ahead: list[Line] = []
        self._number = 0

    def next(self) -> Line | None:
        return self._ahead.pop(0) if self._ahead else self._read()

    def peek(self, index: int) -> Line | None:
        """The line that comes *index* lines after the next one."""
        while len(self._ahead) <= index:
            if (line := self._read()) is None:
                return None
            self._ahead.append(line)
        return self._ahead[index]

    def skip(self, count: int) -> None:
        del self._ahead[:count]

    def _read(self) -> Line | None:
        raw = self._file.readline(LONGEST_LINE + 2)
        if not raw:
            return None
        self._number += 1
        self._progress(len(raw))
        is_too_long = len(raw) > LONGEST_LINE and not raw.endswith(b"\n")
        rest = raw
        while is_too_long and rest and not rest.endswith(b"\n"):
            rest = self._file.readline(LONGEST_LINE)
            self._progress(len(rest))
        return Line(self._number, b"" if is_too_long else raw.rstrip(b"\r\n"), is_too_long)


def quoted(text: str, lines: Lines, count: int) -> list[str]:
    """Fields with quotes, which may hold line ends. Further lines are taken only where they make a whole record."""
    fields, trouble = _parse(text)
    together, taken = text, 0
    while fields is None and taken < MOST_TOGETHER and len(together) < LONGEST_LINE:
        line = lines.peek(taken)
        if line is None or line.is_too_long:
            break
        together, taken = f"{together}\n{line.raw.decode(errors='replace')}", taken + 1
        fields, _ = _parse(together)
        if fields is not None and len(fields) != count:
            fields = None
            break
    if fields is None:
        raise Wrong(("", trouble or "a quote is opened and not closed"))
    lines.skip(taken)
    return fields


def _parse(text: str) -> tuple[list[str] | None, str]:
    try:
        return next(csv.reader([text], strict=True)), ""
    except csv.Error as error:
        return None, "" if "unexpected end" in str(error) else f"cannot be read as CSV: {error}"
