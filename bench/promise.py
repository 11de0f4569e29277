"""This file measures the promise risk on real orders: `python -m bench promise`.

The orders are those of a sample of the Olist dataset, in `../shared/data/olist` or where `BEFOREHAND_OLIST` says; its
SOURCE.md tells how it was taken. Each fold learns from the orders before it and is walked as `beforehand replay` does,
with the threshold moved until so many alerts come out. The last fold is the sample's own division.
"""

import csv
import os
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bench.measures import Line
from server.flows.history import COLUMNS, WEIGHT, latest_moment
from server.flows.replay import at_risk_from, read_history
from server.model import Kind
from server.rules.history import HistoryRow
from server.rules.policy import Policy
from server.rules.policy_reading import parse_policy
from server.rules.replay_figures import figures, weighted_median
from server.rules.walk import Walk

DELIVERED_STANDS_FOR = "18.65"
ZONE = ZoneInfo("America/Sao_Paulo")
FOLDS = (("2017-08-01", "2017-11-01"), ("2017-11-01", "2018-02-01"), ("2018-02-01", "2018-05-01"))
ALERTS = (60, 100)
"""For 1,000 orders of which 61 miss their promise. Folds have more or fewer, so as many for each that misses."""
MISSES = 61
HALVINGS = 10
DAY = timedelta(days=1)


def promise() -> list[Line]:
    """Precision, recall and lead for each fold, and how true the stated risks are on the last one."""
    beside = Path(__file__).parents[2] / "shared" / "data" / "olist"
    folder = Path(os.environ.get("BEFOREHAND_OLIST", beside))
    if not (folder / "train.csv").exists() or not (folder / "dev.csv").exists():
        return [Line("promise risk", f"skipped: no real orders at {folder} (set BEFOREHAND_OLIST)")]
    rows = [row for name in ("train", "dev") for row in _read(folder / f"{name}.csv")]
    policy = parse_policy({"calendar": {"holidays": "BR"}}, ZONE)
    lines: list[Line] = []
    for begins, ends in FOLDS:
        first, last = (datetime.fromisoformat(day).replace(tzinfo=ZONE).astimezone(UTC) for day in (begins, ends))
        learn = [row for row in rows if row.purchased_at < first]
        orders = [row for row in rows if first <= row.purchased_at < last]
        lines += _fold(f"{begins} to {ends}", learn, orders, policy)
    return [*lines, *_calibration(_walked(learn, orders, policy), orders)]


def _read(path: Path) -> list[HistoryRow]:
    with tempfile.TemporaryDirectory(prefix="beforehand-bench-") as folder, path.open(newline="") as source:
        copy = Path(folder) / path.name
        with copy.open("w", newline="") as target:
            writer = csv.writer(target)
            writer.writerow([*COLUMNS, WEIGHT])
            writer.writerows(_converted(fields) for fields in csv.DictReader(source))
        _, rows = read_history(copy, ZONE, lambda _name, _total: lambda _count: None)
    return rows


def _converted(fields: dict[str, str]) -> list[str]:
    """As DESIGN 7 has it. A bad review stands for a complaint."""
    complained = fields["review_score"] and float(fields["review_score"]) <= 2
    known = {
        **{name: fields.get(name, "") for name in COLUMNS},
        "origin": fields["seller_state"],
        "destination": fields["customer_state"],
        "value": fields["price"],
        "currency": "BRL" if fields["price"] else "",
        "complained_at": fields["reviewed_at"] if complained else "",
        WEIGHT: DELIVERED_STANDS_FOR if fields["status"] == "delivered" else "1",
    }
    return [known[name] for name in (*COLUMNS, WEIGHT)]


def _walked(learn: Sequence[HistoryRow], orders: Sequence[HistoryRow], policy: Policy) -> Walk:
    walk = Walk(orders, policy, learn=learn)
    for _ in walk.steps():
        pass
    return walk


class _Alerts:
    """The first alerts of `promise_at_risk` by order, and what they are worth."""

    def __init__(self, walk: Walk, orders: Sequence[HistoryRow]) -> None:
        self.first: dict[str, datetime] = {}
        for alert in walk.alerts:
            if alert.kind is Kind.PROMISE_AT_RISK:
                self.first.setdefault(alert.order_id, alert.at)
        self.orders = orders
        self.alerted = [row for row in orders if row.order_id in self.first]
        self.right = [row for row in self.alerted if _is_missed(row)]

    @property
    def per_1000(self) -> float:
        return 1000 * _weight(self.alerted) / _weight(self.orders)

    def __str__(self) -> str:
        missed = [row for row in self.orders if _is_missed(row)]
        lead = weighted_median(
            ((row.promised_date - self.first[row.order_id]) / DAY, row.weight)
            for row in self.right
            if row.promised_date is not None
        )
        complaints = [row for row in missed if row.complained_at is not None]
        preceded = [row for row in complaints if self._precedes(row)]
        return (
            f"precision {_share(self.right, self.alerted)}, recall {_share(self.right, missed)}, "
            f"lead {lead or 0.0:.2f} d, complaints preceded {_share(preceded, complaints)}"
        )

    def _precedes(self, row: HistoryRow) -> bool:
        at = self.first.get(row.order_id)
        return at is not None and row.complained_at is not None and at < row.complained_at


def _fold(name: str, learn: Sequence[HistoryRow], orders: Sequence[HistoryRow], policy: Policy) -> Iterator[Line]:
    missed = 1000 * _weight([row for row in orders if _is_missed(row)]) / _weight(orders)
    yield Line(f"promises bought {name}", f"{missed:.1f} of 1,000 missed, {len(orders):,} rows")
    for budget in ALERTS:
        share, found = _with_alerts(budget * missed / MISSES, learn, orders, policy)
        wanted = {60: "precision, recall 0.85, lead 2 d", 100: "recall 0.97, lead 3.5 d"}[budget]
        yield Line(f"  {found.per_1000:.0f} alerts per 1,000 (risk {share:.3f})", str(found), wanted)


def _with_alerts(
    most: float, learn: Sequence[HistoryRow], orders: Sequence[HistoryRow], policy: Policy
) -> tuple[float, _Alerts]:
    """The lowest threshold that brings no more than *most* alerts per 1,000 orders."""
    low, high = 0.0, 1.0
    best = None
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        found = _Alerts(_walked(learn, orders, at_risk_from(policy, middle)), orders)
        if found.per_1000 > most:
            low = middle
        else:
            high, best = middle, found
    return high, best or _Alerts(_walked(learn, orders, at_risk_from(policy, high)), orders)


def _calibration(walk: Walk, orders: Sequence[HistoryRow]) -> Iterator[Line]:
    found = figures(orders, walk.alerts, walk.looks, latest_moment(list(orders)))
    for each in found.bins:
        yield Line(
            f"  stated {each.low:.1f} to {each.high:.1f}", f"on average {each.stated:.3f}; missed: {each.came:.3f}"
        )
    yield Line("  Brier score", f"{found.brier or 0:.4f}; a constant gets {found.brier_of_base_rate or 0:.4f}")


def _is_missed(row: HistoryRow) -> bool:
    return row.promised_date is not None and (row.delivered_at is None or row.delivered_at > row.promised_date)


def _share(some: Sequence[HistoryRow], of: Sequence[HistoryRow]) -> str:
    return f"{_weight(some) / _weight(of):.3f}" if of else "-"


def _weight(rows: Sequence[HistoryRow]) -> float:
    return sum(row.weight for row in rows)
