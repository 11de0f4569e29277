"""The live context: the stored order at once, each source on its own, nothing left behind."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from connectors.contract import Denied, Garbled, Throttled, TimedOut, Unavailable
from connectors.model import LineItem, Payment, PaymentState, Scan, Shipment, ShipmentState
from server.errors import NotFound
from server.flows.gather import WORTH_REPEATING, Gathering


@pytest.fixture
def world(fakes):
    """One workspace with a shop, a processor, a carrier and an aggregator; order #1001 stored with one UPS parcel."""
    found = SimpleNamespace(
        clock=fakes.Clock(),
        store=fakes.Store(),
        shop=fakes.Shop(),
        stripe=fakes.Payments(),
        ups=fakes.Tracker("UPS", {"ups"}),
        easypost=fakes.Tracker("EasyPost"),
        desk=fakes.Desk(),
        recorded=[],
    )
    found.workspace = fakes.workspace(
        easypost=found.easypost, shop=found.shop, stripe=found.stripe, ups=found.ups, desk=found.desk
    )
    earlier = fakes.NOW - timedelta(hours=3)
    shipment = Shipment(carrier="ups", tracking_number="1Z1")
    found.store.keep(fakes.order_seen(at=earlier, shipments=(shipment,)))
    found.shop.orders["5001"] = fakes.order_seen(shipments=(shipment,))
    found.stripe.by_name["5001"] = (fakes.payment_seen(order_ids=("5001",)),)
    found.ups.parcels["1Z1"] = fakes.parcel_seen()

    async def record(workspace, observations):
        found.recorded.append((workspace, observations))

    found.gathering = Gathering({"acme": found.workspace}, found.store, found.clock, source_seconds=0.2, record=record)
    return found


def statuses(context):
    return {source.connection: source.status for source in context.sources}


def source(context, connection):
    return next(found for found in context.sources if found.connection == connection)


async def test_every_source_improves_the_stored_order(world, fakes):
    context = await world.gathering.of_order("acme", "1001")
    assert context.order.id == "5001"
    assert [payment.id for payment in context.payments] == ["pi_1"]
    assert [(s.tracking_number, s.state) for s in context.shipments] == [("1Z1", "in_transit")]
    assert statuses(context) == {"shop": "ok", "stripe": "ok", "ups": "ok", "desk": "ok"}
    assert {found.as_of for found in context.sources} == {fakes.NOW}
    assert context.as_of == fakes.NOW
    assert context.timezone == "America/New_York"


async def test_the_carrier_itself_is_asked_before_an_aggregator(world):
    await world.gathering.of_order("acme", "1001")
    assert world.ups.asked == [("ups", "1Z1")]
    assert world.easypost.asked == []


async def test_an_aggregator_helps_out_where_the_carrier_fails(world, fakes):
    world.ups.error = Unavailable("UPS", "503")
    world.easypost.parcels["1Z1"] = fakes.parcel_seen(source="easypost")
    context = await world.gathering.of_order("acme", "1001")
    assert statuses(context) == {"shop": "ok", "stripe": "ok", "ups": "error", "easypost": "ok", "desk": "ok"}
    assert context.shipments[0].state == "in_transit"


async def test_an_aggregator_helps_out_where_the_carrier_does_not_know_the_number(world, fakes):
    unknown = "UPS does not know this number"
    parcel = Shipment(carrier="ups", tracking_number="1Z1", tracking_problem=unknown)
    world.ups.parcels["1Z1"] = replace(fakes.parcel_seen(), shipments=(parcel,))
    context = await world.gathering.of_order("acme", "1001")
    assert world.easypost.asked == [("ups", "1Z1")]
    assert (statuses(context)["ups"], context.shipments[0].tracking_problem) == ("ok", unknown)
    world.easypost.parcels["1Z1"] = fakes.parcel_seen(source="easypost")
    context = await world.gathering.of_order("acme", "1001")
    assert (context.shipments[0].state, context.shipments[0].tracking_problem) == ("in_transit", None)


