"""This file is the truth of the simulated world: orders, payments and parcels, before anybody tells it their way."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True)
class Person:
    """A customer of the simulated shop."""

    id: int
    name: str
    email: str
    city: str
    region: str
    orders_count: int = 1
    total_spent: Decimal = Decimal(0)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Item:
    """One line of an order."""

    id: int
    title: str
    sku: str
    quantity: int
    price: Decimal


@dataclass(frozen=True)
class WorldScan:
    """One thing that happened to a parcel. *status* is one of EasyPost's words."""

    at: datetime
    status: str
    text: str
    city: str
    region: str


@dataclass
class Parcel:
    """One shipment. *carrier* is `UPS` or `USPS`."""

    carrier: str
    number: str
    fulfillment_id: int
    shipped_at: datetime
    scans: list[WorldScan] = field(default_factory=list)
    estimate: datetime | None = None

    @property
    def status(self) -> str:
        return self.scans[-1].status if self.scans else "pre_transit"


@dataclass(frozen=True)
class Attempt:
    """One try to take the money; *decline_code* is empty where it worked."""

    charge_id: str
    at: datetime
    decline_code: str = ""


@dataclass
class Intent:
    """The payment of an order, as the processor keeps it. Amounts are in minor units of USD."""

    id: str
    amount: int
    created_at: datetime
    attempts: list[Attempt] = field(default_factory=list)
    refunded: int = 0
    disputed_at: datetime | None = None
    dispute_reason: str = ""

    @property
    def is_paid(self) -> bool:
        return bool(self.attempts) and not self.attempts[-1].decline_code


@dataclass
class WorldOrder:
    """One order of the simulated shop."""

    id: int
    number: int
    customer: Person
    items: tuple[Item, ...]
    placed_at: datetime
    intent: Intent
    promised_by: datetime | None = None
    shipping_method: str = "Standard"
    updated_at: datetime | None = None
    picking_at: datetime | None = None
    cancelled_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    held_at: datetime | None = None
    hold_reason: str = ""
    """In Shopify's words, such as `inventory_out_of_stock`."""
    parcels: list[Parcel] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"#{self.number}"

    @property
    def total(self) -> Decimal:
        return sum((item.price * item.quantity for item in self.items), Decimal(0))

    @property
    def financial_status(self) -> str:
        if not self.intent.is_paid:
            return "pending"
        if self.intent.refunded:
            return "refunded" if self.intent.refunded >= self.intent.amount else "partially_refunded"
        return "paid"
