"""What every store owes to a policy that has changed: which orders it may matter to, a few at a time."""

from datetime import timedelta

from server.model import IssueState, OrderKey
from server.store.contract import PolicyMark
from tests.server.desk import NOW
from tests.server.storing import issue, put

LATER = NOW + timedelta(hours=5)
SOONER = NOW - timedelta(hours=1)


def key(number, workspace="acme"):
    return OrderKey(workspace, "shop", str(number))


async def due(store, at=NOW):
    return {found.order_id for found in await store.read(lambda tx: tx.due_orders(at, 100))}


async def test_a_mark_is_kept_for_each_workspace(store):
    first = PolicyMark(workspace="acme", digest=b"1", reviewed_to="acme/shop/1")
    await store.write(lambda tx: tx.put_policy_mark(first))
    assert await store.read(lambda tx: tx.policy_mark("acme")) == first
    assert await store.read(lambda tx: tx.policy_mark("globex")) is None
    second = PolicyMark(workspace="acme", digest=b"2")
    await store.write(lambda tx: tx.put_policy_mark(second))
    assert await store.read(lambda tx: tx.policy_mark("acme")) == second


async def test_only_orders_that_time_or_trouble_keeps_open_are_looked_at_again(store):
    def work(tx):
        put(tx, key(1), review_at=LATER)
        put(tx, key(2), review_at=None)
        put(tx, key(3), review_at=None)
        tx.put_issue(issue(3, key(3)))
        put(tx, key(4), review_at=None)
        tx.put_issue(issue(4, key(4), state=IssueState.SOLVED))
        put(tx, key(5), review_at=SOONER)
        return tx.review_after("acme", "", 100, NOW)

    assert await store.write(work) is None, "that was all"
    assert await due(store) == {"1", "3", "5"}
    assert await due(store, SOONER) == {"5"}, "what is due sooner stays due sooner"


async def test_it_goes_on_where_it_stopped_and_keeps_to_its_workspace(store):
    def work(tx):
        for number in range(5):
            put(tx, key(number), review_at=LATER)
        # Names that lie around `acme/` however they are sorted.
        for other in ("acme-2", "acmf", "acm", "acme_", "globex"):
            put(tx, key(9, other), review_at=LATER)

    await store.write(work)
    last, seen = "", []
    while last is not None:
        before = await due(store)
        last = await store.write(lambda tx, after=last: tx.review_after("acme", after, 2, NOW))
        seen.append(await due(store) - before)
    assert seen == [{"0", "1"}, {"2", "3"}, {"4"}]
