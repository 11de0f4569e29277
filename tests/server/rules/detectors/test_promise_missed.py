"""An order that was promised by a date which has passed."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from connectors.model import ShipmentState
from server.model import Kind, Level, Severity, Signal
from server.rules.assess import assess
from server.rules.detectors.promise_missed import WELL_LATE


def found(build, *shipments, hours: float, policy=None, **facts) -> Signal | None:
    signals = assess(build.order(*shipments, **facts), build.at(hours), policy or build.policy()).signals
    return next((signal for signal in signals if signal.kind is Kind.PROMISE_MISSED), None)


SECOND = timedelta(seconds=1)


def moving(build, *hours: float, **facts):
    return build.shipment(*(build.scan(h) for h in hours or (40,)), **facts)


def test_the_second_after_the_promise_it_is_missed(build) -> None:
    order = build.order(moving(build), promise=48)
    kept = assess(order, build.at(48), build.policy())
    assert Kind.PROMISE_MISSED not in [signal.kind for signal in kept.signals]
    assert kept.review_at == build.at(48) + SECOND
    late = assess(order, build.at(48) + SECOND, build.policy())
    (signal,) = (signal for signal in late.signals if signal.kind is Kind.PROMISE_MISSED)
    assert (signal.headline, signal.clause) == (
        "has missed its delivery promise today",
        "its delivery promise today was missed",
    )
    assert (signal.since, signal.opens_at, signal.deadline) == (build.at(48), build.at(48) + SECOND, None)
    assert (signal.severity, signal.risk) == (Severity.NORMAL, 1.0)
    assert Kind.PROMISE_AT_RISK not in [signal.kind for signal in late.signals]


def test_the_evidence_shows_promise_estimate_and_parcel(build) -> None:
    signal = found(build, moving(build, estimate=build.at(100)), hours=60, promise=48)
    assert [(e.label, e.value) for e in signal.evidence] == [
        ("Promise", "Wed 18 Nov, 09:00 EST (given by the shop)"),
        ("Carrier's estimate", "Fri 20 Nov"),
        ("Shipment", "UPS 1Z1"),
        ("Last scan", "Wed 18 Nov, 01:00 EST: Arrived at facility"),
    ]
    assert signal.causes == ("carrier:ups",)


def test_nothing_sent_is_missed_as_well_and_not_for_a_carrier(build) -> None:
    assert found(build, hours=49, promise=48, warehouse="Newark").causes == ("warehouse:Newark",)


@pytest.mark.parametrize("state", ["delivered", "returned"])
def test_what_has_arrived_or_come_back_is_done(build, state: str) -> None:
    parcel = build.shipment(build.scan(40), build.scan(60, state))
    assert found(build, parcel, hours=70, promise=48) is None
    assert assess(build.order(parcel, promise=48), build.at(70), build.policy()).promise.level is Level.MISSED


def test_one_of_two_parcels_is_not_everything(build) -> None:
    arrived = build.shipment(build.scan(30, "delivered"), number="1Z2")
    arrived = replace(arrived, shipment=replace(arrived.shipment, carrier="fedex"))
    assert found(build, moving(build), arrived, hours=49, promise=48, warehouse="Newark").causes == ("carrier:ups",)


@pytest.mark.parametrize(
    "facts",
    [
        {"cancelled_at": "now"},
        {"financial_state": "refunded"},
        {"financial_state": "voided"},
        {"is_test": True},
        {"promise": None},
        {"promise": 100},
    ],
)
def test_what_suppresses_it(build, facts: dict) -> None:
    facts = {name: build.at(1) if value == "now" else value for name, value in facts.items()}
    assert found(build, moving(build), hours=60, **{"promise": 48, **facts}) is None


def test_what_cannot_be_followed_is_not_accused(build) -> None:
    untracked = build.shipment(number="", fulfillment_id="f1", shipped_at=build.at(2), state=ShipmentState.UNKNOWN)
    assert found(build, untracked, hours=60, promise=48) is None


def test_it_is_told_again_after_a_week_and_when_a_parcel_changes_state(build) -> None:
    parcel, week = moving(build), 48 + WELL_LATE / timedelta(hours=1)
    once, later, week_late = (found(build, parcel, hours=h, promise=48).fingerprint for h in (49, week - 0.1, week))
    assert once == later != week_late
    out = build.shipment(build.scan(40), build.scan(50, "out_for_delivery"))
    assert found(build, out, hours=51, promise=48).fingerprint != once


def test_a_new_date_is_another_promise(build) -> None:
    prints = {found(build, moving(build), hours=60, promise=promise).fingerprint for promise in (48, 47)}
    assert len(prints) == 2


def test_the_policy_sets_wait_and_switch(build) -> None:
    policy = build.policy(detectors={"promise_missed": {"wait": "6h", "severity": "high"}})
    signal = found(build, moving(build), hours=50, promise=48, policy=policy)
    assert (signal.opens_at, signal.severity) == (build.at(54) + SECOND, Severity.HIGH)
    off = build.policy(detectors={"promise_missed": {"enabled": False}})
    assert found(build, moving(build), hours=50, promise=48, policy=off) is None
