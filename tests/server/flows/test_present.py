"""The context says what an agent needs in words and decimal strings, and what may be asked for as things stand."""

from datetime import datetime, timedelta

import msgspec
import pytest

from connectors.model import (
    Customer,
    Dispute,
    LineItem,
    Order,
    Payment,
    PaymentAttempt,
    PaymentState,
    Place,
    Scan,
    Shipment,
    ShipmentState,
)
from connectors.money import Money
from server.context import CustomerContext, FailureContext, PaymentContext, ScanContext
from server.flows.declines import in_words
from server.flows.permitted import permitted
from server.flows.present import context, without_order
from server.model import (
    Assessment,
    Evidence,
    Kind,
    Level,
    OrderKey,
    OrderView,
    Promise,
    PromiseRisk,
    Severity,
    ShipmentView,
    Signal,
    TimelineEntry,
)

KEY = OrderKey("acme", "shop", "5001")
USD = "USD"


def make_view(*, payments=(), shipments=(), timeline=(), **order):
    return OrderView(
        key=KEY,
        order=Order(id="5001", **{"name": "#1001", **order}),
        payments=payments,
        shipments=tuple(ShipmentView(shipment=shipment, sources=("shop",)) for shipment in shipments),
        timeline=timeline,
    )


def present(fakes, view, assessment=None):
    return context(view, assessment or Assessment(), (), fakes.workspace(), (), fakes.NOW)


def parcel(state, number="1Z1", **facts):
    return Shipment(carrier="ups", tracking_number=number, state=state, **facts)


def paid(**facts):
    return Payment(
        id="pi_1",
        processor="stripe",
        **{"state": PaymentState.PAID, "amount": Money(5000, USD), "captured": Money(5000, USD), **facts},
    )


def objections(view):
    return {action.kind: action.reason for action in permitted(view) if not action.allowed}


def test_a_failed_payment_is_told_in_plain_words(fakes):
    attempt = PaymentAttempt(id="ch_1", at=fakes.NOW, succeeded=False, failure_code="card_declined")
    failed = Payment(
        id="pi_1",
        processor="stripe",
        state=PaymentState.FAILED,
        amount=Money(5000, "JPY"),
        failure_code="insufficient_funds",
        attempts=(attempt,),
    )
    [found] = present(fakes, make_view(payments=(failed,))).payments
    assert found.failure == FailureContext(code="insufficient_funds", message="There is not enough money on the card")
    assert (found.amount, found.currency, found.refundable) == ("5000", "JPY", None)
    assert [a.failure_message for a in found.attempts] == ["The bank declined the card"]


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        ("expired_card", "Your card has expired.", "The card has expired"),
        ("card_declined:insufficient_funds", "", "There is not enough money on the card"),
        ("card_declined/do_not_honor", None, "The bank declined without saying why; the customer has to call the bank"),
        ("INSUFFICIENT_FUNDS", "", "There is not enough money on the card"),
        ("stolen_card", "stolen!", "The bank declined the card; the customer has to use another one"),
        ("new_code", "The bank said no.", "The bank said no"),
        ("new_code", "", "The payment was refused without a reason"),
        (None, None, "The payment was refused without a reason"),
    ],
)
def test_a_decline_code_becomes_a_sentence(code, message, words):
    assert in_words(code, message) == words


def test_a_payment_that_went_through_shows_no_failure_but_its_attempts(fakes):
    attempts = (
        PaymentAttempt(id="1", at=fakes.NOW - timedelta(hours=1), succeeded=False, failure_code="expired_card"),
        PaymentAttempt(id="2", at=fakes.NOW, succeeded=True),
    )
    [found] = present(fakes, make_view(payments=(paid(attempts=attempts, method="Visa ending 4242"),))).payments
    assert found == PaymentContext(
        id="pi_1",
        processor="stripe",
        state="paid",
        method="Visa ending 4242",
        amount="50.00",
        captured="50.00",
        refunded=None,
        refundable="50.00",
        currency="USD",
        failure=None,
        dispute=None,
        attempts=found.attempts,
    )
    assert [(a.succeeded, a.failure_message) for a in found.attempts] == [(False, "The card has expired"), (True, "")]


