"""Hand-written outside systems for the store, the flows and the engine: a helpdesk, a shop, a clock."""

import asyncio
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from connectors.contract import Collided, Envelope, Forged, Missing, Rejected, Unreadable
from connectors.model import (
    Observation,
    Order,
    References,
    Scan,
    Shipment,
    ShipmentState,
    Ticket,
    TicketChange,
    TicketDraft,
    tracking_key,
)
from connectors.money import Money
from server.rules.policy_reading import parse_policy
from server.workspaces import Workspace

NOW = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
"""A Wednesday, 10:00 in New York."""
NEW_YORK = ZoneInfo("America/New_York")


class Clock:
    """Stands still until told to pass."""

    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now

    def pass_(self, **time):
        self.now += timedelta(**time)


class FakeHelpdesk:
    """Implements `Helpdesk` as strictly as Zendesk is; what it is told in `trouble` happens instead of an answer.

    `trouble["open_ticket"] = [before(error), after(error)]` breaks the next two calls: the first before anything was
    done, the second after it was, so that only the answer is lost.
    """

    system = "Desk"

    def __init__(self):
        self.tickets = {}
        self.notes = defaultdict(list)
        self.replies = defaultdict(list)
        self.answered = {}
        """When an agent last answered the customer, by ticket."""
        self.touched = set()
        self.calls = Counter()
        self.log = []
        self.by_key = {}
        self.trouble = defaultdict(list)
        self.meanwhile = {}
        self.gate = None
        self.in_flight = Counter()
        self.most_in_flight = Counter()

    # what the tests do

    def hold(self, ticket_id="900", **facts):
        """A ticket that somebody else opened."""
        facts = {"state": "open", "requester_email": "jane@example.com", "version": "1", **facts}
        self.tickets[ticket_id] = Ticket(id=ticket_id, url=f"https://desk.example/{ticket_id}", **facts)
        return self.tickets[ticket_id]

    def change(self, ticket_id, **facts):
        """Somebody does something to a ticket."""
        known = self.tickets[ticket_id]
        self.tickets[ticket_id] = replace(known, version=f"{known.version}+", **facts)

    def delete(self, ticket_id):
        del self.tickets[ticket_id]

    def ours(self):
        return [ticket for ticket in self.tickets.values() if ticket.external_id]

    # what the connector protocol asks

    def render_open(self, draft):
        return msgspec.json.encode(draft)

    async def open_ticket(self, request, idempotency_key):
        return await self._answer("open_ticket", lambda: self._open(request, idempotency_key), request)

    def _open(self, request, key):
        if key in self.by_key:
            known, ticket_id = self.by_key[key]
            if known != request:
                raise Rejected(self.system, "400 Request parameters don't match the given idempotency key", status=400)
            return self.tickets[ticket_id]
        draft = msgspec.json.decode(request, type=TicketDraft)
        if draft.follow_up_of and self.tickets[draft.follow_up_of].can_change:
            raise Rejected(self.system, "422 only a closed ticket can be followed up", status=422)
        ticket_id = str(len(self.tickets) + 1)
        self.by_key[key] = (request, ticket_id)
        self.notes[ticket_id].append(draft.body)
        return self.hold(
            ticket_id,
            subject=draft.subject,
            external_id=draft.external_id,
            tags=draft.tags,
            requester_email=draft.requester_email,
        )

    async def find_ticket(self, external_id):
        found = [ticket for ticket in self.tickets.values() if ticket.external_id == external_id]
        return await self._answer("find_ticket", lambda: min(found, key=lambda t: int(t.id)) if found else None)

    async def read_ticket(self, ticket_id):
        return await self._answer("read_ticket", lambda: self._known(ticket_id))

    async def tickets_of(self, email):
        return await self._answer(
            "tickets_of",
            lambda: tuple(t for t in reversed(self.tickets.values()) if t.requester_email == email and t.can_change),
        )

    async def was_touched_by_a_person(self, ticket):
        return await self._answer("was_touched_by_a_person", lambda: ticket.id in self.touched)

    def render_change(self, change):
        return msgspec.json.encode(change)

    async def change_ticket(self, ticket, request):
        return await self._answer("change_ticket", lambda: self._change(ticket, request), request)

    def _change(self, ticket, request):
        known = self._known(ticket.id)
        if not known.can_change:
            raise Rejected(self.system, "422 closed prevents ticket update", status=422)
        if known.version != ticket.version:
            raise Collided(self.system, "409", status=409)
        change = msgspec.json.decode(request, type=TicketChange)
        if change.reply:
            self.replies[ticket.id].append(change.reply)
        else:
            self.notes[ticket.id].append(f"{change.note}\n{change.marker}")
        self.change(ticket.id, state=change.state or known.state, tags=tuple({*known.tags, *change.add_tags}))
        return self.tickets[ticket.id]

    async def has_note(self, ticket_id, marker):
        return await self._answer("has_note", lambda: any(marker in note for note in self.notes[ticket_id]))

    async def last_reply(self, ticket_id):
        return await self._answer("last_reply", lambda: self._known(ticket_id) and self.answered.get(ticket_id))

    async def close(self):
        pass

    def _known(self, ticket_id):
        if ticket_id not in self.tickets:
            raise Missing(self.system, "404", status=404)
        return self.tickets[ticket_id]

    async def _answer(self, name, do, request=None):
        self.calls[name] += 1
        self.log.append((name, request))
        await asyncio.sleep(0)
        if self.gate:
            await self.gate.wait()
        if name in self.meanwhile:
            self.meanwhile.pop(name)()
        mode, error = self.trouble[name].pop(0) if self.trouble[name] else ("", None)
        if mode == "before":
            raise error
        answer = do()
        if mode == "after":
            raise error
        return answer


