"""Answers that never arrive: what was done in Shopify is found again, and nothing is done twice."""

import json
from datetime import timedelta

import pytest

from connectors.contract import CameToNothing, Collided, Interrupted, Rejected, Throttled, Unavailable
from connectors.shopify import action_changes as changes
from connectors.shopify import action_refunds as refunds
from connectors.shopify import wire_actions as wire
from server.demo.fake import BROKEN, DOWN, Mishap
from tests.connectors.shopify.acting import KEY, NOON, order_at, usd

KINDS = [
    ("refund", {"amount": "5.00"}),
    ("cancel", {}),
    ("address_change", {}),
    ("hold", {}),
    ("release", {}),
    ("fraud_override", {}),
    ("compensation", {"amount": "5.00"}),
]


def prepared(office, kind, amount=None):
    if kind in ("release", "fraud_override"):
        office.order.held_at = NOON
        office.order.hold_reason = "high_risk_of_fraud" if kind == "fraud_override" else "inventory_out_of_stock"
    return office.action(kind, **({"amount": usd(amount)} if amount else {}))


def state(office):
    """Everything that an action may change."""
    order = office.order
    return (
        order.intent.refunded,
        order.cancelled_at,
        order.held_at,
        order.hold_reason,
        office.world.shopify.credit_of(order.customer.id),
        len(office.world.shopify.letters),
    )


async def found_in_the_end(office, request):
    """What `find_action` says once what was taken on is done."""
    receipt = await office.find(request)
    for _ in range(3):
        if receipt is None or receipt.is_final:
            return receipt
        receipt = await office.find(request)
    return receipt


@pytest.mark.parametrize(("kind", "facts"), KINDS)
async def test_a_lost_answer_is_found_again(office, kind, facts):
    request = await office.shop.render_action(prepared(office, kind, **facts))
    office.lose_the_next_answer()
    with pytest.raises(Interrupted) as lost:
        await office.shop.carry_out(request, KEY)
    assert lost.value.outcome_unknown
    if kind == "cancel":
        # The job goes on without anybody knowing its id: not to be seen at first.
        assert await office.find(request) is None
    receipt = await found_in_the_end(office, request)
    assert receipt is not None
    assert receipt.is_final


@pytest.mark.parametrize(("kind", "facts"), KINDS)
async def test_what_never_arrived_is_not_found(office, kind, facts):
    request = await office.shop.render_action(prepared(office, kind, **facts))
    before = state(office)
    assert await office.find(request) is None
    office.world.shopify.next_answers(DOWN)
    with pytest.raises(Unavailable) as error:
        await office.shop.carry_out(request, KEY)
    assert error.value.outcome_unknown
    assert await office.find(request) is None
    assert state(office) == before


@pytest.mark.parametrize(("kind", "facts"), KINDS)
async def test_a_repeat_of_the_same_bytes_has_one_effect(office, kind, facts):
    """Store credit has no key over there: it is found, and never sent again."""
    request = await office.shop.render_action(prepared(office, kind, **facts))
    office.lose_the_next_answer()
    with pytest.raises(Interrupted):
        await office.shop.carry_out(request, KEY)
    if kind == "cancel":
        await office.find(request)
    await found_in_the_end(office, request)
    once = state(office)
    if await found_in_the_end(office, request) is None:
        pytest.fail("it was carried out, and is not found")
    if kind != "compensation":
        try:
            await office.shop.carry_out(request, KEY)
        except Rejected:
            assert kind == "cancel"
    after = state(office)
    assert after[:5] == once[:5]


async def test_the_same_key_for_something_else_is_looked_up_before_anything_else(office):
    first = await office.shop.render_action(office.action(amount=usd("5.00")))
    second = await office.shop.render_action(office.action(amount=usd("6.00")))
    await office.shop.carry_out(first, KEY)
    with pytest.raises(Collided, match="idempotency key"):
        await office.shop.carry_out(second, KEY)
    assert office.order.intent.refunded == 500


async def test_a_refund_is_found_among_others(office):
    for number in range(4):
        await office.do(amount=usd("1.00"), key=f"other-{number}")
    request = await office.shop.render_action(office.action(amount=usd("1.00")))
    assert await office.find(request) is None
    await office.shop.carry_out(request, KEY)
    receipt = await office.find(request)
    assert receipt.text == f"Refunded $1.00 (refund {office.order.id * 100 + 55})"


async def test_a_new_desk_finds_what_an_old_one_sent(office):
    """A crash in between loses the job's id: the order itself tells."""
    from connectors import shopify
    from connectors.connection import Connection
    from server.demo.shopify import SECRET, TOKEN
    from server.demo.shopify_bodies import SHOP

    request = await office.shop.render_action(office.action("cancel"))
    await office.shop.carry_out(request, KEY)
    connection = Connection(
        workspace="acme",
        name="shop",
        base_url="http://shop.world.test",
        clock=office.clock,
        clients=office.world.clients,
    )
    after = shopify.connect(shopify.Settings(shop=SHOP, client_secret=SECRET, access_token=TOKEN), connection)
    assert await after.find_action(request, KEY, NOON) is None
    assert (await after.find_action(request, KEY, NOON)).is_final
    await after.close()


# --- store credit -----------------------------------------------------------------------------------------------------


async def test_an_earlier_credit_of_the_same_amount_is_not_ours(office):
    await office.do("compensation", amount=usd("5.00"), key="earlier")
    request = await office.shop.render_action(office.action("compensation", amount=usd("5.00")))
    assert await office.find(request) is None
    await office.shop.carry_out(request, KEY)
    assert (await office.find(request)).id == "601002"