def test_scans_are_newest_first_with_the_clock_of_the_place(fakes):
    scans = (
        Scan(at=fakes.NOW - timedelta(days=1), state=ShipmentState.IN_TRANSIT, text="Departed", utc_offset=-330),
        Scan(at=fakes.NOW, state=ShipmentState.EXCEPTION, text="Delay", place=Place(city="Reno", region="NV")),
    )
    [found] = present(fakes, make_view(shipments=(parcel(ShipmentState.EXCEPTION, scans=scans),))).shipments
    assert found.scans == [
        ScanContext(time=fakes.NOW, local_time=None, place="Reno, NV", state="exception", text="Delay"),
        ScanContext(
            time=fakes.NOW - timedelta(days=1),
            local_time="2026-11-22 06:30",
            place="",
            state="in_transit",
            text="Departed",
        ),
    ]
    assert found.carrier_name == "UPS"
    assert found.tracking_url == "https://www.ups.com/track?tracknum=1Z1"


def test_a_hidden_customer_is_said_to_be_hidden(fakes):
    found = present(fakes, make_view(customer=Customer(hidden=True))).customer
    assert found == CustomerContext(
        name=None,
        email=None,
        phone=None,
        orders_count=None,
        total_spent=None,
        currency=None,
        vip=False,
        hidden=True,
    )


def test_a_customer_takes_the_orders_address_where_theirs_is_unknown(fakes):
    customer = Customer(name="Jane", orders_count=3, total_spent=Money(12345, "EUR"))
    view = make_view(customer=customer, email="jane@example.com", phone="1")
    found = present(fakes, view, Assessment(vip=True)).customer
    assert (found.email, found.phone, found.total_spent, found.currency, found.vip) == (
        "jane@example.com",
        "1",
        "123.45",
        "EUR",
        True,
    )


def test_no_customer_at_all_is_none(fakes):
    assert present(fakes, make_view()).customer is None


def test_promise_signals_and_history_are_carried_over(fakes):
    assessment = Assessment(
        signals=(
            Signal(
                kind=Kind.TRACKING_STALLED,
                since=fakes.NOW,
                headline="has had no carrier scan for 48 hours",
                clause="no carrier scan for 48 hours",
                severity=Severity.HIGH,
                fingerprint="x",
                reasons=("no scan",),
                evidence=(Evidence("last scan", "Reno"),),
                opens_at=fakes.NOW,
            ),
        ),
        promise=PromiseRisk(promise=Promise(fakes.NOW, "the shop"), risk=2 / 3, level=Level.AT_RISK, reasons=("late",)),
        high_value=True,
    )
    lines = tuple(
        TimelineEntry(fakes.NOW + timedelta(minutes=number), "shop", "order.updated", str(number))
        for number in range(60)
    )
    found = present(fakes, make_view(timeline=lines), assessment)
    assert found.order.high_value
    assert (found.promise.risk, found.promise.level, found.promise.source) == (0.667, "at_risk", "the shop")
    assert [signal.kind for signal in found.signals] == ["tracking_stalled"]
    assert [line.text for line in found.timeline] == [str(number) for number in reversed(range(10, 60))]


def test_the_answer_is_json_with_times_in_utc(fakes):
    encoded = msgspec.json.decode(msgspec.json.encode(present(fakes, make_view(placed_at=fakes.NOW))))
    assert encoded["order"]["placed_at"] == "2026-11-23T12:00:00Z"
    assert encoded["as_of"] == "2026-11-23T12:00:00Z"
    assert datetime.fromisoformat(encoded["as_of"]) == fakes.NOW


