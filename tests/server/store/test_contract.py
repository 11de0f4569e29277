"""What every store owes (`server/store/contract.py`): one suite, run against each implementation."""

import asyncio
from datetime import timedelta

import pytest

from connectors.model import Order
from server.model import (
    Action,
    ActionKind,
    ActionState,
    Issue,
    IssueState,
    Kind,
    OrderKey,
    OrderRecord,
    Role,
    Said,
    Severity,
)
from server.store.contract import (
    Counts,
    InboxItem,
    InboxState,
    OrderSummary,
    Reference,
    ReferenceKind,
    StoreUnavailable,
    TokenRow,
)
from server.store.sqlite import SqliteStore
from tests.server.desk import NOW

IMPLEMENTATIONS = {"sqlite": lambda folder: SqliteStore.open(folder / "beforehand.db", clock=lambda: NOW)}

KEY = OrderKey("acme", "shop", "5001")
OTHER = OrderKey("acme", "shop", "5002")
NAME = Reference(ReferenceKind.NAME, "1001")
PAYMENT = Reference(ReferenceKind.PAYMENT, "pi_1")
TICKET = Reference(ReferenceKind.TICKET, "desk|77")


@pytest.fixture(params=IMPLEMENTATIONS)
async def store(request, tmp_path):
    opened = await IMPLEMENTATIONS[request.param](tmp_path)
    yield opened
    await opened.close()


def item(number=1, **facts):
    facts = {"workspace": "acme", "connection": "shop", "delivery_key": f"key-{number}", **facts}
    return InboxItem(
        digest=facts.pop("digest", number.to_bytes(16, "big")),
        headers={"x-topic": "orders/paid"},
        body=facts.pop("body", b'{"id":%d}' % number),
        received_at=NOW + timedelta(seconds=number, microseconds=1),
        **facts,
    )


def put(tx, key=KEY, references=(NAME,), *, review_at=None, placed_at=NOW, record=None):
    return tx.put_record(
        record or OrderRecord(key=key, order={"shop": Said(Order(id=key.order_id), {"id": NOW})}),
        references,
        review_at=review_at,
        name="#1001",
        placed_at=placed_at,
        email="jane@example.com",
        customer_name="Jane",
        total="$50.00",
    )


def issue(number=1, order=KEY, **facts):
    return Issue(
        id=f"issue{number}",
        order=order,
        kind=Kind.TRACKING_STALLED,
        severity=Severity.NORMAL,
        headline="has had no carrier scan",
        since=NOW,
        opened_at=NOW + timedelta(minutes=number),
        **{"state": IssueState.OPEN, **facts},
    )


def action(number=1, order=KEY, **facts):
    return Action(
        key=f"{order.order_id}:{number}",
        order=order,
        kind=ActionKind.ADD_NOTE,
        connection="desk",
        issue_ids=("issue1",),
        lead="issue1",
        created_at=NOW,
        **{"not_before": NOW, **facts},
    )


async def ids(store, *states):
    return [row.id for row in await store.read(lambda tx: tx.inbox(states, 100))]


# --- the inbox ----------------------------------------------------------------------------------------------------


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


# --- orders -------------------------------------------------------------------------------------------------------


async def test_an_order_is_found_by_any_of_its_names_within_its_workspace(store):
    foreign = OrderKey("globex", "shop", "5001")

    def work(tx):
        put(tx, OTHER, [PAYMENT])
        put(tx, KEY, [NAME, PAYMENT])
        put(tx, foreign, [NAME])

    await store.write(work)
    assert await store.read(lambda tx: tx.find("acme", [NAME, PAYMENT])) == (KEY, OTHER)
    assert await store.read(lambda tx: tx.find("globex", [NAME, PAYMENT])) == (foreign,)
    assert await store.read(lambda tx: tx.find("acme", [Reference(ReferenceKind.ORDER_ID, "1001")])) == ()
    assert await store.read(lambda tx: tx.find("acme", [])) == ()


async def test_a_record_comes_back_as_it_was_stored(store):
    record = OrderRecord(
        key=KEY, order={"shop": Said(Order(id="5001", placed_at=NOW, attributes={"gift": "ja ☃"}), {"id": NOW})}
    )
    await store.write(lambda tx: put(tx, record=record))
    assert await store.read(lambda tx: tx.record(KEY)) == record
    assert await store.read(lambda tx: tx.record(OTHER)) is None


