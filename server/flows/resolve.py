"""This file finds the order that a reference names: stored orders first, then, where that is allowed, the shops."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from functools import partial

from msgspec import Struct

from connectors.contract import Missing, OrderSource
from connectors.model import Observation
from connectors.transport import Clock
from server.context import CandidateContext, SourceContext
from server.errors import BeforehandError, NotFound
from server.flows.asks import Ask, Reach
from server.flows.flights import Flights
from server.flows.pose import pose
from server.flows.sources import Sources
from server.model import OrderKey
from server.rules.identity import order_name, parse_query, references_of
from server.rules.timeline import empty, fold, view
from server.store.contract import OrderSummary, Reference, ReferenceKind, Store

MOST_CANDIDATES = 20
BY_NUMBER = (ReferenceKind.ORDER_ID, ReferenceKind.NAME, ReferenceKind.TRACKING_NUMBER)


class Ambiguous(BeforehandError):
    """A reference names several orders."""

    def __init__(self, candidates: list[CandidateContext]) -> None:
        super().__init__("Several orders match; name one of `candidates` by its order id, or its shop with ?shop=")
        self.candidates = candidates


class NotFoundNow(NotFound):
    """Nothing stored matches, and not everybody who might know could be asked."""

    def __init__(self, sources: list[SourceContext]) -> None:
        said = "; ".join(source.error for source in sources if source.error)
        super().__init__(f"No stored order matches, and the search went no further: {said}")
        self.sources = sources


class Candidate(Struct, frozen=True, kw_only=True):
    """An order that was found. `seen` is what its shop said of it, where that is how it was found."""

    summary: OrderSummary
    match: str
    seen: tuple[Observation, ...] = ()

    @property
    def key(self) -> OrderKey:
        return self.summary.key


class Finder:
    """Finds orders of one workspace, and keeps account in *sources* of the shops that it asks."""

    def __init__(
        self, reach: Reach, store: Store, clock: Clock, flights: Flights, sources: Sources, source_seconds: float
    ) -> None:
        self.reach = reach
        self.store = store
        self.sources = sources
        self.source_seconds = source_seconds
        self.clock = clock
        self._flights = flights

    async def order(self, text: str, *, shop: str = "", live: bool, deadline: float) -> Candidate:
        """The one order that *text* names. Raises NotFound, Ambiguous."""
        references = numbers(parse_query(text))
        found = _of_shop(await self.stored(references), shop)
        if not found and live and references:
            found = _of_shop(await self.in_shops(text, deadline), shop)
            found = [candidate for candidate in found if _is_named(candidate, references)]
        if len(found) > 1:
            raise Ambiguous([as_context(candidate) for candidate in found])
        if found:
            return found[0]
        failed = [source for source in self.sources.list(None) if source.error]
        if failed:
            raise NotFoundNow(failed)
        raise NotFound("No order matches")

    async def search(self, text: str, *, live: bool, deadline: float) -> list[Candidate]:
        """Orders that *text* may mean, newest first."""
        references = parse_query(text)
        found = await self.stored(references)
        if not found and live and references:
            return await self.in_shops(text, deadline)
        return found

    async def stored(self, references: Collection[Reference]) -> list[Candidate]:
        """Stored orders that have any of *references*, newest first."""
        if not references:
            return []
        workspace = self.reach.workspace.name
        found = await self.store.read(lambda tx: tx.search(workspace, references, MOST_CANDIDATES))
        return [Candidate(summary=summary, match=in_words(summary, references)) for summary in found]

    async def in_shops(self, text: str, deadline: float) -> list[Candidate]:
        """What the shops find for *text*, all asked at the same time."""
        asks = [ask for name, shop in self.reach.shops.items() for ask in self._shop_asks(name, shop, text)]
        for ask in asks:
            self.sources.expect(ask.connection, ask.system, ask.topic)
        workspace = self.reach.workspace.name
        replies = await asyncio.gather(
            *(pose(self._flights, workspace, ask, seconds=self.source_seconds, deadline=deadline) for ask in asks)
        )
        references = parse_query(text)
        found: dict[OrderKey, Candidate] = {}
        for reply in replies:
            ask = reply.ask
            if reply.answer is None:
                error = reply.error or TimeoutError()
                self.sources.failed(ask.connection, ask.system, ask.topic, error, reply.latency_ms)
                continue
            self.sources.answered(ask.connection, ask.system, ask.topic, reply.answer)
            for observation in reply.answer.observations:
                if candidate := self._seen(ask.connection, observation, references):
                    found.setdefault(candidate.key, candidate)
        return list(found.values())[:MOST_CANDIDATES]

    def _shop_asks(self, name: str, shop: OrderSource, text: str) -> Iterable[Ask]:
        system = self.reach.system(name)
        topic = ("find", text)
        yield Ask(name, system, topic, topic, partial(shop.find_orders, text))
        if text.isascii() and text.isdigit():
            by_id = ("find by id", text)
            yield Ask(name, system, by_id, by_id, partial(_read_if_there, shop, text))

    def _seen(self, shop: str, observation: Observation, references: Collection[Reference]) -> Candidate | None:
        order = observation.order
        order_id = observation.about.shop_order or (order.id if order else "")
        if not order_id:
            return None
        key = OrderKey(self.reach.workspace.name, shop, order_id)
        facts = view(fold(empty(key), observation)).order
        customer = facts.customer
        summary = OrderSummary(
            key=key,
            name=facts.name or order_id,
            placed_at=facts.placed_at,
            email=facts.email or (customer.email if customer else None) or "",
            customer_name=(customer.name if customer else None) or "",
            total=str(facts.total or ""),
        )
        return Candidate(summary=summary, match=in_words(summary, references), seen=(observation,))


def numbers(references: Iterable[Reference]) -> tuple[Reference, ...]:
    """Those that name an order or a parcel, and not a person."""
    return tuple(reference for reference in references if reference.kind in BY_NUMBER)


def as_context(candidate: Candidate) -> CandidateContext:
    """As the API says it."""
    found = candidate.summary
    return CandidateContext(
        order_id=found.key.order_id,
        shop=found.key.shop,
        name=found.name,
        placed_at=found.placed_at,
        customer=found.customer_name or found.email,
        total=found.total,
        match=candidate.match,
    )


def in_words(summary: OrderSummary, references: Iterable[Reference]) -> str:
    """By what of *references* an order was found, as people call it."""
    wanted = set(references)
    if Reference(ReferenceKind.NAME, order_name(summary.name)) in wanted:
        return "order number"
    if Reference(ReferenceKind.ORDER_ID, summary.key.order_id) in wanted:
        return "order id"
    kinds = {reference.kind for reference in wanted}
    rest = {
        ReferenceKind.EMAIL: "e-mail",
        ReferenceKind.TRACKING_NUMBER: "tracking number",
        ReferenceKind.PHONE: "phone",
    }
    return " or ".join(word for kind, word in rest.items() if kind in kinds)


def _of_shop(found: Sequence[Candidate], shop: str) -> list[Candidate]:
    return [candidate for candidate in found if not shop or candidate.key.shop == shop]


def _is_named(candidate: Candidate, references: Collection[Reference]) -> bool:
    """Shops search by likeness: `1001` also finds `#10010`."""
    known: set[Reference] = set()
    for observation in candidate.seen:
        known |= references_of(view(fold(empty(candidate.key), observation)))
    return not known.isdisjoint(references)


async def _read_if_there(shop: OrderSource, order_id: str) -> tuple[Observation, ...]:
    try:
        return (await shop.read_order(order_id),)
    except Missing:
        return ()
