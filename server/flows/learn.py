"""This file keeps what deliveries teach, each once, and learns it again at the start."""

from connectors.model import ShipmentState
from server.model import OrderView
from server.rules.promise import promise_of
from server.rules.promise_odds import leg_of
from server.rules.transit import Leg
from server.rules.transit_learning import MOST_LEGS
from server.store.contract import Store, Writing
from server.workspaces import Workspace, Workspaces


def learn(tx: Writing, workspace: Workspace, order: OrderView) -> None:
    """Learn from the parcels of *order* that have arrived.

    Should the transaction fail, memory knows a delivery too many until the next start; what is stored is exact.
    """
    for found in order.shipments:
        if found.shipment.state is not ShipmentState.DELIVERED:
            continue
        leg = leg_of(order, found, promise_of(order, workspace.policy))
        if leg is not None and tx.put_leg(
            workspace.name, f"{order.key.shop}/{order.key.order_id}/{found.shipment.key}", leg
        ):
            workspace.learner.learn(leg)


async def load_transit(workspaces: Workspaces, store: Store) -> None:
    """Learn at the start what was learnt before; the newest deliveries are enough. Raises StoreUnavailable."""
    for workspace in workspaces.values():
        workspace.relearn(await _stored(store, workspace.name))


async def _stored(store: Store, workspace: str) -> tuple[Leg, ...]:
    return await store.read(lambda tx: tx.legs(workspace, MOST_LEGS))
