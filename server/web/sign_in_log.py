"""This file writes down who signed in, and who was not let in, to the audit log."""

import structlog

from server.approval_model import AuditFact
from server.flows.refused import Quota, masked
from server.parts import Parts
from server.store.contract import StoreUnavailable

MOST_PER_MINUTE = 30
"""Refusals of one workspace that go to the audit log: nobody from outside may fill it. The others are counted."""

log = structlog.get_logger()


class SignInLog:
    """Of all workspaces."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._quota = Quota(MOST_PER_MINUTE)

    async def accepted(self, workspace: str, person: str) -> None:
        """Somebody signed in."""
        await self._write(workspace, "sign_in.accepted", person, {})

    async def refused(self, workspace: str, reason: str, actor: str = "") -> None:
        """Somebody did not get in. Storage that is not there changes nothing about that."""
        log.warning("sign_in_refused", workspace=workspace, reason=masked(reason))
        more = self._quota.take(workspace, self._parts.clock())
        if more is not None:
            await self._write(workspace, "sign_in.refused", actor, {"reason": masked(reason), **more})

    async def _write(self, workspace: str, event: str, actor: str, details: dict[str, str]) -> None:
        fact = AuditFact(
            workspace=workspace, at=self._parts.clock(), event=event, actor=actor, via="sign_in", details=details
        )
        try:
            await self._parts.store.write(lambda tx: tx.add_audit(fact))
        except StoreUnavailable as error:
            log.warning("sign_in_not_logged", workspace=workspace, reason=str(error))
