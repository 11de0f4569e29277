"""This file carries the merchant's message to the customer as a public reply in the order's ticket, once and only where
nobody has just told them."""

from msgspec.structs import replace

from connectors.contract import Collided, Helpdesk, Missing
from connectors.model import Ticket
from connectors.transport import Clock
from server.flows.dispatch import HAPPENED, Waits, why_customer_is_told_already
from server.flows.errand import MOST_COLLISIONS, Delivered, Errand, NoTicket
from server.model import Action, OrderRecord, TicketLink
from server.rules.outbox import OPENING
from server.rules.timeline import empty, view
from server.store.contract import UNFINISHED, Reading, Store
from server.workspaces import Workspace

_DELETED = "the ticket was deleted"
_CLOSED = "the ticket is closed for good"
_NOT_THEIRS = "the ticket is not addressed to the customer of the order"
_IN_HANDS = "somebody is working on the ticket"


class ReplyErrand(Errand):
    """One try at one reply. It is found again by its marker, which the ticket gets as a tag in the same moment."""

    def __init__(self, action: Action, workspace: Workspace, desk: Helpdesk, store: Store, clock: Clock) -> None:
        super().__init__(action, workspace, desk, store, clock)
        self._happened = HAPPENED[action.kind]

    async def run(self) -> Delivered:
        """Do it. Raises ConnectorError, Overtaken, NoTicket, Waits, StoreUnavailable."""
        link, email = await self._store.read(self._where)
        for _ in range(MOST_COLLISIONS):
            try:
                return await self._try(link, email)
            except Missing:
                return Delivered(self._happened, dropped=_DELETED)
            except Collided as error:
                collision = error
        raise collision

    def _where(self, tx: Reading) -> tuple[TicketLink, str]:
        """The ticket, and the customer's address. Raises Waits until it is opened, NoTicket where it never will be."""
        record: OrderRecord = tx.record(self.action.order) or empty(self.action.order)
        facts = view(record).order
        email = (facts.customer.email if facts.customer else "") or facts.email or ""
        opening = (a for a in tx.actions_of(self.action.order) if a.kind in OPENING and a.state in UNFINISHED)
        try:
            return self._link(tx), email.strip().lower()
        except NoTicket:
            if any(action.lead == self.action.lead for action in opening):
                raise Waits(5.0) from None
            raise

    async def _try(self, link: TicketLink, email: str) -> Delivered:
        change = self.action.change
        if change is None:
            raise ValueError("the action was planned without what it needs")
        ticket = await self._desk.read_ticket(link.ticket_id)
        if self._may_have_arrived(ticket.id) and change.marker in ticket.tags:
            return Delivered(self._happened, ticket, link.is_ours)
        if why := await self._why_not(ticket, email, is_ours=link.is_ours):
            return Delivered(self._happened, dropped=why)
        request = await self._start(
            ticket.id,
            lambda action: self._desk.render_change(
                replace(action.change or change, add_tags=(*change.add_tags, change.marker))
            ),
        )
        return Delivered(self._happened, await self._desk.change_ticket(ticket, request), link.is_ours)

    async def _why_not(self, ticket: Ticket, email: str, *, is_ours: bool) -> str:
        if not ticket.can_change:
            return _CLOSED
        if not email or ticket.requester_email.strip().lower() != email:
            return _NOT_THEIRS
        if why := await why_customer_is_told_already(self._desk, ticket.id, self._workspace, self._clock):
            return why
        return _IN_HANDS if is_ours and await self._was_touched(ticket) else ""
