"""Orders to judge, built from a few words."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connectors.model import Customer, LineItem, Order, Payment, Scan, Shipment, ShipmentState
from connectors.money import Money
from server.model import OrderKey, OrderView, ShipmentView
from server.rules.policy import Policy
from server.rules.policy_reading import parse_policy

NEW_YORK = ZoneInfo("America/New_York")
MONDAY = datetime(2026, 11, 16, 14, 0, tzinfo=UTC)
"""A Monday, 9:00 in New York."""


class Build:
    """Makes orders; times are hours after Monday 9:00 in New York."""

    def at(self, hours: float) -> datetime:
        return MONDAY + timedelta(hours=hours)

    def policy(self, **tables: object) -> Policy:
        return parse_policy(tables, NEW_YORK)

    def scan(self, hours: float, state: str = "in_transit", text: str = "Arrived at facility") -> Scan:
        return Scan(at=self.at(hours), state=ShipmentState(state), text=text)

    def shipment(self, *scans: Scan, number: str = "1Z1", **facts: object) -> ShipmentView:
        """A UPS shipment whose state is that of its last scan."""
        estimate = facts.pop("estimate", None)
        known = [scan.at for scan in scans if scan.state.rank >= 2]
        state = facts.pop("state", scans[-1].state if scans else ShipmentState.LABEL_CREATED)
        delivered = next((scan.at for scan in scans if scan.state is ShipmentState.DELIVERED), None)
        return ShipmentView(
            shipment=Shipment(
                carrier="ups", tracking_number=number, scans=scans, state=state, delivered_at=delivered, **facts
            ),
            sources=("ups",),
            first_transit_at=min(known, default=None),
            last_scan_at=max(known, default=None),
            estimated_original=estimate,
            estimated_current=estimate,
        )

    def order(
        self, *shipments: ShipmentView, payments: tuple[Payment, ...] = (), vip: bool = False, **facts: object
    ) -> OrderView:
        """An order of $100 placed on Monday; a promise is given in hours."""
        promise = facts.pop("promise", None)
        unfulfilled = facts.pop("unfulfilled", 0 if shipments else 1)
        lines = facts.pop("line_items", (LineItem(id="l1", title="Lamp", quantity=1, unfulfilled=unfulfilled),))
        contacts = facts.pop("contacts", ())
        return OrderView(
            key=OrderKey("acme", "shop", "1"),
            order=Order(
                id="1",
                name="#48219",
                placed_at=facts.pop("placed_at", self.at(0)),
                total=facts.pop("total", Money(10000, "USD")),
                customer=Customer(name="Ada", email="ada@example.com", tags=("VIP",) if vip else ()),
                line_items=lines,
                promised_by=None if promise is None else self.at(promise),
                **facts,
            ),
            payments=payments,
            shipments=shipments,
            contacts=contacts,
        )


@pytest.fixture(scope="session")
def build() -> Build:
    return Build()


@pytest.fixture(scope="session")
def clock_at(build: Build) -> Callable[[float], datetime]:
    return build.at
