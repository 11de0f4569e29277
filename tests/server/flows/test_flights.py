"""Live look-ups are shared while they are under way, for a moment after, and never outlive those who asked."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from connectors.model import Observation
from server.flows.flights import Answered, Flights

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


class Source:
    """Answers when told to, and counts."""

    def __init__(self):
        self.calls = 0
        self.cancelled = 0
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self):
        self.calls += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        return (Observation(source="shop", kind="order.read", identity=str(self.calls), at=NOW),)


async def test_those_who_ask_together_share_one_call():
    flights, source = Flights(Clock()), Source()
    asking = [asyncio.create_task(flights.join("a", source)) for _ in range(5)]
    await asyncio.sleep(0)
    source.gate.set()
    answers = await asyncio.gather(*asking)
    assert source.calls == 1
    assert answers == [answers[0]] * 5
    assert isinstance(answers[0], Answered)
    assert answers[0].at == NOW


async def test_an_answer_serves_for_two_seconds_by_our_clock():
    clock, source = Clock(), Source()
    flights = Flights(clock)
    source.gate.set()
    await flights.join("a", source)
    clock.now += timedelta(seconds=1.9)
    await flights.join("a", source)
    assert source.calls == 1
    clock.now += timedelta(seconds=0.2)
    await flights.join("a", source)
    assert source.calls == 2


async def test_a_clock_that_steps_back_does_not_keep_an_answer_for_ever():
    clock, source = Clock(), Source()
    flights = Flights(clock)
    source.gate.set()
    await flights.join("a", source)
    clock.now -= timedelta(hours=1)
    await flights.join("a", source)
    assert source.calls == 2


async def test_different_questions_are_asked_apart():
    flights, source = Flights(Clock()), Source()
    source.gate.set()
    await asyncio.gather(flights.join("a", source), flights.join("b", source))
    assert source.calls == 2


async def test_a_failure_reaches_all_who_wait_and_is_not_kept():
    flights, source = Flights(Clock()), Source()
    source.error = RuntimeError("no")
    asking = [asyncio.create_task(flights.join("a", source)) for _ in range(2)]
    await asyncio.sleep(0)
    source.gate.set()
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert [str(result) for result in results] == ["no", "no"]
    source.error = None
    await flights.join("a", source)
    assert source.calls == 2


async def test_one_who_leaves_does_not_cancel_it_for_the_others():
    flights, source = Flights(Clock()), Source()
    leaving = asyncio.create_task(flights.join("a", source))
    staying = asyncio.create_task(flights.join("a", source))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    source.gate.set()
    await staying
    assert (source.calls, source.cancelled) == (1, 0)


async def test_the_last_who_leaves_cancels_the_call_and_the_next_asks_afresh():
    flights, source = Flights(Clock()), Source()
    first = asyncio.create_task(flights.join("a", source))
    for _ in range(3):
        await asyncio.sleep(0)
    first.cancel()
    next_one = asyncio.create_task(flights.join("a", source))
    with pytest.raises(asyncio.CancelledError):
        await first
    source.gate.set()
    await next_one
    assert (source.calls, source.cancelled) == (2, 1)
    assert len(asyncio.all_tasks()) == 1


async def test_closing_cancels_what_is_under_way():
    flights, source = Flights(Clock()), Source()
    waiting = asyncio.create_task(flights.join("a", source))
    for _ in range(3):
        await asyncio.sleep(0)
    await flights.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert source.cancelled == 1
