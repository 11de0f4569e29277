"""This file answers for an order as it is now: the stored order at once, then every live source as it answers."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from datetime import timedelta

import structlog

from connectors.model import Observation
from connectors.transport import Clock
from server.approval_model import ApprovalRequest
from server.context import CandidateContext, Context, SourceContext
from server.errors import NotFound
from server.flows import present
from server.flows.asks import Reach
from server.flows.flights import Flights
from server.flows.look import Look, SeenNow
from server.flows.resolve import Finder, as_context
from server.flows.sources import Sources, last_word
from server.flows.tickets import match_ticket
from server.model import Action, Issue, OrderKey, OrderRecord
from server.rules.identity import Joined, Waiting, join
from server.rules.timeline import empty
from server.store.contract import Reading, Store, StoreUnavailable
from server.workspaces import Workspaces

_Stored = tuple[OrderRecord | None, tuple[Issue, ...], tuple[Action, ...], tuple[ApprovalRequest, ...]]
Recorder = Callable[[str, tuple[Observation, ...]], Awaitable[object]]
"""Stores what was seen of a workspace's orders, so that it is folded like any other word."""

WORTH_REPEATING = timedelta(minutes=5)
"""A source that says the same as before is stored again only after this time, so that "as of" stays true."""
MOST_RECORDINGS = 100
"""Under way at the same time; beyond it storage has trouble, and what was seen will be seen again."""

log = structlog.get_logger()


