"""This file tests Stripe's own sample of every object, whole and damaged."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import Envelope, Unreadable
from connectors.model import (
    Dispute,
    FraudWarning,
    Observation,
    Payment,
    PaymentAttempt,
    PaymentState,
    References,
    Refund,
)
from connectors.money import Money
from connectors.stripe import Stripe
from connectors.stripe.events import EVENTS

Read = Callable[..., tuple[Observation, ...]]
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
MADE = datetime(2009, 2, 13, 23, 31, 30, tzinfo=UTC)
RESOURCES = {
    "PaymentIntent": "payment_intent",
    "Charge": "charge",
    "Refund": "refund",
    "Dispute": "dispute",
    "FraudWarning": "radar.early_fraud_warning",
    "Review": "review",
    "Session": "checkout.session",
}


@pytest.fixture(scope="session")
def resources(specs: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((specs / "stripe/fixtures3.json").read_text())["resources"]
    return found


@pytest.fixture(scope="session")
def recorded(resources: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every type of event that we read, with the sample of its object."""
    return [(type_, resources[RESOURCES[row.object.__name__]]) for type_, row in EVENTS.items()]


def test_every_sample_is_read(read: Read, recorded: list[tuple[str, dict[str, Any]]]) -> None:
    for type_, sample in recorded:
        (seen,) = read(type_, sample)
        assert (seen.at, seen.kind, len(seen.payments)) == (AT, EVENTS[type_].kind, 1), type_
        assert seen.identity.startswith(f"{type_}:{sample['id']}:")


def test_samples_of_everything_else_concern_nobody(read: Read, resources: dict[str, Any]) -> None:
    for name, sample in resources.items():
        assert read(f"{name}.created" if f"{name}.created" not in EVENTS else "plan.created", sample) == ()


def test_recorded_charge_is_told_whole(read: Read, resources: dict[str, Any]) -> None:
    (seen,) = read("charge.succeeded", resources["charge"])
    name = "ch_1PgafuB7WZ01zgkWXYmPNZs8"
    assert seen == Observation(
        source="pay",
        kind="payment.succeeded",
        identity=seen.identity,
        at=AT,
        about=References(payments=(name,)),
        text="Payment of $1.00 authorised (Visa ending 4242)",
        payments=(
            Payment(
                id=f"stripe:{name}",
                processor="stripe",
                state=PaymentState.AUTHORIZED,
                amount=Money(100, "USD"),
                captured=Money(0, "USD"),
                refunded=Money(0, "USD"),
                method="Visa ending 4242",
                created_at=MADE,
                failure_code="",
                failure_message="",
                references=(name,),
                attempts=(PaymentAttempt(id=name, at=MADE, succeeded=True),),
            ),
        ),
    )


def test_recorded_dispute_is_told_whole(read: Read, resources: dict[str, Any]) -> None:
    (seen,) = read("charge.dispute.created", resources["dispute"])
    name = "ch_1PgafuB7WZ01zgkWXYmPNZs8"
    why = "The customer disputes the payment without a stated reason"
    assert seen == Observation(
        source="pay",
        kind="payment.disputed",
        identity=seen.identity,
        at=AT,
        about=References(payments=(name,)),
        text=f"Inquiry of $10.00 opened: {why}; evidence is due by 14 Aug 2024",
        payments=(
            Payment(
                id=f"stripe:{name}",
                processor="stripe",
                references=(name,),
                dispute=Dispute(
                    id="dp_1Pgc71B7WZ01zgkWMevJiAUx",
                    state="warning_needs_response",
                    reason=why,
                    amount=Money(1000, "USD"),
                    respond_by=datetime(2024, 8, 14, 23, 59, 59, tzinfo=UTC),
                    opened_at=MADE,
                ),
            ),
        ),
    )


def test_recorded_refund_and_fraud_warning_are_read(read: Read, resources: dict[str, Any]) -> None:
    (refund,) = read("refund.updated", resources["refund"])
    (warning,) = read("radar.early_fraud_warning.created", resources["radar.early_fraud_warning"])
    assert refund.payments[0].refunds == (
        Refund(id="re_1Pgc72B7WZ01zgkWqPvrRrPE", at=AT, state="succeeded", amount=Money(100, "USD")),
    )
    assert warning.payments[0].fraud_warning == FraudWarning(
        id="issfr_1Pgc79B7WZ01zgkWxwDzEIPX", at=MADE, reason="no reason given"
    )


BAD_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["", "pi_x", "usd", "jpy", "1e999", "\x00", "-1"]),
    st.lists(st.none(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)


def mutate(data: st.DataObject, body: Any) -> None:
    """Drop or replace one field somewhere in *body*."""
    here = body
    while True:
        keys: list[Any] = list(here) if isinstance(here, dict) else list(range(len(here)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        inner = here[key]
        if isinstance(inner, dict | list) and inner and data.draw(st.integers(0, 3)):
            here = inner
            continue
        if isinstance(here, dict) and data.draw(st.booleans()):
            del here[key]
        else:
            here[key] = data.draw(BAD_VALUES)
        return


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_events_are_read_or_unreadable(
    pay: Stripe, recorded: list[tuple[str, dict[str, Any]]], data: st.DataObject
) -> None:
    type_, sample = data.draw(st.sampled_from(recorded))
    damaged = copy.deepcopy(sample)
    event: dict[str, Any] = {"id": "evt_1", "type": type_, "created": int(AT.timestamp()), "data": {"object": damaged}}
    for _ in range(data.draw(st.integers(1, 4))):
        mutate(data, damaged if data.draw(st.booleans()) else event)
    envelope = Envelope({}, json.dumps(event).encode(), NOON)
    assert isinstance(pay.delivery_key(envelope), str)
    try:
        told = pay.read(envelope)
    except Unreadable:
        return
    assert all(isinstance(seen, Observation) and seen.at.tzinfo is UTC for seen in told)
