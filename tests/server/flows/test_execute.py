"""What was approved is carried out: once, with the bytes that were stored, and everybody can read about it."""

import asyncio
from datetime import timedelta

import pytest

from connectors.order_actions import ActionReceipt, OrderAction, OrderActionKind
from server.approval_model import ApprovalState, Execution
from server.flows import execute
from server.flows.approval_turns import record_turn
from server.model import OrderKey
from tests.server.desk import NOW
from tests.server.executing import DANA, KEY, LEE, ActingShop, approved, asked, rejecting


async def test_an_approved_refund_is_carried_out_and_its_receipt_kept(executions):
    await executions.put(approved())
    assert await executions.turn() == 1
    request = await executions.request()
    assert (request.state, request.receipt.id, request.closed_at, request.due_at) == ("executed", "re_1", NOW, None)
    assert (request.execution.connection, request.execution.key, request.execution.attempts) == (
        "shop",
        "beforehand-r1",
        1,
    )
    assert (executions.effects, await executions.events()) == (1, ["approval.executed"])
    assert await executions.turn() == 0


async def test_before_the_first_byte_leaves_the_bytes_are_stored(executions):
    seen = []
    carry_out = executions.shop.carry_out

    async def look_first(request, key):
        seen.append(await executions.request())
        return await carry_out(request, key)

    executions.shop.carry_out = look_first
    await executions.put(approved())
    await executions.turn()
    (stored,) = seen
    assert (stored.state, stored.execution.attempts, stored.execution.started_at) == ("executing", 1, NOW)
    assert [(stored.execution.request, stored.execution.key)] == executions.shop.sent


@pytest.mark.parametrize(
    ("people", "kind", "line"),
    [
        ((DANA,), OrderActionKind.REFUND, "Refund of $12.00 approved by Dana, asked by Sam"),
        ((DANA, LEE), OrderActionKind.REFUND, "Refund of $12.00 approved by Dana and Lee, asked by Sam"),
        ((DANA,), OrderActionKind.CANCEL, "Cancellation approved by Dana, asked by Sam"),
    ],
)
async def test_the_orders_history_says_it_once_with_both_names(executions, people, kind, line):
    amount = {} if kind is OrderActionKind.REFUND else {"amount": None}
    await executions.know_order()
    await executions.put(approved("r1", *people, kind=kind, **amount))
    await executions.turn()
    lines = await executions.lines()
    assert lines.count(line) == 1
    record = await executions.store.read(lambda tx: tx.record(KEY))
    (entry,) = [entry for entry in record.timeline.values() if entry.text == line]
    assert (entry.source, entry.kind, entry.at) == ("beforehand", "approval.executed", NOW)


async def test_the_line_goes_to_the_order_of_that_shop_though_another_shop_has_the_same_id(executions):
    executions.connections["shop2"] = ActingShop()
    executions.executor = executions.make_executor()
    other = OrderKey("acme", "shop2", "5001")
    await executions.know_order()
    await executions.put(approved(order=other))
    await executions.turn()
    assert not any("Dana" in line for line in await executions.lines())
    record = await executions.store.read(lambda tx: tx.record(other))
    assert [entry.text for entry in record.timeline.values() if entry.source == "beforehand"] == [
        "Refund of $12.00 approved by Dana, asked by Sam"
    ]


async def test_a_failure_is_in_the_history_with_its_reason(executions):
    executions.shop.trouble["carry_out"] = [("before", rejecting())]
    await executions.know_order()
    await executions.put(approved())
    await executions.turn()
    line = "Refund of $12.00 approved by Dana, asked by Sam, was not carried out: Shop: nothing is left to refund"
    assert (await executions.lines()).count(line) == 1


async def test_afterwards_the_order_is_read_again(executions):
    await executions.know_order()
    await executions.put(approved())
    await executions.turn()
    await executions.process()
    record = await executions.store.read(lambda tx: tx.record(KEY))
    assert executions.shop.orders_read == ["5001"]
    assert record.order["shop"].facts.financial_state == "refunded"


async def test_an_order_that_cannot_be_read_again_changes_nothing_about_the_result(executions):
    gone = OrderKey("acme", "shop", "gone")
    await executions.put(approved(order=gone))
    await executions.turn()
    assert (await executions.state(), executions.shop.orders_read) == ("executed", ["gone"])


# --- whom to ask ---


