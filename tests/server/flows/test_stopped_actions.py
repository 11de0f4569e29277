"""What could not be delivered is listed with its reason, and tried again when a person says so."""

import pytest

from connectors.contract import Rejected, TimedOut
from server.errors import BadInput, NotFound
from server.flows import administer
from server.model import ActionKind, ActionState
from tests.server.desk import before
from tests.server.notifying import Bench, moving, stalled


@pytest.fixture
async def bench(store, deliveries):
    """The chat has refused a message, and a mail may have arrived or not."""
    found = Bench(store, deliveries.clock).configure(notify=["logistics", "finance"])
    found.chat.trouble = [before(Rejected("Chat", "is_archived")) for _ in range(3)]
    found.mail.trouble = [before(TimedOut("Mail", "late"))]
    await found.hear(stalled())
    await found.work(5)
    return found


async def ask(bench, command, **arguments):
    desk = administer.Desk(store=bench.store, workspaces=bench.workspaces, clock=bench.clock)
    return await administer.run(desk, command, arguments)


async def test_both_are_listed_with_their_reason(bench):
    rows = (await ask(bench, "actions_list", workspace="acme"))["actions"]
    assert {(row["to"], row["state"], row["connection"]) for row in rows} == {
        ("#logistics", "failed", "chat"),
        ("finance@shop.example", "uncertain", "mail"),
    }
    assert "Chat: is_archived" in {row["reason"] for row in rows}
    with pytest.raises(NotFound):
        await ask(bench, "actions_list", workspace="nobody")


async def test_all_means_those_that_surely_failed(bench):
    assert await ask(bench, "actions_retry", all=True) == {"retried": 1, "over": 0}
    await bench.work(2)
    assert (len(bench.chat.got), bench.mail.tries) == (1, 1)
    assert [row["state"] for row in (await ask(bench, "actions_list"))["actions"]] == ["uncertain"]


async def test_uncertain_one_is_sent_again_by_its_id(bench):
    (row,) = [r for r in (await ask(bench, "actions_list"))["actions"] if r["state"] == "uncertain"]
    assert await ask(bench, "actions_retry", ids=[row["id"], row["id"], "unknown"]) == {"retried": 1, "over": 0}
    await bench.work(2)
    assert len(bench.mail.got) == 1


async def test_what_is_over_is_left_alone(bench):
    await bench.hear(moving(bench.clock.now))
    assert await ask(bench, "actions_retry", all=True) == {"retried": 0, "over": 1}


async def test_ticket_that_was_refused_is_opened_after_all(store, deliveries):
    found = Bench(store, deliveries.clock).configure()
    found.desk.trouble["open_ticket"] = [before(Rejected("Desk", "422 group")) for _ in range(3)]
    await found.hear(stalled())
    await found.work(5)
    assert (await found.action(ActionKind.OPEN_TICKET)).state is ActionState.FAILED
    assert await ask(found, "actions_retry", all=True) == {"retried": 1, "over": 0}
    await found.work(1)
    assert len(found.desk.ours()) == 1


@pytest.mark.parametrize("arguments", [{}, {"ids": ["x"], "all": True}])
async def test_either_ids_or_all(bench, arguments):
    with pytest.raises(BadInput):
        await ask(bench, "actions_retry", **arguments)
