"""The routes for approvals: who may call what, what a body may say, and that strangers cannot tell what exists."""

import asyncio
import json

import pytest
from msgspec.structs import replace

from connectors.contract import Unreachable
from server.flows import tokens
from server.model import Role

FORM = {"Idempotency-Key": "form number 1"}
BODY = {"order": "5001", "kind": "refund", "reason": "arrived broken", "amount": {"value": "12.00", "currency": "USD"}}
DECISION = {"decision": "approve", "reason": "looks right", "version": 1}
NO_ID = "0123456789abcdef"


@pytest.fixture
async def people(parts):
    """Headers of tokens: agents `sam` and `kim`, the approver `dana`, the admin `lee`, and some that open nothing."""

    async def header(name, role, workspace="acme"):
        token = await tokens.create(parts.store, parts.clock, workspace, role, name)
        return {"authorization": f"Bearer {token}"}

    found = {
        "sam": await header("sam", Role.AGENT),
        "kim": await header("kim", Role.AGENT),
        "dana": await header("dana", Role.APPROVER),
        "lee": await header("lee", Role.ADMIN),
        "eve": await header("eve", Role.ADMIN, "other"),
        "nobody": {},
        "made up": {"authorization": "Bearer bf_0123456789"},
    }
    revoked, expired = await header("gone", Role.ADMIN), await header("late", Role.ADMIN)
    rows = {row.user: row for row in parts.store.token_rows.values()}
    await tokens.revoke(parts.store, parts.clock, "acme", rows["gone"].id)
    parts.store.put_token(replace(rows["late"], expires_at=parts.clock()))
    return {**found, "revoked": revoked, "expired": expired}


@pytest.fixture
async def request_(client, people):
    """What Sam asks for."""
    found = await client.post("/v1/approvals/acme", json=BODY, headers=people["sam"] | FORM)
    assert found.status_code == 201, found.text
    return found.json()


def events(parts):
    return [(fact.workspace, fact.event, fact.actor) for fact in parts.store.audit_facts]


async def test_asking_answers_the_request(request_, parts):
    assert {"id", "state", "version", "expires_at"} <= request_.keys()
    assert (request_["state"], request_["version"], request_["amount"]) == ("pending", 1, "12.00")
    assert parts.engine.woken


@pytest.mark.parametrize(
    ("who", "ask", "found", "one", "decide", "withdraw"),
    [
        ("sam", 201, 200, 200, 403, 200),
        ("kim", 201, 200, 200, 403, 403),
        ("dana", 201, 200, 200, 200, 403),
        ("lee", 201, 200, 200, 200, 403),
        ("eve", 404, 404, 404, 404, 404),
        ("nobody", 401, 401, 401, 401, 401),
        ("made up", 401, 401, 401, 401, 401),
        ("revoked", 401, 401, 401, 401, 401),
        ("expired", 401, 401, 401, 401, 401),
    ],
)
async def test_who_may_call_what(client, people, request_, who, ask, found, one, decide, withdraw):
    headers, place = people[who], f"/v1/approvals/acme/{request_['id']}"
    asked = await client.post("/v1/approvals/acme", json=BODY, headers=headers | {"Idempotency-Key": "another form"})
    assert asked.status_code == ask
    assert (await client.get("/v1/approvals/acme", headers=headers)).status_code == found
    assert (await client.get(place, headers=headers)).status_code == one
    if decide != 200:
        assert (await client.post(f"{place}/decision", json=DECISION, headers=headers)).status_code == decide
        assert (await client.get(place, headers=people["sam"])).json()["state"] == "pending"
    taken = await client.post(f"{place}/withdraw", json={"version": 1}, headers=headers)
    assert taken.status_code == withdraw
    if decide == 200:
        assert (await client.post(f"{place}/decision", json=DECISION, headers=headers)).status_code == 200


@pytest.mark.parametrize("what", ["", "/decision", "/withdraw"])
async def test_a_strangers_request_and_one_that_is_not_there_look_the_same(client, people, request_, what):
    async def answer(request_id, workspace):
        place = f"/v1/approvals/{workspace}/{request_id}{what}"
        body = DECISION if what == "/decision" else {"version": 1}
        call = (
            client.post(place, json=body, headers=people["eve"]) if what else client.get(place, headers=people["eve"])
        )
        return await call

    answers = [
        await answer(request_id, workspace)
        for request_id in (request_["id"], NO_ID, "-1", "5001", "x" * 300)
        for workspace in ("other", "acme", "nowhere")
    ]
    assert {found.status_code for found in answers} == {404}
    assert len({found.content for found in answers}) == 1
    assert "acme" not in answers[0].text


