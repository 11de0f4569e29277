"""Asking and deciding through the API, over the simulated world: who may, what the order allows, once."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from server.flows import tokens
from server.model import Role

POLICY = """
[people.dana]
name = "Dana Reyes"
email = "dana@acme.test"
role = "approver"
identities = ["token:dana", "desk:901"]

[people.kim]
role = "approver"
identities = ["token:kim"]
max_amount = "20.00"

[people.sam]
role = "agent"
identities = ["token:sam"]

[people.lee]
role = "approver"
identities = ["token:lee"]

[approvals.refund]
max_amount = "40.00"
second_above = "30.00"
max_per_day = "60.00"
expires_after = "2d"
remind_after = "0s"

[approvals.hold]
record_only = true

[approvals.reship]
enabled = false
"""


@pytest.fixture
async def office(server):
    """People with tokens, and what they do."""
    import tomllib

    from server.rules.policy_reading import parse_policy

    workspace = server.parts.workspaces["acme"]
    workspace.policy = parse_policy(tomllib.loads(POLICY), workspace.timezone)
    return await Office(server).prepared()


class Office:
    def __init__(self, server):
        self.server = server
        self.tokens = {}
        self.keys = iter(f"form-number-{n}" for n in range(1000))

    async def prepared(self):
        for name, role in (("sam", Role.AGENT), ("dana", Role.APPROVER), ("kim", Role.APPROVER), ("lee", Role.ADMIN)):
            self.tokens[name] = await tokens.create(self.server.parts.store, self.server.clock, "acme", role, name)
        return self

    async def post(self, who, path, body, **headers):
        token = self.tokens.get(who, who)
        found = {"authorization": f"Bearer {token}", **headers}
        return await self.server.client.post(f"/v1/approvals/acme{path}", json=body, headers=found)

    async def ask(self, order, who="sam", key=None, **facts):
        body = {"order": str(order.id), "kind": "refund", "reason": "arrived broken", **facts}
        return await self.post(who, "", body, **{"Idempotency-Key": key or next(self.keys)})

    async def decide(self, who, request, decision="approve", **facts):
        body = {"decision": decision, "reason": "looks right", "version": request["version"], **facts}
        return await self.post(who, f"/{request['id']}/decision", body)

    async def asked(self, order, value=None, **facts):
        amount = {"amount": {"value": value, "currency": "USD"}} if value else {}
        found = await self.ask(order, **amount, **facts)
        assert found.status_code == 201, found.text
        return found.json()

    async def audit(self):
        return await self.server.parts.store.read(lambda tx: tx.audit("acme", 0, 1000))


def usd(value):
    return {"value": value, "currency": "USD"}


async def test_a_refund_of_all_that_is_left_is_asked_for_as_a_number(office, new_order):
    request = await office.asked(new_order())
    assert (request["amount"], request["currency"], request["state"], request["version"]) == (
        "41.50",
        "USD",
        "pending",
        1,
    )
    assert request["requester"]["id"] == "sam"


async def test_another_person_approves(office, new_order):
    request = await office.asked(new_order(), "12.00")
    found = await office.decide("dana", request)
    assert (found.status_code, found.json()["state"]) == (200, "approved")
    assert [d["person"]["name"] for d in found.json()["decisions"]] == ["Dana Reyes"]


async def test_nobody_decides_what_they_asked_for(office, new_order):
    found = await office.ask(new_order(), who="dana", amount=usd("5.00"))
    refused = await office.decide("dana", found.json())
    assert refused.status_code == 403
    assert "Somebody else" in refused.json()["detail"]


async def test_an_agent_does_not_decide(office, new_order):
    found = await office.ask(new_order(), who="dana", amount=usd("5.00"))
    assert (await office.decide("sam", found.json())).status_code == 403


@pytest.mark.parametrize(
    ("who", "value"),
    [("dana", "40.01"), ("kim", "20.01")],
    ids=["the kind's limit", "the person's limit"],
)
async def test_nobody_goes_beyond_a_limit(office, new_order, who, value):
    request = await office.asked(new_order(), value)
    refused = await office.decide(who, request)
    assert refused.status_code == 403
    assert (await office.decide(who, request, "reject")).json()["state"] == "rejected"


async def test_many_small_ones_are_as_good_as_a_large_one(office, new_order):
    for _ in range(3):
        assert (await office.decide("dana", await office.asked(new_order(), "19.00"))).status_code == 200
    fourth = await office.decide("dana", await office.asked(new_order(), "19.00"))
    assert fourth.status_code == 403
    assert "within 24 hours" in fourth.json()["detail"]
    office.server.clock.advance(timedelta(hours=24))
    assert (await office.decide("dana", await office.asked(new_order(), "19.00"))).status_code == 200


async def test_above_an_amount_two_must_agree_and_not_one_twice(office, new_order):
    request = await office.asked(new_order(), "35.00")
    assert request["needs"] == 2
    first = (await office.decide("dana", request)).json()
    assert (first["state"], first["version"]) == ("pending", 2)
    assert (await office.decide("dana", first)).status_code == 403
    second = await office.decide("lee", first)
    assert (second.status_code, second.json()["state"]) == (200, "approved")


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (usd("0"), "amount"),
        (usd("-1"), "amount"),
        (usd("0.001"), "decimals"),
        (usd("1e309"), "amount"),
        (usd("NaN"), "amount"),
        (usd("41.51"), "at most $41.50"),
        ({"value": "5.00", "currency": "EUR"}, "USD"),
        ({"value": "5.00", "currency": "dollars"}, "currency"),
        ({"value": 5, "currency": "USD"}, "value"),
    ],
)
async def test_amounts_that_make_no_sense_are_refused_with_a_sentence(office, new_order, amount, said):
    refused = await office.ask(new_order(), amount=amount)
    assert refused.status_code == 400
    assert said in refused.json()["detail"]
    assert await office.server.parts.store.read(lambda tx: tx.approvals("acme", (), 10)) == ()


async def test_what_others_ask_for_is_taken_off(office, new_order):
    order = new_order()
    await office.asked(order, "30.00")
    refused = await office.ask(order, amount=usd("12.00"))
    assert (refused.status_code, "$11.50" in refused.json()["detail"]) == (400, True)
    assert (await office.ask(order, amount=usd("11.50"))).status_code == 201
    assert (await office.ask(order)).status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {"state": "approved"},
        {"approved_by": "sam"},
        {"workspace": "other"},
        {"amount_limit": "9999"},
        {"kind": "gift"},
        {"reason": ""},
        {"reason": "no"},
        {"items": [{"line": "1", "quantity": 1}]},
        {"details": {"to": "me"}},
    ],
)
async def test_what_may_not_be_said_is_refused(office, new_order, body):
    assert (await office.ask(new_order(), **body)).status_code == 400


async def test_items_come_to_an_amount(office, new_order):
    order = new_order()
    request = await office.asked(order, items=[{"line": str(order.items[0].id), "quantity": 1}])
    assert request["amount"] == "20.75"
    too_many = await office.ask(order, items=[{"line": str(order.items[0].id), "quantity": 3}])
    assert too_many.status_code == 400


async def test_the_same_form_sent_twice_is_one_request(office, new_order):
    order = new_order()
    found = await asyncio.gather(*(office.ask(order, key="the same form") for _ in range(5)))
    assert {answer.status_code for answer in found} == {201}
    assert len({answer.json()["id"] for answer in found}) == 1
    other = await office.ask(order, key="the same form", reason="something else")
    assert other.status_code == 409
    assert (await office.ask(order, who="dana", key="the same form", amount=usd("1.00"))).status_code in (201, 409)


async def test_fifty_decisions_at_once_are_one(office, new_order):
    request = await office.asked(new_order(), "12.00")
    found = await asyncio.gather(
        *(office.decide(who, request, how) for _ in range(12) for who, how in (("dana", "approve"), ("lee", "reject")))
    )
    assert sorted({answer.status_code for answer in found}) == [200, 409]
    assert sum(answer.status_code == 200 for answer in found) == 1


async def test_an_order_that_changed_goes_back_with_the_difference(office, new_order):
    order = new_order()
    request = await office.asked(order, "30.00")
    order.intent.refunded = 2000
    order.updated_at = office.server.clock()
    calls = len(office.server.world.stripe.calls)
    stale = await office.decide("dana", request)
    assert stale.status_code == 409
    told = stale.json()
    assert any("Refunded: was nothing, is now $20.00" in text for text in told["differences"])
    assert told["version"] == 2
    assert len(office.server.world.stripe.calls) > calls
    assert (await office.decide("dana", request)).status_code == 409
    again = await office.decide("dana", {**request, "version": told["version"]})
    assert again.status_code == 409
    assert "$21.50 is left" in str(again.json())


async def test_an_order_that_changed_harmlessly_can_be_decided_on_what_it_is_now(office, new_order):
    order = new_order()
    request = await office.asked(order, "12.00")
    order.intent.refunded = 500
    stale = (await office.decide("dana", request)).json()
    found = await office.decide("dana", {**request, "version": stale["version"]})
    assert (found.status_code, found.json()["state"]) == (200, "approved")


async def test_nobody_decides_after_it_has_expired(office, new_order):
    request = await office.asked(new_order(), "12.00")
    office.server.clock.advance(timedelta(days=2) - timedelta(seconds=1))
    before = await office.server.client.get(
        f"/v1/approvals/acme/{request['id']}", headers={"authorization": f"Bearer {office.tokens['sam']}"}
    )
    assert before.json()["state"] == "pending"
    office.server.clock.advance(timedelta(seconds=1))
    assert (await office.decide("dana", request)).status_code == 410
    assert (await office.decide("dana", request)).status_code == 410


async def test_whoever_asked_may_take_it_back_and_nobody_else(office, new_order):
    request = await office.asked(new_order(), "12.00")
    body = {"version": 1, "reason": "the customer keeps it"}
    assert (await office.post("dana", f"/{request['id']}/withdraw", body)).status_code == 403
    found = await office.post("sam", f"/{request['id']}/withdraw", body)
    assert (found.status_code, found.json()["state"]) == (200, "withdrawn")
    assert (await office.decide("dana", {**request, "version": 2})).status_code == 409


async def test_record_only_waits_for_nobody_but_a_person(office, new_order):
    request = await office.asked(new_order(), kind="hold")
    found = (await office.decide("dana", request)).json()
    assert (found["state"], found["record_only"]) == ("approved", True)
    assert "policy" in found["record_only_reason"]
    other = await office.asked(new_order(), kind="other", details={"text": "call the customer"})
    assert (await office.decide("dana", other)).json()["record_only"] is True


async def test_what_the_policy_or_the_order_does_not_allow(office, new_order):
    assert (await office.ask(new_order(), kind="reship")).status_code == 409
    refused = await office.ask(new_order(), kind="release")
    assert (refused.status_code, refused.json()["detail"]) == (409, "The order is not on hold.")
    assert (await office.ask(new_order(declines=("do_not_honor",)))).status_code == 409


async def test_an_address_must_be_whole(office, new_order):
    details = {"address1": "1 Main St", "city": "Boise", "postal_code": "83702"}
    refused = await office.ask(new_order(), kind="address_change", details=details)
    assert (refused.status_code, "details.country" in refused.json()["detail"]) == (400, True)
    assert (
        await office.ask(new_order(), kind="address_change", details={**details, "country": "US"})
    ).status_code == 201


async def test_requests_of_others_do_not_exist(office, new_order):
    request = await office.asked(new_order(), "12.00")
    stranger = await tokens.create(office.server.parts.store, office.server.clock, "other", Role.ADMIN, "eve")
    theirs = await office.post(
        stranger, f"/{request['id']}/decision", {"decision": "approve", "reason": "x", "version": 1}
    )
    nothing = await office.post(
        "dana", "/0123456789abcdef/decision", {"decision": "approve", "reason": "x", "version": 1}
    )
    assert (theirs.status_code, nothing.status_code) == (404, 404)
    assert theirs.content == nothing.content


async def test_every_attempt_is_in_the_log(office, new_order):
    order = new_order()
    request = await office.asked(order, "35.00")
    await office.decide("sam", request)
    await office.ask(order, amount=usd("-1"))
    await office.decide("dana", request)
    events = [(entry.fact.event, entry.fact.actor) for entry in await office.audit()]
    assert events == [
        ("approval.requested", "sam"),
        ("approval.refused", "sam"),
        ("approval.refused", "sam"),
        ("approval.agreed", "dana"),
    ]


async def test_a_payment_that_cannot_be_read_is_not_guessed(office, new_order):
    from server.demo.fake import DOWN

    order = new_order()
    request = await office.asked(order, "12.00")
    office.server.world.stripe.standing_mishap = DOWN
    assert (await office.decide("dana", request)).status_code == 503
    assert (await office.ask(order, amount=usd("1.00"))).status_code == 503
    assert (await office.decide("dana", request, "reject")).status_code == 200


async def test_the_context_says_what_may_be_asked_for_and_what_was(office, new_order):
    order = new_order()
    await office.asked(order, "30.00")
    context = (await office.server.get(f"/v1/orders/acme/{order.id}/context")).json()
    refund = next(action for action in context["actions"] if action["kind"] == "refund")
    assert (refund["allowed"], refund["limit"], refund["currency"]) == (True, "11.50", "USD")
    assert [(a["kind"], a["state"], a["amount"]) for a in context["approvals"]] == [("refund", "pending", "30.00")]
    assert Decimal(refund["limit"]) > 0
