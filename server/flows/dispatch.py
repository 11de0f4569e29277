"""This file carries one notice to a team, another system or a customer's mailbox, so that it is seen once.

Its bytes are stored before the first of them leaves. Where an answer was lost, the outlet is asked whether the message
is there or may be repeated; where neither can be known it is left, and a person sees that.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import structlog
from msgspec.structs import replace

from connectors.connection import Connector
from connectors.contract import (
    Arrival,
    Editable,
    Helpdesk,
    Mailer,
    Missing,
    Notifier,
    Outlet,
    Permanent,
    ReplyReader,
    TaskSink,
    Temporary,
)
from connectors.model import Link, Notice, Task
from connectors.transport import Clock
from server.flows.chat_choices import plain
from server.flows.errand import Delivered, Overtaken, current
from server.model import Action, ActionKind, ActionState, TicketLink
from server.rules import wording
from server.rules.outbox import OPENING
from server.store.contract import UNFINISHED, Reading, Store, Writing
from server.workspaces import Workspace

T = TypeVar("T")
log = structlog.get_logger()

PATIENCE = timedelta(seconds=20)
"""So long a notice waits for the ticket that it could link to."""
_UNCERTAIN = "no answer came, and whether it arrived cannot be looked up; it is not sent again by itself"
HAPPENED = {
    ActionKind.NOTIFY_TEAM: "team_told",
    ActionKind.LOG_BACK: "task_handed_over",
    ActionKind.MESSAGE_CUSTOMER: "customer_told",
}


class Waits(Exception):
    """It is too early; nothing is wrong."""

    def __init__(self, seconds: float) -> None:
        super().__init__("waiting for something that comes first")
        self.seconds = seconds


class NoOutlet(Exception):
    """The configuration has nothing that could send this."""


class Dispatch:
    """One try at one notice."""

    def __init__(self, action: Action, workspace: Workspace, outlet: Connector, store: Store, clock: Clock) -> None:
        self.action = action
        self.was_sent = False
        """Whether something left us in this try."""
        self._workspace = workspace
        self._outlet = outlet
        self._store = store
        self._clock = clock

    async def run(self) -> Delivered:
        """Do it. Raises ConnectorError, Overtaken, NoOutlet, Waits, StoreUnavailable."""
        if self.action.is_edit:
            return await self._edit()
        if self.action.kind is ActionKind.NOTIFY_TEAM and isinstance(self._outlet, Notifier):
            notifier = self._outlet
            return await self._send(notifier, lambda a, t: notifier.render_notice(self._ready(a, t)))
        if self.action.kind is ActionKind.LOG_BACK and isinstance(self._outlet, TaskSink):
            sink = self._outlet
            return await self._send(sink, lambda a, t: sink.render_task(_with_ticket(_expected(a.task), t)))
        if self.action.kind is ActionKind.MESSAGE_CUSTOMER and isinstance(self._outlet, Mailer):
            mailer = self._outlet
            return await self._send(mailer, lambda a, _: mailer.render_letter(_expected(a.letter)))
        raise NoOutlet(f"the connection {self.action.connection} cannot send this any more")

    async def _send(self, outlet: Outlet, render: Callable[[Action, TicketLink | None], bytes]) -> Delivered:
        happened, started = HAPPENED[self.action.kind], self.action.attempt_started_at
        if self.action.state is ActionState.SENDING and self.action.request is not None and started is not None:
            arrival = await outlet.arrival(self.action.request, self.action.key, started)
            if arrival is not Arrival.REPEATABLE:
                return Delivered(happened, uncertain=_UNCERTAIN if arrival is Arrival.UNKNOWN else "")
        ticket = await self._store.read(self._ticket)
        if self.action.letter is not None and (why := await self._why_not(ticket)):
            return Delivered(happened, dropped=why)
        request = await self._start(lambda action: render(action, ticket))
        return Delivered(happened, receipt=await outlet.send(request, self.action.key))

    async def _edit(self) -> Delivered:
        """Write an earlier message anew. Doing it again does no harm."""
        if not isinstance(self._outlet, Editable) or not isinstance(self._outlet, Notifier):
            raise NoOutlet(f"the connection {self.action.connection} cannot change messages")
        notifier, receipt = self._outlet, await self._store.read(self._receipt)
        if not receipt:
            return Delivered("message_changed", dropped="the message that it would change was never sent")
        ticket = await self._store.read(self._ticket)
        request = await self._start(lambda a: notifier.render_notice(self._ready(a, ticket)))
        try:
            await self._outlet.edit(receipt, request)
        except Missing:
            return Delivered("message_changed", dropped="the message was deleted")
        return Delivered("message_changed")

    def _ready(self, action: Action, ticket: TicketLink | None) -> Notice:
        """The notice as it leaves: its links whole, what may be decided in it sealed."""
        notice, choices = _linked(_expected(action.notice), ticket), self._workspace.choices
        return choices.ready(notice, self._workspace.name, self.action.connection) if choices else plain(notice)

    # --- what it depends on -------------------------------------------------------------------------------------------

    def _receipt(self, tx: Reading) -> str:
        return next((a.receipt for a in tx.actions_of(self.action.order) if a.key == self.action.follows), "")

    def _ticket(self, tx: Reading) -> TicketLink | None:
        """The ticket to name. Raises Waits while one is about to be opened."""
        issues = [i for i in tx.issues_of(self.action.order) if i.id in self.action.issue_ids]
        found = next((issue.ticket for issue in issues if issue.ticket is not None), None)
        if found is None and self._clock() - self.action.created_at < PATIENCE:
            leads = {issue.lead for issue in issues}
            opening = (a for a in tx.actions_of(self.action.order) if a.kind in OPENING and a.lead in leads)
            if any(action.state in UNFINISHED for action in opening):
                raise Waits(2.0)
        return found

    async def _why_not(self, ticket: TicketLink | None) -> str:
        """Why the customer is not to be written to, as it turns out in the helpdesk; empty where nothing is known."""
        desk = self._workspace.helpdesks.get(ticket.connection) if ticket else None
        if desk is None or ticket is None:
            return ""
        try:
            return await why_customer_is_told_already(desk, ticket.ticket_id, self._workspace, self._clock)
        except Permanent as error:
            log.warning("replies_not_read", connection=ticket.connection, reason=error.detail)
            return ""
        except Temporary as error:
            log.info("replies_not_read_yet", connection=ticket.connection, reason=error.detail)
            raise Waits(60.0) from error

    # --- before the first byte ----------------------------------------------------------------------------------------

    async def _start(self, render: Callable[[Action], bytes]) -> bytes:
        """Store that this is being sent, with the very bytes; those that may have left before are kept."""
        now = self._clock()

        def work(tx: Writing) -> Action:
            latest = current(tx, self.action)
            if latest.not_before > now:
                raise Overtaken(latest.key)  # it was planned anew, for later
            keeps = latest.state is ActionState.SENDING and latest.request is not None
            started = replace(
                latest,
                state=ActionState.SENDING,
                attempts=latest.attempts + 1,
                # Of one that may have left before, the first time counts: it is looked for from then on.
                attempt_started_at=latest.attempt_started_at if keeps else now,
                request=latest.request if keeps else render(latest),
            )
            tx.put_action(started)
            return started

        self.action = await self._store.write(work)
        self.was_sent = True
        return _expected(self.action.request)


async def why_customer_is_told_already(desk: Helpdesk, ticket_id: str, workspace: Workspace, clock: Clock) -> str:
    """That somebody has answered the customer in this ticket just now, in words; else empty. Raises ConnectorError."""
    if not isinstance(desk, ReplyReader):
        return ""
    last, now = await desk.last_reply(ticket_id), clock()
    if last is None or last + workspace.policy.customer_told_within <= now:
        return ""
    return f"somebody answered the customer in the ticket {wording.span(now - last)} before"


def _linked(notice: Notice, ticket: TicketLink | None) -> Notice:
    if ticket is None or not ticket.url:
        return notice
    return replace(notice, links=(*notice.links, Link(f"Ticket {ticket.ticket_id}", ticket.url)))


def _with_ticket(task: Task, ticket: TicketLink | None) -> Task:
    return replace(task, ticket_id=ticket.ticket_id, ticket_url=ticket.url) if ticket else task


def _expected(value: T | None) -> T:
    if value is None:
        raise ValueError("the action was planned without what it needs")
    return value
