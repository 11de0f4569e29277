"""Many orders with one cause become one ticket, and get their own when the incident ends."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.model import Customer, LineItem, Observation, Order, Place, References, Scan, Shipment, ShipmentState
from server.flows.judge import Judge
from server.model import ActionKind, ActionState, Issue, IssueState, Kind, OrderKey, Severity
from server.rules.incident import incident_key, is_incident_key
from server.store.sqlite import SqliteStore
from tests.server.desk import NOW, FakeHelpdesk, make_workspace

LATER = NOW + timedelta(days=5)
"""Everything scanned at NOW has stalled by then; NOW is a Monday."""


def stalled(number: int, *, carrier: str = "ups", city: str = "", vip: bool = False, moves: int = 0) -> Observation:
    """An order whose parcel was last scanned at about NOW, or that has moved since."""
    first = Scan(
        at=NOW + timedelta(minutes=number), state=ShipmentState.IN_TRANSIT, text="Departed", place=Place(city=city)
    )
    scans = [first, *(Scan(at=LATER + timedelta(hours=n), state=first.state, text="Arrived") for n in range(moves))]
    return Observation(
        source="shop",
        kind="order.updated",
        identity=f"{number}-{moves}",
        at=LATER if moves else NOW + timedelta(hours=1),
        about=References(shop_order=f"{number}"),
        order=Order(
            id=f"{number}",
            name=f"#{number}",
            placed_at=NOW,
            customer=Customer(tags=("vip",) if vip else ()),
            line_items=(LineItem(id="1", title="Mug", unfulfilled=0),),
        ),
        shipments=(
            Shipment(
                carrier=carrier, tracking_number=f"1Z{number}", state=ShipmentState.IN_TRANSIT, scans=tuple(scans)
            ),
        ),
    )


class Scene:
    """A workspace with a store, whose clock is moved by hand."""

    def __init__(self, store, **policy: object) -> None:
        self.store = store
        self.place = make_workspace(policy=policy, desk=FakeHelpdesk())

    async def see(self, *observations: Observation, at=LATER) -> None:
        def work(tx):
            judge = Judge(tx, self.place, at)
            judge.take_in(observations)
            judge.finish()

        await self.store.write(work)

    async def look(self, at) -> int:
        """What the clock does: every order and incident that is due."""
        due = await self.store.read(lambda tx: tx.due_orders(at, 1000))

        def work(tx):
            for key in due:
                Judge(tx, self.place, at).review(key)

        await self.store.write(work)
        return len(due)

    async def send(self) -> None:
        """Pretend that everything planned was delivered."""
        for issue in await self.issues(open_only=False):

            def work(tx, key=issue.order):
                for action in tx.actions_of(key):
                    if action.state is ActionState.PENDING:
                        tx.put_action(_sent(action))

            await self.store.write(work)

    async def issues(self, *, open_only: bool = True):
        return await self.store.read(lambda tx: tx.issues("acme", open_only=open_only, limit=1000))

    async def openings(self) -> list[OrderKey]:
        """For which orders a ticket was, or is to be, opened."""
        orders = {issue.order for issue in await self.issues(open_only=False)}
        found = []
        for key in sorted(orders):
            actions = await self.store.read(lambda tx, key=key: tx.actions_of(key))
            found += [key for a in actions if a.kind is ActionKind.OPEN_TICKET and not (a.error and not a.ticket_id)]
        return found


def _sent(action):
    return replace(action, state=ActionState.DONE, ticket_id=f"t-{action.key}", attempts=1, finished_at=LATER)


@pytest.fixture
async def store(tmp_path):
    found = await SqliteStore.open(tmp_path / "incidents.db", clock=lambda: NOW)
    yield found
    await found.close()


CARRIER = incident_key("acme", "carrier:ups")


async def test_the_tenth_order_makes_it_one_ticket_that_names_them_all(store) -> None:
    scene = Scene(store)
    await scene.see(*(stalled(n) for n in range(9)))
    assert len(await scene.openings()) == 9
    await scene.see(*(stalled(n) for n in range(9, 30)))
    assert await scene.openings() == [CARRIER]
    incident = next(issue for issue in await scene.issues() if issue.kind is Kind.INCIDENT)
    members = [issue for issue in await scene.issues() if issue.kind is not Kind.INCIDENT]
    assert {(issue.incident, issue.is_covered) for issue in members} == {(incident.id, True)}
    (opening,) = await store.read(lambda tx: tx.actions_of(CARRIER))
    assert opening.draft.subject.startswith("Carrier UPS troubles 30 orders at once: tracking stalled")
    assert opening.draft.external_id == f"beforehand:acme:{incident.id}"
    assert opening.draft.tags == ("beforehand", "beforehand_incident")
    assert "#0, #1, #10, #11" in opening.draft.body
    assert opening.draft.requester_email == ""


async def test_what_was_sent_before_stays_and_later_ones_get_none(store) -> None:
    scene = Scene(store)
    await scene.see(*(stalled(n) for n in range(9)))
    await scene.send()
    await scene.see(*(stalled(n) for n in range(9, 15)))
    openings = await scene.openings()
    assert len(openings) == 10
    assert CARRIER in openings
    covered = [issue for issue in await scene.issues() if issue.is_covered]
    assert sorted(issue.order.order_id for issue in covered) == ["10", "11", "12", "13", "14", "9"]


async def test_a_vip_keeps_a_ticket_of_their_own(store) -> None:
    scene = Scene(store)
    await scene.see(*(stalled(n) for n in range(12)), stalled(99, vip=True))
    assert await scene.openings() == [CARRIER, OrderKey("acme", "shop", "99")]


async def test_those_that_recover_are_let_go_and_the_rest_get_tickets_when_it_ends(store) -> None:
    scene = Scene(store)
    await scene.see(*(stalled(n) for n in range(12)))
    await scene.send()
    await scene.see(*(stalled(n, moves=1) for n in range(8)), at=LATER + timedelta(hours=1))
    assert [issue.kind for issue in await scene.issues()].count(Kind.INCIDENT) == 1
    await scene.see(stalled(8, moves=1), at=LATER + timedelta(hours=1))
    left = await scene.issues()
    assert [issue.kind for issue in left] == [Kind.TRACKING_STALLED] * 3
    assert all(issue.is_covered for issue in left)
    ending = (await store.read(lambda tx: tx.actions_of(CARRIER)))[-1]
    assert ending.kind is ActionKind.SOLVE_TICKET
    assert "most of its orders have recovered" in ending.change.note
    await scene.look(LATER + timedelta(hours=1, minutes=2))
    assert sorted(key.order_id for key in await scene.openings() if not is_incident_key(key)) == ["10", "11", "9"]


async def test_the_most_specific_cause_counts(store) -> None:
    scene = Scene(store)
    await scene.see(*(stalled(n, city="Memphis") for n in range(12)))
    assert await scene.openings() == [incident_key("acme", "place:ups|memphis")]
    subject = (await store.read(lambda tx: tx.actions_of(incident_key("acme", "place:ups|memphis"))))[0].draft.subject
    assert subject.startswith("UPS in Memphis troubles 12 orders at once")


async def test_what_is_usual_for_a_carrier_is_no_incident(store) -> None:
    scene = Scene(store)
    # Nine every six hours for two weeks: ten are nothing out of the way.
    for step in range(1, 57):
        at = LATER - timedelta(hours=6 * step)

        def work(tx, at=at, step=step):
            issues = tx.issues(scene.place.name, open_only=False, limit=1)
            for n in range(9):
                tx.put_causes(_issue(f"old{step}-{n}", at), ["carrier:ups"], at)
            return issues

        await store.write(work)
    await scene.see(*(stalled(n) for n in range(10)))
    assert CARRIER not in await scene.openings()
    await scene.see(*(stalled(n) for n in range(10, 30)))
    assert CARRIER in await scene.openings()


def _issue(name, at):
    return Issue(
        id=name,
        order=OrderKey("acme", "shop", name),
        kind=Kind.TRACKING_STALLED,
        state=IssueState.OPEN,
        severity=Severity.NORMAL,
        headline="",
        since=at,
        opened_at=at,
    )


async def test_other_carriers_and_workspaces_have_no_part_in_it(store) -> None:
    scene = Scene(store)
    await scene.see(*(stalled(n, carrier=("ups", "fedex", "usps")[n % 3]) for n in range(27)))
    assert not [key for key in await scene.openings() if is_incident_key(key)]


@pytest.mark.parametrize("table", [{"enabled": False}, {"dry_run": True}, {"threshold": 50}])
async def test_the_policy_switches_it_off(store, table) -> None:
    scene = Scene(store, detectors={"incident": table})
    await scene.see(*(stalled(n) for n in range(12)))
    assert sorted(int(key.order_id) for key in await scene.openings()) == list(range(12))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 14), st.integers(0, 2), st.integers(0, 72), st.booleans()), min_size=10, max_size=60
    )
)
def test_no_life_opens_two_incidents_at_once_and_no_trouble_is_out_of_sight(tmp_path_factory, steps) -> None:
    async def live() -> None:
        store = await SqliteStore.open(tmp_path_factory.mktemp("lives") / "lives.db", clock=lambda: NOW)
        scene = Scene(store, detectors={"incident": {"threshold": 4}})
        for number, moves, hours, sends in sorted(steps, key=lambda step: step[2]):
            at = LATER + timedelta(hours=hours)
            await scene.see(stalled(number, moves=moves), at=at)
            await scene.look(at)
            if sends:
                await scene.send()
            found = await scene.issues()
            lasting = {issue.id for issue in found if issue.kind is Kind.INCIDENT}
            assert len(lasting) <= 1
            opened = await scene.openings()
            for issue in found:
                if issue.is_covered:
                    assert issue.incident
                elif not is_incident_key(issue.order):
                    assert issue.order in opened, "trouble without a ticket that no incident speaks for"
            assert len(set(opened)) == len(opened), "one ticket an order and an incident"
        await store.close()

    asyncio.run(live())
