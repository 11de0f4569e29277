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
from connectors.model import Ticket
from connectors.transport import Clock, backoff
from server.flows.dispatch import Dispatch, NoOutlet, Waits
from server.flows.errand import Delivered, Errand, NoTicket, Overtaken, current
from server.flows.finish import finish
from server.flows.reply import ReplyErrand
from server.flows.show_customer import Showing
from server.model import Action, ActionKind, ActionState, OrderKey
from server.store.contract import Store, StoreUnavailable, Writing
from server.workspaces import Workspace, Workspaces

log = structlog.get_logger()

MOST_REFUSALS = 3
ACCESS_PATIENCE = timedelta(days=7)
ACCESS_PAUSE = 300.0
PROBE_SECONDS = 60
GONE = 410
"""The answer of a receiver that wants nothing any more."""


class Happened(Struct, frozen=True, kw_only=True):
    """What an action came to, for those who watch.

    `kind` is ticket_opened, ticket_joined (a note in the customer's own ticket), follow_up_opened, note_added,
    ticket_solved, ticket_reopened, team_told, message_changed, task_handed_over, customer_told, action_dropped,
    action_uncertain, action_delayed or action_failed; `text` says it in words.
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
    """Once more at once, then one or two tries a minute for as long as it takes."""
    return backoff(1, first=2.0 if attempts <= 1 else 60.0)


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
        """Try one due action once. No two at the same time may be in one lane. Raises StoreUnavailable."""
        door = (action.order.workspace, action.connection)
        now = self._clock()
        if now < self._shut_until.get(door, now):
            await self._wait_for_access(action, "waiting until access is restored")
            return
        workspace = self._workspaces.get(action.order.workspace)
        errand = self._errand(action, workspace) if workspace else None
        if errand is None:
            what = "connection" if action.kind.is_notice else "helpdesk"
            await self._wait_for_access(action, f"the configuration has no {what} {action.connection}")
            return
        if door in self._shut_until:
            # One goes first; the others wait for what it finds.
            self._shut_until[door] = now + timedelta(seconds=PROBE_SECONDS)
        try:
            delivered = await errand.run()
        except Overtaken:
            return
        except Waits as early:
            moment = now + timedelta(seconds=early.seconds)
            await self._put(action, lambda latest: replace(latest, not_before=moment))
            return
        except StoreUnavailable:
            raise
        except Denied as error:
            self._shut_until[door] = now + timedelta(seconds=PROBE_SECONDS)
            await self._wait_for_access(_after(errand, error), str(error))
            return
        except (NoTicket, NoOutlet) as error:
            await self._fail(action, str(error))
            return
        except Exception as error:  # noqa: BLE001 - a fault in one action must not stop the others
            self._shut_until.pop(door, None)
            await self._fall_back(errand, error)
            return
        self._shut_until.pop(door, None)
        await (self._finish_notice if action.kind.is_notice else self._finish)(errand.action, delivered)

    def _errand(self, action: Action, workspace: Workspace) -> Errand | Dispatch | Showing | None:
        """Who goes; None where there is nothing to go to.

        Whatever goes has the `action` as it stands, says with `was_sent` whether anything left us in this try, and
        does it with `run`. What is neither a notice nor a step in an issue's life ends with `_finish` as well.
        """
        if action.kind is ActionKind.SHOW_CUSTOMER:
            screen = workspace.connections.get(action.connection)
            return Showing(action, workspace, screen, self._store, self._clock) if screen else None
        if action.kind.is_notice and action.change is None:
            outlet = workspace.connections.get(action.connection)
            return Dispatch(action, workspace, outlet, self._store, self._clock) if outlet else None
        desk = workspace.helpdesks.get(action.connection)
        if desk is None:
            return None
        errand = ReplyErrand if action.kind.is_notice else Errand
        return errand(action, workspace, desk, self._store, self._clock)

    # --- it worked --------------------------------------------------------------------------------------------------

    async def _finish(self, action: Action, delivered: Delivered) -> None:
        now = self._clock()
        if await self._store.write(lambda tx: finish(tx, action, delivered, now)):
            kind = "action_dropped" if delivered.dropped else delivered.happened
            self._tell(action, kind, delivered.dropped or _said(action), ticket=delivered.ticket)

    async def _finish_notice(self, action: Action, delivered: Delivered) -> None:
        now, why = self._clock(), delivered.dropped or delivered.uncertain
        # A change of a message that is no more is done with; a message that must not be sent stays unsent for good.
        held = ActionState.DONE if action.is_edit else ActionState.HELD
        state = held if delivered.dropped else ActionState.UNCERTAIN if delivered.uncertain else ActionState.DONE
        ticket = delivered.ticket
        if await self._put(
            action,
            lambda latest: replace(
                latest,
                state=state,
                error=why,
                receipt=delivered.receipt,
                ticket_id=ticket.id if ticket else "",
                finished_at=now,
                request=None,
            ),
        ):
            kind = "action_dropped" if delivered.dropped else "action_uncertain" if why else delivered.happened
            self._tell(action, kind, why or _said(action), ticket=ticket)

    # --- it did not -------------------------------------------------------------------------------------------------

    async def _fall_back(self, errand: Errand | Dispatch | Showing, error: Exception) -> None:
        action = _after(errand, error)
        if not isinstance(error, ConnectorError):
            log.error("action_broke", order=str(action.order), key=action.key, exc_info=error)
        if isinstance(error, Temporary | Collided):
            await self._later(action, str(error), self._wait(action, error))
        elif action.attempts >= MOST_REFUSALS or getattr(error, "status", None) == GONE:
            await self._fail(action, str(error) or type(error).__name__)
        else:
            await self._later(action, str(error) or type(error).__name__, self._pause(action.attempts))

    def _wait(self, action: Action, error: ConnectorError) -> float:
        """Seconds: never less than the vendor asks for, and never the same for many."""
        if isinstance(error, Throttled):
            return (error.retry_after or 0.0) + backoff(1, first=5.0)
        is_young = self._clock() - action.created_at < timedelta(seconds=1)
        return max(error.retry_after or 0.0, self._pause(action.attempts or (1 if is_young else 2)))

    async def _wait_for_access(self, action: Action, why: str) -> None:
        if self._clock() - action.created_at > ACCESS_PATIENCE:
            await self._fail(action, why)
        else:
            await self._later(action, why, self._pause_of_access())

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

    def _tell(self, action: Action, kind: str, text: str, ticket: Ticket | None = None) -> None:
        if self._watcher is None:
            return
        self._watcher(
            Happened(
                kind=kind,
                at=self._clock(),
                order=action.order,
                connection=action.connection,
                text=text,
                ticket_id=ticket.id if ticket else "",
                url=ticket.url if ticket else "",
            )
        )


def _after(errand: Errand | Dispatch | Showing, error: ConnectorError | Exception) -> Action:
    """The action as a failed try leaves it.

    As long as nothing has left us no attempt is counted, so that planning may still change or drop it; but a refusal
    counts always.
    """
    action = errand.action
    if errand.was_sent:
        state = ActionState.SENDING if _may_have_happened(error) else ActionState.PENDING
        return replace(action, state=state)
    is_patient = isinstance(error, Temporary | Denied | Collided)
    return action if is_patient else replace(action, attempts=action.attempts + 1)


def _may_have_happened(error: Exception) -> bool:
    """A fault of ours, an answer that cannot be read, or a collision (with ourselves?) do not say that it was not."""
    return not isinstance(error, ConnectorError) or error.outcome_unknown or isinstance(error, Garbled | Collided)


def _said(action: Action) -> str:
    if action.notice is not None:
        return f"{action.notice.to}: {action.notice.headline}".removeprefix(": ")
    if action.task is not None:
        return f"{action.task.event}: {action.task.text}"
    if action.letter is not None:
        return f"{action.letter.to}: {action.letter.subject}"
    if action.change is not None and action.draft is None:
        return action.change.note or action.change.reply
    return action.draft.subject if action.draft else ""
