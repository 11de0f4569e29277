"""A workspace that tells a team, a warehouse and its customers, and the way of a notice through it."""

from datetime import timedelta

from connectors.model import ShipmentState
from server.flows import deliver, intake, process
from server.model import OrderKey
from server.rules.policy_reading import parse_policy
from server.workspaces import Workspace, able
from tests.server.desk import NEW_YORK, NOW, FakeHelpdesk, FakeShop, body_of, order_seen, parcel, scan
from tests.server.outlets import FakeChat, FakeMail, FakeSink

KEY = OrderKey("acme", "shop", "5001")
LONG_AGO = NOW - timedelta(hours=60)
TABLES = {
    "teams": {"logistics": {"slack": "#logistics"}, "finance": {"email": "finance@shop.example"}},
    "messages": {
        "delay": {"subject": "Your order {order}", "body": "Hello, {carrier} is slow with {order}."},
        "mail": {"subject": "Your order {order}", "body": "Hello, about {order}.", "via": "mail"},
    },
}


def stalled():
    shipment = parcel("1Z5001", scan(LONG_AGO), state=ShipmentState.IN_TRANSIT)
    return order_seen(at=LONG_AGO, shipments=(shipment,), admin_url="https://shop.example/1001")


def moving(at):
    shipment = parcel("1Z5001", scan(at, text="Departed"), state=ShipmentState.IN_TRANSIT)
    return order_seen(at=at, shipments=(shipment,))


class Bench:
    """A workspace with a shop, a helpdesk, a chat, a mail server and a warehouse."""

    def __init__(self, store, clock):
        self.store = store
        self.clock = clock
        self.desk, self.chat, self.mail, self.wms = FakeHelpdesk(), FakeChat(), FakeMail(), FakeSink()
        self.happened = []

    def configure(self, **stalled):
        connections = {
            "shop": FakeShop(),
            "desk": self.desk,
            "chat": self.chat,
            "mail": self.mail,
            "wms": self.wms,
        }
        tables = TABLES | {"detectors": {"tracking_stalled": stalled}}
        policy = parse_policy(tables, NEW_YORK, able(connections))
        self.workspaces = {"acme": Workspace("acme", NEW_YORK, policy, connections)}
        self.restart()
        return self

    def restart(self):
        """As after a crash."""
        self.courier = deliver.Courier(
            self.workspaces, self.store, self.clock, watcher=self.happened.append, pause=lambda attempts: 10.0
        )

    async def hear(self, *observations):
        headers = {"x-signature": "good"}
        await intake.accept(self.workspaces, self.store, self.clock, "acme.shop", headers, body_of(*observations))
        await process.process_inbox(self.workspaces, self.store, self.clock)

    async def deliver_due(self, *, but=()):
        """Everything that is due at the present time, again and again as long as time stands still."""
        tried = set()
        while due := [a for a in await self.due() if (a.key, a.attempts) not in tried and a.connection not in but]:
            for action in due:
                tried.add((action.key, action.attempts))
                await self.courier.deliver(action)

    async def due(self):
        return await self.store.read(lambda tx: tx.due_actions(self.clock(), 50))

    async def work(self, minutes=5):
        """Let time pass, a little at a time."""
        for _ in range(minutes * 2):
            await self.deliver_due()
            self.clock.pass_(seconds=30)

    async def actions(self, kind):
        return [a for a in await self.store.read(lambda tx: tx.actions_of(KEY)) if a.kind is kind]

    async def action(self, kind):
        (found,) = await self.actions(kind)
        return found

    def kinds(self):
        return [each.kind for each in self.happened]
