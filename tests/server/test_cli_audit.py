"""The commands of `beforehand audit`, and the check that docs/audit.md gives to people with other tools."""

import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.commands import make_folder, run, serving_in

DOCS = Path(__file__).parents[2] / "docs" / "audit.md"
ADD = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from connectors.transport import utc_now
from server.approval_model import AuditFact
from server.store.sqlite import SqliteStore

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]), clock=utc_now)
    for number in range(int(sys.argv[2])):
        fact = AuditFact(
            workspace="acme", at=datetime(2026, 11, 24, tzinfo=UTC), event="approval.refused", actor="[red]sam",
            via="desk", subject=f"r{number}", details={"reason": 'na\\u00efve "x" \\u2028 \\x07', "a": ""},
        )
        await store.write(lambda tx: tx.add_audit(fact))
    await store.close()

asyncio.run(main())
"""


@pytest.fixture
def folder(tmp_path):
    made = make_folder(tmp_path)
    add(made, 5)
    return made


def database(folder):
    found = re.search(r'database = "sqlite:///([^"]+)"', (folder / "beforehand.toml").read_text())
    return folder / (found.group(1) if found else "var/beforehand.db")


def add(folder, count):
    path = database(folder)
    path.parent.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-c", ADD, str(path), str(count)], check=True, cwd=DOCS.parents[1])


def spoil(folder, sql):
    connection = sqlite3.connect(database(folder))
    with connection:
        connection.execute(sql)
    connection.close()


def lines(text):
    """By line feeds alone: a letter such as U+2028 ends no line here."""
    return text.removesuffix("\n").split("\n")


def head_of(folder):
    return json.loads(run("audit", "head", "--json", cwd=folder).stdout)["heads"][0]["head"]


def test_sound_log_is_sound_also_for_other_tools_as_the_docs_say(folder):
    checked = run("audit", "verify", cwd=folder)
    assert (checked.returncode, checked.stdout.strip()) == (0, f"acme: sound, 5 entries, head {head_of(folder)}")
    exported = run("audit", "export", "--workspace", "acme", cwd=folder).stdout
    assert [json.loads(line)["sequence"] for line in lines(exported)] == [1, 2, 3, 4, 5]
    (program,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    told = subprocess.run([sys.executable, "-c", program], input=exported, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == f"sound: {head_of(folder)}"
    changed = exported.replace('"subject":"r2"', '"subject":"r9"')
    refused = subprocess.run(
        [sys.executable, "-c", program], input=changed, capture_output=True, text=True, check=False
    )
    assert "entry 3 was changed" in refused.stderr


def test_damage_is_named_and_ends_with_code_one(folder):
    kept = head_of(folder)
    spoil(folder, "DELETE FROM audit WHERE sequence = 5")
    assert run("audit", "verify", cwd=folder).returncode == 0, "only the head that was kept shows a cut end"
    found = run("audit", "verify", "--workspace", "acme", "--head", kept, "--json", cwd=folder)
    (log,) = json.loads(found.stdout)["logs"]
    assert (found.returncode, log["sound"], log["bad"]) == (1, False, 5)
    said = run("audit", "verify", "--workspace", "acme", "--head", kept, cwd=folder)
    assert (said.returncode, "NOT SOUND: entry 5: " in said.stdout) == (1, True)


def test_lines_that_cannot_be_read_are_shown_as_such(folder):
    spoil(folder, "UPDATE audit SET body = x'00ff' WHERE sequence = 2")
    listed = json.loads(run("audit", "list", "--workspace", "acme", "--json", cwd=folder).stdout)["entries"]
    assert [entry["number"] for entry in listed] == [1, 2, 3, 4, 5]
    assert "cannot be read" in listed[1]["event"]
    assert (listed[2]["actor"], listed[2]["subject"]) == ("[red]sam", "r2")
    assert len(lines(run("audit", "export", "--workspace", "acme", cwd=folder).stdout)) == 5


def test_list_shows_the_newest_and_goes_on_from_a_number(folder):
    def numbers(*arguments):
        answer = run("audit", "list", "--workspace", "acme", "--json", *arguments, cwd=folder)
        return [entry["number"] for entry in json.loads(answer.stdout)["entries"]]

    assert numbers("--limit", "2") == [4, 5]
    assert numbers("--after", "1", "--limit", "2") == [2, 3]
    shown = run("audit", "list", "--workspace", "acme", cwd=folder).stdout
    assert "[red]sam" in shown
    assert "\x07" not in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify", "--head", f"1:{'a' * 64}"),
        ("verify", "--workspace", "acme", "--head", "1:abc"),
        ("export", "--workspace", "nobody"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(folder, arguments):
    found = run("audit", *arguments, cwd=folder)
    assert found.returncode == 2
    assert "Traceback" not in found.stderr
    assert found.stderr.strip()


def test_server_that_runs_answers(folder):
    with serving_in(folder):
        assert run("audit", "verify", cwd=folder).returncode == 0
        assert len(lines(run("audit", "export", "--workspace", "acme", cwd=folder).stdout)) == 5
