"""What every store owes to approval requests, the audit log and cursors."""

import asyncio
import json
from datetime import timedelta

import pytest

from connectors.money import Money
from connectors.order_actions import ActionItem, ActionReceipt, OrderActionKind
from server.approval_model import (
    ApprovalRequest,
    ApprovalState,
    AuditFact,
    AuditHead,
    Decision,
    Execution,
    Person,
    TicketPlace,
    Verdict,
)
from server.model import OrderKey, Role
from server.rules.audit import BEGINNING, verify
from tests.server.desk import NOW

KEY = OrderKey("acme", "shop", "5001")
SAM = Person(id="desk:1", name="Sam", role=Role.AGENT, via="desk", also=("email:sam@acme.test",))
DANA = Person(id="dana", name="Dana", role=Role.APPROVER, email="dana@acme.test", via="chat")


def request(number=1, **facts):
    return ApprovalRequest(
        id=f"r{number}",
        order_name="#1001",
        reason="arrived broken",
        requester=SAM,
        created_at=NOW + timedelta(minutes=number),
        expires_at=NOW + timedelta(days=7),
        **{"workspace": "acme", "order": KEY, "kind": OrderActionKind.REFUND, "ask_key": f"k{number}", **facts},
    )


def fact(number=1, workspace="acme", **facts):
    return AuditFact(workspace=workspace, at=NOW, event="approval.requested", actor=f"agent {number}", **facts)


async def put(store, *requests):
    def work(tx):
        for each in requests:
            tx.put_approval(each)

    await store.write(work)


# --- requests -----------------------------------------------------------------------------------------------------


async def test_request_comes_back_as_it_was_stored(store):
    whole = request(
        amount=Money(1250, "USD"),
        items=(ActionItem("line-1", 2),),
        details={"restock": "true", "text": "na\u00efve \U0001f4e6"},
        state=ApprovalState.EXECUTED,
        version=7,
        needs=2,
        decisions=(Decision(person=DANA, verdict=Verdict.APPROVE, reason="ok", at=NOW, version=1),),
        basis={"Total": "$50.00"},
        differences=("Total: was $50.00, is now $40.00",),
        ticket=TicketPlace(connection="desk", ticket_id="900"),
        ask_digest=b"\x00\xff",
        execution=Execution(connection="shop", key="r1", request=b'{"a":1}', attempts=2, started_at=NOW),
        receipt=ActionReceipt(id="re_1", text="Refunded $12.50", at=NOW),
        reminded_at=NOW,
        closed_at=NOW,
    )
    await put(store, whole)
    assert await store.read(lambda tx: tx.approval("r1")) == whole
    assert await store.read(lambda tx: tx.approval("r2")) is None


async def test_change_replaces_the_request_and_keeps_its_place(store):
    await put(store, request(1), request(2), request(3))
    await put(store, request(1, state=ApprovalState.REJECTED, version=2))
    found = await store.read(lambda tx: tx.approvals("acme", [], 10))
    assert [(each.id, each.version) for each in found] == [("r3", 1), ("r2", 1), ("r1", 2)]
    assert [each.id for each in await store.read(lambda tx: tx.approvals_of(KEY))] == ["r1", "r2", "r3"]


async def test_list_keeps_to_workspace_states_and_limit(store):
    await put(
        store,
        request(1),
        request(2, state=ApprovalState.EXECUTED),
        request(3, state=ApprovalState.EXPIRED),
        request(4, workspace="other", order=OrderKey("other", "shop", "5001")),
        request(5),
    )

    async def listed(*states, limit=10, workspace="acme"):
        return [each.id for each in await store.read(lambda tx: tx.approvals(workspace, states, limit))]

    assert await listed(ApprovalState.PENDING) == ["r5", "r1"]
    assert await listed(ApprovalState.PENDING, limit=1) == ["r5"]
    assert await listed(ApprovalState.EXECUTED, ApprovalState.EXPIRED) == ["r3", "r2"]
    assert await listed(workspace="other") == ["r4"]
    assert await listed(workspace="nobody") == []


async def test_what_was_agreed_to_lately_is_found_whatever_was_asked_since(store):
    def said(hours, verdict=Verdict.APPROVE):
        return (Decision(person=DANA, verdict=verdict, reason="ok", at=NOW - timedelta(hours=hours), version=1),)

    await put(
        store,
        request(1, decisions=said(1), state=ApprovalState.EXECUTED),
        request(2, decisions=said(30)),
        request(3, decisions=(*said(30), *said(2))),
        request(4, decisions=said(1), workspace="other"),
        request(5, decisions=said(1, Verdict.REJECT), state=ApprovalState.REJECTED),
        *(request(number) for number in range(6, 40)),
    )
    day = NOW - timedelta(hours=24)
    assert [each.id for each in await store.read(lambda tx: tx.approvals_agreed("acme", day))] == ["r3", "r1"]
    await put(store, request(1, version=2))
    assert [each.id for each in await store.read(lambda tx: tx.approvals_agreed("acme", day))] == ["r3"]


async def test_clients_key_finds_its_request_within_its_workspace(store):
    other = request(2, workspace="other", order=OrderKey("other", "shop", "1"), ask_key="k1")
    await put(store, request(1), other, request(3, ask_key=""), request(4, ask_key=""))
    assert (await store.read(lambda tx: tx.approval_by_key("acme", "k1"))).id == "r1"
    assert (await store.read(lambda tx: tx.approval_by_key("other", "k1"))).id == "r2"
    assert await store.read(lambda tx: tx.approval_by_key("acme", "k9")) is None
    assert await store.read(lambda tx: tx.approval_by_key("acme", "")) is None


