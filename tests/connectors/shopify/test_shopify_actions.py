"""What is done in Shopify to one order, for each kind of action, over a strict stand-in with the vendor's schema."""

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.contract import ActionDesk, CameToNothing, Rejected
from connectors.money import Money
from connectors.order_actions import ActionItem, Address
from connectors.shopify import wire_actions as wire
from connectors.shopify.action_refunds import refund_input
from connectors.shopify.wire_graphql import Money as WireMoney
from connectors.shopify.wire_graphql import MoneyBag
from tests.connectors.shopify.acting import ADDRESS, KEY, usd


def line(office):
    return str(office.order.items[0].id)


async def input_of(office, **facts):
    request = await office.shop.render_action(office.action(**facts))
    return json.loads(request)["variables"]["input"]


def test_a_shop_is_a_desk(office):
    assert isinstance(office.shop, ActionDesk)


# --- refunds ----------------------------------------------------------------------------------------------------------


async def test_a_refund_of_everything_takes_the_items_along(office):
    receipt = await office.do()
    assert (receipt.text.partition(" (")[0], receipt.is_final) == ("Refunded $41.50", True)
    assert (office.order.intent.refunded, office.order.financial_status) == (4150, "refunded")
    seen = await office.shop.read_order(str(office.order.id))
    assert seen.order.line_items[0].refundable == 0
    assert [payment.refunded for payment in seen.payments] == [usd("41.50")]
    assert office.topics == ["refunds/create", "orders/updated"]


async def test_a_refund_by_amount_leaves_the_items_alone(office):
    receipt = await office.do(amount=usd("12.34"))
    assert receipt.text.startswith("Refunded $12.34")
    assert office.order.intent.refunded == 1234
    seen = await office.shop.read_order(str(office.order.id))
    assert seen.order.line_items[0].refundable == 2


async def test_a_refund_by_item_costs_what_the_shop_reckons(office):
    receipt = await office.do(items=(ActionItem(line(office), 1),))
    assert receipt.text.startswith("Refunded $20.75")
    assert (await office.shop.read_order(str(office.order.id))).order.line_items[0].refundable == 1


async def test_a_refund_by_item_moves_the_amount_that_was_agreed_on(office):
    await office.do(items=(ActionItem(line(office), 2),), amount=usd("30.00"))
    assert office.order.intent.refunded == 3000


async def test_the_payment_may_be_named_in_any_spelling(office):
    seen = await office.shop.read_order(str(office.order.id))
    (payment,) = seen.payments
    for number, name in enumerate((payment.id, *payment.references)):
        await office.do(amount=usd("1.00"), key=f"k-{number}", payment=payment.id, payment_references=(name,))
    assert office.order.intent.refunded == 100 * (1 + len(payment.references))


async def test_another_payment_is_not_refunded_from_this_one(office):
    with pytest.raises(Rejected, match="nothing is left"):
        await office.do(amount=usd("1.00"), payment="shopify:17")
    assert "does not keep" in office.shop.objection(office.action(payment="stripe:pi_other", amount=usd("1.00")))


@pytest.mark.parametrize(
    ("is_sent", "restock", "kind", "place"),
    [
        (False, False, "NO_RESTOCK", None),
        (False, True, "CANCEL", "gid://shopify/Location/61"),
        (True, True, "RETURN", "gid://shopify/Location/61"),
    ],
)
async def test_stock_is_taken_back_as_far_as_it_was_sent(office, is_sent, restock, kind, place):
    if is_sent:
        office.ship()
    (found,) = (await input_of(office, items=(ActionItem(line(office), 1),), restock=restock))["refundLineItems"]
    assert (found["restockType"], found.get("locationId")) == (kind, place)


