"""Orders of the past, drawn at random and built by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from server.rules.history import HistoryRow
from server.rules.policy import Policy
from server.rules.policy_reading import parse_policy

ZONE = ZoneInfo("America/New_York")
START = datetime(2026, 3, 2, 14, tzinfo=UTC)
"""A Monday morning in New York."""


def policy(**tables: object) -> Policy:
    return parse_policy(tables, ZONE)


def at(days: float) -> datetime:
    return START + timedelta(days=days)


def row(order_id: str = "1", *, bought: float = 0, **facts: object) -> HistoryRow:
    """An order from NJ to CA of $50; what is given as a number is days after the start."""
    moments = {name: at(value) if isinstance(value, int | float) else value for name, value in facts.items()}
    plain = {"items", "value", "weight"} & facts.keys()
    given = {"origin": "NJ", "destination": "CA", "value": Decimal(50), "currency": "USD", "items": 1}
    return HistoryRow(order_id=order_id, purchased_at=at(bought), **given | moments | {n: facts[n] for n in plain})


def delivered(order_id: str, *, bought: float = 0, takes: float = 3, **facts: object) -> HistoryRow:
    """Paid at once, handed over a day later, delivered after so many days in transit; promised within ten days."""
    given = {"approved_at": bought, "handed_over_at": bought + 1, "delivered_at": bought + 1 + takes}
    return row(order_id, bought=bought, **{**given, "promised_date": bought + 10, "status": "delivered", **facts})


def past(count: int = 120, *, bought: float = -60, seed: int = 1) -> list[HistoryRow]:
    """Deliveries to learn from: three days in transit, some a little longer, one in ten much."""
    random = Random(seed)
    return [
        delivered(
            f"past-{number}", bought=bought + number / 10, takes=random.choice([2.5, 3, 3, 3.5, 4, 4, 3, 3, 3, 12])
        )
        for number in range(count)
    ]


_later = st.none() | st.integers(0, 40 * 24).map(lambda hours: hours / 24)


@st.composite
def any_row(draw: st.DrawFn, order_id: str) -> HistoryRow:
    """What happened may have happened in any sequence, at the same moment, or not at all."""
    bought = draw(st.integers(0, 20 * 24)) / 24
    facts: dict[str, object] = {"status": draw(st.sampled_from(["delivered", "shipped", "canceled"]))}
    for name in ("approved_at", "handed_over_at", "delivered_at", "promised_date", "ship_by", "complained_at"):
        after = draw(_later)
        facts[name] = None if after is None else bought + after
    facts["value"] = draw(st.sampled_from([None, Decimal(20), Decimal("500.00")]))
    facts["items"] = draw(st.sampled_from([None, 0, 1, 3]))
    facts["seller"] = draw(st.sampled_from(["", "Lamps"]))
    facts["origin"] = draw(st.sampled_from(["", "NJ"]))
    return row(order_id, bought=bought, **facts)


@st.composite
def any_rows(draw: st.DrawFn, most: int = 6) -> list[HistoryRow]:
    return [draw(any_row(str(number))) for number in range(draw(st.integers(1, most)))]
