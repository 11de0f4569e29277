"""This file measures the clock: what looking at the orders that are due costs, beside many that are not.

Run by itself (`python -m bench.clock ORDERS`) it prints the median milliseconds of a tick and the most memory it took,
so that every size has a process, and a peak, of its own.
"""

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

from bench.measures import Line, at_most
from connectors.model import Observation, Order, References, Scan, Shipment, ShipmentState
from server.flows import process
from server.model import OrderKey
from server.rules.identity import references_of
from server.rules.policy_reading import parse_policy
from server.rules.timeline import empty, fold, view
from server.store.contract import Writing
from server.store.sqlite import SqliteStore
from server.workspaces import Workspace

FEW, MANY = 10_000, 1_000_000
DUE = 200
TICKS = 7
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MOST_MEGABYTES = 250


def ticks() -> list[Line]:
    """A tick at many open orders against one at few, with the same number due."""
    few, _ = _measured(FEW)
    many, megabytes = _measured(MANY)
    return [
        at_most(f"clock tick, {DUE} due of {MANY:,} orders", many / few, 1.25, f"x the tick at {FEW:,} ({few:.0f} ms)"),
        at_most(f"memory at {MANY:,} orders", megabytes, MOST_MEGABYTES, "MB"),
    ]


def _measured(orders: int) -> tuple[float, float]:
    told = subprocess.run(
        [sys.executable, "-m", "bench.clock", str(orders)], check=True, capture_output=True, text=True
    )
    milliseconds, megabytes = told.stdout.split()
    return float(milliseconds), float(megabytes)


async def tick(orders: int, folder: Path) -> float:
    """The median milliseconds of looking at what is due."""
    store = await SqliteStore.open(folder / "clock.db", clock=lambda: NOW)
    zone = ZoneInfo("America/New_York")
    workspaces = {"acme": Workspace("acme", zone, parse_policy({}, zone), {})}
    await store.write(_put_due)
    for start in range(0, orders - DUE, 50_000):
        count = min(50_000, orders - DUE - start)
        await store.write(lambda tx, start=start, count=count: _put_others(tx, start, count))  # type: ignore[misc]
    took = []
    for _ in range(TICKS):
        await store.write(_make_due)
        started = time.perf_counter()
        done = await process.review_due(workspaces, store, lambda: NOW, DUE)
        took.append(1000 * (time.perf_counter() - started))
        if done != DUE:
            raise SystemExit(f"expected {DUE} due orders, found {done}")
    await store.close()
    return median(took)


def _key(number: int) -> OrderKey:
    return OrderKey("acme", "shop", f"due{number:06}")


def _put_due(tx: Writing) -> None:
    for number in range(DUE):
        placed = NOW - timedelta(days=3)
        scan = Scan(at=NOW - timedelta(hours=20), state=ShipmentState.IN_TRANSIT, text="Departed facility")
        parcel = Shipment(carrier="ups", tracking_number=f"1Z{number:06}", state=scan.state, scans=(scan,))
        key = _key(number)
        record = fold(
            empty(key),
            Observation(
                source="shop",
                kind="order.updated",
                identity=f"{number}",
                at=NOW - timedelta(hours=19),
                about=References(shop_order=key.order_id),
                order=Order(id=key.order_id, name=f"#{number}", placed_at=placed, promised_by=NOW + timedelta(days=4)),
                shipments=(parcel,),
            ),
        )
        tx.put_record(
            record,
            references_of(view(record)),
            review_at=NOW,
            name=f"#{number}",
            placed_at=placed,
            email="",
            customer_name="",
            total="",
        )


def _put_others(tx: Writing, start: int, count: int) -> None:
    """Open orders that are due at some other time; their rows are as large as those of the others."""
    connection = tx._connection  # type: ignore[attr-defined]  # noqa: SLF001 - a million rows one by one take minutes
    connection.execute(
        """INSERT INTO orders (key, review_at, placed_at, name, email, customer_name, total, record)
            WITH RECURSIVE n (i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n LIMIT ?)
            SELECT 'acme/shop/other' || i, ? + 3600000000 + i * 1000, placed_at, '#x' || i, '', '', '', record
            FROM n, (SELECT placed_at, record FROM orders WHERE key = ?)""",
        (start, count, int(NOW.timestamp() * 1_000_000), str(_key(0))),
    )


def _make_due(tx: Writing) -> None:
    for number in range(DUE):
        tx.set_review(_key(number), NOW)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="beforehand-bench-") as where:
        milliseconds = asyncio.run(tick(int(sys.argv[1]), Path(where)))
    print(milliseconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