async def test_restocking_needs_to_know_what(office):
    with pytest.raises(Rejected, match="choose which"):
        await office.do(amount=usd("5.00"), restock=True)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"amount": usd("41.51")}, r"only \$41\.50 can still be refunded"),
        ({"amount": usd("0.00")}, "above zero"),
        ({"amount": Money(-100, "USD")}, "above zero"),
        ({"amount": Money(100, "EUR")}, "in USD, and not in EUR"),
        ({"items": (ActionItem("58200000483011", 3),)}, "only 2 of Enamel mug"),
        ({"items": (ActionItem("58200000483011", 2), ActionItem("58200000483011", 1))}, "only 2 of Enamel mug"),
        ({"items": (ActionItem("58200000483011", 0),)}, "at least 1"),
        ({"items": (ActionItem("99", 1),)}, "not part of this order"),
        ({"items": (ActionItem('1"} evil', 1),)}, "not an id"),
        ({"order_id": "1 OR 1=1"}, "not an id"),
    ],
)
async def test_a_refund_that_the_order_does_not_allow_is_never_sent(office, facts, why):
    assert line(office) == "58200000483011"
    with pytest.raises(Rejected, match=why):
        await office.do(**facts)
    assert (office.mutations, office.order.intent.refunded) == (0, 0)


async def test_nothing_is_refunded_twice_over(office):
    await office.do()
    with pytest.raises(Rejected, match="nothing is left"):
        await office.do(key="another-key")


async def test_a_refund_that_became_too_much_meanwhile_is_refused_in_the_shops_words(office):
    request = await office.shop.render_action(office.action(amount=usd("40.00")))
    office.order.intent.refunded = 2000
    with pytest.raises(Rejected, match="maximum refundable"):
        await office.shop.carry_out(request, KEY)
    assert office.order.intent.refunded == 2000


def _bag(minor, currency="USD"):
    return MoneyBag(shop_money=WireMoney(amount=Money(minor, currency).decimal, currency_code=currency))


def _suggested(*lefts, currency="USD"):
    every = [
        wire.SuggestedTransaction(
            gateway=f"g{n}",
            maximum_refundable_set=_bag(left, currency),
            parent_transaction=wire.ParentTransaction(id=f"gid://shopify/OrderTransaction/{n + 1}"),
        )
        for n, left in enumerate(lefts)
    ]
    suggested = wire.SuggestedRefund(
        amount_set=_bag(0, currency), maximum_refundable_set=_bag(sum(lefts), currency), suggested_transactions=every
    )
    return wire.RefundableOrder(
        id="gid://shopify/Order/1",
        currency_code=currency,
        presentment_currency_code=currency,
        suggested_refund=suggested,
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lefts=st.lists(st.integers(0, 10**9), min_size=1, max_size=4),
    amount=st.integers(-5, 10**9 * 4),
    currency=st.sampled_from(["USD", "JPY", "KWD"]),
)
def test_an_amount_is_spread_exactly_and_no_payment_gives_more_than_it_has(office, lefts, amount, currency):
    action = office.action(amount=Money(amount, currency))
    if not 0 < amount <= sum(lefts):
        with pytest.raises(Rejected):
            refund_input(_suggested(*lefts, currency=currency), action)
        return
    made = refund_input(_suggested(*lefts, currency=currency), action)
    parts = {
        int(each["parentId"].rsplit("/", 1)[1]) - 1: Money.parse(each["amount"], currency)
        for each in made["transactions"]
    }
    assert sum(part.amount for part in parts.values()) == amount
    assert all(0 < part.amount <= lefts[n] for n, part in parts.items())
    assert "refundLineItems" not in made


def test_an_order_paid_in_another_currency_is_left_to_people(office):
    order = _suggested(1000)
    order.presentment_currency_code = "EUR"
    with pytest.raises(Rejected, match="paid in EUR, and the shop reckons in USD"):
        refund_input(order, office.action(amount=usd("1.00")))


# --- cancellations ----------------------------------------------------------------------------------------------------


async def test_a_cancellation_is_on_its_way_until_the_job_is_done(office):
    request = await office.shop.render_action(office.action("cancel"))
    taken_on = await office.shop.carry_out(request, KEY)
    assert (taken_on.is_final, taken_on.text) == (False, "Shopify is on the way to cancel the order")
    waits = await office.find(request)
    assert (waits.is_final, office.order.cancelled_at) == (False, None)
    done = await office.find(request)
    assert (done.is_final, done.at) == (True, office.clock())
    assert "no payment was refunded" in done.text
    assert (office.order.intent.refunded, office.topics) == (0, ["orders/cancelled"])


