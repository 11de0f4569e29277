"""The commands of `beforehand approvals`, with and without a server that could read the order again."""

import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.commands import make_folder, run, serving_in

ROOT = Path(__file__).parents[2]
PEOPLE = """
[people.dana]
name = "Dana Reyes"
role = "approver"

[people.kim]
role = "agent"
"""
ADD = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path
from connectors.money import Money
from connectors.order_actions import OrderActionKind
from connectors.transport import utc_now
from server.approval_model import ApprovalRequest, Person
from server.model import OrderKey, Role
from server.store.sqlite import SqliteStore

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]), clock=utc_now)
    for name in ("r1", "r2", "r3"):
        request = ApprovalRequest(
            id=name, workspace="acme", order=OrderKey("acme", "shop", "5001"), order_name="#1001",
            kind=OrderActionKind.REFUND, amount=Money(1200, "USD"), reason="[red]arrived \\x1b[31mbroken",
            requester=Person(id="sam", name="Sam", role=Role.AGENT), created_at=utc_now(),
            expires_at=utc_now() + timedelta(days=1), details={"payment": "pi_1"},
        )
        await store.write(lambda tx: tx.put_approval(request))
    await store.close()

asyncio.run(main())
"""


@pytest.fixture
def folder(tmp_path):
    made = make_folder(tmp_path)
    policy = made / "policy.toml"
    policy.write_text(policy.read_text() + PEOPLE)
    path = database(made)
    path.parent.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-c", ADD, str(path)], check=True, cwd=ROOT)
    return made


def database(folder):
    found = re.search(r'database = "sqlite:///([^"]+)"', (folder / "beforehand.toml").read_text())
    return folder / (found.group(1) if found else "var/beforehand.db")


def approvals(folder, *arguments):
    return run("approvals", *arguments, "--workspace", "acme", cwd=folder)


def test_requests_are_listed_and_shown(folder):
    listed = json.loads(approvals(folder, "list", "--json").stdout)["approvals"]
    assert [found["id"] for found in listed] == ["r3", "r2", "r1"]
    assert (listed[0]["amount"], listed[0]["asked by"], listed[0]["state"]) == ("$12.00", "Sam", "pending")
    assert json.loads(approvals(folder, "list", "--state", "executed", "--json").stdout) == {"approvals": []}
    shown = json.loads(approvals(folder, "show", "r1", "--json").stdout)["approval"]
    assert (shown["id"], shown["currency"], shown["requester"]["name"]) == ("r1", "USD", "Sam")
    text = approvals(folder, "show", "r1").stdout
    assert "[red]arrived" in text
    assert "\x1b[31m" not in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", "--state", "open"), "state: expected some of pending"),
        (("show", "r9"), "no request r9"),
        (("reject", "r1", "--as", "dana", "--reason", "not broken"), "beforehand serve"),
    ],
)
def test_what_cannot_be_done_is_said(folder, arguments, said):
    refused = approvals(folder, *arguments)
    assert refused.returncode != 0
    assert said in " ".join(refused.stderr.split())


def test_a_known_person_decides_through_the_server(folder):
    decide = ("--reason", "the photo shows it", "--as")
    with serving_in(folder):
        for who, said in (("eve", "dana, kim"), ("kim", "not among those who may decide")):
            refused = approvals(folder, "reject", "r1", *decide, who)
            assert refused.returncode != 0
            assert said in " ".join(refused.stderr.split())
        # Nobody answers for this shop here, and nothing is approved on what could not be read.
        unread = approvals(folder, "approve", "r2", *decide, "dana")
        assert unread.returncode != 0
        assert "nothing was decided" in " ".join(unread.stderr.split())
        done = approvals(folder, "reject", "r1", *decide, "dana")
        assert (done.returncode, done.stdout.strip()) == (0, "refund for #1001 is rejected")
        assert approvals(folder, "reject", "r1", *decide, "dana").returncode != 0
        other = approvals(folder, "reject", "r3", *decide, "dana", "--json")
        assert json.loads(other.stdout)["approval"]["state"] == "rejected"
        shown = json.loads(approvals(folder, "show", "r1", "--json").stdout)["approval"]
    assert [(d["person"]["name"], d["decision"]) for d in shown["decisions"]] == [("Dana Reyes", "reject")]
    with sqlite3.connect(database(folder)) as connection:
        bodies = [json.loads(body) for (body,) in connection.execute("SELECT body FROM audit ORDER BY sequence")]
    assert [(body["fact"]["event"], body["fact"]["actor"]) for body in bodies] == [
        ("approval.refused", "token:eve"),
        ("approval.refused", "kim"),
        ("approval.refused", "dana"),
        ("approval.rejected", "dana"),
        ("approval.refused", "dana"),
        ("approval.rejected", "dana"),
    ]
