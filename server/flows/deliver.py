"""This file delivers planned actions to the helpdesk, again and again until it is known what became of them.

    pending -> sending -> done          what may have left us is `sending`, until it is known whether it arrived
       ^          |  \\-> failed        for a person to look at
       +----------+                     surely not carried out: later

Temporary trouble is retried for as long as it lasts, refused access for a week, a refusal three times.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from msgspec import Struct
from msgspec.structs import replace

from connectors.contract import Collided, ConnectorError, Denied, Garbled, Temporary, Throttled
from connectors.transport import Clock, backoff
from server.flows.errand import Delivered, Errand, NoTicket, Overtaken, current
from server.model import Action, ActionState, OrderKey, TicketLink
from server.store.contract import Store, StoreUnavailable, Writing
from server.workspaces import Workspaces

log = structlog.get_logger()

MOST_REFUSALS = 3
ACCESS_PATIENCE = timedelta(days=7)
ACCESS_PAUSE = 300.0
PROBE_SECONDS = 60


class Happened(Struct, frozen=True, kw_only=True):
    """What an action came to, for those who watch.

    `kind` is ticket_opened, ticket_joined (a note in the customer's own ticket), follow_up_opened, note_added,
    ticket_solved, ticket_reopened, action_dropped, action_delayed or action_failed; `text` says it in words.
    """

    kind: str
    at: datetime
    order: OrderKey
    connection: str
    text: str
    ticket_id: str = ""
    url: str = ""


Watcher = Callable[[Happened], None]
Pause = Callable[[int], float]
"""Seconds before the try after the given number of failed ones; its jitter keeps many from coming back together."""


def outage_pause(attempts: int) -> float:
    """At most three tries in the first minute, then one or two a minute."""
    return backoff(attempts, first=20, most=60)


async def deliver(action: Action, workspaces: Workspaces, store: Store, clock: Clock) -> None:
    """Try one due action once. Raises StoreUnavailable; all other trouble is stored with the action."""
    await Courier(workspaces, store, clock).deliver(action)


class Courier:
    """Delivers actions of all workspaces, and remembers where access is refused, so as not to knock all the time."""

    def __init__(
        self,
        workspaces: Workspaces,
        store: Store,
        clock: Clock,
        *,
        watcher: Watcher | None = None,
        pause: Pause = outage_pause,
    ) -> None:
        self._workspaces = workspaces
        self._store = store
        self._clock = clock
        self._watcher = watcher
        self._pause = pause
        self._shut_until: dict[tuple[str, str], datetime] = {}

    async def deliver(self, action: Action) -> None:
        """Try one due action once. No two at the same time may be of one order. Raises StoreUnavailable."""
        door = (action.order.workspace, action.connection)
        now = self._clock()
        if now < self._shut_until.get(door, now):
            await self._later(action, "waiting until access is restored", self._pause_of_access())
            return
        workspace = self._workspaces.get(action.order.workspace)
        desk = workspace.helpdesks.get(action.connection) if workspace else None
        if workspace is None or desk is None:
            await self._wait_for_access(action, f"the configuration has no helpdesk {action.connection}")
            return
        if door in self._shut_until:
            # One goes first; the others wait for what it finds.
            self._shut_until[door] = now + timedelta(seconds=PROBE_SECONDS)
        errand = Errand(action, workspace, desk, self._store, self._clock)
        try:
            delivered = await errand.run()
        except Denied as error:
            self._shut_until[door] = now + timedelta(seconds=PROBE_SECONDS)
            await self._wait_for_access(errand.action, str(error))
            return
        except Overtaken:
            return
        except (StoreUnavailable, NoTicket, ConnectorError, Exception) as error:
            self._shut_until.pop(door, None)
            await self._fall_back(errand, error)
            return
        self._shut_until.pop(door, None)
        await self._finish(errand.action, delivered)

    # --- it worked --------------------------------------------------------------------------------------------------

    async def _finish(self, action: Action, delivered: Delivered) -> None:
        ticket, now = delivered.ticket, self._clock()

        def work(tx: Writing) -> bool:
            try:
                latest = current(tx, action)
            except Overtaken:
                return False
            tx.put_action(
                replace(
                    latest,
                    state=ActionState.DONE,
                    ticket_id=ticket.id if ticket else "",
                    error=delivered.dropped,
                    finished_at=now,
                    request=None,
                )
            )
            if ticket is not None:
                link = TicketLink(
                    connection=action.connection, ticket_id=ticket.id, url=ticket.url, is_ours=delivered.is_ours
                )
                _link(tx, latest, link)
            return True

        if not await self._store.write(work):
            return
        kind = "action_dropped" if delivered.dropped else delivered.happened
        self._tell(action, kind, delivered.dropped or _said(action), link=ticket and (ticket.id, ticket.url))

    # --- it did not -------------------------------------------------------------------------------------------------

    async def _fall_back(self, errand: Errand, error: Exception) -> None:
        action = errand.action
        if isinstance(error, StoreUnavailable):
            raise error
        if isinstance(error, NoTicket):
            await self._fail(action, str(error))
            return
        attempts = action.attempts + (not errand.was_sent)
        if isinstance(error, Throttled):
            wait = (error.retry_after or 0.0) + backoff(attempts, most=10.0)
        else:
            retry_after = error.retry_after if isinstance(error, ConnectorError) else None
            wait = max(retry_after or 0.0, self._pause(attempts))
        if not isinstance(error, ConnectorError):
            log.exception("action_broke", order=str(action.order), key=action.key, exc_info=error)
        if attempts >= MOST_REFUSALS and not isinstance(error, Temporary | Collided):
            await self._fail(action, str(error) or type(error).__name__)
            return
        state = action.state
        if errand.was_sent:
            state = ActionState.SENDING if _may_have_happened(error) else ActionState.PENDING
        await self._later(replace(action, state=state, attempts=attempts), str(error), wait)

    async def _wait_for_access(self, action: Action, why: str) -> None:
        if self._clock() - action.created_at > ACCESS_PATIENCE:
            await self._fail(action, why)
        else:
            await self._later(replace(action, attempts=max(action.attempts, 1)), why, self._pause_of_access())

    def _pause_of_access(self) -> float:
        return backoff(1, first=ACCESS_PAUSE)

    async def _later(self, action: Action, why: str, seconds: float) -> None:
        not_before = self._clock() + timedelta(seconds=seconds)
        if await self._put(
            action,
            lambda latest: replace(
                latest, state=action.state, attempts=action.attempts, not_before=not_before, error=why[:500]
            ),
        ):
            log.warning("action_delayed", order=str(action.order), key=action.key, until=not_before, reason=why)
            self._tell(action, "action_delayed", why)

    async def _fail(self, action: Action, why: str) -> None:
        now = self._clock()
        if await self._put(
            action, lambda latest: replace(latest, state=ActionState.FAILED, error=why[:500], finished_at=now)
        ):
            log.error("action_failed", order=str(action.order), key=action.key, reason=why)
            self._tell(action, "action_failed", why)

    async def _put(self, action: Action, change: Callable[[Action], Action]) -> bool:
        """Change the stored action; False when it was finished meanwhile."""

        def work(tx: Writing) -> bool:
            try:
                tx.put_action(change(current(tx, action)))
            except Overtaken:
                return False
            return True

        return await self._store.write(work)

    def _tell(self, action: Action, kind: str, text: str, link: tuple[str, str] | None = None) -> None:
        if self._watcher is None:
            return
        ticket_id, url = link or ("", "")
        self._watcher(
            Happened(
                kind=kind,
                at=self._clock(),
                order=action.order,
                connection=action.connection,
                text=text,
                ticket_id=ticket_id,
                url=url,
            )
        )


def _may_have_happened(error: Exception) -> bool:
    """An answer that cannot be read says nothing of whether the request was carried out; nor does a fault of ours."""
    return not isinstance(error, ConnectorError) or error.outcome_unknown or isinstance(error, Garbled)


def _link(tx: Writing, action: Action, link: TicketLink) -> None:
    """Tell the issues and the order which ticket it is."""
    for issue in tx.issues_of(action.order):
        concerned = issue.id in action.issue_ids or action.lead in (issue.id, issue.lead)
        if concerned and issue.ticket != link:
            tx.put_issue(replace(issue, ticket=link))
    tx.link_ticket(action.order, link.connection, link.ticket_id)


def _said(action: Action) -> str:
    if action.change is not None and action.draft is None:
        return action.change.note
    return action.draft.subject if action.draft else ""