async def test_a_cancellation_with_an_amount_gives_back_all_that_is_left(office):
    request = await office.shop.render_action(office.action("cancel", amount=usd("41.50")))
    await office.shop.carry_out(request, KEY)
    receipt = [await office.find(request) for _ in range(3)][-1]
    assert "goes back to the customer" in receipt.text
    assert office.order.intent.refunded == 4150
    with pytest.raises(Rejected, match="already cancelled"):
        await office.do("cancel", key="again")


async def test_a_cancellation_gives_back_all_or_nothing(office):
    with pytest.raises(Rejected, match=r"all that is left, which is \$41\.50 and not \$5\.00"):
        await office.do("cancel", amount=usd("5.00"))


async def test_what_was_shipped_is_not_cancelled(office):
    office.ship()
    with pytest.raises(Rejected, match="already been fulfilled"):
        await office.do("cancel")


async def test_a_cancellation_that_was_shipped_meanwhile_is_refused_in_the_shops_words(office):
    request = await office.shop.render_action(office.action("cancel"))
    office.ship()
    with pytest.raises(Rejected, match="has fulfillments"):
        await office.shop.carry_out(request, KEY)


async def test_a_cancellation_by_somebody_else_is_not_ours(office):
    request = await office.shop.render_action(office.action("cancel"))
    office.order.cancelled_at = office.clock()
    with pytest.raises(CameToNothing, match="somebody else"):
        await office.find(request)


async def test_a_cancel_job_that_failed_says_so():
    from connectors.shopify.action_changes import cancelling

    job = wire.CancelJob(
        id="gid://shopify/OrderCancelJobResult/1",
        done=True,
        status="FAILED",
        errors=[wire.Problem(message="Payment could not be voided.")],
    )
    with pytest.raises(CameToNothing, match="Payment could not be voided"):
        cancelling(job, {"id": "gid://shopify/Order/1"})


# --- addresses --------------------------------------------------------------------------------------------------------


async def test_an_order_goes_elsewhere(office):
    receipt = await office.do("address_change")
    assert receipt.text.startswith("The shipping address was changed")
    seen = await office.shop.read_order(str(office.order.id))
    assert str(seen.order.destination) == "Boulder, CO, US"
    assert office.topics == ["orders/updated"]
    with pytest.raises(Rejected, match="already goes to this address"):
        await office.do("address_change", key="again")


async def test_a_name_that_nobody_changed_stays(office):
    request = await office.shop.render_action(
        office.action("address_change", address=Address(address1="9 Elm Street", city="Boulder", country="us"))
    )
    address = json.loads(request)["variables"]["input"]["shippingAddress"]
    assert (address["firstName"], address["lastName"], address["countryCode"]) == ("Nora", "Quinn", "US")


@pytest.mark.parametrize(
    ("address", "why"),
    [
        (None, "a street, a town"),
        (Address(address1="  ", city="X", country="US"), "a street, a town"),
        (Address(address1="9 Elm", city="X", country="Narnia"), "two letters"),
    ],
)
async def test_an_address_that_is_none_is_refused(office, address, why):
    with pytest.raises(Rejected, match=why):
        await office.do("address_change", address=address)


async def test_what_was_sent_keeps_its_address(office):
    office.ship()
    with pytest.raises(Rejected, match="already been fulfilled"):
        await office.do("address_change")


async def test_a_warehouse_at_work_is_to_be_told_as_well(office):
    office.order.picking_at = office.clock()
    assert "tell it too" in (await office.do("address_change")).text


# --- holds ------------------------------------------------------------------------------------------------------------


async def test_an_order_is_held_and_let_go(office):
    assert (await office.do("hold")).text.startswith("On hold in Shopify")
    seen = await office.shop.read_order(str(office.order.id))
    assert [(hold.reason, hold.text) for hold in seen.order.holds] == [("other", "arrived broken")]
    assert (await office.do("release", key="k2")).text == "Released in Shopify: the order goes on"
    assert office.order.held_at is None
    assert office.topics == ["fulfillment_orders/placed_on_hold", "fulfillment_orders/hold_released"]
    with pytest.raises(Rejected, match="not on hold"):
        await office.do("release", key="k3")


