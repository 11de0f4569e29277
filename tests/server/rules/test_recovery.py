"""Why trouble has ended, without claiming a recovery that nobody has seen."""

from typing import Any

import pytest
from msgspec.structs import replace

from connectors.model import (
    Contact,
    Dispute,
    FraudWarning,
    Hold,
    Payment,
    PaymentState,
    Place,
    Problem,
    Refund,
    RefundRequest,
    ShipmentState,
)
from server.model import Issue, IssueState, Kind, OrderKey, Severity
from server.rules.assess import assess
from server.rules.recovery import UNEXPLAINED, why_it_ended


def ended(build: Any, kind: Kind, order: Any, hours: float = 100, policy: Any = None, **facts: Any) -> str:
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
        **facts,
    )
    policy = policy or build.policy()
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


UNKNOWN = "UPS does not know this number"
SCANNED = "Arrived at facility, Wed 18 Nov, 11:00 EST."


@pytest.mark.parametrize("kind", list(Kind))
def test_of_an_order_about_which_nothing_is_said_no_recovery_is_claimed(build, kind: Kind) -> None:
    """Somebody has switched the detector off, say; only of contacts is silence itself the recovery."""
    claimed = {
        Kind.INCIDENT: "most of its orders have recovered; those that have not get tickets of their own.",
        Kind.REPEATED_CONTACT: "the customer has not written again.",
        Kind.FULFILLMENT_ON_HOLD: "it is not on hold any more.",
        Kind.ADDRESS_PROBLEM: "the shop does not complain of the address any more.",
    }
    assert ended(build, kind, build.order()) == claimed.get(kind, UNEXPLAINED)


STILL_SO: dict[Kind, Any] = {
    Kind.PAYMENT_FAILED: lambda b: b.order(payments=(Payment(id="p", processor="s", state=PaymentState.FAILED),)),
    Kind.REFUND_AWAITING_APPROVAL: lambda b: b.order(
        refund_requests=(
            RefundRequest(id="a", at=b.at(0), state="requested"),
            RefundRequest(id="b", at=b.at(1), state="declined"),
        )
    ),
    Kind.REFUND_FAILED: lambda b: b.order(payments=(refunds(b, "succeeded", "failed"),)),
    Kind.FULFILLMENT_DELAYED: lambda b: b.order(b.shipment(state=ShipmentState.CANCELLED)),
    Kind.FULFILLMENT_ON_HOLD: lambda b: b.order(fulfillment_state="ON_HOLD"),
    Kind.PARTIAL_SHIPMENT: lambda b: b.order(b.shipment(b.scan(1)), unfulfilled=1),
    Kind.CANCELLATION_AFTER_FULFILLMENT: lambda b: b.order(b.shipment(b.scan(1)), cancel_requested_at=b.at(2)),
    Kind.ADDRESS_PROBLEM: lambda b: b.order(holds=(Hold(reason="incorrect_address"),)),
    Kind.LABEL_NOT_SCANNED: lambda b: b.order(b.shipment(shipped_at=b.at(0))),
    Kind.TRACKING_INVALID: lambda b: b.order(b.shipment(tracking_problem=UNKNOWN)),
    Kind.TRACKING_STALLED: lambda b: b.order(b.shipment(b.scan(0))),
    Kind.DELIVERY_ATTEMPT_FAILED: lambda b: b.order(b.shipment(b.scan(0, "delivery_failed"))),
    Kind.CARRIER_EXCEPTION: lambda b: b.order(b.shipment(b.scan(0, "exception"))),
    Kind.RETURNED_TO_SENDER: lambda b: b.order(
        b.shipment(b.scan(0, "returning")), b.shipment(b.scan(0, "delivered"), number="1Z2")
    ),
    Kind.DELIVERED_NOT_RECEIVED: lambda b: b.order(
        b.shipment(b.scan(0)), contacts=(Contact(id="c", at=b.at(5), channel="email", state="open"),)
    ),
    Kind.PROMISE_AT_RISK: lambda b: b.order(b.shipment(b.scan(0)), promise=101),
    Kind.HIGH_VALUE_DELAYED: lambda b: b.order(b.shipment(b.scan(0))),
    Kind.MARKETPLACE_SLA_RISK: lambda b: b.order(b.shipment(shipped_at=b.at(0))),
}