async def test_without_live_nobody_is_asked_and_sources_say_as_of_when_they_spoke(world, fakes):
    context = await world.gathering.of_order("acme", "1001", live=False)
    assert world.shop.asked == world.stripe.asked == world.ups.asked == []
    assert statuses(context) == {"shop": "stale", "stripe": "stale", "ups": "stale", "desk": "stale"}
    assert source(context, "shop").as_of == fakes.NOW - timedelta(hours=3)
    assert source(context, "stripe").as_of is None
    assert source(context, "shop").latency_ms is None
    assert world.recorded == []


async def test_a_wait_of_nothing_is_the_same_as_not_live(world):
    context = await world.gathering.of_order("acme", "1001", wait=0)
    assert world.shop.asked == []
    assert set(statuses(context).values()) == {"stale"}


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (Throttled("Stripe", "429"), "error", "Stripe is limiting how often we may ask; the last known state is shown"),
        (Garbled("Stripe", "HTML"), "error", "Stripe answered something we cannot read"),
        (Denied("Stripe", "401"), "error", "Stripe refused our access: an admin must reconnect it"),
        (TimedOut("Stripe", "slow"), "timeout", "Stripe did not answer in time"),
        (KeyError("our bug"), "error", "Stripe could not be read because of a mistake on our side"),
    ],
)
async def test_a_failing_source_says_so_and_the_others_are_shown(world, error, status, words):
    world.stripe.error = error
    context = await world.gathering.of_order("acme", "1001")
    assert (source(context, "stripe").status, source(context, "stripe").error) == (status, words)
    assert (statuses(context)["shop"], statuses(context)["ups"]) == ("ok", "ok")


async def test_a_silent_source_costs_its_own_time_limit_and_no_more(world):
    world.stripe.gate = asyncio.Event()
    started = asyncio.get_running_loop().time()
    context = await world.gathering.of_order("acme", "1001")
    assert asyncio.get_running_loop().time() - started < 1.0
    assert statuses(context) == {"shop": "ok", "stripe": "timeout", "ups": "ok", "desk": "ok"}
    assert source(context, "stripe").latency_ms >= 190
    await asyncio.sleep(0)
    assert world.stripe.cancelled == 1


async def test_wait_bounds_the_whole_live_part(world):
    world.stripe.gate = world.shop.gate = world.ups.gate = world.desk.gate = asyncio.Event()
    context = await world.gathering.of_order("acme", "1001", wait=0.02)
    assert set(statuses(context).values()) == {"timeout"}


async def test_a_failed_source_keeps_the_time_of_its_last_good_word(world, fakes):
    world.shop.error = Unavailable("Shopify", "500")
    context = await world.gathering.of_order("acme", "1001")
    assert source(context, "shop").as_of == fakes.NOW - timedelta(hours=3)


async def test_a_parcel_that_the_shop_has_just_named_is_looked_up_in_the_same_answer(world, fakes):
    new = (Shipment(carrier="ups", tracking_number="1Z1"), Shipment(carrier="fedex", tracking_number="7771"))
    world.shop.orders["5001"] = fakes.order_seen(shipments=new)
    world.easypost.parcels["7771"] = fakes.parcel_seen("7771", "fedex", source="easypost")
    context = await world.gathering.of_order("acme", "1001")
    assert world.easypost.asked == [("fedex", "7771")]
    assert {s.tracking_number: s.state for s in context.shipments} == {"1Z1": "in_transit", "7771": "in_transit"}


