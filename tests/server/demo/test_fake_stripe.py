"""The simulated Stripe: its objects, its refusals, and a signature that Stripe's own library accepts."""

import json
from datetime import timedelta

import pytest
import stripe

from server.demo.stripe import KEY, SECRET, charge_body, dispute_body, intent_body

AUTH = {"authorization": f"Bearer {KEY}"}


@pytest.fixture
def order(world, new_order):
    order = new_order(declines=["insufficient_funds", ""])
    world.clock.advance(timedelta(minutes=2))
    return order


async def ask(client, path, **params):
    answer = await client.get(f"http://payments.world.test{path}", params=params, headers=AUTH)
    return answer.status_code, answer.json()


async def test_a_payment_is_read_with_its_latest_charge_when_asked_to_expand(client, order):
    _, plain = await ask(client, f"/v1/payment_intents/{order.intent.id}")
    _, expanded = await ask(client, f"/v1/payment_intents/{order.intent.id}", **{"expand[]": "latest_charge"})
    last = order.intent.attempts[-1].charge_id
    assert (plain["status"], plain["latest_charge"]) == ("succeeded", last)
    assert (expanded["latest_charge"]["id"], expanded["latest_charge"]["paid"]) == (last, True)


async def test_a_declined_charge_says_why(client, order):
    first = order.intent.attempts[0].charge_id
    _, found = await ask(client, f"/v1/charges/{first}")
    assert (found["status"], found["failure_code"], found["outcome"]["reason"]) == (
        "failed",
        "card_declined",
        "insufficient_funds",
    )


async def test_search_finds_by_order_a_minute_late(client, world, new_order):
    order = new_order()
    query = f"metadata['order_id']:'{order.id}'"
    _, early = await ask(client, "/v1/payment_intents/search", query=query)
    world.clock.advance(timedelta(minutes=1))
    _, late = await ask(client, "/v1/payment_intents/search", query=query)
    assert (early["data"], [found["id"] for found in late["data"]]) == ([], [order.intent.id])


async def test_search_for_another_order_finds_nothing(client, order):
    _, found = await ask(client, "/v1/payment_intents/search", query="metadata['order_id']:'1'")
    assert found["data"] == []


@pytest.mark.parametrize(
    ("path", "params", "expected"),
    [
        ("/v1/payment_intents/pi_unknown", {}, (404, "resource_missing")),
        ("/v1/charges/ch_unknown", {}, (404, "resource_missing")),
        ("/v1/account", {"order": "1"}, (400, "parameter_unknown")),
        ("/v1/payment_intents/search", {"query": "order 1"}, (400, None)),
    ],
)
async def test_what_stripe_refuses(client, order, path, params, expected):
    status, body = await ask(client, path, **params)
    assert (status, body["error"].get("code")) == expected


async def test_a_wrong_key_is_refused(client):
    answer = await client.get("http://payments.world.test/v1/account", headers={"authorization": "Bearer sk_other"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (401, "Invalid API Key provided")


def test_stripes_own_library_accepts_our_signature(world, order, real_time):
    letter = world.stripe.letters_of(order, order.intent.attempts[-1])[1]
    event = stripe.Webhook.construct_event(letter.body, letter.headers["stripe-signature"], SECRET)
    assert (event["type"], event["data"]["object"]["id"]) == ("payment_intent.succeeded", order.intent.id)


def test_stripes_own_library_refuses_it_with_another_secret(world, order, real_time):
    letter = world.stripe.letters_of(order, order.intent.attempts[-1])[1]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(letter.body, letter.headers["stripe-signature"], "whsec_other")


async def test_a_dispute_is_found_by_its_payment(client, world, order):
    _, none = await ask(client, "/v1/disputes", payment_intent=order.intent.id)
    order.intent.disputed_at, order.intent.dispute_reason = world.clock(), "fraudulent"
    _, found = await ask(client, "/v1/disputes", payment_intent=order.intent.id)
    _, other = await ask(client, "/v1/disputes", payment_intent="pi_other")
    assert (none["data"], other["data"]) == ([], [])
    (dispute,) = found["data"]
    assert (dispute["reason"], dispute["evidence_details"]["due_by"] - dispute["created"]) == ("fraudulent", 9 * 86400)
    assert charge_body(order, order.intent.attempts[-1])["disputed"]


@pytest.mark.parametrize("kind", ["payment_intent", "charge", "dispute"])
def test_objects_have_only_fields_that_stripes_have(specs, world, order, kind):
    order.intent.disputed_at = world.clock()
    known = json.loads((specs / "stripe/fixtures3.json").read_text())["resources"][kind]
    ours = {
        "payment_intent": lambda: intent_body(order),
        "charge": lambda: charge_body(order, order.intent.attempts[-1]),
        "dispute": lambda: dispute_body(order),
    }[kind]()
    assert sorted(set(ours) - set(known)) == []
