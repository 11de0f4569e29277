"""Teaching a workspace the deliveries of a history: each once, and known at once."""

import json

import msgspec
from msgspec.structs import replace

from server.app import LARGEST_BODY
from server.flows import administer, learn_history
from server.flows.learn import load_transit
from tests.server.desk import Clock, make_workspace
from tests.server.rules.histories import delivered, past, policy


async def taught(store, workspace, rows, *, last=True):
    portions = list(learn_history.batches(rows, workspace.policy))
    learnt = [await learn_history.learn(store, workspace, legs, last=False) for _, legs in portions]
    if last:
        await learn_history.learn(store, workspace, (), last=True)
    return sum(learnt)


async def test_what_is_imported_is_known_at_once_and_after_a_restart(store):
    workspace, restarted = make_workspace("acme"), make_workspace("acme")
    assert await taught(store, workspace, past()) == 120
    assert workspace.learner.transit.legs == 120
    await load_transit({"acme": restarted}, store)
    assert replace(restarted.learner.transit, clock=None) == replace(workspace.learner.transit, clock=None)


async def test_importing_again_changes_nothing(store):
    workspace = make_workspace("acme")
    await taught(store, workspace, past())
    before = workspace.learner.transit
    assert await taught(store, workspace, past()) == 0
    assert workspace.learner.transit == before


async def test_nothing_is_reckoned_before_the_last_portion(store):
    workspace = make_workspace("acme")
    await taught(store, workspace, past(), last=False)
    assert workspace.learner.transit.legs == 0


async def test_workspaces_learn_apart(store):
    acme, globex = make_workspace("acme"), make_workspace("globex")
    await taught(store, acme, past())
    assert await taught(store, globex, past(60)) == 60
    assert (acme.learner.transit.legs, globex.learner.transit.legs) == (120, 60)


async def test_the_command_takes_what_json_carries(store):
    workspace = make_workspace("acme")
    desk = administer.Desk(store=store, workspaces={"acme": workspace}, clock=Clock())
    [(count, legs)] = learn_history.batches(past(60), workspace.policy)
    carried = msgspec.json.decode(msgspec.json.encode({"workspace": "acme", "legs": legs, "last": True}))
    assert count == 60
    assert await administer.run(desk, "history_learn", carried) == {"learnt": 60}
    assert workspace.learner.transit.legs == 60


def test_portions_are_small_enough_to_be_sent_and_leave_out_what_teaches_nothing():
    long = {"origin": "\U0001f4e6" * 200, "destination": "y" * 200, "seller": "z" * 200}
    rows = [delivered(f"order-{number:0195}", **long) for number in range(1100)]
    rows[7] = replace(rows[7], delivered_at=None)
    portions = list(learn_history.batches(rows, policy()))
    assert sum(count for count, _ in portions) == 1100
    assert sum(len(legs) for _, legs in portions) == 1099
    for _, legs in portions:
        carried = {"workspace": "w" * 63, "legs": msgspec.to_builtins(legs), "last": False}
        assert len(json.dumps(carried)) < LARGEST_BODY
