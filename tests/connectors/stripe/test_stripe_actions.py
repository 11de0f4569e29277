"""This file tests refunds through Stripe: what is sent, what is refused in plain words, and how a lost answer is found.

The other end is the simulated account, which is as strict as Stripe's own library found it to be.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors import stripe
from connectors.connection import Connection
from connectors.contract import (
    ActionDesk,
    CameToNothing,
    Collided,
    ConnectorError,
    Denied,
    Garbled,
    Interrupted,
    Rejected,
    Throttled,
    TimedOut,
    Unavailable,
)
from connectors.money import Money
from connectors.order_actions import ActionItem, OrderAction, OrderActionKind
from connectors.stripe import translate, wire
from connectors.stripe.refunds import receipt
from server.demo.clock import StoppedClock
from server.demo.fake import BROKEN, DOWN, HTML, LOST, REFUSED, Mishap, too_many
from server.demo.orders import Attempt, Intent, Item, Person, WorldOrder
from server.demo.stripe import KEY, READ_KEY
from server.demo.world import World

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TWELVE = Money(1200, "USD")
ACTION = OrderAction(
    key="beforehand-r1",
    kind=OrderActionKind.REFUND,
    order_id="5001",
    order_name="#1001",
    amount=TWELVE,
    payment="c77.1",
    payment_references=("ch_1x1", "pi_1", "stripe:pi_1"),
    reason="It arrived broken",
)


class Account:
    """An account with one payment of $41.50, and a connection to it."""

    def __init__(self) -> None:
        self.clock = StoppedClock(NOON)
        self.world = World(self.clock)
        self.fake = self.world.stripe
        self.intent = Intent("pi_1", 4150, NOON, [Attempt("ch_1x0", NOON, "do_not_honor"), Attempt("ch_1x1", NOON)])
        person = Person(601, "Nora Quinn", "nora.quinn@example.com", "Denver", "CO")
        item = Item(1, "Enamel mug", "MUG-1", 2, Decimal("20.75"))
        order = WorldOrder(id=5001, number=1001, customer=person, items=(item,), placed_at=NOON, intent=self.intent)
        self.world.add(order)
        self.pay = self.connect()

    def connect(self, api_key: str = KEY) -> stripe.Stripe:
        connection = Connection(
            workspace="acme",
            name="pay",
            base_url="http://payments.world.test",
            clock=self.clock,
            clients=self.world.clients,
        )
        return stripe.connect(stripe.Settings(api_key=api_key, webhook_secret="whsec_1"), connection)

    async def refund(self, action: OrderAction = ACTION) -> Any:
        return await self.pay.carry_out(await self.pay.render_action(action), action.key)

    async def find(self, action: OrderAction = ACTION) -> Any:
        return await self.pay.find_action(await self.pay.render_action(action), action.key, NOON)


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    account = Account()
    yield account
    await account.pay.close()


async def test_a_refund_is_made_and_its_receipt_says_so(account: Account) -> None:
    assert isinstance(account.pay, ActionDesk)
    receipt = await account.refund()
    (refund,) = account.fake.refunds.all
    assert (receipt.id, receipt.text, receipt.at, receipt.is_final) == (
        refund["id"],
        f"Refunded $12.00 ({refund['id']})",
        NOON,
        True,
    )
    assert (refund["amount"], refund["reason"], refund["metadata"]) == (
        1200,
        "requested_by_customer",
        {"beforehand_request": "beforehand-r1"},
    )


async def test_what_is_sent_carries_the_key_and_is_the_same_for_every_try(account: Account) -> None:
    first, second = await account.pay.render_action(ACTION), await account.pay.render_action(ACTION)
    assert first == second
    assert parse_qs(first.decode()) == {
        "payment_intent": ["pi_1"],
        "amount": ["1200"],
        "reason": ["requested_by_customer"],
        "metadata[beforehand_request]": ["beforehand-r1"],
    }
    await account.pay.carry_out(first, ACTION.key)
    call = account.fake.calls[-1]
    assert (call.method, call.path, call.headers["idempotency-key"], call.headers["content-type"]) == (
        "POST",
        "/v1/refunds",
        "beforehand-r1",
        "application/x-www-form-urlencoded",
    )


async def test_preparing_changes_nothing(account: Account) -> None:
    await account.pay.render_action(ACTION)
    assert {call.method for call in account.fake.calls} == {"GET"}


async def test_a_payment_that_is_known_by_its_charge_alone_is_refunded_by_it(account: Account) -> None:
    await account.refund(replace(ACTION, payment_references=("ch_1x1",)))
    assert account.fake.refunds.all[0]["charge"] == "ch_1x1"
    assert "charge=ch_1x1" in account.fake.calls[-1].body.decode()


async def test_without_an_amount_all_that_is_left_goes_back(account: Account) -> None:
    await account.refund()
    await account.refund(replace(ACTION, amount=None, key="beforehand-r2"))
    assert account.intent.refunded == account.intent.amount


# --- what is lost on the way ---


async def test_the_same_request_twice_is_one_refund(account: Account) -> None:
    first, second = await account.refund(), await account.refund()
    assert (first, len(account.fake.refunds.all)) == (second, 1)


async def test_a_refund_whose_answer_was_lost_is_found(account: Account) -> None:
    request = await account.pay.render_action(ACTION)
    account.fake.next_answers(LOST)
    with pytest.raises(Interrupted) as raised:
        await account.pay.carry_out(request, ACTION.key)
    found = await account.pay.find_action(request, ACTION.key, NOON)
    assert raised.value.outcome_unknown
    assert found is not None
    assert found.id == account.fake.refunds.all[0]["id"]


async def test_what_was_not_made_is_not_found_among_others(account: Account) -> None:
    await account.refund(replace(ACTION, key="beforehand-r2"))
    assert await account.find() is None


async def test_it_is_found_behind_more_refunds_than_one_page_holds(account: Account) -> None:
    await account.refund()
    for number in range(130):
        await account.refund(replace(ACTION, key=f"other-{number}", amount=Money(1, "USD")))
    found = await account.find()
    assert found is not None
    assert found.id == account.fake.refunds.all[-1]["id"]


@pytest.mark.parametrize(
    ("mishap", "error"),
    [
        (DOWN, Unavailable),
        (BROKEN, Unavailable),
        (HTML, Garbled),
        (REFUSED, Denied),
        (too_many(7), Throttled),
        (Mishap(status=200, body=b'{"id": "re_1"}'), Garbled),
        (Mishap(status=200, body=b'{"id": "r e", "amount": 1, "currency": "usd"}'), Garbled),
        (Mishap(status=409, body=b'{"error":{"type":"idempotency_error"}}'), Collided),
    ],
)
@pytest.mark.parametrize("call", ["carry_out", "find_action"])
async def test_trouble_is_one_of_our_errors_and_never_no(
    account: Account, call: str, mishap: Mishap, error: type[ConnectorError]
) -> None:
    request = await account.pay.render_action(ACTION)
    account.fake.next_answers(mishap, mishap)
    asked = {
        "carry_out": lambda: account.pay.carry_out(request, ACTION.key),
        "find_action": lambda: account.pay.find_action(request, ACTION.key, NOON),
    }
    with pytest.raises(error):
        await asked[call]()


async def test_an_answer_that_never_comes_leaves_it_open(account: Account) -> None:
    def never(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("late", request=request)

    connection = Connection(
        workspace="acme",
        name="pay",
        clock=account.clock,
        clients=lambda _: httpx.AsyncClient(transport=httpx.MockTransport(never)),
    )
    pay = stripe.connect(stripe.Settings(api_key=KEY, webhook_secret="whsec_1"), connection)
    with pytest.raises(TimedOut) as raised:
        await pay.carry_out(b"payment_intent=pi_1&amount=1", "k")
    assert raised.value.outcome_unknown


async def test_a_key_that_was_used_for_something_else_leaves_open_what_was_carried_out(account: Account) -> None:
    await account.refund()
    other = await account.pay.render_action(replace(ACTION, amount=Money(1300, "USD")))
    with pytest.raises(Collided):
        await account.pay.carry_out(other, ACTION.key)


# --- what is refused, in words ---


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"amount": Money(4151, "USD")}, "only $41.50 of this payment can still be refunded"),
        ({"amount": Money(0, "USD")}, "a refund needs an amount above zero"),
        ({"amount": Money(-1, "USD")}, "a refund needs an amount above zero"),
        ({"amount": Money(1200, "EUR")}, "the payment is in USD, and not in EUR"),
        ({"payment_references": ("pi_other",)}, "the payment pi_other is not known in this account"),
        ({"payment_references": ("ch_1x0",)}, "no money was taken with this payment, so nothing can be refunded"),
    ],
)
async def test_what_the_payment_does_not_allow_is_said_before_anything_is_sent(
    account: Account, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(Rejected) as raised:
        await account.pay.render_action(replace(ACTION, **change))
    assert (raised.value.detail, account.fake.refunds.all) == (words, [])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"refunded": 4150}, "the payment has already been refunded in full"),
        ({"disputed_at": NOON}, "the payment is disputed: the bank decides who gets the money"),
        ({"refunded": 4000}, "Refund amount ($12.00) is greater than unrefunded amount on charge ($1.50)"),
    ],
)
async def test_what_has_changed_since_is_refused_by_stripe_in_plain_words(
    account: Account, change: dict[str, Any], words: str
) -> None:
    request = await account.pay.render_action(ACTION)
    for name, value in change.items():
        setattr(account.intent, name, value)
    with pytest.raises(Rejected) as raised:
        await account.pay.carry_out(request, ACTION.key)
    assert raised.value.detail == words


async def test_nothing_left_is_said_before_anything_is_sent(account: Account) -> None:
    account.intent.refunded = 4150
    with pytest.raises(Rejected, match="already been refunded in full"):
        await account.pay.render_action(ACTION)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"error": null}', b'{"error": {"code": 7}}', b"\xff", b"[" * 5000]
)
async def test_a_refusal_that_cannot_be_read_is_a_refusal(account: Account, body: bytes) -> None:
    request = await account.pay.render_action(ACTION)
    account.fake.next_answers(Mishap(status=400, body=body))
    with pytest.raises(Rejected, match="400 POST /v1/refunds"):
        await account.pay.carry_out(request, ACTION.key)


async def test_a_restricted_key_says_which_permission_it_lacks_and_is_not_asked_for_a_while(account: Account) -> None:
    pay = account.connect(READ_KEY)
    assert pay.objection(ACTION) == ""
    with pytest.raises(Denied, match="give it the permission to write"):
        await pay.carry_out(await pay.render_action(ACTION), ACTION.key)
    assert "give it the permission to write" in pay.objection(ACTION)
    account.clock.advance(stripe.refunds.REMEMBERED_FOR)
    assert pay.objection(ACTION) == ""


@pytest.mark.parametrize("kind", [kind for kind in OrderActionKind if kind is not OrderActionKind.REFUND])
async def test_anything_but_a_refund_is_not_for_stripe(account: Account, kind: OrderActionKind) -> None:
    action = replace(ACTION, kind=kind)
    assert account.pay.objection(action) == "Stripe takes payments: it can give money back, and nothing else"
    with pytest.raises(Rejected):
        await account.pay.render_action(action)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"amount": None}, ""),
        ({"payment": "", "payment_references": ()}, "no payment in Stripe is known for this order"),
        ({"payment": "", "payment_references": ("pi_../../x", "gid")}, "no payment in Stripe is known for this order"),
        ({"items": (ActionItem("1", 1),)}, ""),
        (
            {"items": (ActionItem("1", 1),), "amount": None},
            "Stripe does not know the items of an order: the refund needs an amount",
        ),
    ],
)
async def test_what_it_has_against_a_refund(account: Account, change: dict[str, Any], words: str) -> None:
    assert account.pay.objection(replace(ACTION, **change)) == words
    assert not account.fake.calls


# --- what becomes of a refund ---


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("pending", "Stripe is on the way to refund $12.00"),
        ("requires_action", "Stripe waits for the customer to say where $12.00 should go"),
    ],
)
async def test_a_refund_that_is_not_done_is_asked_for_until_it_is(account: Account, status: str, text: str) -> None:
    account.fake.refunds.next_status = status
    made = await account.refund()
    assert (made.text, made.is_final) == (f"{text} ({made.id})", False)
    account.fake.refunds.settle(made.id, "succeeded")
    found = await account.find()
    assert (found.id, found.text, found.is_final) == (made.id, f"Refunded $12.00 ({made.id})", True)


async def test_a_refund_that_fails_later_came_to_nothing(account: Account) -> None:
    account.fake.refunds.next_status = "pending"
    made = await account.refund()
    account.fake.refunds.settle(made.id, "failed", "expired_or_canceled_card")
    with pytest.raises(CameToNothing) as raised:
        await account.find()
    assert raised.value.detail == (
        f"the refund of $12.00 failed: the card has expired or was cancelled. The money is still with you ({made.id})"
    )


async def test_a_refund_that_fails_at_once_came_to_nothing(account: Account) -> None:
    account.fake.refunds.next_status, account.fake.refunds.next_failure = "failed", "some_new_word"
    with pytest.raises(CameToNothing, match="some new word"):
        await account.refund()


async def test_a_refund_that_was_stopped_came_to_nothing(account: Account) -> None:
    account.fake.refunds.next_status = "requires_action"
    made = await account.refund()
    account.fake.refunds.settle(made.id, "canceled")
    with pytest.raises(CameToNothing, match="stopped in Stripe"):
        await account.find()


def test_a_refund_in_yen_has_no_cents() -> None:
    refund = wire.Refund(id="re_1", amount=1200, currency="jpy", status="succeeded")
    assert receipt(refund).text == "Refunded ¥1,200 (re_1)"


CURRENCIES = ("USD", "EUR", "JPY", "KRW", "ISK", "UGX", "HUF", "TWD", "JOD", "KWD", "XOF", "CLP")


@given(st.integers(1, 10**9), st.sampled_from(CURRENCIES))
def test_an_amount_comes_back_as_it_was_sent_or_is_not_sent(amount: int, currency: str) -> None:
    money = Money(amount, currency)
    try:
        minor = translate.minor(money)
    except ValueError:
        assert currency in ("JOD", "KWD", "CLP", "UGX", "ISK")
        return
    assert translate.amount(minor, currency, "amount") == money
