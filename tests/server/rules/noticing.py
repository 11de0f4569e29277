"""One order, the notices that are planned for it, and a simulated world that gets them."""

from msgspec.structs import replace

from connectors.model import Customer
from server.model import (
    ActionKind,
    ActionState,
    Assessment,
    Kind,
    Level,
    Promise,
    PromiseRisk,
    Severity,
    Signal,
    TicketLink,
)
from server.rules.notice_mention import mentions
from server.rules.notices import plan_notices
from server.rules.outlets import Outlets
from server.rules.plan import plan
from server.rules.policy_names import Connections
from server.rules.policy_reading import parse_policy
from tests.server.desk import NEW_YORK

OUTLETS = Outlets(
    helpdesk="desk",
    chat="slack",
    mail="mail",
    notifiers=frozenset({"slack", "mail"}),
    mailers=frozenset({"mail"}),
    sinks=frozenset({"wms", "erp"}),
    editable=frozenset({"slack"}),
)
TABLES = {
    "teams": {
        "logistics": {"slack": "#logistics", "email": "logistics@example.com"},
        "finance": {"email": "finance@example.com"},
    },
    "messages": {
        "delay": {"subject": "Your order {order}", "body": "Hello {first_name}, {carrier} is slow with {order}."},
        "mail": {"subject": "Your order {order}", "body": "Hello {name}.", "via": "mail"},
        "date": {"subject": "Your order {order}", "body": "It comes {estimated_delivery}, track {tracking_number}."},
    },
}
CONNECTIONS = Connections(
    names=frozenset({"desk", "slack", "mail", "wms", "erp"}),
    helpdesks=frozenset({"desk"}),
    mailers=OUTLETS.mailers,
    sinks=OUTLETS.sinks,
    listeners=OUTLETS.sinks | OUTLETS.notifiers,
    reaches_channels=True,
    reaches_emails=True,
)
UNFINISHED = (ActionState.PENDING, ActionState.SENDING)


class Noticing:
    """*hours* counts from Monday 9:00 in New York."""

    def __init__(self, build, outlets=OUTLETS, **detectors):
        self.build = build
        self.outlets = outlets
        self.order = build.order(build.shipment(build.scan(0)))
        facts = replace(
            self.order.order,
            name="#1001",
            customer=Customer(name="Jane Roe", email="jane@example.com"),
            admin_url="https://shop.example/1001",
        )
        self.order = replace(self.order, order=facts)
        self.tables = TABLES | {"detectors": detectors}
        self.hours = 0.0
        self.issues = {}
        self.actions = {}
        self.heard = []
        """(audience, turn, hours) of everything that anybody got to see."""

    @property
    def now(self):
        return self.build.at(self.hours)

    @property
    def notices(self):
        return [action for action in self.actions.values() if action.kind.is_notice]

    def of(self, kind, *states):
        return [a for a in self.notices if a.kind is kind and (not states or a.state in states)]

    def signal(self, kind=Kind.TRACKING_STALLED, *, severity=Severity.NORMAL, version=1, deadline=None):
        return Signal(
            kind=kind,
            since=self.build.at(0),
            headline=f"has {kind} number {version}",
            clause=f"it has {kind}",
            severity=severity,
            fingerprint=f"{version} {severity}",
            reasons=("It is late.",),
            deadline=None if deadline is None else self.build.at(deadline),
            opens_at=self.build.at(0),
        )

    def plan(self, *signals, helpdesk="desk", **facts):
        """Everything that follows, twice: the second time nothing must."""
        policy = parse_policy(self.tables, NEW_YORK, CONNECTIONS)
        promise = Promise(self.build.at(100), "the shop")
        assessment = Assessment(
            signals=signals,
            promise=PromiseRisk(promise=promise, risk=0.2, level=Level.ON_TRACK, reasons=()),
            **facts,
        )
        for turn in ("first", "again"):
            known = tuple(self.actions.values())
            made = plan(
                self.order, assessment, tuple(self.issues.values()), known, policy, helpdesk=helpdesk, now=self.now
            )
            issues = self.issues | {issue.id: issue for issue in made.issues}
            actions = self.actions | {action.key: action for action in made.actions}
            notices = plan_notices(
                self.order,
                assessment,
                tuple(issues.values()),
                tuple(actions.values()),
                policy,
                outlets=self.outlets,
                now=self.now,
            )
            actions |= {notice.key: notice for notice in notices}
            said = mentions(tuple(actions.values()), issues.values(), self.now) if notices else []
            actions |= {action.key: action for action in said}
            if turn == "again":
                assert (issues, actions) == (self.issues, self.actions)
            self.issues, self.actions = issues, actions

    # --- what the courier does ----------------------------------------------------------------------------------------

    def due(self):
        return [a for a in self.notices if a.state in UNFINISHED and a.not_before <= self.now]

    def begin(self, action):
        """The bytes are stored, and may have left."""
        started = replace(
            action, state=ActionState.SENDING, attempts=action.attempts + 1, attempt_started_at=self.now, request=b"x"
        )
        self.actions[action.key] = started
        return started

    def arrive(self, action):
        """Somebody gets to see it."""
        turns = action.tells or (action.key,)
        self.heard += [(action.audience, turn, self.hours) for turn in turns]

    def finish(self, action, state=ActionState.DONE, **facts):
        facts = {
            "error": "",
            "receipt": "C1|1.0" if action.connection == "slack" and state is ActionState.DONE else "",
            **facts,
        }
        self.actions[action.key] = replace(
            self.actions[action.key], state=state, finished_at=self.now, request=None, **facts
        )

    def send(self, action):
        self.arrive(self.begin(action))
        self.finish(action)

    def send_due(self):
        sent = self.due()
        for action in sent:
            self.send(action)
        return sent

    def open_ticket(self):
        """The ticket actions are carried out."""
        link = TicketLink(connection="desk", ticket_id="77", url="https://desk.example/77")
        for key, action in self.actions.items():
            if not action.kind.is_notice and action.state in UNFINISHED:
                self.actions[key] = replace(
                    action, state=ActionState.DONE, attempts=1, ticket_id="77", finished_at=self.now
                )
        self.issues = {name: replace(issue, ticket=link) for name, issue in self.issues.items()}

    def pass_(self, hours):
        self.hours += hours

    @property
    def ticket_texts(self):
        tickets = [a for a in self.actions.values() if a.kind is not ActionKind.LOG_BACK and not a.kind.is_notice]
        return [(a.draft.body if a.draft else a.change.note) for a in tickets]