async def test_what_is_being_picked_or_was_sent_is_not_held(office):
    office.order.picking_at = office.clock()
    with pytest.raises(Rejected, match="can be put on hold"):
        await office.do("hold")
    office.ship()
    with pytest.raises(Rejected, match="can be put on hold"):
        await office.do("hold")


async def test_a_fraud_hold_is_only_let_go_by_an_override(office):
    office.order.held_at, office.order.hold_reason = office.clock(), "high_risk_of_fraud"
    with pytest.raises(Rejected, match="ask for an override of the fraud review"):
        await office.do("release")
    assert "at the merchant's own risk" in (await office.do("fraud_override", key="k2")).text
    assert office.order.held_at is None


async def test_an_override_leaves_other_holds_and_a_release_the_fraud_hold(office):
    office.order.held_at, office.order.hold_reason = office.clock(), "high_risk_of_fraud"
    await office.do("hold")
    await office.do("release", key="k2")
    assert (office.order.held_at, office.order.hold_reason) == (office.clock(), "high_risk_of_fraud")
    await office.do("hold", key="k3")
    await office.do("fraud_override", key="k4")
    assert (office.order.held_at, office.order.hold_reason) == (office.clock(), "other")
    with pytest.raises(Rejected, match="no fraud check"):
        await office.do("fraud_override", key="k5")


async def test_a_hold_placed_after_people_looked_stays(office):
    await office.do("hold")
    request = await office.shop.render_action(office.action("release", key="k2"))
    await office.do("hold", key="k3")
    await office.shop.carry_out(request, "k2")
    assert office.order.held_at is not None


# --- store credit -----------------------------------------------------------------------------------------------------


async def test_a_customer_gets_store_credit(office):
    receipt = await office.do("compensation", amount=usd("5.00"))
    assert receipt.text.startswith("Store credit of $5.00 was given")
    assert office.world.shopify.credit_of(601) == 5
    later = await office.do("compensation", amount=usd("2.00"), key="k2")
    assert (receipt.id != later.id, office.world.shopify.credit_of(601)) == (True, 7)


async def test_store_credit_that_the_shop_refuses_says_why(office):
    with pytest.raises(Rejected, match="currency provided is not currently supported"):
        await office.do("compensation", amount=Money(500, "EUR"))
    with pytest.raises(Rejected, match="above zero"):
        await office.do("compensation", amount=usd("0"))
    with pytest.raises(Rejected, match="not there any more"):
        await office.do("compensation", amount=usd("5.00"), customer="17")


# --- what people write ------------------------------------------------------------------------------------------------

NASTY = 'x"}) { shop { name } } #\n\r\u2028<script>alert(1)</script> [beforehand-other] \x00' + "y" * 2000


@pytest.mark.parametrize("kind", ["refund", "cancel", "hold"])
async def test_a_reason_is_text_and_never_a_query(office, kind):
    request = await office.shop.render_action(office.action(kind, reason=NASTY))
    plain = await office.shop.render_action(office.action(kind, reason="x"))
    assert json.loads(request)["query"] == json.loads(plain)["query"]
    await office.shop.carry_out(request, KEY)
    assert await office.find(request) is not None


async def test_a_reason_cannot_claim_another_request(office):
    other = "beforehand-other"
    await office.do(amount=usd("1.00"), reason=f"because [{other}]")
    unsent = await office.shop.render_action(office.action(amount=usd("2.00"), key=other))
    assert await office.find(unsent, other) is None


async def test_a_note_fits_whatever_the_reason(office):
    found = await input_of(office, amount=usd("1.00"), reason="é" * 4000)
    assert (len(found["note"]) <= 255, found["note"].endswith(f"[{KEY}]")) == (True, True)


async def test_the_bytes_are_what_is_sent(office):
    request = await office.shop.render_action(office.action("address_change", address=ADDRESS))
    await office.shop.carry_out(request, KEY)
    assert office.world.shopify.calls[-1].body == request


async def test_time_does_not_change_the_bytes(office):
    first = await office.shop.render_action(office.action(amount=usd("1.00")))
    office.clock.advance(timedelta(hours=3))
    assert await office.shop.render_action(office.action(amount=usd("1.00"))) == first
