"""This file knows who sends a request of the panel, and writes down who tried to act without being let in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from litestar import Request

from server.approval_model import AuditFact
from server.errors import BeforehandError, Forbidden, Unauthenticated
from server.flows import tokens
from server.flows.refused import Quota, masked
from server.flows.sessions import Session
from server.parts import Parts
from server.store.contract import StoreUnavailable

ENDED = "Session ended. Reload the app to go on."
MOST_PER_MINUTE = 30
"""Refusals of one person, or of all who are not known in a workspace, that go to the audit log: nobody may fill it."""

log = structlog.get_logger()


def signed_in(parts: Parts, request: Request[Any, Any, Any]) -> Session:
    """The session whose token the request carries. Raises Unauthenticated, Forbidden for whoever lost their access."""
    session = parts.sessions.read(tokens.bearer(request.headers.get("authorization")), parts.clock())
    if session is None or session.workspace not in parts.workspaces or parts.hosted_sessions.has_ended(session.within):
        raise Unauthenticated(ENDED)
    # Who it is is looked up beside every stream, which does not wait for it; what that found out counts from then on.
    if barred := parts.directory.barred(session.principal):
        raise Forbidden(barred)
    return session


class Refusals:
    """Attempts that were not let in, to the audit log, as far as it is known whose they are."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._quota = Quota(MOST_PER_MINUTE)

    async def note(
        self,
        workspace: str,
        reason: str,
        *,
        actor: str = "",
        via: str = "",
        subject: str = "",
        event: str = "sidebar.refused",
    ) -> None:
        """Write one attempt down. Storage that is not there changes nothing about the refusal."""
        log.warning("sidebar_refused", workspace=workspace, reason=masked(reason), actor=masked(actor))
        now = self._parts.clock()
        more = self._quota.take((workspace, actor), now) if workspace in self._parts.workspaces else None
        if more is None:
            return
        fact = AuditFact(
            workspace=workspace,
            at=now,
            event=event,
            actor=actor,
            via=via,
            subject=masked(subject, 200),
            details={"reason": masked(reason), **more},
        )
        try:
            await self._parts.store.write(lambda tx: tx.add_audit(fact))
        except StoreUnavailable as error:
            log.warning("refusal_not_stored", workspace=workspace, reason=str(error))

    async def signed_in(self, request: Request[Any, Any, Any], doing: str) -> Session:
        """As `signed_in`, for what changes something: an attempt with a session that is over is written down."""
        try:
            return signed_in(self._parts, request)
        except Unauthenticated:
            over = self._parts.sessions.opened(tokens.bearer(request.headers.get("authorization")))
            if over is not None and over.workspace in self._parts.workspaces:
                reason = f"{doing} with a session that is over"
                await self.note(over.workspace, reason, actor=over.user, via=over.principal.via)
            raise

    @asynccontextmanager
    async def noted(self, session: Session, doing: str, *, subject: str = "") -> AsyncIterator[None]:
        """What is refused within, before the approvals themselves look at it, is written down and raised again."""
        try:
            yield
        except BeforehandError as error:
            await self.note(
                session.workspace,
                f"{doing}: {error}",
                actor=session.user,
                via=session.principal.via,
                subject=subject,
            )
            raise
