"""`import history` and `replay` as a user meets them: in a process of their own."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from server.flows.history import COLUMNS
from server.rules.history import HistoryRow
from tests.server.commands import make_folder, run, serving_in
from tests.server.rules.histories import delivered, past, row

BAD = "1,delivered,yesterday" + "," * (len(COLUMNS) - 3)


def write(path: Path, rows: Iterable[HistoryRow], *more: str) -> Path:
    """A file of DESIGN 7; *more* lines as they are."""
    lines = [",".join(COLUMNS)]
    for each in rows:
        values = (getattr(each, name) for name in COLUMNS)
        lines.append(
            ",".join("" if v is None else v.isoformat() if hasattr(v, "isoformat") else str(v) for v in values)
        )
    path.write_text("\n".join([*lines, *more]) + "\n")
    return path


def orders() -> list[HistoryRow]:
    late = [delivered(f"late-{n}", bought=n, takes=14, complained_at=n + 12) for n in range(5)]
    return [*(delivered(f"good-{n}", bought=n / 4) for n in range(40)), *late, row("end", bought=60)]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder without any configuration, with a history to learn from and one to replay."""
    write(tmp_path / "past.csv", past())
    write(tmp_path / "orders.csv", orders(), BAD)
    return tmp_path


# --- replay -----------------------------------------------------------------------------------------------------------


def test_a_replay_needs_no_configuration_and_writes_alerts_and_report(files: Path) -> None:
    found = run("replay", "orders.csv", "--learn", "past.csv", "--out", "alerts.jsonl", "--report", "r.html", cwd=files)
    assert found.returncode == 0, found.stderr
    assert "orders.csv: 46 of 47 lines used" in found.stdout
    assert "line 48, purchased_at: expected an ISO time from 2000 to 2059" in found.stdout
    assert "past.csv: 120 of 120 lines used" in found.stdout
    for word in ("precision", "recall", "median", "per 1,000", "promise_at_risk", "promise_missed"):
        assert word in found.stdout
    lines = [json.loads(line) for line in (files / "alerts.jsonl").read_text().splitlines()]
    assert {line["order_id"] for line in lines if line["kind"] == "promise_at_risk"} == {f"late-{n}" for n in range(5)}
    assert (files / "r.html").read_text().startswith("<!DOCTYPE html>")
    assert "wrote" in found.stderr


def test_replaying_twice_gives_the_same_alerts_to_the_byte(files: Path) -> None:
    for name in ("one", "two"):
        assert run("replay", "orders.csv", "--learn", "past.csv", "--out", name, cwd=files).returncode == 0
    assert (files / "one").read_bytes() == (files / "two").read_bytes()


def test_json_is_all_that_is_printed(files: Path) -> None:
    found = run("replay", "orders.csv", "--json", cwd=files)
    answer = json.loads(found.stdout)
    assert (answer["file"]["used"], answer["file"]["left_out"], answer["learn"]) == (46, 1, None)
    assert answer["file"]["mistakes"][0]["line"] == 48
    assert answer["figures"]["missed"] == 5
    assert answer["comparison"] is None


def test_a_higher_risk_gives_fewer_or_later_alerts(files: Path) -> None:
    def at_risk(*options: str) -> list[dict]:
        assert run("replay", "orders.csv", "--learn", "past.csv", "--out", "a", *options, cwd=files).returncode == 0
        lines = map(json.loads, (files / "a").read_text().splitlines())
        return [line for line in lines if line["kind"] == "promise_at_risk"]

    usual, strict = at_risk(), at_risk("--risk-at", "0.95")
    assert all(alert["risk"] >= 0.6 for alert in usual)
    assert all(alert["risk"] >= 0.95 for alert in strict)
    assert len(strict) <= len(usual)


def test_a_comparison_shows_what_a_policy_would_change(files: Path) -> None:
    (files / "new.toml").write_text("[detectors.promise_missed]\nenabled = false\n")
    (files / "old.toml").write_text("[detectors.promise_at_risk]\nenabled = false\n")
    plain = run("replay", "orders.csv", "--policy", "new.toml", "--compare", cwd=files)
    assert plain.returncode == 0, plain.stderr
    assert "What the policy changes" in plain.stdout
    assert "only before: order late-0, promise_missed, 2026-03-12 14:00" in plain.stdout
    options = ("--policy", "new.toml", "--policy-before", "old.toml", "--learn", "past.csv", "--compare", "--json")
    kinds = json.loads(run("replay", "orders.csv", *options, cwd=files).stdout)["comparison"]["kinds"]
    assert {kind["kind"]: (kind["before"], kind["after"]) for kind in kinds} == {
        "promise_at_risk": (0, 5),
        "promise_missed": (5, 0),
    }


