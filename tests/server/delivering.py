"""One order with an issue, the actions that may follow, and a courier to deliver them."""

from msgspec.structs import replace

from connectors.contract import (
    Garbled,
    Interrupted,
    TimedOut,
    Unavailable,
)
from connectors.model import TicketChange, TicketDraft
from server.flows import deliver
from server.flows.judge import Judge
from server.model import (
    Action,
    ActionKind,
    Issue,
    IssueState,
    Kind,
    OrderKey,
    Severity,
)
from server.rules.timeline import empty, fold
from tests.server.desk import NOW, FakeHelpdesk, make_workspace, order_seen, parcel

KEY = OrderKey("acme", "shop", "5001")
UNKNOWN = [TimedOut("Desk", "late"), Interrupted("Desk", "cut"), Unavailable("Desk", "502"), Garbled("Desk", "<html>")]


class Deliveries:
    """One order with an issue, a helpdesk, and a courier whose pauses are fixed."""

    def __init__(self, store, clock):
        self.store = store
        self.clock = clock
        self.desk = FakeHelpdesk()
        self.policy = {}
        self.happened = []
        self.pauses = []
        self.make_courier()

    def make_courier(self):
        """A new one, as after a restart."""
        self.workspaces = {"acme": make_workspace("acme", self.policy, desk=self.desk)}
        self.courier = deliver.Courier(
            self.workspaces, self.store, self.clock, watcher=self.happened.append, pause=self._pause
        )

    def _pause(self, attempts):
        self.pauses.append(attempts)
        return 10.0 * attempts

    async def plan(self, *actions):
        seen = order_seen(shipments=(parcel("1Z999AA10123456784"),))

        def work(tx):
            if tx.record(KEY) is None:
                judge = Judge(tx, self.workspaces["acme"], self.clock())
                judge._store(fold(empty(KEY), seen))
            if not tx.issues_of(KEY):
                tx.put_issue(issue())
            for each in actions:
                tx.put_action(each)

        await self.store.write(work)

    async def deliver_due(self):
        """Everything that is due now, once each; how many tries that were."""
        tries = 0
        while due := await self.store.read(lambda tx: tx.due_actions(self.clock(), 10)):
            for each in due:
                await self.courier.deliver(each)
                tries += 1
            assert tries < 50, "it goes round in circles"
        return tries

    async def action(self, number=1):
        return next(
            a for a in await self.store.read(lambda tx: tx.actions_of(KEY)) if a.key.startswith(f"i1:{number}:")
        )

    async def issue(self):
        return (await self.store.read(lambda tx: tx.issues_of(KEY)))[0]

    def kinds(self):
        return [each.kind for each in self.happened]


def issue(ticket=None, **facts):
    facts = {"id": "i1", "lead": "i1", "state": IssueState.OPEN, **facts}
    return Issue(
        order=KEY,
        kind=Kind.TRACKING_STALLED,
        severity=Severity.NORMAL,
        headline="has had no carrier scan for 48 hours",
        since=NOW,
        opened_at=NOW,
        ticket=ticket,
        **facts,
    )


def make(kind, number=1, *, note="Something new.", state="", priority="normal", **facts):
    draft = TicketDraft(
        external_id="beforehand:acme:i1",
        subject="Order #1001 has had no carrier scan for 48 hours",
        body="Order #1001 has had no carrier scan for 48 hours.",
        tags=("beforehand",),
        requester_email="jane@example.com",
        follow_up_of=facts.pop("follow_up_of", ""),
    )
    if number > 1:
        draft = replace(draft, external_id=f"{draft.external_id}:{number}")
    return Action(
        key=f"i1:{number}:{kind}",
        order=KEY,
        kind=kind,
        connection="desk",
        issue_ids=("i1",),
        lead="i1",
        draft=draft if kind in (ActionKind.OPEN_TICKET, ActionKind.REOPEN_TICKET) else None,
        change=TicketChange(
            marker=f"bh-{number:012}", note=note, state=state, add_tags=("beforehand",), priority=priority
        ),
        created_at=NOW,
        **{"not_before": NOW, **facts},
    )


OPEN = make(ActionKind.OPEN_TICKET)
NOTE = make(ActionKind.ADD_NOTE, 2)
SOLVE = make(ActionKind.SOLVE_TICKET, 3, note="All is well.", state="solved")
REOPEN = make(ActionKind.REOPEN_TICKET, 4, note="The trouble is back.", state="open")


async def opened(bench):
    """The ticket is open, and the helpdesk's log empty."""
    await bench.plan(OPEN)
    await bench.deliver_due()
    bench.desk.calls.clear()
    bench.desk.log.clear()
    bench.happened.clear()
    return (await bench.issue()).ticket.ticket_id
