"""This file is the list of systems we speak to: one line each."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from connectors.connection import Connection, Connector

SYSTEMS: Mapping[str, str] = {
    "console": "connectors.console",
    "csv_drop": "connectors.csv_drop",
    "easypost": "connectors.easypost",
    "gorgias": "connectors.gorgias",
    "shopify": "connectors.shopify",
    "slack": "connectors.slack",
    "smtp": "connectors.smtp",
    "stripe": "connectors.stripe",
    "ups": "connectors.ups",
    "webhook": "connectors.webhook",
    "zendesk": "connectors.zendesk",
}


class System(Protocol):
    """What a connector's module has at its top."""

    Settings: type[Struct]
    """Its configuration keys beside `kind` and `base_url`; `__post_init__` raises ValueError on a bad value."""

    connect: Callable[[Any, Connection], Connector]
    """Make the connector. No I/O."""


class UnknownKind(ValueError):
    """A configuration names a system that we do not speak to."""


def system(kind: str) -> System:
    """The module that speaks to *kind*. Raises UnknownKind."""
    if kind not in SYSTEMS:
        raise UnknownKind(f"expected one of {', '.join(sorted(SYSTEMS))}, got {kind!r}")
    module: Any = import_module(SYSTEMS[kind])
    return module  # type: ignore[no-any-return]


def connect(kind: str, settings: Mapping[str, object], connection: Connection) -> Connector:
    """The connector of one configured connection. Raises UnknownKind, or msgspec.ValidationError with the key."""
    module = system(kind)
    return module.connect(msgspec.convert(settings, module.Settings), connection)
