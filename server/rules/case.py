"""This file is what a detector is given: one order, the time, the policy, and what is known about all of them."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from connectors.model import PaymentState, ShipmentState
from connectors.money import Money
from server.model import OrderView, PromiseRisk, ShipmentView
from server.rules.policy import Policy
from server.rules.watch import Watch

HOLDS_MONEY = frozenset(
    {PaymentState.PAID, PaymentState.AUTHORIZED, PaymentState.PARTIALLY_REFUNDED, PaymentState.REFUNDED}
)


class Case(Struct, frozen=True, kw_only=True):
    """One order under examination. Detectors ask about time through `watch` only."""

    order: OrderView
    policy: Policy
    watch: Watch
    high_value: bool
    vip: bool
    promise: PromiseRisk | None = None

    @property
    def now(self) -> datetime:
        return self.watch.now

    @property
    def moving(self) -> tuple[ShipmentView, ...]:
        """Shipments that count: all but those whose label was cancelled."""
        return tuple(s for s in self.order.shipments if s.shipment.state is not ShipmentState.CANCELLED)

    @property
    def all_arrived(self) -> bool:
        """Whether everything that was ordered has been delivered or has come back."""
        waiting = sum(item.unfulfilled or 0 for item in self.order.order.line_items or ())
        moving = self.moving
        return bool(moving) and not waiting and all(s.shipment.state and s.shipment.state.is_final for s in moving)

    @property
    def facts(self) -> dict[str, Any]:
        """What a policy's condition may ask about. Amounts are in major units."""
        return condition_facts(self.order, vip=self.vip)


def is_vip(order: OrderView, policy: Policy) -> bool:
    """By a tag of the order or the customer, by how much they spent, or by how often they ordered."""
    customer = order.order.customer
    tags = {*(order.order.tags or ()), *((customer.tags if customer else None) or ())}
    if policy.vip_tags & {tag.strip().casefold() for tag in tags}:
        return True
    if customer is None:
        return False
    spent = customer.total_spent
    if policy.vip_total_spent is not None and spent is not None and spent.decimal >= policy.vip_total_spent:
        return True
    return policy.vip_orders is not None and (customer.orders_count or 0) >= policy.vip_orders


def condition_facts(order: OrderView, *, vip: bool) -> dict[str, Any]:
    """The variables of CEL conditions: unknown ones are left out, and a condition that needs them holds."""
    facts = order.order
    known: dict[str, Any] = {
        "name": facts.name,
        "value": _number(facts.total),
        "currency": facts.total.currency if facts.total else None,
        "tags": list(facts.tags) if facts.tags is not None else None,
        "country": facts.destination.country if facts.destination else None,
        "shipping_method": facts.shipping_method,
        "items": sum(item.quantity for item in facts.line_items) if facts.line_items is not None else None,
    }
    count = facts.customer.orders_count if facts.customer else None
    customer = {"vip": vip, "orders_count": count}
    return {
        "order": {name: value for name, value in known.items() if value is not None},
        "customer": {name: value for name, value in customer.items() if value is not None},
    }


def _number(money: Money | None) -> float | None:
    # CEL has no decimals; comparing an amount with a limit is all that conditions do with it.
    return float(money.decimal) if money else None
