"""This file is our own words: the order as folded, what we conclude of it, and what we do about it.

Times are aware and in UTC. Money is `connectors.money.Money`.
"""

from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Generic, TypeVar

from msgspec import Struct

from connectors.model import (
    Contact,
    Letter,
    Notice,
    Order,
    Payment,
    Shipment,
    Task,
    TicketChange,
    TicketDraft,
)

T = TypeVar("T")


class Kind(StrEnum):
    """Kinds of trouble, spelled as in the API, the policy and ticket tags (DESIGN 7)."""

    PAYMENT_FAILED = "payment_failed"
    PAYMENT_DISPUTED = "payment_disputed"
    REFUND_AWAITING_APPROVAL = "refund_awaiting_approval"
    REFUND_FAILED = "refund_failed"
    FULFILLMENT_DELAYED = "fulfillment_delayed"
    FULFILLMENT_ON_HOLD = "fulfillment_on_hold"
    PARTIAL_SHIPMENT = "partial_shipment"
    CANCELLATION_AFTER_FULFILLMENT = "cancellation_after_fulfillment"
    ADDRESS_PROBLEM = "address_problem"
    LABEL_NOT_SCANNED = "label_not_scanned"
    TRACKING_INVALID = "tracking_invalid"
    TRACKING_STALLED = "tracking_stalled"
    DELIVERY_ATTEMPT_FAILED = "delivery_attempt_failed"
    CARRIER_EXCEPTION = "carrier_exception"
    RETURNED_TO_SENDER = "returned_to_sender"
    DELIVERED_NOT_RECEIVED = "delivered_not_received"
    PROMISE_AT_RISK = "promise_at_risk"
    PROMISE_MISSED = "promise_missed"
    HIGH_VALUE_DELAYED = "high_value_delayed"
    MARKETPLACE_SLA_RISK = "marketplace_sla_risk"
    REPEATED_CONTACT = "repeated_contact"
    INCIDENT = "incident"
    """Many orders with one cause; no detector of its own, see `rules/incident.py`."""


class Severity(StrEnum):
    """How much it matters; spelled as ticket priorities are."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class Level(StrEnum):
    """How the delivery promise stands."""

    ON_TRACK = "on_track"
    WATCH = "watch"
    AT_RISK = "at_risk"
    MISSED = "missed"


class OrderKey(Struct, frozen=True, order=True):
    """Which order: workspace, the shop's connection, the shop's own order id. Never an e-mail or a tracking number."""

    workspace: str
    shop: str
    order_id: str

    def __str__(self) -> str:
        return f"{self.workspace}/{self.shop}/{self.order_id}"

    @classmethod
    def parse(cls, text: str) -> "OrderKey":
        """Read what `str` wrote. Workspace and shop hold no slash; an order id may."""
        workspace, shop, order_id = text.split("/", 2)
        return cls(workspace, shop, order_id)


# --- the order as folded ----------------------------------------------------------------------------------------------


class Said(Struct, Generic[T], frozen=True):
    """What one source has said of one thing, and as of when it said each field (field name -> time)."""

    facts: T
    at: dict[str, datetime]


class TimelineEntry(Struct, frozen=True, order=True):
    """One line of an order's history."""

    at: datetime
    source: str
    kind: str
    text: str


class Estimate(Struct, frozen=True):
    """A delivery date that one source gave for one shipment, and from when to when it was seen saying so."""

    delivery: datetime
    first_at: datetime
    last_at: datetime


class OrderRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything sources have said about one order, by source, so that folding is the same in any sequence.

    `view` in `server/rules/timeline.py` turns it into one order. The inner keys are connection names.
    """

    key: OrderKey
    order: dict[str, Said[Order]] = {}
    payments: dict[str, dict[str, Said[Payment]]] = {}
    """By `Payment.id`."""
    shipments: dict[str, dict[str, Said[Shipment]]] = {}
    """By `Shipment.key`."""
    estimates: dict[str, dict[str, tuple[Estimate, ...]]] = {}
    """By `Shipment.key`, then source."""
    contacts: dict[str, Said[Contact]] = {}
    timeline: dict[str, TimelineEntry] = {}
    """By the observation's identity; the newest few hundred."""


# --- the order as seen ------------------------------------------------------------------------------------------------


