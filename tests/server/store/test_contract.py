"""What every store owes (`server/store/contract.py`): one suite, run against each implementation."""

import asyncio
from datetime import timedelta

import pytest

from connectors.model import Order
from server.model import (
    ActionKind,
    ActionState,
    IssueState,
    Kind,
    OrderKey,
    OrderRecord,
    Outcome,
    PromiseEnd,
    Role,
    Said,
)
from server.store.contract import (
    Counts,
    InboxState,
    IssueEnd,
    OrderSummary,
    Reference,
    ReferenceKind,
    StoreUnavailable,
    TokenRow,
)
from tests.server.desk import NOW
from tests.server.storing import KEY, NAME, OTHER, PAYMENT, TICKET, action, issue, item, put

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


async def test_how_issues_of_a_period_ended_is_read_in_sequence(store):
    outcome = Outcome(promise=PromiseEnd.MISSED, promised_by=NOW, came_true=True, by_person=False)
    foreign = OrderKey("globex", "shop", "1")

    def work(tx):
        tx.put_issue(issue(3))
        tx.put_issue(issue(1, state=IssueState.SOLVED, outcome=outcome))
        tx.put_issue(issue(2, dry_run=True))
        tx.put_issue(issue(9, foreign))
        tx.put_issue(issue(4))

    def minute(number):
        return NOW + timedelta(minutes=number)

    await store.write(work)
    found = await store.read(lambda tx: list(tx.issue_ends("acme", minute(1), minute(4))))
    assert found == [
        IssueEnd(
            kind=Kind.TRACKING_STALLED, state=IssueState.SOLVED, opened_at=minute(1), dry_run=False, outcome=outcome
        ),
        IssueEnd(kind=Kind.TRACKING_STALLED, state=IssueState.OPEN, opened_at=minute(2), dry_run=True),
        IssueEnd(kind=Kind.TRACKING_STALLED, state=IssueState.OPEN, opened_at=minute(3), dry_run=False),
    ]
    assert await store.read(lambda tx: list(tx.issue_ends("acme", minute(5), minute(9)))) == []


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


# --- lanes --------------------------------------------------------------------------------------------------------


async def test_what_goes_another_way_waits_for_nothing(store):
    chat = action(2, kind=ActionKind.NOTIFY_TEAM, connection="chat", not_before=NOW + timedelta(hours=2))
    edit = action(3, kind=ActionKind.NOTIFY_TEAM, connection="chat", follows=chat.key)
    task = action(4, kind=ActionKind.LOG_BACK, connection="wms")
    reply = action(5, kind=ActionKind.MESSAGE_CUSTOMER)
    note = action(6)

    def work(tx):
        for each in (action(1), chat, edit, task, reply, note):
            tx.put_action(each)

    await store.write(work)
    due = await store.read(lambda tx: tx.due_actions(NOW, 10))
    assert due == (action(1), task, reply), "the edit waits for its message, the note for its ticket, nothing else does"
    later = await store.read(lambda tx: tx.due_actions(NOW + timedelta(hours=2), 10))
    assert chat in later
    assert edit not in later


async def test_a_door_that_is_full_can_be_left_out(store):
    chat = action(1, kind=ActionKind.NOTIFY_TEAM, connection="chat")
    ticket = action(2)
    for each in (chat, ticket):
        await store.write(lambda tx, each=each: tx.put_action(each))
    assert await store.read(lambda tx: tx.due_actions_elsewhere(NOW, 10, ["acme.chat"])) == (ticket,)
    assert await store.read(lambda tx: tx.due_actions_elsewhere(NOW, 10, ["acme.desk"])) == (chat,)
    assert await store.read(lambda tx: tx.due_actions_elsewhere(NOW, 10, ["acme.desk", "acme.chat"])) == ()


async def test_what_stopped_is_listed_by_workspace_newest_first(store):
    foreign = action(3, OrderKey("globex", "shop", "1"), state=ActionState.FAILED)
    stopped = [action(1, state=ActionState.FAILED), action(2, state=ActionState.UNCERTAIN), foreign]
    for each in (*stopped, action(4), action(5, state=ActionState.HELD), action(6, state=ActionState.DONE)):
        await store.write(lambda tx, each=each: tx.put_action(each))
    assert await store.read(lambda tx: tx.stopped_actions("acme", 10)) == (stopped[1], stopped[0])
    assert await store.read(lambda tx: tx.stopped_actions("", 1)) == (foreign,)
    assert await store.read(lambda tx: tx.action(stopped[0].key)) == stopped[0]
    assert await store.read(lambda tx: tx.action("nobody")) is None
