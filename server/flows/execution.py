"""This file is one try at carrying out an approved request, so that it happens once, whatever is lost on the way.

What may have left us is looked for before it is sent again. What surely did not arrive is tried later. What was refused
is over. Nothing is ever assumed.
"""

import asyncio
from typing import NamedTuple

import structlog

from connectors.contract import ActionDesk, CameToNothing, ConnectorError, Denied, Throttled
from connectors.order_actions import ActionReceipt, OrderAction
from connectors.transport import Clock
from server.approval_model import ApprovalRequest, ApprovalState, Execution
from server.flows.execution_books import Books, Overtaken, jittered
from server.flows.read_again import read_again
from server.rules import execution_steps as steps
from server.rules.approval_action import desks, key_of, order_action
from server.rules.timeline import empty, view
from server.store.contract import Store
from server.workspaces import Workspace

log = structlog.get_logger()

LONGEST_CALL = 60.0
"""Seconds for one call of a connector, all its requests together. Shorter than the lease."""
_NO_DESK = "no connected system can carry this out"


class _Ready(NamedTuple):
    """What goes out."""

    connection: str
    desk: ActionDesk
    key: str
    body: bytes


class _Found(NamedTuple):
    """What a look-up has shown: the receipt, or that it surely was not carried out."""

    receipt: ActionReceipt | None = None


