"""This file is the vocabulary of facts: what outside systems say about an order, in our words.

Every type here is something a vendor could have said; what *we* conclude lives in `server/model.py`.

Three rules hold for all of them.
`None` means that this source said nothing about the field; "there is none" is said with an empty string or tuple.
Times are aware and in UTC; `utc_offset` keeps the local clock of a scan for showing it.
Money is minor units with a currency.
"""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from connectors.money import Money


class PaymentState(StrEnum):
    """Where the money of one payment is."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    AUTHORIZED = "authorized"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class ShipmentState(StrEnum):
    """Where a parcel is. `rank` says which of two words is the later one in a parcel's life."""

    UNKNOWN = "unknown"
    LABEL_CREATED = "label_created"
    CANCELLED = "cancelled"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    AVAILABLE_FOR_PICKUP = "available_for_pickup"
    DELIVERY_FAILED = "delivery_failed"
    EXCEPTION = "exception"
    RETURNING = "returning"
    RETURNED = "returned"
    DELIVERED = "delivered"

    @property
    def rank(self) -> int:
        """0 nothing known, 1 before the carrier has it, 2 with the carrier, 3 for good. States only move up."""
        return _RANKS[self]

    @property
    def is_final(self) -> bool:
        return self.rank == 3

    @property
    def is_with_carrier(self) -> bool:
        return self.rank == 2


_RANKS = {
    ShipmentState.UNKNOWN: 0,
    ShipmentState.LABEL_CREATED: 1,
    ShipmentState.CANCELLED: 1,
    ShipmentState.IN_TRANSIT: 2,
    ShipmentState.OUT_FOR_DELIVERY: 2,
    ShipmentState.AVAILABLE_FOR_PICKUP: 2,
    ShipmentState.DELIVERY_FAILED: 2,
    ShipmentState.EXCEPTION: 2,
    ShipmentState.RETURNING: 2,
    ShipmentState.RETURNED: 3,
    ShipmentState.DELIVERED: 3,
}


class Problem(StrEnum):
    """What a carrier says is wrong with a parcel, in the words of the trade."""

    DAMAGED = "damaged"
    LOST = "lost"
    CUSTOMS = "customs"
    HELD = "held"
    """At a depot, for a reason that waiting does not cure."""
    ADDRESS = "address"
    REFUSED = "refused"
    DELIVERY_ATTEMPT = "delivery_attempt"
    """Nobody home, closed, no access."""
    WEATHER = "weather"
    MISROUTED = "misrouted"
    DELAYED = "delayed"
    OTHER = "other"


class Customer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The buyer, as the shop knows them. `total_spent` counts all their orders."""

    id: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    orders_count: int | None = None
    total_spent: Money | None = None
    tags: tuple[str, ...] | None = None
    hidden: bool | None = None
    """The shop refused to say who it is (Shopify without protected-customer-data approval)."""


class Place(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A town-level place; a street address is never needed to judge an order."""

    city: str = ""
    region: str = ""
    country: str = ""
    postal_code: str = ""

    def __str__(self) -> str:
        return ", ".join(part for part in (self.city, self.region, self.country) if part)


class LineItem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of an order; `unfulfilled` is how many of it have not been handed to a shipment."""

    id: str
    title: str
    sku: str = ""
    quantity: int = 1
    unfulfilled: int | None = None
    refundable: int | None = None
    """How many have been neither given back nor taken off the order, where the shop says so."""
    price: Money | None = None
    needs_shipping: bool | None = None
    """False for what is not sent: a download, a gift card, a service."""


class Hold(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a shop or its warehouse does not go on with an order."""

    reason: str
    """In lower case: awaiting_payment, high_risk_of_fraud, incorrect_address, inventory_out_of_stock,
    unknown_delivery_date, other ..."""
    text: str = ""
    since: datetime | None = None