async def test_a_payment_that_the_shop_has_just_named_is_looked_up_by_its_id(world, fakes):
    world.stripe.by_name = {"pi_9": (fakes.payment_seen("pi_9", state=PaymentState.FAILED),)}
    named = Payment(id="t1", processor="shopify_payments", references=("pi_9",))
    world.shop.orders["5001"] = fakes.order_seen(payments=(named,))
    context = await world.gathering.of_order("acme", "1001")
    assert [about.payments for about in world.stripe.asked] == [(), ("t1", "pi_9")]
    assert [payment.state for payment in context.payments] == ["failed"]
    assert statuses(context)["stripe"] == "ok"


async def test_a_processor_that_told_of_a_payment_itself_is_not_asked_again(world, fakes):
    world.stripe.gate = asyncio.Event()
    named = Payment(id="pi_1", processor="shopify_payments")
    world.shop.orders["5001"] = fakes.order_seen(payments=(named,))
    asking = asyncio.create_task(world.gathering.of_order("acme", "1001"))
    for _ in range(10):
        await asyncio.sleep(0)
    world.stripe.gate.set()
    await asking
    assert len(world.stripe.asked) == 1


async def test_a_payment_of_another_shops_order_with_the_same_number_is_refused(world, fakes):
    other = fakes.payment_seen("pi_other", order_ids=("#1001",))
    world.store.keep(fakes.order_seen("7", "#7", source="shop2"), other, shop="shop2")
    world.stripe.by_name = {"#1001": (other,)}
    context = await world.gathering.of_order("acme", "5001")
    assert context.payments == []


async def test_a_parcel_that_arrived_long_ago_is_not_looked_at(world, fakes):
    arrived = fakes.NOW - timedelta(days=3)
    scans = (Scan(at=arrived, state=ShipmentState.DELIVERED, text="Delivered"),)
    key = world.store.keep(fakes.order_seen())
    world.store.keep(fakes.order_seen(), fakes.parcel_seen(at=arrived, state=ShipmentState.DELIVERED, scans=scans))
    await world.gathering.of_order("acme", "1001")
    assert world.ups.asked == []
    assert key in world.store.records


async def test_a_carrier_that_nobody_follows_is_said_to_be_not_configured(fakes):
    store, shop = fakes.Store(), fakes.Shop()
    seen = fakes.order_seen(shipments=(Shipment(carrier="fedex", tracking_number="7771"),))
    store.keep(seen)
    shop.orders["5001"] = seen

    async def record(workspace, observations): ...

    gathering = Gathering({"acme": fakes.workspace(shop=shop)}, store, fakes.Clock(), source_seconds=0.2, record=record)
    context = await gathering.of_order("acme", "1001")
    assert [(s.connection, s.status, s.error) for s in context.sources] == [
        ("shop", "ok", None),
        ("fedex", "not_configured", "No connection follows FedEx parcels"),
    ]


async def test_an_order_whose_shop_was_disconnected_is_still_shown(world, fakes):
    world.store.keep(fakes.order_seen("9", "#9", source="old"), shop="old")
    context = await world.gathering.of_order("acme", "#9")
    assert context.order.id == "9"
    assert source(context, "old").status == "not_configured"


async def test_an_unknown_order_is_found_in_the_shop_and_stored(world, fakes):
    world.shop.orders["6001"] = fakes.order_seen("6001", "#2002", line_items=(LineItem(id="1", title="Lamp"),))
    context = await world.gathering.of_order("acme", "#2002")
    assert (context.order.id, context.order.items[0].title) == ("6001", "Lamp")
    await world.gathering.close()
    [(workspace, observations)] = world.recorded
    assert workspace == "acme"
    assert {observation.about.shop_order for observation in observations} == {"6001"}


async def test_a_likeness_is_not_a_match(world, fakes):
    world.shop.orders["6001"] = fakes.order_seen("6001", "#20021")
    with pytest.raises(NotFound):
        await world.gathering.of_order("acme", "#2002")


async def test_what_was_seen_is_stored_once_for_all_who_asked_together(world):
    await asyncio.gather(*(world.gathering.of_order("acme", "1001") for _ in range(5)))
    await world.gathering.close()
    assert len(world.shop.asked) == len(world.stripe.asked) == len(world.ups.asked) == 1
    assert len(world.recorded) == 1
    assert {o.source for o in world.recorded[0][1]} == {"shop", "stripe", "ups"}