@pytest.mark.parametrize("path", ["", "/decision", "/withdraw"])
@pytest.mark.parametrize(("who", "actor"), [("revoked", "token:gone"), ("expired", "token:late")])
async def test_an_attempt_with_a_token_that_no_longer_works_is_kept_with_whose_it_was(
    client, people, request_, parts, path, who, actor
):
    place = f"/v1/approvals/acme/{request_['id']}{path}" if path else "/v1/approvals/acme"
    assert (await client.post(place, json=DECISION, headers=people[who] | FORM)).status_code == 401
    assert events(parts)[1:] == [("acme", "approval.refused", actor)]
    for nobody in ("nobody", "made up"):
        await client.post(place, json=DECISION, headers=people[nobody] | FORM)
    assert len(events(parts)) == 2


@pytest.mark.parametrize(
    "ticket", [{"connection": "desk", "id": "404"}, {"connection": "shop", "id": "7"}, {"connection": "desk", "id": ""}]
)
async def test_an_attempt_beside_a_ticket_that_is_none_is_kept(client, people, parts, ticket):
    answer = await client.post("/v1/approvals/acme", json={**BODY, "ticket": ticket}, headers=people["sam"] | FORM)
    assert answer.status_code in (400, 404)
    assert events(parts) == [("acme", "approval.refused", "token:sam")]


async def test_what_is_typed_into_a_field_does_not_go_into_the_log_as_it_is(client, people, parts):
    ada = "ada.byrne@example.com"
    for change in ({"order": ada}, {"amount": {"value": ada, "currency": "USD"}}, {"kind": ada}, {ada: "1"}):
        answer = await client.post("/v1/approvals/acme", json={**BODY, **change}, headers=people["sam"] | FORM)
        assert answer.status_code in (400, 404), change
    assert len(parts.store.audit_facts) == 4
    assert ada not in str(parts.store.audit_facts)


@pytest.mark.parametrize("reason", [r"\ud800 broken", r"broken \udfff"])
async def test_half_a_character_is_refused_and_breaks_nothing(client, people, parts, reason):
    body = json.dumps(BODY).replace("arrived broken", reason)
    answer = await client.post(
        "/v1/approvals/acme", content=body, headers=people["sam"] | FORM | {"content-type": "application/json"}
    )
    assert answer.status_code == 400
    assert events(parts) == [("acme", "approval.refused", "token:sam")]


@pytest.mark.parametrize("path", ["", "/decision", "/withdraw"])
async def test_attempts_from_elsewhere_are_in_their_own_log(client, people, request_, parts, path):
    place = f"/v1/approvals/acme/{request_['id']}{path}" if path else "/v1/approvals/acme"
    await client.post(place, json=DECISION, headers=people["eve"])
    assert events(parts)[1:] == [("other", "approval.refused", "token:eve")]


