"""The panel's POST routes: who is let in, what is checked before the approvals see it, and what is written down."""

import json
from datetime import timedelta

import msgspec
import pytest

from connectors.money import Money
from connectors.order_actions import OrderActionKind
from server.approval_model import ApprovalRequest, ApprovalState, Person, TicketPlace, Verdict
from server.errors import Conflict
from server.model import OrderKey, Role

ASK = {"order": "5001", "kind": "refund", "reason": "Broken", "amount": {"value": "12.00", "currency": "USD"}}
KEY = {"idempotency-key": "key-of-one-form"}


class Approvals:
    """Writes down what it is asked, and makes what it is told to."""

    def __init__(self, now):
        self.asked, self.decided, self.withdrawn, self.error = [], [], [], None
        self.request = ApprovalRequest(
            id="r1",
            workspace="acme",
            order=OrderKey("acme", "shop", "5001"),
            order_name="#1001",
            kind=OrderActionKind.REFUND,
            amount=Money(1200, "USD"),
            reason="Broken",
            requester=Person(id="robin", name="Robin", role=Role.AGENT),
            created_at=now,
            expires_at=now + timedelta(days=7),
        )

    async def ask(self, principal, ask, key):
        self.asked.append((principal, ask, key))
        return self._made(ApprovalState.PENDING)

    async def decide(self, principal, request_id, verdict, reason, version):
        self.decided.append((principal, request_id, verdict, reason, version))
        return self._made(ApprovalState.REJECTED)

    async def withdraw(self, principal, request_id, reason, version):
        self.withdrawn.append((principal, request_id, reason, version))
        return self._made(ApprovalState.WITHDRAWN)

    def _made(self, state):
        if self.error:
            raise self.error
        return msgspec.structs.replace(self.request, state=state)


@pytest.fixture
def approvals(parts):
    parts.approvals = Approvals(parts.clock())
    return parts.approvals


@pytest.fixture
def bearer(parts):
    def header(workspace="acme", connection="desk", user="zendesk:901"):
        return {"authorization": f"Bearer {parts.sessions.open(workspace, connection, user, parts.clock())}"}

    return header


@pytest.fixture(params=["/sidebar/zendesk", "/panel"])
def base(request):
    return request.param


def refusals(parts):
    return [(fact.event, fact.actor, fact.details["reason"]) for fact in parts.store.audit_facts]


async def test_what_is_asked_for_comes_from_the_form_and_who_from_the_session(client, approvals, bearer, base):
    body = {**ASK, "shop": "shop", "items": [{"line": "1", "quantity": 2}], "details": {"restock": "true"}}
    answer = await client.post(f"{base}/approvals", json=body, headers={**bearer(), **KEY})
    assert answer.status_code == 201
    assert answer.json()["message"] == "Refund $12.00: Waiting for approval by an approver."
    ((principal, ask, key),) = approvals.asked
    assert (principal.workspace, principal.user, principal.via) == ("acme", "zendesk:901", "desk")
    assert (ask.order, ask.shop, ask.kind, ask.reason) == ("5001", "shop", OrderActionKind.REFUND, "Broken")
    assert (ask.amount, ask.items[0].quantity, ask.details) == (Money(1200, "USD"), 2, {"restock": "true"})
    assert (ask.ticket, key) == (None, "key-of-one-form")


async def test_fields_that_nobody_may_set_change_nothing(client, approvals, bearer):
    body = {**ASK, "state": "approved", "workspace": "other", "requester": {"id": "dana"}, "approved_by": "dana"}
    answer = await client.post("/sidebar/zendesk/approvals", json=body, headers={**bearer(), **KEY})
    assert answer.status_code == 201
    assert approvals.asked[0][0].workspace == "acme"


async def test_the_ticket_is_asked_for_at_the_helpdesk_again(client, approvals, bearer, parts):
    parts.workspaces["acme"].connections["desk"].hold("7", subject="Hello")
    answer = await client.post("/sidebar/zendesk/approvals", json={**ASK, "ticket": "7"}, headers={**bearer(), **KEY})
    assert answer.status_code == 201
    assert approvals.asked[0][1].ticket == TicketPlace(connection="desk", ticket_id="7")


