"""The commands about the policy as a user meets them, with a server and without one."""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path

import httpx
import pytest

from tests.server.commands import make_folder, run, serving_in

WRONG = '[detectors.payment_failed]\nwiat = "1h"\n\n[teams.ops]\n\n[detectors.tracking_stalled]\nowner = "opps"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path)


def test_the_policy_that_init_writes_is_good(folder: Path) -> None:
    found = run("policy", "check", cwd=folder)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.strip().endswith("policy.toml: good")


def test_a_wrong_policy_is_refused_with_every_place_and_exit_code_2(folder: Path) -> None:
    (folder / "policy.toml").write_text(WRONG)
    (folder / "other.toml").write_text(WRONG)
    for arguments in (["policy", "check"], ["policy", "check", "other.toml"]):
        found = run(*arguments, cwd=folder)
        assert found.returncode == 2
        assert "detectors.payment_failed.wiat: no such key" in found.stdout
        assert "did you mean wait?" in found.stdout
        assert (
            "detectors.tracking_stalled.owner: no such team: 'opps'; expected one of ops; did you mean ops?"
            in found.stdout
        )
        assert "Traceback" not in found.stderr
    listed = json.loads(run("policy", "check", "--json", cwd=folder).stdout)["policies"]
    assert {mistake["path"] for mistake in listed[0]["mistakes"]} == {
        "detectors.payment_failed.wiat",
        "detectors.tracking_stalled.owner",
    }


def test_a_file_is_checked_against_the_connections_or_says_that_it_is_not(folder: Path, tmp_path: Path) -> None:
    (folder / "other.toml").write_text('[detectors.payment_failed]\nlog_back = ["wms"]\n')
    found = run("policy", "check", "other.toml", cwd=folder)
    assert (found.returncode, "'wms' is no connection" in found.stdout) == (2, True)
    alone = tmp_path / "alone"
    alone.mkdir()
    found = run("policy", "check", "../other.toml", cwd=alone)
    assert found.returncode == 0
    assert "names of connections were not checked" in found.stdout
    assert "no such file. `beforehand init` writes one" in found.stderr


def test_a_workspace_that_does_not_exist_is_named(folder: Path) -> None:
    for command in (["check"], ["explain"], ["try", "--order", "1001"]):
        found = run("policy", *command, "--workspace", "nope", cwd=folder)
        assert found.returncode == 2
        assert "--workspace: expected one of acme, got 'nope'" in found.stderr


def test_doctor_tells_of_a_wrong_policy_and_goes_on(tmp_path: Path) -> None:
    assert run("init", ".", cwd=tmp_path).returncode == 0
    (tmp_path / "policy.toml").write_text(WRONG)
    found = run("doctor", "--json", cwd=tmp_path)
    assert found.returncode == 1
    (policy,) = [f for f in json.loads(found.stdout)["findings"] if f["what"] == "acme policy"]
    assert policy["status"] == "error"
    assert "detectors.payment_failed.wiat: no such key" in policy["text"]


def test_explain_answers_six_questions_for_every_kind(folder: Path) -> None:
    (folder / "mine.toml").write_text('[detectors.tracking_stalled]\nowner = "Versand"\nnotify = ["#versand"]\n')
    kinds = json.loads(run("policy", "explain", "--json", "--policy", "mine.toml", cwd=folder).stdout)["kinds"]
    assert len(kinds) == 22
    stalled = next(kind for kind in kinds if kind["kind"] == "tracking_stalled")
    assert (stalled["owner"], stalled["alerted"]) == ("Versand", "#versand when opened or escalated")
    wide = run("policy", "explain", cwd=folder)
    assert wide.returncode == 0
    assert all(title in wide.stdout for title in ("owns the ticket", "what triggers it", "logged back"))
    narrow = run("policy", "explain", cwd=folder, COLUMNS="80")
    assert all(kind["kind"] in wide.stdout and kind["kind"] in narrow.stdout for kind in kinds)
    assert "later scans:      A scan changes nothing" in narrow.stdout


def test_reload_without_a_server_says_when_the_policy_is_read(folder: Path) -> None:
    found = run("policy", "reload", cwd=folder)
    assert (found.returncode, found.stdout) == (0, "no server is running: the policy is read when it starts\n")


def send_order(address: str) -> None:
    """An order whose payment failed; the shop's own webhook."""
    order = {
        "id": 5001,
        "name": "#1001",
        "created_at": "2026-11-20T10:00:00Z",
        "updated_at": "2026-11-20T10:00:00Z",
        "currency": "USD",
        "total_price": "250.00",
        "financial_status": "pending",
        "line_items": [],
    }
    body = json.dumps(order).encode()
    headers = {
        "x-shopify-topic": "orders/create",
        "x-shopify-hmac-sha256": base64.b64encode(hmac.new(b"shop-secret", body, hashlib.sha256).digest()).decode(),
        "x-shopify-shop-domain": "acme.myshopify.com",
        "x-shopify-event-id": "1",
    }
    answer = httpx.post(f"{address}/webhooks/acme.shop", content=body, headers=headers, trust_env=False)
    assert answer.status_code == 202


def test_a_running_server_takes_up_a_policy_and_tries_orders(folder: Path) -> None:
    with serving_in(folder) as (_, address):
        send_order(address)
        deadline = time.monotonic() + 15
        tried = run("policy", "try", "--order", "1001", "--json", cwd=folder)
        while tried.returncode and time.monotonic() < deadline:
            tried = run("policy", "try", "--order", "1001", "--json", cwd=folder)
        found = json.loads(tried.stdout)
        assert (found["order"], found["facts"]["order"]["value"]) == ("5001", 250.0)
        shown = run("policy", "try", "--order", "#1001", "--policy", "policy.toml", cwd=folder)
        assert shown.stdout.startswith("Order #1001 (shop/5001) at ")
        assert "order: name = '#1001', value = 250.0" in shown.stdout

        (folder / "policy.toml").write_text('[detectors.payment_failed]\nwait = "2h"\n')
        taken = run("policy", "reload", "--json", cwd=folder)
        # The engine looks by itself, too, and may have been quicker.
        assert [p["outcome"] for p in json.loads(taken.stdout)["policies"]] in (["taken up"], ["unchanged"])

        (folder / "policy.toml").write_text(WRONG)
        refused = run("policy", "reload", cwd=folder)
        assert refused.returncode == 2
        assert "refused (the policy before it stays): 2 mistakes" in refused.stdout
        ready = httpx.get(f"{address}/readyz", trust_env=False)
        assert (ready.status_code, ready.json()["status"]) == (200, "ready")
        assert ready.json()["policy"].startswith("The policy file of acme has a mistake")

        wrong = run("policy", "try", "--order", "1001", "--policy", "policy.toml", cwd=folder)
        assert wrong.returncode == 2
        assert "policy: 2 mistakes" in wrong.stderr