def test_times_without_an_offset_are_those_of_the_zone_that_is_named(files: Path) -> None:
    line = "1,,2026-03-02 09:00,2026-03-02 09:00,,,2026-03-05,,,,,,,,"
    write(files / "naive.csv", [row("end", bought=60)], line)

    def missed_at(*options: str) -> str:
        assert run("replay", "naive.csv", "--out", "a", *options, cwd=files).returncode == 0
        lines = map(json.loads, (files / "a").read_text().splitlines())
        return next(line["at"] for line in lines if line["kind"] == "promise_missed")

    assert missed_at() == "2026-03-06T00:00:00Z"
    assert missed_at("--timezone", "America/New_York") == "2026-03-06T05:00:00Z"


def test_the_only_workspace_of_a_configuration_gives_its_zone_and_policy(files: Path) -> None:
    make_folder(files)
    (files / "policy.toml").write_text("[detectors.promise_missed]\nenabled = false\n")
    found = run("replay", "orders.csv", cwd=files)
    assert "policy.toml; time zone: America/New_York" in found.stdout
    assert "promise_missed" not in found.stdout
    without_secrets = run("replay", "orders.csv", cwd=files, BEFOREHAND_SECRET_KEY="")
    assert "policy: the defaults; time zone: UTC" in without_secrets.stdout
    assert "BEFOREHAND_SECRET_KEY is not set; going on without it" in without_secrets.stderr
    named = run("replay", "orders.csv", "--workspace", "acme", cwd=files, BEFOREHAND_SECRET_KEY="")
    assert (named.returncode, named.stdout) == (2, "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("none.csv",), "none.csv: No such file or directory"),
        (("bad.csv",), "no line could be used; the first mistake: line 2, purchased_at: expected an ISO time"),
        (("header.csv",), "line 1: missing: order_id, status"),
        (("orders.csv", "--timezone", "Mars/Olympus"), "--timezone: expected a time zone such as America/New_York"),
        (("orders.csv", "--risk-at", "2"), "--risk-at: expected a number above 0 and at most 1, got 2"),
        (("orders.csv", "--policy", "none.toml"), "none.toml"),
        (("orders.csv", "--policy", "wrong.toml"), "wrong.toml: detectors.promise_at_risk.threshold"),
        (("orders.csv", "--out", "nowhere/a.jsonl"), "nowhere/a.jsonl: No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(files: Path, arguments: tuple[str, ...], told: str) -> None:
    write(files / "bad.csv", [], BAD)
    (files / "header.csv").write_text("id;state\n1;x\n")
    (files / "wrong.toml").write_text('[detectors.promise_at_risk]\nthreshold = "high"\n')
    found = run("replay", *arguments, cwd=files)
    assert found.returncode == 2
    assert told in found.stderr
    assert "Traceback" not in found.stderr


# --- import -----------------------------------------------------------------------------------------------------------


def imported(folder: Path, *options: str) -> dict:
    found = run("import", "history", "past.csv", "--json", *options, cwd=folder)
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def test_a_history_that_is_imported_twice_is_learnt_once(files: Path) -> None:
    make_folder(files)
    first, second = imported(files), imported(files, "--workspace", "acme")
    assert (first["deliveries"], first["learnt"]) == (120, 120)
    assert (second["deliveries"], second["learnt"]) == (120, 0)


def test_a_running_server_learns_what_is_imported(files: Path) -> None:
    make_folder(files)
    shutil.copy(files / "past.csv", files / "first.csv")
    with serving_in(files):
        assert imported(files)["learnt"] == 120
        write(files / "past.csv", past(1200, bought=-500))  # more than one portion; the first 120 go by known names
        assert imported(files)["learnt"] == 1080
        shown = run("import", "history", "first.csv", cwd=files)
    assert "120 deliveries, of which 0 were new to workspace acme" in shown.stdout


def test_an_import_names_what_is_wrong_and_uses_the_rest(files: Path) -> None:
    make_folder(files)
    found = run("import", "history", "orders.csv", cwd=files)
    assert found.returncode == 0
    assert "orders.csv: 46 of 47 lines used" in found.stdout
    assert "left out: line 48, purchased_at" in found.stdout
    assert "45 deliveries, of which 45 were new to workspace acme" in found.stdout


def test_an_import_into_a_workspace_that_is_not_there_is_refused(files: Path) -> None:
    make_folder(files)
    found = run("import", "history", "past.csv", "--workspace", "globex", cwd=files)
    assert found.returncode == 2
    assert "--workspace: expected one of acme, got globex" in found.stderr
