"""This file takes approval requests and decisions: who may, what the order allows now, and one turn at a time."""

from collections.abc import Callable, Iterable

from msgspec import Struct

from connectors.money import Money
from connectors.order_actions import ActionItem, OrderActionKind
from connectors.transport import Clock
from server.approval_model import ApprovalRequest, ApprovalState, TicketPlace, Verdict
from server.flows.directory import Directory
from server.flows.gather import Gathering
from server.model import Principal
from server.store.contract import Store
from server.workspaces import Workspaces


class Ask(Struct, frozen=True, kw_only=True):
    """What somebody asks for. `order` is a reference as in the API (`shop` says whose, where several have it)."""

    order: str
    kind: OrderActionKind
    reason: str
    shop: str = ""
    amount: Money | None = None
    """None for a refund: all that can be given back."""
    items: tuple[ActionItem, ...] = ()
    details: dict[str, str] = {}
    ticket: TicketPlace | None = None


class Approvals:
    """Requests of all workspaces. *wake* tells the engine that something may be carried out."""

    def __init__(
        self,
        workspaces: Workspaces,
        store: Store,
        clock: Clock,
        gathering: Gathering,
        directory: Directory,
        wake: Callable[[], None],
    ) -> None:
        self._workspaces = workspaces
        self._store = store
        self._clock = clock
        self._gathering = gathering
        self._directory = directory
        self._wake = wake

    async def ask(self, principal: Principal, ask: Ask, key: str) -> ApprovalRequest:
        """Make a request, or give the one that the same client made under the same *key*.

        Raises BadInput, NotFound, Forbidden, Conflict (the key was used for something else, or the order does not allow
        it now). Every refusal is in the audit log.
        """
        raise NotImplementedError

    async def decide(
        self, principal: Principal, request_id: str, verdict: Verdict, reason: str, version: int
    ) -> ApprovalRequest:
        """Approve or reject the request as of *version*, after the order was read again.

        Raises NotFound, Forbidden, BadInput, Conflict (with the differences), Gone (it has expired). Every refusal is
        in the audit log.
        """
        raise NotImplementedError

    async def withdraw(self, principal: Principal, request_id: str, reason: str, version: int) -> ApprovalRequest:
        """Take one's own request back. Raises NotFound, Forbidden, Conflict, Gone."""
        raise NotImplementedError

    async def read(self, principal: Principal, request_id: str) -> ApprovalRequest:
        """One request of the principal's workspace. Raises NotFound."""
        raise NotImplementedError

    async def list(self, workspace: str, states: Iterable[ApprovalState], limit: int) -> tuple[ApprovalRequest, ...]:
        """Requests in any of *states*, newest first."""
        return await self._store.read(lambda tx: tx.approvals(workspace, states, limit))

    async def why_not(self, principal: Principal, request: ApprovalRequest) -> str:
        """Why the principal may not decide this request now, in words; empty where they may."""
        raise NotImplementedError
