"""This file is what a detector is given: one order, the time, the policy, and what is known about all of them."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from connectors.model import LineItem, ShipmentState
from server.model import OrderView, PromiseRisk, ShipmentView
from server.rules.condition_facts import condition_facts
from server.rules.money_states import money_went_back
from server.rules.policy import Policy
from server.rules.transit import UNLEARNED, Transit
from server.rules.watch import Watch


class Case(Struct, frozen=True, kw_only=True):
    """One order under examination. Detectors ask about time through `watch` only."""

    order: OrderView
    policy: Policy
    watch: Watch
    transit: Transit
    high_value: bool
    vip: bool
    moving: tuple[ShipmentView, ...]
    """Shipments that count: all but those whose label was cancelled."""
    all_arrived: bool
    """Whether everything that was ordered has been delivered or has come back."""
    promise: PromiseRisk | None = None

    @property
    def now(self) -> datetime:
        return self.watch.now

    @property
    def is_settled(self) -> bool:
        """Whether the shop says that all the money went back, or will never come."""
        return money_went_back(self.order.order)

    @property
    def to_send(self) -> tuple[LineItem, ...]:
        """Lines of which something has not been handed to a shipment; none where the lines are not known."""
        return tuple(filter(_waits, self.order.order.line_items or ()))

    @property
    def facts(self) -> dict[str, Any]:
        """What a policy's condition may ask about. Amounts are in major units."""
        return condition_facts(self.order, vip=self.vip, high_value=self.high_value)


def examine(order: OrderView, policy: Policy, watch: Watch, transit: Transit = UNLEARNED) -> Case:
    """What is known of *order* before any detector looks."""
    moving = tuple(s for s in order.shipments if s.shipment.state is not ShipmentState.CANCELLED)
    waiting = any(item.unfulfilled and item.needs_shipping is not False for item in order.order.line_items or ())
    arrived = bool(moving) and not waiting and all(s.shipment.state and s.shipment.state.is_final for s in moving)
    return Case(
        order=order,
        policy=policy,
        watch=watch,
        transit=transit,
        high_value=policy.is_high_value(order.order.total),
        vip=is_vip(order, policy),
        moving=moving,
        all_arrived=arrived,
    )


def _waits(item: LineItem) -> bool:
    return item.needs_shipping is not False and (item.quantity if item.unfulfilled is None else item.unfulfilled) > 0


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
