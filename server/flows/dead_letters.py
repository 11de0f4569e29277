"""This file looks after events that could not be processed, or fit several orders: list them, try them again."""

from collections.abc import Iterable

from server.store.contract import InboxRow, InboxState, Reading, Store, Writing

STOPPED = (InboxState.DEAD, InboxState.REFUSED)


def listed(tx: Reading, workspace: str, limit: int) -> tuple[InboxRow, ...]:
    """Events that stopped, oldest first, each with its reason. An empty *workspace* means all of them."""
    return tx.inbox(STOPPED, limit, workspace=workspace)


async def replay(store: Store, ids: Iterable[int] | None, *, workspace: str = "") -> int:
    """Send events back to the start of their way, as if new; None means every one. How many there were."""
    if ids is None:
        return await store.write(lambda tx: tx.restart_stopped(workspace))
    wanted = tuple(dict.fromkeys(ids))
    return await store.write(lambda tx: sum(_restart(tx, row_id, workspace) for row_id in wanted))


def _restart(tx: Writing, row_id: int, workspace: str) -> bool:
    row = tx.inbox_row(row_id)
    if row is None or row.state not in STOPPED or workspace not in ("", row.item.workspace):
        return False
    tx.settle(row_id, InboxState.NEW)
    return True
