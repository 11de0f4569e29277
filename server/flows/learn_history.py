"""This file teaches a workspace the deliveries of an order history, each of them once."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence

from server.rules.history import HistoryRow, leg_of_row
from server.rules.policy import Policy
from server.rules.transit import Leg
from server.rules.transit_learning import MOST_LEGS
from server.store.contract import Store
from server.workspaces import Workspace

NamedLeg = tuple[str, Leg]

MOST_TOGETHER = 500
"""Deliveries that are stored at once: what webhooks have to wait for."""
LARGEST = 200_000
"""Bytes that are sent to a server at once."""
_BESIDES = 400
"""Bytes of a delivery beside its names; a character of theirs takes up to twelve."""


def batches(rows: Iterable[HistoryRow], policy: Policy) -> Iterator[tuple[int, list[NamedLeg]]]:
    """What the rows teach, in portions: how many rows it took, and the deliveries among them."""
    count = size = 0
    legs: list[NamedLeg] = []
    for row in rows:
        leg = leg_of_row(row, policy)
        takes = _BESIDES + 12 * sum(map(len, (row.order_id, row.origin, row.destination, row.seller)))
        if len(legs) == MOST_TOGETHER or size + takes > LARGEST:
            yield count, legs
            count, size, legs = 0, 0, []
        count += 1
        if leg is not None:
            size += takes
            legs.append((row.order_id, leg))
    yield count, legs


async def learn(store: Store, workspace: Workspace, legs: Sequence[NamedLeg], *, last: bool) -> int:
    """Keep *legs*; how many were new. With the *last* portion all that is kept is learnt, beside the other work."""
    name = workspace.name
    fresh = await store.write(lambda tx: sum(tx.put_leg(name, f"history/{order_id}", leg) for order_id, leg in legs))
    if last:
        kept = await store.read(lambda tx: tx.legs(name, MOST_LEGS))
        await asyncio.to_thread(workspace.relearn, kept)
    return fresh