async def test_two_requests_under_one_key_are_refused_whole(store):
    await put(store, request(1))
    with pytest.raises(Exception, match=r"(?i)unique"):
        await put(store, request(5), request(2, ask_key="k1"))
    assert await store.read(lambda tx: tx.approval("r5")) is None


async def test_due_requests_come_longest_due_first_and_wake_the_engine(store):
    await put(
        store,
        request(1, due_at=NOW + timedelta(hours=2)),
        request(2, due_at=NOW),
        request(3, due_at=NOW - timedelta(hours=1)),
        request(4),
    )

    async def due(**later):
        return [each.id for each in await store.read(lambda tx: tx.due_approvals(NOW + timedelta(**later), 10))]

    assert await due() == ["r3", "r2"]
    assert await due(hours=2) == ["r3", "r2", "r1"]
    assert await due(hours=-2) == []
    assert [r.id for r in await store.read(lambda tx: tx.due_approvals(NOW + timedelta(hours=9), 1))] == ["r3"]
    assert await store.read(lambda tx: tx.next_due_at()) == NOW - timedelta(hours=1)
    await put(store, request(3), request(2))
    assert await due() == []
    assert await store.read(lambda tx: tx.next_due_at()) == NOW + timedelta(hours=2)


async def test_what_is_undone_leaves_neither_request_nor_entry(store):
    def work(tx):
        tx.put_approval(request(1))
        tx.add_audit(fact(1))
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await store.write(work)
    assert await store.read(lambda tx: tx.approval("r1")) is None
    assert await store.read(lambda tx: tx.audit_head("acme")) == AuditHead(0, BEGINNING)
    await store.write(lambda tx: tx.add_audit(fact(2)))
    assert (await store.read(lambda tx: tx.audit("acme", 0, 10)))[0].sequence == 1


# --- the audit log ------------------------------------------------------------------------------------------------


async def test_entries_are_chained_within_their_workspace(store):
    for number in range(3):
        await store.write(lambda tx, number=number: tx.add_audit(fact(number, details={"z": "1", "a": "\u2028\x01"})))
        await store.write(lambda tx, number=number: tx.add_audit(fact(number, "other")))
    entries = await store.read(lambda tx: tx.audit("acme", 0, 10))
    assert [entry.sequence for entry in entries] == [1, 2, 3]
    assert [entry.fact.actor for entry in entries] == ["agent 0", "agent 1", "agent 2"]
    assert entries[1].previous == entries[0].hash
    head = await store.read(lambda tx: tx.audit_head("acme"))
    assert head == AuditHead(3, entries[-1].hash)
    assert await store.read(lambda tx: tx.audit_head("other")) != head
    rows = await store.read(lambda tx: tx.audit_rows("acme", 0, 10))
    assert verify(rows, head).is_sound
    assert [json.loads(row.body)["sequence"] for row in rows] == [1, 2, 3]
    assert [row.sequence for row in await store.read(lambda tx: tx.audit_rows("acme", 1, 1))] == [2]


async def test_many_at_once_make_one_chain_without_a_gap(store):
    async def write(number):
        await asyncio.sleep(0)
        if number % 7 == 3:
            with pytest.raises(RuntimeError):
                await store.write(lambda tx: (tx.add_audit(fact(number)), fail()))
        else:
            await store.write(lambda tx: tx.add_audit(fact(number)))

    def fail():
        raise RuntimeError("undone")

    await asyncio.gather(*(write(number) for number in range(120)))
    expected = sum(number % 7 != 3 for number in range(120))
    rows = await store.read(lambda tx: tx.audit_rows("acme", 0, 1000))
    head = await store.read(lambda tx: tx.audit_head("acme"))
    assert (len(rows), head.count) == (expected, expected)
    assert verify(rows, head).is_sound
    told = [json.loads(row.body)["fact"]["actor"] for row in rows]
    assert len(set(told)) == expected


async def test_log_goes_on_where_it_stopped_when_it_is_opened_again(tmp_path):
    from tests.server.store.conftest import IMPLEMENTATIONS

    for make in IMPLEMENTATIONS.values():
        for number in range(3):
            store = await make(tmp_path)
            await store.write(lambda tx, number=number: tx.add_audit(fact(number)))
            rows = await store.read(lambda tx: tx.audit_rows("acme", 0, 10))
            await store.close()
        assert verify(rows).is_sound
        assert len(rows) == 3


# --- cursors ------------------------------------------------------------------------------------------------------


async def test_cursor_is_kept_by_workspace_and_connection(store):
    assert await store.read(lambda tx: tx.cursor("acme", "shop")) == ""

    def work(tx):
        tx.put_cursor("acme", "shop", "a")
        tx.put_cursor("acme", "desk", "b")
        tx.put_cursor("other", "shop", "c")
        tx.put_cursor("acme", "shop", "d")

    await store.write(work)
    found = [
        await store.read(lambda tx, at=at: tx.cursor(*at))
        for at in (("acme", "shop"), ("acme", "desk"), ("other", "shop"))
    ]
    assert found == ["d", "b", "c"]
