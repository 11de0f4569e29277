"""Whatever is lost on the way to a vendor and back, what was approved happens once, or surely not at all."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.contract import (
    CameToNothing,
    Collided,
    Denied,
    Garbled,
    Interrupted,
    Missing,
    Rejected,
    Throttled,
    TimedOut,
    Unavailable,
    Unreachable,
)
from connectors.order_actions import OrderAction, OrderActionKind
from server.approval_model import ApprovalState, Execution
from server.flows import execution
from server.flows.execution_books import Books
from server.store.contract import StoreUnavailable
from server.store.sqlite import SqliteStore
from tests.server.desk import NOW, Clock, after, before
from tests.server.executing import Executions, approved, rejecting

ACTION = OrderAction(key="beforehand-r1", kind=OrderActionKind.REFUND, order_id="5001")
UNKNOWN = [
    TimedOut("Shop", "no complete answer within the time limit"),
    Interrupted("Shop", "cut"),
    Unavailable("Shop", "503", status=503),
    Garbled("Shop", "<html>"),
    Collided("Shop", "409", status=409),
    KeyError("a fault of ours"),
    TimeoutError(),
]
UNSENT = [
    Unreachable("Shop", "no route"),
    Throttled("Shop", "429", retry_after=40.0, status=429),
    Denied("Shop", "401", status=401),
]


def named(error):
    return type(error).__name__


# --- nobody knows whether it arrived ---


@pytest.mark.parametrize("error", UNKNOWN, ids=named)
async def test_a_lost_answer_is_looked_up_and_nothing_is_sent_again(executions, error):
    executions.shop.trouble["carry_out"] = [after(error)]
    await executions.put(approved())
    await executions.turn()
    request = await executions.request()
    assert (request.state, request.execution.started_at) == ("executing", NOW)
    assert request.execution.error
    await executions.run(hours=1)
    request = await executions.request()
    assert (request.state, request.execution.error, executions.effects) == ("executed", "", 1)
    assert executions.shop.calls == {"render": 1, "carry_out": 1, "find": 1}
    assert await executions.events() == ["approval.executed"]


@pytest.mark.parametrize("error", UNKNOWN, ids=named)
async def test_what_surely_did_not_arrive_is_sent_again_with_the_same_bytes_and_key(executions, error):
    executions.shop.trouble["carry_out"] = [before(error), after(error)]
    await executions.put(approved())
    await executions.run(hours=1)
    assert (await executions.state(), executions.effects) == ("executed", 1)
    assert len(executions.shop.sent) == 2
    assert len(set(executions.shop.sent)) == 1
    assert executions.shop.calls["render"] == 1


async def test_what_may_be_under_way_is_not_looked_for_at_once(executions):
    executions.shop.trouble["carry_out"] = [before(UNKNOWN[0])]
    await executions.put(approved())
    await executions.turn()
    assert (await executions.request()).due_at >= NOW + timedelta(seconds=10)


CANNOT_LOOK = [*UNKNOWN, *UNSENT, Missing("Shop", "404", status=404), rejecting()]


@pytest.mark.parametrize("error", [error for error in CANNOT_LOOK if not isinstance(error, KeyError)], ids=named)
async def test_as_long_as_it_cannot_be_looked_up_nothing_is_sent(executions, error):
    executions.shop.trouble["carry_out"] = [after(UNKNOWN[0])]
    executions.shop.trouble["find"] = [before(error)] * 300
    await executions.put(approved())
    await executions.run(hours=30)
    request = await executions.request()
    assert (request.state, executions.shop.calls["carry_out"], executions.effects) == ("executing", 1, 1)
    assert 20 < executions.shop.calls["find"] < 300, "it gives up, or knocks all the time"
    executions.shop.trouble.clear()
    await executions.run(hours=2)
    assert (await executions.state(), executions.effects) == ("executed", 1)


async def test_a_connector_that_breaks_while_it_looks_makes_nothing_be_sent(executions):
    executions.shop.trouble["carry_out"] = [after(UNKNOWN[0])]
    executions.shop.trouble["find"] = [before(KeyError("a fault of ours"))] * 5
    await executions.put(approved())
    await executions.run(hours=2)
    assert (await executions.state(), executions.effects, executions.shop.calls["carry_out"]) == ("executed", 1, 1)


async def test_nothing_is_sent_any_more_once_the_vendors_memory_of_keys_may_be_over(executions):
    executions.shop.trouble["carry_out"] = [before(Unavailable("Shop", "500", status=500))] * 1000
    await executions.put(approved())
    await executions.run(days=3)
    request = await executions.request()
    assert (request.state, request.closed_at) <= ("failed", NOW + timedelta(hours=20, minutes=11))
    assert request.error == "not carried out within 20 hours of the approval: Shop has trouble of its own right now"
    assert executions.effects == 0
    assert (await executions.events()) == ["approval.failed"]


async def test_a_refusal_of_a_repeat_is_not_believed_before_it_was_looked_up(executions):
    """The first try was still under way when it was looked for, and used up what could be refunded."""
    executions.shop.trouble["carry_out"] = [before(UNKNOWN[0])]
    await executions.put(approved())
    await executions.turn()
    carry_out = executions.shop.carry_out

    async def arrives_late(request, key):
        executions.shop.effects[key] += 1
        raise Rejected("Shop", "nothing is left to refund")

    executions.shop.carry_out = arrives_late
    await executions.run(minutes=1)
    executions.shop.carry_out = carry_out
    assert (await executions.state(), executions.effects) == ("executed", 1)
    assert await executions.events() == ["approval.executed"]


async def test_a_refusal_of_a_repeat_that_cannot_be_looked_up_is_not_believed(executions):
    executions.shop.trouble["carry_out"] = [before(UNKNOWN[0]), before(rejecting())]
    executions.shop.trouble["find"] = [("", None), before(UNKNOWN[1])]
    await executions.put(approved())
    await executions.turn()
    await executions.run(seconds=21)
    assert await executions.state() == "executing"


async def test_what_was_taken_on_and_failed_is_over(executions):
    executions.shop.trouble["carry_out"] = [after(UNKNOWN[0])]
    executions.shop.trouble["find"] = [before(CameToNothing("Shop", "the refund failed: the card has expired"))]
    await executions.put(approved())
    await executions.run(hours=1)
    request = await executions.request()
    assert (request.state, request.error) == ("failed", "Shop: the refund failed: the card has expired")
    assert executions.shop.calls["carry_out"] == 1


async def test_a_connector_that_breaks_again_and_again_is_left_alone(executions):
    executions.shop.trouble["carry_out"] = [before(KeyError("x"))] * 100
    await executions.put(approved())
    await executions.run(hours=2)
    request = await executions.request()
    assert (request.state, executions.shop.calls["carry_out"]) == ("failed", 3)
    assert request.error == "a fault in Beforehand (KeyError); nothing was carried out"


async def test_a_call_that_never_ends_is_cut_off_and_looked_up(executions, monkeypatch):
    monkeypatch.setattr(execution, "LONGEST_CALL", 0.01)
    gate = asyncio.Event()
    carry_out = executions.shop.carry_out

    async def hang(request, key):
        await carry_out(request, key)
        await gate.wait()

    executions.shop.carry_out = hang
    await executions.put(approved())
    await executions.turn()
    assert (await executions.request()).execution.error == "no answer came in time"
    await executions.run(minutes=1)
    assert (await executions.state(), executions.effects) == ("executed", 1)


# --- surely nothing arrived ---


@pytest.mark.parametrize("error", UNSENT, ids=named)
async def test_what_surely_never_left_is_tried_later_without_a_look(executions, error):
    executions.shop.trouble["carry_out"] = [before(error), before(error)]
    await executions.put(approved())
    await executions.turn()
    request = await executions.request()
    assert (request.state, request.execution.started_at, request.execution.attempts) == ("approved", None, 1)
    assert request.due_at > NOW
    await executions.run(hours=1)
    assert (await executions.state(), executions.effects) == ("executed", 1)
    assert len(set(executions.shop.sent)) == 1
    assert executions.shop.calls == {"render": 1, "carry_out": 3}


@pytest.mark.parametrize("error", UNSENT, ids=named)
async def test_a_repeat_that_never_left_says_nothing_of_the_try_before(executions, error):
    executions.shop.trouble["carry_out"] = [after(UNKNOWN[0])]
    executions.shop.trouble["find"] = [before(UNKNOWN[1])]
    await executions.put(approved())
    await executions.turn()
    effects, executions.shop.effects = executions.shop.effects, type(executions.shop.effects)()
    executions.shop.trouble["carry_out"] = [before(error)]
    executions.shop.trouble["find"] = []
    await executions.run(minutes=2)  # it is not to be found, so it is sent again, which does not even leave us
    executions.shop.effects = effects  # now the first one shows
    await executions.run(hours=2)
    assert (await executions.state(), executions.effects) == ("executed", 1)


async def test_a_vendor_is_not_asked_before_the_time_that_it_named(executions):
    executions.shop.trouble["carry_out"] = [before(UNSENT[1])]
    await executions.put(approved())
    await executions.turn()
    assert (await executions.request()).due_at >= NOW + timedelta(seconds=40)


async def test_refused_access_is_waited_for_and_then_said(executions):
    executions.shop.trouble["carry_out"] = [before(Denied("Shop", "401", status=401))] * 1000
    await executions.put(approved())
    await executions.run(hours=19)
    request = await executions.request()
    assert (request.state, request.execution.error) == (
        "approved",
        "Shop refused our access: an admin must reconnect it",
    )
    assert executions.shop.calls["carry_out"] <= 19 * 25
    await executions.run(hours=2)
    assert (await executions.request()).error == (
        "not carried out within 20 hours of the approval: Shop refused our access: an admin must reconnect it"
    )


async def test_an_approval_that_is_too_old_is_not_carried_out(executions):
    """The server was off for two days: the order may be another one by now."""
    executions.clock.pass_(days=2)
    await executions.put(approved())
    await executions.turn()
    assert (await executions.state(), executions.shop.calls.total()) == ("failed", 0)


@pytest.mark.parametrize("error", [rejecting("only $3.00 can still be refunded"), Missing("Shop", "it is gone")])
async def test_a_refusal_is_over_at_once_in_the_vendors_words(executions, error):
    executions.shop.trouble["carry_out"] = [before(error)]
    await executions.put(approved())
    await executions.turn()
    request = await executions.request()
    assert (request.state, request.error, request.due_at) == ("failed", f"Shop: {error.detail}", None)
    assert await executions.events() == ["approval.failed"]


async def test_a_refusal_without_words_is_said_without_the_bytes_of_the_answer(executions):
    executions.shop.trouble["carry_out"] = [before(Rejected("Shop", '422 POST /x: {"errors":', status=422))]
    await executions.put(approved())
    await executions.turn()
    assert (await executions.request()).error == "Shop refused the request"


# --- nothing was prepared yet ---


@pytest.mark.parametrize("error", [*UNSENT, *UNKNOWN[:5], TimeoutError()], ids=named)
async def test_what_cannot_be_prepared_is_prepared_later(executions, error):
    executions.shop.trouble["render"] = [before(error)] * 2
    await executions.put(approved())
    await executions.turn()
    request = await executions.request()
    assert (request.state, request.execution.attempts, request.execution.request) == ("approved", 0, None)
    await executions.run(hours=1)
    assert (await executions.state(), executions.effects) == ("executed", 1)


async def test_what_the_order_does_not_allow_any_more_fails(executions):
    executions.shop.trouble["render"] = [before(rejecting("the order was shipped"))]
    await executions.put(approved())
    await executions.turn()
    assert ((await executions.request()).error, executions.shop.calls["carry_out"]) == (
        "Shop: the order was shipped",
        0,
    )


async def test_what_breaks_our_code_before_anything_left_fails_and_says_so(executions):
    executions.shop.trouble["render"] = [before(ZeroDivisionError())]
    await executions.put(approved())
    await executions.turn()
    request = await executions.request()
    assert request.error == "a fault in Beforehand (ZeroDivisionError); nothing was sent"


# --- our own trouble ---


class BreakableStore:
    """The store, which cannot write while `broken`."""

    def __init__(self, store):
        self._store = store
        self.broken = False
        self.refused = 0

    async def write(self, work):
        if self.broken:
            self.refused += 1
            raise StoreUnavailable("the disk is full")
        return await self._store.write(work)

    def __getattr__(self, name):
        return getattr(self._store, name)


async def test_a_result_that_cannot_be_stored_is_found_again(executions):
    store = BreakableStore(executions.store)
    executions.executor = executions.make_executor(store)
    carry_out = executions.shop.carry_out

    async def then_the_disk_is_full(request, key):
        store.broken = True
        return await carry_out(request, key)

    executions.shop.carry_out = then_the_disk_is_full
    await executions.put(approved())
    await executions.turn()
    assert (await executions.state(), executions.effects, store.refused) == ("executing", 1, 1)
    store.broken = False
    executions.shop.carry_out = carry_out
    await executions.run(minutes=5)
    assert (await executions.state(), executions.effects, executions.shop.calls["carry_out"]) == ("executed", 1, 1)
    assert await executions.events() == ["approval.executed"]


async def test_nothing_leaves_before_it_could_be_stored(executions):
    store = BreakableStore(executions.store)
    executor = executions.make_executor(store)
    await executions.put(approved())
    store.broken = True
    await executions.turn(executor)
    assert (executions.effects, executions.shop.sent) == (0, [])


@pytest.mark.parametrize("did_arrive", [True, False])
async def test_what_a_process_before_us_left_half_done_is_found_out(executions, did_arrive):
    body = await executions.shop.render_action(ACTION)
    begun = Execution(connection="shop", key="beforehand-r1", request=body, attempts=1, started_at=NOW)
    due = NOW + timedelta(seconds=90)
    await executions.put(approved(state=ApprovalState.EXECUTING, execution=begun, due_at=due))
    executions.shop.effects["beforehand-r1"] += did_arrive
    executions.executor = executions.make_executor()
    await executions.run(minutes=5)
    assert (await executions.state(), executions.effects) == ("executed", 1)


async def test_a_connection_that_was_removed_leaves_it_open(executions):
    begun = Execution(connection="old", key="beforehand-r1", request=b"x", attempts=1, started_at=NOW)
    await executions.put(approved(state=ApprovalState.EXECUTING, execution=begun))
    await executions.run(hours=30)
    request = await executions.request()
    assert request.state == "executing"
    assert "cannot be looked up" in request.execution.error


async def test_a_success_counts_though_another_process_had_given_up(executions):
    """It had hung for longer than its lease, and the other one was refused."""
    await executions.put(approved())
    await executions.turn()
    begun = await executions.request()
    await executions.put(approved(state=ApprovalState.FAILED, execution=begun.execution, error="refused", due_at=None))
    books = Books(executions.workspaces["acme"], executions.store, executions.clock)
    assert await books.finish(begun, begun.receipt)
    assert await executions.state() == "executed"


# --- any sequence of troubles ---

FAULTS = st.sampled_from(
    [("", None), *(before(error) for error in (*UNKNOWN, *UNSENT)), *(after(error) for error in UNKNOWN)]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sends=st.lists(FAULTS, max_size=5), looks=st.lists(FAULTS, max_size=5), renders=st.lists(FAULTS, max_size=2))
async def test_whatever_happens_in_whatever_sequence_there_is_one_effect_and_the_truth(
    tmp_path_factory, sends, looks, renders
):
    clock = Clock()
    store = await SqliteStore.open(tmp_path_factory.mktemp("any") / "beforehand.db", clock=clock)
    bench = Executions(store, clock)
    bench.shop.trouble.update(carry_out=list(sends), find=list(looks), render=list(renders))
    await bench.put(approved())
    await bench.run(hours=72)
    state = await bench.state()
    assert state in (ApprovalState.EXECUTED, ApprovalState.FAILED)
    assert bench.effects == (1 if state is ApprovalState.EXECUTED else 0)
    assert await bench.events() == [f"approval.{state}"]
    await store.close()
