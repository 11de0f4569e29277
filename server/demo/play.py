"""This file plays the stories: it moves the clock to whatever comes next, in the world or by silence alone."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from server.demo.sender import Sender
from server.demo.stories import Step, Stories
from server.store.contract import Store

Tell = Callable[[datetime, Step], Awaitable[None]]


MOST_LEAPS = 20
"""Between two steps: a helpdesk that cannot be reached is tried again and again, and time must go on all the same."""


class Clockwork(Protocol):
    """A clock that can be moved."""

    def __call__(self) -> datetime: ...
    def advance(self, by: timedelta) -> None: ...


class Settling(Protocol):
    """What has to come to rest before time goes on."""

    async def settle(self) -> None:
        """Return when nothing is left to do at the present time."""
        ...


class Player:
    """Plays one world's stories in one server."""

    def __init__(self, stories: Stories, sender: Sender, store: Store, engine: Settling, clock: Clockwork) -> None:
        self._stories = stories
        self._sender = sender
        self._store = store
        self._engine = engine
        self._clock = clock

    async def play(self, tell: Tell) -> None:
        """Everything, from the first step to the last, and whatever follows from it within the same hour."""
        for step in self._stories.steps:
            await self._pass_time(self._stories.at(step.hours))
            await tell(self._clock(), step)
            await self._sender.send(step.play())
            await self._engine.settle()
        await self._pass_time(self._stories.at(self._stories.steps[-1].hours + 1))

    async def _pass_time(self, until: datetime) -> None:
        """Go there in leaps, with a stop wherever something falls due."""
        for _ in range(MOST_LEAPS):
            due = await self._store.read(lambda tx: tx.next_due_at())
            if due is None or due > until:
                break
            self._move(due)
            await self._engine.settle()
        self._move(until)
        await self._engine.settle()

    def _move(self, moment: datetime) -> None:
        ahead = moment - self._clock()
        if ahead.total_seconds() > 0:
            self._clock.advance(ahead)
