"""What becomes of an action when the helpdesk has trouble, refuses, or has shut us out."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from connectors.contract import (
    Denied,
    Garbled,
    Rejected,
    Throttled,
    Unavailable,
    Unreachable,
)
from server.flows import deliver
from server.model import ActionState, OrderKey
from server.store.contract import StoreUnavailable
from tests.server.delivering import NOTE, OPEN, SOLVE
from tests.server.desk import NOW, before, make_workspace


@pytest.fixture
def bench(deliveries):
    return deliveries


async def test_pauses_grow_and_are_never_shorter_than_asked_for(bench):
    errors = [Unavailable("Desk", "503"), Unavailable("Desk", "503", retry_after=120), Unreachable("Desk", "down")]
    bench.desk.trouble["open_ticket"] = [before(error) for error in errors]
    await bench.plan(OPEN)
    waits = []
    for _ in errors:
        await bench.deliver_due()
        not_before = (await bench.action()).not_before
        waits.append((not_before - bench.clock()).total_seconds())
        bench.clock.now = not_before
    assert waits == [10, 120, 30]
    await bench.deliver_due()
    assert (await bench.action()).state is ActionState.DONE
    assert bench.kinds() == ["action_delayed"] * 3 + ["ticket_opened"]


async def test_a_throttled_call_waits_at_least_as_long_as_it_was_told(bench):
    bench.desk.trouble["find_ticket"] = [before(Throttled("Desk", "429", retry_after=60))]
    await bench.plan(OPEN)
    await bench.deliver_due()
    waited = (await bench.action()).not_before - NOW
    assert timedelta(seconds=60) < waited <= timedelta(seconds=65)


def test_in_an_outage_there_are_at_most_three_tries_in_the_first_minute():
    for _ in range(200):
        first, second, third = (deliver.outage_pause(attempts) for attempts in (1, 2, 3))
        assert first <= 2
        assert 30 <= second <= 60
        assert first + second + third > 60


async def test_a_refusal_is_tried_three_times_and_then_shown(bench):
    bench.desk.trouble["open_ticket"] = [before(Rejected("Desk", "422 requester is suspended"))] * 9
    await bench.plan(OPEN, NOTE, SOLVE)
    for _ in range(9):
        await bench.deliver_due()
        bench.clock.pass_(minutes=2)
    assert bench.desk.calls["open_ticket"] == 3
    assert ((await bench.action()).state, (await bench.action()).error) == (
        ActionState.FAILED,
        "Desk: 422 requester is suspended",
    )
    for number in (2, 3):
        later = await bench.action(number)
        assert later.state is ActionState.FAILED
        assert later.error == "its ticket was never opened: Desk: 422 requester is suspended"
    assert bench.desk.tickets == {}


async def test_a_refused_look_up_is_also_given_up_in_the_end(bench):
    bench.desk.trouble["find_ticket"] = [before(Garbled("Desk", "<html>"))] * 9
    await bench.plan(OPEN)
    for _ in range(9):
        await bench.deliver_due()
        bench.clock.pass_(minutes=2)
    assert bench.desk.calls == {"find_ticket": 3}
    assert (await bench.action()).state is ActionState.FAILED


async def test_a_fault_of_our_own_fails_its_action_and_no_other(bench):
    other = OrderKey("acme", "shop", "5002")
    await bench.plan(replace(OPEN, draft=None), replace(OPEN, key="i2:1:open_ticket", order=other))
    for _ in range(4):
        await bench.deliver_due()
        bench.clock.pass_(minutes=2)
    failed = await bench.action()
    assert (failed.state, failed.error) == (ActionState.FAILED, "the action was planned without what it needs")
    assert len(bench.desk.ours()) == 1


async def test_refused_access_is_waited_for_with_few_calls_and_then_everything_is_delivered(bench):
    actions = [
        replace(OPEN, key=f"i{n}:1:open_ticket", order=OrderKey("acme", "shop", str(n)), lead=f"i{n}",
                draft=replace(OPEN.draft, external_id=f"beforehand:acme:i{n}"))
        for n in range(30)
    ]  # fmt: skip
    bench.desk.trouble["find_ticket"] = [before(Denied("Desk", "401"))] * 100
    await bench.plan(*actions)
    calls = []
    for _ in range(30):
        bench.desk.calls.clear()
        await bench.deliver_due()
        calls.append(sum(bench.desk.calls.values()))
        bench.clock.pass_(minutes=1)
    assert max(calls) <= 3
    assert (await bench.store.read(lambda tx: tx.counts())).actions == {"pending": 30, "done": 0}
    bench.desk.trouble.clear()
    for _ in range(7):
        await bench.deliver_due()
        bench.clock.pass_(minutes=1)
    assert len(bench.desk.ours()) == 30


async def test_access_is_waited_for_seven_days_and_then_given_up(bench):
    bench.desk.trouble["find_ticket"] = [before(Denied("Desk", "401 token expired"))] * 5000
    await bench.plan(OPEN)
    bench.clock.pass_(days=6, hours=23)
    await bench.deliver_due()
    assert (await bench.action()).state is ActionState.PENDING
    bench.clock.pass_(hours=2)
    await bench.deliver_due()
    assert ((await bench.action()).state, (await bench.action()).error) == (
        ActionState.FAILED,
        "Desk: 401 token expired",
    )


async def test_a_helpdesk_that_is_not_configured_any_more_is_waited_for(bench):
    await bench.plan(OPEN)
    bench.workspaces["acme"] = make_workspace("acme")
    await bench.deliver_due()
    waiting = await bench.action()
    assert (waiting.state, waiting.error) == (ActionState.PENDING, "the configuration has no helpdesk desk")
    bench.make_courier()
    bench.clock.pass_(minutes=6)
    await bench.deliver_due()
    assert len(bench.desk.ours()) == 1


async def test_when_the_result_cannot_be_stored_it_is_found_again(bench):
    await bench.plan(OPEN)
    write, writes = bench.store.write, []

    async def fails_the_second_time(work):
        writes.append(work)
        if len(writes) == 2:
            raise StoreUnavailable("full")
        return await write(work)

    bench.store.write = fails_the_second_time
    with pytest.raises(StoreUnavailable):
        await bench.deliver_due()
    assert (await bench.action()).state is ActionState.SENDING
    await bench.deliver_due()
    assert len(bench.desk.ours()) == 1
    assert bench.desk.calls["open_ticket"] == 1
    assert (await bench.action()).state is ActionState.DONE


async def test_one_call_delivers_one_action(bench):
    await bench.plan(OPEN)
    (due,) = await bench.store.read(lambda tx: tx.due_actions(NOW, 1))
    await deliver.deliver(due, bench.workspaces, bench.store, bench.clock)
    assert (await bench.action()).state is ActionState.DONE
