"""This file looks at tickets of which a webhook said only that they have changed: soon, once, and not all together.

Wishes are kept in memory, as those of `enrich.py` are: after a crash the ticket's next change makes a new one.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from connectors.contract import ConnectorError, ContactSource, Missing, Temporary
from connectors.model import Observation
from connectors.transport import Clock
from server.flows.process import record_looks
from server.store.contract import Store
from server.workspaces import Workspaces

log = structlog.get_logger()

TOUCHED = "ticket.touched"
SETTLES = timedelta(seconds=2)
"""One save of a ticket fires several triggers."""
PAUSES = (timedelta(seconds=20), timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1))
AT_ONCE = 2
MOST_WISHES = 2_000
LONGEST_LOOK = 15.0

Place = tuple[str, str, str]
"""Workspace, helpdesk's connection, ticket."""


class _Wish(Struct):
    place: Place
    at: datetime
    tries: int = 0


class TicketLooks:
    """Every method but the tasks of `look_due` returns at once. *under_way* is shared with whoever waits for all."""

    def __init__(
        self, workspaces: Workspaces, store: Store, clock: Clock, under_way: "set[asyncio.Task[None]]"
    ) -> None:
        self._workspaces = workspaces
        self._store = store
        self._clock = clock
        self._all = under_way
        self._mine: set[asyncio.Task[None]] = set()
        self._wishes: dict[Place, _Wish] = {}

    @property
    def next_at(self) -> datetime | None:
        """When the next look is due, as far as there is room for one."""
        if len(self._mine) >= AT_ONCE:
            return None
        return min((wish.at for wish in self._wishes.values()), default=None)

    def notice(self, workspace: str, observations: Sequence[Observation]) -> None:
        """Take note of tickets that have changed; the same ticket again before it was looked at counts once."""
        for word in observations:
            place = (workspace, word.source, word.about.ticket)
            if word.kind != TOUCHED or self._desk(place) is None or place in self._wishes:
                continue
            if len(self._wishes) >= MOST_WISHES:
                log.warning("look_dropped", ticket=word.about.ticket, connection=word.source)
                continue
            self._wishes[place] = _Wish(place, self._clock() + SETTLES)

    def look_due(self) -> "list[asyncio.Task[None]]":
        """Start what is due."""
        now = self._clock()
        due = sorted((wish for wish in self._wishes.values() if wish.at <= now), key=lambda wish: wish.at)
        started = []
        for wish in due[: max(0, AT_ONCE - len(self._mine))]:
            del self._wishes[wish.place]
            task = asyncio.create_task(self._fulfil(wish))
            self._mine.add(task)
            self._all.add(task)
            task.add_done_callback(self._mine.discard)
            started.append(task)
        return started

    async def _fulfil(self, wish: _Wish) -> None:
        workspace, connection, ticket = wish.place
        desk = self._desk(wish.place)
        try:
            async with asyncio.timeout(LONGEST_LOOK):
                found = await desk.read_contact(ticket) if desk else None
                await record_looks(self._store, self._clock, workspace, (found,) if found else ())
        except Missing:
            log.info("ticket_gone", ticket=ticket, connection=connection)
        except (Temporary, TimeoutError) as error:
            self._try_later(wish, error)
        except ConnectorError as error:
            log.warning("look_refused", ticket=ticket, connection=connection, reason=str(error))
        except Exception:
            log.exception("look_broke", ticket=ticket, connection=connection)

    def _try_later(self, wish: _Wish, error: Exception) -> None:
        if wish.tries >= len(PAUSES):
            log.warning("look_given_up", ticket=wish.place[2], connection=wish.place[1], reason=str(error))
            return
        wish.at = self._clock() + PAUSES[wish.tries]
        wish.tries += 1
        self._wishes.setdefault(wish.place, wish)

    def _desk(self, place: Place) -> ContactSource | None:
        workspace, connection, _ = place
        found: object = (
            self._workspaces[workspace].connections.get(connection) if workspace in self._workspaces else None
        )
        return found if isinstance(found, ContactSource) else None
