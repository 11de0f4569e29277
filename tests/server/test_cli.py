"""The command line as a user meets it: in a process of its own."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.server.commands import make_folder, run, serving_in


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path)


@pytest.fixture
def serving(folder: Path) -> Iterator[tuple[Path, str]]:
    with serving_in(folder) as found:
        yield found


def test_init_writes_a_configuration_that_starts_and_keeps_its_key_to_its_owner(tmp_path: Path) -> None:
    made = run("init", "there", cwd=tmp_path)
    assert made.returncode == 0
    assert "beforehand doctor" in made.stdout
    assert (tmp_path / "there/beforehand.env").stat().st_mode & 0o077 == 0
    checked = run("doctor", "--config", "there/beforehand.toml", "--json", cwd=tmp_path)
    assert checked.returncode == 0
    assert {f["status"] for f in json.loads(checked.stdout)["findings"]} == {"ok", "warning"}


def test_init_overwrites_nothing_unless_told(tmp_path: Path) -> None:
    assert run("init", ".", cwd=tmp_path).returncode == 0
    (tmp_path / "policy.toml").write_text("# mine")
    again = run("init", ".", cwd=tmp_path)
    assert (again.returncode, (tmp_path / "policy.toml").read_text()) == (2, "# mine")
    assert "--force" in again.stderr
    assert run("init", ".", "--force", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("[server]\nbind = 1\n", "beforehand.toml: server.bind: expected `str`, got `int`"),
        (None, "no such file. `beforehand init` writes one"),
    ],
)
def test_a_wrong_configuration_stops_the_start_with_its_place(tmp_path: Path, broken, message: str) -> None:
    if broken:
        (tmp_path / "beforehand.toml").write_text(broken + "\n[workspace.acme]\n")
    found = run("serve", cwd=tmp_path)
    assert found.returncode == 2
    assert message in found.stderr
    assert "Traceback" not in found.stderr


def test_a_wrong_policy_stops_the_start_with_its_place(folder: Path) -> None:
    (folder / "policy.toml").write_text("[detectors.payment_failed]\nwait = 45\n")
    found = run("serve", cwd=folder)
    assert found.returncode == 2
    assert "policy.toml: detectors.payment_failed.wait: expected" in found.stderr


def test_an_environment_variable_that_is_not_set_is_named(folder: Path) -> None:
    found = run("serve", cwd=folder, BEFOREHAND_SECRET_KEY="")
    assert found.returncode == 2
    assert "server.secret_keys[0]: the environment variable BEFOREHAND_SECRET_KEY is not set" in found.stderr


def test_tokens_are_made_listed_and_revoked_without_a_server(folder: Path) -> None:
    made = run("token", "create", "--workspace", "acme", "--role", "agent", "--user", "robin", cwd=folder)
    assert made.stdout.startswith("bh_"), made.stderr
    listed = json.loads(run("token", "list", "--workspace", "acme", "--json", cwd=folder).stdout)["tokens"]
    assert [(token["user"], token["role"]) for token in listed] == [("robin", "agent")]
    assert made.stdout.strip() not in json.dumps(listed)
    assert run("token", "revoke", listed[0]["id"], "--workspace", "acme", cwd=folder).returncode == 0
    assert run("token", "create", "--workspace", "nope", "--role", "agent", "--user", "x", cwd=folder).returncode == 2


def test_commands_reach_the_server_that_holds_the_database(serving: tuple[Path, str]) -> None:
    folder, address = serving
    made = run("token", "create", "--workspace", "acme", "--role", "agent", "--user", "robin", cwd=folder)
    token = made.stdout.strip()
    assert token.startswith("bh_"), made.stderr
    headers = {"authorization": f"Bearer {token}"}
    assert httpx.get(f"{address}/v1/issues/acme", headers=headers, trust_env=False).json() is not None
    assert httpx.get(f"{address}/v1/issues/acme", trust_env=False).status_code == 401


def test_a_second_server_on_the_same_database_is_refused(serving: tuple[Path, str]) -> None:
    folder, _ = serving
    second = run("serve", cwd=folder)
    assert second.returncode == 2
    assert "another process" in second.stderr or "in use" in second.stderr, second.stderr


def test_what_cannot_be_read_is_kept_listed_and_tried_again(serving: tuple[Path, str]) -> None:
    folder, address = serving
    body = b'{"id": null}'
    digest = base64.b64encode(hmac.new(b"shop-secret", body, hashlib.sha256).digest()).decode()
    headers = {
        "x-shopify-topic": "orders/create",
        "x-shopify-hmac-sha256": digest,
        "x-shopify-shop-domain": "acme.myshopify.com",
        "x-shopify-event-id": "1",
    }
    answer = httpx.post(f"{address}/webhooks/acme.shop", content=body, headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted"})
    deadline = time.monotonic() + 15
    letters: list[dict] = []
    while not letters and time.monotonic() < deadline:
        letters = json.loads(run("dead-letters", "list", "--json", cwd=folder).stdout)["dead_letters"]
    assert [(letter["connection"], letter["state"]) for letter in letters] == [("shop", "dead")]
    assert "id" in letters[0]["reason"]
    replayed = run("dead-letters", "replay", str(letters[0]["id"]), cwd=folder)
    assert replayed.stdout.strip() == "1 put back"


def test_a_control_address_without_the_secret_does_not_exist(serving: tuple[Path, str]) -> None:
    _, address = serving
    answer = httpx.post(f"{address}/control/token_create", json={}, trust_env=False)
    assert answer.status_code == 404


def test_what_could_not_be_delivered_can_be_listed_and_retried(folder: Path) -> None:
    listed = run("actions", "list", "--json", cwd=folder)
    assert (listed.returncode, json.loads(listed.stdout)) == (0, {"actions": []})
    assert run("actions", "list", cwd=folder).stdout == "none\n"
    assert "0 will be tried again" in run("actions", "retry", "--all", cwd=folder).stdout
    refused = run("actions", "retry", cwd=folder)
    assert refused.returncode == 2
    assert "expected the ids of actions, or --all" in refused.stderr


def test_what_is_tried_again_does_not_get_into_the_json(folder: Path) -> None:
    """A connection that cannot be reached is tried again, which the log tells on the error stream."""
    path = folder / "beforehand.toml"
    text = path.read_text().replace("[server]", "[server]\nallow_private_base_urls = true", 1)
    path.write_text(f'{text}base_url = "http://127.0.0.1:9"\n')
    found = run("doctor", "--json", cwd=folder)
    findings = json.loads(found.stdout)["findings"]
    assert [f["status"] for f in findings if f["what"] == "acme.shop"] == ["error"]
    assert "http://127.0.0.1" in next(f["text"] for f in findings if f["what"] == "acme.shop webhooks")
    assert "stamina" in found.stderr or "retry" in found.stderr
