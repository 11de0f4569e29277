"""This file is what happens in the demo: several orders' lives, told as steps on one timeline.

Hours count from Tuesday 9:00 in New York. Nothing happens on a weekend, so silence means the same on any day of the
year on which the demo is played.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from server.demo.happenings import Happenings, Step
from server.demo.orders import Person
from server.demo.world import World

NEW_YORK = ZoneInfo("America/New_York")


def beginning(now: datetime) -> datetime:
    """The last Tuesday, 9:00 in New York, from which four days have passed by *now*."""
    local = now.astimezone(NEW_YORK)
    days = (local.weekday() - 1) % 7
    day = local.date() - timedelta(days=days if days >= 4 else days + 7)
    return datetime.combine(day, time(9), NEW_YORK).astimezone(UTC)


class Stories:
    """All stories in one world, as one sequence of steps."""

    def __init__(self, world: World, start: datetime) -> None:
        happens = Happenings(world, start)
        self.at = happens.at
        self.letters = world.shopify.take_letters
        """Webhooks about what Beforehand did in the shop, once."""
        self.steps = sorted(
            (step for story in STORIES for step in story(happens)), key=lambda step: (step.hours, step.order)
        )


def good_day(happens: Happenings) -> Iterator[Step]:
    """Paid and delivered: nothing to do, and no ticket."""
    order = happens.order(48201, Person(501, "Ada Byrne", "ada.byrne@example.com", "Portland", "OR"), "Trail mug", 28)
    parcel = happens.parcel(order, "USPS", 3)
    yield happens.placed(order, 0)
    yield happens.paid(order, 0.1)
    yield happens.shipped(order, parcel, 3)
    yield happens.scanned(order, parcel, 6, "in_transit", "Accepted at USPS origin facility", "Denver", "CO")
    yield happens.scanned(order, parcel, 29, "out_for_delivery", "Out for delivery", "Portland", "OR")
    yield happens.scanned(order, parcel, 33, "delivered", "Delivered, front door", "Portland", "OR")


def declined_once(happens: Happenings) -> Iterator[Step]:
    """The first card is declined, the second works within the grace time: no ticket."""
    person = Person(504, "Marcus Webb", "marcus.webb@example.com", "Austin", "TX")
    order = happens.order(48204, person, "Canvas tote", 64)
    parcel = happens.parcel(order, "USPS", 27)
    yield happens.placed(order, 1)
    yield happens.declined(order, 1.05, "insufficient_funds", "Payment declined: insufficient funds")
    yield happens.paid(order, 1.4, "Second card works, within the grace time: no ticket")
    yield happens.shipped(order, parcel, 27)
    yield happens.scanned(order, parcel, 30, "in_transit", "Accepted at USPS origin facility", "Denver", "CO")
    yield happens.scanned(order, parcel, 74, "delivered", "Delivered, in mailbox", "Austin", "TX")


def declined_for_good(happens: Happenings) -> Iterator[Step]:
    """No card works: a ticket once the grace time is over."""
    person = Person(507, "Priya Raman", "priya.raman@example.com", "Columbus", "OH")
    order = happens.order(48207, person, "Wool blanket", 145)
    yield happens.placed(order, 2)
    yield happens.declined(order, 2.1, "do_not_honor", "Payment declined by the bank")
    yield happens.declined(order, 2.2, "expired_card", "Payment declined again: expired card")


def stalled_vip(happens: Happenings) -> Iterator[Step]:
    """A VIP's parcel stalls the day before it was promised: a ticket, solved when the parcel moves again."""
    person = Person(
        519, "Eleanor Hughes", "eleanor.hughes@example.com", "Nashville", "TN", 23, Decimal("4180.50"), ("VIP",)
    )
    order = happens.order(48219, person, "Cast-iron skillet", 129, promised=86.9)
    parcel = happens.parcel(order, "UPS", 4)
    yield happens.placed(order, 0.2)
    yield happens.paid(order, 0.3)
    yield happens.shipped(order, parcel, 4)
    yield happens.scanned(order, parcel, 7, "in_transit", "Origin scan", "Denver", "CO")
    yield happens.scanned(order, parcel, 9, "in_transit", "Departed from facility", "Denver", "CO")
    yield happens.scanned(
        order, parcel, 71, "in_transit", "Arrived at facility", "Memphis", "TN", arrives=happens.at(86)
    )
    yield happens.scanned(order, parcel, 77, "delivered", "Delivered, met customer", "Nashville", "TN")


def cancelled_after_picking(happens: Happenings) -> Iterator[Step]:
    """Cancelled while the warehouse is at it: a ticket at once."""
    person = Person(522, "Tom Okafor", "tom.okafor@example.com", "Tampa", "FL")
    order = happens.order(48222, person, "Standing lamp", 89)
    yield happens.placed(order, 5)
    yield happens.paid(order, 5.1)
    yield happens.picked(order, 6)
    yield happens.cancelled(order, 8)


def customer_wrote_first(happens: Happenings) -> Iterator[Step]:
    """The customer has asked already when the parcel stalls: a note in that ticket instead of a second one."""
    person = Person(525, "Jonas Weber", "jonas.weber@example.com", "Madison", "WI", 4, Decimal("310.00"))
    order = happens.order(48225, person, "Rain jacket", 118, promised=110)
    parcel = happens.parcel(order, "USPS", 5)
    yield happens.placed(order, 0.4)
    yield happens.paid(order, 0.5)
    yield happens.shipped(order, parcel, 5)
    yield happens.scanned(order, parcel, 9.5, "in_transit", "Departed USPS regional facility", "Omaha", "NE")
    yield happens.wrote(order, 40, "Where is my jacket?", f"Hi, my order {order.name} seems stuck. Any news? Jonas")


