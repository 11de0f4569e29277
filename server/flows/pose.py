"""This file puts one question to one source, within its time limit; what goes wrong is an answer too."""

import asyncio

import structlog
from msgspec import Struct

from connectors.contract import ConnectorError
from connectors.model import Observation
from server.flows.asks import Ask
from server.flows.flights import Answered, Flights

log = structlog.get_logger()


class Reply(Struct, frozen=True):
    """What one question came to: an answer or an error."""

    ask: Ask
    answer: Answered | None
    error: Exception | None = None
    latency_ms: int | None = None

    @property
    def observations(self) -> tuple[Observation, ...]:
        return self.answer.observations if self.answer else ()


async def pose(flights: Flights, workspace: str, ask: Ask, *, seconds: float, deadline: float) -> Reply:
    """Ask, for at most *seconds* and not beyond *deadline* (the loop's clock). Raises nothing but cancellation."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    try:
        async with asyncio.timeout_at(min(deadline, started + seconds)):
            return Reply(ask, await flights.join((workspace, ask.connection, ask.question), ask.call))
    except (ConnectorError, TimeoutError) as error:
        failure: Exception = error
    except Exception as error:
        log.exception("source_failed", connection=ask.connection, system=ask.system)
        failure = error
    return Reply(ask, None, failure, round((loop.time() - started) * 1000))
