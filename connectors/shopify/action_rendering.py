"""This file looks at an order and makes the request that does to it what was approved. Nothing is changed here."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from connectors.contract import Denied, Missing, Rejected
from connectors.order_actions import OrderAction, OrderActionKind
from connectors.shopify import action_changes as changes
from connectors.shopify import action_documents as documents
from connectors.shopify import action_holds as holds
from connectors.shopify import action_refunds as refunds
from connectors.shopify import wire_actions as wire
from connectors.shopify.action_scopes import Permissions, not_allowed
from connectors.shopify.action_words import SYSTEM, body, gid, with_before
from connectors.shopify.graphql import GraphQL

T = TypeVar("T")


class Renderer:
    """Makes the requests of one shop."""

    def __init__(self, graphql: GraphQL, permissions: Permissions) -> None:
        self._graphql = graphql
        self._permissions = permissions
        self._by_kind: Mapping[OrderActionKind, Callable[[OrderAction], Awaitable[bytes]]] = {
            OrderActionKind.REFUND: self._refund,
            OrderActionKind.CANCEL: self._cancellation,
            OrderActionKind.ADDRESS_CHANGE: self._address,
            OrderActionKind.HOLD: self._hold,
            OrderActionKind.RELEASE: self._release,
            OrderActionKind.FRAUD_OVERRIDE: self._release,
            OrderActionKind.COMPENSATION: self._credit,
        }

    async def render(self, action: OrderAction) -> bytes:
        """The request. Raises ConnectorError; Rejected where the order does not allow it (any more)."""
        return await self._by_kind[action.kind](action)

    async def _refund(self, action: OrderAction) -> bytes:
        lines = refunds.wanted_lines(action)
        variables: dict[str, Any] = {"id": gid("Order", action.order_id), "items": lines or None, "full": not lines}
        found = await self._look(action, "ReadRefundable", wire.RefundableData, variables)
        order = _there(found.order, action.order_id)
        variables = {"input": refunds.refund_input(order, action), "key": action.key}
        return body("RefundOrder", documents.REFUND_ORDER, variables)

    async def _cancellation(self, action: OrderAction) -> bytes:
        variables = {"id": gid("Order", action.order_id)}
        found = await self._look(action, "ReadCancellable", wire.CancellableData, variables)
        order = _there(found.order, action.order_id)
        return body("CancelOrder", documents.CANCEL_ORDER, changes.cancellation(order, action))

    async def _address(self, action: OrderAction) -> bytes:
        variables = {"id": gid("Order", action.order_id)}
        found = await self._look(action, "ReadAddress", wire.AddressData, variables)
        order = _there(found.order, action.order_id)
        wanted = changes.address_input(order, action)
        if changes.has_address(order, wanted["shippingAddress"]):
            raise Rejected(SYSTEM, "the order already goes to this address")
        document = with_before(documents.CHANGE_ADDRESS, changes.fingerprint(order.shipping_address))
        return body("ChangeAddress", document, {"input": wanted})

    async def _hold(self, action: OrderAction) -> bytes:
        return holds.hold(await self._held_order(action), action)

    async def _release(self, action: OrderAction) -> bytes:
        return holds.release(await self._held_order(action), action)

    async def _held_order(self, action: OrderAction) -> wire.HeldOrder:
        variables = {"id": gid("Order", action.order_id)}
        found = await self._look(action, "ReadHolds", wire.HoldsData, variables)
        order = _there(found.order, action.order_id)
        page = order.fulfillment_orders.page_info if order.fulfillment_orders else None
        if page and page.has_next_page:
            raise Rejected(SYSTEM, f"the order has more than {documents.MOST_PARTS} parts: do this in Shopify")
        return order

    async def _credit(self, action: OrderAction) -> bytes:
        variables = changes.credit_variables(action)
        found = await self._look(action, "ReadCredits", wire.CreditsData, {"id": variables["id"]})
        if found.customer is None:
            raise Rejected(SYSTEM, "the customer is not there any more")
        before = changes.latest_credit(found.customer, variables["credit"]["creditAmount"]["currencyCode"])
        return body("CreditCustomer", with_before(documents.CREDIT_CUSTOMER, before), variables)

    async def _look(self, action: OrderAction, name: str, kind: type[T], variables: Mapping[str, Any]) -> T:
        """Ask what has to be known, and learn by the way what we may do. Raises Denied where it is not enough."""
        found = await self._graphql.ask(name, kind, variables)
        self._permissions.learn(found.data.current_app_installation)
        if lacking := self._permissions.missing(action.kind):
            raise Denied(SYSTEM, not_allowed(lacking))
        if any(len(path) <= 2 and path[0] != "currentAppInstallation" for path in found.denied if path):
            raise Denied(SYSTEM, found.reason)
        data: T = found.data
        return data


def _there(order: T | None, order_id: str) -> T:
    if order is None:
        raise Missing(SYSTEM, f"there is no order {order_id}")
    return order
