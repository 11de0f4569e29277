"""This file is the merchant's policy: what `policy.toml` comes to once it has been read, and its documented defaults.

Reading and checking the file is `policy_reading.py`; whom a policy sends where is answered by `routing.py`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from connectors.money import Money
from server.model import Kind, Role, Severity
from server.rules.calendar import WorkCalendar
from server.rules.condition import Condition


class Occasion(StrEnum):
    """At which turn of an issue's life somebody is told."""

    OPENED = "opened"
    """Also when it is opened again."""
    ESCALATED = "escalated"
    DEADLINE = "deadline"
    """Its deadline has passed, and it is still open."""
    SOLVED = "solved"


class Recovery(StrEnum):
    """What happens to the ticket when the trouble is over: a later scan, a payment, a refund."""

    SOLVE = "solve"
    NOTE = "note"
    """Only say so; a person solves it."""


class NoticeRule(Struct, frozen=True):
    """Who is told of an issue, at which turns of its life, and how long after them if it is open still."""

    who: str
    """A team, a channel such as `#logistics`, or a connection's name."""
    when: tuple[Occasion, ...] = (Occasion.OPENED, Occasion.ESCALATED)
    after: timedelta = timedelta()


class DetectorPolicy(Struct, frozen=True, kw_only=True):
    """How one kind of trouble is treated."""

    enabled: bool = True
    dry_run: bool = False
    wait: timedelta = timedelta()
    """How long it must hold before a ticket opens."""
    threshold: timedelta | float | None = None
    when: Condition | None = None
    severity: Severity = Severity.NORMAL
    owner: str = ""
    notify: tuple[NoticeRule, ...] = ()
    customer_message: str = ""
    """The name of a message under `[messages]`; empty: the customer is not told."""
    customer_wait: timedelta = timedelta()
    """How long after the issue has opened the customer is told, if it is open still."""
    on_recovery: Recovery = Recovery.SOLVE
    log_back: tuple[str, ...] = ()
    """Connections that take tasks and log-backs (webhook, CSV) and are told of opening and end."""
    within: timedelta = timedelta()
    """For kinds that count: in which time (repeated contacts, orders of an incident)."""

    @property
    def hours(self) -> timedelta:
        """The threshold of a kind that has a duration."""
        assert isinstance(self.threshold, timedelta)  # noqa: S101  # parsing has made sure
        return self.threshold

    @property
    def share(self) -> float:
        """The threshold of a kind that has a number."""
        assert isinstance(self.threshold, float)  # noqa: S101
        return self.threshold

    @property
    def count(self) -> int:
        """The threshold of a kind that counts."""
        return int(self.share)


class Team(Struct, frozen=True, kw_only=True):
    """Who looks after tickets: `[teams.NAME]`."""

    name: str
    group: str = ""
    """The helpdesk's id of the group that its tickets go to."""
    slack: str = ""
    """A channel such as `#logistics`."""
    email: str = ""


class Message(Struct, frozen=True, kw_only=True):
    """What a customer may be told: `[messages.NAME]`. `{name}`, `{order}`, `{carrier}` ... stand for what is known.

    `placeholders.py` lists them and fills them in.
    """

    name: str
    subject: str
    body: str
    via: str = ""
    """`helpdesk` (a public reply in the order's ticket), or the name of an SMTP connection; empty: the helpdesk."""


class QuietHours(Struct, frozen=True, kw_only=True):
    """When nobody is told anything that can wait, in the workspace's time zone; begin and end alike mean never."""

    begins: time = time(0)
    ends: time = time(0)

    def over_at(self, moment: datetime, timezone: ZoneInfo) -> datetime:
        """*moment* itself, or the end of the quiet hours that it falls into."""
        local = moment.astimezone(timezone)
        clock = local.time()
        if self.begins <= self.ends:
            quiet, day = self.begins <= clock < self.ends, local.date()
        else:
            quiet = clock >= self.begins or clock < self.ends
            day = local.date() + timedelta(days=1) if clock >= self.begins else local.date()
        if not quiet:
            return moment
        # Where the clocks go back, the same words on the clock come twice; never earlier than *moment*.
        return max(moment, datetime.combine(day, self.ends, timezone).astimezone(UTC))


class Colleague(Struct, frozen=True, kw_only=True):
    """Somebody who works here: `[people.NAME]`. The ways in that are named here lead to one and the same person."""

    id: str
    """NAME in the policy."""
    name: str = ""
    """As people call them; empty: NAME."""
    email: str = ""
    """In lower case: whoever a helpdesk or our own sign-in vouches for with it is this person."""
    role: Role = Role.AGENT
    identities: tuple[str, ...] = ()
    """`desk:9001` (a connection and the user's id there), `chat:U02DANA`, `token:dana`."""
    teams: tuple[str, ...] = ()
    max_amount: Decimal | None = None
    """The most of one kind that they may approve on one order, in major units of the order's currency."""


class ApprovalRule(Struct, frozen=True, kw_only=True):
    """What goes for some requests of a kind: `[[approvals.KIND.rules]]`. The first whose `when` holds replaces what
    the kind itself says, as far as it says anything.
    """

    when: Condition
    approvers: tuple[str, ...] | None = None
    max_amount: Decimal | None = None
    second_above: Decimal | None = None