def refunds(build: Any, *states: str) -> Payment:
    told = tuple(Refund(id=str(n), at=build.at(n), state=state) for n, state in enumerate(states))
    return Payment(id="p", processor="stripe", refunds=told)


@pytest.mark.parametrize("kind", STILL_SO)
def test_no_recovery_is_claimed_where_it_still_is_so(build, kind: Kind) -> None:
    assert ended(build, kind, STILL_SO[kind](build)) == UNEXPLAINED


@pytest.mark.parametrize(
    ("kind", "make", "expected"),
    [
        (
            Kind.PAYMENT_DISPUTED,
            lambda b: {"payments": (Payment(id="p", processor="s", dispute=Dispute(id="d", state="won\n{{x}}")),)},
            "the dispute is won { {x} }.",
        ),
        (
            Kind.PAYMENT_DISPUTED,
            lambda b: {"payments": (Payment(id="p", processor="s", fraud_warning=FraudWarning(id="w", at=b.at(0))),)},
            "nothing can be done about the fraud warning any more.",
        ),
        (
            Kind.REFUND_AWAITING_APPROVAL,
            lambda b: {"refund_requests": (RefundRequest(id="r", at=b.at(0), state="declined"),)},
            "the request is declined.",
        ),
        (
            Kind.REFUND_FAILED,
            lambda b: {"payments": (refunds(b, "failed", "succeeded"),)},
            "the refund has gone through.",
        ),
        (
            Kind.REFUND_FAILED,
            lambda b: {"payments": (refunds(b, "failed", "pending"),)},
            "another refund is on its way.",
        ),
        (Kind.FULFILLMENT_DELAYED, lambda b: {"cancelled_at": b.at(9)}, "the order was cancelled."),
        (Kind.FULFILLMENT_ON_HOLD, lambda b: {"cancelled_at": b.at(9)}, "the order was cancelled."),
        (Kind.PARTIAL_SHIPMENT, lambda b: {"unfulfilled": 0}, "nothing of it waits any more."),
        (Kind.PARTIAL_SHIPMENT, lambda b: {"financial_state": "refunded"}, "the order was refunded."),
        (Kind.TRACKING_STALLED, lambda b: {"financial_state": "refunded"}, "the order was refunded."),
        (Kind.RETURNED_TO_SENDER, lambda b: {"cancelled_at": b.at(9)}, "the order was cancelled."),
        (
            Kind.REPEATED_CONTACT,
            lambda b: {"contacts": (Contact(id="c", at=b.at(0), channel="email", state="Solved"),)},
            "the customer's tickets are solved.",
        ),
        (
            Kind.DELIVERED_NOT_RECEIVED,
            lambda b: {"contacts": (Contact(id="c", at=b.at(0), channel="email", state="deleted"),)},
            "the customer's tickets are solved.",
        ),
        (
            Kind.DELIVERED_NOT_RECEIVED,
            lambda b: {
                "contacts": (Contact(id="c", at=b.at(0), channel="email", state="open"),),
                "financial_state": "refunded",
            },
            "the order was refunded.",
        ),
    ],
)
def test_what_the_shop_and_the_processor_say(build, kind: Kind, make: Any, expected: str) -> None:
    assert ended(build, kind, build.order(**make(build))) == expected