async def test_a_get_never_decides(client, people, request_):
    for what in ("decision", "withdraw"):
        place = f"/v1/approvals/acme/{request_['id']}/{what}"
        assert (await client.get(place, headers=people["dana"])).status_code == 405
    listed = await client.get("/v1/approvals/acme", headers=people["dana"])
    assert [found["state"] for found in listed.json()["approvals"]] == ["pending"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"state": "approved"}, "state"),
        ({"approved_by": "sam"}, "approved_by"),
        ({"status": "approved"}, "status"),
        ({"workspace": "other"}, "workspace"),
        ({"amount_limit": "9"}, "amount_limit"),
        ({"requester": "dana"}, "requester"),
        ({"ticket": {"connection": "desk", "ticket_id": "1"}}, "ticket"),
        ({"kind": "gift"}, "gift"),
        ({"reason": "no"}, "reason"),
        ({"reason": "x" * 1001}, "reason"),
        ({"order": ""}, "order"),
        ({"items": [{"line": "1", "quantity": 1.5}]}, "quantity"),
        ({"items": [{"line": "1", "quantity": 1, "price": "0"}]}, "price"),
        ({"details": {"restock": True}}, "details"),
        ({"amount": {"value": "12.00", "currency": "USD", "limit": 1}}, "limit"),
        ({"amount": {"value": 12, "currency": "USD"}}, "value"),
        ({"amount": {"value": "1e309", "currency": "USD"}}, "amount"),
        ({"amount": {"value": "1e400", "currency": "USD"}}, "amount"),
        ({"amount": {"value": "-1", "currency": "USD"}}, "amount"),
        ({"amount": {"value": "0", "currency": "USD"}}, "amount"),
        ({"amount": {"value": "0.001", "currency": "USD"}}, "decimals"),
        ({"amount": {"value": "NaN", "currency": "USD"}}, "amount"),
        ({"amount": {"value": "Infinity", "currency": "USD"}}, "amount"),
        ({"amount": {"value": "١٢", "currency": "USD"}}, "amount"),
        ({"amount": {"value": "12,00", "currency": "USD"}}, "amount"),
        ({"amount": {"value": "9" * 40, "currency": "USD"}}, "amount"),
        ({"amount": {"value": "12.00", "currency": "EUR"}}, "USD"),
        ({"amount": {"value": "12.00", "currency": "US$"}}, "currency"),
        ({"amount": {"value": "50.01", "currency": "USD"}}, "at most $50.00"),
    ],
)
async def test_nonsense_is_refused_with_a_sentence_and_kept_in_the_log(client, people, parts, change, said):
    refused = await client.post("/v1/approvals/acme", json=BODY | change, headers=people["sam"] | FORM)
    assert refused.status_code == 400
    assert said in refused.json()["detail"]
    assert parts.store.requests == {}
    assert events(parts) == [("acme", "approval.refused", "token:sam")]


@pytest.mark.parametrize("body", [b"", b"[", b"[]", b"null", b"\xff{}", b'{"order": "\xff"}', b"[" * 100_000, b"{}"])
async def test_a_body_that_is_none_is_refused(client, people, parts, request_, body):
    headers = people["dana"] | {"content-type": "application/json"} | FORM
    for place in ("", f"/{request_['id']}/decision", f"/{request_['id']}/withdraw"):
        refused = await client.post(f"/v1/approvals/acme{place}", content=body, headers=headers)
        assert refused.status_code == 400, place
    assert [event for _, event, _ in events(parts)] == ["approval.requested"] + ["approval.refused"] * 3


@pytest.mark.parametrize("change", [{"version": 2}, {"version": 0}])
async def test_a_decision_is_about_one_version(client, people, request_, change):
    place = f"/v1/approvals/acme/{request_['id']}/decision"
    refused = await client.post(place, json=DECISION | change, headers=people["dana"])
    assert refused.status_code == 409
    assert (refused.json()["version"], refused.json()["differences"]) == (1, [])


@pytest.mark.parametrize(
    "change",
    [{"decision": "yes"}, {"version": "1"}, {"version": 1.5}, {"person": "kim"}, {"role": "admin"}, {"reason": ""}],
)
async def test_a_decision_says_no_more_than_it_may(client, people, request_, change):
    place = f"/v1/approvals/acme/{request_['id']}/decision"
    assert (await client.post(place, json=DECISION | change, headers=people["dana"])).status_code == 400


@pytest.mark.parametrize("key", [None, "", "short", "x" * 256, "naïve key ä"])
async def test_a_form_needs_a_key_of_its_own(client, people, parts, key):
    headers = people["sam"] | ({} if key is None else {"Idempotency-Key": key.encode()})
    refused = await client.post("/v1/approvals/acme", json=BODY, headers=headers)
    assert refused.status_code == 400
    assert "Idempotency-Key" in refused.json()["detail"]
    assert events(parts) == [("acme", "approval.refused", "token:sam")]


async def test_the_same_form_sent_twice_is_one_request(client, people, request_):
    again = await client.post("/v1/approvals/acme", json=BODY, headers=people["sam"] | FORM)
    assert (again.status_code, again.json()["id"]) == (201, request_["id"])
    other = await client.post("/v1/approvals/acme", json=BODY | {"reason": "another"}, headers=people["sam"] | FORM)
    assert other.status_code == 409
    theirs = await client.post("/v1/approvals/acme", json=BODY, headers=people["kim"] | FORM)
    assert theirs.json()["id"] != request_["id"]


