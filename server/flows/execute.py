"""This file carries out what was approved, exactly once, and lets requests expire when nobody decides.

What time alone does (reminders, expiry) is done at once. What needs an outside system runs beside the engine's turns,
one request an order at a time, so that a slow vendor holds up nobody else.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from msgspec.structs import replace

from connectors.transport import Clock
from server.approval_model import ApprovalRequest, ApprovalState
from server.flows.approval_turns import record_turn
from server.flows.execution import Carrying
from server.model import OrderKey
from server.rules.approval_clock import tick
from server.rules.execution_steps import is_to_carry_out
from server.store.contract import Store, StoreUnavailable, Writing
from server.workspaces import Workspace, Workspaces

log = structlog.get_logger()

AT_ONCE = 8
MOST_IN_A_TURN = 200
PAUSE_AFTER_TROUBLE = 1.0
"""Seconds, after a task could not store what it found out."""
PUT_OFF = timedelta(hours=1)
"""For what cannot be looked after now: its workspace is not configured, or it breaks our own code."""
SHORTEST_PAUSE = timedelta(seconds=1)


class Executor:
    """Looks after approval requests that are due: to be carried out, to be reminded of, to expire.

    *on_done* is called whenever a task has ended: there may be something new.
    """

    def __init__(
        self,
        workspaces: Workspaces,
        store: Store,
        clock: Clock,
        *,
        on_done: Callable[[], None] = lambda: None,
        pause_after_trouble: float = PAUSE_AFTER_TROUBLE,
    ) -> None:
        self._workspaces = workspaces
        self._store = store
        self._clock = clock
        self._on_done = on_done
        self._pause = pause_after_trouble
        self._tasks: dict[OrderKey, asyncio.Task[None]] = {}
        self._is_stopping = False

    @property
    def under_way(self) -> tuple[asyncio.Task[None], ...]:
        """What is being carried out at this moment."""
        return tuple(self._tasks.values())

    def stop(self) -> None:
        """Begin nothing more. What is under way is to be waited for; what is cut off is looked for later."""
        self._is_stopping = True

    async def run_due(self) -> int:
        """Look at every request that is due. How many were begun, reminded of or ended. Raises StoreUnavailable."""
        now = self._clock()
        due = await self._store.read(lambda tx: tx.due_approvals(now, MOST_IN_A_TURN))
        if self._is_stopping:
            return 0
        others = [request for request in due if not is_to_carry_out(request)]
        done = await self._look_after(others, now) if others else 0
        for request in due:
            workspace = self._workspaces.get(request.workspace)
            if not is_to_carry_out(request) or request.order in self._tasks or self._is_stopping:
                continue
            if workspace is None:
                done += await self._look_after([request], now)
            elif len(self._tasks) < AT_ONCE:
                self._tasks[request.order] = asyncio.create_task(self._carry_out(request, workspace))
                done += 1
        return done

    async def _carry_out(self, request: ApprovalRequest, workspace: Workspace) -> None:
        try:
            await Carrying(request, workspace, self._store, self._clock).run()
        except StoreUnavailable as error:
            # It is marked as being carried out since before the first byte: the next try finds out what became of it.
            log.warning("execution_not_recorded", request=request.id, reason=str(error))
            await asyncio.sleep(self._pause)
        except Exception:
            log.exception("execution_broke", request=request.id, order=str(request.order))
            await asyncio.sleep(self._pause)
        finally:
            del self._tasks[request.order]
            self._on_done()

    # --- what time alone does -----------------------------------------------------------------------------------------

    async def _look_after(self, requests: Sequence[ApprovalRequest], now: datetime) -> int:
        """All in one transaction; where that fails each in its own, so that only what cannot be done is put off."""
        try:
            await self._store.write(lambda tx: self._tick_each(tx, requests, now))
        except StoreUnavailable:
            raise
        except Exception as error:
            if len(requests) > 1:
                return sum([await self._look_after([request], now) for request in requests])
            log.exception("approval_not_looked_after", request=requests[0].id, exc_info=error)
            await self._store.write(lambda tx: _put_off(tx, requests[0].id, now))
        return len(requests)

    def _tick_each(self, tx: Writing, requests: Sequence[ApprovalRequest], now: datetime) -> None:
        for request in requests:
            workspace = self._workspaces.get(request.workspace)
            if workspace is None:
                _put_off(tx, request.id, now)
            else:
                _tick(tx, request.id, workspace, now)


def _tick(tx: Writing, request_id: str, workspace: Workspace, now: datetime) -> None:
    """What time has done to it, by how it is stored at this moment: it may just have been decided."""
    latest = tx.approval(request_id)
    if latest is None or latest.due_at is None or latest.due_at > now or is_to_carry_out(latest):
        return
    if latest.state is not ApprovalState.PENDING:
        tx.put_approval(replace(latest, due_at=None))
        return
    after, turn = tick(latest, workspace.policy, now)
    if after.due_at is not None and after.due_at <= now:
        # Never at once: it must not keep the engine going in circles.
        after = replace(after, due_at=now + SHORTEST_PAUSE)
    if turn is None:
        tx.put_approval(after)
    else:
        record_turn(tx, after, turn, workspace, now)


def _put_off(tx: Writing, request_id: str, now: datetime) -> None:
    latest = tx.approval(request_id)
    if latest is not None:
        tx.put_approval(replace(latest, due_at=now + PUT_OFF))
