"""This file notices that a policy file was changed while the server runs, and takes it up: all of it or nothing.

Whatever is wrong with a file, the policy that runs stays. What a new one may change is found by looking again at every
order that time or trouble keeps open, a few at a time; how far that has come is stored, so that a restart goes on.
"""

import asyncio
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import structlog
from msgspec import Struct
from msgspec.structs import replace

from connectors.transport import Clock
from server.errors import ConfigurationError
from server.flows.learn import load_transit
from server.rules.policy import Policy
from server.rules.policy_reading import decode, parse_policy, read_bytes
from server.rules.policy_text import DEFAULT_POLICY_TOML
from server.store.contract import PolicyMark, Store, Writing
from server.workspaces import Workspace, Workspaces, able

log = structlog.get_logger()

TOGETHER = 200
"""Orders that are made due at once: as many as the engine reviews before it turns to the inbox again."""

Stamp = tuple[int, int, int]
"""By what a changed file is told at the price of one look: its inode, its length, and when it was written."""


class PolicyNews(Struct, frozen=True, kw_only=True):
    """What came of reading one workspace's policy file."""

    workspace: str
    path: str
    outcome: Literal["unchanged", "taken up", "refused"]
    message: str = ""


class PolicyFiles:
    """The policy files of all workspaces of one process. *store* knows which policy the orders were judged by."""

    def __init__(self, workspaces: Workspaces, store: Store, clock: Clock) -> None:
        self._workspaces = workspaces
        self._store = store
        self._clock = clock
        self._stamps: dict[str, Stamp | None] = {}
        self._digests: dict[str, bytes] = {}
        self._unfinished: dict[str, PolicyMark] = {}
        self._looking = asyncio.Lock()
        self.is_hurried = False
        self.troubles: dict[str, str] = {}
        """Why a workspace's file is not the policy that runs."""

    @property
    def are_there(self) -> bool:
        """Whether there is any file that could change."""
        return any(workspace.policy_path for workspace in self._workspaces.values())

    def hurry(self) -> None:
        """Have the files read at the next turn, whether they look changed or not."""
        self.is_hurried = True

    async def look(self, *, again: bool = False) -> list[PolicyNews]:
        """Read what has changed, or with *again* everything. Raises StoreUnavailable, and then forgets nothing."""
        async with self._looking:
            again, self.is_hurried = again or self.is_hurried, False
            return [
                found
                for each in self._workspaces.values()
                if (found := await self._look_at(each, again=again)) is not None
            ]

    async def review_some(self) -> int:
        """Have some more orders looked at again, where a policy is new. How many workspaces are not done yet."""
        for mark in list(self._unfinished.values()):
            after = await self._store.write(lambda tx, mark=mark: self._go_on(tx, mark))  # type: ignore[misc]
            if self._unfinished.get(mark.workspace) is not mark:
                continue  # another policy has come meanwhile: from the start again
            if after.reviewed_to is None:
                del self._unfinished[mark.workspace]
                log.info("policy_reviewed", workspace=mark.workspace)
            else:
                self._unfinished[mark.workspace] = after
        return len(self._unfinished)

    def _go_on(self, tx: Writing, mark: PolicyMark) -> PolicyMark:
        last = tx.review_after(mark.workspace, mark.reviewed_to or "", TOGETHER, self._clock())
        after = replace(mark, reviewed_to=last)
        tx.put_policy_mark(after)
        return after

    async def _look_at(self, workspace: Workspace, *, again: bool) -> PolicyNews | None:
        """None where there was nothing to read."""
        name, path = workspace.name, workspace.policy_path
        stamp = _stamp(path)
        if name in self._stamps and stamp == self._stamps[name] and not again:
            return None
        try:
            content = b"" if path is None else await asyncio.to_thread(read_bytes, path)
            digest = _digest(content, workspace)
            if digest == self._digests.get(name):
                outcome: Literal["unchanged", "taken up"] = "unchanged"
            else:
                policy = parse_policy(decode(content), workspace.timezone, able(workspace.connections))
                outcome = await self._take_up(workspace, policy, digest)
        except ConfigurationError as error:
            return self._refuse(workspace, stamp, str(error))
        self._stamps[name] = stamp
        self.troubles.pop(name, None)
        return PolicyNews(workspace=name, path=str(path or ""), outcome=outcome)

    async def _take_up(self, workspace: Workspace, policy: Policy, digest: bytes) -> Literal["unchanged", "taken up"]:
        name, was = workspace.name, workspace.policy

        def swap(tx: Writing) -> PolicyMark:
            """Between two transactions that judge orders, so that none is judged by half of each."""
            mark = tx.policy_mark(name) or PolicyMark(workspace=name, digest=digest)
            if mark.digest != digest:
                mark = PolicyMark(workspace=name, digest=digest, reviewed_to="")
            tx.put_policy_mark(mark)
            workspace.policy = policy
            return mark

        mark = await self._store.write(swap)
        is_first = name not in self._digests
        self._digests[name] = digest
        if mark.reviewed_to is not None:
            self._unfinished[name] = mark
        if (was.calendar.country, was.calendar.subdivision) != (policy.calendar.country, policy.calendar.subdivision):
            await load_transit({name: workspace}, self._store)
        if is_first and mark.reviewed_to is None:
            return "unchanged"
        log.info("policy_taken_up", workspace=name, path=str(workspace.policy_path or ""))
        return "taken up"

    def _refuse(self, workspace: Workspace, stamp: Stamp | None, reason: str) -> PolicyNews:
        name, path = workspace.name, str(workspace.policy_path)
        self._stamps[name] = stamp
        self.troubles[name] = f"{path}: {reason}"
        log.error("policy_refused", workspace=name, path=path, reason=reason, running="the policy before it")
        return PolicyNews(workspace=name, path=path, outcome="refused", message=reason)


def in_words(troubles: Iterable[str]) -> str:
    """For /readyz, which everybody can read: which workspaces, and not what their files say."""
    named = ", ".join(sorted(troubles))
    if not named:
        return "ok"
    return f"The policy file of {named} has a mistake: the policy before it stays. `beforehand policy check` says where"


def _stamp(path: Path | None) -> Stamp | None:
    if path is None:
        return None
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _digest(content: bytes, workspace: Workspace) -> bytes:
    """Of all that a policy follows from: the defaults of this version, too."""
    parts = (DEFAULT_POLICY_TOML.encode(), workspace.timezone.key.encode(), content)
    return blake2b(b"\0".join(parts), digest_size=16).digest()
