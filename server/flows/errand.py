"""This file carries one action to the helpdesk, so that however often it is tried, agents see it once.

Before anything is created it is looked for, and before the first byte leaves, the bytes are stored: a repeat sends the
same ones. A note ends with a marker, by which it is found again when the answer to it was lost.
"""

from collections.abc import Callable
from typing import TypeVar

import structlog
from msgspec import Struct
from msgspec.structs import replace

from connectors.contract import Collided, Denied, Garbled, Helpdesk, Missing, Rejected
from connectors.model import Ticket, TicketChange, TicketDraft
from connectors.transport import Clock
from server.model import Action, ActionKind, ActionState, OrderRecord, TicketLink
from server.rules.identity import is_about
from server.rules.timeline import empty, view
from server.store.contract import UNFINISHED, Reading, Reference, ReferenceKind, Store, Writing
from server.workspaces import Workspace

T = TypeVar("T")
log = structlog.get_logger()

OURS = "beforehand:"
"""How the external id of every ticket that we open begins."""
MOST_COLLISIONS = 3


class Overtaken(Exception):
    """The action was dropped, or done, before it was sent."""


class NoTicket(Exception):
    """The ticket that was to be changed was never opened."""


class Delivered(Struct, frozen=True):
    """What became of an action: the ticket, or in `dropped` why nothing was written."""

    happened: str
    ticket: Ticket | None = None
    is_ours: bool = True
    dropped: str = ""
    receipt: str = ""
    """Of a message, by what it can be written anew."""
    uncertain: str = ""
    """Why nobody can say whether a message arrived."""


_CLOSED = "the ticket is closed for good"
_DELETED = "the ticket was deleted"
_HAPPENED = {
    ActionKind.ADD_NOTE: "note_added",
    ActionKind.SOLVE_TICKET: "ticket_solved",
    ActionKind.REOPEN_TICKET: "ticket_reopened",
}
_MORE_THAN_A_NOTE = frozenset({"ticket_solved", "ticket_reopened"})


