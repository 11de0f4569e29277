"""This file is what the simulated shop keeps of an order beside the world's own truth: refunds, holds, an address."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from server.demo.orders import WorldOrder

CENTS = Decimal("0.01")


@dataclass(frozen=True)
class ShopRefund:
    """Money given back through the shop. *lines* are quantities by the line's id."""

    id: int
    transaction_id: int
    parent_id: int
    amount: Decimal
    at: datetime
    note: str | None
    lines: dict[int, int]
    restocks: bool


@dataclass
class ShopHold:
    """A hold on the order's one fulfilment order. *handle* is empty for those of the warehouse."""

    id: str
    reason: str
    notes: str | None = None
    handle: str | None = None


@dataclass
class CancelJob:
    """A cancellation on its way. It is done after it was looked at once."""

    id: str
    refunds: bool
    note: str | None
    was_polled: bool = False
    is_done: bool = False


@dataclass
class Books:
    """What the shop knows of one order."""

    refunds: list[ShopRefund] = field(default_factory=list)
    holds: list[ShopHold] = field(default_factory=list)
    job: CancelJob | None = None
    address: dict[str, Any] | None = None
    """As somebody changed it, in GraphQL's words."""

    def refunded_of(self, line: int) -> int:
        """How many of a line have been given back."""
        return sum(refund.lines.get(line, 0) for refund in self.refunds)

    @property
    def staff_note(self) -> str | None:
        return self.job.note if self.job and self.job.is_done else None


@dataclass(frozen=True)
class Credit:
    """Store credit that a customer was given."""

    id: int
    amount: Decimal
    currency: str
    at: datetime


def left_to_refund(order: WorldOrder) -> Decimal:
    """What the processor can still give back of the order's payment."""
    if not order.intent.is_paid:
        return Decimal("0.00")
    return (Decimal(order.intent.amount - order.intent.refunded) / 100).quantize(CENTS)


def give_back(order: WorldOrder, books: Books, amount: Decimal, at: datetime, **facts: Any) -> ShopRefund:
    """Move the money, in the shop's books and at the processor."""
    number = len(books.refunds) + 1
    parent = order.id * 10 + len(order.intent.attempts) - 1
    refund = ShopRefund(
        id=order.id * 100 + 50 + number,
        transaction_id=order.id * 100 + 70 + number,
        parent_id=parent,
        amount=amount,
        at=at,
        note=facts.get("note"),
        lines=facts.get("lines", {}),
        restocks=bool(facts.get("restocks")),
    )
    books.refunds.append(refund)
    order.intent.refunded += int(amount * 100)
    order.updated_at = at
    return refund


def holds_of(order: WorldOrder, books: Books) -> list[ShopHold]:
    """The holds as they are, with one that the warehouse has placed in the meantime."""
    if not order.held_at:
        books.holds.clear()
    elif not books.holds:
        reason = (order.hold_reason or "other").upper()
        books.holds.append(ShopHold(f"gid://shopify/FulfillmentHold/{order.id}01", reason))
    return books.holds
