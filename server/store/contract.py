"""This file is what a store owes. One contract, one test suite; `sqlite.py` is the first implementation.

All reading and writing goes through two calls that take a plain function:

    await store.read(lambda tx: tx.record(key))       on a connection that only reads
    await store.write(lambda tx: ...)                 in one transaction: all of it or nothing

The function may run in another thread and must not wait for anything.
A write has returned only when it would survive a loss of power.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar, runtime_checkable

from msgspec import Struct

from server.approval_model import ApprovalRequest, ApprovalState, AuditEntry, AuditFact, AuditHead
from server.model import Action, ActionState, Issue, IssueState, Kind, OrderKey, OrderRecord, Outcome, Role
from server.model import Reference as Reference
from server.model import ReferenceKind as ReferenceKind
from server.rules.audit import AuditRow
from server.rules.incident import Member
from server.rules.transit import Leg

T = TypeVar("T")


class StoreUnavailable(Exception):
    """The store cannot take or give anything right now (full, locked, broken): answer 503 and try again later."""


class Damaged(StoreUnavailable):
    """The database cannot be used as it is; the text says why, and how to put a backup in its place."""


class InboxState(StrEnum):
    """new until processed; waiting until its order appears; dead and refused are for a person to look at."""

    NEW = "new"
    DONE = "done"
    WAITING = "waiting"
    REFUSED = "refused"
    """It fits several orders."""
    DEAD = "dead"
    """It could not be read, or processing it failed again and again."""


class InboxItem(Struct, frozen=True, kw_only=True):
    """One webhook, or one live look, as it arrived."""

    workspace: str
    connection: str
    delivery_key: str
    """The vendor's own key for a repeat; empty where there is none."""
    digest: bytes
    """Of the body and what it was sent as: the same word under fresh unsigned ids is still the same word."""
    headers: dict[str, str]
    body: bytes
    received_at: datetime
    is_look: bool = False
    """The body is our own encoding of observations from a live look, not a vendor's webhook."""


class InboxRow(Struct, frozen=True, kw_only=True):
    """An item with its place in the sequence."""

    id: int
    item: InboxItem
    state: InboxState
    attempts: int
    reason: str = ""


class OrderSummary(Struct, frozen=True, kw_only=True):
    """A found order, enough for a list."""

    key: OrderKey
    name: str
    placed_at: datetime | None
    email: str
    customer_name: str
    total: str


class TokenRow(Struct, frozen=True, kw_only=True):
    """An API token. Only its digest is stored."""

    id: str
    digest: bytes
    workspace: str
    role: Role
    user: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class IssueEnd(Struct, frozen=True, kw_only=True):
    """As much of an issue as its quality is reckoned from."""

    kind: Kind
    state: IssueState
    opened_at: datetime
    dry_run: bool
    outcome: Outcome | None = None


class PolicyMark(Struct, frozen=True, kw_only=True):
    """Which policy a workspace's orders are judged by, and how far they have been looked at again since it came."""

    workspace: str
    digest: bytes
    reviewed_to: str | None = None
    """The key of the last order that was; None: all of them."""


class Counts(Struct, frozen=True, kw_only=True):
    """How much there is, for /metrics, /readyz and `doctor`."""

    inbox: dict[str, int]
    actions: dict[str, int]
    open_issues: int
    orders: int
    oldest_new_at: datetime | None = None