async def test_an_order_that_changed_is_a_conflict_with_what_changed(client, people, parts, request_, fakes):
    parts.clock.pass_(minutes=5)
    stripe = parts.workspaces["acme"].connections["stripe"]
    seen = fakes.payment_seen(at=parts.clock(), order_ids=("5001",), refunded=fakes.order_seen().order.total)
    stripe.by_name["5001"] = (seen,)
    refused = await client.post(f"/v1/approvals/acme/{request_['id']}/decision", json=DECISION, headers=people["dana"])
    told = refused.json()
    assert (refused.status_code, told["version"]) == (409, 2)
    assert "Refunded: was nothing, is now $50.00" in told["differences"]


async def test_too_late_is_gone(client, people, parts, request_):
    parts.clock.pass_(days=7)
    place = f"/v1/approvals/acme/{request_['id']}"
    for what in ("/decision", "/withdraw", "/decision"):
        body = DECISION if what == "/decision" else {"version": 1}
        who = "dana" if what == "/decision" else "sam"
        assert (await client.post(f"{place}{what}", json=body, headers=people[who])).status_code == 410


async def test_a_payment_that_cannot_be_read_is_not_guessed(client, people, parts, request_):
    parts.workspaces["acme"].connections["stripe"].error = Unreachable("Stripe", "connection refused")
    place = f"/v1/approvals/acme/{request_['id']}/decision"
    refused = await client.post(place, json=DECISION, headers=people["dana"])
    assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
    assert "Stripe" in refused.json()["detail"]


async def test_the_list_has_only_what_was_asked_for(client, people, request_):
    async def listed(query):
        return await client.get(f"/v1/approvals/acme{query}", headers=people["kim"])

    assert [found["id"] for found in (await listed("?state=pending,approved")).json()["approvals"]] == [request_["id"]]
    assert (await listed("?state=executed")).json() == {"approvals": []}
    for wrong in ("?state=open", "?limit=0", "?limit=201", "?limit=x"):
        assert (await listed(wrong)).status_code == 400


async def test_the_context_of_an_order_and_of_a_ticket_has_requests_and_what_may_be_asked(
    client, people, parts, request_
):
    parts.workspaces["acme"].connections["desk"].hold("900", subject="Where is #1001?")
    parts.store.tickets["desk", "900"] = {parts.store.requests[request_["id"]].order}
    for place in ("/v1/orders/acme/5001/context", "/v1/tickets/acme/desk/900/context"):
        found = (await client.get(place, headers=people["sam"])).json()
        assert [(one["id"], one["state"], one["amount"]) for one in found["approvals"]] == [
            (request_["id"], "pending", "12.00")
        ]
        refund = next(one for one in found["actions"] if one["kind"] == "refund")
        assert (refund["allowed"], refund["limit"], refund["currency"]) == (True, "38.00", "USD")
        assert len(found["actions"]) == 9


async def test_what_people_write_is_data(client, people, parts):
    evil = '"><img src=x onerror=__xss(1)> {{7*7}} \u202e <!channel> =HYPERLINK("x")'
    found = await client.post("/v1/approvals/acme", json=BODY | {"reason": evil}, headers=people["sam"] | FORM)
    assert (found.status_code, found.json()["reason"]) == (201, evil)
    assert found.headers["content-type"].startswith("application/json")


async def test_many_at_once_are_decided_once(client, people, request_):
    place = f"/v1/approvals/acme/{request_['id']}/decision"
    tries = [
        client.post(place, json=DECISION | {"decision": said}, headers=people[who])
        for who, said in (("dana", "approve"), ("lee", "reject")) * 10
    ]
    codes = [found.status_code for found in await asyncio.gather(*tries)]
    assert sorted(codes) == [200] + [409] * 19


async def test_the_description_of_the_api_has_it_all(client):
    described = (await client.get("/schema/openapi.json")).json()
    paths = described["paths"]
    assert {path for path in paths if path.startswith("/v1/approvals")} == {
        "/v1/approvals/{workspace}",
        "/v1/approvals/{workspace}/{request_id}",
        "/v1/approvals/{workspace}/{request_id}/decision",
        "/v1/approvals/{workspace}/{request_id}/withdraw",
    }
    decision = paths["/v1/approvals/{workspace}/{request_id}/decision"]["post"]
    assert {"200", "400", "401", "403", "404", "409", "410", "503"} <= decision["responses"].keys()
