"""This file measures the replay: how many events of a merchant's ordinary history are walked in a second, on one core.

One order in fifteen arrives after its promise; the others do what most orders do.
"""

import random
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from bench.measures import Line, at_least
from server.rules.history import HistoryRow
from server.rules.policy_reading import parse_policy
from server.rules.walk import Walk

ORDERS = 5000
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
LATE_ONE_IN = 15
STATES = ("SP", "RJ", "MG", "BA", "RS", "PR")


def replay() -> list[Line]:
    """Events and steps a second; a step is an event, or a moment at which silence alone had to be looked at."""
    walk = Walk(_rows(), parse_policy({}, ZoneInfo("UTC")))
    started = time.perf_counter()
    for _ in walk.steps():
        pass
    elapsed = time.perf_counter() - started
    steps = walk.events + walk.reviews
    return [
        at_least("replay, one core", walk.events / elapsed, 20_000, "events/s"),
        Line("the same with the reviews between them", f"{steps / elapsed:,.0f} steps/s"),
    ]


def _rows() -> list[HistoryRow]:
    chance = random.Random(1)
    return [_row(number, chance) for number in range(ORDERS)]


def _row(number: int, chance: random.Random) -> HistoryRow:
    bought = BEGIN + timedelta(minutes=20 * number)
    paid = bought + timedelta(minutes=chance.randrange(2, 600))
    handed_over = paid + timedelta(hours=chance.uniform(4, 60))
    days = chance.uniform(9, 15) if number % LATE_ONE_IN == 0 else chance.uniform(1, 6)
    return HistoryRow(
        order_id=f"{number:06}",
        purchased_at=bought,
        approved_at=paid,
        handed_over_at=handed_over,
        delivered_at=handed_over + timedelta(days=days),
        promised_date=(bought + timedelta(days=10)).replace(hour=23, minute=59, second=59),
        origin="SP",
        destination=STATES[number % len(STATES)],
        ship_by=paid + timedelta(days=4),
        value=Decimal(chance.randrange(20, 150)),
        currency="BRL",
        items=1,
        seller=f"s{number % 40}",
    )
