"""This file keeps true what a helpdesk shows beside a customer's tickets: it is sent anew when an order changes.

At most once a minute for each order, since every send costs some of the helpdesk's budget; what is sent is the order as
it is by then. A send that is repeated changes nothing there, so nothing has to be looked for after a lost answer.
"""

from datetime import datetime, timedelta
from urllib.parse import quote

from msgspec.structs import replace

from connectors.connection import Connector
from connectors.contract import CustomerScreen, Denied, Missing
from connectors.transport import Clock
from server.flows import draw
from server.flows.dispatch import NoOutlet
from server.flows.errand import Delivered, Overtaken, current
from server.flows.present import context
from server.flows.sources import Sources
from server.model import Action, ActionKind, ActionState, OrderView
from server.rules.assess import assess
from server.rules.incident import is_incident_key
from server.rules.timeline import empty, view
from server.store.contract import UNFINISHED, Store, Writing
from server.workspaces import Workspace
from sidebar.fields import fields

SETTLES = timedelta(seconds=5)
"""Events come in groups."""
EVERY = timedelta(minutes=1)
SELDOM = timedelta(hours=1)
"""For customers whom the helpdesk does not have, as long as they do not write: most orders are never asked about."""
ROWS = "beforehand"
NOBODY = "the helpdesk has no customer of that address"


def plan_to_show(tx: Writing, workspace: Workspace, order: OrderView, now: datetime) -> None:
    """Have every helpdesk that shows such facts sent the order's, soon; one send stands for all changes until then."""
    if is_incident_key(order.key) or not _email(order):
        return
    for name, connector in workspace.connections.items():
        # The attribute first: to check a protocol takes microseconds, and this is done for every order that is stored.
        if not getattr(connector, "shows_customers", False) or not isinstance(connector, CustomerScreen):
            continue
        base = f"show:{name}:{order.key}"
        # What changes while one send is under way is for the next one, which has the other key.
        known = {key: tx.action(key) for key in (base, f"{base}:next")}
        waiting = next((found for found in known.values() if found and found.state is ActionState.PENDING), None)
        if waiting:
            if _is_known_by_now(waiting, order, now):
                tx.put_action(replace(waiting, not_before=now + SETTLES))
            continue
        free = next((key for key, found in known.items() if found is None or found.state not in UNFINISHED), "")
        if not free:
            continue
        tx.put_action(
            Action(
                key=free,
                order=order.key,
                kind=ActionKind.SHOW_CUSTOMER,
                connection=name,
                issue_ids=(),
                lead="",
                created_at=now,
                not_before=max([now + SETTLES, *(_again_at(last, order, now) for last in known.values() if last)]),
            )
        )


def _is_known_by_now(waiting: Action, order: OrderView, now: datetime) -> bool:
    """Whether one that waits for long, since the helpdesk did not have the customer, is about one who has written."""
    waits_long = waiting.attempts == 0 and waiting.not_before > now + EVERY
    return waits_long and any(contact.at > waiting.not_before - SELDOM for contact in order.contacts)


def _again_at(last: Action, order: OrderView, now: datetime) -> datetime:
    """When the order may be sent again. A customer who has written since is one whom the helpdesk has by now."""
    finished = last.finished_at or now
    is_unknown = last.error == NOBODY and all(contact.at <= finished for contact in order.contacts)
    return finished + (SELDOM if is_unknown else EVERY)


class Showing:
    """One try to send an order's facts."""

    def __init__(self, action: Action, workspace: Workspace, outlet: Connector, store: Store, clock: Clock) -> None:
        self.action = action
        self.was_sent = False
        self._workspace = workspace
        self._outlet = outlet
        self._store = store
        self._clock = clock

    async def run(self) -> Delivered:
        """Do it. Raises ConnectorError, Overtaken, NoOutlet, StoreUnavailable."""
        if not isinstance(self._outlet, CustomerScreen):
            raise NoOutlet(f"the connection {self.action.connection} shows no facts any more")
        now, key = self._clock(), self.action.order

        def work(tx: Writing) -> OrderView:
            latest = current(tx, self.action)
            if latest.not_before > now:
                raise Overtaken(latest.key)
            started = replace(latest, state=ActionState.SENDING, attempts=latest.attempts + 1, attempt_started_at=now)
            tx.put_action(started)
            self.action = started
            return view(tx.record(key) or empty(key))

        order = await self._store.write(work)
        email = _email(order)
        if not email:
            return Delivered("customer_shown", dropped="the customer's address is not known any more")
        facts = await self._facts(order, now)
        self.was_sent = True
        try:
            shown = await self._outlet.show_customer(email, facts, now)
        except (Denied, Missing) as error:
            # A scope that is missing for this alone must not shut the door for tickets; the next change tries again.
            return Delivered("customer_shown", dropped=f"not shown: {error}"[:500])
        return Delivered("customer_shown", dropped="" if shown else NOBODY)

    async def _facts(self, order: OrderView, now: datetime) -> dict[str, object]:
        issues, actions, requests = await self._store.read(
            lambda tx: (tx.issues_of(order.key), tx.actions_of(order.key), tx.approvals_of(order.key))
        )
        policy, transit = self._workspace.policy, self._workspace.learner.transit
        assessment = assess(order, now, policy, transit)
        sources = Sources().list(None)
        found = context(order, assessment, issues, self._workspace, sources, now, actions=actions, requests=requests)
        base = self._workspace.public_url
        url = f"{base}/app/{order.key.workspace}/orders/{quote(order.key.order_id, safe='')}" if base else ""
        return {ROWS: fields(draw.panel(found), url)}


def _email(order: OrderView) -> str:
    customer = order.order.customer
    return (customer.email if customer else None) or order.order.email or ""