async def test_names_become_those_given_and_tickets_stay_linked(store):
    assert await store.write(lambda tx: put(tx, KEY, [NAME, PAYMENT])) == (NAME, PAYMENT)
    await store.write(lambda tx: tx.link_ticket(KEY, "desk", "77"))
    await store.write(lambda tx: tx.link_ticket(KEY, "desk", "77"))
    tracking = Reference(ReferenceKind.TRACKING, "ups|1Z1")
    assert await store.write(lambda tx: put(tx, KEY, [PAYMENT, tracking])) == (tracking,)
    assert await store.write(lambda tx: put(tx, KEY, [PAYMENT, tracking])) == ()
    assert await store.read(lambda tx: tx.find("acme", [NAME])) == ()
    assert await store.read(lambda tx: tx.find("acme", [tracking])) == (KEY,)
    assert await store.read(lambda tx: tx.find("acme", [TICKET])) == (KEY,)


async def test_search_lists_orders_newest_first(store):
    oldest, newest = OrderKey("acme", "shop", "1"), OrderKey("acme", "shop", "3")

    def work(tx):
        put(tx, oldest, placed_at=NOW - timedelta(days=9))
        put(tx, KEY, placed_at=None)
        put(tx, newest, placed_at=NOW)

    await store.write(work)
    found = await store.read(lambda tx: tx.search("acme", [NAME], 2))
    assert [summary.key for summary in found] == [newest, oldest]
    assert found[0] == OrderSummary(
        key=newest, name="#1001", placed_at=NOW, email="jane@example.com", customer_name="Jane", total="$50.00"
    )
    assert len(await store.read(lambda tx: tx.search("acme", [NAME], 10))) == 3


async def test_orders_are_due_when_their_time_has_come_the_longest_due_first(store):
    late = OrderKey("acme", "shop", "9/9")

    def work(tx):
        put(tx, KEY, review_at=NOW)
        put(tx, OTHER, review_at=NOW + timedelta(microseconds=1))
        put(tx, late, review_at=NOW - timedelta(days=1))
        put(tx, OrderKey("acme", "shop", "4"), review_at=None)

    await store.write(work)
    assert await store.read(lambda tx: tx.due_orders(NOW, 10)) == (late, KEY)
    assert await store.read(lambda tx: tx.due_orders(NOW, 1)) == (late,)
    assert await store.read(lambda tx: tx.next_due_at()) == NOW - timedelta(days=1)
    await store.write(lambda tx: tx.set_review(late, NOW + timedelta(days=1)))
    await store.write(lambda tx: tx.set_review(KEY, None))
    assert await store.read(lambda tx: tx.due_orders(NOW, 10)) == ()
    assert await store.read(lambda tx: tx.next_due_at()) == NOW + timedelta(microseconds=1)


# --- issues and actions -------------------------------------------------------------------------------------------


async def test_issues_are_replaced_by_id_and_listed_both_ways(store):
    first, second, foreign = issue(1), issue(2), issue(3, OrderKey("globex", "shop", "1"))

    def work(tx):
        for each in (second, first, foreign):
            tx.put_issue(each)

    await store.write(work)
    assert await store.read(lambda tx: tx.issues_of(KEY)) == (first, second)
    solved = issue(2, state=IssueState.SOLVED)
    await store.write(lambda tx: tx.put_issue(solved))
    assert await store.read(lambda tx: tx.issues_of(KEY)) == (first, solved)
    assert await store.read(lambda tx: tx.issues("acme", open_only=False, limit=10)) == (solved, first)
    assert await store.read(lambda tx: tx.issues("acme", open_only=True, limit=10)) == (first,)
    assert await store.read(lambda tx: tx.issues("acme", open_only=False, limit=1)) == (solved,)


