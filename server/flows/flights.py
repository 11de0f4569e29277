"""This file is the sharing of live look-ups: whoever asks the same at the same time gets the same answer."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime, timedelta

from msgspec import Struct

from connectors.model import Observation
from connectors.transport import Clock

REUSE = timedelta(seconds=2)
"""How long a good answer also serves those who ask later. A failure serves only those who were waiting for it."""


class Answered(Struct, kw_only=True):
    """What a source said, when, and how long it took. Those who shared the call share this object."""

    observations: tuple[Observation, ...]
    at: datetime
    latency_ms: int
    is_stored: bool = False
    """Whether somebody already saw to it that what was said is stored."""


class _Flight:
    def __init__(self, task: "asyncio.Task[Answered]") -> None:
        self.task = task
        self.waiting = 0


class Flights:
    """Calls under way and answers just received. A call that nobody waits for any more is cancelled."""

    def __init__(self, clock: Clock, reuse: timedelta = REUSE) -> None:
        self._clock = clock
        self._reuse = reuse
        self._under_way: dict[Hashable, _Flight] = {}
        self._answers: dict[Hashable, Answered] = {}

    async def join(self, key: Hashable, call: Callable[[], Awaitable[tuple[Observation, ...]]]) -> Answered:
        """The answer to *call*, which is made only if nobody made the same one. Raises what *call* raises."""
        if recent := self._recent(key):
            return recent
        flight = self._under_way.get(key)
        if flight is None:
            flight = self._under_way[key] = _Flight(asyncio.create_task(self._fly(key, call)))
            flight.task.add_done_callback(lambda _: self._land(key, flight))
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                # Nobody may join a call that is being cancelled.
                self._land(key, flight)
                flight.task.cancel()

    async def close(self) -> None:
        """Cancel what is under way and wait until it has ended."""
        tasks = [flight.task for flight in self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fly(self, key: Hashable, call: Callable[[], Awaitable[tuple[Observation, ...]]]) -> Answered:
        started = asyncio.get_running_loop().time()
        observations = await call()
        latency = asyncio.get_running_loop().time() - started
        answer = Answered(observations=observations, at=self._clock(), latency_ms=round(latency * 1000))
        self._answers.pop(key, None)
        self._answers[key] = answer
        self._forget_old()
        return answer

    def _land(self, key: Hashable, flight: _Flight) -> None:
        if self._under_way.get(key) is flight:
            del self._under_way[key]
        if flight.task.done() and not flight.task.cancelled():
            flight.task.exception()  # seen, also where the last who waited has just left

    def _recent(self, key: Hashable) -> Answered | None:
        found = self._answers.get(key)
        return found if found and abs(self._clock() - found.at) < self._reuse else None

    def _forget_old(self) -> None:
        """Answers lie in the order in which they came, so only the oldest need a look."""
        now = self._clock()
        while self._answers:
            key, oldest = next(iter(self._answers.items()))
            if abs(now - oldest.at) < self._reuse:
                return
            del self._answers[key]
