"""This file asks a shop what its webhooks leave out: after an event that may have changed it, once, and not at once.

Shopify's webhooks say neither when an order must be handed over, nor by when it was promised, nor why it is held. A
look costs some of the shop's budget, which people who open tickets need more. So events of one order within a few
minutes lead to one look, few looks are under way together, and what cannot be had after some tries is left until the
next event. Wishes are kept in memory: after a crash the next event of the order makes a new one.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from connectors.contract import ConnectorError, Temporary, WorkSource
from connectors.model import Observation
from connectors.transport import Clock
from server.flows.enrich_tickets import TicketLooks
from server.flows.process import record_looks
from server.model import OrderKey, Reference, ReferenceKind
from server.store.contract import Store
from server.workspaces import Workspaces

log = structlog.get_logger()

SETTLES = timedelta(seconds=5)
"""A shop decides on warehouse and dates a moment after the order was placed."""
EVERY = timedelta(minutes=3)
PAUSES = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10))
"""Before each further try."""
AT_ONCE = 2
MOST_WISHES = 2_000
LONGEST_LOOK = 15.0
TOO_OLD = timedelta(days=30)

_PROMPTS = frozenset(
    {
        "order.created",
        "order.cancelled",
        "fulfillment.held",
        "fulfillment.released",
        "fulfillment.started",
        "fulfillment.cancelled",
        "cancellation.requested",
        "cancellation.rejected",
        "return.requested",
    }
)
_FIRST_PROMPTS = frozenset({"order.updated", "order.paid", "fulfillment.created"})
"""These prompt a look at an order that has never been looked at."""


class _Wish(Struct):
    about: OrderKey | Reference
    shop: str
    workspace: str
    since: datetime
    """When the latest event was that prompted it."""
    at: datetime
    is_first_only: bool
    tries: int = 0


class Enricher:
    """Every method but `look_due`'s tasks returns at once; `notice` may be called for the same event again."""

    def __init__(self, workspaces: Workspaces, store: Store, clock: Clock, *, on_done: Callable[[], None]) -> None:
        self.under_way: set[asyncio.Task[None]] = set()
        self._workspaces = workspaces
        self._store = store
        self._clock = clock
        self._on_done = on_done
        self._is_stopping = False
        self._tickets = TicketLooks(workspaces, store, clock, self.under_way)
        self._mine: set[asyncio.Task[None]] = set()
        """Of those under way the looks at orders."""
        self._wishes: dict[OrderKey | Reference, _Wish] = {}
        self._looked: dict[OrderKey | Reference, datetime] = {}
        """When each was last looked at; those of the last minutes, and the newest of those before."""

    @property
    def next_at(self) -> datetime | None:
        """When the next look is due, as far as there is room for one."""
        wishes = self._wishes.values() if len(self._mine) < AT_ONCE else ()
        moments = [wish.at for wish in wishes]
        if (ticket := self._tickets.next_at) is not None:
            moments.append(ticket)
        return min(moments, default=None)

    def notice(self, workspace: str, observations: Sequence[Observation]) -> None:
        """Take note of an event that was taken in. Its first word is what happened; the others are history."""
        if not observations or self._is_stopping or workspace not in self._workspaces:
            return
        self._tickets.notice(workspace, observations)
        word = observations[0]
        if word.kind not in _PROMPTS and word.kind not in _FIRST_PROMPTS:
            return
        now = self._clock()
        if word.at < now - TOO_OLD or self._shop(workspace, word.source) is None:
            return
        for about in _about(workspace, word):
            self._wish(_Wish(about, word.source, workspace, word.at, now + SETTLES, word.kind not in _PROMPTS))

    def look_due(self) -> int:
        """Start what is due. How many looks."""
        if self._is_stopping:
            return 0
        now, started = self._clock(), 0
        due = sorted((wish for wish in self._wishes.values() if wish.at <= now), key=lambda wish: wish.at)
        for wish in due[: max(0, AT_ONCE - len(self._mine))]:
            del self._wishes[wish.about]
            task = asyncio.create_task(self._fulfil(wish))
            self.under_way.add(task)
            self._mine.add(task)
            task.add_done_callback(self._end)
            started += 1
        for task in self._tickets.look_due():
            task.add_done_callback(self._end)
            started += 1
        return started

    async def stop(self) -> None:
        """Ask no further."""
        self._is_stopping = True
        for task in self.under_way:
            task.cancel()
        await asyncio.gather(*self.under_way, return_exceptions=True)

    def _end(self, task: asyncio.Task[None]) -> None:
        self.under_way.discard(task)
        self._mine.discard(task)
        self._on_done()

    def _wish(self, wish: _Wish) -> None:
        known = self._wishes.get(wish.about)
        if known is not None:
            known.is_first_only &= wish.is_first_only
            known.since = max(known.since, wish.since)
            return
        last = self._looked.get(wish.about)
        if last is not None and wish.is_first_only:
            return
        if len(self._wishes) >= MOST_WISHES:
            log.warning("look_dropped", order=str(wish.about))
            return
        if last is not None:
            wish.at = max(wish.at, last + EVERY)
        self._wishes[wish.about] = wish

    async def _fulfil(self, wish: _Wish) -> None:
        try:
            async with asyncio.timeout(LONGEST_LOOK):
                await self._look(wish)
        except (Temporary, TimeoutError) as error:
            self._try_later(wish, error)
        except ConnectorError as error:
            # Nothing that a further try would cure; the sidebar shows it to whoever opens the order.
            log.warning("look_refused", order=str(wish.about), reason=str(error))
        except Exception:
            log.exception("look_broke", order=str(wish.about))

    async def _look(self, wish: _Wish) -> None:
        key = await self._key(wish)
        shop = self._shop(wish.workspace, wish.shop)
        if key is None or shop is None:
            return
        last, now = self._looked.get(key), self._clock()
        if last is not None and last >= wish.since + SETTLES:
            return
        if wish.is_first_only and await self._was_looked_at(key):
            return
        found = await shop.read_work(key.order_id)
        self._remember(now, wish.about, key)
        await record_looks(self._store, self._clock, wish.workspace, (found,))

    async def _key(self, wish: _Wish) -> OrderKey | None:
        if isinstance(wish.about, OrderKey):
            return wish.about
        reference = wish.about
        found = await self._store.read(lambda tx: tx.find(wish.workspace, (reference,)))
        return found[0] if len(found) == 1 else None

    async def _was_looked_at(self, key: OrderKey) -> bool:
        record = await self._store.read(lambda tx: tx.record(key))
        said = record.order.get(key.shop) if record else None
        return said is not None and said.facts.parts is not None

    def _try_later(self, wish: _Wish, error: Exception) -> None:
        if wish.tries >= len(PAUSES):
            log.warning("look_given_up", order=str(wish.about), reason=str(error))
            return
        wish.at = self._clock() + PAUSES[wish.tries]
        wish.tries += 1
        self._wishes.setdefault(wish.about, wish)

    def _remember(self, now: datetime, *names: OrderKey | Reference) -> None:
        for name in names:
            self._looked.pop(name, None)
            self._looked[name] = now
        while len(self._looked) > 2 * MOST_WISHES:
            del self._looked[next(iter(self._looked))]

    def _shop(self, workspace: str, connection: str) -> WorkSource | None:
        found: object = self._workspaces[workspace].connections.get(connection)
        return found if isinstance(found, WorkSource) and found.can_look else None


def _about(workspace: str, word: Observation) -> Iterable[OrderKey | Reference]:
    if word.about.shop_order:
        return (OrderKey(workspace, word.source, word.about.shop_order),)
    return (Reference(ReferenceKind.ORDER_ID, part) for part in word.about.order_ids[:1])