async def test_a_ticket_that_is_not_there_asks_for_nothing_and_is_written_down(client, approvals, bearer, parts):
    answer = await client.post("/sidebar/zendesk/approvals", json={**ASK, "ticket": "404"}, headers={**bearer(), **KEY})
    assert answer.status_code == 404
    assert approvals.asked == []
    assert refusals(parts) == [("sidebar.refused", "zendesk:901", "asked for an approval: no ticket 404")]


async def test_where_there_is_no_helpdesk_there_is_no_ticket(client, approvals, bearer):
    body = {**ASK, "ticket": "7"}
    answer = await client.post("/panel/approvals", json=body, headers={**bearer(connection="sign_in"), **KEY})
    assert (answer.status_code, approvals.asked) == (400, [])
    assert answer.json()["detail"].startswith("ticket: expected none")


async def test_decisions_and_withdrawals_go_through_as_they_are(client, approvals, bearer, base):
    said = {"decision": "reject", "reason": " No ", "version": 3}
    answer = await client.post(f"{base}/approvals/r1/decision", json=said, headers=bearer())
    assert (answer.status_code, answer.json()["message"]) == (200, "Refund $12.00: rejected.")
    assert approvals.decided[0][1:] == ("r1", Verdict.REJECT, "No", 3)
    answer = await client.post(f"{base}/approvals/r1/withdraw", json={"version": 3}, headers=bearer())
    assert (answer.status_code, answer.json()["message"]) == (200, "Refund $12.00: taken back.")
    assert approvals.withdrawn[0][1:] == ("r1", "", 3)


async def test_a_conflict_carries_what_changed_and_the_version_to_decide_on(client, approvals, bearer):
    approvals.error = Conflict("The order has changed", differences=("Refunded: $5.00",), version=4)
    said = {"decision": "approve", "reason": "Yes", "version": 3}
    answer = await client.post("/sidebar/zendesk/approvals/r1/decision", json=said, headers=bearer())
    assert answer.status_code == 409
    assert (answer.json()["differences"], answer.json()["version"]) == (["Refunded: $5.00"], 4)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"amount": {"value": "1e309", "currency": "USD"}}, "amount: expected an amount such as 12.00, got '1e309'"),
        ({"amount": {"value": "-1", "currency": "USD"}}, "amount: expected more than nothing"),
        ({"amount": {"value": "0", "currency": "USD"}}, "amount: expected more than nothing"),
        ({"amount": {"value": "0.001", "currency": "USD"}}, "amount: '0.001' has more decimals than USD has"),
        ({"amount": {"value": "NaN", "currency": "USD"}}, "amount: expected an amount such as 12.00, got 'NaN'"),
        ({"amount": {"value": "9" * 400, "currency": "USD"}}, "amount: expected a finite amount"),
        ({"amount": {"value": "5", "currency": "dollars"}}, "amount: expected a currency code such as USD"),
        ({"amount": {"value": 12, "currency": "USD"}}, "amount: expected `str`, got `int`"),
        ({"amount": "12"}, "amount: expected `object | null`, got `str`"),
        ({"kind": "steal"}, "kind: invalid enum value 'steal'"),
        ({"reason": "  "}, "reason: expected 1 to 1000 characters"),
        ({"reason": "x" * 1001}, "reason: expected 1 to 1000 characters"),
        ({"order": ""}, "order: expected 1 to 200 characters"),
        ({"items": [{"line": "1", "quantity": 0}]}, "items: expected a line of the order and a whole number from 1 on"),
        ({"items": [{"line": "1", "quantity": 1}] * 101}, "items: expected at most 100"),
        ({"details": {"a": "x" * 1001}}, "details.a: expected 0 to 1000 characters"),
        ({"details": {str(number): "x" for number in range(21)}}, "details: expected at most 20"),
        ({"ticket": 7}, "ticket: expected a text"),
    ],
)
async def test_what_cannot_be_read_is_said_with_its_field_and_written_down(
    client, approvals, bearer, parts, change, said
):
    answer = await client.post("/sidebar/zendesk/approvals", json={**ASK, **change}, headers={**bearer(), **KEY})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(said)
    assert approvals.asked == []
    assert refusals(parts)[0][2].startswith(f"asked for an approval: {said}"[:290])


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'{"order": "\xff"}', b"null"])
async def test_a_body_that_is_no_form_is_refused(client, approvals, bearer, body):
    for path in ("approvals", "approvals/r1/decision", "approvals/r1/withdraw"):
        answer = await client.post(f"/sidebar/zendesk/{path}", content=body, headers={**bearer(), **KEY})
        assert answer.status_code == 400
    assert (approvals.asked, approvals.decided, approvals.withdrawn) == ([], [], [])


