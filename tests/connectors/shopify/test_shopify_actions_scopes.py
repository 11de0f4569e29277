"""What we may not do in Shopify is said in words, before anything is sent where that is known."""

from datetime import timedelta

import pytest

from connectors.contract import Denied, Rejected
from connectors.shopify.action_words import request_of
from tests.connectors.shopify.acting import KEY, denied, usd

ALL = ["refund", "cancel", "address_change", "hold", "release", "fraud_override", "compensation"]


def test_what_shopify_cannot_do_is_record_only(office):
    assert "create the replacement there by hand" in office.shop.objection(office.action("reship"))
    assert "only a person" in office.shop.objection(office.action("other"))


async def test_what_shopify_cannot_do_is_not_rendered(office):
    with pytest.raises(Rejected, match="by hand"):
        await office.shop.render_action(office.action("reship"))


def test_store_credit_needs_a_customer_and_an_amount(office):
    assert "no customer" in office.shop.objection(office.action("compensation", customer="", amount=usd("1.00")))
    assert "needs an amount" in office.shop.objection(office.action("compensation"))
    assert office.shop.objection(office.action("compensation", amount=usd("1.00"))) == ""


@pytest.mark.parametrize("kind", ALL)
async def test_without_a_token_nothing_is_tried(world, kind, office):
    shop = world.connect(access_token="")
    action = office.action(kind, amount=usd("1.00"))
    assert "no access_token" in shop.objection(action)
    with pytest.raises(Denied, match="no access_token"):
        await shop.render_action(action)
    with pytest.raises(Denied, match="no access_token"):
        await shop.carry_out(b'{"query":"","operationName":"RefundOrder","variables":{}}', KEY)
    assert world.requests == []


@pytest.mark.parametrize(
    ("kind", "scope"),
    [
        ("refund", "write_orders"),
        ("cancel", "write_orders"),
        ("address_change", "write_orders"),
        ("hold", "write_merchant_managed_fulfillment_orders"),
        ("compensation", "write_store_credit_account_transactions"),
        ("compensation", "read_store_credit_accounts"),
    ],
)
async def test_a_missing_scope_is_found_out_by_a_look(office, kind, scope):
    office.world.shopify.scopes.discard(scope)
    action = office.action(kind, amount=usd("1.00"))
    assert office.shop.objection(action) == ""
    with pytest.raises(Denied, match=scope):
        await office.shop.render_action(action)
    assert scope in office.shop.objection(action)
    assert office.mutations == 0


async def test_what_an_admin_grants_later_is_noticed(office):
    office.world.shopify.scopes.discard("write_orders")
    action = office.action(amount=usd("1.00"))
    with pytest.raises(Denied):
        await office.shop.render_action(action)
    office.world.shopify.scopes.add("write_orders")
    assert office.shop.objection(action) != ""
    office.clock.advance(timedelta(hours=1))
    assert office.shop.objection(action) == ""
    await office.do(amount=usd("1.00"))


async def test_doctor_teaches_the_desk(office):
    office.world.shopify.scopes.discard("write_orders")
    assert "people carry out by hand what needs write_orders" in await office.shop.check()
    assert "write_orders" in office.shop.objection(office.action())
    assert office.shop.objection(office.action("hold")) == ""


async def test_any_kind_of_location_will_do_for_holds(office):
    office.world.shopify.scopes -= {"write_merchant_managed_fulfillment_orders"}
    office.world.shopify.scopes |= {"write_third_party_fulfillment_orders"}
    await office.shop.check()
    assert office.shop.objection(office.action("hold")) == ""


async def test_a_mutation_that_is_refused_is_remembered(world, office):
    shop = world.connect()
    request = await office.shop.render_action(office.action(amount=usd("1.00")))
    world.answers = [denied("refundCreate")]
    with pytest.raises(Denied, match="access scope write_orders") as error:
        await shop.carry_out(request, KEY)
    assert (error.value.outcome_unknown, error.value.status) == (False, None)
    assert "write_orders" in shop.objection(office.action())
    world.clock.now += timedelta(hours=1)
    assert shop.objection(office.action()) == ""


@pytest.mark.parametrize("stored", [b"", b"{}", b"\xff", b'{"query":"","operationName":"Drop","variables":{}}'])
async def test_what_is_none_of_our_requests_is_never_sent(office, stored):
    with pytest.raises(Rejected, match="none of ours"):
        await office.shop.carry_out(stored, KEY)
    assert len(office.world.shopify.calls) == 0


async def test_an_order_that_is_gone_is_missing(office):
    with pytest.raises(Exception, match="there is no order"):
        await office.shop.render_action(office.action(order_id="99"))


async def test_a_request_says_what_it_is(office):
    request = request_of(await office.shop.render_action(office.action("hold")))
    assert request.operation_name == "HoldOrder"