async def test_a_credit_of_the_same_customer_for_another_amount_is_not_ours(office):
    request = await office.shop.render_action(office.action("compensation", amount=usd("5.00")))
    await office.do("compensation", amount=usd("4.99"), key="other")
    assert await office.find(request) is None


async def test_a_credit_long_before_the_try_is_not_ours(office):
    request = await office.shop.render_action(office.action("compensation", amount=usd("5.00")))
    await office.do("compensation", amount=usd("5.00"), key="by-hand")
    office.clock.advance(timedelta(hours=2))
    assert await office.find(request, since=office.clock()) is None


async def test_too_many_movements_leave_it_open(office):
    request = await office.shop.render_action(office.action("compensation", amount=usd("5.00")))
    for number in range(21):
        await office.do("compensation", amount=usd("1.00"), key=f"n{number}")
    with pytest.raises(Exception, match="too many movements"):
        await office.find(request)


def test_a_credit_from_a_refund_is_not_ours():
    movement = {"id": "gid://shopify/StoreCreditAccountCreditTransaction/1", "createdAt": NOON.isoformat()}
    customer = {
        "id": "gid://shopify/Customer/1",
        "storeCreditAccounts": {
            "nodes": [
                {
                    "id": "a",
                    "balance": {"amount": "5.00", "currencyCode": "USD"},
                    "transactions": {
                        "nodes": [
                            {**movement, "event": "ORDER_REFUND", "amount": {"amount": "5.00", "currencyCode": "USD"}}
                        ]
                    },
                }
            ]
        },
    }
    import msgspec

    read = msgspec.convert(customer, wire.CreditedCustomer)
    variables = {"credit": {"creditAmount": {"amount": "5.00", "currencyCode": "USD"}}}
    assert changes.find_credit(read, variables, "none", NOON) is None


# --- what others do meanwhile -----------------------------------------------------------------------------------------


async def test_an_address_that_somebody_else_changed_is_left_alone(office):
    request = await office.shop.render_action(office.action("address_change"))
    other = office.action("address_change").address
    await office.do("address_change", key="k2", address=type(other)(address1="1 Oak", city="Reno", country="US"))
    with pytest.raises(CameToNothing, match="neither to the old address nor to the new"):
        await office.find(request)


async def test_a_refund_whose_payment_failed_came_to_nothing():
    failed = [wire.RefundTransaction(status="FAILURE", error_code="EXPIRED_CARD")]
    refund = wire.Refund(id="gid://shopify/Refund/7", transactions=wire.Nodes(nodes=failed))
    with pytest.raises(CameToNothing, match="still with you"):
        refunds.receipt(refund)


def test_a_refund_that_waits_is_not_final():
    waiting = [wire.RefundTransaction(status="PENDING")]
    receipt = refunds.receipt(wire.Refund(id="gid://shopify/Refund/7", transactions=wire.Nodes(nodes=waiting)))
    assert (receipt.is_final, "on the way" in receipt.text) == (False, True)


# --- trouble ----------------------------------------------------------------------------------------------------------


async def test_throttled_is_surely_not_carried_out(office):
    request = await office.shop.render_action(office.action(amount=usd("5.00")))
    office.world.shopify.spend_budget()
    with pytest.raises(Throttled) as error:
        await office.shop.carry_out(request, KEY)
    assert (error.value.outcome_unknown, error.value.retry_after >= 1) == (False, True)
    assert office.order.intent.refunded == 0
    office.clock.advance(timedelta(seconds=30))
    await office.shop.carry_out(request, KEY)
    assert office.order.intent.refunded == 500


@pytest.mark.parametrize(
    ("answer", "error", "is_unknown"),
    [
        (BROKEN, Unavailable, True),
        (
            Mishap(status=200, body=b'{"errors":[{"message":"x","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}'),
            Unavailable,
            True,
        ),
        (
            Mishap(
                status=200,
                body=json.dumps(
                    {
                        "data": {"refundCreate": {"refund": None, "userErrors": []}},
                        "errors": [
                            {
                                "message": "Access denied for transactions field.",
                                "path": ["refundCreate", "refund", "transactions"],
                                "extensions": {"code": "ACCESS_DENIED"},
                            }
                        ],
                    }
                ).encode(),
            ),
            Unavailable,
            True,
        ),
        (Mishap(status=200, body=b'{"errors":"Not Found"}'), Rejected, False),
        (
            Mishap(
                status=200,
                body=b'{"data":{"refundCreate":{"refund":null,"userErrors":[{"message":"Nope.\\n<b>","field":null}]}}}',
            ),
            Rejected,
            False,
        ),
    ],
)
async def test_trouble_says_whether_it_may_have_happened(office, answer, error, is_unknown):
    request = await office.shop.render_action(office.action(amount=usd("5.00")))
    office.world.shopify.next_answers(answer)
    with pytest.raises(error) as raised:
        await office.shop.carry_out(request, KEY)
    assert raised.value.outcome_unknown is is_unknown
    assert "\n" not in raised.value.detail


async def test_an_answer_that_says_nothing_is_not_taken_for_done(office):
    request = await office.shop.render_action(office.action(amount=usd("5.00")))
    empty = b'{"data":{"refundCreate":{"refund":null,"userErrors":[]}}}'
    office.world.shopify.next_answers(Mishap(status=200, body=empty))
    with pytest.raises(Exception, match="does not say what became of it"):
        await office.shop.carry_out(request, KEY)


async def test_orders_of_one_shop_are_kept_apart(office):
    other = order_at(NOON, 48302)
    office.world.add(other)
    await office.do(amount=usd("5.00"))
    assert (office.order.intent.refunded, other.intent.refunded) == (500, 0)
