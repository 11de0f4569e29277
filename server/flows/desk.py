"""This file is what the operator's commands work on, whether a server runs or not."""

from collections.abc import Callable

from msgspec import Struct

from connectors.transport import Clock
from server.flows.approvals import Approvals
from server.flows.policy_files import PolicyFiles
from server.store.contract import Store
from server.workspaces import Workspaces


class Desk(Struct, frozen=True, kw_only=True):
    """What the commands work on."""

    store: Store
    workspaces: Workspaces
    clock: Clock
    wake: Callable[[], None] = lambda: None
    """Tell the engine that there is work; nothing to tell when no server runs."""
    policies: PolicyFiles | None = None
    """None when no server runs: then the files are read at the next start."""
    approvals: Approvals | None = None
    """None when no server runs: only a server reads an order again before something is decided on it."""