class Carrying:
    """One try at one request that is due. `run` raises StoreUnavailable; all other trouble is stored with it."""

    def __init__(self, request: ApprovalRequest, workspace: Workspace, store: Store, clock: Clock) -> None:
        self._request = request
        self._workspace = workspace
        self._store = store
        self._clock = clock
        self._books = Books(workspace, store, clock)

    async def run(self) -> None:
        """Do what is to be done now."""
        try:
            if self._request.state is ApprovalState.EXECUTING:
                await self._find_out()
            elif self._clock() >= steps.gives_up_at(self._request):
                await self._give_up()
            elif (ready := await self._prepare()) is not None:
                await self._send(ready)
        except Overtaken:
            log.info("execution_overtaken", request=self._request.id)

    # --- before anything leaves ---------------------------------------------------------------------------------------

    async def _prepare(self) -> _Ready | None:
        """Whom to ask, and the very bytes; None where that is not possible now, or ever, which then is stored."""
        execution = self._request.execution
        if execution is not None and execution.request is not None:
            desk = self._desk(execution.connection)
            if desk is None:
                await self._later(f"the configuration has no {execution.connection} that could carry this out")
                return None
            return _Ready(execution.connection, desk, execution.key, execution.request)
        record = await self._store.read(lambda tx: tx.record(self._request.order)) or empty(self._request.order)
        action = order_action(self._request, view(record))
        name, desk, why_not = self._choose(action, desks(self._request, record))
        if desk is None:
            await self._books.fail(self._request, why_not)
            return None
        try:
            async with asyncio.timeout(LONGEST_CALL):
                return _Ready(name, desk, action.key, await desk.render_action(action))
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing has left us
            await self._not_prepared(name, error)
            return None

    def _choose(self, action: OrderAction, names: tuple[str, ...]) -> tuple[str, ActionDesk | None, str]:
        """The first that can; where none can, what the best of them has against it."""
        objections: list[str] = []
        for name in names:
            if (desk := self._desk(name)) is None:
                continue
            if not (objection := desk.objection(action)):
                return name, desk, ""
            objections.append(objection)
        return "", None, objections[0] if objections else _NO_DESK

    async def _not_prepared(self, connection: str, error: Exception) -> None:
        if steps.is_refusal(error):
            await self._books.fail(self._request, steps.in_words(error))
        elif isinstance(error, ConnectorError | TimeoutError):
            wait = self._wait(error)
            await self._books.put_off(
                self._request, steps.in_words(error), wait, connection=connection, key=key_of(self._request)
            )
        else:
            log.exception("execution_not_prepared", request=self._request.id, exc_info=error)
            await self._books.fail(self._request, f"{steps.in_words(error)}; nothing was sent")

    async def _give_up(self) -> None:
        execution = self._request.execution
        why = execution.error if execution and execution.error else "nobody could carry it out in time"
        hours = f"{steps.PATIENCE.total_seconds() / 3600:.0f} hours"
        await self._books.fail(self._request, f"not carried out within {hours} of the approval: {why}")

    # --- it leaves ----------------------------------------------------------------------------------------------------

    async def _send(self, ready: _Ready) -> None:
        before = self._request
        started = self._request = await self._books.start(before, ready.connection, ready.key, ready.body)
        try:
            async with asyncio.timeout(LONGEST_CALL):
                receipt = await ready.desk.carry_out(ready.body, ready.key)
        except Exception as error:  # noqa: BLE001 - what became of it is found out, whatever it is
            if steps.is_refusal(error):
                await self._refused(ready, error, is_repeat=before.state is ApprovalState.EXECUTING)
            elif steps.may_have_happened(error):
                _note_fault(started, error)
                wait = max(self._wait(error), steps.SETTLES.total_seconds())
                await self._books.put_off(started, steps.in_words(error), wait)
            else:
                await self._books.take_back(before, started, steps.in_words(error), self._wait(error))
            return
        await self._done(receipt)

    async def _refused(self, ready: _Ready, error: Exception, *, is_repeat: bool) -> None:
        """A repeat may be refused because the first try went through after all."""
        found = await self._look(ready) if is_repeat else _Found()
        if found is None:
            return
        if found.receipt is not None:
            await self._done(found.receipt)
        else:
            await self._books.fail(self._request, steps.in_words(error))

    async def _done(self, receipt: ActionReceipt) -> None:
        execution = self._request.execution
        if await self._books.finish(self._request, receipt) and execution is not None:
            await read_again(self._workspace, self._request.order, execution.connection, self._store, self._clock)

    # --- it may have arrived ------------------------------------------------------------------------------------------

    async def _find_out(self) -> None:
        """What became of an earlier try; only where that surely came to nothing it is sent again."""
        execution = self._request.execution
        desk = self._desk(execution.connection) if execution else None
        if execution is None or execution.request is None or desk is None:
            await self._later("whether it was carried out cannot be looked up: its connection is not configured")
            return
        ready = _Ready(execution.connection, desk, execution.key, execution.request)
        found = await self._look(ready)
        if found is None:
            return
        if found.receipt is not None:
            await self._done(found.receipt)
        else:
            await self._send_again(ready, execution)

    async def _look(self, ready: _Ready) -> "_Found | None":
        """What became of what may have left us; None where that is over, or is not known now, which then is stored."""
        since = self._request.execution.started_at if self._request.execution else None
        try:
            async with asyncio.timeout(LONGEST_CALL):
                return _Found(await ready.desk.find_action(ready.body, ready.key, since or self._request.created_at))
        except CameToNothing as error:
            await self._books.fail(self._request, steps.in_words(error))
        except Exception as error:  # noqa: BLE001 - as long as it is not known, nothing is done
            _note_fault(self._request, error)
            await self._books.put_off(self._request, steps.in_words(error), self._wait(error))
        return None

    async def _send_again(self, ready: _Ready, execution: Execution) -> None:
        if self._clock() >= steps.gives_up_at(self._request):
            await self._give_up()
        elif self._request.receipt is not None:
            # They took it on, and do not show it: perhaps not yet. A second time would be one too many.
            await self._later(f"{ready.connection} has taken it on and does not show it yet")
        elif execution.attempts >= steps.MOST_FAULTS and execution.error.startswith(steps.OUR_FAULT):
            await self._books.fail(self._request, f"{execution.error}; nothing was carried out")
        else:
            await self._send(ready)

    # --- later --------------------------------------------------------------------------------------------------------

    async def _later(self, why: str) -> None:
        wait = steps.poll_pause(self._request, self._clock())
        await self._books.put_off(self._request, why, jittered(wait.total_seconds()))

    def _wait(self, error: Exception) -> float:
        """Seconds: never less than the vendor asks for, and never the same for many."""
        wait = steps.pause(self._request, self._clock())
        if isinstance(error, Denied):
            wait = max(wait, steps.ACCESS_PAUSE)
        seconds = jittered(wait.total_seconds())
        asked = (error.retry_after or 0.0) if isinstance(error, ConnectorError) else 0.0
        # Where many were told the same time to wait, they should not come back at the same moment.
        return max(asked + jittered(5.0) if isinstance(error, Throttled) else asked, seconds)

    def _desk(self, name: str) -> ActionDesk | None:
        found: object = self._workspace.connections.get(name)
        return found if isinstance(found, ActionDesk) else None


def _note_fault(request: ApprovalRequest, error: Exception) -> None:
    if not isinstance(error, ConnectorError | TimeoutError):
        log.error("execution_broke", request=request.id, order=str(request.order), exc_info=error)
