"""This file is what a connector owes: the envelope it reads, the capabilities it may have, the errors it raises.

A connector is a plain object that implements some of the protocols below; callers ask with `isinstance`.
Every network call goes through `connectors/transport.py`, which raises these errors:

    ConnectorError             something outside did not do what we asked; `plain` says it to an agent
    ├── Temporary              trying again can help
    │   ├── Unreachable        no connection: surely nothing happened there
    │   ├── TimedOut           no answer in time: what happened there is unknown
    │   ├── Interrupted        the connection broke before the answer: what happened there is unknown
    │   ├── Throttled          too many requests; `retry_after` in seconds where it was said
    │   └── Unavailable        it answered that it has trouble (5xx); what happened there may be unknown
    └── Permanent              trying the same again cannot help
        ├── Denied             credentials or scopes (401, 403)
        ├── Missing            there is no such thing (404, or an empty answer)
        ├── Collided           somebody else changed it first (409)
        ├── Rejected           it understood and refused (4xx)
        │   └── CameToNothing  it was taken on, and has failed since: surely nothing was carried out
        └── Garbled            the answer is not what the vendor documents (HTML, other types, too large)

Webhooks raise two errors of their own, neither of which is about the network:

    Forged                     the signature does not hold: answer 401, store nothing
    Unreadable                 signed, but not to be understood: store it, dead-letter it with this reason
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Protocol, runtime_checkable

from msgspec import Struct

from connectors.model import Letter, Notice, Observation, References, Task, Ticket, TicketChange, TicketDraft
from connectors.order_actions import ActionReceipt, OrderAction


class ConnectorError(Exception):
    """Something outside did not do what we asked."""

    plain: ClassVar[str] = "{system} could not be read"
    outcome_unknown: bool = False
    """True where the request may have been carried out although no good answer came back."""

    def __init__(
        self,
        system: str,
        detail: str,
        *,
        retry_after: float | None = None,
        status: int | None = None,
        answer: bytes = b"",
    ) -> None:
        super().__init__(f"{system}: {detail}")
        self.system = system
        self.detail = detail
        self.retry_after = retry_after
        self.status = status
        self.answer = answer
        """What came back, as far as it is needed to read the vendor's own error code; never shown as it is."""

    @property
    def sentence(self) -> str:
        """What an agent reads in the panel."""
        return self.plain.format(system=self.system)


class Temporary(ConnectorError):
    """Trying again can help."""


class Unreachable(Temporary):
    """No connection could be made: surely nothing happened there."""

    plain = "{system} cannot be reached right now"


class TimedOut(Temporary):
    """No answer in time: what happened there is unknown."""

    plain = "{system} did not answer in time"
    outcome_unknown = True


class Interrupted(Temporary):
    """The connection broke before the answer was complete: what happened there is unknown."""

    plain = "The connection to {system} broke"
    outcome_unknown = True


class Throttled(Temporary):
    """Too many requests; `retry_after` in seconds where the vendor said it."""

    plain = "{system} is limiting how often we may ask; the last known state is shown"


class Unavailable(Temporary):
    """It answered that it has trouble (5xx)."""

    plain = "{system} has trouble of its own right now"
    outcome_unknown = True


class Permanent(ConnectorError):
    """Trying the same again cannot help."""


class Denied(Permanent):
    """Credentials are wrong, expired or too narrow (401, 403)."""

    plain = "{system} refused our access: an admin must reconnect it"


class Missing(Permanent):
    """There is no such thing over there."""

    plain = "{system} does not know it"


class Collided(Permanent):
    """Somebody else changed it first (409)."""

    plain = "{system} was changed by somebody else at the same moment"


class Rejected(Permanent):
    """It understood the request and refused it."""

    plain = "{system} refused the request"


class CameToNothing(Rejected):
    """It was taken on, and has failed since: surely nothing was carried out."""

    plain = "{system} could not carry it out"


class Garbled(Permanent):
    """The answer is not what the vendor documents."""

    plain = "{system} answered something we cannot read"


class Forged(Exception):
    """A webhook whose signature does not hold, or that belongs to another account."""


class Unreadable(Exception):
    """A signed webhook that cannot be understood; the message names what was missing and where."""


class Envelope(Struct, frozen=True):
    """A webhook as it arrived: header names in lower case, the body untouched."""

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@runtime_checkable
class EventSource(Protocol):
    """Sends us webhooks. All three methods are pure and never touch the network."""

    def verify(self, envelope: Envelope) -> None:
        """Raise Forged unless the sender is who it should be. Constant time in the secret; reads nothing before it."""
        ...

    def delivery_key(self, envelope: Envelope) -> str:
        """The vendor's own key for a repeat of the same delivery; empty where it has none. Never raises."""
        ...

    def read(self, envelope: Envelope) -> tuple[Observation, ...]:
        """What it says. An empty tuple is an event that does not concern us. Raises Unreadable."""
        ...


@runtime_checkable
class Topical(Protocol):
    """An event source whose bodies do not say what they are about: a header does."""

    def topic(self, envelope: Envelope) -> str:
        """What the body was sent as, such as `orders/paid`; under two topics it is two events. Never raises."""
        ...


