"""The demo as a user starts it: on real ports, with the files that `beforehand serve` would read."""

import asyncio
import signal
import sys
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from server import settings
from server.demo.run import demonstrate
from server.demo.stories import NEW_YORK, beginning

PORT = 8460


async def test_the_demo_plays_every_story_ends_and_leaves_a_configuration_that_can_be_served(tmp_path, capsys):
    summary = await demonstrate(port=PORT, folder=tmp_path, keep_running=False)
    told = capsys.readouterr().out
    # By when the dispute must be answered depends on the day on which the demo is played.
    assert {subject.partition(", to be answered by ")[0]: state for subject, state in summary.tickets.items()} == {
        "Order #48207 has a failed payment of $145.00": "open",
        "Order #48219 has had no carrier scan for 48 hours (and 1 more)": "solved",
        "Order #48222 was cancelled after fulfilment had begun": "open",
        "Order #48233 has had no carrier scan for 48 hours": "solved",
        "Order #48236 has been on hold for 24 hours: it is out of stock": "open",
        "Order #48239 has a payment dispute of $160.00": "open",
        "Where is my jacket?": "new",
        "Change of delivery day": "new",
        "Two bowls are broken": "new",
    }
    assert {kind: summary.happened.get(kind, 0) for kind in ("ticket_opened", "ticket_joined", "ticket_solved")} == {
        "ticket_opened": 6,
        "ticket_joined": 1,
        "ticket_solved": 1,
    }
    assert (summary.happened["team_told"], summary.happened["task_handed_over"]) == (5, 1)
    assert summary.duplicates > 10
    assert "▸ ticket opened 4711" in told
    assert "/v1/orders/acme/48219/context" in told
    assert "/app/acme/approvals" in told
    assert (summary.happened["note_added"] > 0, "Dana approves the refund" in told) == (True, True)
    assert "Traceback" not in told
    connections = settings.load(tmp_path / "beforehand.toml").workspaces["acme"].connections
    assert sorted(connections) == ["chat", "desk", "inbox", "payments", "shop", "tracking", "ups", "warehouse"]
    assert all(each.base_url.startswith("http://127.0.0.1:") for each in connections.values())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
async def test_it_keeps_running_until_it_is_told_to_end(tmp_path, number):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from server.cli import main; main()"),
        *("demo", "--port", str(PORT), "--folder", str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(90):
        while "Everything keeps running" not in said:
            line = await process.stdout.readline()
            assert line, said
            said += line.decode()
        url, token = _how_to_ask(said)
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(url, headers={"authorization": f"Bearer {token}"})
        process.send_signal(number)
        said += (await process.stdout.read()).decode()
        await process.wait()
    assert answer.json()["order"]["name"] == "#48219"
    assert "Traceback" not in said
    assert process.returncode == 0


def _how_to_ask(said):
    line = next(line for line in said.splitlines() if "curl" in line)
    return line.split()[-1], line.partition("Bearer ")[2].partition("'")[0]


@pytest.mark.parametrize("days", range(14))
def test_the_stories_begin_on_a_tuesday_morning_that_lies_days_back(days):
    now = datetime(2026, 11, 1, 5, 30, tzinfo=UTC) + timedelta(days=days)
    start = beginning(now)
    local = start.astimezone(NEW_YORK)
    assert (local.strftime("%A"), local.hour, local.minute) == ("Tuesday", 9, 0)
    assert timedelta(days=3) < now - start < timedelta(days=11)
