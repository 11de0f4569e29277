"""This file is the running form of the configuration: each workspace with its policy and its live connections."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from connectors import registry
from connectors.connection import Connection, Connector
from connectors.contract import (
    EventSource,
    Helpdesk,
    Mailer,
    Notifier,
    OrderSource,
    PaymentSource,
    TaskSink,
    TrackingSource,
)
from connectors.openid import OpenId
from connectors.openid import Settings as OpenIdSettings
from connectors.transport import ClientFactory, Clock, Limits, build_client, utc_now
from server.errors import NotFound
from server.flows.chat_choices import ChatChoices
from server.rules.policy import Policy
from server.rules.policy_names import Connections
from server.rules.policy_reading import load_policy
from server.rules.transit import Leg
from server.rules.transit_clock import transit_clock
from server.rules.transit_learning import TransitLearner
from server.settings import Settings, WorkspaceSettings

C = TypeVar("C")


class Workspace:
    """One tenant. Connection names are unique within it."""

    def __init__(
        self,
        name: str,
        timezone: ZoneInfo,
        policy: Policy,
        connections: Mapping[str, Connector],
        policy_path: Path | None = None,
        sign_in: OpenId | None = None,
        choices: ChatChoices | None = None,
        public_url: str = "",
    ) -> None:
        self.name = name
        self.policy_path = policy_path
        self.timezone = timezone
        self.policy = policy
        self.connections = connections
        self.choices = choices
        """Seals the buttons in chats; None: there are none."""
        self.sign_in = sign_in
        """Who says who somebody is on our own pages; None: nobody can sign in there."""
        self.public_url = public_url
        """Where our own pages are, without a slash at its end; empty: nowhere that a link could lead to."""
        self.relearn(())

    def relearn(self, legs: Iterable[Leg]) -> None:
        """Forget how long hand-over and transit take, and learn it from *legs*."""
        calendar = self.policy.calendar
        learner = TransitLearner(transit_clock(self.timezone, calendar.country, calendar.subdivision))
        learner.learn_all(legs)
        self.learner = learner  # only now: others may be judging orders meanwhile

    def connection(self, name: str) -> Connector:
        """Raises NotFound."""
        if name not in self.connections:
            raise NotFound(f"workspace {self.name} has no connection named {name}")
        return self.connections[name]

    def _all(self, capability: type[C]) -> dict[str, C]:
        return {name: found for name, found in self.connections.items() if isinstance(found, capability)}

    @property
    def event_sources(self) -> dict[str, EventSource]:
        return self._all(EventSource)  # type: ignore[type-abstract]

    @property
    def shops(self) -> dict[str, OrderSource]:
        return self._all(OrderSource)  # type: ignore[type-abstract]

    @property
    def payment_sources(self) -> dict[str, PaymentSource]:
        return self._all(PaymentSource)  # type: ignore[type-abstract]

    @property
    def helpdesks(self) -> dict[str, Helpdesk]:
        return self._all(Helpdesk)  # type: ignore[type-abstract]

    def tracking_sources(self, carrier: str) -> dict[str, TrackingSource]:
        """Who can be asked about a parcel of *carrier* (our code)."""
        found: dict[str, TrackingSource] = self._all(TrackingSource)  # type: ignore[type-abstract]
        return {name: source for name, source in found.items() if source.tracks(carrier)}

    async def close(self) -> None:
        for connector in self.connections.values():
            await connector.close()
        if self.sign_in is not None:
            await self.sign_in.close()


Workspaces = Mapping[str, Workspace]


PolicyReader = Callable[[Path | None, ZoneInfo, Connections | None], Policy]


def connect_all(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    clients: ClientFactory = build_client,
    read_policy: PolicyReader = load_policy,
) -> Workspaces:
    """Build every workspace. No I/O but reading the policy files. Raises ConfigurationError."""
    return {
        name: _connect(workspace, settings, clock, clients, read_policy)
        for name, workspace in settings.workspaces.items()
    }


def _connect(
    settings: WorkspaceSettings, whole: Settings, clock: Clock, clients: ClientFactory, read_policy: PolicyReader
) -> Workspace:
    limits = Limits(read_seconds=whole.server.source_seconds)
    connections = {
        name: registry.connect(
            found.kind,
            found.values,
            Connection(
                workspace=settings.name,
                name=name,
                base_url=found.base_url,
                allow_private=whole.server.allow_private_base_urls,
                limits=limits,
                clock=clock,
                clients=clients,
                signature_window_seconds=whole.server.signature_window_seconds,
                public_url=whole.server.public_url.rstrip("/"),
            ),
        )
        for name, found in settings.connections.items()
    }
    return Workspace(
        name=settings.name,
        timezone=settings.timezone,
        policy=read_policy(settings.policy_path, settings.timezone, able(connections)),
        connections=connections,
        policy_path=settings.policy_path,
        sign_in=_sign_in(settings, whole, clock, clients),
        choices=ChatChoices(whole.server.secret_keys, whole.server.public_url),
        public_url=whole.server.public_url.rstrip("/"),
    )


def _sign_in(settings: WorkspaceSettings, whole: Settings, clock: Clock, clients: ClientFactory) -> OpenId | None:
    found = settings.sign_in
    if found is None:
        return None
    public_url = whole.server.public_url.rstrip("/")
    connection = Connection(
        workspace=settings.name,
        name="sign_in",
        base_url=found.base_url,
        allow_private=whole.server.allow_private_base_urls,
        limits=Limits(read_seconds=whole.server.source_seconds),
        clock=clock,
        clients=clients,
        public_url=public_url,
    )
    values = OpenIdSettings(
        issuer=found.issuer,
        client_id=found.client_id,
        client_secret=found.client_secret,
        allowed_domains=found.allowed_domains,
    )
    return OpenId(values, connection, f"{public_url}/sign-in/{settings.name}/callback")


def able(connections: Mapping[str, Connector]) -> Connections:
    """What a policy may use each connection for."""

    def those(*capabilities: type) -> frozenset[str]:
        return frozenset(name for name, found in connections.items() if isinstance(found, capabilities))

    notifiers = [found for found in connections.values() if isinstance(found, Notifier)]
    return Connections(
        names=frozenset(connections),
        helpdesks=those(Helpdesk),
        mailers=those(Mailer),
        sinks=those(TaskSink),
        listeners=those(TaskSink, Notifier),
        messengers=those(Notifier),
        reaches_channels=any(found.reaches("#channel") for found in notifiers),
        reaches_emails=any(found.reaches("team@example.com") for found in notifiers),
    )