class Reading(Protocol):
    """What can be asked. Lists are newest first unless said otherwise."""

    def record(self, key: OrderKey) -> OrderRecord | None: ...
    def find(self, workspace: str, references: Iterable[Reference]) -> tuple[OrderKey, ...]:
        """Orders that have any of *references*, without repeats, in key order."""
        ...

    def search(self, workspace: str, references: Iterable[Reference], limit: int) -> tuple[OrderSummary, ...]:
        """The same as a list for people, newest first."""
        ...

    def issues_of(self, key: OrderKey) -> tuple[Issue, ...]:
        """All issues of an order, oldest first."""
        ...

    def issues(self, workspace: str, *, open_only: bool, limit: int) -> tuple[Issue, ...]: ...
    def issue_ends(self, workspace: str, since: datetime, until: datetime) -> Iterator[IssueEnd]:
        """Issues opened from *since* on and before *until*, oldest first, one by one as they are read."""
        ...

    def actions_of(self, key: OrderKey) -> tuple[Action, ...]:
        """All actions of an order, oldest first."""
        ...

    def due_orders(self, now: datetime, limit: int) -> tuple[OrderKey, ...]:
        """Orders whose `review_at` has come, longest due first."""
        ...

    def due_actions(self, now: datetime, limit: int) -> tuple[Action, ...]:
        """At most one an order and lane, the oldest unfinished one there, where that is due. Longest due first."""
        ...

    def due_actions_elsewhere(self, now: datetime, limit: int, shut: Iterable[str]) -> tuple[Action, ...]:
        """The same without those whose door is one of *shut*."""
        ...

    def stopped_actions(self, workspace: str, limit: int) -> tuple[Action, ...]:
        """Those that failed, or of which nobody knows whether they arrived; of all workspaces where it is empty."""
        ...

    def action(self, key: str) -> Action | None: ...

    def next_due_at(self) -> datetime | None:
        """The earliest `review_at`, `not_before` of the oldest unfinished action of an order and lane, or `due_at`."""
        ...

    def inbox(self, states: Iterable[InboxState], limit: int, *, workspace: str = "") -> tuple[InboxRow, ...]:
        """Rows in any of *states*, oldest first."""
        ...

    def legs(self, workspace: str, limit: int) -> tuple[Leg, ...]:
        """The newest *limit* deliveries from which transit times are learnt, oldest first."""
        ...

    def causes_of(self, issue_id: str) -> tuple[str, ...]:
        """The causes under which an issue is kept, ended ones too."""
        ...

    def begun_with(self, workspace: str, cause: str, begin: datetime, end: datetime, *, open_only: bool) -> int:
        """How many orders got into trouble with this cause from *begin* until before *end*, or are still in it."""
        ...

    def in_trouble_with(self, workspace: str, cause: str, limit: int) -> tuple[Member, ...]:
        """Open trouble with this cause, oldest first."""
        ...

    def inbox_row(self, row_id: int) -> InboxRow | None: ...
    def approval(self, request_id: str) -> ApprovalRequest | None: ...
    def approval_by_key(self, workspace: str, ask_key: str) -> ApprovalRequest | None:
        """What was asked under a client's idempotency key."""
        ...

    def approvals(self, workspace: str, states: Iterable[ApprovalState], limit: int) -> tuple[ApprovalRequest, ...]:
        """Requests in any of *states* (all where it is empty), newest first."""
        ...

    def approvals_agreed(self, workspace: str, since: datetime) -> tuple[ApprovalRequest, ...]:
        """All to which somebody has agreed at *since* or later, as far as that agreement still counts."""
        ...

    def approvals_of(self, key: OrderKey) -> tuple[ApprovalRequest, ...]:
        """All requests about an order, oldest first."""
        ...

    def due_approvals(self, now: datetime, limit: int) -> tuple[ApprovalRequest, ...]:
        """Those whose `due_at` has come, longest due first."""
        ...

    def audit(self, workspace: str, after: int, limit: int) -> tuple[AuditEntry, ...]:
        """The audit log, from the entry after number *after* on. Raises msgspec.DecodeError where one is damaged."""
        ...

    def audit_rows(self, workspace: str, after: int, limit: int) -> tuple[AuditRow, ...]:
        """The same as it is stored, also where it is damaged."""
        ...

    def audit_head(self, workspace: str) -> AuditHead:
        """The last entry's number and hash; none yet: 0 and the beginning."""
        ...

    def cursor(self, workspace: str, connection: str) -> str:
        """How far a connection has been read back; empty where it never was."""
        ...

    def token(self, digest: bytes) -> TokenRow | None: ...
    def tokens(self, workspace: str) -> tuple[TokenRow, ...]: ...
    def policy_mark(self, workspace: str) -> PolicyMark | None: ...
    def counts(self) -> Counts: ...


