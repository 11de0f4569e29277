"""This file measures the core: events through fold, assess, plan and store, in this process on one core."""

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bench.measures import Line, at_least
from bench.orders import make_order, webhook
from connectors.connection import Connection
from connectors.contract import Envelope
from connectors.model import Observation
from connectors.shopify import Settings, connect
from connectors.transport import utc_now
from server.demo import shopify
from server.demo.shopify_bodies import SHOP
from server.flows import intake, process
from server.rules.policy_reading import parse_policy
from server.store.sqlite import SqliteStore
from server.workspaces import Workspace

EVENTS = 2000


async def events_per_second() -> list[Line]:
    """Webhooks that are stored already, until their orders are."""
    settings = Settings(shop=SHOP, client_id="x", client_secret=shopify.SECRET, access_token="x")
    connector = connect(settings, Connection(workspace="acme", name="shop"))
    reading = _timed(connector)
    zone = ZoneInfo("America/New_York")
    workspaces = {"acme": Workspace("acme", zone, parse_policy({}, zone), {"shop": connector})}
    with tempfile.TemporaryDirectory(prefix="beforehand-bench-") as folder:
        store = await SqliteStore.open(Path(folder) / "rules.db", clock=utc_now)
        for number in range(EVENTS):
            body, headers = webhook(make_order(number % 500 + 1), f"orders/updated{number // 500}", size=3000)
            headers["x-shopify-topic"] = ("orders/create", "orders/updated", "orders/paid", "orders/fulfilled")[
                number // 500
            ]
            await intake.accept(workspaces, store, lambda: datetime.now(UTC), "acme.shop", headers, body)
        reading.clear()
        started = time.perf_counter()
        done = 0
        while found := await process.process_inbox(workspaces, store, utc_now):
            done += found
        elapsed = time.perf_counter() - started
        await store.close()
        await connector.close()
    return [
        at_least("fold, assess, plan and store, one core", done / (elapsed - sum(reading)), 5000, "events/s"),
        Line("the same with reading Shopify's JSON", f"{done / elapsed:,.0f} events/s"),
    ]


def _timed(connector: Any) -> list[float]:
    """How long each reading of a webhook took, in seconds, as it is measured from now on."""
    took: list[float] = []
    read = connector.read

    def timed(envelope: Envelope) -> tuple[Observation, ...]:
        started = time.perf_counter()
        try:
            found: tuple[Observation, ...] = read(envelope)
            return found
        finally:
            took.append(time.perf_counter() - started)

    connector.read = timed
    return took
