"""What every store owes to the inbox (`server/store/contract.py`): run against each implementation."""

import asyncio
from datetime import timedelta

import pytest

from server.store.contract import InboxState
from tests.server.desk import NOW
from tests.server.storing import NAME, PAYMENT, ids, item


async def test_what_is_accepted_can_be_read_back_to_the_letter(store):
    sent = item(1, body=b"\x00\xff" * 5000)
    assert await store.accept(sent)
    (row,) = await store.read(lambda tx: tx.inbox([InboxState.NEW], 10))
    assert row.item == sent
    assert (row.state, row.attempts, row.reason) == (InboxState.NEW, 0, "")
    assert await store.read(lambda tx: tx.inbox_row(row.id)) == row
    assert await store.read(lambda tx: tx.inbox_row(row.id + 1)) is None


@pytest.mark.parametrize(
    ("again", "is_new"),
    [
        (item(1), False),
        (item(1, digest=b"other-digest-16b"), False),
        (item(2, digest=item(1).digest), False),
        (item(1, delivery_key=""), False),
        (item(1, workspace="globex"), True),
        (item(1, connection="stripe"), True),
        (item(2), True),
    ],
    ids=["same", "same key", "same word", "same word without a key", "other workspace", "other connection", "other"],
)
async def test_a_repeat_is_found_by_its_key_or_by_its_word_within_its_connection(store, again, is_new):
    assert await store.accept(item(1))
    assert await store.accept(again) is is_new
    assert await store.write(lambda tx: tx.add_inbox(again)) is False


async def test_deliveries_without_a_key_are_not_repeats_of_each_other(store):
    assert await store.accept(item(1, delivery_key=""))
    assert await store.accept(item(2, delivery_key=""))


async def test_of_many_copies_at_once_exactly_one_is_new(store):
    answers = await asyncio.gather(*(store.accept(item(1 + n % 3)) for n in range(90)))
    assert sum(answers) == 3
    assert len(await ids(store, InboxState.NEW)) == 3


async def test_rows_are_listed_oldest_first_by_state_and_workspace(store):
    for number in range(1, 7):
        await store.accept(item(number, workspace="acme" if number % 2 else "globex"))
    first, second, third, *_ = await ids(store, InboxState.NEW)

    def work(tx):
        tx.settle(first, InboxState.DONE)
        tx.settle(second, InboxState.DEAD, "no id")
        tx.settle(third, InboxState.REFUSED, "fits two")

    await store.write(work)
    assert await ids(store, InboxState.DONE) == [first]
    assert await ids(store, InboxState.DEAD, InboxState.REFUSED) == [second, third]
    assert await ids(store, *InboxState) == [1, 2, 3, 4, 5, 6]
    acme = await store.read(lambda tx: tx.inbox(InboxState, 2, workspace="acme"))
    assert [(row.id, row.state) for row in acme] == [(first, InboxState.DONE), (third, InboxState.REFUSED)]
    dead = await store.read(lambda tx: tx.inbox_row(second))
    assert dead.reason == "no id"


async def test_attempts_count_until_a_row_starts_afresh(store):
    await store.accept(item(1))
    (row_id,) = await ids(store, InboxState.NEW)

    async def after(work):
        await store.write(work)
        row = await store.read(lambda tx: tx.inbox_row(row_id))
        return row.state, row.attempts, row.reason

    assert await after(lambda tx: tx.start_attempt([row_id])) == (InboxState.NEW, 1, "")
    assert await after(lambda tx: tx.settle(row_id, InboxState.NEW, "boom")) == (InboxState.NEW, 1, "boom")
    assert await after(lambda tx: tx.start_attempt([row_id])) == (InboxState.NEW, 2, "boom")
    assert await after(lambda tx: tx.settle(row_id, InboxState.DEAD, "no")) == (InboxState.DEAD, 2, "no")
    assert await after(lambda tx: tx.settle(row_id, InboxState.NEW)) == (InboxState.NEW, 0, "")
    await store.write(lambda tx: tx.start_attempt([row_id]))
    assert await after(lambda tx: tx.wait_for(row_id, "acme", [NAME])) == (InboxState.WAITING, 0, "")
    assert await after(lambda tx: tx.settle(row_id, InboxState.DONE)) == (InboxState.DONE, 0, "")
    assert await after(lambda tx: tx.settle(row_id, InboxState.NEW)) == (InboxState.NEW, 0, "")


async def test_a_row_waits_until_it_is_settled(store):
    await store.accept(item(1))
    await store.accept(item(2))

    def work(tx):
        tx.wait_for(1, "acme", [NAME, PAYMENT])
        tx.wait_for(2, "acme", [PAYMENT])

    await store.write(work)
    assert await store.write(lambda tx: tx.waiting_for("acme", [NAME, PAYMENT])) == (1, 2)
    assert await store.write(lambda tx: tx.waiting_for("acme", [NAME])) == (1,)
    assert await store.write(lambda tx: tx.waiting_for("globex", [NAME])) == ()
    await store.write(lambda tx: tx.wait_for(1, "acme", [NAME]))
    assert await store.write(lambda tx: tx.waiting_for("acme", [PAYMENT])) == (2,)
    await store.write(lambda tx: tx.settle(2, InboxState.NEW))
    assert await store.write(lambda tx: tx.waiting_for("acme", [PAYMENT])) == ()


async def test_stopped_rows_can_be_started_again_by_workspace(store):
    for number, workspace in enumerate(["acme", "acme", "globex", "acme"], 1):
        await store.accept(item(number, workspace=workspace))

    def work(tx):
        tx.start_attempt([1])
        tx.settle(1, InboxState.DEAD, "bad")
        tx.settle(2, InboxState.REFUSED, "fits two")
        tx.settle(3, InboxState.DEAD, "bad")

    await store.write(work)
    assert await store.write(lambda tx: tx.restart_stopped("acme")) == 2
    assert await ids(store, InboxState.NEW) == [1, 2, 4]
    assert await store.write(lambda tx: tx.restart_stopped()) == 1
    rows = await store.read(lambda tx: tx.inbox([InboxState.NEW], 10))
    assert [(row.attempts, row.reason) for row in rows] == [(0, "")] * 4


async def test_only_what_is_done_and_old_is_forgotten_and_only_so_much(store):
    for number in range(1, 6):
        await store.accept(item(number))

    def work(tx):
        for row_id in (1, 2, 4, 5):
            tx.settle(row_id, InboxState.DONE)

    await store.write(work)
    before = NOW + timedelta(seconds=5)
    assert await store.write(lambda tx: tx.forget_done(before, 2)) == 2
    assert await ids(store, *InboxState) == [3, 4, 5]
    assert await store.write(lambda tx: tx.forget_done(before, 2)) == 1
    assert await store.write(lambda tx: tx.forget_done(before, 2)) == 0
    assert await ids(store, *InboxState) == [3, 5]
    assert await store.accept(item(1))
