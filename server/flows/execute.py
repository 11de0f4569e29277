"""This file carries out what was approved, exactly once, and lets requests expire when nobody decides."""

from connectors.transport import Clock
from server.store.contract import Store
from server.workspaces import Workspaces


class Executor:
    """Looks after approval requests that are due: to be carried out, to be reminded of, to expire."""

    def __init__(self, workspaces: Workspaces, store: Store, clock: Clock) -> None:
        self._workspaces = workspaces
        self._store = store
        self._clock = clock

    async def run_due(self) -> int:
        """Look at every request that is due. How many there were. Raises StoreUnavailable."""
        return 0
