"""This file says which words mean that the money is there, and which that it went back."""

from connectors.model import Order, PaymentState

HOLDS_MONEY = frozenset(
    {PaymentState.PAID, PaymentState.AUTHORIZED, PaymentState.PARTIALLY_REFUNDED, PaymentState.REFUNDED}
)
"""States of a payment that has worked."""
RETURNED_MONEY = frozenset({"refunded", "voided"})
"""A shop's words for an order whose money went back, or will never come."""


def money_went_back(order: Order) -> bool:
    """Whether the shop says that all of it did."""
    return (order.financial_state or "").lower() in RETURNED_MONEY