class Promise(Struct, frozen=True):
    """The delivery date that the customer was given. Kept when delivered by then; a date means the end of that day."""

    promised_by: datetime
    source: str
    """Where it comes from, in words: `the shop`, `order note "delivery date"`, `policy: 5 business days`."""


class ShipmentView(Struct, frozen=True, kw_only=True):
    """One shipment with every source's word merged. Scans are sorted, oldest first."""

    shipment: Shipment
    sources: tuple[str, ...]
    first_transit_at: datetime | None = None
    last_scan_at: datetime | None = None
    estimated_original: datetime | None = None
    """The first estimate given after the carrier had it; dates given at label time are guesses."""
    estimated_current: datetime | None = None


class OrderView(Struct, frozen=True, kw_only=True):
    """One order as it stands: what detectors judge and agents see."""

    key: OrderKey
    order: Order
    payments: tuple[Payment, ...] = ()
    shipments: tuple[ShipmentView, ...] = ()
    contacts: tuple[Contact, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()
    """Oldest first."""


class ReferenceKind(StrEnum):
    """By what an order can be found within its workspace. Values are normalised by `server/rules/identity.py`."""

    ORDER_ID = "order_id"
    NAME = "name"
    PAYMENT = "payment"
    TRACKING = "tracking"
    """`carrier|number`."""
    TRACKING_NUMBER = "tracking_number"
    """The number alone: for people who search, never for joining."""
    EMAIL = "email"
    PHONE = "phone"
    TICKET = "ticket"
    """`connection|ticket id`."""


class Reference(Struct, frozen=True, order=True):
    """One name of an order."""

    kind: ReferenceKind
    value: str


# --- what we conclude ------------------------------------------------------------------------------------------------


class Evidence(Struct, frozen=True):
    """One fact that a signal rests on, for the ticket and the panel."""

    label: str
    value: str


class Signal(Struct, frozen=True, kw_only=True):
    """One detector's finding. `fingerprint` changes only when an agent would want to be told again."""

    kind: Kind
    since: datetime
    headline: str
    """Goes on from "Order #1001": `has had no carrier scan for 48 hours`."""
    clause: str
    """The same as a sentence of its own, to be joined by commas: `delivery promise is at risk tomorrow`."""
    severity: Severity
    fingerprint: str
    deadline: datetime | None = None
    reasons: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    risk: float | None = None
    causes: tuple[str, ...] = ()
    """What other orders may share as the reason: `carrier:ups`, `warehouse:Newark`, `sku:MUG-1`, `gateway:stripe`."""
    parcels: tuple[str, ...] = ()
    """Keys of the parcels that it is about, where it is about some and not about the whole order."""
    opens_at: datetime
    """`since` plus the policy's `wait`: a ticket opens no sooner."""


class PromiseRisk(Struct, frozen=True, kw_only=True):
    """The promise as it stands. `risk` is the chance, 0 to 1, that it is missed."""

    promise: Promise
    risk: float
    level: Level
    reasons: tuple[str, ...]
    words: tuple[str, ...] = ()
    """The reasons as fixed words, which change only when the reasons do and not with the hours in them."""
    warned: float = 0.0
    """The risk as it stood when there still was the policy's `notice` to act on it: what a warning goes by."""


class Silenced(Struct, frozen=True):
    """A finding that is not told because another one says more (`rules/precedence.py`)."""

    kind: Kind
    by: Kind


class Assessment(Struct, frozen=True, kw_only=True):
    """What every detector says of one order at one time.

    `review_at` is the next moment when silence alone would change the answer, or None when nothing would.
    """

    signals: tuple[Signal, ...] = ()
    silenced: tuple[Silenced, ...] = ()
    promise: PromiseRisk | None = None
    high_value: bool = False
    vip: bool = False
    review_at: datetime | None = None


# --- what we do about it ---------------------------------------------------------------------------------------------


class IssueState(StrEnum):
    """An issue is open until the order recovers. Solved may re-open within the grace time."""

    OPEN = "open"
    SOLVED = "solved"


class TicketLink(Struct, frozen=True, kw_only=True):
    """The helpdesk ticket of an issue."""

    connection: str
    ticket_id: str
    url: str = ""
    is_ours: bool = True
    """False where the finding went into a ticket that the customer opened."""


class PromiseEnd(StrEnum):
    """What became of the promise."""

    KEPT = "kept"
    MISSED = "missed"
    OPEN = "open"
    """It is not known yet."""
    NONE = "none"
    """There was none, or the order was cancelled."""


class Outcome(Struct, frozen=True, kw_only=True):
    """How an issue ended, as far as it is known by now; see `rules/outcome.py`."""

    promise: PromiseEnd = PromiseEnd.NONE
    promised_by: datetime | None = None
    came_true: bool | None = None
    """Whether what it warned of has come; None while that is not known, and for what warns of nothing."""
    customer_wrote_at: datetime | None = None
    """The customer's first message about the order since the trouble began."""
    by_person: bool | None = None
    """Whether a person dealt with it; None where there was no ticket, or it is not solved there yet."""


class Issue(Struct, frozen=True, kw_only=True):
    """Our record of one trouble on one order. At most one per order and kind is open."""

    id: str
    order: OrderKey
    kind: Kind
    state: IssueState
    severity: Severity
    headline: str
    reasons: tuple[str, ...] = ()
    since: datetime
    deadline: datetime | None = None
    opened_at: datetime
    solved_at: datetime | None = None
    fingerprint: str = ""
    """Of the signal that was last told in the ticket."""
    lead: str = ""
    """The id of the issue whose ticket this one shares; its own id where it has the ticket itself."""
    ticket: TicketLink | None = None
    episode: int = 1
    """Counts the separate times that this trouble came up on this order."""
    reopened: int = 0
    escalated_at: datetime | None = None
    """When it last became graver, as it does when its deadline nears."""
    dry_run: bool = False
    incident: str = ""
    """The id of the incident (an issue of its own) that this trouble is, or was, part of."""
    is_covered: bool = False
    """The incident's ticket speaks for it: it has none of its own."""
    outcome: Outcome | None = None
    """Since it ended."""

    @property
    def is_quiet(self) -> bool:
        """Whether no ticket of its order is told of it."""
        return self.dry_run or self.is_covered

    @property
    def external_id(self) -> str:
        """How the helpdesk's ticket names us (DESIGN 7)."""
        return f"beforehand:{self.order.workspace}:{self.lead or self.id}"


def issue_id(order: OrderKey, kind: Kind, episode: int) -> str:
    """The same trouble always gets the same id, also when the state is rebuilt from the inbox."""
    return blake2b(f"{order}/{kind}/{episode}".encode(), digest_size=8).hexdigest()


class ActionKind(StrEnum):
    """What a planned side effect does in the helpdesk, or whom it tells."""

    OPEN_TICKET = "open_ticket"
    """Open a ticket, or put the finding into the customer's own open ticket about this order."""
    ADD_NOTE = "add_note"
    SOLVE_TICKET = "solve_ticket"
    """Add the note, and solve unless a person has touched the ticket or it is the customer's own."""
    REOPEN_TICKET = "reopen_ticket"
    """Re-open, or open a follow-up where the ticket is closed for good."""
    JOIN_TICKET = "join_ticket"
    """The customer has written while ours was open: put the finding into their ticket, and go on there."""
    LEAVE_TICKET = "leave_ticket"
    """Say in our own ticket where it goes on, and solve it unless a person has touched it."""
    NOTIFY_TEAM = "notify_team"
    MESSAGE_CUSTOMER = "message_customer"
    """A public reply in the order's ticket, or an e-mail of ours."""
    TELL_TICKET = "tell_ticket"
    """Put an internal note into the ticket `target`, whatever became of its issue: what came of an approval request."""
    SHOW_CUSTOMER = "show_customer"
    """Send the order's facts to a helpdesk that shows them beside the customer's tickets."""
    LOG_BACK = "log_back"
    """A task, or word of how one ended, for a warehouse, a CRM or an ERP."""

    @property
    def is_of_issue(self) -> bool:
        """Whether it is a step in the life of an issue's ticket: these come one after another, and are planned."""
        return self in _OF_ISSUE

    @property
    def is_notice(self) -> bool:
        """Whether it tells people or systems, and changes no ticket's state."""
        return self in (ActionKind.NOTIFY_TEAM, ActionKind.MESSAGE_CUSTOMER, ActionKind.LOG_BACK)


_OF_ISSUE = frozenset(
    {
        ActionKind.OPEN_TICKET,
        ActionKind.ADD_NOTE,
        ActionKind.SOLVE_TICKET,
        ActionKind.REOPEN_TICKET,
        ActionKind.JOIN_TICKET,
        ActionKind.LEAVE_TICKET,
    }
)


class ActionState(StrEnum):
    """pending until sent; sending is stored before the first byte leaves; failed is for a person to look at.

    What is given up unsent is done as well, and `error` says why; held back is the same for good.
    """

    PENDING = "pending"
    SENDING = "sending"
    DONE = "done"
    FAILED = "failed"
    HELD = "held"
    """A notice that is not to be sent, whatever comes; `error` says why."""
    UNCERTAIN = "uncertain"
    """A notice that may have arrived and cannot be looked for: it is not sent a second time by itself."""


class Action(Struct, frozen=True, kw_only=True):
    """One planned side effect. `key` makes it idempotent: planning the same again changes nothing."""

    key: str
    order: OrderKey
    kind: ActionKind
    connection: str
    """Through which connection. What goes through one is sent in sequence; connections do not wait for each other."""
    issue_ids: tuple[str, ...]
    lead: str
    """The issue whose ticket it is."""
    draft: TicketDraft | None = None
    """For OPEN_TICKET; also for REOPEN_TICKET, which may need a follow-up."""
    change: TicketChange | None = None
    target: str = ""
    """For JOIN_TICKET the customer's ticket, for LEAVE_TICKET our own, for TELL_TICKET whichever is told."""
    leaves: TicketLink | None = None
    """For JOIN_TICKET: our own ticket, which is left once theirs has the finding."""
    notice: Notice | None = None
    letter: Letter | None = None
    task: Task | None = None
    audience: str = ""
    """Of a notice, whom it tells: a channel, an address, `customer`, or a connection."""
    occasion: str = ""
    """Of a notice, what it tells: opened, escalated, solved, reopened."""
    tells: tuple[str, ...] = ()
    """Of a notice, which turns of which issues it tells: nobody is told of one of them twice."""
    follows: str = ""
    """The key of the message that this one writes anew."""
    approval: str = ""
    """The approval request that it tells of; what tells of one is no part of any issue's life."""
    state: ActionState = ActionState.PENDING
    created_at: datetime
    not_before: datetime
    attempts: int = 0
    attempt_started_at: datetime | None = None
    request: bytes | None = None
    """The exact bytes, stored before the first attempt and sent again on a repeat."""
    request_for: str = ""
    """Which ticket `request` is meant for; empty for a creation."""
    ticket_id: str = ""
    """Where it ended up."""
    receipt: str = ""
    """By what a message that was sent can be written anew."""
    error: str = ""
    finished_at: datetime | None = None

    @property
    def is_edit(self) -> bool:
        """Whether it writes an earlier message anew, instead of sending one."""
        return self.kind is ActionKind.NOTIFY_TEAM and bool(self.follows)

    @property
    def door(self) -> str:
        """Through which connection of which workspace it goes out."""
        return f"{self.order.workspace}.{self.connection}"

    @property
    def lane(self) -> str:
        """Of one order's actions only those in the same lane wait for each other: one may overtake no other there.

        What a ticket is told comes in sequence. A notice has a lane to itself, which those that write it anew share.
        What came of a request waits for no issue: those may hold their notes back for a while. Nor does a ticket wait
        for what is shown beside it.
        """
        if self.kind is ActionKind.TELL_TICKET:
            return f"{self.door}|{self.kind}|{self.target}"
        if self.kind is ActionKind.SHOW_CUSTOMER:
            return f"{self.door}|{self.kind}"
        return f"{self.door}|{self.follows or self.key}" if self.kind.is_notice else self.door


class Plan(Struct, frozen=True, kw_only=True):
    """What follows from an assessment: issues and actions to store; those not named stay as they are."""

    issues: tuple[Issue, ...] = ()
    actions: tuple[Action, ...] = ()


# --- who asks ---------------------------------------------------------------------------------------------------------


class Role(StrEnum):
    """Agent asks, approver decides, admin configures. Each may do what the one before may."""

    AGENT = "agent"
    APPROVER = "approver"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        return list(Role).index(self)


class Principal(Struct, frozen=True, kw_only=True):
    """Who is asking, as we verified it ourselves."""

    workspace: str
    user: str
    role: Role
    via: str
    """`token`, or the connection whose signature vouches for the user."""


JsonObject = dict[str, Any]
