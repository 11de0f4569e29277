"""This file is what a connector is given, and the least that it is."""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from connectors.transport import ClientFactory, Clock, Limits, Transport, build_client, utc_now


class Connection(Struct, frozen=True, kw_only=True):
    """What a connector is given: which account it speaks for, and how it may reach the world."""

    workspace: str
    name: str
    base_url: str = ""
    allow_private: bool = False
    limits: Limits = Limits()
    signature_window_seconds: int = 300
    """How old or how far ahead a signed webhook's time may be."""
    public_url: str = ""
    """Where we are reached, without a slash at its end."""
    clock: Clock = utc_now
    clients: ClientFactory = build_client

    def transport(
        self, system: str, origin: str, *, limits: Limits | None = None, headers: Mapping[str, str] | None = None
    ) -> Transport:
        """The way to *origin* (scheme, host, port), or to `base_url` where the configuration replaces it."""
        return Transport(
            system,
            self.base_url or origin,
            client=self.clients(self.allow_private),
            clock=self.clock,
            limits=limits or self.limits,
            headers=headers,
        )


class Connector(Protocol):
    """The least that every connector is; what it can do is in the protocols of `connectors/contract.py`."""

    system: str
    """What people call the system: `Shopify`."""

    async def close(self) -> None:
        """Close network connections."""
        ...