async def test_what_no_system_can_do_fails_with_what_it_has_against_it(executions):
    executions.shop.objections[OrderActionKind.REFUND] = "The shop cannot refund PayPal"
    await executions.put(approved())
    await executions.turn()
    request = await executions.request()
    assert (request.state, request.error, executions.shop.calls.total()) == (
        "failed",
        "The shop cannot refund PayPal",
        0,
    )


async def test_a_shop_that_carries_nothing_out_is_not_asked(executions):
    await executions.put(approved(order=OrderKey("acme", "track", "1")))
    await executions.turn()
    assert (await executions.request()).error == "no connected system can carry this out"


async def test_what_is_only_recorded_is_left_to_people(executions):
    await executions.put(approved(is_record_only=True))
    await executions.turn()
    request = await executions.request()
    assert (request.state, request.due_at, executions.shop.calls.total()) == ("approved", None, 0)


async def test_a_workspace_that_is_not_configured_is_looked_at_later(executions):
    await executions.put(
        approved(order=OrderKey("gone", "shop", "1")), asked("r2", order=OrderKey("gone", "shop", "2"))
    )
    await executions.turn()
    for request_id in ("r1", "r2"):
        assert (await executions.request(request_id)).due_at == NOW + timedelta(hours=1)


# --- once, whoever looks ---


async def test_while_it_is_carried_out_a_further_turn_begins_nothing(executions):
    executions.shop.gate = asyncio.Event()
    await executions.put(approved())
    assert await executions.executor.run_due() == 1
    assert await executions.executor.run_due() == 0
    executions.shop.gate.set()
    await asyncio.gather(*executions.executor.under_way)
    assert (executions.effects, await executions.state()) == (1, "executed")


async def test_a_slow_vendor_does_not_hold_up_the_turn(executions):
    executions.shop.gate = asyncio.Event()
    expiring = asked("r2", expires_at=NOW)
    await executions.put(approved(), expiring)
    async with asyncio.timeout(5):
        assert await executions.executor.run_due() == 2
    assert await executions.state("r2") == "expired"
    executions.shop.gate.set()
    await asyncio.gather(*executions.executor.under_way)


async def test_two_executors_carry_it_out_once(executions):
    await executions.put(*(approved(f"r{n}", order=OrderKey("acme", "shop", str(n))) for n in range(6)))
    others = [executions.make_executor() for _ in range(3)]
    await asyncio.gather(*(executions.turn(each) for each in others))
    assert set(executions.shop.effects.values()) == {1}
    assert len(executions.shop.effects) == 6
    assert (await executions.events()).count("approval.executed") == 6


async def test_two_executors_after_a_lost_answer_send_once(executions):
    """Both find that nothing is there; only one sends again."""
    action = OrderAction(key="beforehand-r1", kind=OrderActionKind.REFUND, order_id="5001")
    body = await executions.shop.render_action(action)
    begun = Execution(connection="shop", key=action.key, request=body, attempts=1, started_at=NOW)
    await executions.put(approved(state=ApprovalState.EXECUTING, execution=begun))
    others = [executions.make_executor() for _ in range(3)]
    await asyncio.gather(*(executions.turn(each) for each in others))
    assert (executions.effects, executions.shop.calls["carry_out"]) == (1, 1)
    assert (await executions.events()).count("approval.executed") == 1


async def test_requests_of_one_order_are_carried_out_one_after_the_other(executions):
    await executions.put(approved("r1"), approved("r2", due_at=NOW + timedelta(microseconds=1)))
    executions.clock.pass_(seconds=1)
    assert await executions.executor.run_due() == 1
    await asyncio.gather(*executions.executor.under_way)
    assert [await executions.state(name) for name in ("r1", "r2")] == ["executed", "approved"]
    await executions.turn()
    assert await executions.state("r2") == "executed"


async def test_no_more_than_a_few_run_at_once(executions):
    executions.shop.gate = asyncio.Event()
    await executions.put(*(approved(f"r{n}", order=OrderKey("acme", "shop", str(n))) for n in range(20)))
    assert await executions.executor.run_due() == 8
    executions.shop.gate.set()
    await executions.run(seconds=1)
    assert executions.effects == 20


async def test_once_it_stops_nothing_more_is_begun_and_what_runs_can_be_waited_for(executions):
    executions.shop.gate = asyncio.Event()
    await executions.put(approved(), approved("r2", order=OrderKey("acme", "shop", "2")))
    executions.executor.stop()
    assert await executions.executor.run_due() == 0
    executions.executor = executions.make_executor()
    await executions.executor.run_due()
    executions.executor.stop()
    executions.shop.gate.set()
    await asyncio.gather(*executions.executor.under_way)
    assert executions.effects == 2


