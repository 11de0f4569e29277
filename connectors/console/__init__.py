"""This file is a helpdesk, an outlet for messages and tasks, and an action desk, that print: no account is needed.

Its tickets live as long as the process.

It is as strict as a real one where that matters: a repeated key, a collision, a closed ticket.
"""

import sys
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from connectors.connection import Connection
from connectors.console.actions import PrintedActions
from connectors.contract import Arrival, Collided, Missing, Rejected
from connectors.model import Letter, Notice, Task, Ticket, TicketChange, TicketDraft
from connectors.order_actions import ActionReceipt, OrderAction

T = TypeVar("T")
_OURS = "beforehand:"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """It needs nothing."""

    quiet: bool = False
    """Keep the tickets and print nothing."""
    carries_out: bool = False
    """Whether a printed refund or cancellation counts as carried out: for trying approvals, never with a real shop."""


class Console:
    """Tickets in memory, shown on standard output."""

    system = "Console"

    def __init__(self, settings: Settings, connection: Connection, write: Callable[[str], object]) -> None:
        self._name = connection.name
        self._clock = connection.clock
        self._write = (lambda _: None) if settings.quiet else write
        self._tickets: dict[str, Ticket] = {}
        self._notes: dict[str, list[str]] = {}
        self._sent: set[str] = set()
        self._replies: dict[str, datetime] = {}
        self._touched: set[str] = set()
        self._answers: dict[str, tuple[bytes, str]] = {}
        self._actions = PrintedActions(connection.clock, self._say_done, is_on=settings.carries_out)

    def render_open(self, draft: TicketDraft) -> bytes:
        """The draft as JSON."""
        return msgspec.json.encode(draft, order="deterministic")

    async def open_ticket(self, request: bytes, idempotency_key: str) -> Ticket:
        """Open a ticket, or give the one that the same request opened. Raises Rejected for another with its key."""
        if idempotency_key in self._answers:
            before, ticket_id = self._answers[idempotency_key]
            if before != request:
                raise Rejected(self.system, "another request has the same idempotency key")
            return self._tickets[ticket_id]
        draft = _decoded(request, TicketDraft)
        now = self._clock()
        ticket = Ticket(
            id=str(len(self._tickets) + 1),
            state="open",
            subject=draft.subject,
            description=draft.body,
            external_id=draft.external_id,
            requester_email=draft.requester_email,
            tags=draft.tags,
            created_at=now,
            updated_at=now,
            version="1",
            order_references=(draft.order_reference,) if draft.order_reference else (),
        )
        self._answers[idempotency_key] = (request, ticket.id)
        self._tickets[ticket.id] = ticket
        self._say(ticket, f"opened, {draft.priority}: {draft.subject}", draft.body)
        return ticket

    async def find_ticket(self, external_id: str) -> Ticket | None:
        """The oldest with this external id."""
        return next((ticket for ticket in self._tickets.values() if ticket.external_id == external_id), None)

    async def read_ticket(self, ticket_id: str) -> Ticket:
        """Raises Missing."""
        if ticket_id not in self._tickets:
            raise Missing(self.system, f"there is no ticket {ticket_id[:40]}")
        return self._tickets[ticket_id]

    async def tickets_of(self, email: str) -> tuple[Ticket, ...]:
        """The customer's own, newest first; tickets that we opened are not theirs."""
        return tuple(
            ticket
            for ticket in reversed(self._tickets.values())
            if ticket.requester_email.lower() == email.strip().lower()
            and ticket.can_change
            and not ticket.external_id.startswith(_OURS)
        )

    async def was_touched_by_a_person(self, ticket: Ticket) -> bool:
        """Whether `change_by_hand` was used on it."""
        return ticket.id in self._touched

    def render_change(self, change: TicketChange) -> bytes:
        """The change as JSON."""
        return msgspec.json.encode(change, order="deterministic")

    async def change_ticket(self, ticket: Ticket, request: bytes) -> Ticket:
        """Raises Collided when *ticket* is no longer the latest, Rejected when it is closed, Missing."""
        change = _decoded(request, TicketChange)
        latest = await self.read_ticket(ticket.id)
        if not latest.can_change:
            raise Rejected(self.system, "a closed ticket never changes")
        if latest.version != ticket.version:
            raise Collided(self.system, f"ticket {ticket.id} was changed in between")
        tags = tuple(dict.fromkeys((*latest.tags, *change.add_tags)))
        changed = self._put(replace(latest, state=change.state or latest.state, tags=tags))
        self._notes.setdefault(ticket.id, []).append("" if change.reply else change.marker)
        if change.reply:
            self._replies[ticket.id] = self._clock()
            self._say(changed, f"to the customer: {changed.subject}", change.reply)
        else:
            self._say(changed, f"{changed.state}: {changed.subject}", f"{change.note}\nRef {change.marker}".strip())
        return changed

    async def has_note(self, ticket_id: str, marker: str) -> bool:
        """Raises Missing."""
        await self.read_ticket(ticket_id)
        return marker in self._notes.get(ticket_id, ())

    async def last_reply(self, ticket_id: str) -> datetime | None:
        """When the customer was last written to. Raises Missing."""
        await self.read_ticket(ticket_id)
        return self._replies.get(ticket_id)

    # --- whom else to tell: teams, customers, other systems ---

    def reaches(self, address: str) -> bool:
        """Everybody: they read it here."""
        return bool(address)

    def render_notice(self, notice: Notice) -> bytes:
        """What is printed."""
        return _text(f"to {notice.to or 'everybody'}: {notice.headline}", notice.text, *notice.details)

    def render_letter(self, letter: Letter) -> bytes:
        """What is printed."""
        return _text(f"to {letter.to}: {letter.subject}", letter.body)

    def render_task(self, task: Task) -> bytes:
        """What is printed."""
        return _text(f"task {task.event} {task.order_name}", task.text)

    async def send(self, request: bytes, key: str) -> str:
        """Print it, once for each key."""
        if key not in self._sent:
            self._sent.add(key)
            headline, _, text = request.decode().partition("\n")
            self._write(f"[{self._name}] {_printable(headline)}\n{_indented(text)}")
        return ""

    async def arrival(self, request: bytes, key: str, since: datetime) -> Arrival:
        """A repeat is not printed again, as long as the process lives."""
        return Arrival.REPEATABLE

    # --- what people have agreed to ---

    def objection(self, action: OrderAction) -> str:
        """Anything, unless `carries_out` is set."""
        return self._actions.objection(action)

    async def render_action(self, action: OrderAction) -> bytes:
        """The action as JSON. Raises Rejected."""
        return self._actions.render(action)

    async def carry_out(self, request: bytes, key: str) -> ActionReceipt:
        """Print it, once for each key. Raises Rejected for another request with the same key."""
        return self._actions.carry_out(request, key)

    async def find_action(self, request: bytes, key: str, since: datetime) -> ActionReceipt | None:
        """The receipt, where this process has printed it."""
        return self._actions.find(key)

    async def check(self) -> str:
        """Always works."""
        return "tickets are printed here and kept until the process ends"

    async def close(self) -> None:
        """Nothing to close."""

    async def change_by_hand(self, ticket_id: str, state: str) -> Ticket:
        """What an agent would do: set the state. Raises Missing."""
        self._touched.add(ticket_id)
        return self._put(replace(await self.read_ticket(ticket_id), state=state))

    def _put(self, ticket: Ticket) -> Ticket:
        stamped = replace(ticket, version=str(int(ticket.version) + 1), updated_at=self._clock())
        self._tickets[ticket.id] = stamped
        return stamped

    def _say_done(self, action: OrderAction, receipt: ActionReceipt) -> None:
        self._write(f"[{self._name}] {_printable(receipt.text)}\n{_indented(action.reason)}")

    def _say(self, ticket: Ticket, headline: str, text: str) -> None:
        self._write(f"[{self._name}] ticket {ticket.id} {_printable(headline)}\n{_indented(text)}")


def connect(settings: Settings, connection: Connection) -> Console:
    """Make the connector. No I/O."""
    return Console(settings, connection, lambda text: sys.stdout.write(text))


def _decoded(request: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(request, type=kind)
    except msgspec.DecodeError as error:
        raise Rejected("Console", f"not a request: {error}") from error


def _text(*lines: str) -> bytes:
    return "\n".join(lines).encode()


def _indented(text: str) -> str:
    return "".join(f"    {_printable(line)}\n" for line in text.splitlines())


def _printable(text: str) -> str:
    """Without what would steer a terminal: texts come from customers and carriers."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
