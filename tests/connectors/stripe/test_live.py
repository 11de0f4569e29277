"""This file tests live looks at Stripe: by ids, by order ids in the metadata, and what goes wrong."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from connectors.contract import Denied, Garbled, Rejected, Throttled, Unavailable
from connectors.model import Dispute, Observation, Payment, PaymentAttempt, PaymentState, References, Refund
from connectors.money import Money
from connectors.stripe import VERSION

Make = Callable[..., dict[str, Any]]
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


async def test_known_payment_is_read_with_its_latest_charge(world: Any, make: Make) -> None:
    charge = make("charge", amount_refunded=1000)
    world.answers["/v1/payment_intents/pi_1"] = make(
        "payment_intent", status="succeeded", amount_received=4194, latest_charge=charge
    )
    pay = world.connect()
    (seen,) = await pay.read_payments(
        References(order_ids=("5001",), payments=("stripe:pi_1", "ch_1", "c77.1", "pi_1"))
    )
    assert seen == Observation(
        source="pay",
        kind="payment.read",
        identity=seen.identity,
        at=NOON,
        about=References(order_ids=("5001",), payments=("ch_1", "pi_1")),
        payments=(
            Payment(
                id="stripe:pi_1",
                processor="stripe",
                state=PaymentState.PARTIALLY_REFUNDED,
                amount=Money(4194, "USD"),
                captured=Money(4194, "USD"),
                refunded=Money(1000, "USD"),
                refundable=Money(3194, "USD"),
                method="Visa ending 4242",
                created_at=AT,
                failure_code="",
                failure_message="",
                references=("ch_1", "pi_1"),
                attempts=(PaymentAttempt(id="ch_1", at=AT, succeeded=True),),
            ),
        ),
    )
    (request,) = world.requests
    assert (request.method, parse_qs(request.url.query.decode())) == (
        "GET",
        {"expand[]": ["latest_charge", "latest_charge.refunds"]},
    )
    assert (request.headers["authorization"], request.headers["stripe-version"]) == ("Bearer sk_test_1", VERSION)
    await pay.close()


async def test_declined_payment_shows_its_last_try(world: Any, make: Make) -> None:
    charge = make("charge", status="failed", captured=False, amount_captured=0, failure_code="expired_card")
    error = {"code": "expired_card", "charge": "ch_1"}
    world.answers["/v1/payment_intents/pi_1"] = make("payment_intent", last_payment_error=error, latest_charge=charge)
    (payment,) = (await world.connect().read_payments(References(payments=("pi_1",))))[0].payments
    assert (payment.state, payment.failure_message) == (PaymentState.FAILED, "The card has expired")
    assert [(attempt.id, attempt.succeeded) for attempt in payment.attempts] == [("ch_1", False)]


async def test_charge_is_asked_for_its_payment_because_it_may_be_an_old_try(world: Any, make: Make) -> None:
    world.answers["/v1/charges/ch_1"] = make("charge", status="failed")
    world.answers["/v1/payment_intents/pi_1"] = make("payment_intent", status="succeeded", amount_received=4194)
    (seen,) = await world.connect().read_payments(References(payments=("ch_1",)))
    assert (seen.payments[0].id, seen.payments[0].state) == ("stripe:pi_1", PaymentState.PAID)


async def test_charge_without_an_intent_stands_for_itself(world: Any, make: Make) -> None:
    world.answers["/v1/charges/py_1"] = make("charge", id="py_1", payment_intent=None)
    (seen,) = await world.connect().read_payments(References(payments=("py_1",)))
    assert (seen.payments[0].id, seen.payments[0].state) == ("stripe:py_1", PaymentState.PAID)


async def test_payment_that_is_gone_is_skipped_and_the_others_shown(world: Any, make: Make) -> None:
    world.answers["/v1/payment_intents/pi_2"] = make("payment_intent", id="pi_2")
    seen = await world.connect().read_payments(References(payments=("pi_1", "pi_2")))
    assert [each.payments[0].id for each in seen] == ["stripe:pi_2"]


async def test_no_more_than_a_few_are_asked_for(world: Any) -> None:
    names = tuple(f"pi_{number}" for number in range(50))
    assert await world.connect().read_payments(References(payments=names)) == ()
    assert len(world.requests) == 5


async def test_a_look_shows_every_refund_and_says_the_same_until_one_changes(world: Any, make: Make) -> None:
    failed = make("refund", status="failed", failure_reason="declined", created=int(AT.timestamp()))
    charge = make("charge", refunds={"object": "list", "data": [failed]})
    world.answers["/v1/payment_intents/pi_1"] = make("payment_intent", status="succeeded", latest_charge=charge)
    first, second = [(await world.connect().read_payments(References(payments=("pi_1",))))[0] for _ in range(2)]
    assert first.payments[0].refunds == (
        Refund(
            id="re_1",
            at=AT,
            state="failed",
            amount=Money(1000, "USD"),
            failure="the customer's bank declined it",
        ),
    )
    assert first.identity == second.identity


async def test_disputed_payment_brings_its_dispute(world: Any, make: Make) -> None:
    charge = make("charge", disputed=True)
    world.answers["/v1/payment_intents/pi_1"] = make("payment_intent", status="succeeded", latest_charge=charge)
    world.answers["/v1/disputes"] = {"data": [make("dispute", reason="fraudulent")]}
    (payment,) = (await world.connect().read_payments(References(payments=("pi_1",))))[0].payments
    assert payment.dispute == Dispute(
        id="dp_1",
        state="needs_response",
        reason="The cardholder says they did not make this payment",
        amount=Money(4194, "USD"),
        respond_by=datetime(2026, 12, 3, 9, tzinfo=UTC),
    )


async def test_key_that_may_not_read_disputes_still_shows_the_payment(world: Any, make: Make) -> None:
    charge = make("charge", disputed=True)
    world.answers["/v1/payment_intents/pi_1"] = make("payment_intent", status="succeeded", latest_charge=charge)
    world.answers["/v1/disputes"] = httpx.Response(403, json={"error": {"message": "not permitted"}})
    (payment,) = (await world.connect().read_payments(References(payments=("pi_1",))))[0].payments
    assert (payment.state, payment.dispute) == (PaymentState.PAID, None)


# --- search ---


async def test_unknown_payments_are_searched_for_by_what_the_shop_wrote_down(world: Any, make: Make) -> None:
    def found(request: httpx.Request) -> dict[str, Any]:
        by_id = "'5001'" in request.url.params["query"]
        mine, other = make("payment_intent"), make("payment_intent", id="pi_9", metadata={"order_id": "5001A"})
        return {"object": "search_result", "data": [mine, other] if by_id else [mine]}

    world.answers["/v1/payment_intents/search"] = found
    seen = await world.connect().read_payments(References(order_ids=("5001", "#1001")))
    assert [each.payments[0].id for each in seen] == ["stripe:pi_1"]
    assert [dict(request.url.params) for request in world.requests] == [
        {"query": f"metadata['order_id']:'{name}'", "limit": "10", "expand[]": "data.latest_charge"}
        for name in ("5001", "#1001")
    ]


async def test_order_id_is_searched_for_and_never_obeyed(world: Any) -> None:
    world.answers["/v1/payment_intents/search"] = {"data": []}
    await world.connect().read_payments(References(order_ids=("1' OR amount>0 OR metadata['x']:'", "a\\")))
    assert [request.url.params["query"] for request in world.requests] == [
        r"metadata['order_id']:'1\' OR amount>0 OR metadata[\'x\']:\''",
        r"metadata['order_id']:'a\\'",
    ]


async def test_search_is_bounded(world: Any) -> None:
    world.answers["/v1/payment_intents/search"] = {"data": []}
    assert await world.connect().read_payments(References(order_ids=tuple("abcdefg"))) == ()
    assert len(world.requests) == 3


async def test_nothing_to_go_by_asks_nothing(world: Any) -> None:
    assert await world.connect().read_payments(References(payments=("c77.1", "pi_../../x", "ch_ "))) == ()
    assert world.requests == []


# --- trouble ---


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(401, json={"error": {"message": "Invalid API Key"}}), Denied),
        (httpx.Response(403), Denied),
        (httpx.Response(400), Rejected),
        (httpx.Response(429, headers={"retry-after": "7"}), Throttled),
        (httpx.Response(500, headers={"retry-after": "1"}), Unavailable),
        (httpx.Response(200, content=b"<html>"), Garbled),
        ({"id": "pi_1"}, Garbled),
        ({"id": "pi 1", "amount": 1, "currency": "usd", "status": "x"}, Garbled),
        ({"id": "pi_1", "amount": 10**17, "currency": "usd", "status": "x"}, Garbled),
        ({"id": "pi_1", "amount": 1, "currency": "usd", "status": "x", "created": 10**18}, Garbled),
    ],
)
async def test_trouble_is_one_of_our_errors(world: Any, answer: Any, error: type[Exception]) -> None:
    world.answers["/v1/payment_intents/pi_1"] = answer
    with pytest.raises(error):
        await world.connect().read_payments(References(payments=("pi_1",)))


async def test_check_names_the_account(world: Any) -> None:
    world.answers["/v1/account"] = {"id": "acct_1", "business_profile": {"name": "Acme"}}
    assert await world.connect().check() == "Stripe account Acme (acct_1)"


async def test_check_is_content_with_a_restricted_key_that_reads_payments(world: Any) -> None:
    world.answers["/v1/account"] = httpx.Response(403)
    world.answers["/v1/payment_intents"] = {"data": []}
    assert await world.connect().check() == "Stripe accepts the restricted key"


async def test_check_refuses_a_wrong_key(world: Any) -> None:
    world.answers["/v1/account"] = httpx.Response(401)
    with pytest.raises(Denied):
        await world.connect().check()
