"""The folder for tasks: whole rows, each once, and nothing in them that a spreadsheet would carry out."""

import csv
import io
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from connectors import registry
from connectors.connection import Connection
from connectors.contract import Arrival, Denied, Rejected, TaskSink, Unavailable
from connectors.csv_drop import COLUMNS, _add
from connectors.model import Parcel, Task

TASK = Task(
    key="i1:opened:0:ab",
    event="issue.opened",
    at=datetime(2026, 11, 23, 23, 30, tzinfo=UTC),
    workspace="acme",
    issue="i1",
    kind="tracking_stalled",
    severity="high",
    order="5001",
    order_name="#1001",
    text='Order #1001, "quoted",\nis late',
    reasons=("No scan", "Promise"),
    parcels=(Parcel("ups", "1Z1"), Parcel("ups", "1Z2")),
)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "drop" / "tasks"


@pytest.fixture
def drop(folder):
    return registry.connect("csv_drop", {"folder": str(folder)}, Connection(workspace="acme", name="erp"))


def rows(folder, day="2026-11-23"):
    text = (folder / f"beforehand-{day}.csv").read_bytes().decode()
    assert text.endswith("\r\n")
    assert "\n" not in text.replace("\r\n", "")
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_task_is_a_row_of_the_days_file(drop, folder):
    assert isinstance(drop, TaskSink)
    await drop.send(drop.render_task(TASK), TASK.key)
    (row,) = rows(folder)
    assert tuple(row) == COLUMNS
    assert row["key"] == TASK.key
    assert row["text"] == 'Order #1001, "quoted", is late'
    assert (row["reasons"], row["carrier"], row["tracking_number"]) == ("No scan; Promise", "ups", "1Z1; 1Z2")
    assert row["at"] == "2026-11-23T23:30:00Z"


async def test_repeat_is_not_written_again(drop, folder):
    for key in (TASK.key, "other", TASK.key):
        await drop.send(drop.render_task(TASK), key)
    assert [row["key"] for row in rows(folder)] == [TASK.key, "other"]
    assert await drop.arrival(b"", TASK.key, TASK.at) is Arrival.REPEATABLE


@pytest.mark.parametrize("evil", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1"])
async def test_formula_is_text(drop, folder, evil):
    await drop.send(drop.render_task(replace(TASK, text=evil, order_name=evil)), TASK.key)
    (row,) = rows(folder)
    assert row["text"].startswith("'")
    assert row["order_name"].startswith("'")


async def test_file_that_an_editor_left_open_is_continued_on_a_line_of_its_own(drop, folder):
    await drop.send(drop.render_task(TASK), "one")
    path = folder / "beforehand-2026-11-23.csv"
    path.write_bytes(path.read_bytes().rstrip())
    await drop.send(drop.render_task(TASK), "two")
    assert [row["key"] for row in rows(folder)] == ["one", "two"]


def test_many_at_once_lose_nothing(drop, folder):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: _add(folder, TASK, f"key {n % 20}"), range(60)))
    assert sorted(row["key"] for row in rows(folder)) == sorted(f"key {n}" for n in range(20))


async def test_crash_before_the_file_is_replaced_leaves_the_old_one(drop, folder, monkeypatch):
    await drop.send(drop.render_task(TASK), "one")

    def dies(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", dies)
    with pytest.raises(Unavailable, match="No space"):
        await drop.send(drop.render_task(TASK), "two")
    monkeypatch.undo()
    assert [row["key"] for row in rows(folder)] == ["one"]
    await drop.send(drop.render_task(TASK), "two")
    assert [row["key"] for row in rows(folder)] == ["one", "two"]


async def test_what_is_no_task_is_refused(drop):
    with pytest.raises(Rejected):
        await drop.send(b"{}", "k")


async def test_check_writes_nothing(drop, folder):
    assert await drop.check() == f"tasks are written to {folder}"
    assert not folder.exists()
    folder.parent.mkdir()
    folder.write_text("a file")
    with pytest.raises(Denied):
        await drop.check()


@pytest.mark.parametrize("folder", ["", "relative", "a\0b"])
def test_bad_settings_say_what_was_expected(folder):
    with pytest.raises(ValueError, match="expected folder"):
        registry.connect("csv_drop", {"folder": folder}, Connection(workspace="acme", name="erp"))
