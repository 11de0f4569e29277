"""This file is one live look at one order: who has been asked, what they said so far, and what that leads on to."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog
from msgspec import Struct

from connectors.carriers import carrier_name
from connectors.model import Observation
from connectors.transport import Clock
from server.approval_model import ApprovalRequest
from server.context import Context, SourceContext
from server.flows.asks import (
    Ask,
    Reach,
    contact_asks,
    ids_of,
    nobody_follows,
    parcels,
    payment_asks,
    payment_ids,
    shop_ask,
    tracking_asks,
)
from server.flows.flights import Answered, Flights
from server.flows.pose import Reply, pose
from server.flows.present import context
from server.flows.sources import Sources
from server.model import Action, Issue, OrderKey, OrderRecord, OrderView, ShipmentView
from server.rules.assess import assess
from server.rules.timeline import fold, view

Belongs = Callable[[OrderKey, Observation], Awaitable[bool]]

log = structlog.get_logger()


class SeenNow(Struct, frozen=True, kw_only=True):
    """An order as it was just read, and which source said so or why not."""

    record: OrderRecord
    view: OrderView
    sources: tuple[SourceContext, ...]

    def trouble(self, connections: Iterable[str]) -> str:
        """Why one of *connections* could not be read, in words; empty where all of them answered."""
        wanted = set(connections)
        for source in self.sources:
            if source.connection in wanted and source.status != "ok":
                return source.error or f"{source.system} did not answer"
        return ""

    def is_read_by(self, connections: Iterable[str]) -> bool:
        """Whether any of *connections* answered."""
        wanted = set(connections)
        return any(source.connection in wanted and source.status == "ok" for source in self.sources)


class Look:
    """Starts from the stored order and improves it with every answer, each source within its own time limit.

    *seen* is what a shop said when the order was searched for; *until* is when everybody must have answered (the
    loop's clock), None where nobody is to be asked.
    """

    def __init__(
        self,
        reach: Reach,
        stored: OrderRecord,
        issues: tuple[Issue, ...],
        *,
        seen: tuple[Observation, ...],
        flights: Flights,
        clock: Clock,
        belongs: Belongs,
        source_seconds: float,
        until: float | None,
        sources: Sources,
        matched_by: str | None,
        actions: tuple[Action, ...] = (),
        requests: tuple[ApprovalRequest, ...] = (),
    ) -> None:
        self.key = stored.key
        self.stored = stored
        self.seen = seen
        self.answers: list[Answered] = []
        self.only = ""
        """The one connection that is to be asked; empty: all of them."""
        self._reach = reach
        self._issues = issues
        self._actions = actions
        self._requests = requests
        self._flights = flights
        self._clock = clock
        self._belongs = belongs
        self._source_seconds = source_seconds
        self._until = until
        self._sources = sources
        self._matched_by = matched_by
        self._stored_view = self._view = view(stored)
        self._record = stored
        self._is_viewed = True
        self._take_in(seen)
        self._refresh()
        self._tasks: set[asyncio.Task[tuple[Reply, list[Observation]]]] = set()
        self._asked: set[tuple[str, tuple[str, ...]]] = set()
        self._busy: dict[str, int] = {}
        self._payment_ids: dict[str, set[str]] = {}
        """By connection: the ids that it was asked about or named itself."""
        self._parcels: set[str] = set()
        self._spare: dict[tuple[str, ...], list[Ask]] = {}
        """Who else can be asked about a parcel, should the first fail."""
        self._must_plan = False
        self._was_put_off = False

    def start(self) -> None:
        """Ask everybody at the same time; where nobody is to be asked, list whom we would ask."""
        asks = self._plan()
        if self._until is None:
            for ask in asks:
                self._sources.expect(ask.connection, ask.system, ask.topic)
        else:
            self._send(asks)

    async def step(self) -> bool:
        """Wait for the next answers and take them in. False when there is nobody left to wait for."""
        if not self._tasks:
            return False
        done, self._tasks = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            self._take(*task.result())
        if self._must_plan:
            self._must_plan = False
            self._refresh()
            self._send(self._plan())
        return True

    def cancel(self) -> None:
        """Ask no further. Calls for which others wait too go on."""
        for task in self._tasks:
            task.cancel()
        self._tasks = set()

    def context(self) -> Context:
        """The order as it is known now."""
        self._refresh()
        now, workspace = self._clock(), self._reach.workspace
        return context(
            self._view,
            assess(self._view, now, workspace.policy, workspace.learner.transit),
            self._issues,
            workspace,
            self._sources.list(self._record),
            now,
            matched_by=self._matched_by,
            actions=self._actions,
            requests=self._requests,
        )

    def seen_now(self) -> SeenNow:
        """The order as it is known now, for a decision."""
        self._refresh()
        sources = self._sources.list(self._record)
        return SeenNow(record=self._record, view=self._view, sources=tuple(sources))

    def has_news(self) -> bool:
        """Whether the order looks different from what is stored."""
        self._refresh()
        return self._view != self._stored_view

    def _take_in(self, observations: Iterable[Observation]) -> None:
        for observation in observations:
            self._record = fold(self._record, observation)
            self._is_viewed = False

    def _refresh(self) -> None:
        if not self._is_viewed:
            self._view = view(self._record)
            self._is_viewed = True

    def _plan(self) -> list[Ask]:
        """Whom to ask, given what is known; nobody is asked the same twice."""
        asks = [
            *self._shop(),
            *self._payments(),
            *contact_asks(self._reach, self._view),
            *(ask for found in self._new_parcels() for ask in self._parcel(found)),
        ]
        fresh = [ask for ask in asks if (ask.connection, ask.question) not in self._asked]
        self._asked.update((ask.connection, ask.question) for ask in fresh)
        return fresh

    def _shop(self) -> list[Ask]:
        ask = shop_ask(self._reach, self._view)
        if ask:
            return [ask]
        self._sources.missing(self.key.shop, self.key.shop, "The shop's connection is no longer configured")
        return []

    def _payments(self) -> list[Ask]:
        """Who was asked before is asked again about payments that others named and it did not, once it has answered."""
        ids = set(payment_ids(self._view))
        asks = []
        self._was_put_off = False
        for ask in payment_asks(self._reach, self._view):
            known = self._payment_ids.get(ask.connection)
            if known is not None and ids <= known:
                continue
            if self._busy.get(ask.connection):
                self._was_put_off = True
                continue
            self._payment_ids.setdefault(ask.connection, set()).update(ids)
            asks.append(ask)
        return asks

    def _new_parcels(self) -> list[ShipmentView]:
        return [found for found in parcels(self._view, self._clock()) if found.shipment.key not in self._parcels]

    def _parcel(self, found: ShipmentView) -> list[Ask]:
        self._parcels.add(found.shipment.key)
        asks = tracking_asks(self._reach, found)
        if not asks:
            carrier = found.shipment.carrier
            self._sources.missing(carrier, carrier_name(carrier), nobody_follows(carrier))
            return []
        self._spare[asks[0].topic] = asks[1:]
        return asks[:1]

    def _send(self, asks: Iterable[Ask]) -> None:
        for ask in asks:
            self._sources.expect(ask.connection, ask.system, ask.topic)
            if self.only not in ("", ask.connection):
                continue
            self._busy[ask.connection] = self._busy.get(ask.connection, 0) + 1
            self._tasks.add(asyncio.create_task(self._ask(ask)))

    async def _ask(self, ask: Ask) -> tuple[Reply, list[Observation]]:
        assert self._until is not None  # noqa: S101  nobody is asked without an end
        reply = await pose(self._flights, self.key.workspace, ask, seconds=self._source_seconds, deadline=self._until)
        return reply, [found for found in reply.observations if await self._is_ours(ask, found)]

    async def _is_ours(self, ask: Ask, observation: Observation) -> bool:
        """Payments are also searched by the order's number, which another shop's order may have as well."""
        ids = {id_ for payment in observation.payments for id_ in ids_of(payment)}
        if not ask.is_search or not ids.isdisjoint(payment_ids(self._view)):
            return True
        is_ours = await self._belongs(self.key, observation)
        if not is_ours:
            log.warning(
                "observation_refused", order=str(self.key), source=ask.connection, identity=observation.identity
            )
        return is_ours

    def _take(self, reply: Reply, observations: list[Observation]) -> None:
        ask, answer = reply.ask, reply.answer
        self._busy[ask.connection] -= 1
        self._must_plan |= self._was_put_off
        if answer is None:
            self._sources.failed(ask.connection, ask.system, ask.topic, reply.error or TimeoutError(), reply.latency_ms)
            self._ask_next(ask)
            return
        self._sources.answered(ask.connection, ask.system, ask.topic, answer)
        self.answers.append(answer)
        self._must_plan |= self._leads_on(ask.connection, observations)
        self._take_in(observations)
        if any(shipment.tracking_problem for found in observations for shipment in found.shipments):
            self._ask_next(ask)

    def _ask_next(self, ask: Ask) -> None:
        """Ask somebody else who may know."""
        spare = self._spare.pop(ask.topic, [])
        if spare and self._has_time():
            self._spare[ask.topic] = spare[1:]
            self._send(spare[:1])

    def _has_time(self) -> bool:
        """Whether another question could still be answered: asking one in vain would blame its source."""
        return self._until is not None and asyncio.get_running_loop().time() < self._until

    def _leads_on(self, connection: str, observations: list[Observation]) -> bool:
        """Whether an answer names a payment or a parcel that we did not know of."""
        named = {id_ for found in observations for payment in found.payments for id_ in ids_of(payment)}
        if connection in self._payment_ids:
            self._payment_ids[connection] |= named
        known = {found.shipment.key for found in self._view.shipments}
        return not named <= set(payment_ids(self._view)) or any(
            shipment.key not in known for found in observations for shipment in found.shipments
        )