@pytest.mark.parametrize(
    ("kind", "make", "expected"),
    [
        (Kind.FULFILLMENT_DELAYED, lambda b: [b.shipment(shipped_at=b.at(9))], "it has been sent."),
        (Kind.MARKETPLACE_SLA_RISK, lambda b: [b.shipment(b.scan(9))], "the carrier has it."),
        (Kind.MARKETPLACE_SLA_RISK, lambda b: [b.shipment(b.scan(9, "delivered"))], "it has been delivered."),
        (Kind.LABEL_NOT_SCANNED, lambda b: [b.shipment(b.scan(50))], f"the carrier has scanned it: {SCANNED}"),
        (Kind.TRACKING_INVALID, lambda b: [b.shipment(b.scan(50))], f"the carrier has scanned it: {SCANNED}"),
        (Kind.CARRIER_EXCEPTION, lambda b: [b.shipment(b.scan(50))], f"it moves again: {SCANNED}"),
        (Kind.LABEL_NOT_SCANNED, lambda b: [b.shipment(state=ShipmentState.CANCELLED)], "the label was cancelled."),
        (Kind.TRACKING_INVALID, lambda b: [b.shipment(tracking_problem="")], "the carrier knows the number now."),
        (Kind.TRACKING_INVALID, lambda b: [b.shipment(number="1Z9")], "it has another tracking number now."),
        (
            Kind.RETURNED_TO_SENDER,
            lambda b: [b.shipment(b.scan(1, "returned")), b.shipment(shipped_at=b.at(9), number="1Z2")],
            "another parcel has been sent in its place.",
        ),
        (
            Kind.CARRIER_EXCEPTION,
            lambda b: [b.shipment(b.scan(1, "exception"), b.scan(50, "returned"))],
            "the parcel has come back to the sender.",
        ),
        (
            Kind.CARRIER_EXCEPTION,
            lambda b: [b.shipment(b.scan(1, "exception"), b.scan(50, "returning"))],
            "this has become another trouble: it has a parcel on the way back to the sender.",
        ),
        (
            Kind.DELIVERY_ATTEMPT_FAILED,
            lambda b: [b.shipment(replace(b.scan(50, "delivery_failed"), problem=Problem.ADDRESS))],
            "this has become another trouble: it has a parcel with an address that UPS cannot deliver to.",
        ),
        (
            Kind.LABEL_NOT_SCANNED,
            lambda b: [b.shipment(shipped_at=b.at(0), tracking_problem=UNKNOWN)],
            "this has become another trouble: it has a parcel with a tracking number that UPS does not know.",
        ),
    ],
)
def test_what_is_seen_of_the_parcels(build, kind: Kind, make: Any, expected: str) -> None:
    assert ended(build, kind, build.order(*make(build)), fingerprint="ups|1Z1:x") == expected


def test_of_another_parcel_that_moves_nothing_is_claimed(build) -> None:
    order = build.order(build.shipment(build.scan(0)), build.shipment(build.scan(50), number="1Z2"))
    assert ended(build, Kind.TRACKING_STALLED, order, fingerprint="ups|1Z1@0x1") == UNEXPLAINED
    assert ended(build, Kind.TRACKING_STALLED, order, fingerprint="ups|1Z2@0x1") == f"it moves again: {SCANNED}"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"financial_state": "refunded"}, "the order was refunded."),
        ({"refund_requests": "approved"}, "the customer has asked for the money back."),
        ({"refund_requests": "declined"}, "the parcel has come back to the sender."),
    ],
)
def test_why_a_return_is_no_trouble_any_more(build, facts: dict, expected: str) -> None:
    if "refund_requests" in facts:
        facts = {"refund_requests": (RefundRequest(id="r", at=build.at(5), state=facts["refund_requests"]),)}
    order = build.order(build.shipment(build.scan(1, "returned")), **facts)
    assert ended(build, Kind.RETURNED_TO_SENDER, order) == expected


def test_a_promise_at_risk_that_was_missed_has_become_another_trouble(build) -> None:
    order = build.order(build.shipment(build.scan(98)), promise=99)
    assert ended(build, Kind.PROMISE_AT_RISK, order) == (
        "this has become another trouble: it has missed its delivery promise today."
    )
    untold = {"detectors": {"promise_missed": {"enabled": False}}}
    assert ended(build, Kind.PROMISE_AT_RISK, order, policy=build.policy(**untold)) == (
        "the promised date (Fri 20 Nov) has passed, and not everything has arrived."
    )
    moved = build.order(build.shipment(build.scan(98)), promise=300)
    assert ended(build, Kind.PROMISE_MISSED, moved) == "the delivery promise (Sat 28 Nov) is no longer at risk."


def test_an_address_that_was_wrong_before_shipping(build) -> None:
    before = {"fingerprint": "before shipping No such street high"}
    sent, corrected = build.order(build.shipment(build.scan(50))), build.order(address_problem="")
    wrong = build.order(address_problem="No such street", is_test=True)
    told = [ended(build, Kind.ADDRESS_PROBLEM, order, **before) for order in (sent, corrected, wrong)]
    assert told == ["it has been sent.", "the shop does not complain of the address any more.", UNEXPLAINED]