def test_a_ticket_without_an_order_has_an_empty_context(fakes):
    found = without_order(fakes.workspace(), fakes.NOW)
    assert (found.order, found.payments, found.actions, found.candidates) == (None, [], [], [])


def test_every_kind_of_action_is_listed_in_a_fixed_order():
    assert [action.kind for action in permitted(make_view())] == [
        "refund",
        "cancel",
        "reship",
        "address_change",
        "hold",
        "release",
        "compensation",
        "fraud_override",
        "other",
    ]


@pytest.mark.parametrize(
    ("payments", "reason"),
    [
        ((), "No payment of this order is known"),
        ((paid(state=PaymentState.FAILED, captured=None),), "No money has been taken yet"),
        ((paid(state=PaymentState.AUTHORIZED, captured=None),), "No money has been taken yet"),
        ((paid(state=PaymentState.REFUNDED, refunded=Money(5000, USD)),), "Nothing is left to refund"),
        ((paid(refundable=Money(0, USD)),), "Nothing is left to refund"),
        (
            (paid(dispute=Dispute(id="d", state="needs_response")),),
            "The payment is disputed: the bank decides who gets the money",
        ),
        ((paid(dispute=Dispute(id="d", state="won")),), None),
        ((paid(),), None),
        ((paid(state=PaymentState.PARTIALLY_REFUNDED, refunded=Money(4999, USD)),), None),
        ((paid(amount=None, captured=None),), None),
    ],
)
def test_a_refund_needs_money_that_can_go_back(payments, reason):
    assert objections(make_view(payments=payments)).get("refund") == reason


def test_an_order_that_nobody_has_sent_can_be_cancelled_held_and_redirected():
    found = objections(make_view(payments=(paid(),), shipments=(parcel(ShipmentState.LABEL_CREATED),)))
    assert found == {
        "reship": "Nothing has been shipped yet",
        "release": "The order is not on hold",
        "fraud_override": "No check holds this order back",
    }


def test_an_order_on_its_way_cannot_be_stopped():
    found = objections(make_view(payments=(paid(),), shipments=(parcel(ShipmentState.IN_TRANSIT),)))
    assert found == {
        "cancel": "A shipment is already on its way",
        "address_change": "Everything is already with the carrier",
        "hold": "Everything has already been shipped",
        "release": "The order is not on hold",
        "fraud_override": "No check holds this order back",
    }


def test_the_rest_of_a_partly_sent_order_can_still_be_redirected_and_held():
    items = (LineItem(id="1", title="Lamp", quantity=2, unfulfilled=1),)
    found = objections(make_view(line_items=items, shipments=(parcel(ShipmentState.IN_TRANSIT),)))
    assert "address_change" not in found
    assert "hold" not in found
    assert found["cancel"] == "A shipment is already on its way"


def test_a_delivered_order_can_be_refunded_reshipped_and_compensated_only():
    view = make_view(payments=(paid(),), shipments=(parcel(ShipmentState.DELIVERED),))
    assert {action.kind for action in permitted(view) if action.allowed} == {
        "refund",
        "reship",
        "compensation",
        "other",
    }
    assert objections(view)["cancel"] == "The order was already delivered"


def test_an_order_on_hold_can_be_released_but_not_held():
    found = objections(make_view(payments=(paid(),), fulfillment_state="on_hold"))
    assert found == {"reship": "Nothing has been shipped yet", "hold": "The order is already on hold"}


def test_a_cancelled_order_stays_cancelled(fakes):
    found = objections(make_view(payments=(paid(),), cancelled_at=fakes.NOW))
    assert found["cancel"] == "The order is already cancelled"
    assert found["hold"] == found["address_change"] == found["fraud_override"] == "The order is cancelled"
    assert "refund" not in found


def test_nobody_is_compensated_who_has_not_paid():
    assert objections(make_view())["compensation"] == "The customer has not paid anything"
    assert "compensation" not in objections(make_view(financial_state="paid"))