async def test_what_changes_nothing_is_not_stored(world, fakes):
    seen = [world.shop.orders["5001"], *world.stripe.by_name["5001"], world.ups.parcels["1Z1"]]
    world.store.keep(*seen)
    await world.gathering.of_order("acme", "1001")
    await world.gathering.close()
    assert world.recorded == []
    world.clock.now += WORTH_REPEATING + timedelta(seconds=1)
    await world.gathering.of_order("acme", "1001")
    await world.gathering.close()
    assert len(world.recorded) == 1


async def test_storage_trouble_while_storing_a_look_harms_nobody(world):
    async def record(workspace, observations):
        raise RuntimeError("no")

    world.gathering._record = record
    context = await world.gathering.of_order("acme", "1001")
    await world.gathering.close()
    assert context.order.id == "5001"


async def test_the_stream_begins_with_the_stored_order_and_grows(world):
    world.stripe.gate, world.ups.gate, world.shop.gate = asyncio.Event(), asyncio.Event(), asyncio.Event()
    world.desk.gate = world.shop.gate
    stream = world.gathering.stream_order("acme", "1001")
    first = await anext(stream)
    assert set(statuses(first).values()) == {"stale"}
    assert first.order.id == "5001"
    world.stripe.gate.set()
    second = await anext(stream)
    assert statuses(second) == {"shop": "stale", "stripe": "ok", "ups": "stale", "desk": "stale"}
    world.ups.gate.set()
    world.shop.gate.set()
    last = [context async for context in stream][-1]
    assert statuses(last) == {"shop": "ok", "stripe": "ok", "ups": "ok", "desk": "ok"}


async def test_a_reader_who_leaves_takes_the_questions_along(world):
    world.stripe.gate = world.ups.gate = world.shop.gate = asyncio.Event()
    stream = world.gathering.stream_order("acme", "1001")
    await anext(stream)
    for _ in range(5):
        await asyncio.sleep(0)
    await stream.aclose()
    for _ in range(5):
        await asyncio.sleep(0)
    assert (world.stripe.cancelled, world.ups.cancelled, world.shop.cancelled) == (1, 1, 1)
    assert len(asyncio.all_tasks()) == 1


async def test_a_cancelled_request_leaves_no_task_behind(world):
    world.stripe.gate = world.ups.gate = world.shop.gate = asyncio.Event()
    asking = asyncio.create_task(world.gathering.of_order("acme", "1001"))
    for _ in range(10):
        await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1


async def test_search_asks_the_shops_only_where_nothing_stored_matches(world, fakes):
    orders, sources = await world.gathering.search("acme", "jane@example.com")
    assert [(o.order_id, o.name, o.match) for o in orders] == [("5001", "#1001", "e-mail")]
    assert (sources, world.shop.asked) == ([], [])
    world.shop.orders["6001"] = fakes.order_seen("6001", "#2002", email="joe@example.com")
    orders, sources = await world.gathering.search("acme", "joe@example.com")
    assert [(o.order_id, o.match) for o in orders] == [("6001", "e-mail")]
    assert [(s.connection, s.status) for s in sources] == [("shop", "ok")]


async def test_an_unknown_workspace_has_nothing(world):
    with pytest.raises(NotFound):
        await world.gathering.of_order("other", "1001")


async def test_a_payment_that_cannot_be_checked_is_not_shown(world, fakes):
    world.stripe.gate = asyncio.Event()
    asking = asyncio.create_task(world.gathering.of_order("acme", "5001"))
    for _ in range(10):
        await asyncio.sleep(0)
    world.store.broken = True
    world.stripe.gate.set()
    context = await asking
    assert context.payments == []
    assert statuses(context)["shop"] == "ok"