@runtime_checkable
class OrderSource(Protocol):
    """Keeps the orders: a shop."""

    async def read_order(self, order_id: str) -> Observation:
        """The order as it is now, by the shop's own id. Raises Missing."""
        ...

    async def find_orders(self, text: str) -> tuple[Observation, ...]:
        """Orders by name (`#1001`, `1001`), e-mail or phone, newest first, at most ten. *text* is never trusted."""
        ...


@runtime_checkable
class WorkSource(Protocol):
    """A shop whose webhooks leave out the work on an order: holds, deadlines, its warehouse, requests for refunds."""

    @property
    def can_look(self) -> bool:
        """Whether it has been given access to look at all."""
        ...

    async def read_work(self, order_id: str) -> Observation:
        """That part of the order as it is now, for little of the budget. Raises Missing."""
        ...


@runtime_checkable
class PaymentSource(Protocol):
    """Keeps payments that belong to orders elsewhere."""

    async def read_payments(self, about: References) -> tuple[Observation, ...]:
        """Payments by the ids in *about*, else by the order ids they carry. Empty where it knows none."""
        ...


@runtime_checkable
class TrackingSource(Protocol):
    """Knows where parcels are."""

    def tracks(self, carrier: str) -> bool:
        """Whether it is to be asked about parcels of *carrier* (our code)."""
        ...

    async def read_tracking(self, carrier: str, tracking_number: str) -> Observation:
        """All it knows of one parcel. Raises Missing."""
        ...


@runtime_checkable
class Helpdesk(Protocol):
    """Holds tickets. Writes are rendered to bytes first, so that a repeat sends exactly the same."""

    def render_open(self, draft: TicketDraft) -> bytes:
        """The request that opens *draft*. Pure."""
        ...

    async def open_ticket(self, request: bytes, idempotency_key: str) -> Ticket:
        """Send what `render_open` made. Safe to repeat with the same bytes and key only as long as the vendor says."""
        ...

    async def find_ticket(self, external_id: str) -> Ticket | None:
        """The oldest ticket with this external id, read from the source of truth and not from a late search index."""
        ...

    async def read_ticket(self, ticket_id: str) -> Ticket:
        """Raises Missing when it was deleted."""
        ...

    async def tickets_of(self, email: str) -> tuple[Ticket, ...]:
        """The customer's own tickets that can still change, newest first."""
        ...

    async def was_touched_by_a_person(self, ticket: Ticket) -> bool:
        """Whether anybody but us, the customer and the helpdesk's own rules did something to it."""
        ...

    def render_change(self, change: TicketChange) -> bytes:
        """The request that makes *change*: its note is internal, its reply goes to the customer. Pure."""
        ...

    async def change_ticket(self, ticket: Ticket, request: bytes) -> Ticket:
        """Send what `render_change` made. Raises Collided when *ticket* is no longer the latest, Missing, Rejected."""
        ...

    async def has_note(self, ticket_id: str, marker: str) -> bool:
        """Whether a change with this marker arrived: how an unknown outcome is resolved."""
        ...


@runtime_checkable
class ReplyReader(Protocol):
    """A helpdesk that can tell when the customer was last answered."""

    async def last_reply(self, ticket_id: str) -> datetime | None:
        """When anybody but the customer last wrote to them in this ticket; None for never. Raises Missing."""
        ...


@runtime_checkable
class ContactSource(Protocol):
    """A helpdesk some of whose webhooks say no more than which ticket has changed."""

    async def read_contact(self, ticket_id: str) -> Observation | None:
        """What the customer wrote there, as of now; None for a ticket that we opened. Raises Missing."""
        ...


class HelpdeskUser(Struct, frozen=True, kw_only=True):
    """Somebody as a helpdesk knows them right now."""

    id: str
    name: str = ""
    email: str = ""
    """In lower case."""
    is_email_verified: bool = False
    """Whether the helpdesk vouches that the address is theirs. Only then does it say who they are."""
    role: str
    """`admin`, `agent` (also a light one), or `end-user`: a customer."""
    is_active: bool = True
    """False once they are suspended or deleted there."""

    @property
    def is_staff(self) -> bool:
        return self.role in ("agent", "admin")


@runtime_checkable
class UserDirectory(Protocol):
    """Says who its own users are: who asks is looked up here, and again before a decision."""

    async def read_person(self, user_id: str) -> HelpdeskUser:
        """As of now. Raises Missing where there is no such user."""
        ...

    async def find_person(self, email: str) -> HelpdeskUser | None:
        """Whoever of its staff has this address as of now; None for nobody, or a customer."""
        ...


class Arrival(StrEnum):
    """What is known of a message whose answer was lost."""

    ARRIVED = "arrived"
    REPEATABLE = "repeatable"
    """Surely not there, or a repeat of the same bytes under the same key changes nothing over there."""
    UNKNOWN = "unknown"
    """It cannot be looked for, and a repeat would be seen: leave it."""


