"""This file is what happens to one order within a transaction: fold what was said, assess, plan, store all of it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cached_property, lru_cache

import structlog
from msgspec import Struct

from connectors.model import Observation
from server.flows.incidents import covered_by, keep_causes, review_incident
from server.flows.learn import learn
from server.flows.notify import outlets_of, tell_others
from server.flows.show_customer import plan_to_show
from server.model import Assessment, OrderKey, OrderRecord, OrderView
from server.rules.assess import assess
from server.rules.identity import Ambiguous, Joined, Unjoinable, Waiting, join, references_of
from server.rules.incident import is_incident_key
from server.rules.outlets import Outlets
from server.rules.plan import plan
from server.rules.timeline import empty, fold, view
from server.store.contract import InboxState, Reference, Writing
from server.workspaces import Workspace

log = structlog.get_logger()

SHORTEST_REVIEW = timedelta(seconds=1)

# Writing an amount as people read it takes longer than everything else that is stored with an order.
_shown = lru_cache(8192)(str)


class Outcome(Struct, frozen=True):
    """What became of an event: where it belongs to no order yet, the names that it waits for."""

    state: InboxState
    reason: str = ""
    waits_for: tuple[Reference, ...] = ()


class Judge:
    """Takes observations of one workspace into its orders, in one transaction at one moment.

    What is folded is judged and stored when `finish` is called, or when somebody has to be found by the new names:
    several events of one order cost little more than one.
    """

    def __init__(self, tx: Writing, workspace: Workspace, now: datetime) -> None:
        self._tx = tx
        self._workspace = workspace
        self._shops = frozenset(workspace.shops)
        self._helpdesk = helpdesk_of(workspace)
        self._now = now
        self._records: dict[OrderKey, OrderRecord] = {}
        self._unfinished: dict[OrderKey, None] = {}
        self._tickets: dict[OrderKey, dict[tuple[str, str], None]] = {}
        """Customers' tickets that turned out to be about an order: connection and id."""
        self._causes: dict[str, None] = {}
        """What changed trouble may share with that of other orders, the most specific first."""

    def take_in(self, observations: Sequence[Observation]) -> Outcome:
        """Fold what an event says into the orders it is about."""
        refused: list[str] = []
        waiting: dict[Reference, None] = {}
        pending = list(observations)
        while pending:
            is_news, unjoined = False, []
            waiting = {}
            for observation in pending:
                match join(observation, self._workspace.name, self._shops, self._find):
                    case Joined(key):
                        is_news |= self._fold(key, observation)
                    case Waiting(references):
                        unjoined.append(observation)
                        waiting |= dict.fromkeys(references)
                    case Ambiguous(keys):
                        refused.append(self._refuse(observation, keys))
                    case Unjoinable():
                        pass  # it is about no order at all
            # What was just learnt may be the name that another part of the same event waits for.
            pending = unjoined if is_news else []
        if refused:
            return Outcome(InboxState.REFUSED, "; ".join(refused))
        return Outcome(InboxState.WAITING, waits_for=tuple(waiting)) if waiting else Outcome(InboxState.DONE)

    def finish(self) -> None:
        """Do what follows from everything that was taken in, and store it."""
        unfinished, self._unfinished = self._unfinished, {}
        for key in unfinished:
            self._store(self._records[key])
        self._look_at_causes()

    def review(self, key: OrderKey) -> None:
        """Look at an order, or an incident, again because time has passed."""
        if is_incident_key(key):
            self._tx.set_review(key, None)
            self._causes[key.order_id] = None
        else:
            self._look_again(key)
        self._look_at_causes()

    def _look_again(self, key: OrderKey) -> None:
        order = view(self._record(key))
        assessment = self._follow(order)
        plan_to_show(self._tx, self._workspace, order, self._now)
        self._tx.set_review(key, self._review_at(assessment))

    def _review_incident(self, cause: str) -> tuple[OrderKey, ...]:
        return review_incident(self._tx, self._workspace, cause, self._now, self._helpdesk, self._outlets)

    def _look_at_causes(self) -> None:
        """See to the incidents that changed trouble may be part of. One that begins takes over orders seen before."""
        seen: set[str] = set()
        while causes := [cause for cause in self._causes if cause not in seen]:
            seen.update(causes)
            for cause in causes:
                for key in self._review_incident(cause):
                    self._look_again(key)
        self._causes.clear()

    @cached_property
    def _outlets(self) -> Outlets:
        return outlets_of(self._workspace, self._helpdesk)

    def _find(self, references: Iterable[Reference]) -> tuple[OrderKey, ...]:
        self.finish()
        return self._tx.find(self._workspace.name, references)

    def _fold(self, key: OrderKey, observation: Observation) -> bool:
        """Whether that was news."""
        before = self._record(key)
        self._records[key] = after = fold(before, observation)
        if after is before:
            return False
        self._unfinished[key] = None
        if observation.about.ticket:
            self._tickets.setdefault(key, {})[observation.source, observation.about.ticket] = None
        return True

    def _record(self, key: OrderKey) -> OrderRecord:
        """The order as this transaction has it; the same object every time."""
        if key not in self._records:
            self._records[key] = self._tx.record(key) or empty(key)
        return self._records[key]

    def _refuse(self, observation: Observation, keys: Sequence[OrderKey]) -> str:
        named = ", ".join(f"{self._name(key)} ({key.shop}/{key.order_id})" for key in keys[:10])
        log.warning("event_refused", workspace=self._workspace.name, kind=observation.kind, orders=[*map(str, keys)])
        return f"{observation.kind} from {observation.source} fits {len(keys)} orders: {named}"

    def _name(self, key: OrderKey) -> str:
        return view(self._record(key)).order.name or key.order_id

    def _store(self, record: OrderRecord) -> None:
        order = view(record)
        learn(self._tx, self._workspace, order)
        assessment = self._follow(order)
        facts, customer = order.order, order.order.customer
        gained = self._tx.put_record(
            record,
            references_of(order),
            review_at=self._review_at(assessment),
            name=facts.name or "",
            placed_at=facts.placed_at,
            email=facts.email or (customer.email if customer else "") or "",
            customer_name=(customer.name if customer else "") or "",
            total=_shown(facts.total) if facts.total else "",
        )
        plan_to_show(self._tx, self._workspace, order, self._now)
        for desk, ticket in self._tickets.pop(record.key, {}):
            self._tx.link_ticket(record.key, desk, ticket)
        for row_id in self._tx.waiting_for(self._workspace.name, gained):
            self._tx.settle(row_id, InboxState.NEW)

    def _follow(self, order: OrderView) -> Assessment:
        """Assess the order, and store the issues and actions that follow."""
        tx, key = self._tx, order.key
        assessment = assess(order, self._now, self._workspace.policy, self._workspace.learner.transit)
        covered = covered_by(tx, self._workspace, assessment)
        issues, actions = tx.issues_of(key), tx.actions_of(key)
        planned = plan(
            order,
            assessment,
            issues,
            actions,
            self._workspace.policy,
            helpdesk=self._helpdesk,
            now=self._now,
            covered={kind: incident.id for kind, incident in covered.items()},
        )
        for issue in planned.issues:
            tx.put_issue(issue)
        if planned.issues:
            changed = keep_causes(tx, self._workspace, assessment, planned.issues, covered, self._now)
            self._causes |= dict.fromkeys(changed)
        for action in planned.actions:
            tx.put_action(action)
        if issues or planned.issues:
            tell_others(tx, self._workspace, self._outlets, order, assessment, issues, actions, planned, self._now)
        return assessment

    def _review_at(self, assessment: Assessment) -> datetime | None:
        if assessment.review_at is None:
            return None
        # Never at once: a rule that asks for the present moment must not keep the engine going in circles.
        return max(assessment.review_at, self._now + SHORTEST_REVIEW)


def helpdesk_of(workspace: Workspace) -> str | None:
    """The connection that gets our tickets: the policy's, or the only one there is."""
    helpdesks = workspace.helpdesks
    if workspace.policy.helpdesk:
        return workspace.policy.helpdesk if workspace.policy.helpdesk in helpdesks else None
    return next(iter(helpdesks)) if len(helpdesks) == 1 else None
