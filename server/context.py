"""This file is the order context: what `GET .../context` answers and what the sidebar is drawn from (DESIGN 7).

Money is a decimal string in major units with its currency beside it; times are ISO 8601 in UTC.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from server.model import Evidence, Level, PromiseEnd, Severity

SourceStatus = Literal["ok", "stale", "error", "timeout", "not_configured"]
NotificationAudience = Literal["team", "customer", "system"]
NotificationState = Literal["sent", "waiting", "failed", "held_back", "uncertain"]


class CustomerContext(Struct, frozen=True, kw_only=True):
    """`hidden` is true where the shop refuses to say who it is; that is said, not shown as an empty customer."""

    name: str | None
    email: str | None
    phone: str | None
    orders_count: int | None
    total_spent: str | None
    currency: str | None
    vip: bool
    hidden: bool = False


class OrderContext(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    shop: str
    placed_at: datetime | None
    total: str | None
    currency: str | None
    financial_state: str | None
    fulfillment_state: str | None
    cancelled_at: datetime | None
    cancel_requested_at: datetime | None
    cancel_reason: str | None
    tags: list[str]
    high_value: bool
    destination: str
    admin_url: str | None
    items: list["ItemContext"]


class ItemContext(Struct, frozen=True, kw_only=True):
    line: str
    title: str
    sku: str
    quantity: int


class AttemptContext(Struct, frozen=True, kw_only=True):
    at: datetime
    succeeded: bool
    failure_code: str
    failure_message: str


class DisputeContext(Struct, frozen=True, kw_only=True):
    id: str
    state: str
    reason: str
    amount: str | None
    respond_by: datetime | None


class FailureContext(Struct, frozen=True, kw_only=True):
    code: str
    message: str


class PaymentContext(Struct, frozen=True, kw_only=True):
    id: str
    processor: str
    state: str
    method: str | None
    amount: str | None
    captured: str | None
    refunded: str | None
    refundable: str | None
    currency: str | None
    failure: FailureContext | None
    dispute: DisputeContext | None
    attempts: list[AttemptContext]


class ScanContext(Struct, frozen=True, kw_only=True):
    """`local_time` is the clock of the place (`2026-11-23 14:05`), where the carrier said its offset."""

    time: datetime
    local_time: str | None
    place: str
    state: str
    text: str


class EstimateContext(Struct, frozen=True, kw_only=True):
    original: datetime | None
    current: datetime | None


class ShipmentContext(Struct, frozen=True, kw_only=True):
    carrier: str
    carrier_name: str
    tracking_number: str
    tracking_url: str | None
    service: str | None
    state: str
    estimated_delivery: EstimateContext
    shipped_at: datetime | None
    delivered_at: datetime | None
    last_scan_at: datetime | None
    scans: list[ScanContext]
    """Newest first."""
    exception: str | None
    tracking_problem: str | None = None
    """Why nobody can follow the number."""
    sources: list[str]


class PromiseContext(Struct, frozen=True, kw_only=True):
    promised_by: datetime
    source: str
    risk: float
    level: Level
    reasons: list[str]


class TeamContext(Struct, frozen=True, kw_only=True):
    """Whose it is by the policy; what is not known of the team is empty. `group` is the helpdesk's."""

    name: str
    group: str
    slack: str
    email: str


class SignalContext(Struct, frozen=True, kw_only=True):
    """`owner` is the policy's name for whose it is, and `team` what the policy knows of them."""

    kind: str
    since: datetime
    deadline: datetime | None
    severity: Severity
    headline: str
    reasons: list[str]
    evidence: list[Evidence]
    opens_at: datetime
    owner: str = ""
    team: TeamContext | None = None


class TicketContext(Struct, frozen=True, kw_only=True):
    connection: str
    id: str
    url: str
    is_ours: bool


class OutcomeContext(Struct, frozen=True, kw_only=True):
    """How an issue ended, as far as it is known by now."""

    promise: PromiseEnd
    """`kept`, `missed`, `open` (not known yet), or `none` (there was none, or the order was cancelled)."""
    came_true: bool | None
    """Whether what it warned of came; null where that is not known, or it stated a fact."""
    customer_wrote: Literal["before", "after", "never"]
    """Whether the customer's first message about it came before or after the issue was opened."""
    customer_wrote_at: datetime | None
    solved_by: Literal["nobody", "person"] | None
    """`nobody`: no person touched the ticket; null where there was no ticket, or it is not solved there yet."""


