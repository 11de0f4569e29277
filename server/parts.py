"""This file is what the running server is made of, handed in from outside so that tests can hand in their own."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from connectors.model import Observation
from connectors.transport import Clock, utc_now
from server.flows.approvals import Approvals
from server.flows.directory import Directory
from server.flows.gather import Gathering
from server.flows.hosted_sessions import HostedSessions
from server.flows.policy_files import PolicyFiles
from server.flows.process import record_looks
from server.flows.sessions import Sessions
from server.flows.sign_ins import SignIns
from server.model import Principal
from server.settings import Settings
from server.store.contract import Store
from server.web.measure import Measurements
from server.workspaces import Workspaces

Authenticator = Callable[[str], Awaitable[Principal | None]]
"""Says who holds a bearer credential; None where it is not one of its own, or not good."""


class Engine(Protocol):
    """What drives the flows."""

    @property
    def healthy(self) -> bool: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def wake(self) -> None:
        """There may be work: look now."""
        ...


@dataclass(kw_only=True)
class Parts:
    """Everything `create_app` uses. Whoever makes it also closes the store and the workspaces."""

    settings: Settings
    store: Store
    workspaces: Workspaces
    engine: Engine
    clock: Clock = utc_now
    authenticators: list[Authenticator] = field(default_factory=list)
    """Tried in turn for credentials that are not API tokens, such as the sidebar's sessions."""
    policies: PolicyFiles | None = None
    """Those that *engine* follows."""
    gathering: Gathering = field(init=False)
    directory: Directory = field(init=False)
    approvals: Approvals = field(init=False)
    sessions: Sessions = field(init=False)
    """Of the panel, in a helpdesk's frame or on a page of our own."""
    hosted_sessions: HostedSessions = field(init=False)
    """Of our own pages."""
    sign_ins: SignIns = field(init=False)
    measurements: Measurements = field(default_factory=Measurements)

    def __post_init__(self) -> None:
        server = self.settings.server
        self.sessions = Sessions(server.secret_keys, timedelta(minutes=server.session_minutes))
        self.hosted_sessions = HostedSessions(server.secret_keys, timedelta(minutes=server.session_minutes))
        self.sign_ins = SignIns(server.secret_keys)
        self.gathering = Gathering(
            self.workspaces,
            self.store,
            self.clock,
            source_seconds=self.settings.server.source_seconds,
            record=self._record,
        )
        self.directory = Directory(self.workspaces, self.clock)
        self.approvals = Approvals(
            self.workspaces, self.store, self.clock, self.gathering, self.directory, self.engine.wake
        )

    async def _record(self, workspace: str, observations: tuple[Observation, ...]) -> None:
        await record_looks(self.store, self.clock, workspace, observations)
        self.engine.wake()
