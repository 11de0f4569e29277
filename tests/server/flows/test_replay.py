"""Replaying files: from CSV to alerts, figures and the comparison of two policies; and on real orders."""

import csv
import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from server.errors import BadInput
from server.flows.history import COLUMNS
from server.flows.replay import Replayed, as_json, at_risk_from, read_history, replay, write_alerts
from server.model import Kind
from server.rules.history import HistoryRow, moments
from server.rules.policy_reading import parse_policy
from tests.server.rules.histories import delivered, past, policy, row

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
DELIVERED_STANDS_FOR = "18.65"
"""`SOURCE.md` of the sample says how many orders one delivered row stands for."""


class Stages:
    """What a progress bar was told."""

    def __init__(self) -> None:
        self.told: dict[str, list[int]] = {}

    def __call__(self, name: str, total: int) -> Callable[[int], None]:
        self.told[name] = [0, total]

        def advance(count: int) -> None:
            self.told[name][0] += count

        return advance


def rows() -> list[HistoryRow]:
    late = [delivered(f"late-{n}", bought=n, takes=14, complained_at=n + 12, status="delivered") for n in range(5)]
    return [*(delivered(f"good-{n}", bought=n / 4) for n in range(80)), *late, row("end", bought=60)]


def run(**given: object) -> Replayed:
    return replay(rows(), policy(), Stages(), learn=past(), **given)  # type: ignore[arg-type]


# --- what comes out ---------------------------------------------------------------------------------------------------


def test_alerts_are_written_as_lines_in_sequence_of_time(tmp_path: Path) -> None:
    found = run()
    path = tmp_path / "alerts.jsonl"
    write_alerts(path, found.alerts)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == len(found.alerts) > 5
    assert all(list(line) == ["order_id", "kind", "at", "risk", "reasons"] for line in lines)
    times = [datetime.fromisoformat(line["at"]) for line in lines]
    assert times == sorted(times)
    assert all(line["at"].endswith("Z") for line in lines)
    for line in lines:
        assert (line["risk"] is not None) == (line["kind"] in ("promise_at_risk", "promise_missed")), line
        assert all(isinstance(reason, str) for reason in line["reasons"])


def test_figures_are_those_of_the_walk() -> None:
    found = run()
    at_risk = next(kind for kind in found.figures.kinds if kind.kind == "promise_at_risk")
    assert found.figures.missed == 5
    assert at_risk.recall == 1.0
    assert found.figures.complaints_preceded == 1.0
    assert found.events == sum(len(moments(each)) for each in rows())


def test_progress_is_told_to_the_end() -> None:
    stages = Stages()
    replay(rows(), policy(), stages, before=policy())
    assert list(stages.told) == ["walking through time", "the same under the policy before"]
    assert all(done == total for done, total in stages.told.values())


def test_another_risk_changes_the_policy_and_nothing_else() -> None:
    changed = at_risk_from(policy(), 0.9)
    assert changed.detectors[Kind.PROMISE_AT_RISK].threshold == 0.9
    assert changed.detectors[Kind.PROMISE_MISSED] == policy().detectors[Kind.PROMISE_MISSED]


@pytest.mark.parametrize("share", [0, -1, 1.01, float("nan")])
def test_a_risk_that_cannot_be_is_refused(share: float) -> None:
    with pytest.raises(BadInput, match="--risk-at: expected a number above 0 and at most 1"):
        at_risk_from(policy(), share)


def test_a_comparison_says_what_the_policy_changes() -> None:
    off = policy(detectors={"fulfillment_delayed": {"enabled": False}})
    late = [row(f"unsent-{n}", bought=n, approved_at=n) for n in range(3)]
    found = replay([*rows(), *late], off, Stages(), before=policy()).comparison
    assert found is not None
    gone = [d for d in found.differences if d.kind == "fulfillment_delayed"]
    assert {(d.order_id, d.what) for d in gone} >= {(f"unsent-{n}", "only_before") for n in range(3)}
    assert [(k.after, k.only_after) for k in found.kinds if k.kind == "fulfillment_delayed"] == [(0, 0)]


def test_json_holds_the_figures_and_not_every_alert() -> None:
    found = as_json(run(before=policy()))
    assert set(found) == {"figures", "events", "reviews", "comparison"}
    assert "leads_hours" not in found["figures"]["kinds"][0]
    assert json.loads(json.dumps(found))["figures"]["missed"] == 5


def test_a_file_that_cannot_be_written_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file or directory"):
        write_alerts(tmp_path / "nowhere" / "alerts.jsonl", ())


# --- real orders ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def olist(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The real orders as files of DESIGN 7: those to learn from, and those to replay."""
    beside = Path(__file__).parents[4] / "shared" / "data" / "olist"
    folder = Path(os.environ.get("BEFOREHAND_OLIST", beside))
    if not (folder / "train.csv").exists():
        pytest.skip(f"no real orders at {folder} (set BEFOREHAND_OLIST)")
    made = tmp_path_factory.mktemp("olist")
    for name in ("train.csv", "dev.csv"):
        with (folder / name).open(newline="") as source, (made / name).open("w", newline="") as target:
            writer = csv.writer(target)
            writer.writerow([*COLUMNS, "weight"])
            writer.writerows(_converted(found) for found in csv.DictReader(source))
    return made / "train.csv", made / "dev.csv"


def _converted(found: dict[str, str]) -> list[str]:
    is_complaint = found["review_score"] and float(found["review_score"]) <= 2
    facts = {
        **{name: found.get(name, "") for name in COLUMNS},
        "origin": found["seller_state"],
        "destination": found["customer_state"],
        "value": found["price"],
        "currency": "BRL" if found["price"] else "",
        "complained_at": found["reviewed_at"] if is_complaint else "",
        "weight": DELIVERED_STANDS_FOR if found["status"] == "delivered" else "1",
    }
    return [facts[name] for name in (*COLUMNS, "weight")]


def test_real_orders_are_replayed_and_the_risk_is_worth_stating(olist: tuple[Path, Path]) -> None:
    train, dev = olist
    learnt_file, learnt = read_history(train, SAO_PAULO, Stages())
    file, orders = read_history(dev, SAO_PAULO, Stages())
    # Three of the real rows hold impossible times, and one of those to learn from.
    assert (file.used, file.left_out, learnt_file.used, learnt_file.left_out) == (1660, 3, 4628, 1)
    found = replay(orders, parse_policy({}, SAO_PAULO), Stages(), learn=learnt)
    figures = found.figures
    assert figures.orders == pytest.approx(21_781, abs=1)
    at_risk = next(kind for kind in figures.kinds if kind.kind == "promise_at_risk")
    base = figures.missed / figures.measured
    assert at_risk.precision is not None
    assert at_risk.recall is not None
    assert at_risk.precision > 3 * base
    assert at_risk.recall > 0.5
    assert figures.brier is not None
    assert figures.brier_of_base_rate is not None
    assert figures.brier < 0.9 * figures.brier_of_base_rate


def test_real_orders_unlearnt_are_learnt_on_the_way(olist: tuple[Path, Path]) -> None:
    _, orders = read_history(olist[0], SAO_PAULO, Stages())
    found = replay(orders, parse_policy({}, SAO_PAULO), Stages())
    assert any("n=" in reason for alert in found.alerts for reason in alert.reasons)
