"""This file is our words for approvals: what is asked for, who decides, what became of it, and the audit log.

Times are aware and in UTC. Money is minor units with its currency.

    pending -> approved -> executing -> executed      approved is the end where it is only recorded (`is_record_only`)
       |          |            \\-> failed             for a person to look at; nothing was carried out, surely
       +-> rejected, withdrawn, expired
"""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from connectors.money import Money
from connectors.order_actions import ActionItem, ActionReceipt, OrderActionKind
from server.model import OrderKey, Role


class ApprovalState(StrEnum):
    """Where a request is."""

    PENDING = "pending"
    """Nobody, or only the first of two, has agreed."""
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    """By whoever asked."""
    EXPIRED = "expired"
    EXECUTING = "executing"
    """Stored before the first byte leaves us: from then on it is looked for before it is tried again."""
    EXECUTED = "executed"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether nothing follows any more. An approved one that is only recorded is over too: ask the request."""
        return self in (
            ApprovalState.REJECTED,
            ApprovalState.WITHDRAWN,
            ApprovalState.EXPIRED,
            ApprovalState.EXECUTED,
            ApprovalState.FAILED,
        )


class Verdict(StrEnum):
    """What an approver says."""

    APPROVE = "approve"
    REJECT = "reject"


class Person(Struct, frozen=True, kw_only=True):
    """Somebody whom we know, whatever way they came. `server/flows/directory.py` finds out who it is.

    `id` is the policy's name for them (`dana`), else how they came: `desk:9001`, `email:dana@acme.test`, `token:ops`.
    """

    id: str
    name: str
    role: Role
    email: str = ""
    """In lower case; empty where nobody vouches for one."""
    via: str = ""
    """Through what they came now: `desk` (a connection), `token`, `sign_in`, `chat`."""
    also: tuple[str, ...] = ()
    """Other ids by which the same human being may have been written down: their other ways in, `email:` and `desk:`."""

    def is_same_as(self, other: "Person") -> bool:
        """Whether both are one human being, as far as can be known: two ways in do not make two people."""
        if self.email and self.email == other.email:
            return True
        return not {self.id, *self.also}.isdisjoint({other.id, *other.also})


class Decision(Struct, frozen=True, kw_only=True):
    """What one approver said, of which version of the request."""

    person: Person
    verdict: Verdict
    reason: str
    at: datetime
    version: int


class TicketPlace(Struct, frozen=True, kw_only=True):
    """Beside which ticket somebody asked."""

    connection: str
    ticket_id: str


class Execution(Struct, frozen=True, kw_only=True):
    """How far carrying it out has come."""

    connection: str
    key: str
    """The vendor's idempotency key: stable for the request's whole life."""
    request: bytes | None = None
    """The exact bytes, stored before the first attempt and sent again on a repeat."""
    attempts: int = 0
    started_at: datetime | None = None
    """Of the first try that may have left us: it is looked for from then on."""
    error: str = ""


class ApprovalRequest(Struct, frozen=True, kw_only=True):
    """One thing that somebody asked to be done to one order."""

    id: str
    workspace: str
    order: OrderKey
    order_name: str
    kind: OrderActionKind
    amount: Money | None = None
    items: tuple[ActionItem, ...] = ()
    reason: str
    details: dict[str, str] = {}
    """What the kind needs beside: the new address (`address1`, `city` ...), `restock`, `notify_customer`, `text`."""
    requester: Person
    created_at: datetime
    expires_at: datetime
    state: ApprovalState = ApprovalState.PENDING
    version: int = 1
    """Grows with every change. A decision names the version that was seen, so that what was approved is what runs."""
    needs: int = 1
    """How many different people must agree."""
    stake: Money | None = None
    """What limits count: the amount, or what goods that are sent again cost by the order as it was last looked at."""
    decisions: tuple[Decision, ...] = ()
    basis: dict[str, str] = {}
    """What of the order matters for this, when it was asked: label -> value in words. Compared at the decision."""
    differences: tuple[str, ...] = ()
    """What of that has changed since, in words; the request then waits for a decision on what is now."""
    ticket: TicketPlace | None = None
    ask_key: str = ""
    """The client's idempotency key, with who it was."""
    ask_digest: bytes = b""
    """Of what was asked under that key: the same key with something else is refused."""
    is_record_only: bool = False
    record_only_reason: str = ""
    """Why nobody but a person carries it out: policy, scopes, or no system that could."""
    execution: Execution | None = None
    receipt: ActionReceipt | None = None
    error: str = ""
    """Why it failed, in words."""
    reminded_at: datetime | None = None
    closed_at: datetime | None = None
    due_at: datetime | None = None
    """When the engine has to look at it next: a reminder, the expiry, a try to carry it out. None: never."""

    @property
    def is_over(self) -> bool:
        return self.state.is_over or (self.state is ApprovalState.APPROVED and self.is_record_only)

    @property
    def approvals(self) -> tuple[Decision, ...]:
        """Who has agreed to the request as it is. A change of the order voids what was said before it."""
        return tuple(found for found in self.decisions if found.verdict is Verdict.APPROVE)

    @property
    def takes_money(self) -> bool:
        """Whether what it asks for counts against what can still be refunded."""
        return self.kind is OrderActionKind.REFUND and not self.is_void

    @property
    def is_void(self) -> bool:
        """Whether it never comes to anything."""
        return self.state in (
            ApprovalState.REJECTED,
            ApprovalState.WITHDRAWN,
            ApprovalState.EXPIRED,
            ApprovalState.FAILED,
        )


class Turn(StrEnum):
    """What happened to a request: what people are told of, and the audit log's event `approval.<turn>`."""

    REQUESTED = "requested"
    REMINDED = "reminded"
    AGREED = "agreed"
    """The first of two."""
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    RETURNED = "returned"
    """The order has changed since it was asked: it goes back with the differences."""
    EXECUTED = "executed"
    FAILED = "failed"


class AuditFact(Struct, frozen=True, kw_only=True):
    """What the audit log is told."""

    workspace: str
    at: datetime
    event: str
    """`approval.requested`, `approval.refused` (an attempt that was not let through), `sidebar.refused` ..."""
    actor: str
    """Who: a person's id; empty where nobody could be verified."""
    via: str = ""
    subject: str = ""
    """An approval's id, or an order's key."""
    details: dict[str, str] = {}


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One line of the log, chained to the one before by its hash (`server/rules/audit.py`)."""

    sequence: int
    """From 1 on, without a gap, in each workspace."""
    fact: AuditFact
    previous: str
    """The hash of the entry before, in hex; 64 zeros before the first."""
    hash: str


class AuditHead(Struct, frozen=True):
    """How many entries there are, and the hash of the last one: kept elsewhere, it shows a cut tail."""

    count: int
    hash: str
