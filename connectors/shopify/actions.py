"""This file carries out what was approved, in Shopify, once, and finds out what became of a lost answer.

A request is the body of a GraphQL mutation, rendered after a look at the order (`action_rendering.py`), sent and looked
for in `action_sending.py`.
"""

from datetime import datetime

from connectors.contract import Denied, Rejected
from connectors.order_actions import ActionReceipt, OrderAction, OrderActionKind
from connectors.shopify import wire_actions as wire
from connectors.shopify.action_rendering import Renderer
from connectors.shopify.action_scopes import Permissions, not_allowed, unsupported
from connectors.shopify.action_sending import Sender
from connectors.shopify.action_words import SYSTEM, request_of
from connectors.shopify.graphql import GraphQL
from connectors.shopify.wire_graphql import Installation
from connectors.transport import Clock

NO_ACCESS = "Shopify has no access_token in the configuration, so nothing can be carried out there"
KINDS = {
    "RefundOrder": OrderActionKind.REFUND,
    "CancelOrder": OrderActionKind.CANCEL,
    "ChangeAddress": OrderActionKind.ADDRESS_CHANGE,
    "HoldOrder": OrderActionKind.HOLD,
    "ReleaseOrder": OrderActionKind.RELEASE,
    "OverrideFraudHold": OrderActionKind.FRAUD_OVERRIDE,
    "CreditCustomer": OrderActionKind.COMPENSATION,
}
"""What a request of ours is for, by the name of its operation."""


class ShopDesk:
    """Does what `ActionDesk` wants, for one shop."""

    def __init__(self, graphql: GraphQL, clock: Clock, *, has_access: bool) -> None:
        self._has_access = has_access
        self._permissions = Permissions(clock)
        self._renderer = Renderer(graphql, self._permissions)
        self._sender = Sender(graphql)

    def learn(self, installation: Installation | None) -> None:
        """Remember what the app may do in this shop."""
        self._permissions.learn(installation)

    def objection(self, action: OrderAction) -> str:
        """What Shopify cannot do, that there is no access, or a scope that is missing as far as we know. Pure."""
        if reason := unsupported(action):
            return reason
        return self._permissions.objection(action.kind) if self._has_access else NO_ACCESS

    async def render(self, action: OrderAction) -> bytes:
        """The mutation, after a look. Raises ConnectorError; Rejected where the order does not allow it (any more)."""
        if reason := unsupported(action):
            raise Rejected(SYSTEM, reason)
        self._need_access()
        return await self._renderer.render(action)

    async def carry_out(self, request: bytes, key: str) -> ActionReceipt:
        """Send it, once. Raises ConnectorError."""
        asked, kind = self._known(request)
        try:
            return await self._sender.send(request, asked, key)
        except Denied as error:
            if error.status != 403:
                raise
            scopes = self._permissions.refused(kind)
            raise Denied(SYSTEM, not_allowed(scopes)) from error

    async def find(self, request: bytes, key: str, since: datetime) -> ActionReceipt | None:
        """What became of it. Raises CameToNothing, and any other ConnectorError where that is not known."""
        asked, _ = self._known(request)
        return await self._sender.find(asked, key, since)

    def _known(self, request: bytes) -> tuple[wire.Request, OrderActionKind]:
        asked = request_of(request)
        kind = KINDS.get(asked.operation_name)
        if kind is None:
            raise Rejected(SYSTEM, "the stored request is none of ours")
        self._need_access()
        return asked, kind

    def _need_access(self) -> None:
        if not self._has_access:
            raise Denied(SYSTEM, NO_ACCESS)