def before(error):
    return ("before", error)


def after(error):
    return ("after", error)


class FakeShop:
    """Implements `EventSource`, `Topical` and `OrderSource`; its webhooks are observations, signed `good`."""

    system = "Shop"

    def verify(self, envelope):
        if envelope.headers.get("x-signature") != "good":
            raise Forged("the signature does not hold")

    def topic(self, envelope):
        return envelope.headers.get("x-topic", "")

    def delivery_key(self, envelope):
        key = envelope.headers.get("x-id", "")
        return f"{self.topic(envelope)}|{key}" if key else ""

    def read(self, envelope: Envelope):
        if envelope.body.startswith(b"!"):
            raise RecursionError("maximum recursion depth exceeded")
        try:
            return tuple(msgspec.json.decode(envelope.body, type=list[Observation]))
        except msgspec.DecodeError as error:
            raise Unreadable(str(error)) from error

    async def read_order(self, order_id):
        raise Missing(self.system, order_id)

    async def find_orders(self, text):
        return ()

    async def close(self):
        pass


def make_workspace(name="acme", policy=None, **connections):
    """A workspace with a shop and whatever else is given."""
    connections = {"shop": FakeShop(), **connections}
    return Workspace(name=name, timezone=NEW_YORK, policy=parse_policy(policy or {}, NEW_YORK), connections=connections)


def order_seen(order_id="5001", *, at=NOW, source="shop", kind="order.updated", about=None, shipments=(), **facts):
    """What the shop says of an order worth $50, placed two days before."""
    facts = {
        "name": f"#{int(order_id) - 4000}" if order_id.isdigit() else f"#{order_id}",
        "placed_at": NOW - timedelta(days=2),
        "total": Money(5000, "USD"),
        "email": "jane@example.com",
        **facts,
    }
    return Observation(
        source=source,
        kind=kind,
        identity=f"{source}/{order_id}/{kind}/{at.isoformat()}",
        at=at,
        about=about or References(shop_order=order_id),
        text=f"{kind} at {at:%H:%M}",
        order=Order(id=order_id, **facts),
        shipments=shipments,
    )


def parcel(number="1Z5001", *scans, carrier="ups", **facts):
    return Shipment(carrier=carrier, tracking_number=number, scans=scans, **facts)


def scan(at, state=ShipmentState.IN_TRANSIT, text="Arrived at facility"):
    return Scan(at=at, state=state, text=text)


def parcel_seen(number="1Z5001", *scans, at=NOW, source="track", **facts):
    """What a carrier says of a parcel, without knowing whose it is."""
    return Observation(
        source=source,
        kind="shipment.scanned",
        identity=f"{source}/{number}/{at.isoformat()}",
        at=at,
        about=References(trackings=(tracking_key("ups", number),)),
        text=f"scanned at {at:%H:%M}",
        shipments=(parcel(number, *scans, **facts),),
    )


def body_of(*observations):
    return msgspec.json.encode(observations)
