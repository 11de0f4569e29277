"""This file waits out writes whose answer was lost: Gorgias has no idempotency keys, so a copy may still be under way.

What cannot be found right after such a write may appear a moment later. Until that is past, the same write is not
made again.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from connectors.contract import ConnectorError, Unavailable
from connectors.transport import Clock

SETTLES = timedelta(seconds=30)
"""How long Gorgias may still be at a request that nobody waits for."""
MOST_REMEMBERED = 10_000


class LateWrites:
    """Remembers, in this process, which writes may still arrive. After a restart more time has passed anyway."""

    def __init__(self, system: str, clock: Clock) -> None:
        self._system = system
        self._clock = clock
        self._until: OrderedDict[str, datetime] = OrderedDict()

    def wait_for(self, name: str) -> None:
        """Raise Unavailable, whose outcome is unknown, as long as the write of that name may still arrive."""
        until = self._until.get(name)
        if until is None:
            return
        left = (until - self._clock()).total_seconds()
        if left > 0:
            raise Unavailable(self._system, "waiting to see what became of the last try", retry_after=left)
        del self._until[name]

    @contextmanager
    def watch(self, name: str) -> Iterator[None]:
        """Remember the write inside where its outcome is unknown."""
        try:
            yield
        except ConnectorError as error:
            if error.outcome_unknown:
                self._until[name] = self._clock() + SETTLES
                while len(self._until) > MOST_REMEMBERED:
                    self._until.popitem(last=False)
            raise
