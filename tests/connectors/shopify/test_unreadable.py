"""This file tests which bodies of Shopify cannot be read, and that the reason names the place."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.contract import Unreadable
from connectors.model import (
    Observation,
)

Read = Callable[[str, bytes | dict[str, Any]], tuple[Observation, ...]]
Make = Callable[..., dict[str, Any]]
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize("topic", ["", "app/uninstalled", "customers/redact", "orders/delete", "orders/nonsense", "é"])
def test_other_topics_concern_nobody_whatever_their_body(read: Read, topic: str) -> None:
    assert read(topic, b"not even JSON") == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": None}, r"\$\.id: expected an id, got nothing"),
        ({"id": -5}, r"\$\.id: expected a positive whole number, got '-5'"),
        ({"id": 10**30}, r"\$\.id: expected a positive whole number"),
        ({"id": "5001; DROP"}, r"\$\.id: expected a positive whole number"),
        ({"updated_at": None, "created_at": None}, r"\$\.updated_at: expected a time, got nothing"),
        ({"updated_at": "9999-12-31T23:59:59Z"}, r"\$\.updated_at: expected a time between"),
        ({"updated_at": "0001-01-01T00:00:00+14:00"}, r"\$\.updated_at: expected a time"),
        ({"updated_at": "2026-11-20T09:00:00"}, r"timezone component - at `\$\.updated_at`"),
        ({"updated_at": "2026-11-24T12:00:01Z"}, r"\$\.updated_at: expected a time between"),
        ({"cancelled_at": "2031-01-01T00:00:00Z"}, r"\$\.cancelled_at"),
        ({"closed_at": "9999-01-01T00:00:00Z"}, r"\$\.closed_at"),
        ({"total_price": "1e400"}, r"\$\.total_price: expected a finite amount"),
        ({"total_price": "NaN"}, r"\$\.total_price: expected"),
        ({"currency": "dollars"}, r"\$\.total_price: expected a currency code"),
        ({"line_items": [{"title": "x"}]}, r"\$\.line_items\[0\]\.id: expected an id"),
        ({"fulfillments": [{"status": "success"}]}, r"\$\.fulfillments\[0\]\.id"),
        ({"refunds": [{"id": 5}]}, r"\$\.refunds\[0\]\.created_at"),
        ({"name": 5}, r"at `\$\.name`"),
    ],
)
def test_what_is_wrong_with_an_order_is_named(read: Read, make: Make, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read("orders/create", make("order", **changes))


@pytest.mark.parametrize(
    ("topic", "body", "reason"),
    [
        ("orders/edited", b"{}", r"\$\.order_edit: expected an object"),
        ("fulfillments/create", b'{"id": 1}', r"\$\.order_id: expected an id"),
        ("refunds/create", b'{"id": 1, "order_id": 2}', r"\$\.created_at: expected a time, got nothing"),
        ("order_transactions/create", b'{"id": 1}', r"\$\.order_id"),
        ("fulfillment_events/create", b'{"id": 1, "order_id": 2}', r"\$\.happened_at"),
        ("fulfillment_orders/moved", b"{}", r"\$\.id: expected an id"),
        ("disputes/create", b'{"order_id": 2}', r"\$\.id: expected an id"),
        ("orders/create", b'{"id": "\xff"}', "not UTF-8"),
        ("orders/create", b'{"id": 1, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deep"),
        ("orders/create", b'{"id": 1', "truncated"),
        ("orders/create", b"[]", "Expected `object`"),
    ],
)
def test_what_is_missing_is_named(read: Read, topic: str, body: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read(topic, body)


def test_topic_that_is_not_the_bodys_own_does_no_harm(read: Read, make: Make) -> None:
    for topic in ("orders/create", "refunds/create", "disputes/update", "fulfillment_orders/moved"):
        for name in ("order", "fulfillment", "transaction", "work"):
            try:
                told = read(topic, make(name))
            except Unreadable:
                continue
            assert all(isinstance(seen, Observation) for seen in told)


def test_up_to_a_day_ahead_is_a_clock_and_not_a_forgery(read: Read, make: Make) -> None:
    ahead = NOON + timedelta(hours=23)
    assert read("orders/updated", make("order", updated_at=ahead.isoformat()))[0].at == ahead