@pytest.mark.parametrize("key", [None, "", "short", "k" * 256, "with\ttab in it"])
async def test_without_a_key_of_its_own_a_form_is_refused(client, approvals, bearer, key):
    headers = bearer() if key is None else {**bearer(), "idempotency-key": key}
    answer = await client.post("/sidebar/zendesk/approvals", json=ASK, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("Idempotency-Key: expected")
    assert approvals.asked == []


async def test_nobody_acts_without_a_session(client, approvals, parts, base):
    for path in ("approvals", "approvals/r1/decision", "approvals/r1/withdraw"):
        for headers in ({}, {"authorization": "Bearer bhs_forged"}, {"authorization": "Bearer x"}):
            assert (await client.post(f"{base}/{path}", json=ASK, headers={**headers, **KEY})).status_code == 401
            assert (await client.get(f"{base}/{path}", headers=headers)).status_code in (404, 405)
    assert approvals.asked == []
    assert parts.store.audit_facts == []  # nobody knows whose they would have been


async def test_a_session_that_is_over_is_written_down(client, approvals, bearer, parts):
    headers = {**bearer(), **KEY}
    parts.clock.now += timedelta(hours=24)
    answer = await client.post("/sidebar/zendesk/approvals", json=ASK, headers=headers)
    assert (answer.status_code, approvals.asked) == (401, [])
    reason = "asked for an approval with a session that is over"
    assert refusals(parts) == [("sidebar.refused", "zendesk:901", reason)]


async def test_nobody_fills_the_audit_log(client, approvals, bearer, parts):
    headers = {**bearer(), **KEY}
    for _ in range(50):
        await client.post("/sidebar/zendesk/approvals", content=b"{", headers=headers)
    assert len(parts.store.audit_facts) == 30
    parts.clock.now += timedelta(minutes=2)
    await client.post("/sidebar/zendesk/approvals", content=b"{", headers=headers)
    assert len(parts.store.audit_facts) == 31


async def test_whoever_fills_their_own_share_keeps_nobody_else_out_of_the_log(client, approvals, bearer, parts):
    for _ in range(50):
        await client.post("/sidebar/zendesk/approvals", content=b"{", headers={**bearer(user="zendesk:666"), **KEY})
    await client.post("/sidebar/zendesk/approvals", content=b"{", headers={**bearer(), **KEY})
    assert [actor for _, actor, _ in refusals(parts)] == ["zendesk:666"] * 30 + ["zendesk:901"]


async def test_storage_that_is_away_changes_nothing_about_a_refusal(client, approvals, bearer, parts):
    parts.store.broken = True
    answer = await client.post("/sidebar/zendesk/approvals", content=b"{", headers={**bearer(), **KEY})
    assert answer.status_code == 400


async def test_a_token_that_names_no_agent_may_look_and_not_act(client, approvals, bearer):
    headers = {**bearer(user="zendesk:"), **KEY}
    answer = await client.post("/sidebar/zendesk/approvals", content=json.dumps(ASK), headers=headers)
    assert (answer.status_code, approvals.asked) == (403, [])
