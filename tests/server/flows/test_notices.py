"""Notices on their way: planned with the ticket in one transaction, each seen once whatever breaks."""

import asyncio
from datetime import timedelta

import pytest

from connectors.contract import (
    Arrival,
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
from connectors.model import ShipmentState
from server.engine.embedded import Engine
from server.model import ActionKind, ActionState
from tests.server.desk import NOW, after, before, order_seen, parcel, scan
from tests.server.notifying import LONG_AGO, Bench, moving, stalled

UNKNOWN = [TimedOut("X", "late"), Interrupted("X", "cut"), Unavailable("X", "502"), Garbled("X", "<html>")]
SURELY_NOT = [Unreachable("X", "down"), Throttled("X", "429", retry_after=9), Denied("X", "401")]
TEAM, CUSTOMER, TASK = ActionKind.NOTIFY_TEAM, ActionKind.MESSAGE_CUSTOMER, ActionKind.LOG_BACK


@pytest.fixture
def bench(store, deliveries):
    return Bench(store, deliveries.clock)


# --- all is well --------------------------------------------------------------------------------------------------


async def test_team_warehouse_and_customer_are_told_each_in_their_way(bench):
    bench.configure(notify=["logistics"], log_back=["wms"], customer_message="delay")
    await bench.hear(stalled())
    await bench.work(1)
    (message,) = bench.chat.texts()
    assert message["headline"] == "Order #1001 has had no carrier scan for 60 hours"
    assert [link["url"] for link in message["links"]] == ["https://shop.example/1001", "https://desk.example/1"]
    (task,) = bench.wms.texts()
    assert (task["event"], task["ticket_url"], task["parcels"][0]["tracking_number"]) == (
        "issue.opened",
        "https://desk.example/1",
        "1Z5001",
    )
    assert bench.desk.replies == {"1": ["Hello, UPS is slow with #1001."]}
    assert sorted(bench.kinds()) == ["customer_told", "task_handed_over", "team_told", "ticket_opened"]
    for kind in (TEAM, CUSTOMER, TASK):
        assert (await bench.action(kind)).state is ActionState.DONE


async def test_recovery_changes_the_message_and_tells_the_warehouse(bench):
    bench.configure(notify=["logistics"], log_back=["wms"])
    await bench.hear(stalled())
    await bench.work(1)
    await bench.hear(moving(bench.clock.now))
    await bench.work(1)
    ((receipt, edit),) = bench.chat.edits
    assert (receipt, edit["is_over"]) == ("C1|1", True)
    assert edit["headline"].startswith("Solved: Order #1001")
    assert "it moves again" in edit["text"]
    assert [task["event"] for task in bench.wms.texts()] == ["issue.opened", "issue.solved"]
    assert len(bench.chat.got) == 1


async def test_webhooks_repeated_and_shuffled_tell_everybody_once(bench):
    bench.configure(notify=["logistics", "finance"], log_back=["wms"], customer_message="mail")
    for event in (stalled(), order_seen(at=LONG_AGO - timedelta(hours=1)), stalled()):
        await bench.hear(event)
        await bench.work(1)
    assert (len(bench.chat.got), len(bench.mail.got), len(bench.wms.got)) == (1, 2, 1)


# --- something is broken ------------------------------------------------------------------------------------------


async def test_broken_chat_holds_up_neither_ticket_nor_warehouse(bench):
    bench.configure(notify=["logistics"], log_back=["wms"])
    bench.chat.trouble = [before(Unavailable("Chat", "503")) for _ in range(99)]
    await bench.hear(stalled())
    await bench.work(2)
    assert [ticket.subject for ticket in bench.desk.ours()] == ["Order #1001 has had no carrier scan for 60 hours"]
    assert len(bench.wms.got) == 1
    await bench.hear(moving(bench.clock.now))
    await bench.work(2)
    assert bench.desk.tickets["1"].state == "solved"
    assert [task["event"] for task in bench.wms.texts()] == ["issue.opened", "issue.solved"]


async def test_broken_helpdesk_holds_up_the_chat_only_for_a_moment(bench):
    bench.configure(notify=["logistics"], customer_message="delay")
    bench.desk.trouble["find_ticket"] = [before(Unavailable("Desk", "503")) for _ in range(99)]
    await bench.hear(stalled())
    await bench.work(2)
    assert len(bench.chat.got) == 1
    assert [link["label"] for link in bench.chat.texts()[0]["links"]] == ["Order in the shop"]
    assert (await bench.action(CUSTOMER)).state is ActionState.PENDING
    bench.desk.trouble.clear()
    await bench.work(2)
    assert bench.desk.replies["1"] == ["Hello, UPS is slow with #1001."]


async def test_slow_chat_does_not_take_all_places(bench):
    bench.configure(notify=["logistics"])
    engine = Engine(bench.workspaces, bench.store, bench.clock, deliveries_at_once=4)
    bench.chat.gate = asyncio.Event()
    for number in range(6):
        shipment = parcel(f"1Z{number}", scan(LONG_AGO), state=ShipmentState.IN_TRANSIT)
        await bench.hear(order_seen(str(5001 + number), at=LONG_AGO, shipments=(shipment,)))
    bench.clock.pass_(seconds=30)
    await engine.start()
    async with asyncio.timeout(10):
        while len(bench.desk.ours()) < 6:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    assert bench.chat.tries <= 2
    bench.chat.gate.set()
    await engine.stop()


@pytest.mark.parametrize("error", UNKNOWN, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("mode", [before, after])
async def test_lost_answer_of_a_chat_is_looked_up(bench, error, mode):
    bench.configure(notify=["logistics"])
    bench.chat.trouble = [mode(error)]
    await bench.hear(stalled())
    await bench.work(3)
    assert len(bench.chat.got) == 1
    assert (await bench.action(TEAM)).state is ActionState.DONE


@pytest.mark.parametrize("error", UNKNOWN, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("mode", [before, after])
async def test_mail_whose_answer_was_lost_is_sent_once_at_most_and_said_to_be_uncertain(bench, error, mode):
    bench.configure(notify=["finance"])
    bench.mail.trouble = [mode(error)]
    await bench.hear(stalled())
    await bench.work(3)
    action = await bench.action(TEAM)
    assert (action.state, bench.mail.tries) == (ActionState.UNCERTAIN, 1)
    assert "whether it arrived cannot be looked up" in action.error
    assert "action_uncertain" in bench.kinds()
    await bench.hear(order_seen(at=bench.clock.now))
    await bench.work(3)
    assert bench.mail.tries == 1


@pytest.mark.parametrize("error", UNKNOWN, ids=lambda e: type(e).__name__)
async def test_task_whose_answer_was_lost_is_repeated_with_the_same_key_and_bytes(bench, error):
    bench.configure(log_back=["wms"])
    bench.wms.trouble = [after(error)]
    await bench.hear(stalled())
    await bench.deliver_due()
    await bench.hear(order_seen(at=NOW, name="#1001"))
    await bench.work(3)
    first, second = bench.wms.got
    assert first == second


@pytest.mark.parametrize("error", SURELY_NOT, ids=lambda e: type(e).__name__)
async def test_what_surely_did_not_leave_is_sent_later(bench, error):
    bench.configure(notify=["finance"])
    bench.mail.trouble = [before(error)]
    await bench.hear(stalled())
    await bench.work(20)
    assert (len(bench.mail.got), (await bench.action(TEAM)).state) == (1, ActionState.DONE)


async def test_what_did_not_leave_before_the_order_recovered_never_does(bench):
    bench.configure(notify=["finance"], customer_message="mail")
    bench.mail.trouble = [before(Unreachable("Mail", "down")) for _ in range(9)]
    await bench.hear(stalled())
    await bench.work(1)
    bench.mail.trouble.clear()
    await bench.hear(moving(bench.clock.now))
    await bench.work(30)
    assert bench.mail.got == []


async def test_refusal_is_tried_three_times_and_what_is_gone_once(bench):
    bench.configure(notify=["logistics"], log_back=["wms"])
    bench.chat.trouble = [before(Rejected("Chat", "is_archived")) for _ in range(9)]
    bench.wms.trouble = [before(Missing("Warehouse", "410", status=410)) for _ in range(9)]
    await bench.hear(stalled())
    await bench.work(5)
    assert (bench.chat.tries, bench.wms.tries) == (3, 1)
    assert {(await bench.action(kind)).state for kind in (TEAM, TASK)} == {ActionState.FAILED}
    assert (await bench.action(TEAM)).error == "Chat: is_archived"


async def test_crash_after_the_bytes_were_stored_is_resolved_at_the_next_start(bench):
    bench.configure(notify=["logistics"], log_back=["wms"])
    await bench.hear(stalled())
    await bench.deliver_due(but=("chat", "wms"))
    bench.clock.pass_(seconds=30)

    class Killed(BaseException):
        pass

    for outlet in (bench.chat, bench.wms):
        outlet.trouble = [after(Killed())]
    for action in await bench.due():
        with pytest.raises(Killed):
            await bench.courier.deliver(action)
    bench.restart()
    await bench.work(2)
    assert len(bench.chat.got) == 1, "it was looked for, and found"
    assert bench.wms.got[0] == bench.wms.got[1], "the receiver knows the repeat"


async def test_connection_that_is_no_longer_configured_waits(bench):
    bench.configure(notify=["logistics"])
    await bench.hear(stalled())
    del bench.workspaces["acme"].connections["chat"]
    await bench.work(1)
    action = await bench.action(TEAM)
    assert (action.state, action.error) == (ActionState.PENDING, "the configuration has no connection chat")


# --- customers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", UNKNOWN, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("mode", [before, after])
async def test_reply_whose_answer_was_lost_is_found_by_its_tag(bench, error, mode):
    bench.configure(customer_message="delay")
    bench.desk.trouble["change_ticket"] = [mode(error)]
    await bench.hear(stalled())
    await bench.work(3)
    assert bench.desk.replies["1"] == ["Hello, UPS is slow with #1001."]
    action = await bench.action(CUSTOMER)
    assert action.state is ActionState.DONE
    assert action.change.marker in bench.desk.tickets["1"].tags


@pytest.mark.parametrize("message", ["delay", "mail"])
async def test_customer_whom_an_agent_has_just_answered_is_left_in_peace(bench, message):
    bench.configure(customer_message=message, customer_wait="2h")
    await bench.hear(stalled())
    await bench.work(1)
    bench.clock.pass_(hours=2)
    bench.desk.answered["1"] = bench.clock.now - timedelta(hours=1)
    await bench.work(1)
    action = await bench.action(CUSTOMER)
    assert (action.state, action.error) == (
        ActionState.HELD,
        "somebody answered the customer in the ticket 1 hour before",
    )
    assert (bench.desk.replies, bench.mail.got) == ({}, [])


async def test_reply_is_held_back_where_somebody_works_on_the_ticket(bench):
    bench.configure(customer_message="delay", customer_wait="2h")
    await bench.hear(stalled())
    await bench.work(1)
    bench.desk.touched.add("1")
    bench.clock.pass_(hours=2)
    await bench.work(1)
    assert (await bench.action(CUSTOMER)).error == "somebody is working on the ticket"


async def test_reply_goes_to_nobody_but_the_customer(bench):
    bench.configure(customer_message="delay", customer_wait="2h")
    await bench.hear(stalled())
    await bench.work(1)
    bench.desk.change("1", requester_email="agent@shop.example")
    bench.clock.pass_(hours=2)
    await bench.work(1)
    assert (await bench.action(CUSTOMER)).error == "the ticket is not addressed to the customer of the order"


@pytest.mark.parametrize("what", ["closed", "deleted"])
async def test_reply_into_a_ticket_that_is_gone_is_held_back(bench, what):
    bench.configure(customer_message="delay", customer_wait="2h")
    await bench.hear(stalled())
    await bench.work(1)
    if what == "closed":
        bench.desk.change("1", state="closed")
    else:
        bench.desk.delete("1")
    bench.clock.pass_(hours=2)
    await bench.work(1)
    action = await bench.action(CUSTOMER)
    assert action.state is ActionState.HELD
    assert what in action.error


async def test_mail_to_the_customer_waits_while_the_helpdesk_cannot_say_who_answered(bench):
    bench.configure(customer_message="mail", customer_wait="2h")
    await bench.hear(stalled())
    await bench.work(1)
    bench.clock.pass_(hours=2)
    bench.desk.trouble["last_reply"] = [before(Unavailable("Desk", "503"))]
    await bench.deliver_due()
    assert bench.mail.got == []
    await bench.work(3)
    assert len(bench.mail.got) == 1
    assert bench.mail.known is Arrival.UNKNOWN
