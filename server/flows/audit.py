"""This file reads the audit log page by page: to check it, to show it, to hand it out, to log its head."""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta

import structlog

from connectors.transport import Clock
from server.approval_model import AuditHead
from server.errors import BadInput
from server.rules.audit import AuditRow, Chain, Finding
from server.store.contract import Store

log = structlog.get_logger()

PAGE = 500
"""Entries read at once, so that a long log keeps no reader from other work."""
EVERY = 100
"""Entries after which the head is logged again."""
LOOK_EVERY = timedelta(minutes=1)


async def check(store: Store, workspace: str, anchor: AuditHead | None = None) -> Finding:
    """Check a workspace's whole log. Raises StoreUnavailable."""
    chain = Chain(anchor)
    async for row in rows(store, workspace):
        if not chain.take(row):
            break
    return chain.finish()


async def rows(store: Store, workspace: str, after: int = 0) -> AsyncIterator[AuditRow]:
    """The entries after number *after* as they are stored, one by one. Raises StoreUnavailable."""
    while True:
        page = await store.read(lambda tx, last=after: tx.audit_rows(workspace, last, PAGE))  # type: ignore[misc]
        for row in page:
            yield row
        if len(page) < PAGE:
            return
        after = page[-1].sequence


def parse_head(text: str) -> AuditHead:
    """Read `COUNT:HASH`, as `beforehand audit head` prints it. Raises BadInput."""
    count, _, hashed = text.strip().partition(":")
    is_hash = len(hashed) == 64 and all(letter in "0123456789abcdef" for letter in hashed)
    if not (count.isascii() and count.isdigit()) or len(count) > 15 or not is_hash:
        raise BadInput(f"head: expected COUNT:HASH as `beforehand audit head` prints it, got {text[:80]!r}")
    return AuditHead(int(count), hashed)


class HeadLog:
    """Logs the heads of all workspaces at the start and after every hundred entries: kept elsewhere than the database,
    the log shows later whether the end of the audit log was cut off."""

    def __init__(self, workspaces: Iterable[str], store: Store, clock: Clock) -> None:
        self._workspaces = workspaces
        self._store = store
        self._clock = clock
        self._logged: dict[str, int] = {}
        self._look_at: datetime | None = None

    async def look(self) -> None:
        """Log what is due; at most once a minute it is looked at all. Raises StoreUnavailable."""
        now = self._clock()
        if self._look_at is not None and now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY
        for name in self._workspaces:
            head = await self._store.read(lambda tx, name=name: tx.audit_head(name))  # type: ignore[misc]
            if name not in self._logged or head.count - self._logged[name] >= EVERY:
                self._logged[name] = head.count
                log.info("audit_head", workspace=name, head=f"{head.count}:{head.hash}")