class Outlet(Protocol):
    """Sends what was rendered before. All it takes is stored first, so that a repeat sends exactly the same."""

    async def send(self, request: bytes, key: str) -> str:
        """Send it. A receipt, by which it can be written anew where the outlet is `Editable`; else empty."""
        ...

    async def arrival(self, request: bytes, key: str, since: datetime) -> Arrival:
        """What became of an earlier try that began at *since*."""
        ...


@runtime_checkable
class Notifier(Outlet, Protocol):
    """Tells teams."""

    def reaches(self, address: str) -> bool:
        """Whether *address* (a channel, an e-mail address) is one of its kind."""
        ...

    def render_notice(self, notice: Notice) -> bytes:
        """The request that sends *notice*. Pure."""
        ...


@runtime_checkable
class Editable(Protocol):
    """A notifier whose messages can be written anew where they stand. Doing it twice changes nothing."""

    async def edit(self, receipt: str, request: bytes) -> None:
        """Put what *request* says in place of the message. Raises Missing when it was deleted."""
        ...


class Press(Struct, frozen=True, kw_only=True):
    """Somebody has pressed a button of ours: a `Choice` of a notice."""

    id: str
    """The same for every repeat of the same press."""
    user: str
    """The person's id over there."""
    value: str
    """The choice's own."""
    reason: str = ""
    """What they wrote beside it."""
    reply_to: str = ""
    """By what `answer_press` finds them."""


@runtime_checkable
class Interactive(Protocol):
    """A notifier whose notices have buttons."""

    def verify_interaction(self, envelope: Envelope) -> None:
        """Raise Forged unless the sender is who it should be. Constant time in the secret; reads nothing before it."""
        ...

    def read_interaction(self, envelope: Envelope) -> Press | None:
        """What was pressed; None where it is no button of ours. Raises Unreadable."""
        ...

    async def answer_press(self, press: Press, text: str) -> None:
        """Tell whoever pressed, and nobody else. Raises ConnectorError."""
        ...


@runtime_checkable
class Mailer(Outlet, Protocol):
    """Sends e-mail to customers."""

    def render_letter(self, letter: Letter) -> bytes:
        """The mail. Pure."""
        ...


@runtime_checkable
class TaskSink(Outlet, Protocol):
    """Takes tasks: a warehouse, a CRM, an ERP. The same key is never carried out twice."""

    def render_task(self, task: Task) -> bytes:
        """The request that hands *task* over. Pure."""
        ...


@runtime_checkable
class ActionDesk(Protocol):
    """Carries out what people have agreed to: refunds, cancellations, holds. Once, however often it is tried."""

    def objection(self, action: OrderAction) -> str:
        """Why this connection cannot carry *action* out, in words an agent understands; empty where it can. Pure."""
        ...

    async def render_action(self, action: OrderAction) -> bytes:
        """The request that carries it out. May read what it needs to know, and changes nothing.

        Raises ConnectorError; Rejected with a sentence where the order does not allow it (any more).
        """
        ...

    async def carry_out(self, request: bytes, key: str) -> ActionReceipt:
        """Send what `render_action` made. The same bytes and key are never carried out twice where the vendor can tell.

        Raises ConnectorError; where its outcome is unknown, `find_action` says what became of it.
        """
        ...

    async def find_action(self, request: bytes, key: str, since: datetime) -> ActionReceipt | None:
        """What became of a request that was sent from *since* on; None: surely not carried out.

        Raises CameToNothing with a sentence where it was taken on and failed, any other ConnectorError where it cannot
        be known now.
        """
        ...


class Cursor(Struct, frozen=True, kw_only=True):
    """How far a connection has been read back; what it holds is the connector's own affair."""

    text: str = ""


class ReadBack(Struct, frozen=True, kw_only=True):
    """What was found that our webhooks may have missed, and from where to go on."""

    observations: tuple[Observation, ...]
    cursor: Cursor
    has_more: bool = False


@runtime_checkable
class ReadableBack(Protocol):
    """Can be asked what has changed since a cursor, because webhooks get lost."""

    async def read_back(self, cursor: Cursor, *, now: datetime) -> ReadBack:
        """One page. An empty cursor begins a little before *now*: history is not news. Raises ConnectorError."""
        ...


@runtime_checkable
class CustomerScreen(Protocol):
    """A helpdesk that shows, beside a customer's tickets, facts that we send it."""

    @property
    def shows_customers(self) -> bool:
        """Whether this account is set up for it: facts that nobody would see are not sent."""
        ...

    async def show_customer(self, email: str, facts: dict[str, object], version: datetime) -> str:
        """Put *facts* (flat, JSON) there, unless newer ones are; the customer's id there, empty: it has none of that
        address. Repeating it changes nothing. Raises ConnectorError.
        """
        ...


@runtime_checkable
class Checkable(Protocol):
    """Can tell whether it would work, without changing anything: `beforehand doctor`."""

    async def check(self) -> str:
        """One sentence on what was reached (account name, scopes). Raises ConnectorError."""
        ...