class ApprovalPolicy(Struct, frozen=True, kw_only=True):
    """Who may approve one kind of request: `[approvals.KIND]`. Amounts are in major units of the order's currency."""

    enabled: bool = True
    approvers: tuple[str, ...] = ()
    """People or teams; empty: everybody with the role approver."""
    max_amount: Decimal | None = None
    second_above: Decimal | None = None
    """Above this two different people must agree."""
    max_per_order: Decimal | None = None
    """The most that may be approved of this kind on one order, all requests together; None: `max_amount`."""
    max_per_day: Decimal | None = None
    """The most that one person may approve of this kind in 24 hours."""
    expires_after: timedelta = timedelta(days=7)
    remind_after: timedelta = timedelta(hours=4)
    """How long a request may wait before those who may decide are reminded, again and again; zero: never."""
    record_only: bool = False
    """Agreed to here, carried out by a person elsewhere."""
    notify: tuple[str, ...] = ()
    """Who is told of a new request: teams, channels, addresses."""
    rules: tuple[ApprovalRule, ...] = ()


APPROVAL_KINDS = (
    "refund",
    "cancel",
    "reship",
    "address_change",
    "hold",
    "release",
    "compensation",
    "fraud_override",
    "other",
)
"""As an agent may ask for them (DESIGN 7)."""

_HOUR = timedelta(hours=1)
DEFAULT_DETECTORS: Mapping[Kind, DetectorPolicy] = {
    Kind.PAYMENT_FAILED: DetectorPolicy(wait=timedelta(minutes=45)),
    Kind.PAYMENT_DISPUTED: DetectorPolicy(severity=Severity.HIGH),
    Kind.REFUND_AWAITING_APPROVAL: DetectorPolicy(threshold=24 * _HOUR),
    Kind.REFUND_FAILED: DetectorPolicy(severity=Severity.HIGH),
    Kind.FULFILLMENT_DELAYED: DetectorPolicy(threshold=72 * _HOUR),
    Kind.FULFILLMENT_ON_HOLD: DetectorPolicy(threshold=24 * _HOUR),
    Kind.PARTIAL_SHIPMENT: DetectorPolicy(threshold=48 * _HOUR),
    Kind.CANCELLATION_AFTER_FULFILLMENT: DetectorPolicy(severity=Severity.HIGH),
    Kind.ADDRESS_PROBLEM: DetectorPolicy(severity=Severity.HIGH),
    Kind.LABEL_NOT_SCANNED: DetectorPolicy(threshold=72 * _HOUR),
    Kind.TRACKING_INVALID: DetectorPolicy(threshold=24 * _HOUR),
    Kind.TRACKING_STALLED: DetectorPolicy(threshold=48 * _HOUR),
    Kind.DELIVERY_ATTEMPT_FAILED: DetectorPolicy(),
    Kind.CARRIER_EXCEPTION: DetectorPolicy(severity=Severity.HIGH),
    Kind.RETURNED_TO_SENDER: DetectorPolicy(severity=Severity.HIGH),
    Kind.DELIVERED_NOT_RECEIVED: DetectorPolicy(severity=Severity.HIGH),
    Kind.PROMISE_AT_RISK: DetectorPolicy(threshold=0.6),
    Kind.PROMISE_MISSED: DetectorPolicy(),
    Kind.HIGH_VALUE_DELAYED: DetectorPolicy(severity=Severity.HIGH, threshold=24 * _HOUR),
    Kind.MARKETPLACE_SLA_RISK: DetectorPolicy(severity=Severity.HIGH, threshold=24 * _HOUR),
    Kind.REPEATED_CONTACT: DetectorPolicy(threshold=2.0, within=72 * _HOUR),
    Kind.INCIDENT: DetectorPolicy(severity=Severity.HIGH, threshold=10.0, within=6 * _HOUR),
}


class Policy(Struct, frozen=True, kw_only=True):
    """All of a workspace's policy."""

    timezone: ZoneInfo
    calendar: WorkCalendar
    detectors: Mapping[Kind, DetectorPolicy]
    promise_attribute: str = ""
    promise_business_days: int | None = None
    promise_notice: timedelta = timedelta(hours=24)
    """A warning that comes later than this before the promise warns nobody: then only news can bring one."""
    high_value: Decimal = Decimal(200)
    high_value_currency: str = ""
    vip_tags: frozenset[str] = frozenset({"vip"})
    vip_total_spent: Decimal | None = None
    vip_orders: int | None = None
    join_customer_ticket: bool = True
    note_every: timedelta = timedelta(minutes=10)
    reopen_within: timedelta = timedelta(hours=72)
    helpdesk: str = ""
    group: str = ""
    ignore_after: timedelta = timedelta(days=120)
    escalate_before: timedelta = timedelta(hours=24)
    """How long before its deadline an open issue is escalated."""
    most_reopenings: int = 3
    """How often one ticket is opened again; trouble that flaps more often stays in it as notes."""
    teams: Mapping[str, Team] = {}
    messages: Mapping[str, Message] = {}
    quiet_hours: QuietHours = QuietHours()
    customer_told_within: timedelta = timedelta(hours=24)
    """A customer who was told anything about the order in this time is not told again."""
    approvals: Mapping[str, ApprovalPolicy] = {}
    people: Mapping[str, Colleague] = {}
    helpdesk_admins_approve: bool = True
    """Whether an admin of the helpdesk has the role approver here without being named."""

    def is_high_value(self, total: Money | None) -> bool:
        """At or above the policy's amount; an order in another currency than the policy names is not compared."""
        if total is None or (self.high_value_currency and total.currency != self.high_value_currency):
            return False
        return total.decimal >= self.high_value
