"""Events that cannot be read, stored or survived are found out, shown, and hold up no other."""

import pytest

from connectors.money import Money
from server.flows import dead_letters, process
from server.model import OrderKey
from server.store.contract import InboxState, StoreUnavailable
from tests.server.desk import make_workspace, order_seen


@pytest.fixture
def bench(events):
    return events


async def test_what_cannot_be_read_is_a_dead_letter_with_its_reason(bench):
    await bench.send(body=b"[{not json")
    await bench.send(body=b'[{"source": 3}]')
    await bench.send(body=b"!too deep")
    await bench.send(order_seen())
    await bench.process()
    assert await bench.states() == ["dead", "dead", "dead", "done"]
    malformed, mistyped, too_deep = await bench.reasons()
    assert "malformed" in malformed
    assert "$[0].source" in mistyped
    assert too_deep == "RecursionError: maximum recursion depth exceeded"


async def test_one_that_cannot_be_stored_is_given_up_after_five_tries_and_the_others_are_not(bench):
    healthy = [order_seen(str(5100 + n)) for n in range(30)]
    for event in healthy[:15]:
        await bench.send(event)
    await bench.send(order_seen(total=Money(10**30, "USD")))
    for event in healthy[15:]:
        await bench.send(event)
    assert await bench.process() == 31 + 4 + 1
    assert sorted(await bench.states()) == ["dead"] + ["done"] * 30
    (reason,) = await bench.reasons()
    assert reason.startswith("failed 5 times: InvalidOperation")
    assert await bench.record() is None


async def test_one_that_kills_the_process_is_found_out_though_nothing_is_ever_said(bench):
    for order_id in ("5001", "5002"):
        await bench.send(order_seen(order_id))
    # As if each of these had ended in the middle: the attempt was counted before, and nothing came after.
    for _ in range(5):
        await bench.store.write(lambda tx: tx.start_attempt([1]))
    await bench.process()
    assert await bench.states() == ["dead", "done"]
    assert await bench.reasons() == ["failed 5 times: the process ended while working on it"]


async def test_a_suspect_is_tried_alone_and_the_attempt_is_counted_first(bench):
    for order_id in ("5001", "5002", "5003"):
        await bench.send(order_seen(order_id))
    await bench.store.write(lambda tx: tx.start_attempt([2]))
    counted = []
    read = bench.shop.read

    def watched(envelope):
        counted.append(dict(committed))
        return read(envelope)

    committed = []
    start = bench.store.write

    async def write(work):
        result = await start(work)
        committed[:] = await bench.store.read(lambda tx: tx._all("SELECT id, attempts FROM inbox_open"))
        return result

    bench.shop.read = watched
    bench.store.write = write
    await bench.process()
    assert counted[0] == {1: 0, 2: 2, 3: 0}
    assert counted[1] == {1: 1, 3: 1}


async def test_a_dead_letter_can_be_replayed_after_the_mend(bench):
    await bench.send(body=b"!broken")
    await bench.process()
    assert await dead_letters.replay(bench.store, [99]) == 0
    assert await dead_letters.replay(bench.store, [1], workspace="globex") == 0
    bench.shop.read = lambda envelope: (order_seen(),)
    assert await dead_letters.replay(bench.store, [1, 1]) == 1
    await bench.process()
    assert await bench.states() == ["done"]
    assert await bench.record() is not None
    assert await dead_letters.replay(bench.store, [1]) == 0


async def test_all_dead_letters_of_a_workspace_can_be_replayed(bench):
    await bench.send(body=b"!broken")
    await bench.send(body=b"!broken too")
    await bench.send(body=b"!broken", address="globex.shop")
    await bench.process()
    assert await dead_letters.replay(bench.store, None, workspace="acme") == 2
    assert await bench.states() == ["new", "new", "dead"]
    rows = await bench.store.read(lambda tx: tx.inbox([InboxState.NEW], 10))
    assert [(row.attempts, row.reason) for row in rows] == [(0, ""), (0, "")]


async def test_events_of_a_connection_or_workspace_that_is_gone_are_dead_letters(bench):
    await bench.send(order_seen(), address="acme.shop2")
    await bench.send(order_seen(), address="globex.shop")
    await process.record_looks(bench.store, bench.clock, "globex", (order_seen(),))
    del bench.workspaces["globex"]
    bench.workspaces["acme"] = make_workspace("acme")
    await bench.process()
    assert await bench.reasons() == [
        "the configuration has no connection acme.shop2 any more",
        "the configuration has no connection globex.shop any more",
        "the configuration has no workspace globex any more",
    ]


async def test_a_flood_in_one_workspace_does_not_drown_the_others(bench):
    for number in range(50):
        await bench.send(order_seen(str(6000 + number)))
    await bench.send(order_seen(), address="globex.shop")
    await process.process_inbox(bench.workspaces, bench.store, bench.clock, limit=10)
    assert await bench.record(OrderKey("globex", "shop", "5001")) is not None
    assert (await bench.states()).count("done") == 10


async def test_when_storage_fails_nothing_is_given_up(bench):
    await bench.send(order_seen())
    write = bench.store.write

    async def fails(work):
        raise StoreUnavailable("full")

    bench.store.write = fails
    for _ in range(9):
        with pytest.raises(StoreUnavailable):
            await bench.process()
    bench.store.write = write
    await bench.process()
    assert await bench.states() == ["done"]
