"""This file tests what returns/* of Shopify say."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.contract import Unreadable
from connectors.model import Observation, Order, RefundRequest

Read = Callable[[str, bytes | dict[str, Any]], tuple[Observation, ...]]
Make = Callable[..., dict[str, Any]]
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_request_is_told_as_of_when_it_came(read: Read, make: Make) -> None:
    (seen,) = read("returns/request", make("return"))
    request = RefundRequest(id="61", at=NOON, state="requested", reason="defective")
    assert (seen.kind, seen.about.shop_order, seen.text, seen.at) == (
        "return.requested",
        "5001",
        "Customer asked for a return: defective",
        NOON,
    )
    assert seen.order == Order(id="5001", refund_requests=(request,))


@pytest.mark.parametrize(
    ("topic", "status", "state", "text"),
    [
        ("approve", "open", "approved", "Return approved"),
        ("decline", "declined", "declined", "Return declined"),
        ("cancel", "canceled", "cancelled", "Return cancelled"),
        ("close", "closed", "closed", "Return closed"),
    ],
)
def test_every_decision_is_told(read: Read, make: Make, topic: str, status: str, state: str, text: str) -> None:
    (seen,) = read(f"returns/{topic}", make("return", status=status))
    assert (seen.order.refund_requests[0].state, seen.text) == (state, text)


def test_the_customers_own_words_come_first(read: Read, make: Make) -> None:
    lines = [{"return_reason": "other", "return_reason_note": "Wrong size", "customer_note": "Too\nsmall"}]
    (seen,) = read("returns/request", make("return", return_line_items=lines, created_at="2026-11-23T09:00:00Z"))
    assert seen.order.refund_requests[0] == RefundRequest(
        id="61", at=datetime(2026, 11, 23, 9, tzinfo=UTC), state="requested", reason="Too small"
    )


def test_a_return_of_no_order_says_nothing(read: Read, make: Make) -> None:
    assert read("returns/request", make("return", order=None)) == ()


def test_a_return_without_an_id_is_unreadable(read: Read, make: Make) -> None:
    with pytest.raises(Unreadable, match=r"\$\.id"):
        read("returns/request", make("return", id=None))
