"""From the inbox to orders, issues and actions."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from connectors.model import References, tracking_key
from server.flows import judge, process
from server.model import ActionKind, IssueState, Kind, OrderKey
from server.rules import timeline
from server.store.contract import Reference, ReferenceKind
from tests.server.desk import NOW, FakeHelpdesk, body_of, make_workspace, order_seen, parcel, parcel_seen, scan
from tests.server.processing import KEY, shipped


@pytest.fixture
def bench(events):
    return events


async def test_an_event_becomes_an_order_that_can_be_found(bench):
    seen = order_seen()
    assert await bench.send(seen) == "accepted"
    assert await bench.process() == 1
    assert await bench.record() == timeline.fold(timeline.empty(KEY), seen)
    assert await bench.states() == ["done"]
    (found,) = await bench.store.read(lambda tx: tx.search("acme", [Reference(ReferenceKind.NAME, "1001")], 5))
    assert (found.key, found.name, found.email, found.total) == (KEY, "#1001", "jane@example.com", "$50.00")
    assert await bench.issues() == ()


async def test_events_in_any_sequence_make_the_same_order(bench):
    events = [order_seen(at=NOW + timedelta(minutes=n), financial_state=f"state {n}") for n in range(40)]
    for event in reversed(events):
        await bench.send(event)
    await bench.process()
    expected = timeline.empty(KEY)
    for event in events:
        expected = timeline.fold(expected, event)
    assert await bench.record() == expected


async def test_a_parcel_event_waits_for_its_order_and_then_joins_it(bench):
    await bench.send(parcel_seen("1Z5001", scan(NOW)), address="acme.track")
    await bench.process()
    assert await bench.states() == ["waiting"]
    await bench.send(order_seen())
    await bench.process()
    assert await bench.states() == ["waiting", "done"]
    await bench.send(order_seen(at=NOW + timedelta(hours=1), shipments=(parcel("1Z5001"),)))
    await bench.process()
    assert await bench.states() == ["done", "done", "done"]
    (shipment,) = timeline.view(await bench.record()).shipments
    assert shipment.shipment.scans == (scan(NOW),)


async def test_one_event_may_hold_the_name_that_its_other_part_waits_for(bench):
    await bench.send(parcel_seen("1Z5001", scan(NOW), source="track"), order_seen(shipments=(parcel("1Z5001"),)))
    await bench.process()
    assert await bench.states() == ["done"]
    (shipment,) = timeline.view(await bench.record()).shipments
    assert shipment.last_scan_at == NOW


async def test_a_tracking_number_of_another_carrier_does_not_join(bench):
    await bench.send(order_seen(shipments=(parcel("1Z5001", carrier="fedex"),)))
    await bench.send(parcel_seen("1Z5001", scan(NOW)), address="acme.track")
    await bench.process()
    assert await bench.states() == ["done", "waiting"]


async def test_another_workspace_is_never_joined(bench):
    await bench.send(order_seen(shipments=(parcel("1Z5001"),)))
    await bench.send(parcel_seen("1Z5001", scan(NOW)), address="globex.shop")
    await bench.process()
    assert await bench.states() == ["done", "waiting"]


async def test_an_event_that_fits_two_orders_is_refused_and_names_them(bench):
    await bench.send(order_seen("5001", shipments=(parcel("1Z9"),)))
    await bench.send(order_seen("5002", shipments=(parcel("1Z9"),)))
    await bench.send(parcel_seen("1Z9", scan(NOW)), address="acme.track")
    await bench.process()
    assert await bench.states() == ["done", "done", "refused"]
    assert await bench.reasons() == ["shipment.scanned from track fits 2 orders: #1001 (shop/5001), #1002 (shop/5002)"]


async def test_an_event_about_no_order_at_all_is_done(bench):
    nameless = replace(parcel_seen("1Z5001", scan(NOW)), about=References())
    await bench.send(nameless, address="acme.track")
    await bench.send(body=b"[]")
    await bench.process()
    assert await bench.states() == ["done", "done"]
    assert (await bench.store.read(lambda tx: tx.counts())).orders == 0


async def test_saying_nothing_new_writes_nothing_but_that_it_is_done(bench):
    await bench.send(order_seen())
    await bench.process()
    await bench.send(body=body_of(order_seen()) + b" ")
    before = await bench.store.read(lambda tx: tx._all("SELECT * FROM orders"))
    changes = await bench.store.write(lambda tx: tx._connection.total_changes)
    await bench.process()
    # It was counted as an attempt, and it is done: two rows, and nothing else.
    assert await bench.store.write(lambda tx: tx._connection.total_changes) == changes + 2
    assert await bench.store.read(lambda tx: tx._all("SELECT * FROM orders")) == before


async def test_a_live_look_is_folded_like_any_other_word(bench):
    await bench.send(order_seen())
    await bench.process()
    look = (order_seen(at=NOW + timedelta(minutes=5), kind="order.read", financial_state="refunded"),)
    assert await process.record_looks(bench.store, bench.clock, "acme", look)
    assert not await process.record_looks(bench.store, bench.clock, "acme", look)
    assert not await process.record_looks(bench.store, bench.clock, "acme", ())
    await bench.process()
    assert timeline.view(await bench.record()).order.financial_state == "refunded"
    assert await bench.states() == ["done", "done"]


async def test_a_tracking_key_is_the_carrier_and_the_number(bench):
    await bench.send(order_seen(shipments=(parcel("1z 5001"),)))
    await bench.process()
    reference = Reference(ReferenceKind.TRACKING, tracking_key("ups", "1Z5001"))
    assert await bench.store.read(lambda tx: tx.find("acme", [reference])) == (KEY,)


# --- judging ------------------------------------------------------------------------------------------------------


async def test_trouble_becomes_an_issue_and_an_action_in_the_same_transaction(bench):
    await bench.send(shipped())
    await bench.process()
    (issue,) = await bench.issues()
    (action,) = await bench.actions()
    assert (issue.kind, issue.state, issue.ticket) == (Kind.TRACKING_STALLED, IssueState.OPEN, None)
    assert (action.kind, action.connection, action.lead) == (ActionKind.OPEN_TICKET, "desk", issue.id)
    assert await bench.store.read(lambda tx: tx.due_actions(NOW, 10)) == (action,)


async def test_silence_alone_opens_a_ticket_when_its_time_comes(bench):
    await bench.send(shipped(at=NOW, scanned=NOW - timedelta(hours=1)))
    await bench.process()
    assert await bench.issues() == ()
    for _ in range(60):
        due_at = await bench.store.read(lambda tx: tx.next_due_at())
        assert due_at > bench.clock.now, "a review must lie ahead"
        bench.clock.now = due_at
        assert await bench.review() == 1
        if await bench.issues():
            break
    (issue,) = await bench.issues()
    assert issue.kind is Kind.TRACKING_STALLED
    assert timedelta(hours=47) <= bench.clock.now - NOW < timedelta(days=6)
    assert [action.kind for action in await bench.actions()] == [ActionKind.OPEN_TICKET]


async def test_a_workspace_without_a_helpdesk_records_issues_and_tells_nobody(bench):
    await bench.send(shipped(), address="globex.shop")
    await bench.process()
    key = OrderKey("globex", "shop", "5001")
    assert [issue.kind for issue in await bench.issues(key)] == [Kind.TRACKING_STALLED]
    assert await bench.actions(key) == ()


@pytest.mark.parametrize(
    ("helpdesk", "desks", "expected"),
    [
        ("", ["desk"], "desk"),
        ("", ["desk", "desk2"], None),
        ("desk2", ["desk", "desk2"], "desk2"),
        ("gone", ["desk"], None),
        ("", [], None),
    ],
)
def test_the_helpdesk_is_the_one_named_or_the_only_one(helpdesk, desks, expected):
    workspace = make_workspace("acme", {"tickets": {"helpdesk": helpdesk}}, **{name: FakeHelpdesk() for name in desks})
    assert judge.helpdesk_of(workspace) == expected


async def test_an_order_that_cannot_be_judged_is_put_off_and_holds_up_no_other(bench, monkeypatch):
    for order_id in ("5001", "5002"):
        await bench.send(order_seen(order_id, shipments=(parcel(f"1Z{order_id}", scan(NOW)),)))
    await bench.process()
    assess = judge.assess

    def broken(order, *rest):
        if order.key == KEY:
            raise ZeroDivisionError("no")
        return assess(order, *rest)

    monkeypatch.setattr(judge, "assess", broken)
    bench.clock.pass_(days=5)
    assert await bench.review() == 2
    found = await bench.store.read(lambda tx: tx.issues("acme", open_only=True, limit=9))
    assert [issue.order.order_id for issue in found] == ["5002"]
    assert await bench.store.read(lambda tx: tx.due_orders(bench.clock.now, 10)) == ()
    assert KEY in await bench.store.read(lambda tx: tx.due_orders(bench.clock.now + process.PUT_OFF, 10))


async def test_orders_of_a_workspace_that_is_gone_do_not_stay_due(bench):
    await bench.send(shipped(at=NOW, scanned=NOW))
    await bench.process()
    del bench.workspaces["acme"]
    bench.clock.pass_(days=5)
    assert await bench.review() == 1
    assert await bench.review() == 0
