"""This file is an order of the past: one row of an order history, and how the order stood at any moment of its life.

`order_at` gives only what was known at that moment. It leaves the fold out because history speaks with one voice, and a
test holds it equal to folding the row's observations. The final status is never looked at: nobody knew it then.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from babel.numbers import get_currency_precision
from msgspec import Struct

from connectors.model import (
    Contact,
    LineItem,
    Observation,
    Order,
    Payment,
    PaymentState,
    Place,
    References,
    Shipment,
    ShipmentState,
)
from connectors.money import Money
from server.model import OrderKey, OrderView, ShipmentView
from server.rules.policy import Policy
from server.rules.promise import promise_of
from server.rules.promise_odds import ready_at, way_of
from server.rules.transit import Leg

SOURCE = "history"
"""The connection that stands for the file."""
_PARCEL = "1"
"""A history names no tracking numbers, so its one parcel goes by the name of its fulfilment."""


class HistoryRow(Struct, frozen=True, kw_only=True):
    """One order as the file has it: the columns of DESIGN 7, times in UTC. None and "" mean unknown."""

    order_id: str
    purchased_at: datetime
    status: str = ""
    approved_at: datetime | None = None
    handed_over_at: datetime | None = None
    delivered_at: datetime | None = None
    promised_date: datetime | None = None
    """The end of the promised day."""
    origin: str = ""
    destination: str = ""
    ship_by: datetime | None = None
    value: Decimal | None = None
    currency: str = ""
    items: int | None = None
    seller: str = ""
    complained_at: datetime | None = None
    weight: float = 1.0
    """How many orders this row stands for, in a sample."""


def moments(row: HistoryRow) -> list[datetime]:
    """When something happened, oldest first, each moment once."""
    known = (row.purchased_at, row.approved_at, row.handed_over_at, row.delivered_at, row.complained_at)
    return sorted({moment for moment in known if moment is not None})


def key_of(row: HistoryRow, workspace: str) -> OrderKey:
    return OrderKey(workspace, SOURCE, row.order_id)


def order_at(row: HistoryRow, now: datetime, workspace: str) -> OrderView:
    """The order as it stood at *now*, which is not before it was placed."""
    shipment = _shipment(row, now)
    return OrderView(
        key=key_of(row, workspace),
        order=_order(row, now),
        payments=_payments(row, now),
        shipments=(ShipmentView(shipment=shipment, sources=(SOURCE,)),) if shipment is not None else (),
        contacts=_contacts(row, now),
    )


def observations(row: HistoryRow, workspace: str) -> Iterator[Observation]:
    """The same as what a shop would have said, one word at each moment; for those who fold."""
    for now in moments(row):
        shipment = _shipment(row, now)
        yield Observation(
            source=SOURCE,
            kind="order.updated",
            identity=f"{key_of(row, workspace)}/{now.isoformat()}",
            at=now,
            about=References(shop_order=row.order_id),
            order=_order(row, now),
            payments=_payments(row, now),
            shipments=(shipment,) if shipment is not None else (),
            contacts=_contacts(row, now),
        )


def leg_of_row(row: HistoryRow, policy: Policy) -> Leg | None:
    """What its delivery teaches; None where it was not delivered, or nobody knows when it was handed over."""
    begun, arrived = row.handed_over_at, row.delivered_at
    if begun is None or arrived is None or arrived <= begun:
        return None
    order = order_at(row, arrived, "")
    promise = promise_of(order, policy)
    return Leg(
        way=way_of(order, order.shipments[0]),
        ready_at=min(ready_at(order) or begun, begun),
        handed_over_at=begun,
        delivered_at=arrived,
        promised_by=promise.promised_by if promise else None,
    )


def total_of(row: HistoryRow) -> Money | None:
    """What the order was worth, to the currency's smallest coin; None where its currency is not known."""
    return _money(row.value, row.currency) if row.value is not None and row.currency else None


@lru_cache(maxsize=8192)
def _money(value: Decimal, currency: str) -> Money:
    smallest = Decimal(1).scaleb(-get_currency_precision(currency))
    return Money.parse(value.quantize(smallest), currency)


def _order(row: HistoryRow, now: datetime) -> Order:
    left = not (_has_come(row.handed_over_at, now) or _has_come(row.delivered_at, now))
    quantity = row.items or 1
    return Order(
        id=row.order_id,
        name=row.order_id,
        placed_at=row.purchased_at,
        updated_at=max(filter(now.__ge__, moments(row))),
        total=total_of(row),
        # Before that nothing is said of money: nobody can know whether the file will ever tell.
        financial_state="paid" if _has_come(row.approved_at, now) else None,
        destination=_place(row.destination),
        line_items=(LineItem(id="1", title="", quantity=quantity, unfulfilled=quantity if left else 0),),
        promised_by=row.promised_date,
        ship_by=row.ship_by,
        seller=row.seller or None,
        origin=_place(row.origin),
    )


def _payments(row: HistoryRow, now: datetime) -> tuple[Payment, ...]:
    if not _has_come(row.approved_at, now):
        return ()
    return (Payment(id=row.order_id, processor=SOURCE, state=PaymentState.PAID, created_at=row.approved_at),)


def _shipment(row: HistoryRow, now: datetime) -> Shipment | None:
    """Without scans: a file tells none, and what nobody scanned must not seem to have stalled."""
    delivered, handed_over = _has_come(row.delivered_at, now), _has_come(row.handed_over_at, now)
    if not delivered and not handed_over:
        return None
    return Shipment(
        carrier="unknown",
        tracking_number="",
        fulfillment_id=_PARCEL,
        state=ShipmentState.DELIVERED if delivered else ShipmentState.IN_TRANSIT,
        exception="",
        shipped_at=row.handed_over_at if handed_over else None,
        delivered_at=row.delivered_at if delivered else None,
    )


def _contacts(row: HistoryRow, now: datetime) -> tuple[Contact, ...]:
    if row.complained_at is None or row.complained_at > now:
        return ()
    return (Contact(id=row.order_id, at=row.complained_at, channel=SOURCE),)


def _place(name: str) -> Place | None:
    return Place(region=name) if name else None


def _has_come(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment <= now