class IssueContext(Struct, frozen=True, kw_only=True):
    """`dry_run` is true where policy only records the kind: nobody was told."""

    id: str
    kind: str
    state: str
    severity: Severity
    headline: str
    reasons: list[str]
    since: datetime
    deadline: datetime | None
    opened_at: datetime
    solved_at: datetime | None
    order: str
    ticket: TicketContext | None
    owner: str = ""
    team: TeamContext | None = None
    dry_run: bool = False
    incident: str = ""
    """The id of the incident that it is, or was, part of."""
    outcome: OutcomeContext | None = None


class ContactContext(Struct, frozen=True, kw_only=True):
    id: str
    at: datetime
    channel: str
    subject: str
    state: str
    url: str | None


class NotificationContext(Struct, frozen=True, kw_only=True):
    """Somebody was told something, will be, or was not: `reason` says why.

    `at` is when it was sent; while it waits, when it is due.
    """

    at: datetime
    channel: str
    """`chat`, `email`, `ticket` (a public reply), or the connection of another system."""
    text: str
    audience: NotificationAudience = "customer"
    to: str = ""
    occasion: str = ""
    state: NotificationState = "sent"
    """`uncertain`: it may have arrived, and is not sent again."""
    reason: str = ""
    connection: str = ""


class PersonContext(Struct, frozen=True, kw_only=True):
    id: str
    name: str


class DecisionContext(Struct, frozen=True, kw_only=True):
    person: PersonContext
    decision: str
    """`approve` or `reject`."""
    reason: str
    at: datetime


class RequestedItemContext(Struct, frozen=True, kw_only=True):
    line: str
    title: str
    quantity: int


class ApprovalContext(Struct, frozen=True, kw_only=True):
    """One approval request. `amount` is None where the kind has none, or where it is about all that can be given."""

    id: str
    kind: str
    state: str
    version: int
    order: str
    """`acme/shop/5820`."""
    order_name: str
    amount: str | None
    currency: str | None
    items: list[RequestedItemContext]
    reason: str
    details: dict[str, str]
    requester: PersonContext
    created_at: datetime
    expires_at: datetime
    needs: int
    """How many different people must agree; `decisions` says who has."""
    decisions: list[DecisionContext]
    differences: list[str]
    """What has changed on the order since it was asked, in words."""
    record_only: bool
    record_only_reason: str
    result: str
    """What was done, in one sentence, once it was."""
    error: str
    closed_at: datetime | None


class ActionContext(Struct, frozen=True, kw_only=True):
    """What may be asked for now; `reason` says why not, where it may not."""

    kind: str
    allowed: bool
    reason: str
    limit: str | None = None
    """The most that may be asked for now, other pending requests taken off; for kinds that have an amount."""
    currency: str | None = None
    record_only: bool = False
    """Nothing carries it out but a person."""


class SourceContext(Struct, frozen=True, kw_only=True):
    """One connection that was, or should be, asked. `error` is in words that an agent understands."""

    connection: str
    system: str
    status: SourceStatus
    as_of: datetime | None
    latency_ms: int | None
    error: str | None


class TimelineContext(Struct, frozen=True, kw_only=True):
    at: datetime
    source: str
    kind: str
    text: str


class CandidateContext(Struct, frozen=True, kw_only=True):
    """One of several orders that the reference may mean; `match` says by what it was found."""

    order_id: str
    shop: str
    name: str
    placed_at: datetime | None
    customer: str
    total: str
    match: str


class Context(Struct, frozen=True, kw_only=True):
    """One order as it is now. `order` is None only where a ticket fits no order, or several (`candidates`)."""

    workspace: str
    as_of: datetime
    """Our clock when this answer was made."""
    timezone: str
    order: OrderContext | None
    matched_by: str | None = None
    """How a ticket was found to be about this order, in words; None where the order was named directly."""
    customer: CustomerContext | None = None
    payments: list[PaymentContext] = []
    shipments: list[ShipmentContext] = []
    promise: PromiseContext | None = None
    signals: list[SignalContext] = []
    issues: list[IssueContext] = []
    contacts: list[ContactContext] = []
    notifications: list[NotificationContext] = []
    approvals: list[ApprovalContext] = []
    actions: list[ActionContext] = []
    timeline: list[TimelineContext] = []
    sources: list[SourceContext] = []
    candidates: list[CandidateContext] = []
