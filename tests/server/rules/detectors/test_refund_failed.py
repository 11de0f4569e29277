"""Money that was to go back and did not arrive."""

import pytest

from connectors.model import Payment, PaymentState, Refund
from connectors.money import Money
from server.model import Kind
from server.rules.assess import assess


def refund(build, hours: float, state: str, cents: int | None = 2500, name: str = "", **facts: object) -> Refund:
    amount = None if cents is None else Money(cents, "USD")
    return Refund(id=name or f"re_{hours}", at=build.at(hours), state=state, amount=amount, **facts)


def found(build, *refunds: Refund, hours: float = 50, **facts):
    payment = Payment(id="p", processor="stripe", state=PaymentState.PAID, refunds=refunds)
    signals = assess(build.order(payments=(payment,), **facts), build.at(hours), build.policy()).signals
    return next((signal for signal in signals if signal.kind is Kind.REFUND_FAILED), None)


def test_a_failed_refund_says_how_much_and_why(build) -> None:
    signal = found(build, refund(build, 9, "failed", failure="the card has expired\nor was cancelled"))
    assert (signal.headline, signal.since, signal.opens_at) == (
        "has a refund of $25.00 that failed",
        build.at(9),
        build.at(9),
    )
    assert [(e.label, e.value) for e in signal.evidence] == [
        ("Refund", "$25.00 by Stripe, Mon 16 Nov, 18:00 EST: the card has expired or was cancelled")
    ]
    assert signal.causes == ("gateway:stripe",)


def test_a_cancelled_refund_is_no_refund_either(build) -> None:
    assert found(build, refund(build, 9, "cancelled")).headline == "has a refund of $25.00 that was cancelled"


@pytest.mark.parametrize("state", ["succeeded", "pending", "requires_action"])
def test_a_later_refund_of_the_amount_ends_it(build, state: str) -> None:
    assert found(build, refund(build, 9, "failed"), refund(build, 12, state)) is None
    assert found(build, refund(build, 9, "failed"), refund(build, 12, state, 2499)) is not None
    assert (
        found(build, refund(build, 9, "failed"), refund(build, 10, state, 2000), refund(build, 12, state, 500)) is None
    )


def test_what_was_refunded_before_covers_nothing(build) -> None:
    assert found(build, refund(build, 3, "succeeded"), refund(build, 9, "failed")) is not None


def test_one_refund_does_not_cover_two(build) -> None:
    two = (refund(build, 9, "failed"), refund(build, 10, "failed", 1000))
    signal = found(build, *two, refund(build, 12, "succeeded"))
    assert [e.value[:6] for e in signal.evidence] == ["$25.00"]
    assert found(build, *two).headline == "has 2 refunds that did not go through"


def test_another_currency_covers_nothing(build) -> None:
    euros = Refund(id="re_2", at=build.at(12), state="succeeded", amount=Money(2500, "EUR"))
    assert found(build, refund(build, 9, "failed"), euros) is not None


def test_one_of_unknown_amount_stands_for_another_such_one(build) -> None:
    unknown = refund(build, 9, "failed", None)
    assert found(build, unknown, refund(build, 12, "succeeded")) is not None
    assert found(build, unknown, refund(build, 12, "succeeded", None)) is None


@pytest.mark.parametrize("facts", [{"financial_state": "refunded"}, {"cancelled_at": "now"}])
def test_that_the_shop_thinks_it_refunded_is_what_makes_it_trouble(build, facts: dict) -> None:
    facts = {name: build.at(1) if value == "now" else value for name, value in facts.items()}
    assert found(build, refund(build, 9, "failed"), **facts) is not None


def test_every_further_failure_is_worth_telling_and_time_is_not(build) -> None:
    one = refund(build, 9, "failed")
    first, later = found(build, one), found(build, one, hours=500)
    again = found(build, one, refund(build, 20, "failed"))
    assert first.fingerprint == later.fingerprint != again.fingerprint
