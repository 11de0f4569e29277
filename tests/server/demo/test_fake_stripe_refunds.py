"""The simulated Stripe gives money back as strictly as the real one; Stripe's own library is the judge."""

import json

import pytest
import stripe

from server.demo.stripe import KEY, READ_KEY


class InWorld(stripe.HTTPClient):
    """Stripe's library, with its requests answered by the world."""

    name = "world"

    def __init__(self, client):
        super().__init__()
        self._client = client

    async def request_async(self, method, url, headers, post_data=None):
        address = url.replace("https://api.stripe.com", "http://payments.world.test")
        answer = await self._client.request(method.upper(), address, headers=headers, content=post_data)
        return answer.content, answer.status_code, dict(answer.headers)

    async def sleep_async(self, seconds):
        raise AssertionError("it would be tried again")

    async def close_async(self):
        pass


@pytest.fixture
def library(client):
    return stripe.StripeClient(KEY, http_client=InWorld(client), max_network_retries=0)


@pytest.fixture
def order(new_order):
    """$41.50, paid at the second try."""
    return new_order(declines=["insufficient_funds", ""])


def params(order, amount=1200, **more):
    return {"payment_intent": order.intent.id, "amount": amount, "metadata": {"beforehand_request": "k1"}, **more}


async def make(library, params, key="k1"):
    return await library.v1.refunds.create_async(params, {"idempotency_key": key})


async def test_a_refund_is_made_and_found(library, order):
    refund = await make(library, params(order, reason="requested_by_customer"))
    assert (refund.status, refund.amount, refund.charge, refund.payment_intent) == (
        "succeeded",
        1200,
        order.intent.attempts[-1].charge_id,
        order.intent.id,
    )
    found = await library.v1.refunds.list_async({"payment_intent": order.intent.id})
    assert [(each.id, each.metadata["beforehand_request"]) for each in found.data] == [(refund.id, "k1")]


async def test_a_refund_shows_in_the_payment(library, order):
    refund = await make(library, params(order))
    intent = await library.v1.payment_intents.retrieve_async(
        order.intent.id, {"expand": ["latest_charge", "latest_charge.refunds"]}
    )
    charge = intent.latest_charge
    assert (charge.amount_refunded, charge.refunded, [each.id for each in charge.refunds.data]) == (
        1200,
        False,
        [refund.id],
    )


async def test_the_same_key_gives_the_same_answer_and_no_second_refund(library, world, order):
    first, second = await make(library, params(order)), await make(library, params(order))
    assert (first.id, first.last_response.headers.get("idempotent-replayed")) == (second.id, None)
    assert second.last_response.headers["idempotent-replayed"] == "true"
    assert (len(world.stripe.refunds.all), order.intent.refunded) == (1, 1200)


async def test_the_same_key_with_other_parameters_is_an_idempotency_error(library, world, order):
    await make(library, params(order))
    with pytest.raises(stripe.IdempotencyError) as raised:
        await make(library, params(order, amount=1300))
    assert raised.value.http_status == 400
    assert len(world.stripe.refunds.all) == 1


async def test_two_keys_are_two_refunds(library, order):
    await make(library, params(order), "k1")
    await make(library, params(order), "k2")
    assert order.intent.refunded == 2400


async def test_a_refusal_is_answered_again_though_it_would_go_through_by_now(library, order):
    order.intent.refunded = order.intent.amount
    with pytest.raises(stripe.InvalidRequestError):
        await make(library, params(order))
    order.intent.refunded = 0
    with pytest.raises(stripe.InvalidRequestError):
        await make(library, params(order))
    assert order.intent.refunded == 0


async def test_a_request_that_was_never_begun_leaves_its_key_free(library, order):
    with pytest.raises(stripe.InvalidRequestError):
        await make(library, params(order, colour="red"))
    assert (await make(library, params(order))).status == "succeeded"


async def test_without_an_amount_all_that_is_left_goes_back(library, order):
    await make(library, params(order), "k1")
    rest = params(order)
    del rest["amount"]
    assert (await make(library, rest, "k2")).amount == 2950


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"amount": 4151}, None, "amount"),
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": -5}, "parameter_invalid_integer", "amount"),
        ({"amount": "12.00"}, "parameter_invalid_integer", "amount"),
        ({"reason": "because"}, None, None),
        ({"order": "1"}, "parameter_unknown", "order"),
        ({"payment_intent": "pi_other"}, "resource_missing", "payment_intent"),
        ({"charge": "ch_1"}, None, None),
    ],
)
async def test_what_stripe_refuses(library, order, change, code, param):
    with pytest.raises(stripe.InvalidRequestError) as raised:
        await make(library, {**params(order), **change})
    assert (raised.value.code, raised.value.param) == (code, param)
    assert order.intent.refunded == 0


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        (lambda order, now: setattr(order.intent, "refunded", order.intent.amount), "charge_already_refunded"),
        (lambda order, now: setattr(order.intent, "disputed_at", now), "charge_disputed"),
        (lambda order, now: order.intent.attempts.pop(), None),
        (lambda order, now: order.intent.attempts.clear(), None),
    ],
)
async def test_a_payment_that_holds_no_money_refunds_none(library, world, order, prepare, code):
    prepare(order, world.clock())
    with pytest.raises(stripe.InvalidRequestError) as raised:
        await make(library, params(order))
    assert raised.value.code == code


async def test_a_restricted_key_may_look_and_not_refund(client, order):
    library = stripe.StripeClient(READ_KEY, http_client=InWorld(client), max_network_retries=0)
    assert (await library.v1.refunds.list_async({"payment_intent": order.intent.id})).data == []
    with pytest.raises(stripe.PermissionError):
        await make(library, params(order))


async def test_a_body_of_json_is_refused(client, order):
    headers = {"authorization": f"Bearer {KEY}"}
    answer = await client.post("http://payments.world.test/v1/refunds", json=params(order), headers=headers)
    assert answer.status_code == 400


async def test_refunds_come_in_pages(library, order):
    for number in range(5):
        await make(library, params(order, amount=100), f"k{number}")
    first = await library.v1.refunds.list_async({"charge": order.intent.attempts[-1].charge_id, "limit": 2})
    names = [refund.id async for refund in first.auto_paging_iter()]
    assert (len(first.data), first.has_more, len(set(names))) == (2, True, 5)


async def test_a_refund_that_fails_in_the_end_gives_the_money_back(library, world, order):
    world.stripe.refunds.next_status = "pending"
    refund = await make(library, params(order))
    assert (refund.status, order.intent.refunded) == ("pending", 1200)
    told = []
    world.stripe.refunds.on_change = lambda kind, refund: told.append((kind, refund["status"]))
    world.stripe.refunds.settle(refund.id, "failed", "declined")
    assert (order.intent.refunded, told) == (0, [("refund.failed", "failed")])


async def test_its_events_are_signed_and_say_what_happened(library, world, order, real_time):
    told = []
    world.stripe.refunds.on_change = lambda *event: told.append(event)
    await make(library, params(order))
    ((kind, refund),) = told
    letters = world.stripe.refund_letters(kind, refund)
    events = [
        stripe.Webhook.construct_event(letter.body, letter.headers["stripe-signature"], "whsec_demo")
        for letter in letters
    ]
    assert [event.type for event in events] == ["refund.created", "charge.refunded"]
    assert events[1].data.object.amount_refunded == 1200


async def test_a_refund_has_only_fields_that_stripes_have(specs, library, order):
    refund = await make(library, params(order))
    known = json.loads((specs / "stripe/fixtures3.json").read_text())["resources"]["refund"]
    assert sorted(set(refund.to_dict()) - set(known)) == []
