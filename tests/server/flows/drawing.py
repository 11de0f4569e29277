"""This file is what the tests of drawing draw: one order with everything that belongs to it."""

from datetime import UTC, datetime, timedelta

import msgspec

from server.context import (
    Context,
    CustomerContext,
    EstimateContext,
    IssueContext,
    ItemContext,
    OrderContext,
    PaymentContext,
    ScanContext,
    ShipmentContext,
    SourceContext,
    TicketContext,
)
from server.flows import draw
from server.model import Severity

NOW = datetime(2026, 11, 23, 19, 5, tzinfo=UTC)
"""Monday, 14:05 in New York."""

ORDER = OrderContext(
    id="5001",
    name="#1001",
    shop="shop",
    placed_at=NOW - timedelta(days=5),
    total="129.00",
    currency="USD",
    financial_state="paid",
    fulfillment_state="fulfilled",
    cancelled_at=None,
    cancel_requested_at=None,
    cancel_reason=None,
    tags=[],
    high_value=False,
    destination="Nashville, TN, US",
    admin_url="https://acme.myshopify.com/admin/orders/5001",
    items=[
        ItemContext(line="1", title="Skillet", sku="S", quantity=1),
        ItemContext(line="2", title="Mug", sku="M", quantity=2),
    ],
)
CUSTOMER = CustomerContext(
    name="Ada Lovelace",
    email="ada@example.com",
    phone=None,
    orders_count=23,
    total_spent="4180.50",
    currency="USD",
    vip=True,
)
PAYMENT = PaymentContext(
    id="pi_1",
    processor="stripe",
    state="paid",
    method="Visa ending 4242",
    amount="129.00",
    captured="129.00",
    refunded="0.00",
    refundable="129.00",
    currency="USD",
    failure=None,
    dispute=None,
    attempts=[],
)
SHIPMENT = ShipmentContext(
    carrier="ups",
    carrier_name="UPS",
    tracking_number="1Z999",
    tracking_url="https://www.ups.com/track?tracknum=1Z999",
    service="Ground",
    state="in_transit",
    estimated_delivery=EstimateContext(original=NOW, current=NOW + timedelta(days=2)),
    shipped_at=NOW - timedelta(days=4),
    delivered_at=None,
    last_scan_at=NOW - timedelta(hours=51),
    scans=[],
    exception=None,
    sources=["ups"],
)
ISSUE = IssueContext(
    id="i1",
    kind="tracking_stalled",
    state="open",
    severity=Severity.HIGH,
    headline="has had no carrier scan for 51 hours",
    reasons=["Last seen in Memphis"],
    since=NOW - timedelta(hours=51),
    deadline=None,
    opened_at=NOW - timedelta(hours=3),
    solved_at=None,
    order="5001",
    ticket=TicketContext(connection="desk", id="4711", url="https://desk.example/agent/tickets/4711", is_ours=True),
)


def scan(hours, text="Scanned", **facts):
    time = NOW - timedelta(hours=hours)
    return ScanContext(time=time, text=text, **{"local_time": None, "place": "", "state": "in_transit", **facts})


def source(status, error=None, hours=0, system="UPS"):
    as_of = None if hours is None else NOW - timedelta(hours=hours)
    return SourceContext(connection="ups", system=system, status=status, as_of=as_of, latency_ms=50, error=error)


def context(**facts):
    return Context(**{"workspace": "acme", "as_of": NOW, "timezone": "America/New_York", "order": ORDER, **facts})


def panel(*, is_live=False, ticket=("", ""), viewer=None, **facts):
    return draw.panel(context(**facts), is_live=is_live, ticket=ticket, viewer=viewer)


def changed(struct, **facts):
    return msgspec.structs.replace(struct, **facts)
