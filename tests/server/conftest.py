"""Hand-written fakes for the live context and the web: a store in memory, sources that answer when told to."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from connectors.contract import Forged, Missing
from connectors.model import (
    Observation,
    Order,
    Payment,
    PaymentState,
    References,
    Scan,
    Shipment,
    ShipmentState,
    Ticket,
    tracking_key,
)
from connectors.money import Money
from server.model import OrderKey
from server.rules.identity import references_of
from server.rules.policy_reading import load_policy
from server.rules.timeline import empty, fold, view
from server.settings import ServerSettings, Settings, WorkspaceSettings
from server.store.contract import Counts, IssueEnd, OrderSummary, Reference, ReferenceKind, StoreUnavailable
from server.workspaces import Workspace

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


class FakeClock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now

    def pass_(self, **time):
        self.now += timedelta(**time)


class MemoryStore:
    """Implements as much of `Store` as reading needs, in plain dictionaries."""

    def __init__(self):
        self.records = {}
        self.audit_facts = []
        self.names = {}
        self.tickets = {}
        self.issue_list = []
        self.action_list = []
        self.requests = {}
        self.token_rows = {}
        self.accepted = []
        self.due = ()
        self.broken = False
        self.gate = None

    # store

    async def read(self, work):
        self._check()
        return work(self)

    async def write(self, work):
        self._check()
        return work(self)

    async def accept(self, item):
        if self.gate:
            await self.gate.wait()
        self._check()
        if any(known.digest == item.digest for known in self.accepted):
            return False
        self.accepted.append(item)
        return True

    async def close(self):
        pass

    def _check(self):
        if self.broken:
            raise StoreUnavailable("the disk is full")

    # reading

    def record(self, key):
        return self.records.get(key)

    def find(self, workspace, references):
        wanted = set(references)
        linked = {
            key
            for (connection, ticket), keys in self.tickets.items()
            if Reference(ReferenceKind.TICKET, f"{connection}|{ticket}") in wanted
            for key in keys
        }
        named = {key for key, names in self.names.items() if names & wanted}
        return tuple(sorted(key for key in linked | named if key.workspace == workspace))

    def approvals_of(self, key):
        return tuple(request for request in self.requests.values() if request.order == key)

    def approvals(self, workspace, states, limit):
        wanted = set(states)
        found = [r for r in self.requests.values() if r.workspace == workspace and (not wanted or r.state in wanted)]
        return tuple(found[::-1][:limit])

    def approvals_agreed(self, workspace, since):
        found = [request for request in self.requests.values() if request.workspace == workspace]
        return tuple(request for request in found if any(each.at >= since for each in request.approvals))

    def approval(self, request_id):
        return self.requests.get(request_id)

    def approval_by_key(self, workspace, ask_key):
        return next((r for r in self.requests.values() if (r.workspace, r.ask_key) == (workspace, ask_key)), None)

    def search(self, workspace, references, limit):
        found = [self._summary(key) for key in self.find(workspace, references)]
        return tuple(sorted(found, key=lambda s: s.placed_at or NOW, reverse=True)[:limit])

    def _summary(self, key):
        order = view(self.records[key]).order
        return OrderSummary(
            key=key,
            name=order.name or key.order_id,
            placed_at=order.placed_at,
            email=order.email or "",
            customer_name="",
            total=str(order.total or ""),
        )

    def add_audit(self, fact):
        self.audit_facts.append(fact)

    def actions_of(self, key):
        return tuple(action for action in self.action_list if action.order == key)

    def issues_of(self, key):
        return tuple(issue for issue in self.issue_list if issue.order == key)

    def issues(self, workspace, *, open_only, limit):
        found = [
            issue
            for issue in self.issue_list
            if issue.order.workspace == workspace and (not open_only or issue.state == "open")
        ]
        return tuple(found[:limit])

    def issue_ends(self, workspace, since, until):
        issues = sorted(self.issues(workspace, open_only=False, limit=None), key=lambda issue: issue.opened_at)
        return (
            IssueEnd(
                kind=issue.kind,
                state=issue.state,
                opened_at=issue.opened_at,
                dry_run=issue.dry_run,
                outcome=issue.outcome,
            )
            for issue in issues
            if since <= issue.opened_at < until
        )

    def due_orders(self, now, limit):
        return tuple(self.due[:limit])

    def token(self, digest):
        return self.token_rows.get(digest)

    def tokens(self, workspace):
        return tuple(row for row in self.token_rows.values() if row.workspace == workspace)

    def counts(self):
        return Counts(inbox={"new": len(self.accepted)}, actions={}, open_issues=0, orders=len(self.records))

    # writing

    def link_ticket(self, key, connection, ticket_id):
        assert key in self.records
        self.tickets.setdefault((connection, ticket_id), set()).add(key)

    def add_inbox(self, item):
        self.accepted.append(item)
        return True

    def put_approval(self, request):
        self.requests[request.id] = request

    def put_action(self, action):
        self.action_list = [known for known in self.action_list if known.key != action.key] + [action]

    def put_token(self, row):
        self.token_rows[row.digest] = row

    def keep(self, *observations, workspace="acme", shop="shop"):
        """Fold observations into the order that the first one is about, as if they had come by webhook."""
        key = OrderKey(workspace, shop, observations[0].about.shop_order)
        record = self.records.get(key, empty(key))
        for observation in observations:
            record = fold(record, observation)
        self.records[key] = record
        self.names[key] = references_of(view(record))
        return key


class FakeSource:
    """Answers what it holds; can be slow (until `gate` opens), or fail, and counts what it was asked."""

    def __init__(self, system):
        self.system = system
        self.asked = []
        self.cancelled = 0
        self.gate = None
        self.error = None

    async def _answer(self, question):
        self.asked.append(question)
        if self.gate:
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        if self.error:
            raise self.error

    async def close(self):
        pass


class FakeShop(FakeSource):
    """Implements `OrderSource` and `EventSource`; its webhooks are signed with the word `good`."""

    def __init__(self, system="Shopify"):
        super().__init__(system)
        self.orders = {}

    async def read_order(self, order_id):
        await self._answer(("order", order_id))
        if order_id not in self.orders:
            raise Missing(self.system, "no such order")
        return self.orders[order_id]

    async def find_orders(self, text):
        await self._answer(("find", text))
        wanted = text.lstrip("#").casefold()
        return tuple(
            found
            for found in self.orders.values()
            if (found.order.name or "").lstrip("#").startswith(wanted) or found.order.email == wanted
        )

    def verify(self, envelope):
        if envelope.headers.get("x-signature") != "good":
            raise Forged("the signature does not hold")

    def delivery_key(self, envelope):
        return envelope.headers.get("x-id", "")

    def read(self, envelope):
        return ()


class FakePayments(FakeSource):
    """Implements `PaymentSource`: finds by payment id, else by order id."""

    def __init__(self, system="Stripe"):
        super().__init__(system)
        self.by_name = {}

    async def read_payments(self, about):
        await self._answer(about)
        names = [name for name in (*about.payments, *about.order_ids) if name in self.by_name]
        return tuple(dict.fromkeys(found for name in names for found in self.by_name[name]))


class FakeTracker(FakeSource):
    """Implements `TrackingSource`."""

    def __init__(self, system="EasyPost", carriers=None):
        super().__init__(system)
        self.carriers = carriers
        self.parcels = {}

    def tracks(self, carrier):
        return self.carriers is None or carrier in self.carriers

    async def read_tracking(self, carrier, tracking_number):
        await self._answer((carrier, tracking_number))
        if tracking_number not in self.parcels:
            raise Missing(self.system, "no such parcel")
        return self.parcels[tracking_number]


class FakeDesk(FakeSource):
    """Implements `Helpdesk` as far as reading goes."""

    def __init__(self, system="Zendesk"):
        super().__init__(system)
        self.tickets = {}

    def hold(self, ticket_id, **facts):
        self.tickets[ticket_id] = Ticket(id=ticket_id, state="open", **facts)

    async def read_ticket(self, ticket_id):
        await self._answer(ticket_id)
        if ticket_id not in self.tickets:
            raise Missing(self.system, "no such ticket")
        return self.tickets[ticket_id]

    def render_open(self, draft): ...
    async def open_ticket(self, request, idempotency_key): ...
    async def find_ticket(self, external_id): ...
    async def tickets_of(self, email):
        await self._answer(email)
        return tuple(ticket for ticket in self.tickets.values() if ticket.requester_email == email)

    async def was_touched_by_a_person(self, ticket): ...
    def render_change(self, change): ...
    async def change_ticket(self, ticket, request): ...
    async def has_note(self, ticket_id, marker): ...


class FakeEngine:
    """Counts how it is woken."""

    def __init__(self):
        self.healthy = True
        self.is_running = False
        self.woken = 0

    async def start(self):
        self.is_running = True

    async def stop(self):
        self.is_running = False

    def wake(self):
        self.woken += 1


def order_seen(order_id="5001", name="#1001", *, at=NOW, source="shop", payments=(), shipments=(), **facts):
    """What a shop says of an order."""
    facts = {"placed_at": NOW - timedelta(days=5), "total": Money(5000, "USD"), "email": "jane@example.com", **facts}
    return Observation(
        source=source,
        kind="order.read",
        identity=f"{source}/{order_id}/{at.isoformat()}",
        at=at,
        about=References(shop_order=order_id),
        order=Order(id=order_id, name=name, **facts),
        payments=payments,
        shipments=shipments,
    )


def payment_seen(payment_id="pi_1", *, at=NOW, source="stripe", order_ids=(), **facts):
    """What a processor says of a payment."""
    facts = {"state": PaymentState.PAID, "amount": Money(5000, "USD"), "captured": Money(5000, "USD"), **facts}
    return Observation(
        source=source,
        kind="payment.read",
        identity=f"{source}/{payment_id}/{at.isoformat()}",
        at=at,
        about=References(payments=(payment_id,), order_ids=order_ids),
        payments=(Payment(id=payment_id, processor="stripe", **facts),),
    )


def parcel_seen(number="1Z1", carrier="ups", *, at=NOW, source="ups", state=ShipmentState.IN_TRANSIT, scans=None):
    """What a carrier says of a parcel."""
    if scans is None:
        scans = (Scan(at=at - timedelta(hours=1), state=state, text="Arrived at facility"),)
    return Observation(
        source=source,
        kind="shipment.read",
        identity=f"{source}/{number}/{at.isoformat()}",
        at=at,
        about=References(trackings=(tracking_key(carrier, number),)),
        shipments=(Shipment(carrier=carrier, tracking_number=number, state=state, scans=scans),),
    )


def make_workspace(name="acme", **connections):
    zone = ZoneInfo("America/New_York")
    return Workspace(name=name, timezone=zone, policy=load_policy(None, zone), connections=connections)


def make_settings(**server):
    """Of two workspaces, `acme` and `other`; their connections are handed in ready-made."""
    values = {"public_url": "http://127.0.0.1:8080", "secret_keys": ("k" * 32,), **server}
    workspaces = {
        name: WorkspaceSettings(name=name, timezone=ZoneInfo("UTC"), policy_path=None, connections={})
        for name in ("acme", "other")
    }
    return Settings(server=ServerSettings(**values), workspaces=workspaces)


@pytest.fixture
def fakes():
    """The fakes and makers above, by name."""
    return SimpleNamespace(
        NOW=NOW,
        Clock=FakeClock,
        Store=MemoryStore,
        Shop=FakeShop,
        Payments=FakePayments,
        Tracker=FakeTracker,
        Desk=FakeDesk,
        Engine=FakeEngine,
        order_seen=order_seen,
        payment_seen=payment_seen,
        parcel_seen=parcel_seen,
        workspace=make_workspace,
        settings=make_settings,
    )