class RefundRequest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a customer asks back, as the shop keeps it (a return with a refund, a claim)."""

    id: str
    at: datetime
    state: str
    """requested, approved, declined, cancelled or closed."""
    amount: Money | None = None
    reason: str = ""


class Order(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a shop says about one order. `id` is the shop's own id, `name` what people call it (`#1001`).

    `id` is empty where the shop names only a part of the order (`parts`).
    """

    id: str
    name: str | None = None
    placed_at: datetime | None = None
    updated_at: datetime | None = None
    total: Money | None = None
    financial_state: str | None = None
    """The shop's word in lower case: pending, authorized, paid, partially_refunded, refunded, voided ..."""
    fulfillment_state: str | None = None
    """The shop's word in lower case: unfulfilled, partial, fulfilled, in_progress, on_hold, scheduled ..."""
    fulfillment_started_at: datetime | None = None
    """When somebody began to pick or pack, where the shop says so before a shipment exists."""
    cancelled_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    cancel_reason: str | None = None
    closed_at: datetime | None = None
    tags: tuple[str, ...] | None = None
    email: str | None = None
    phone: str | None = None
    customer: Customer | None = None
    destination: Place | None = None
    shipping_method: str | None = None
    line_items: tuple[LineItem, ...] | None = None
    attributes: dict[str, str] | None = None
    """Notes that the shop's checkout attached; a promise may hide here (policy says under which name)."""
    promised_by: datetime | None = None
    """The delivery date that the customer was given, where the shop keeps one."""
    holds: tuple[Hold, ...] | None = None
    """Open holds on its fulfilment; empty where there are none."""
    refund_requests: tuple[RefundRequest, ...] | None = None
    """A set: requests of several observations add up, and one that was decided stays so."""
    address_problem: str | None = None
    """What is wrong with where it should go, in words, before anything was shipped; empty when nothing is."""
    marketplace: str | None = None
    """`amazon`, `ebay` ... where the order came through one."""
    ship_by: datetime | None = None
    """Until when the marketplace, or a contract, wants it handed over."""
    deliver_by: datetime | None = None
    """Until when the marketplace wants it delivered; the customer's promise stays in `promised_by`."""
    warehouse: str | None = None
    """Where it is fulfilled from, by name."""
    seller: str | None = None
    """Who sells it, on a marketplace of several."""
    origin: Place | None = None
    """From where it is shipped."""
    admin_url: str | None = None
    """Where an agent opens the order in the shop."""
    parts: tuple[str, ...] | None = None
    """Ids of what the shop splits its fulfilment into, under which other words about it come."""
    is_test: bool | None = None


class PaymentAttempt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One try to take the money. `failure_*` are empty where it worked."""

    id: str
    at: datetime
    succeeded: bool
    failure_code: str = ""
    failure_message: str = ""
    """In words an agent understands, never the processor's code alone."""


