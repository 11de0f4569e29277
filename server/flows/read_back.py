"""This file reads connections back, because webhooks get lost: what was missed enters through the same inbox."""

from datetime import datetime

from connectors.transport import Clock
from server.store.contract import Store
from server.workspaces import Workspaces


class ReadingBack:
    """Reads every connection that can be read back (`ReadableBack`), on a schedule and at the start."""

    def __init__(self, workspaces: Workspaces, store: Store, clock: Clock) -> None:
        self._workspaces = workspaces
        self._store = store
        self._clock = clock

    @property
    def next_at(self) -> datetime | None:
        """When the next connection is due; None where there is none."""
        return None

    async def run_due(self) -> int:
        """Read what is due. How many pages. Raises StoreUnavailable; other trouble is logged and tried again."""
        return 0
