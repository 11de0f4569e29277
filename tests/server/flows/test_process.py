"""From the inbox to orders, issues and actions."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from connectors.model import References, ShipmentState, tracking_key
from connectors.money import Money
from server.flows import dead_letters, intake, judge, process
from server.model import ActionKind, IssueState, Kind, OrderKey
from server.rules import timeline
from server.store.contract import InboxState, Reference, ReferenceKind, StoreUnavailable
from server.store.sqlite import SqliteStore
from tests.server.desk import (
    NOW,
    Clock,
    FakeHelpdesk,
    FakeShop,
    body_of,
    make_workspace,
    order_seen,
    parcel,
    parcel_seen,
    scan,
)

KEY = OrderKey("acme", "shop", "5001")


class Bench:
    """A store with two workspaces, and the flows around it."""

    def __init__(self, store, clock):
        self.store = store
        self.clock = clock
        self.shop = FakeShop()
        self.workspaces = {
            "acme": make_workspace("acme", shop=self.shop, shop2=FakeShop(), track=FakeShop(), desk=FakeHelpdesk()),
            "globex": make_workspace("globex"),
        }

    async def send(self, *observations, body=None, address="acme.shop", **headers):
        body = body_of(*observations) if body is None else body
        headers = {"x-signature": "good", **headers}
        return await intake.accept(self.workspaces, self.store, self.clock, address, headers, body)

    async def process(self):
        """Until nothing is new; how many rows that took."""
        total = 0
        while count := await process.process_inbox(self.workspaces, self.store, self.clock):
            total += count
            assert total < 1000, "it goes round in circles"
        return total

    async def review(self):
        return await process.review_due(self.workspaces, self.store, self.clock, 100)

    async def states(self):
        rows = await self.store.read(lambda tx: tx.inbox(InboxState, 1000))
        return [row.state.value for row in rows]

    async def reasons(self):
        return [row.reason for row in await self.store.read(lambda tx: dead_letters.listed(tx, "", 100))]

    async def record(self, key=KEY):
        return await self.store.read(lambda tx: tx.record(key))

    async def issues(self, key=KEY):
        return await self.store.read(lambda tx: tx.issues_of(key))

    async def actions(self, key=KEY):
        return await self.store.read(lambda tx: tx.actions_of(key))


@pytest.fixture
async def bench(tmp_path):
    clock = Clock()
    store = await SqliteStore.open(tmp_path / "beforehand.db", clock=clock)
    yield Bench(store, clock)
    await store.close()


def shipped(*, at=NOW - timedelta(hours=60), scanned=NOW - timedelta(hours=60), **facts):
    """The order went out and was scanned once, long ago."""
    return order_seen(at=at, shipments=(parcel("1Z5001", scan(scanned), state=ShipmentState.IN_TRANSIT),), **facts)


# --- folding and joining ------------------------------------------------------------------------------------------


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


# --- poison -------------------------------------------------------------------------------------------------------


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


async def test_a_tracking_key_is_the_carrier_and_the_number(bench):
    await bench.send(order_seen(shipments=(parcel("1z 5001"),)))
    await bench.process()
    reference = Reference(ReferenceKind.TRACKING, tracking_key("ups", "1Z5001"))
    assert await bench.store.read(lambda tx: tx.find("acme", [reference])) == (KEY,)