class Writing(Reading, Protocol):
    """What can be changed, within one transaction."""

    def put_record(
        self,
        record: OrderRecord,
        references: Iterable[Reference],
        *,
        review_at: datetime | None,
        name: str,
        placed_at: datetime | None,
        email: str,
        customer_name: str,
        total: str,
    ) -> tuple[Reference, ...]:
        """Store an order; its references become exactly those given, but tickets linked to it stay linked.

        Answers those that it did not have before.
        """
        ...

    def set_review(self, key: OrderKey, at: datetime | None) -> None:
        """Change nothing of an order but when it is looked at again."""
        ...

    def review_after(self, workspace: str, after: str, limit: int, at: datetime) -> str | None:
        """Let the next *limit* orders of a workspace, by key, be looked at again no later than *at*.

        Only those count that time or trouble keeps open: with a `review_at` or an open issue. Answers the last key that
        it came to, None when there are no more.
        """
        ...

    def put_policy_mark(self, mark: PolicyMark) -> None: ...
    def link_ticket(self, key: OrderKey, connection: str, ticket_id: str) -> None:
        """Remember that a helpdesk ticket is about this order."""
        ...

    def put_leg(self, workspace: str, name: str, leg: Leg) -> bool:
        """Keep a delivery under a name of its own. False when it is there already: it is learnt once."""
        ...

    def put_causes(self, issue: Issue, causes: Iterable[str], at: datetime) -> None:
        """Keep open trouble under what other orders may share with it, from its opening; what had ended, from *at*."""
        ...

    def keep_one_cause(self, issue_id: str, cause: str) -> None:
        """Forget all causes but this: an incident speaks for the trouble, so it makes no other one."""
        ...

    def end_causes(self, issue_id: str, at: datetime) -> None:
        """The trouble is over. It still counts for what is usual, for a month."""
        ...

    def put_issue(self, issue: Issue) -> None: ...
    def put_action(self, action: Action) -> None:
        """Insert or replace by key."""
        ...

    def start_attempt(self, row_ids: Iterable[int]) -> None:
        """Count an attempt *before* the work, so that a row which kills the process is found out."""
        ...

    def settle(self, row_id: int, state: InboxState, reason: str = "") -> None:
        """Say what became of a row. It waits for nothing any more.

        As waiting, or as new without a reason, it starts afresh: its attempts are forgotten. As new with a reason it
        has failed once more, and they count on.
        """
        ...

    def add_inbox(self, item: InboxItem) -> bool:
        """The same as `Store.accept`, within a transaction. True when it was new."""
        ...

    def restart_stopped(self, workspace: str = "") -> int:
        """Send every dead or refused row, of one workspace or of all, back to the start. How many there were."""
        ...

    def wait_for(self, row_id: int, workspace: str, references: Iterable[Reference]) -> None:
        """Park a row until an order with any of *references* appears."""
        ...

    def waiting_for(self, workspace: str, references: Iterable[Reference]) -> tuple[int, ...]:
        """Ids of parked rows that wait for any of *references*."""
        ...

    def forget_done(self, before: datetime, limit: int) -> int:
        """Delete up to *limit* rows that are done and arrived before *before*, oldest first. How many there were."""
        ...

    def put_approval(self, request: ApprovalRequest) -> None:
        """Insert or replace by id."""
        ...

    def add_audit(self, fact: AuditFact) -> AuditEntry:
        """Append to the workspace's audit log, chained to its last entry."""
        ...

    def put_cursor(self, workspace: str, connection: str, text: str) -> None: ...
    def put_token(self, token: TokenRow) -> None: ...


class Store(Protocol):
    """The state of all workspaces."""

    async def accept(self, item: InboxItem) -> bool:
        """Store a webhook durably. True when new, False when it was there already. Raises StoreUnavailable.

        Many that arrive together share one commit.
        """
        ...

    async def read(self, work: Callable[[Reading], T]) -> T: ...
    async def write(self, work: Callable[[Writing], T]) -> T:
        """Run *work* in one transaction. What it raises undoes it and is raised here. Raises StoreUnavailable."""
        ...

    async def close(self) -> None: ...


@runtime_checkable
class Tended(Protocol):
    """A store that wants looking after now and then."""

    async def tidy(self) -> None:
        """Short housekeeping, once an hour. Raises StoreUnavailable."""
        ...

    async def examine(self) -> str:
        """A thorough look for damage, once a night; empty when it is sound, else what was found."""
        ...


UNFINISHED = (ActionState.PENDING, ActionState.SENDING)
