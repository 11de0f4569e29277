"""This file is the demo's time: it runs as real time does, and can be moved forward.

World and server share it, so signatures are always fresh however far it has been moved.
"""

from datetime import UTC, datetime, timedelta


class MovableClock:
    """Call it for the time; `advance` moves it."""

    def __init__(self, start: datetime) -> None:
        self._ahead = start - datetime.now(UTC)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, by: timedelta) -> None:
        """Move forward. Time never goes back."""
        if by < timedelta():
            raise ValueError("a clock is only ever moved forward")
        self._ahead += by


class StoppedClock:
    """The same for tests: it stands still between moves."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def __call__(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move forward. Time never goes back."""
        if by < timedelta():
            raise ValueError("a clock is only ever moved forward")
        self._now += by
