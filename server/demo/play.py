"""This file plays the stories: it moves the clock to whatever comes next, in the world or by silence alone."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from server.demo.happenings import Step
from server.demo.office import Office
from server.demo.sender import Sender
from server.demo.stories import Stories
from server.store.contract import Store

Tell = Callable[[datetime, Step], Awaitable[None]]


PATIENCE = 30
"""Seconds of real time in which a system that did not answer may come round, before the story goes on without it."""
HINDERED_FOR = timedelta(minutes=5)


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
    """Plays one world's stories in one server. *nap* passes seconds of real time; without *office* nobody works."""

    def __init__(
        self,
        stories: Stories,
        sender: Sender,
        store: Store,
        engine: Settling,
        clock: Clockwork,
        *,
        nap: Callable[[float], Awaitable[None]] = asyncio.sleep,
        office: Office | None = None,
    ) -> None:
        self._stories = stories
        self._sender = sender
        self._store = store
        self._engine = engine
        self._clock = clock
        self._nap = nap
        self._office = office

    async def play(self, tell: Tell) -> None:
        """Everything, from the first step to the last, and whatever follows from it within the same hour."""
        for step in self._stories.steps:
            await self._pass_time(self._stories.at(step.hours))
            await tell(self._clock(), step)
            await self._sender.send(step.play())
            if step.act is not None and self._office is not None:
                await step.act(self._office)
            await self._settle()
        await self._pass_time(self._stories.at(self._stories.steps[-1].hours + 1))

    async def _pass_time(self, until: datetime) -> None:
        """Go there in leaps, with a stop wherever something falls due."""
        while True:
            due = await self._store.read(lambda tx: tx.next_due_at())
            if due is None or due > until:
                break
            self._move(due)
            await self._settle()
            after = await self._store.read(lambda tx: tx.next_due_at())
            if after is not None and after <= due:
                # It stays due, whatever is done: time goes on all the same.
                break
        self._move(until)
        await self._settle()

    async def _settle(self) -> None:
        """Let everything that is due be done; wait a little for a system that is busy, as a slow machine may be."""
        await self._engine.settle()
        # What was done in the shop through its API it tells by webhooks, like anything else.
        while letters := self._stories.letters():
            await self._sender.send(letters)
            await self._engine.settle()
        for _ in range(PATIENCE):
            if not await self._is_hindered():
                return
            await self._nap(1)
            due = await self._store.read(lambda tx: tx.next_due_at())
            if due is not None:
                self._move(due)
            await self._engine.settle()

    async def _is_hindered(self) -> bool:
        """Whether an action was tried in vain and waits for its next try."""
        until = self._clock() + HINDERED_FOR
        waiting = await self._store.read(lambda tx: tx.due_actions(until, 100))
        return any(action.error for action in waiting)

    def _move(self, moment: datetime) -> None:
        ahead = moment - self._clock()
        if ahead.total_seconds() > 0:
            self._clock.advance(ahead)
