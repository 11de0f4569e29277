"""A customer who asked for their money back and hears nothing."""

import pytest

from connectors.model import Payment, PaymentState, Refund, RefundRequest
from connectors.money import Money
from server.model import Kind
from server.rules.assess import assess


def request(build, hours: float = 0, state: str = "requested", name: str = "r1", **facts: object) -> RefundRequest:
    facts = {"amount": Money(2500, "USD"), "reason": "The mug\nis broken"} | facts
    return RefundRequest(id=name, at=build.at(hours), state=state, **facts)


def found(build, *requests: RefundRequest, hours: float, shipments=(), tables=None, **facts):
    order = build.order(*shipments, refund_requests=requests, **facts)
    signals = assess(order, build.at(hours), build.policy(**(tables or {}))).signals
    return next((signal for signal in signals if signal.kind is Kind.REFUND_AWAITING_APPROVAL), None)


def test_a_request_may_wait_a_working_day_and_no_longer(build) -> None:
    assert found(build, request(build), hours=23.9) is None
    signal = found(build, request(build), hours=24)
    assert (signal.headline, signal.since, signal.opens_at) == (
        "has a refund request of $25.00 that has waited for 24 hours",
        build.at(0),
        build.at(24),
    )
    assert [(e.label, e.value) for e in signal.evidence] == [
        ("Refund asked for", "$25.00, Mon 16 Nov, 09:00 EST: The mug is broken")
    ]


def test_a_weekend_does_not_count(build) -> None:
    friday_evening = 4 * 24 + 10
    assert found(build, request(build, friday_evening), hours=friday_evening + 60) is None
    assert found(build, request(build, friday_evening), hours=friday_evening + 72) is not None


@pytest.mark.parametrize("state", ["approved", "declined", "cancelled", "closed"])
def test_any_decision_ends_it(build, state: str) -> None:
    assert found(build, request(build, state=state), hours=100) is None


def test_most_requests_come_after_delivery(build) -> None:
    parcel = build.shipment(build.scan(-50), build.scan(-20, "delivered"))
    assert found(build, request(build), hours=30, shipments=(parcel,)) is not None


def test_a_cancellation_by_itself_returns_no_money(build) -> None:
    assert found(build, request(build), hours=30, cancelled_at=build.at(1)) is not None


@pytest.mark.parametrize("facts", [{"financial_state": "REFUNDED"}, {"financial_state": "voided"}, {"is_test": True}])
def test_there_is_nothing_to_decide_once_all_is_refunded(build, facts: dict) -> None:
    assert found(build, request(build), hours=30, **facts) is None


def test_it_is_told_again_when_it_has_waited_twice_as_long_and_for_every_new_request(build) -> None:
    once, later, twice = (found(build, request(build), hours=hours) for hours in (24, 47.9, 48))
    assert once.fingerprint == later.fingerprint != twice.fingerprint
    both = found(build, request(build), request(build, 5, name="r2"), hours=40)
    assert (both.headline, both.fingerprint) == (
        "has 2 refund requests that have waited for up to 40 hours",
        f"r1x1 r2x1 {both.severity}",
    )


@pytest.mark.parametrize("facts", [{}, {"cancelled_at": "now"}, {"financial_state": "refunded"}])
def test_a_refund_that_waits_for_the_customers_bank_details_counts_too(build, facts: dict) -> None:
    facts = {name: build.at(1) if value == "now" else value for name, value in facts.items()}
    stuck = Refund(id="re_1", at=build.at(1), state="requires_action", amount=Money(900, "USD"))
    payment = Payment(id="p", processor="stripe", state=PaymentState.PAID, refunds=(stuck,))
    order = build.order(payments=(payment,), **facts)
    [signal] = [
        signal
        for signal in assess(order, build.at(26), build.policy()).signals
        if signal.kind is Kind.REFUND_AWAITING_APPROVAL
    ]
    assert [(e.label, e.value) for e in signal.evidence] == [
        ("Refund stuck", "$9.00, Mon 16 Nov, 10:00 EST: the customer has to give the bank details it goes to")
    ]


def test_the_policy_sets_how_long(build) -> None:
    tables = {"detectors": {"refund_awaiting_approval": {"threshold": "4h", "wait": "1h"}}}
    assert found(build, request(build), hours=3.9, tables=tables) is None
    assert found(build, request(build), hours=4, tables=tables).opens_at == build.at(5)
