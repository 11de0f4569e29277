"""This file drives the flows within the server's own process: events in, orders reviewed when due, actions out.

It sleeps until something arrives or is due. A step that fails is logged and tried again; it stops no other step.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from connectors.transport import Clock
from server.flows.audit import HeadLog
from server.flows.deliver import Courier, Happened, Watcher
from server.flows.enrich import Enricher
from server.flows.execute import Executor
from server.flows.learn import load_transit
from server.flows.policy_files import PolicyFiles
from server.flows.process import process_inbox, review_due
from server.flows.read_back import ReadingBack
from server.model import Action, OrderKey
from server.store.contract import Store, StoreUnavailable, Tended
from server.workspaces import Workspaces

log = structlog.get_logger()

Lane = tuple[OrderKey, str]
"""An order, and in which lane something of it goes out."""

KEPT_FREE = 2
"""Places that no single door may take: a slow one must not hold up the others."""
LONGEST_SLEEP = 60.0
"""Seconds: the wall clock may have been set meanwhile."""
SLEEP_WHILE_DELIVERING = 0.25
PAUSE_AFTER_TROUBLE = 1.0
POLICY_EVERY = 2.0
"""Seconds between two looks at the policy files."""
LONGEST_DRAIN = 10.0
TENDING_EVERY = 3600.0
TENDINGS_BETWEEN_EXAMINATIONS = 24
RETENTION = timedelta(days=30)
FORGOTTEN_TOGETHER = 100
"""Rows in one deletion, so that the writer is free again in a moment."""


class Engine:
    """One per process. *pace* is how many seconds of *clock* pass in one real second.

    *on_event* is told what came of every action (`server.flows.deliver.Happened`); what it raises is logged.
    """

    def __init__(
        self,
        workspaces: Workspaces,
        store: Store,
        clock: Clock,
        *,
        deliveries_at_once: int = 10,
        pace: float = 1.0,
        on_event: Watcher | None = None,
        policies: PolicyFiles | None = None,
    ) -> None:
        self._policies = policies or PolicyFiles(workspaces, store, clock)
        self._look_at_policies_at = clock()
        self._workspaces = workspaces
        self._store = store
        self._clock = clock
        self._at_once = deliveries_at_once
        self._pace = pace
        self._on_event = on_event
        self._courier = Courier(workspaces, store, clock, watcher=self._tell)
        self._enricher = Enricher(workspaces, store, clock, on_done=self.wake)
        self._executor = Executor(workspaces, store, clock, on_done=self.wake)
        self._reading_back = ReadingBack(workspaces, store, clock, notice=self._enricher.notice, on_done=self.wake)
        self._audit_heads = HeadLog(workspaces, store, clock)
        self._awake = asyncio.Event()
        self._turning = asyncio.Lock()
        self._loops: list[asyncio.Task[None]] = []
        self._under_way: dict[Lane, asyncio.Task[None]] = {}
        self._trouble: set[str] = set()
        self._is_stopping = False
        self._is_damaged = False

    @property
    def healthy(self) -> bool:
        """Whether it runs, and the latest try of every step went through."""
        runs = bool(self._loops) and not any(loop.done() for loop in self._loops)
        return runs and not self._trouble and not self._is_damaged

    async def start(self) -> None:
        """Begin to work. What a process before us left half done is due, and is taken up."""
        await self._guarded("learn", self._learn)
        self._loops = [
            asyncio.create_task(self._keep(self._work), name="engine"),
            asyncio.create_task(self._keep(self._tend), name="engine housekeeping"),
        ]

    async def stop(self) -> None:
        """Finish what is under way, within ten seconds. What is cut off then is resolved at the next start."""
        self._is_stopping = True
        self._executor.stop()
        self.wake()
        loops, self._loops = self._loops, []
        for loop in loops[1:]:
            loop.cancel()
        await self._enricher.stop()
        await self._reading_back.stop()
        if under_way := [*loops, *self._under_way.values(), *self._executor.under_way]:
            _, late = await asyncio.wait(under_way, timeout=LONGEST_DRAIN)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def wake(self) -> None:
        """There may be work: look now."""
        self._awake.set()

    async def settle(self) -> None:
        """Work until nothing is due at the clock's present time. For tests and the demo. Raises what a step raises."""
        while True:
            async with self._turning:
                done = await self._follow_policies()
                done += await self._process() + await self._review() + await self._execute()
                done += await self._send() + await self._enrich() + await self._read_back()
            beside = (*self._enricher.under_way, *self._executor.under_way, *self._reading_back.under_way)
            if under_way := {*self._under_way.values(), *beside}:
                await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            elif not done:
                return

    # --- the work ---------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while not self._is_stopping:
            self._awake.clear()
            done = 0
            async with self._turning:
                for name, step in (
                    ("policy", self._follow_policies),
                    ("process", self._process),
                    ("review", self._review),
                    ("execute", self._execute),
                    ("deliver", self._send),
                    ("enrich", self._enrich),
                    ("read back", self._read_back),
                    ("audit", self._log_audit_heads),
                ):
                    done += await self._guarded(name, step)
            if self._trouble:
                await asyncio.sleep(PAUSE_AFTER_TROUBLE)
            elif not done:
                await self._guarded("sleep", self._sleep)
            self._trouble.discard("engine")

    async def _guarded(self, name: str, step: Callable[[], Awaitable[int | None]]) -> int:
        """Run a step; its failure is logged and leaves the engine unhealthy until it works again."""
        try:
            done = await step()
        except StoreUnavailable as error:
            log.warning("engine_step_failed", step=name, reason=str(error))
        except Exception:
            log.exception("engine_step_failed", step=name)
        else:
            self._trouble.discard(name)
            return done or 0
        self._trouble.add(name)
        return 0

    async def _learn(self) -> None:
        await load_transit(self._workspaces, self._store)

    async def _follow_policies(self) -> int:
        """Take up policy files that were changed, and have the orders looked at again that this can matter to."""
        if self._policies.is_hurried or self._clock() >= self._look_at_policies_at:
            await self._policies.look()
            self._look_at_policies_at = self._clock() + timedelta(seconds=POLICY_EVERY * self._pace)
        return await self._policies.review_some()

    async def _process(self) -> int:
        return await process_inbox(self._workspaces, self._store, self._clock, notice=self._enricher.notice)

    async def _enrich(self) -> int:
        return self._enricher.look_due()

    async def _execute(self) -> int:
        """Carry out what was approved; let expire what nobody decides."""
        return await self._executor.run_due()

    async def _read_back(self) -> int:
        """Ask connections what their webhooks may not have told."""
        return await self._reading_back.run_due()

    async def _log_audit_heads(self) -> int:
        """Let the log say how far the audit log has come. How much was done: nothing that leads to more."""
        await self._audit_heads.look()
        return 0

    async def _review(self) -> int:
        return await review_due(self._workspaces, self._store, self._clock)

    async def _send(self) -> int:
        """Start deliveries, at most one an order and lane, and so many at once. How many were started."""
        busy = set(self._under_way)
        free = self._at_once - len(busy)
        if free <= 0 or self._is_stopping:
            return 0
        now = self._clock()
        taken = Counter(lane.partition("|")[0] for _, lane in busy)
        most = max(1, self._at_once - KEPT_FREE)
        full = [door for door, places in taken.items() if places >= most]
        due = await self._store.read(lambda tx: tx.due_actions_elsewhere(now, len(busy) + free, full))
        started = 0
        for action in due:
            # By who was busy before we looked: an action that ended meanwhile still looks due here.
            lane = (action.order, action.lane)
            if lane not in busy and started < free and taken[action.door] < most:
                self._under_way[lane] = asyncio.create_task(self._deliver(action))
                taken[action.door] += 1
                started += 1
        return started

    async def _deliver(self, action: Action) -> None:
        try:
            await self._courier.deliver(action)
            self._trouble.discard("store")
        except StoreUnavailable as error:
            # What left us stays marked as sent; the next try finds out whether it arrived.
            log.warning("delivery_not_recorded", order=str(action.order), key=action.key, reason=str(error))
            self._trouble.add("store")
            await asyncio.sleep(PAUSE_AFTER_TROUBLE)
        except Exception:
            log.exception("delivery_broke", order=str(action.order), key=action.key)
            await asyncio.sleep(PAUSE_AFTER_TROUBLE)
        finally:
            del self._under_way[action.order, action.lane]
            self.wake()

    async def _sleep(self) -> int:
        """Until woken, or until the next thing is due. How much was done: nothing."""
        stored = await self._store.read(lambda tx: tx.next_due_at())
        due = (stored, self._enricher.next_at, self._reading_back.next_at)
        due_at = min((moment for moment in due if moment is not None), default=None)
        seconds = POLICY_EVERY if self._policies.are_there else LONGEST_SLEEP
        if due_at is not None:
            seconds = min(seconds, max(0.0, (due_at - self._clock()).total_seconds() / self._pace))
        if self._under_way or self._executor.under_way:
            # What is under way counts as due until it is done, and may hide what is due next.
            seconds = max(min(seconds, PAUSE_AFTER_TROUBLE), SLEEP_WHILE_DELIVERING)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._awake.wait()
        return 0

    def _tell(self, happened: Happened) -> None:
        if self._on_event is not None:
            try:
                self._on_event(happened)
            except Exception:
                log.exception("watcher_broke", kind=happened.kind)

    # --- housekeeping -----------------------------------------------------------------------------------------------

    async def _tend(self) -> None:
        tendings = 0
        while not self._is_stopping:
            await asyncio.sleep(TENDING_EVERY)
            tendings += 1
            await self._guarded("forget", self._forget)
            if isinstance(self._store, Tended):
                await self._guarded("tend", self._store.tidy)
                if tendings % TENDINGS_BETWEEN_EXAMINATIONS == 0:
                    await self._guarded("examine", self._examine)

    async def _forget(self) -> int:
        """Delete what has long been done. How many rows."""
        before, forgotten = self._clock() - RETENTION, 0
        while True:
            rows = await self._store.write(lambda tx: tx.forget_done(before, FORGOTTEN_TOGETHER))
            forgotten += rows
            if rows < FORGOTTEN_TOGETHER:
                return forgotten
            await asyncio.sleep(0.01)

    async def _examine(self) -> None:
        if isinstance(self._store, Tended) and (found := await self._store.examine()):
            log.critical("database_damaged", found=found)
            self._is_damaged = True

    async def _keep(self, loop: Callable[[], Awaitable[None]]) -> None:
        """Start a loop again when it breaks."""
        while not self._is_stopping:
            try:
                await loop()
            except Exception:
                log.exception("engine_loop_broke", loop=loop.__name__)
                self._trouble.add("engine")
                await asyncio.sleep(PAUSE_AFTER_TROUBLE)