class Errand:
    """One try at one action."""

    def __init__(self, action: Action, workspace: Workspace, desk: Helpdesk, store: Store, clock: Clock) -> None:
        self.action = action
        self.was_sent = False
        """Whether something left us in this try."""
        self._workspace = workspace
        self._desk = desk
        self._store = store
        self._clock = clock

    async def run(self) -> Delivered:
        """Do it. Raises ConnectorError, Overtaken, NoTicket, StoreUnavailable."""
        if self.action.kind is ActionKind.OPEN_TICKET:
            return await self._open()
        if self.action.kind is ActionKind.JOIN_TICKET:
            return await self._tell(self.action.target, is_ours=False, happened="ticket_joined")
        if self.action.kind is ActionKind.LEAVE_TICKET:
            return await self._tell(self.action.target, is_ours=True, happened="ticket_solved")
        if self.action.kind is ActionKind.TELL_TICKET:
            # Never more than a note, whosever ticket it is.
            return await self._tell(self.action.target, is_ours=False, happened="note_added")
        link = await self._store.read(self._link)
        told = await self._tell(link.ticket_id, is_ours=link.is_ours, happened=_HAPPENED[self.action.kind])
        if told.dropped == _CLOSED and self.action.kind is ActionKind.REOPEN_TICKET:
            return await self._open()
        return told

    # --- opening ----------------------------------------------------------------------------------------------------

    async def _open(self) -> Delivered:
        draft = _expected(self.action.draft)
        found = await self._desk.find_ticket(draft.external_id)
        if found is not None:
            return Delivered("ticket_opened", found)
        creation_was_tried = self.action.request is not None and not self.action.request_for
        if not creation_was_tried:
            told = await self._tell_customers_ticket(draft)
            if told is not None:
                return told
            draft = await self._with_sound_follow_up(draft)
        request = await self._start("", lambda action: self._desk.render_open(_following(action, draft)))
        ticket = await self._desk.open_ticket(request, draft.external_id)
        return Delivered("follow_up_opened" if draft.follow_up_of else "ticket_opened", ticket)

    async def _with_sound_follow_up(self, draft: TicketDraft) -> TicketDraft:
        """A ticket can only be continued by another one once it is closed for good."""
        if not draft.follow_up_of:
            return draft
        try:
            is_closed = not (await self._desk.read_ticket(draft.follow_up_of)).can_change
        except Missing:
            is_closed = False
        return draft if is_closed else replace(draft, follow_up_of="")

    async def _tell_customers_ticket(self, draft: TicketDraft) -> Delivered | None:
        """Put the finding into the ticket that the customer opened about this order, where there is one."""
        joined = await self._joined_before()
        if joined is not None:
            return joined
        if not self._workspace.policy.join_customer_ticket or not draft.requester_email:
            return None
        try:
            tickets = await self._desk.tickets_of(draft.requester_email)
        except (Denied, Missing, Rejected, Garbled) as error:
            log.warning("customers_tickets_not_read", connection=self.action.connection, reason=error.sentence)
            return None
        theirs = [ticket for ticket in tickets if ticket.is_open and not ticket.external_id.startswith(OURS)]
        about = await self._store.read(lambda tx: [t for t in theirs if self._is_about_order(tx, t)]) if theirs else []
        for ticket in about:
            told = await self._tell(ticket.id, is_ours=False, happened="ticket_joined")
            if not told.dropped:
                return told
        return None

    async def _joined_before(self) -> Delivered | None:
        """An earlier try may have told a ticket that would not be chosen any more."""
        ticket_id = self.action.request_for
        if not self._may_have_arrived(ticket_id):
            return None
        try:
            if await self._desk.has_note(ticket_id, _expected(self.action.change).marker):
                return Delivered("ticket_joined", await self._desk.read_ticket(ticket_id), is_ours=False)
        except Missing:
            log.info("ticket_deleted_meanwhile", connection=self.action.connection, ticket=ticket_id)
        return None

    def _is_about_order(self, tx: Reading, ticket: Ticket) -> bool:
        key = self.action.order
        linked = Reference(ReferenceKind.TICKET, f"{self.action.connection}|{ticket.id}")
        if key in tx.find(key.workspace, [linked]):
            return True
        record: OrderRecord = tx.record(key) or empty(key)
        return is_about(ticket, view(record))

    # --- changing ---------------------------------------------------------------------------------------------------

    def _link(self, tx: Reading) -> TicketLink:
        """The ticket to be changed. Raises NoTicket."""
        action = self.action
        issues = sorted(tx.issues_of(action.order), key=lambda issue: issue.id != action.lead)
        for issue in issues:
            if action.lead in (issue.id, issue.lead) and issue.ticket is not None:
                return issue.ticket
        failed = [
            a.error
            for a in tx.actions_of(action.order)
            if a.lead == action.lead and a.state is ActionState.FAILED and a.kind.is_of_issue
        ]
        raise NoTicket(f"its ticket was never opened: {failed[0]}" if failed else "its ticket was never opened")

    async def _tell(self, ticket_id: str, *, is_ours: bool, happened: str) -> Delivered:
        """Write the action's change to a ticket, as far as the ticket still lets us."""
        for _ in range(MOST_COLLISIONS):
            try:
                return await self._try_to_tell(ticket_id, is_ours=is_ours, happened=happened)
            except Missing:
                return Delivered(happened, dropped=_DELETED)
            except Collided as error:
                collision = error
        raise collision

    async def _try_to_tell(self, ticket_id: str, *, is_ours: bool, happened: str) -> Delivered:
        change = _expected(self.action.change)
        ticket = await self._desk.read_ticket(ticket_id)
        if self._may_have_arrived(ticket_id) and await self._desk.has_note(ticket_id, change.marker):
            return Delivered(happened, ticket, is_ours)
        if not ticket.can_change:
            return Delivered(happened, dropped=_CLOSED)
        note_only = not is_ours or await self._was_touched(ticket)
        request = await self._start(
            ticket_id, lambda action: self._desk.render_change(_fitting(action, ticket, note_only=note_only))
        )
        changed = await self._desk.change_ticket(ticket, request)
        is_note = note_only or not change.state
        return Delivered("note_added" if is_note and happened in _MORE_THAN_A_NOTE else happened, changed, is_ours)

    async def _was_touched(self, ticket: Ticket) -> bool:
        try:
            return await self._desk.was_touched_by_a_person(ticket)
        except Denied as error:
            # The ticket itself could be read, so our access is only too narrow to tell: leave its state to people.
            log.warning("touch_not_known", connection=self.action.connection, reason=error.detail)
            return True

    def _may_have_arrived(self, ticket_id: str) -> bool:
        return self.action.state is ActionState.SENDING and self.action.request_for == ticket_id != ""

    # --- before the first byte --------------------------------------------------------------------------------------

    async def _start(self, request_for: str, render: Callable[[Action], bytes]) -> bytes:
        """Store that this is being sent, with the very bytes; those of an earlier try to create are kept."""
        now = self._clock()

        def work(tx: Writing) -> Action:
            latest = current(tx, self.action)
            keeps = latest.request is not None and not request_for and not latest.request_for
            started = replace(
                latest,
                state=ActionState.SENDING,
                attempts=self.action.attempts + (not self.was_sent),
                attempt_started_at=now,
                request=latest.request if keeps else render(latest),
                request_for=request_for,
            )
            tx.put_action(started)
            return started

        self.action = await self._store.write(work)
        self.was_sent = True
        return _expected(self.action.request)


def _expected(value: T | None) -> T:
    if value is None:
        raise ValueError("the action was planned without what it needs")
    return value


def current(tx: Reading, action: Action) -> Action:
    """The action as it is stored now. Raises Overtaken when it is finished."""
    for found in tx.actions_of(action.order):
        if found.key == action.key and found.state in UNFINISHED:
            return found
    raise Overtaken(action.key)


def _following(action: Action, draft: TicketDraft) -> TicketDraft:
    """The latest draft: planning may have changed it while we looked."""
    return replace(_expected(action.draft), follow_up_of=draft.follow_up_of)


def _fitting(action: Action, ticket: Ticket, *, note_only: bool) -> TicketChange:
    """The change that this ticket can take: where people work, only the note."""
    change = _expected(action.change)
    if note_only:
        return replace(change, state="", priority="")
    is_already = ticket.is_open if change.state == "open" else not ticket.is_open
    return replace(change, state="") if change.state and is_already else change