class Gathering:
    """Gathers contexts. Every call ends, or is cancelled, without leaving a question open.

    *wait* bounds everything that is asked live, in seconds; without it each source has its own limit.
    """

    def __init__(
        self, workspaces: Workspaces, store: Store, clock: Clock, *, source_seconds: float, record: Recorder
    ) -> None:
        self._reach = {name: Reach(workspace) for name, workspace in workspaces.items()}
        self._store = store
        self._clock = clock
        self._source_seconds = source_seconds
        self._record = record
        self._flights = Flights(clock)
        self._recordings: set[asyncio.Task[None]] = set()

    async def of_order(
        self, workspace: str, reference: str, *, shop: str = "", live: bool = True, wait: float | None = None
    ) -> Context:
        """An order by shop order id, name or tracking number. Raises NotFound, Ambiguous."""
        return await self._whole(await self._look_by_reference(workspace, reference, shop, live=live, wait=wait))

    async def stream_order(
        self,
        workspace: str,
        reference: str,
        *,
        shop: str = "",
        live: bool = True,
        wait: float | None = None,
        only: str = "",
    ) -> AsyncGenerator[Context]:
        """The stored order at once, and again after each answer; the last one is the whole. Raises as `of_order`.

        With *only* no other connection than that is asked.
        """
        look = await self._look_by_reference(workspace, reference, shop, live=live, wait=wait)
        look.only = only
        async with aclosing(self._each(look)) as contexts:
            async for context in contexts:
                yield context

    async def of_ticket(
        self, workspace: str, connection: str, ticket_id: str, *, live: bool = True, wait: float | None = None
    ) -> Context:
        """The order that a ticket is about; none where it fits none, or several. Raises NotFound for the ticket."""
        found = await self._look_by_ticket(workspace, connection, ticket_id, live=live, wait=wait)
        return found if isinstance(found, Context) else await self._whole(found)

    async def stream_ticket(
        self,
        workspace: str,
        connection: str,
        ticket_id: str,
        *,
        live: bool = True,
        wait: float | None = None,
        only: str = "",
    ) -> AsyncGenerator[Context]:
        """The same as a stream, as `stream_order` gives it, once it is known which order it is."""
        found = await self._look_by_ticket(workspace, connection, ticket_id, live=live, wait=wait)
        if isinstance(found, Context):
            yield found
            return
        found.only = only
        async with aclosing(self._each(found)) as contexts:
            async for context in contexts:
                yield context

    async def read_now(self, workspace: str, reference: str, *, shop: str = "") -> SeenNow:
        """An order once every source has answered or failed, for a decision: no answer of a moment ago counts.

        Raises NotFound, Ambiguous.
        """
        flights = Flights(self._clock)
        look = await self._look_by_reference(workspace, reference, shop, live=True, wait=None, flights=flights)
        return await self._seen_now(look, flights)

    async def read_again(self, key: OrderKey) -> SeenNow:
        """The same for an order that was asked about before, whatever else has its number. Raises NotFound, Ambiguous.

        Where it is not stored (yet), its shop is asked for it.
        """
        flights = Flights(self._clock)
        try:
            look = await self._look(self._finder(key.workspace), key, (), None, self._deadline(None), flights)
        except NotFound:
            return await self.read_now(key.workspace, key.order_id, shop=key.shop)
        return await self._seen_now(look, flights)

    async def search(
        self, workspace: str, text: str, *, live: bool = True
    ) -> tuple[list[CandidateContext], list[SourceContext]]:
        """Orders that *text* may mean, newest first; the shops are asked where nothing stored matches."""
        finder = self._finder(workspace)
        found = await finder.search(text, live=live, deadline=self._deadline(None))
        return [as_context(candidate) for candidate in found], finder.sources.list(None)

    async def close(self) -> None:
        """Cancel what is being asked, and finish storing what was seen."""
        await self._flights.close()
        await asyncio.gather(*self._recordings)

    # --- beginnings -------------------------------------------------------------------------------------------------

    async def _look_by_reference(
        self,
        workspace: str,
        reference: str,
        shop: str,
        *,
        live: bool,
        wait: float | None,
        flights: Flights | None = None,
    ) -> Look:
        finder, live, deadline = self._finder(workspace), live and wait != 0, self._deadline(wait)
        found = await finder.order(reference, shop=shop, live=live, deadline=deadline)
        until = self._live_until(live, wait, deadline)
        return await self._look(finder, found.key, found.seen, None, until, flights)

    async def _look_by_ticket(
        self, workspace: str, connection: str, ticket_id: str, *, live: bool, wait: float | None
    ) -> Look | Context:
        finder, live, deadline = self._finder(workspace), live and wait != 0, self._deadline(wait)
        match = await match_ticket(finder, connection, ticket_id, live=live, deadline=deadline)
        if match.key is None:
            return present.without_order(
                finder.reach.workspace,
                self._clock(),
                matched_by=match.matched_by,
                candidates=match.candidates,
                sources=finder.sources.list(None),
            )
        seen = match.order.seen if match.order else ()
        return await self._look(finder, match.key, seen, match.matched_by, self._live_until(live, wait, deadline))

    async def _look(
        self,
        finder: Finder,
        key: OrderKey,
        seen: tuple[Observation, ...],
        matched_by: str | None,
        until: float | None,
        flights: Flights | None = None,
    ) -> Look:
        def work(tx: Reading) -> _Stored:
            return tx.record(key), tx.issues_of(key), tx.actions_of(key), tx.approvals_of(key)

        record, issues, actions, requests = await self._store.read(work)
        if record is None and not seen:
            raise NotFound("No order matches")
        return Look(
            finder.reach,
            record or empty(key),
            issues,
            seen=seen,
            actions=actions,
            requests=requests,
            flights=flights or self._flights,
            clock=self._clock,
            belongs=self._belongs,
            source_seconds=self._source_seconds,
            until=until,
            sources=finder.sources,
            matched_by=matched_by,
        )

    def _finder(self, workspace: str) -> Finder:
        if workspace not in self._reach:
            raise NotFound(f"there is no workspace {workspace}")
        return Finder(self._reach[workspace], self._store, self._clock, self._flights, Sources(), self._source_seconds)

    def _deadline(self, wait: float | None) -> float:
        return asyncio.get_running_loop().time() + (self._source_seconds if wait is None else wait)

    def _live_until(self, live: bool, wait: float | None, deadline: float) -> float | None:
        """Finding the order uses up what the client gave us, but not what the sources have by default."""
        if not live:
            return None
        return self._deadline(None) if wait is None else deadline

    # --- ends -------------------------------------------------------------------------------------------------------

    async def _seen_now(self, look: Look, flights: Flights) -> SeenNow:
        try:
            look.start()
            while await look.step():
                pass
            return look.seen_now()
        finally:
            self._end(look)
            await flights.close()

    async def _whole(self, look: Look) -> Context:
        try:
            look.start()
            while await look.step():
                pass
            return look.context()
        finally:
            self._end(look)

    async def _each(self, look: Look) -> AsyncGenerator[Context]:
        try:
            look.start()
            yield look.context()
            while await look.step():
                yield look.context()
        finally:
            self._end(look)

    def _end(self, look: Look) -> None:
        look.cancel()
        observations = self._worth_storing(look)
        if observations and len(self._recordings) < MOST_RECORDINGS:
            task = asyncio.create_task(self._store_seen(look.key.workspace, observations))
            self._recordings.add(task)
            task.add_done_callback(self._recordings.discard)

    def _worth_storing(self, look: Look) -> tuple[Observation, ...]:
        """What was seen, if it changed anything; of those who shared an answer, the first one stores it."""
        fresh = [answer for answer in look.answers if not answer.is_stored]
        observations = (*look.seen, *(observation for answer in fresh for observation in answer.observations))
        if not observations or not (look.has_news() or self._was_long_ago(look, observations)):
            return ()
        for answer in fresh:
            answer.is_stored = True
        return observations

    def _was_long_ago(self, look: Look, observations: tuple[Observation, ...]) -> bool:
        words = [last_word(look.stored, source) for source in {found.source for found in observations}]
        now = self._clock()
        return any(word is None or now - word > WORTH_REPEATING for word in words)

    async def _store_seen(self, workspace: str, observations: tuple[Observation, ...]) -> None:
        try:
            await self._record(workspace, observations)
        except StoreUnavailable as error:
            log.warning("look_not_stored", workspace=workspace, reason=str(error))
        except Exception:
            log.exception("look_not_stored", workspace=workspace)

    async def _belongs(self, key: OrderKey, observation: Observation) -> bool:
        """Whether something found by an order's number is about this order, and not another shop's of that number."""
        shops = self._reach[key.workspace].shops
        try:
            found = await self._store.read(
                lambda tx: join(observation, key.workspace, shops, lambda names: tx.find(key.workspace, names))
            )
        except StoreUnavailable:
            return False  # what cannot be checked is not shown
        return isinstance(found, Waiting) or found == Joined(key)