async def test_who_waits_is_told_that_something_has_ended(executions):
    told = []
    executor = executions.make_executor()
    executor._on_done = lambda: told.append(len(executor.under_way))
    await executions.put(approved())
    await executions.turn(executor)
    assert told == [0]


# --- what is not final ---


async def test_a_vendor_that_works_on_it_is_asked_until_it_is_done(executions):
    key = "beforehand-r1"
    working = ActionReceipt(id="job_1", text="The shop is cancelling it", is_final=False)
    executions.shop.receipts[key] = working
    await executions.put(approved())
    await executions.turn()
    request = await executions.request()
    assert (request.state, request.receipt, request.closed_at) == ("executing", working, None)
    assert NOW < request.due_at <= NOW + timedelta(seconds=4)
    await executions.run(hours=3)
    asked_for = executions.shop.calls["find"]
    assert asked_for < 60
    executions.shop.receipts[key] = ActionReceipt(id="c_1", text="Cancelled")
    await executions.run(hours=1)
    request = await executions.request()
    assert (request.state, request.receipt.id, executions.shop.calls["carry_out"]) == ("executed", "c_1", 1)
    assert await executions.events() == ["approval.executed"]


async def test_what_was_taken_on_and_is_not_there_is_never_sent_a_second_time(executions):
    executions.shop.receipts["beforehand-r1"] = ActionReceipt(id="job_1", text="Working", is_final=False)
    await executions.put(approved())
    await executions.turn()
    executions.shop.effects.clear()  # the vendor shows nothing of it any more
    await executions.run(hours=24)
    request = await executions.request()
    assert (request.state, executions.shop.calls["carry_out"]) == ("failed", 1)
    assert "does not show it" in request.error


# --- what time alone does ---


async def test_a_request_expires_exactly_when_its_time_is_over(executions):
    await executions.put(asked(expires_at=NOW + timedelta(hours=1), due_at=NOW + timedelta(hours=1)))
    executions.clock.pass_(minutes=59, seconds=59)
    await executions.turn()
    assert await executions.state() == "pending"
    executions.clock.pass_(seconds=1)
    await executions.turn()
    assert (await executions.state(), await executions.events()) == ("expired", ["approval.expired"])


async def test_reminders_come_until_somebody_decides(executions):
    await executions.put(asked(due_at=NOW + timedelta(hours=3)))
    await executions.run(hours=12)
    assert await executions.events() == ["approval.reminded"] * 3
    assert (await executions.request()).reminded_at == NOW + timedelta(hours=11)


@pytest.mark.parametrize("is_decided_first", [True, False])
async def test_at_the_very_moment_of_expiry_one_of_both_counts(executions, is_decided_first):
    """Whichever transaction comes first; the other sees what became of it."""
    pending = asked(expires_at=NOW, due_at=NOW)
    await executions.put(pending)
    outcomes = []

    def decide(tx):
        latest = tx.approval("r1")
        outcomes.append(latest.state)
        if latest.state is ApprovalState.PENDING:
            record_turn(tx, approved(), "approved", executions.workspaces["acme"], NOW)

    # What the executor has read before is old by then.
    stale = await executions.store.read(lambda tx: tx.due_approvals(NOW, 10))
    if is_decided_first:
        await executions.store.write(decide)
    await executions.executor._look_after(stale, NOW)
    if not is_decided_first:
        await executions.store.write(decide)
    await executions.run(minutes=1)
    expected = ("executed", 1) if is_decided_first else ("expired", 0)
    assert (await executions.state(), executions.effects) == expected
    assert len([event for event in await executions.events() if event != "approval.executed"]) == 1


async def test_one_request_that_breaks_our_code_does_not_keep_the_others(executions, monkeypatch):
    tick = execute.tick

    def breaking(request, policy, now):
        if request.id == "r2":
            raise ZeroDivisionError
        return tick(request, policy, now)

    monkeypatch.setattr(execute, "tick", breaking)
    await executions.put(*(asked(f"r{n}", expires_at=NOW) for n in (1, 2, 3)))
    await executions.turn()
    assert [await executions.state(f"r{n}") for n in (1, 2, 3)] == ["expired", "pending", "expired"]
    assert (await executions.request("r2")).due_at == NOW + timedelta(hours=1)
