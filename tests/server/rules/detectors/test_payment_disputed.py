"""A payment that the customer or the bank contests."""

import pytest

from connectors.model import Dispute, FraudWarning, Payment, PaymentState
from connectors.money import Money
from server.model import Kind, Severity
from server.rules.assess import assess


def payment(build, dispute: Dispute | None = None, warning: FraudWarning | None = None, name: str = "p1") -> Payment:
    return Payment(
        id=name,
        processor="stripe",
        state=PaymentState.PAID,
        amount=Money(8210, "USD"),
        created_at=build.at(0),
        dispute=dispute,
        fraud_warning=warning,
    )


def dispute(build, state: str = "needs_response", name: str = "dp_1", due: float | None = 200) -> Dispute:
    return Dispute(
        id=name,
        state=state,
        reason="The customer says the goods\nnever arrived {{x}}",
        amount=Money(5000, "USD"),
        respond_by=None if due is None else build.at(due),
        opened_at=build.at(30),
    )


def found(build, *payments: Payment, hours: float = 40, shipments=(), **facts):
    signals = assess(build.order(*shipments, payments=payments, **facts), build.at(hours), build.policy()).signals
    return next((signal for signal in signals if signal.kind is Kind.PAYMENT_DISPUTED), None)


def test_an_open_dispute_says_how_much_why_and_until_when(build) -> None:
    signal = found(build, payment(build, dispute(build)))
    assert (signal.headline, signal.since, signal.opens_at, signal.deadline) == (
        "has a payment dispute of $50.00, to be answered by Tue 24 Nov",
        build.at(30),
        build.at(30),
        build.at(200),
    )
    assert [(e.label, e.value) for e in signal.evidence] == [
        ("Disputed", "$50.00, Stripe; an answer is due"),
        ("Reason", "The customer says the goods never arrived { {x} }"),
        ("Answer due", "Tue 24 Nov, 17:00 EST"),
        ("Goods", "Not sent"),
    ]
    assert signal.severity is Severity.HIGH
    assert found(build, payment(build, dispute(build)), hours=177).severity is Severity.URGENT


@pytest.mark.parametrize(
    "state", ["won", "lost", "warning_closed", "accepted", "charge_refunded", "prevented", "closed"]
)
def test_a_dispute_that_is_over_is_no_trouble(build, state: str) -> None:
    assert found(build, payment(build, dispute(build, state))) is None


def test_an_answered_one_stays_open_without_a_deadline_and_is_told_again(build) -> None:
    due, answered = (
        found(build, payment(build, dispute(build, state))) for state in ("needs_response", "under_review")
    )
    assert (answered.deadline, answered.evidence[0].value) == (None, "$50.00, Stripe; answered; the bank is deciding")
    assert due.fingerprint != answered.fingerprint


def test_an_inquiry_is_called_one(build) -> None:
    signal = found(build, payment(build, dispute(build, "warning_needs_response")))
    assert signal.clause == "the payment of $50.00 is asked about, to be answered by Tue 24 Nov"


def test_hours_passing_are_not_worth_telling(build) -> None:
    early, later = (found(build, payment(build, dispute(build)), hours=hours) for hours in (31, 150))
    assert early.fingerprint == later.fingerprint


def test_of_several_the_one_to_be_answered_first_leads(build) -> None:
    payments = (
        payment(build, dispute(build, "under_review", "dp_0", due=None), name="p0"),
        payment(build, dispute(build, name="dp_1", due=300), name="p1"),
        payment(build, dispute(build, name="dp_2", due=250), name="p2"),
    )
    signal = found(build, *payments)
    assert (signal.deadline, signal.evidence[3].value) == (build.at(250), "3")


@pytest.mark.parametrize(
    "facts", [{"cancelled_at": "now"}, {"financial_state": "refunded"}, {"shipments": "delivered"}, {}]
)
def test_neither_refund_nor_cancellation_nor_delivery_ends_it(build, facts: dict) -> None:
    known = {"now": build.at(20), "delivered": (build.shipment(build.scan(2), build.scan(20, "delivered")),)}
    facts = {name: known.get(value, value) for name, value in facts.items()}
    signal = found(build, payment(build, dispute(build)), **facts)
    assert signal.evidence[-1].value == ("Delivered" if "shipments" in facts else "Not sent")


def test_a_test_order_has_none(build) -> None:
    assert found(build, payment(build, dispute(build)), is_test=True) is None


def test_a_fraud_warning_that_can_be_acted_upon_is_trouble(build) -> None:
    warning = FraudWarning(id="issfr_1", at=build.at(5), reason="a stolen card was used")
    signal = found(build, payment(build, warning=warning))
    assert (signal.headline, signal.since, signal.deadline) == (
        "has a fraud warning for its payment of $82.10",
        build.at(5),
        None,
    )
    assert signal.reasons == ("The card's bank warned Mon 16 Nov, 14:00 EST: a stolen card was used",)


def test_a_warning_is_over_once_the_payment_is_refunded_or_disputed(build) -> None:
    done = FraudWarning(id="issfr_1", at=build.at(5), is_actionable=False)
    assert found(build, payment(build, warning=done)) is None
    open_ = FraudWarning(id="issfr_1", at=build.at(5))
    signal = found(build, payment(build, dispute(build), open_))
    assert signal.headline.startswith("has a payment dispute")
    assert found(build, payment(build, dispute(build, "won"), open_)) is None


def test_a_dispute_of_which_little_is_known_is_told_all_the_same(build) -> None:
    bare = Payment(id="p", processor="shopify_payments", dispute=Dispute(id="1", state="needs_response"))
    signal = found(build, bare)
    assert (signal.headline, signal.since) == ("has a payment dispute", build.at(0))
    assert signal.evidence[1].value == "No reason given"