class Dispute(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A chargeback or an inquiry before one. `respond_by` is when the evidence is due."""

    id: str
    state: str
    reason: str = ""
    amount: Money | None = None
    respond_by: datetime | None = None
    opened_at: datetime | None = None


class FraudWarning(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An issuer's word, before any chargeback, that a card was used by somebody else."""

    id: str
    at: datetime
    reason: str = ""
    is_actionable: bool = True
    """False once the charge was refunded or disputed."""


class Refund(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One refund as its processor tells it. `at` is the moment for which the processor vouches."""

    id: str
    at: datetime
    state: str
    """pending, requires_action, succeeded, failed or cancelled."""
    amount: Money | None = None
    failure: str = ""
    """Why it failed, in words."""


class Payment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One payment as its processor, or the shop on its behalf, tells it.

    `references` are all ids under which anybody names it (payment intent, charge, the shop's payment id);
    two payments that share one are the same payment.
    """

    id: str
    processor: str
    state: PaymentState | None = None
    amount: Money | None = None
    captured: Money | None = None
    refunded: Money | None = None
    refundable: Money | None = None
    method: str | None = None
    """For people: `Visa ending 4242`."""
    created_at: datetime | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    dispute: Dispute | None = None
    references: tuple[str, ...] = ()
    attempts: tuple[PaymentAttempt, ...] = ()
    """A set: attempts of several observations add up."""
    fraud_warning: FraudWarning | None = None
    refunds: tuple[Refund, ...] = ()
    """A set: refunds of several observations add up, and of one refund the latest word counts."""


class Scan(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a carrier says happened to a parcel. Its key is time, code and place: carriers repeat scans."""

    at: datetime
    state: ShipmentState
    text: str
    code: str = ""
    place: Place = Place()
    problem: Problem | None = None
    utc_offset: int | None = None
    """Minutes east of UTC of the place's clock, where the carrier said it."""

    @property
    def key(self) -> tuple[datetime, str, str]:
        return (self.at, self.code or self.text, str(self.place))


class Shipment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One parcel: what a shop, an aggregator or the carrier itself says about it.

    `carrier` is our code (`connectors/carriers.py`); it and `tracking_number` together name a parcel.
    A shipment that has no tracking number yet is named by `fulfillment_id`.
    """

    carrier: str
    tracking_number: str
    fulfillment_id: str | None = None
    tracking_url: str | None = None
    service: str | None = None
    state: ShipmentState | None = None
    """The source's own summary; the fold prefers what the scans say."""
    vendor_state: str | None = None
    """The source's own word for `state`, kept beside ours."""
    shipped_at: datetime | None = None
    """When the shop says it was handed over, or the label was made."""
    delivered_at: datetime | None = None
    cancelled_at: datetime | None = None
    estimated_delivery: datetime | None = None
    """The carrier's estimate as of this observation; the fold keeps the first one apart."""
    destination: Place | None = None
    items: tuple[LineItem, ...] | None = None
    exception: str | None = None
    """What the carrier says is wrong, in words; empty when it says nothing is."""
    problem: Problem | None = None
    """The same as one word of ours, where the source's own word is known."""
    tracking_problem: str | None = None
    """Why the number cannot be followed, in words (the carrier does not know it); empty when it can."""
    origin: Place | None = None
    scans: tuple[Scan, ...] = ()
    """A set: scans of several observations add up."""

    @property
    def key(self) -> str:
        """`ups|1Z999`, or `fulfillment|123` as long as there is no tracking number."""
        if self.tracking_number:
            return tracking_key(self.carrier, self.tracking_number)
        return f"fulfillment|{self.fulfillment_id}"


def tracking_key(carrier: str, number: str) -> str:
    """How a parcel is named: the carrier and the number without spaces, in upper case."""
    return f"{carrier}|{number.replace(' ', '').upper()}"


class Contact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One ticket or message that the customer began."""

    id: str
    at: datetime
    channel: str
    subject: str = ""
    text: str = ""
    """How the message begins, up to 500 characters on one line."""
    state: str = ""
    url: str | None = None
    answered_at: datetime | None = None
    """When somebody last answered in public, where the helpdesk said so."""


class References(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an observation says which order it is about. An empty one can be about nothing."""

    shop_order: str = ""
    """The shop's order id, said by the shop's own connection: always enough."""
    shop: str = ""
    """Whose order `shop_order` is, where we say something of it ourselves. Nothing that a vendor sends may set it."""
    order_ids: tuple[str, ...] = ()
    """Order ids or names that another system carries (`metadata.order_id` in Stripe)."""
    payments: tuple[str, ...] = ()
    """Ids of payments, charges and intents, in any system's spelling."""
    trackings: tuple[str, ...] = ()
    """Keys made by `tracking_key`."""
    ticket: str = ""
    """The id of a ticket of the source, which may be known to belong to an order."""
    text: str = ""
    """What a person wrote, which may name an order: believed only where exactly one fits."""


class Observation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one source said about one order at one time: a webhook read, or a live look.

    `identity` comes from the body, never from unsigned headers, and is the same for every repeat of the same word.
    `at` is the moment for which the source vouches; it decides which of two words of one source is the later.
    """

    source: str
    """The connection's name within its workspace, such as `shop`."""
    kind: str
    """What happened, as in `payment.failed`, `shipment.scanned`, `order.cancelled`; a live look is `order.read`."""
    identity: str
    at: datetime
    about: References = References()
    text: str = ""
    """One line for the order's timeline; empty keeps it out."""
    order: Order | None = None
    payments: tuple[Payment, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    contacts: tuple[Contact, ...] = ()


class Ticket(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A ticket as the helpdesk has it now."""

    id: str
    state: str
    """open, pending, solved or closed, whatever the helpdesk calls them. A closed one never changes again."""
    subject: str = ""
    description: str = ""
    external_id: str = ""
    requester_email: str = ""
    tags: tuple[str, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
    version: str = ""
    """What the helpdesk wants back to notice a collision (Zendesk: `updated_stamp`)."""
    url: str = ""
    order_references: tuple[str, ...] = ()
    """What fields of the ticket name as order ids or names (custom fields)."""

    @property
    def can_change(self) -> bool:
        return self.state != "closed"

    @property
    def is_open(self) -> bool:
        return self.state in ("open", "pending")


class TicketDraft(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A ticket to be opened. Its first comment is internal: opening one must never write to the customer."""

    external_id: str
    subject: str
    body: str
    """Markdown-free plain text; the connector makes it what the helpdesk wants."""
    tags: tuple[str, ...] = ()
    priority: str = "normal"
    """low, normal, high or urgent."""
    requester_name: str = ""
    requester_email: str = ""
    group: str = ""
    order_reference: str = ""
    follow_up_of: str = ""
    """The closed ticket that this one continues."""


class TicketChange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One write to an existing ticket. The note is internal and ends with `marker`, by which a lost answer is found.

    A change with a `reply` has no note: the reply goes to the customer, and the marker becomes a tag.
    """

    marker: str
    note: str = ""
    reply: str = ""
    """Goes to the customer, in public. Empty unless the merchant's policy names a message."""
    state: str = ""
    """open or solved; empty leaves it."""
    add_tags: tuple[str, ...] = ()
    priority: str = ""


class Link(Struct, frozen=True):
    """Where something can be looked at."""

    label: str
    url: str


class Choice(Struct, frozen=True):
    """Something that whoever reads a notice may decide there: a button. `value` comes back to us, signed."""

    id: str
    label: str
    value: str
    is_dangerous: bool = False


class Notice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A short message to a team. Plain text: whatever means something to the place where it is shown is escaped."""

    key: str
    """The same for every repeat, by which a lost answer is found."""
    to: str
    """A channel (`#logistics`) or an e-mail address."""
    headline: str
    text: str
    links: tuple[Link, ...] = ()
    details: tuple[str, ...] = ()
    """Further facts, one a line."""
    choices: tuple[Choice, ...] = ()
    """What may be decided there, where it can show buttons; the links lead on from everywhere else."""
    is_over: bool = False
    """What it was about has ended."""
    written_at: datetime | None = None


class Letter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An e-mail to a customer, in plain text."""

    key: str
    to: str
    to_name: str = ""
    subject: str
    body: str
    written_at: datetime


class Parcel(Struct, frozen=True):
    """Which parcel a task is about."""

    carrier: str
    tracking_number: str


class Task(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Work for another system, or word that it is not needed any more."""

    key: str
    event: str
    """issue.opened, issue.reopened, issue.escalated, issue.deadline_passed or issue.solved."""
    at: datetime
    workspace: str
    issue: str
    """The same id in every event about one trouble."""
    kind: str
    severity: str
    order: str
    order_name: str
    text: str
    reasons: tuple[str, ...] = ()
    since: datetime | None = None
    deadline: datetime | None = None
    shop: str = ""
    parcels: tuple[Parcel, ...] = ()
    owner: str = ""
    order_url: str = ""
    ticket_url: str = ""
    ticket_id: str = ""
