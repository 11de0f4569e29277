"""This file finds out, beside the order itself, who looks at a panel and which of its requests they may decide."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from server.approval_model import ApprovalState, Person
from server.context import Context
from server.errors import BeforehandError
from server.flows.approvals import Approvals
from server.flows.deciders import deciders
from server.flows.directory import Directory
from server.flows.draw_approvals import Viewer
from server.model import Principal
from server.rules.policy import Policy

UNKNOWN = "It could not be checked whether you may decide this. Refresh to try again."

T = TypeVar("T")
log = structlog.get_logger()


class Viewing:
    """One person before one panel. Nothing here is waited for before the order is shown."""

    def __init__(self, approvals: Approvals, directory: Directory, policy: Policy, principal: Principal) -> None:
        self._approvals = approvals
        self._directory = directory
        self._principal = principal
        self._deciders = deciders(policy)
        self._own: set[str] = set()
        self._why_not: dict[tuple[str, int], str] = {}
        self._asked: set[tuple[str, int]] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._person: asyncio.Task[Person | None] | None = None

    @property
    def viewer(self) -> Viewer:
        """What is known by now."""
        return Viewer(own=frozenset(self._own), why_not=dict(self._why_not), deciders=self._deciders)

    def look_at(self, context: Context) -> None:
        """Begin to find out about requests that wait for a decision."""
        for request in context.approvals:
            seen = (request.id, request.version)
            if request.state == ApprovalState.PENDING and seen not in self._asked:
                self._asked.add(seen)
                self._start(self._find_why_not(request.id))

    async def settle(self, seconds: float) -> None:
        """Wait until everything is known, but no longer than *seconds*."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)

    def cancel(self) -> None:
        """Find out no further."""
        for task in self._tasks:
            task.cancel()

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _who(self) -> Person | None:
        """Who looks; asked for once, and only where there is something to decide."""
        if self._person is None:
            self._person = self._start(self._find_person())
        return await asyncio.shield(self._person)

    async def _find_person(self) -> Person | None:
        try:
            return await self._directory.person(self._principal)
        except BeforehandError as error:
            log.info("viewer_unknown", user=self._principal.user, reason=str(error))
        except Exception:
            log.exception("viewer_unknown", user=self._principal.user)
        return None

    async def _find_why_not(self, request_id: str) -> None:
        try:
            request = await self._approvals.read(self._principal, request_id)
            person = await self._who()
            if person is not None and request.requester.is_same_as(person):
                self._own.add(request.id)
            seen = (request.id, request.version)
            self._asked.add(seen)
            self._why_not[seen] = await self._approvals.why_not(self._principal, request)
        except BeforehandError as error:
            self._unknown(request_id, str(error))
        except Exception:
            log.exception("why_not_unknown", request=request_id)
            self._unknown(request_id, UNKNOWN)

    def _unknown(self, request_id: str, reason: str) -> None:
        for seen in self._asked:
            if seen[0] == request_id:
                self._why_not.setdefault(seen, reason)
