"""A store with two workspaces, and the way of an event through it."""

from datetime import timedelta

from connectors.model import ShipmentState
from server.flows import dead_letters, intake, process
from server.model import OrderKey
from server.store.contract import InboxState
from tests.server.desk import (
    NOW,
    FakeHelpdesk,
    FakeShop,
    body_of,
    make_workspace,
    order_seen,
    parcel,
    scan,
)

KEY = OrderKey("acme", "shop", "5001")


class Events:
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


def shipped(*, at=NOW - timedelta(hours=60), scanned=NOW - timedelta(hours=60), **facts):
    """The order went out and was scanned once, long ago."""
    return order_seen(at=at, shipments=(parcel("1Z5001", scan(scanned), state=ShipmentState.IN_TRANSIT),), **facts)
