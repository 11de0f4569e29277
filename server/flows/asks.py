"""This file decides whom to ask about an order, and what: from what is known of it so far."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial

from msgspec import Struct

from connectors.carriers import carrier_code, carrier_name
from connectors.contract import Helpdesk, OrderSource, PaymentSource, TrackingSource
from connectors.model import Contact, Observation, Payment, References
from server.model import OrderView, ShipmentView
from server.rules.identity import is_about
from server.workspaces import Workspace

STILL_OF_INTEREST = timedelta(days=2)
"""How long after its end a parcel is still looked at live: carriers correct themselves."""

MOST_PARCELS = 10
"""Parcels of one order that are looked at live; the newest."""


class Ask(Struct, frozen=True):
    """One question to one connection.

    Equal questions to one connection have the same answer; of one topic the latest answer counts.
    """

    connection: str
    system: str
    topic: tuple[str, ...]
    question: tuple[str, ...]
    call: Callable[[], Awaitable[tuple[Observation, ...]]]
    is_search: bool = False
    """Whether the answer may be about something else of the same number."""


CONFIRMED_FOR = timedelta(minutes=5)
MOST_CONFIRMED = 10_000


class Reach:
    """Whom a workspace can ask."""

    def __init__(self, workspace: Workspace) -> None:
        # `isinstance` with a protocol is slow, so it is done once.
        self.workspace = workspace
        self.shops: Mapping[str, OrderSource] = workspace.shops
        self.payments: Mapping[str, PaymentSource] = workspace.payment_sources
        self.helpdesks: Mapping[str, Helpdesk] = workspace.helpdesks
        self._trackers: dict[str, list[tuple[str, TrackingSource]]] = {}
        self._confirmed: dict[tuple[str, str], datetime] = {}
        """Tickets of which their helpdesk said that they are there, and when; the latest last."""

    def confirm(self, connection: str, ticket_id: str, now: datetime) -> None:
        """A helpdesk has just said that it has this ticket."""
        self._confirmed.pop((connection, ticket_id), None)
        self._confirmed[connection, ticket_id] = now
        while len(self._confirmed) > MOST_CONFIRMED:
            del self._confirmed[next(iter(self._confirmed))]

    def is_confirmed(self, connection: str, ticket_id: str, now: datetime) -> bool:
        """Whether it has said so within the last minutes."""
        last = self._confirmed.get((connection, ticket_id))
        return last is not None and now - last < CONFIRMED_FOR

    def system(self, connection: str) -> str:
        """What people call the system behind a connection; the connection's name where it is gone."""
        found = self.workspace.connections.get(connection)
        return found.system if found else connection

    def trackers(self, carrier: str) -> list[tuple[str, TrackingSource]]:
        """Who can be asked about a carrier's parcels: the carrier itself first, then aggregators."""
        if carrier not in self._trackers:
            found = list(self.workspace.tracking_sources(carrier).items())
            found.sort(key=lambda item: carrier_code(self.system(item[0])) != carrier)
            self._trackers[carrier] = found
        return self._trackers[carrier]


def shop_ask(reach: Reach, view: OrderView) -> Ask | None:
    """The order itself, from the shop that keeps it."""
    shop = reach.shops.get(view.key.shop)
    if shop is None:
        return None
    order_id = view.key.order_id
    topic = ("order", order_id)
    return Ask(view.key.shop, reach.system(view.key.shop), topic, topic, partial(_read_order, shop, order_id))


def payment_asks(reach: Reach, view: OrderView) -> Iterator[Ask]:
    """The order's payments, from every processor."""
    about = References(
        order_ids=tuple(filter(None, (view.key.order_id, view.order.name))),
        payments=payment_ids(view),
    )
    for name, source in reach.payments.items():
        topic = ("payments", view.key.order_id)
        call = partial(source.read_payments, about)
        yield Ask(name, reach.system(name), topic, topic + about.payments, call, is_search=True)


def tracking_asks(reach: Reach, shipment: ShipmentView) -> list[Ask]:
    """A parcel, from whoever can be asked about it, the best first. One good answer is enough."""
    carrier, number = shipment.shipment.carrier, shipment.shipment.tracking_number
    topic = ("tracking", carrier, number)
    return [
        Ask(name, reach.system(name), topic, topic, partial(_read_tracking, source, carrier, number))
        for name, source in reach.trackers(carrier)
    ]


def contact_asks(reach: Reach, view: OrderView) -> Iterator[Ask]:
    """What the customer has already written about this order, from every helpdesk."""
    customer = view.order.customer
    email = (customer.email if customer else None) or view.order.email
    if not email:
        return
    for name, desk in reach.helpdesks.items():
        topic = ("contacts", view.key.order_id, email)
        yield Ask(name, reach.system(name), topic, topic, partial(_read_contacts, desk, name, email, view))


def parcels(view: OrderView, now: datetime) -> list[ShipmentView]:
    """Shipments that are worth asking about, the latest first."""
    found = [shipment for shipment in view.shipments if _is_of_interest(shipment, now)]
    return found[::-1][:MOST_PARCELS]


def payment_ids(view: OrderView) -> tuple[str, ...]:
    """All ids under which anybody names a payment of this order."""
    return tuple(dict.fromkeys(id_ for payment in view.payments for id_ in ids_of(payment)))


def ids_of(payment: Payment) -> tuple[str, ...]:
    """All ids under which anybody names it."""
    return (payment.id, *payment.references)


def nobody_follows(carrier: str) -> str:
    """What an agent reads where no connection can be asked about a parcel."""
    if carrier == "unknown":
        return "No connection follows parcels whose carrier is not known"
    return f"No connection follows {carrier_name(carrier)} parcels"


def _is_of_interest(found: ShipmentView, now: datetime) -> bool:
    shipment = found.shipment
    if not shipment.tracking_number or shipment.cancelled_at:
        return False
    if shipment.state is None or not shipment.state.is_final:
        return True
    ended = shipment.delivered_at or found.last_scan_at
    return ended is None or now - ended < STILL_OF_INTEREST


async def _read_order(shop: OrderSource, order_id: str) -> tuple[Observation, ...]:
    return (await shop.read_order(order_id),)


async def _read_tracking(source: TrackingSource, carrier: str, number: str) -> tuple[Observation, ...]:
    return (await source.read_tracking(carrier, number),)


async def _read_contacts(desk: Helpdesk, name: str, email: str, view: OrderView) -> tuple[Observation, ...]:
    """One observation for each ticket, as of its last change; tickets about other orders are none of this one's."""
    return tuple(
        Observation(
            source=name,
            kind="contact.read",
            identity=f"contact:{ticket.id}:{ticket.version}",
            at=ticket.updated_at,
            about=References(order_ids=(view.key.order_id,)),
            contacts=(
                Contact(
                    id=ticket.id,
                    at=ticket.created_at or ticket.updated_at,
                    channel=name,
                    subject=ticket.subject,
                    state=ticket.state,
                    url=ticket.url,
                ),
            ),
        )
        for ticket in await desk.tickets_of(email)
        if ticket.updated_at is not None and is_about(ticket, view)
    )
