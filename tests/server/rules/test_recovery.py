"""Why trouble has ended, without claiming a recovery that nobody has seen."""

from typing import Any

import pytest
from msgspec.structs import replace

from connectors.model import Payment, PaymentState, Place, ShipmentState
from server.model import Issue, IssueState, Kind, OrderKey, Severity
from server.rules.assess import assess
from server.rules.recovery import UNEXPLAINED, why_it_ended


def ended(build: Any, kind: Kind, order: Any, hours: float = 100) -> str:
    issue = Issue(
        id="i",
        order=OrderKey("acme", "shop", "1"),
        kind=kind,
        state=IssueState.SOLVED,
        severity=Severity.NORMAL,
        headline="",
        since=build.at(0),
        opened_at=build.at(1),
        lead="i",
    )
    policy = build.policy()
    return why_it_ended(order, issue, assess(order, build.at(hours), policy), policy)


def test_a_parcel_that_moves_again_is_said_to_with_time_and_place(build) -> None:
    scan = replace(build.scan(50, text="Departed {{x}}"), place=Place(city="Memphis", region="TN"))
    order = build.order(build.shipment(build.scan(0), scan))
    assert ended(build, Kind.TRACKING_STALLED, order) == (
        "it moves again: Departed { {x} } in Memphis, TN, Wed 18 Nov, 11:00 EST."
    )


def test_a_parcel_that_was_only_forgotten_is_not_said_to_move(build) -> None:
    order = build.order(build.shipment(build.scan(0)))
    assert ended(build, Kind.TRACKING_STALLED, order, hours=24 * 130) == UNEXPLAINED


@pytest.mark.parametrize("kind", [Kind.TRACKING_STALLED, Kind.PROMISE_AT_RISK])
def test_a_delivery_is_said_to_be_late_where_it_was(build, kind: Kind) -> None:
    label = build.shipment(number="1Z2", state=ShipmentState.CANCELLED)
    parcel = build.shipment(build.scan(0), build.scan(30, "delivered"))
    assert ended(build, kind, build.order(parcel, label, promise=40)) == (
        "everything was delivered, last Tue 17 Nov, 15:00 EST."
    )
    assert ended(build, kind, build.order(parcel, label, promise=20)) == (
        "everything was delivered, last Tue 17 Nov, 15:00 EST, 10 hours after the promise."
    )


def test_a_new_date_ends_the_risk(build) -> None:
    order = build.order(build.shipment(build.scan(98)), promise=300)
    assert ended(build, Kind.PROMISE_AT_RISK, order) == "the delivery promise (Sat 28 Nov) is no longer at risk."


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            {"payments": (Payment(id="p", processor="stripe", state=PaymentState.PAID),)},
            "the payment has gone through.",
        ),
        ({"financial_state": "paid"}, "the payment has gone through."),
        ({"cancelled_at": 5}, "the order was cancelled, so no payment is due."),
        ({"financial_state": "voided"}, "the shop says that the payment is voided."),
        ({}, UNEXPLAINED),
    ],
)
def test_why_no_payment_is_missing_any_more(build, facts: dict, expected: str) -> None:
    if "cancelled_at" in facts:
        facts = {"cancelled_at": build.at(facts["cancelled_at"])}
    assert ended(build, Kind.PAYMENT_FAILED, build.order(**facts)) == expected


def test_what_became_of_a_cancelled_orders_parcel(build) -> None:
    cancelled = {"cancelled_at": build.at(5)}
    kind = Kind.CANCELLATION_AFTER_FULFILLMENT
    back = build.order(build.shipment(build.scan(2), build.scan(90, "returned")), **cancelled)
    stopped = build.order(build.shipment(state=ShipmentState.CANCELLED), **cancelled)
    assert [ended(build, kind, order) for order in (back, stopped, build.order(**cancelled))] == [
        "the parcel has come back.",
        "the shipment was stopped.",
        UNEXPLAINED,
    ]
