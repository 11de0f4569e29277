"""This file teaches a workspace the deliveries of an order history, each of them once."""

import asyncio
from collections.abc import Iterator, Sequence

from server.rules.history import HistoryRow, leg_of_row
from server.rules.policy import Policy
from server.rules.transit import Leg
from server.rules.transit_learning import MOST_LEGS
from server.store.contract import Store
from server.workspaces import Workspace

NamedLeg = tuple[str, Leg]

MOST_TOGETHER = 500
"""Deliveries that are sent and stored at once: what webhooks have to wait for."""


def batches(rows: Sequence[HistoryRow], policy: Policy) -> Iterator[tuple[int, list[NamedLeg]]]:
    """What the rows teach, in portions: how many rows it took, and the deliveries among them."""
    for start in range(0, len(rows), MOST_TOGETHER):
        some = rows[start : start + MOST_TOGETHER]
        yield len(some), [(row.order_id, leg) for row in some if (leg := leg_of_row(row, policy)) is not None]


async def learn(store: Store, workspace: Workspace, legs: Sequence[NamedLeg], *, last: bool) -> int:
    """Keep *legs*; how many were new. With the *last* portion all that is kept is learnt, beside the other work."""
    name = workspace.name
    fresh = await store.write(lambda tx: sum(tx.put_leg(name, f"history/{order_id}", leg) for order_id, leg in legs))
    if last:
        kept = await store.read(lambda tx: tx.legs(name, MOST_LEGS))
        await asyncio.to_thread(workspace.relearn, kept)
    return fresh
