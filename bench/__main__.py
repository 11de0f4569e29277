"""This file runs the measurements and prints the table: `make bench`, or `python -m bench acks live`."""

import os
import platform
import sqlite3
import sys
import tempfile
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from bench import clock, measures, promise, replay, rules, sidebar
from bench.measures import Line
from bench.running import fsync_milliseconds, running

ORDERS = 320
PARTS = ("stored", "live", "dead", "tickets", "acks", "rules", "clock", "replay", "promise", "sidebar")


async def measure(parts: set[str]) -> list[Line]:
    """The lines of *parts*, one after the other, on one server."""
    lines: list[Line] = []
    if parts == {"sidebar"}:
        with tempfile.TemporaryDirectory(prefix="beforehand-bench-") as folder:
            return await sidebar.sidebar(Path(folder))
    with tempfile.TemporaryDirectory(prefix="beforehand-bench-") as folder, running(Path(folder), ORDERS) as server:
        if parts & {"stored", "live", "dead"}:
            lines += await measures.stored_context(server, ORDERS)
        if "live" in parts:
            lines += await measures.live_contexts(server)
        if "dead" in parts:
            lines += await measures.dead_source(server)
        if "tickets" in parts:
            lines += await measures.tickets(server)
        if "acks" in parts:
            lines += await measures.acks(server)
    if "rules" in parts:
        lines += await rules.events_per_second()
    if "clock" in parts:
        lines += clock.ticks()
    if "replay" in parts:
        lines += replay.replay()
    if "promise" in parts:
        lines += promise.promise()
    if "sidebar" in parts:
        with tempfile.TemporaryDirectory(prefix="beforehand-bench-") as folder:
            lines += await sidebar.sidebar(Path(folder))
    return lines


def main() -> None:
    console = Console()
    unknown = set(sys.argv[1:]) - set(PARTS)
    if unknown:
        raise SystemExit(f"expected some of {', '.join(PARTS)}; got {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="beforehand-bench-") as folder:
        usual, worst = fsync_milliseconds(Path(folder))
    console.print(
        f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, fsync {usual:.2f} ms (at worst {worst:.1f}); "
        "the server on one core, load and upstreams on another, all on loopback"
    )
    lines = uvloop.run(measure(set(sys.argv[1:]) or set(PARTS)))
    table = Table("what", "measured", "to reach", "ratio", "", box=None, pad_edge=False)
    for line in lines:
        ratio = "" if line.ratio is None else f"{line.ratio:.3f}"
        reached = {None: "", True: "reached", False: "not reached"}[line.is_reached]
        table.add_row(line.what, line.measured, line.target, ratio, reached)
    console.print(table)


if __name__ == "__main__":
    main()
