"""What an order allows as it stands, each with its reason; checked for every kind on orders at every step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.model import Dispute, Hold, LineItem, PaymentState
from connectors.order_actions import OrderActionKind
from server.flows.permitted import permitted
from server.rules.order_action_rules import KINDS, objection, refundable
from tests.server.rules.asking import paid_order, payment, request, usd


def unsent(build, **facts):
    return paid_order(build, **facts)


def sent(build, *scans):
    """Everything is with the carrier."""
    lines = (LineItem(id="l1", title="Lamp", quantity=2, price=usd(2000), unfulfilled=0),)
    order = paid_order(build)
    parcels = (build.shipment(*(scans or (build.scan(1),))),)
    return replace(order, order=replace(order.order, line_items=lines), shipments=parcels)


def cancelled(view, build):
    return replace(view, order=replace(view.order, cancelled_at=build.at(2)))


def held(view, reason):
    return replace(view, order=replace(view.order, holds=(Hold(reason=reason),)))


@pytest.mark.parametrize(
    ("make", "kind", "said"),
    [
        (unsent, "refund", ""),
        (unsent, "cancel", ""),
        (unsent, "reship", "Nothing has been shipped yet"),
        (unsent, "address_change", ""),
        (unsent, "hold", ""),
        (unsent, "release", "The order is not on hold"),
        (unsent, "fraud_override", "No check holds this order back"),
        (unsent, "compensation", ""),
        (unsent, "other", ""),
        (sent, "refund", ""),
        (sent, "cancel", "A shipment is already on its way"),
        (sent, "reship", ""),
        (sent, "address_change", "Everything is already with the carrier"),
        (sent, "hold", "Everything has already been shipped"),
        (lambda b: sent(b, b.scan(1), b.scan(9, "delivered")), "cancel", "The order was already delivered"),
        (lambda b: cancelled(unsent(b), b), "cancel", "The order is already cancelled"),
        (lambda b: cancelled(unsent(b), b), "hold", "The order is cancelled"),
        (lambda b: cancelled(unsent(b), b), "refund", ""),
        (lambda b: held(unsent(b), "high_risk_of_fraud"), "fraud_override", ""),
        (lambda b: held(unsent(b), "inventory_out_of_stock"), "fraud_override", "No check holds this order back"),
        (lambda b: held(unsent(b), "inventory_out_of_stock"), "release", ""),
        (lambda b: held(unsent(b), "other"), "hold", "The order is already on hold"),
    ],
)
def test_what_an_order_allows(build, make, kind, said):
    assert objection(OrderActionKind(kind), make(build)) == said


@pytest.mark.parametrize(
    ("payments", "said"),
    [
        ((), "No payment of this order is known"),
        ((payment(captured=100, state=PaymentState.FAILED),), "No money has been taken yet"),
        ((payment(refunded=usd(10_000), state=PaymentState.REFUNDED),), "Nothing is left to refund"),
        ((payment(dispute=Dispute(id="dp_1", state="needs_response")),), "The payment is disputed"),
        ((payment(dispute=Dispute(id="dp_1", state="won")),), ""),
    ],
)
def test_a_refund_needs_money_that_nobody_argues_about(build, payments, said):
    view = replace(paid_order(build), payments=payments)
    found = objection(OrderActionKind.REFUND, view)
    assert found.startswith(said)
    assert bool(found) == bool(said)


@given(captured=st.integers(0, 10**6), refunded=st.integers(0, 10**6))
def test_what_is_left_is_never_less_than_nothing(captured, refunded):
    left = refundable(payment(captured=captured, refunded=usd(refunded)))
    assert left == usd(max(0, captured - refunded))


def test_the_processors_word_on_what_is_left_goes_first():
    assert refundable(payment(captured=100, refundable=usd(40))) == usd(40)


def test_the_panel_shows_every_kind_with_its_limit_or_its_reason(build):
    policy = build.policy(approvals={"hold": {"enabled": False}, "cancel": {"record_only": True}})
    found = {action.kind: action for action in permitted(paid_order(build), (request(cents=10_000),), policy)}
    assert tuple(found) == KINDS
    assert (found["refund"].allowed, found["refund"].limit) == (False, "0.00")
    assert "already been asked for" in found["refund"].reason
    assert "policy" in found["hold"].reason
    assert (found["cancel"].allowed, found["cancel"].record_only, found["cancel"].limit) == (True, True, None)
    assert (found["compensation"].limit, found["compensation"].currency) == ("100.00", "USD")
    assert all(action.allowed != bool(action.reason) for action in found.values())
