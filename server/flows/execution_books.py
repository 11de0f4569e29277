"""This file stores every step of carrying out a request, and what follows from it, in one transaction each."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from connectors.order_actions import ActionReceipt
from connectors.transport import Clock, backoff
from server.approval_model import ApprovalRequest, ApprovalState, Turn
from server.flows.approval_turns import record_turn
from server.flows.process import look_item
from server.rules import execution_steps as steps
from server.rules.approval_line import observation_of
from server.store.contract import Store, Writing
from server.workspaces import Workspace

log = structlog.get_logger()


class Overtaken(Exception):
    """Somebody else has changed the request meanwhile: leave it to them."""


class Books:
    """Of one request in one workspace. Every method raises StoreUnavailable, and Overtaken."""

    def __init__(self, workspace: Workspace, store: Store, clock: Clock) -> None:
        self._workspace = workspace
        self._store = store
        self._clock = clock

    async def start(self, request: ApprovalRequest, connection: str, key: str, body: bytes) -> ApprovalRequest:
        """Before the first byte leaves: it is being carried out, with these bytes under this key."""
        return await self._put(request, lambda latest: steps.started(latest, connection, key, body, self._clock()))

    async def put_off(
        self, request: ApprovalRequest, why: str, seconds: float, *, connection: str = "", key: str = ""
    ) -> None:
        """Look at it again after so many seconds."""
        until = self._clock() + timedelta(seconds=seconds)
        await self._put(request, lambda latest: steps.put_off(latest, why, until, connection=connection, key=key))
        log.warning("execution_delayed", request=request.id, order=str(request.order), until=until, reason=why)

    async def take_back(self, before: ApprovalRequest, request: ApprovalRequest, why: str, seconds: float) -> None:
        """The try that made *before* to *request* surely came to nothing: again after so many seconds."""
        until = self._clock() + timedelta(seconds=seconds)
        await self._put(request, lambda latest: steps.put_off(steps.unsent(before, latest), why, until))
        log.warning("execution_delayed", request=request.id, order=str(request.order), until=until, reason=why)

    async def finish(self, request: ApprovalRequest, receipt: ActionReceipt) -> bool:
        """It was carried out; or, where the vendor is not done with it, taken on: then it is asked for again.

        A success is written down whatever has changed about the request meanwhile. Whether it is final.
        """
        now = self._clock()
        if not receipt.is_final:
            wait = steps.poll_pause(request, now).total_seconds()
            until = now + timedelta(seconds=jittered(wait))
            await self._put(request, lambda latest: steps.taken_on(latest, receipt, until))
            return False

        def work(tx: Writing) -> None:
            latest = tx.approval(request.id)
            if latest is None or latest.state not in (ApprovalState.EXECUTING, ApprovalState.FAILED):
                raise Overtaken
            self._end(tx, steps.executed(latest, receipt, now), Turn.EXECUTED, now)

        await self._store.write(work)
        log.info("executed", request=request.id, order=str(request.order), receipt=receipt.id)
        return True

    async def fail(self, request: ApprovalRequest, why: str) -> None:
        """Surely nothing was carried out, and nothing will be."""
        now = self._clock()

        def work(tx: Writing) -> None:
            self._end(tx, steps.failed(_unchanged(tx, request), why, now), Turn.FAILED, now)

        await self._store.write(work)
        log.error("execution_failed", request=request.id, order=str(request.order), reason=why)

    def _end(self, tx: Writing, request: ApprovalRequest, turn: Turn, now: datetime) -> None:
        record_turn(tx, request, turn, self._workspace, now)
        tx.add_inbox(look_item(self._workspace.name, (observation_of(request, now),), now))

    async def _put(
        self, request: ApprovalRequest, change: Callable[[ApprovalRequest], ApprovalRequest]
    ) -> ApprovalRequest:
        def work(tx: Writing) -> ApprovalRequest:
            changed = change(_unchanged(tx, request))
            tx.put_approval(changed)
            return changed

        return await self._store.write(work)


def jittered(seconds: float) -> float:
    """Between half of it and all of it, so that many do not come back together."""
    return backoff(1, first=seconds, most=seconds)


def _unchanged(tx: Writing, request: ApprovalRequest) -> ApprovalRequest:
    """The stored request, if nobody has changed it since. Raises Overtaken."""
    latest = tx.approval(request.id)
    if latest is None or latest.version != request.version or latest.state is not request.state:
        raise Overtaken
    return latest
