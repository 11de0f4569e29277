"""This file reads connections back, because webhooks get lost: what was missed enters through the same inbox.

A page's words are stored before the cursor that lies behind them: a crash between the two repeats a page, which changes
nothing, and skips none. The same holds for what the tickets say that a page only names.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from connectors.contract import ConnectorError, ContactSource, Cursor, ReadableBack, Temporary
from connectors.model import Observation
from connectors.transport import Clock
from server.flows.enrich_tickets import LONGEST_LOOK, TOUCHED
from server.flows.process import record_looks
from server.store.contract import Store, StoreUnavailable
from server.workspaces import Workspaces

log = structlog.get_logger()

EVERY = timedelta(minutes=5)
PAUSES = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10))
"""After trouble, the longest for as long as it lasts."""
LONGEST_PAGE = 30.0
MOST_PAGES = 200
"""In one reading; the next goes on where it ended."""

Place = tuple[str, str]
"""Workspace and connection."""
Notice = Callable[[str, Sequence[Observation]], None]


class _Turn(Struct):
    at: datetime
    failures: int = 0


class Reading(Struct, frozen=True):
    """What one reading came to."""

    pages: int
    found: int
    trouble: str = ""


class ReadingBack:
    """Reads every connection that can be read back (`ReadableBack`): at the start, on a schedule, and after trouble.

    *notice* is told of what was found, as of events that arrive: some of it says no more than what to look at.
    """

    def __init__(
        self,
        workspaces: Workspaces,
        store: Store,
        clock: Clock,
        *,
        notice: Notice = lambda *_: None,
        on_done: Callable[[], None] = lambda: None,
    ) -> None:
        self._workspaces = workspaces
        self._store = store
        self._clock = clock
        self._notice = notice
        self._on_done = on_done
        self._is_stopping = False
        self._tasks: dict[Place, asyncio.Task[None]] = {}
        self._turns = {
            (workspace.name, name): _Turn(clock())
            for workspace in workspaces.values()
            for name, connector in workspace.connections.items()
            if isinstance(connector, ReadableBack)
        }

    @property
    def under_way(self) -> tuple[asyncio.Task[None], ...]:
        """What is being read at this moment."""
        return tuple(self._tasks.values())

    @property
    def next_at(self) -> datetime | None:
        """When the next connection is due; None where there is none."""
        waiting = (turn.at for place, turn in self._turns.items() if place not in self._tasks)
        return min(waiting, default=None)

    async def run_due(self) -> int:
        """Start to read what is due. How many connections."""
        now, started = self._clock(), 0
        for place, turn in self._turns.items():
            if turn.at <= now and place not in self._tasks and not self._is_stopping:
                self._tasks[place] = asyncio.create_task(self._read_and_plan(place))
                started += 1
        return started

    async def stop(self) -> None:
        """Read no further. What was stored stays, and the next start goes on behind it."""
        self._is_stopping = True
        for task in self.under_way:
            task.cancel()
        await asyncio.gather(*self.under_way, return_exceptions=True)

    async def read(self, workspace: str, connection: str) -> Reading:
        """Read one connection to its end, now. Trouble is told in the answer; what was read until then is stored."""
        source: object = self._workspaces[workspace].connections.get(connection)
        if not isinstance(source, ReadableBack):
            return Reading(0, 0, f"{connection} cannot be read back")
        pages = found = 0
        try:
            while pages < MOST_PAGES:
                stored = await self._store.read(lambda tx: tx.cursor(workspace, connection))
                async with asyncio.timeout(LONGEST_PAGE):
                    page = await source.read_back(Cursor(text=stored), now=self._clock())
                await record_looks(self._store, self._clock, workspace, page.observations)
                others = await self._look(source, workspace, connection, page.observations)
                text = page.cursor.text
                await self._store.write(lambda tx, text=text: tx.put_cursor(workspace, connection, text))  # type: ignore[misc]
                self._notice(workspace, others)
                pages, found = pages + 1, found + len(page.observations)
                if not page.has_more:
                    break
        except (ConnectorError, TimeoutError) as error:
            return Reading(pages, found, str(error) or "it did not answer in time")
        return Reading(pages, found)

    async def _look(
        self, source: object, workspace: str, connection: str, observations: Sequence[Observation]
    ) -> Sequence[Observation]:
        """Read the tickets of which a page says only that they have changed, and give back the rest of it.

        Raises ConnectorError or TimeoutError where trying again can help: the page is then read again.
        """
        if not isinstance(source, ContactSource):
            return observations
        for ticket in dict.fromkeys(word.about.ticket for word in observations if word.kind == TOUCHED):
            try:
                async with asyncio.timeout(LONGEST_LOOK):
                    found = await source.read_contact(ticket)
            except Temporary:
                raise
            except ConnectorError as error:
                # Deleted since, or not to be read: it must not keep what comes after it from being read.
                log.info("ticket_not_read", connection=connection, ticket=ticket, reason=str(error))
                continue
            await record_looks(self._store, self._clock, workspace, (found,) if found else ())
        return [word for word in observations if word.kind != TOUCHED]

    async def _read_and_plan(self, place: Place) -> None:
        turn = self._turns[place]
        trouble = "it was cut off"
        try:
            reading = await self.read(*place)
            trouble = reading.trouble
            if reading.found:
                log.info("read_back", workspace=place[0], connection=place[1], found=reading.found)
        except StoreUnavailable as error:
            trouble = str(error)
        except Exception as error:
            log.exception("read_back_broke", workspace=place[0], connection=place[1])
            trouble = str(error) or type(error).__name__
        finally:
            turn.failures = turn.failures + 1 if trouble else 0
            pause = PAUSES[min(turn.failures, len(PAUSES)) - 1] if trouble else EVERY
            turn.at = self._clock() + pause
            if trouble:
                log.warning("read_back_failed", workspace=place[0], connection=place[1], reason=trouble)
            del self._tasks[place]
            self._on_done()
