"""Trying a policy on an order says what would happen and why, and leaves nothing behind."""

from datetime import timedelta

import pytest

from server.errors import BadInput, NotFound
from server.flows.policy_try import try_policy
from server.model import IssueState, Kind
from tests.server.desk import NOW, FakeHelpdesk, FakeShop, make_workspace, order_seen
from tests.server.processing import shipped

TEXT = """
[teams.logistics]
group = "36"

[detectors.tracking_stalled]
owner = "logistics"
severity = "high"
"""


async def everything(store):
    """All that a trial could have left behind."""

    def work(tx):
        keys = tx.due_orders(NOW + timedelta(days=999), 100)
        return keys, [tx.issues_of(key) for key in keys], [tx.actions_of(key) for key in keys], tx.counts()

    return await store.read(work)


@pytest.fixture
async def stalled(events):
    """An order whose parcel has been silent for sixty hours, as it stands when nobody has judged it since."""
    events.clock.now = NOW - timedelta(hours=60)
    await events.send(shipped(at=events.clock.now))
    await events.process()
    events.clock.now = NOW
    return events


def tried(events, order="1001", **options):
    return try_policy(events.store, events.workspaces["acme"], order, events.clock(), **options)


async def test_it_says_what_would_happen_now_and_does_nothing(stalled):
    before = await everything(stalled.store)
    found = await tried(stalled)
    assert (found.order, found.name, found.shop, found.at) == ("5001", "#1001", "shop", NOW)
    (signal,) = found.signals
    assert (signal.kind, signal.headline, signal.opens_now) == (
        Kind.TRACKING_STALLED,
        "has had no carrier scan for 60 hours",
        True,
    )
    assert signal.reasons
    assert signal.answers.owner == "whoever takes it"
    assert [(issue.kind, issue.change) for issue in found.issues] == [(Kind.TRACKING_STALLED, "opens")]
    (action,) = found.actions
    assert (action.kind, action.connection, action.subject) == (
        "open_ticket",
        "desk",
        "Order #1001 has had no carrier scan for 60 hours",
    )
    assert found.facts["order"]["value"] == 50.0
    assert await everything(stalled.store) == before
    assert await tried(stalled) == found


async def test_another_policy_is_tried_without_being_taken_up(stalled):
    running = stalled.workspaces["acme"].policy
    found = await tried(stalled, text=TEXT)
    assert (found.signals[0].severity, found.signals[0].answers.owner) == ("high", "logistics (group 36)")
    assert found.actions[0].priority == "high"
    assert stalled.workspaces["acme"].policy is running
    assert (await tried(stalled)).signals[0].severity == "normal"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[detectors.tracking_stalled]\nenabled = false\n", "it is switched off"),
        (
            "[detectors.tracking_stalled]\nwhen = 'order.value > 200 && customer.vip'\n",
            "its condition is not met: order.value > 200 && customer.vip",
        ),
    ],
)
async def test_it_says_why_nothing_is_told(stalled, text, why):
    found = await tried(stalled, text=text)
    assert (found.signals, found.actions) == ([], [])
    assert [(each.kind, each.why) for each in found.silent] == [(Kind.TRACKING_STALLED, why)]


async def test_a_wait_is_told_with_its_end(stalled):
    found = await tried(stalled, text="[detectors.tracking_stalled]\nwait = '9d'\n")
    assert not found.signals[0].opens_now
    assert (found.issues, found.actions) == ([], [])
    assert found.review_at is not None
    assert found.review_at <= found.signals[0].opens_at


async def test_an_issue_that_is_open_would_end_by_a_policy_that_leaves_its_kind_out(stalled):
    await stalled.review()
    (issue,) = await stalled.issues()
    assert issue.state is IssueState.OPEN
    assert [(each.kind, each.change) for each in (await tried(stalled)).issues] == [
        (Kind.TRACKING_STALLED, "stays open")
    ]
    found = await tried(stalled, text="[detectors.tracking_stalled]\nenabled = false\n")
    assert [(each.kind, each.change) for each in found.issues] == [(Kind.TRACKING_STALLED, "ends")]
    assert (await stalled.issues())[0].state is IssueState.OPEN


async def test_dry_run_is_told_as_what_it_is(stalled):
    found = await tried(stalled, text="[detectors.tracking_stalled]\ndry_run = true\n")
    assert [(each.change, each.dry_run) for each in found.issues] == [("opens", True)]
    assert found.actions == []


@pytest.mark.parametrize("order", ["5001", "#1001", "1001", "1Z5001"])
async def test_an_order_is_found_by_id_name_or_parcel(stalled, order):
    assert (await tried(stalled, order)).order == "5001"


async def test_what_cannot_be_tried_is_said(stalled):
    with pytest.raises(NotFound, match="no stored order of workspace acme matches '4711'"):
        await tried(stalled, "4711")
    with pytest.raises(NotFound, match=r"jane@example\.com"):
        await tried(stalled, "jane@example.com")
    with pytest.raises(BadInput, match=r"policy: detectors\.tracking_stalled\.wiat: no such key"):
        await tried(stalled, text="[detectors.tracking_stalled]\nwiat = '9d'\n")
    with pytest.raises(BadInput, match="policy: "):
        await tried(stalled, text="[detectors")


async def test_one_name_in_two_shops_asks_which(events):
    events.workspaces["acme"] = make_workspace("acme", shop2=FakeShop(), desk=FakeHelpdesk())
    await events.send(order_seen("5001", name="#1001"))
    await events.send(order_seen("7001", name="#1001", source="shop2"), address="acme.shop2")
    await events.process()
    with pytest.raises(BadInput, match=r"may mean any of 5001 \(shop\), 7001 \(shop2\)"):
        await tried(events)
    assert (await tried(events, shop="shop2")).order == "7001"
