"""Deliveries teach how long transit takes: once each, for good, and each workspace by itself."""

from datetime import timedelta

import pytest

from connectors.model import (
    LineItem,
    Observation,
    Order,
    Payment,
    PaymentState,
    Place,
    References,
    Scan,
    Shipment,
    ShipmentState,
)
from server.flows import judge, learn_history
from server.flows.learn import load_transit
from server.rules.transit import Leg, Way
from server.store.sqlite import SqliteStore
from tests.server.desk import NOW, make_workspace


def delivered(number: int, *, identity: str = "", days: float = 4) -> Observation:
    begun = NOW + timedelta(hours=number)
    scans = (
        Scan(at=begun, state=ShipmentState.IN_TRANSIT, text="Picked up"),
        Scan(at=begun + timedelta(days=days), state=ShipmentState.DELIVERED, text="Delivered"),
    )
    return Observation(
        source="shop",
        kind="order.updated",
        identity=identity or f"{number}",
        at=begun + timedelta(days=days),
        about=References(shop_order=f"{number}"),
        order=Order(
            id=f"{number}",
            placed_at=begun - timedelta(days=1),
            destination=Place(country="US", region="TX"),
            line_items=(LineItem(id="1", title="Mug", unfulfilled=0),),
        ),
        payments=(
            Payment(id="p", processor="stripe", state=PaymentState.PAID, created_at=begun - timedelta(hours=20)),
        ),
        shipments=(
            Shipment(
                carrier="ups",
                tracking_number=f"1Z{number}",
                state=ShipmentState.DELIVERED,
                scans=scans,
                origin=Place(country="US", region="NJ"),
            ),
        ),
    )


@pytest.fixture
async def store(tmp_path):
    found = await SqliteStore.open(tmp_path / "learn.db", clock=lambda: NOW)
    yield found
    await found.close()


async def take_in(store, place, *observations: Observation) -> None:
    def work(tx):
        found = judge.Judge(tx, place, NOW + timedelta(days=30))
        found.take_in(observations)
        found.finish()

    await store.write(work)


async def test_a_delivery_is_learnt_once_however_often_it_is_told(store) -> None:
    place = make_workspace()
    for identity in ("a", "b", "a"):
        await take_in(store, place, delivered(1, identity=identity))
    assert place.learner.transit.legs == 1
    (leg,) = await store.read(lambda tx: tx.legs(place.name, 10))
    assert leg == Leg(
        way=Way(origin="US-NJ", destination="US-TX", carrier="ups"),
        ready_at=NOW - timedelta(hours=19),
        handed_over_at=NOW + timedelta(hours=1),
        delivered_at=NOW + timedelta(days=4, hours=1),
        promised_by=None,
    )


async def test_what_is_learnt_survives_a_restart_and_stays_in_its_workspace(store) -> None:
    place = make_workspace()
    await take_in(store, place, *(delivered(n) for n in range(1, 8)))
    again, other = make_workspace(), make_workspace(name="globex")
    await load_transit({again.name: again, other.name: other}, store)
    place.learner.reckon()
    again.learner.reckon()
    assert (again.learner.transit.legs, other.learner.transit.legs) == (7, 0)
    assert again.learner.transit.transit == place.learner.transit.transit
    await load_transit({again.name: again}, store)
    assert again.learner.transit.legs == 7


async def test_a_history_is_learnt_once_however_often_it_is_imported(store) -> None:
    place = make_workspace()
    legs = [
        (f"{n}", Leg(way=Way("SP", "BA"), ready_at=NOW, handed_over_at=NOW, delivered_at=NOW + timedelta(days=n)))
        for n in range(1, 4)
    ]
    assert await learn_history.learn(store, place, legs, last=True) == 3
    assert await learn_history.learn(store, place, [*legs, *legs], last=True) == 0
    assert place.learner.transit.legs == 3
    assert [leg.delivered_at for leg in await store.read(lambda tx: tx.legs(place.name, 2))] == [
        NOW + timedelta(days=2),
        NOW + timedelta(days=3),
    ]


async def test_a_parcel_under_way_teaches_nothing(store) -> None:
    place, parcel = make_workspace(), delivered(1)
    under_way = Observation(
        source="shop",
        kind="order.updated",
        identity="x",
        at=parcel.at,
        about=parcel.about,
        order=parcel.order,
        shipments=(Shipment(carrier="ups", tracking_number="1Z1", scans=parcel.shipments[0].scans[:1]),),
    )
    await take_in(store, place, under_way)
    assert place.learner.transit.legs == 0
