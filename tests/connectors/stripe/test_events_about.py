"""This file tests what Stripe's events are about, which are the same word, and which cannot be read."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.contract import Unreadable
from connectors.model import Observation, References

Read = Callable[..., tuple[Observation, ...]]
Make = Callable[..., dict[str, Any]]
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("metadata", "order_ids", "payments"),
    [
        ({}, (), ("pi_1",)),
        (None, (), ("pi_1",)),
        ({"order_id": " 5001 ", "order_name": "#1001"}, ("5001", "#1001"), ("pi_1",)),
        ({"Order-ID": "5001"}, ("5001",), ("pi_1",)),
        ({"order_id": "gid://shopify/Order/5001"}, ("5001",), ("pi_1",)),
        ({"order_number": 1001, "order_id": None}, ("1001",), ("pi_1",)),
        ({"order_id": "", "order_name": {"x": 1}}, (), ("pi_1",)),
        ({"payment_id": "c77.1"}, (), ("c77.1", "pi_1")),
    ],
)
def test_metadata_says_which_order(
    read: Read, make: Make, metadata: Any, order_ids: tuple[str, ...], payments: tuple[str, ...]
) -> None:
    (seen,) = read("payment_intent.created", make("payment_intent", metadata=metadata))
    assert seen.about == References(order_ids=order_ids, payments=payments)
    assert seen.payments[0].references == payments


def test_two_events_of_one_thing_are_one_word(read: Read, make: Make) -> None:
    first, second = (read("charge.succeeded", make("charge"), id=name)[0] for name in ("evt_1", "evt_2"))
    assert first == second
    other = read("charge.succeeded", make("charge", amount_refunded=1))[0]
    assert other.identity != first.identity


@pytest.mark.parametrize("type_", ["", "plan.created", "customer.updated", "payment_intent.beamed_up", "v2.core.event"])
def test_other_events_concern_nobody_whatever_they_hold(read: Read, type_: str) -> None:
    assert read(type_, {"id": 5}) == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": None}, r"charge\.succeeded, data\.object: .*`\$\.id`"),
        ({"id": "a b"}, r"\$\.id: expected an id, got 'a b'"),
        ({"amount": None}, r"`\$\.amount`"),
        ({"amount": 10**400}, r"\$\.amount: expected an amount"),
        ({"amount": 10**17}, r"\$\.amount: expected a finite amount"),
        ({"amount": 1.5}, r"`\$\.amount`"),
        ({"currency": "dollars"}, r"\$\.amount_captured: expected a currency code"),
        ({"created": 10**15}, r"\$\.created: expected Unix seconds"),
        ({"created": 0}, r"\$\.created: expected Unix seconds"),
        ({"metadata": []}, r"`\$\.metadata`"),
    ],
)
def test_what_cannot_be_understood_is_named(read: Read, make: Make, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read("charge.succeeded", make("charge", **changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"created": None}, "expected created and data.object"),
        ({"created": int(AT.timestamp()) + 2 * 86400}, "created: expected Unix seconds between"),
        ({"created": 10**30}, "created: expected Unix seconds between"),
        ({"data": None}, "expected created and data.object"),
        ({"data": {}}, "missing required field `object`"),
        ({"type": None}, r"`\$\.type`"),
    ],
)
def test_event_without_its_parts_is_unreadable(read: Read, make: Make, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read("charge.succeeded", make("charge"), **changes)


def test_refund_of_nothing_is_unreadable(read: Read, make: Make) -> None:
    with pytest.raises(Unreadable, match="expected payment_intent or charge, got neither"):
        read("refund.created", make("refund", charge=None, payment_intent=None))