def silent_carrier(happens: Happenings) -> Iterator[Step]:
    """UPS does not answer about a parcel: the sidebar says so, and shows the rest."""
    person = Person(530, "Wei Zhang", "wei.zhang@example.com", "Seattle", "WA")
    order = happens.order(48230, person, "Desk organiser", 47, promised=240)
    parcel = happens.parcel(order, "UPS", 50)
    yield happens.placed(order, 47)
    yield happens.paid(order, 47.1)
    yield happens.shipped(order, parcel, 50)
    yield happens.silenced(order, parcel, 51)
    yield happens.wrote(order, 60, "Change of delivery day", f"Could order {order.name} come on Saturday instead?")


def solved_by_hand(happens: Happenings) -> Iterator[Step]:
    """A person solves the ticket: when the parcel moves again there is only a note."""
    person = Person(533, "Sofia Marino", "sofia.marino@example.com", "Boston", "MA", 2, Decimal("140.00"))
    order = happens.order(48233, person, "Linen apron", 52)
    parcel = happens.parcel(order, "USPS", 5.5)
    yield happens.placed(order, 0.6)
    yield happens.paid(order, 0.7)
    yield happens.shipped(order, parcel, 5.5)
    yield happens.scanned(order, parcel, 10, "in_transit", "Departed USPS facility", "Cleveland", "OH")
    yield happens.solved_by_hand(order, 62)
    yield happens.scanned(order, parcel, 72, "in_transit", "Arrived at USPS facility", "Albany", "NY")


def out_of_stock(happens: Happenings) -> Iterator[Step]:
    """The warehouse holds an order and nobody releases it: a ticket after a working day."""
    person = Person(536, "Nora Lindqvist", "nora.lindqvist@example.com", "Denver", "CO", 2, Decimal("95.00"))
    order = happens.order(48236, person, "Copper kettle", 74)
    yield happens.placed(order, 3.5)
    yield happens.paid(order, 3.6)
    yield happens.held(order, 8.5, "inventory_out_of_stock", "Warehouse puts it on hold: out of stock")


def disputed(happens: Happenings) -> Iterator[Step]:
    """Delivered, and then the bank takes the payment back: a ticket at once, with the date of the answer."""
    person = Person(539, "Henry Osei", "henry.osei@example.com", "Newark", "NJ")
    order = happens.order(48239, person, "Field watch", 160)
    parcel = happens.parcel(order, "USPS", 4.5)
    yield happens.placed(order, 0.8)
    yield happens.paid(order, 0.9)
    yield happens.shipped(order, parcel, 4.5)
    yield happens.scanned(order, parcel, 8, "in_transit", "Accepted at USPS origin facility", "Denver", "CO")
    yield happens.scanned(order, parcel, 50, "delivered", "Delivered, front door", "Newark", "NJ")
    yield happens.disputed(order, 66, "product_not_received", "The bank opens a dispute: goods not received")


def arrived_broken(happens: Happenings) -> Iterator[Step]:
    """Delivered in pieces: an agent asks for a refund, the lead approves it, the shop pays it once."""
    person = Person(542, "Grace Adeyemi", "grace.adeyemi@example.com", "Raleigh", "NC", 3, Decimal("260.00"))
    order = happens.order(48242, person, "Stoneware set", 88)
    parcel = happens.parcel(order, "USPS", 5.2)
    yield happens.placed(order, 1.2)
    yield happens.paid(order, 1.3)
    yield happens.shipped(order, parcel, 5.2)
    yield happens.scanned(order, parcel, 12, "in_transit", "Accepted at USPS origin facility", "Denver", "CO")
    yield happens.scanned(order, parcel, 54, "delivered", "Delivered, front door", "Raleigh", "NC")
    yield happens.wrote(order, 58, "Two bowls are broken", f"Order {order.name} came today with two bowls in pieces.")
    yield happens.asks(
        order,
        59,
        "robin",
        "refund",
        "Two of the four bowls arrived broken; photos are in the ticket.",
        "Robin asks for a refund of $44.00",
        amount={"value": "44.00", "currency": "USD"},
    )
    yield happens.decides(
        order, 60, "dana", "approve", "The photos are clear. Half of it is fair.", "Dana approves the refund"
    )


def cancel_waits(happens: Happenings) -> Iterator[Step]:
    """An order that cannot be packed: an agent asks to cancel it, and nobody has decided yet."""
    person = Person(545, "Omar Haddad", "omar.haddad@example.com", "Fresno", "CA")
    order = happens.order(48245, person, "Bamboo shelf", 63)
    yield happens.placed(order, 70)
    yield happens.paid(order, 70.1)
    yield happens.asks(
        order,
        84,
        "robin",
        "cancel",
        "The customer ordered twice by mistake and called to have this one cancelled.",
        "Robin asks to have the order cancelled",
    )


STORIES = (
    good_day,
    declined_once,
    declined_for_good,
    stalled_vip,
    cancelled_after_picking,
    customer_wrote_first,
    silent_carrier,
    solved_by_hand,
    out_of_stock,
    disputed,
    arrived_broken,
    cancel_waits,
)