async def test_only_the_oldest_unfinished_action_of_an_order_is_due(store):
    first, second, elsewhere = action(1), action(2, not_before=NOW - timedelta(hours=1)), action(3, OTHER)

    def work(tx):
        for each in (first, second, elsewhere):
            tx.put_action(each)

    await store.write(work)
    assert await store.read(lambda tx: tx.actions_of(KEY)) == (first, second)
    assert await store.read(lambda tx: tx.due_actions(NOW, 10)) == (first, elsewhere)
    assert await store.read(lambda tx: tx.due_actions(NOW, 1)) == (first,)
    waiting = action(1, state=ActionState.SENDING, not_before=NOW + timedelta(hours=1), request=b"\x00bytes")
    await store.write(lambda tx: tx.put_action(waiting))
    assert await store.read(lambda tx: tx.actions_of(KEY)) == (waiting, second)
    assert await store.read(lambda tx: tx.due_actions(NOW, 10)) == (elsewhere,)
    assert await store.read(lambda tx: tx.next_due_at()) == NOW
    await store.write(lambda tx: tx.put_action(action(1, state=ActionState.FAILED)))
    assert await store.read(lambda tx: tx.due_actions(NOW, 10)) == (second, elsewhere)
    await store.write(lambda tx: tx.put_action(action(2, state=ActionState.DONE)))
    await store.write(lambda tx: tx.put_action(action(3, OTHER, state=ActionState.DONE)))
    assert await store.read(lambda tx: tx.due_actions(NOW + timedelta(days=9), 10)) == ()
    assert await store.read(lambda tx: tx.next_due_at()) is None


# --- tokens and figures -------------------------------------------------------------------------------------------


async def test_tokens_are_found_by_digest_and_replaced_by_id(store):
    def row(token_id, **facts):
        digest = token_id.encode().ljust(32, b".")
        facts = {"workspace": "acme", "role": Role.AGENT, "user": "jane", "created_at": NOW, **facts}
        return TokenRow(id=token_id, digest=digest, **facts)

    first, second, foreign = row("a"), row("b"), row("c", workspace="globex")

    def work(tx):
        for each in (first, second, foreign):
            tx.put_token(each)

    await store.write(work)
    assert await store.read(lambda tx: tx.token(first.digest)) == first
    assert await store.read(lambda tx: tx.token(b"?" * 32)) is None
    revoked = row("a", revoked_at=NOW)
    await store.write(lambda tx: tx.put_token(revoked))
    assert await store.read(lambda tx: tx.token(first.digest)) == revoked
    assert await store.read(lambda tx: tx.tokens("acme")) == (second, revoked)


async def test_counts_say_how_much_there_is(store):
    assert (await store.read(lambda tx: tx.counts())).oldest_new_at is None
    for number in range(1, 5):
        await store.accept(item(number))

    def work(tx):
        tx.settle(1, InboxState.DONE)
        tx.settle(2, InboxState.DEAD, "bad")
        put(tx)
        tx.put_issue(issue(1))
        tx.put_issue(issue(2, state=IssueState.SOLVED))
        tx.put_action(action(1))
        tx.put_action(action(2, state=ActionState.DONE))

    await store.write(work)
    assert await store.read(lambda tx: tx.counts()) == Counts(
        inbox={"new": 2, "done": 1, "dead": 1},
        actions={"pending": 1, "done": 1},
        open_issues=1,
        orders=1,
        oldest_new_at=item(3).received_at,
    )


# --- transactions -------------------------------------------------------------------------------------------------


async def test_a_write_that_fails_undoes_itself_and_nothing_else(store):
    def fails(tx):
        put(tx, KEY)
        tx.add_inbox(item(1))
        raise ValueError("no")

    answers = await asyncio.gather(
        store.accept(item(2)),
        store.write(fails),
        store.write(lambda tx: put(tx, OTHER)),
        return_exceptions=True,
    )
    assert isinstance(answers[1], ValueError)
    assert (answers[0], answers[2]) == (True, (NAME,))
    assert await store.read(lambda tx: tx.record(KEY)) is None
    assert await store.read(lambda tx: tx.find("acme", [NAME])) == (OTHER,)
    assert await store.accept(item(1))


async def test_a_write_sees_what_it_has_written(store):
    def work(tx):
        put(tx)
        tx.put_action(action(1))
        return tx.record(KEY).key, tx.find("acme", [NAME]), len(tx.due_actions(NOW, 1)), tx.next_due_at()

    assert await store.write(work) == (KEY, (KEY,), 1, NOW)


async def test_a_closed_store_is_unavailable_and_may_be_closed_again(store):
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.accept(item(1))
    with pytest.raises(StoreUnavailable):
        await store.read(lambda tx: tx.counts())
    with pytest.raises(StoreUnavailable):
        await store.write(lambda tx: None)
    await store.close()
