"""This file makes silence count: it asks whether moments have come, and remembers the next one that has not.

A rule that asks about time only through `reached` cannot forget to say when it must be asked again.
"""

from datetime import datetime


class Watch:
    """One look at the clock, at *now*."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.next: datetime | None = None

    def reached(self, moment: datetime) -> bool:
        """Whether *moment* has come; where it has not, the answer must be looked at again then."""
        if moment <= self.now:
            return True
        if self.next is None or moment < self.next:
            self.next = moment
        return False
