"""This file is the merchant's policy: `policy.toml`, every key typed and with a documented default."""

import re
import tomllib
from collections.abc import Mapping
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from connectors.money import Money, currency_code
from server.configuration import convert
from server.errors import ConfigurationError
from server.model import Kind, Severity
from server.rules.calendar import WEEK, WorkCalendar, check_holidays
from server.rules.condition import Condition
from server.rules.policy_text import DEFAULT_POLICY_TOML

__all__ = ["DEFAULT_POLICY_TOML", "DetectorPolicy", "Policy", "load_policy", "parse_policy"]

_DURATION = re.compile(r"(\d{1,6})\s*(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


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
    notify: tuple[str, ...] = ()
    customer_message: str = ""
    """The name of a message under `[messages]`; empty: the customer is not told."""
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


class Team(Struct, frozen=True, kw_only=True):
    """Who looks after tickets: `[teams.NAME]`."""

    name: str
    group: str = ""
    """The helpdesk's id of the group that its tickets go to."""
    slack: str = ""
    """A channel such as `#logistics`."""
    email: str = ""


class Message(Struct, frozen=True, kw_only=True):
    """What a customer may be told: `[messages.NAME]`. `{name}`, `{order}`, `{carrier}` ... stand for what is known."""

    name: str
    subject: str
    body: str
    via: str = ""
    """`helpdesk` (a public reply in the order's ticket), or the name of an SMTP connection; empty: the helpdesk."""


class QuietHours(Struct, frozen=True, kw_only=True):
    """When nobody is told anything that can wait, in the workspace's time zone; begin and end alike mean never."""

    begins: time = time(0)
    ends: time = time(0)


class ApprovalPolicy(Struct, frozen=True, kw_only=True):
    """Who may approve one kind of request: `[approvals.KIND]`. Amounts are in major units of the order's currency."""

    approvers: tuple[str, ...] = ()
    """Users or teams; empty: everybody with the role approver."""
    max_amount: Decimal | None = None
    second_above: Decimal | None = None
    expires_after: timedelta = timedelta(days=7)


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
    promise_notice: timedelta = timedelta(hours=18)
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

    def is_high_value(self, total: Money | None) -> bool:
        """At or above the policy's amount; an order in another currency than the policy names is not compared."""
        if total is None or (self.high_value_currency and total.currency != self.high_value_currency):
            return False
        return total.decimal >= self.high_value


class _Detector(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    enabled: bool | None = None
    dry_run: bool | None = None
    wait: str | None = None
    threshold: str | float | None = None
    when: str | None = None
    severity: Severity | None = None
    owner: str | None = None
    notify: tuple[str, ...] | None = None
    customer_message: str | None = None


class _Calendar(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    working_days: tuple[str, ...] = WEEK[:5]
    opens: str = "00:00"
    closes: str = "24:00"
    holidays: str = ""


class _Promise(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    attribute: str = ""
    business_days: int | None = None
    notice: str = "18h"


class _HighValue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    amount: str = "200.00"
    currency: str = ""


class _Vip(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tags: tuple[str, ...] = ("vip",)
    total_spent: str | None = None
    orders_count: int | None = None


class _Tickets(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    join_customer_ticket: bool = True
    note_every: str = "10m"
    reopen_within: str = "72h"
    helpdesk: str = ""
    group: str = ""
    ignore_after: str = "120d"


class _Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    calendar: _Calendar = _Calendar()
    promise: _Promise = _Promise()
    high_value: _HighValue = _HighValue()
    vip: _Vip = _Vip()
    tickets: _Tickets = _Tickets()
    detectors: dict[str, dict[str, Any]] = {}
    """Each is checked by itself, so that a mistake is named with its kind."""


def load_policy(path: Path | None, timezone: ZoneInfo) -> Policy:
    """Read a policy file; None means every default. Raises ConfigurationError with file, key and what was expected."""
    if path is None:
        return parse_policy({}, timezone)
    try:
        return parse_policy(tomllib.loads(path.read_text("utf-8")), timezone)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ConfigurationError) as error:
        raise ConfigurationError(f"{path}: {error}") from error


def parse_policy(document: Mapping[str, Any], timezone: ZoneInfo) -> Policy:
    """Check a decoded policy. Raises ConfigurationError."""
    found = convert(document, _Document, "")
    for kind in found.detectors:
        if kind not in list(Kind):
            raise ConfigurationError(f"detectors.{kind}: no such kind; expected one of {', '.join(sorted(Kind))}")
    spent = found.vip.total_spent
    return Policy(
        timezone=timezone,
        calendar=_calendar(found.calendar, timezone),
        detectors={kind: _detector(kind, found.detectors.get(kind)) for kind in Kind},
        promise_attribute=found.promise.attribute,
        promise_business_days=_count(found.promise.business_days, "promise.business_days", 60),
        promise_notice=_duration(found.promise.notice, "promise.notice"),
        high_value=_amount(found.high_value.amount, "high_value.amount"),
        high_value_currency=_currency(found.high_value.currency, "high_value.currency"),
        vip_tags=frozenset(tag.strip().casefold() for tag in found.vip.tags),
        vip_total_spent=None if spent is None else _amount(spent, "vip.total_spent"),
        vip_orders=_count(found.vip.orders_count, "vip.orders_count", 100_000),
        join_customer_ticket=found.tickets.join_customer_ticket,
        note_every=_duration(found.tickets.note_every, "tickets.note_every"),
        reopen_within=_duration(found.tickets.reopen_within, "tickets.reopen_within"),
        helpdesk=found.tickets.helpdesk,
        group=found.tickets.group,
        ignore_after=_duration(found.tickets.ignore_after, "tickets.ignore_after"),
    )


def _detector(kind: Kind, table: dict[str, Any] | None) -> DetectorPolicy:
    default, path = DEFAULT_DETECTORS[kind], f"detectors.{kind}"
    if table is None:
        return default
    found = convert(table, _Detector, path)
    said = {name: value for name in found.__struct_fields__ if (value := getattr(found, name)) is not None}
    if "wait" in said:
        said["wait"] = _duration(said["wait"], f"{path}.wait")
    if "threshold" in said:
        said["threshold"] = _threshold(said["threshold"], default.threshold, f"{path}.threshold")
    if "when" in said:
        said["when"] = _condition(said["when"], f"{path}.when")
    return msgspec.structs.replace(default, **said)


def _threshold(found: str | float, default: timedelta | float | None, path: str) -> timedelta | float:
    if default is None:
        raise ConfigurationError(f"{path}: this kind has no threshold")
    if isinstance(default, timedelta):
        return _duration(found, path)
    if isinstance(found, str) or not 0 < found <= 1:
        raise ConfigurationError(f"{path}: expected a number above 0 and at most 1, got {found!r}")
    return float(found)


def _condition(text: str, path: str) -> Condition | None:
    if not text.strip():
        return None
    try:
        condition = Condition(text)
        condition.check()
    except ValueError as error:
        raise ConfigurationError(f"{path}: expected a CEL expression: {str(error)[:300]}") from error
    return condition


def _duration(text: object, path: str) -> timedelta:
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ConfigurationError(f'{path}: expected a duration such as "45m", "48h" or "2d", got {text!r}')
    found = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if found > timedelta(days=366):
        raise ConfigurationError(f"{path}: expected at most 366 days, got {text!r}")
    return found


def _calendar(found: _Calendar, timezone: ZoneInfo) -> WorkCalendar:
    for index, day in enumerate(found.working_days):
        if day not in WEEK:
            raise ConfigurationError(f"calendar.working_days[{index}]: expected one of {', '.join(WEEK)}, got {day!r}")
    if not found.working_days:
        raise ConfigurationError("calendar.working_days: expected at least one day")
    try:
        country, subdivision = check_holidays(found.holidays)
    except ValueError as error:
        raise ConfigurationError(f"calendar.holidays: {error}") from error
    opens = _clock(found.opens, "calendar.opens")
    closes = time(0) if found.closes == "24:00" else _clock(found.closes, "calendar.closes")
    if closes != time(0) and closes <= opens:
        raise ConfigurationError(f"calendar.closes: expected a time after {found.opens}, got {found.closes}")
    return WorkCalendar(
        timezone=timezone,
        working_days=frozenset(WEEK.index(day) for day in found.working_days),
        opens=opens,
        closes=closes,
        country=country,
        subdivision=subdivision,
    )


def _clock(text: str, path: str) -> time:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ConfigurationError(f"{path}: expected a time of day such as 09:00, got {text!r}")
    return time.fromisoformat(text)


def _amount(text: str, path: str) -> Decimal:
    if not re.fullmatch(r"\d{1,12}(\.\d{1,3})?", text):
        raise ConfigurationError(f'{path}: expected an amount such as "200.00", got {text!r}')
    return Decimal(text)


def _currency(text: str, path: str) -> str:
    try:
        return currency_code(text) if text else ""
    except ValueError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def _count(found: int | None, path: str, most: int) -> int | None:
    if found is not None and not 1 <= found <= most:
        raise ConfigurationError(f"{path}: expected 1 to {most}, got {found}")
    return found
