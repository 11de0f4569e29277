"""This file walks orders of the past through time with the code that runs live, and knows no more than was known.

What happened to all of them is one sequence in time; between its moments come the reviews that `assess` asks for. What
is learnt from a delivery is learnt when it happens. Nothing depends on the sequence of the rows.
"""

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from hashlib import blake2b

from msgspec import Struct

from server.model import Assessment, Issue, Kind, OrderView
from server.rules.assess import assess
from server.rules.history import HistoryRow, leg_of_row, moments, order_at
from server.rules.plan import plan
from server.rules.policy import Policy
from server.rules.transit_clock import transit_clock
from server.rules.transit_learning import TransitLearner

WORKSPACE = "replay"
SHORTEST_REVIEW = timedelta(seconds=1)
"""As live: what asks for the present moment is asked again a little later."""
LOOKS = tuple(timedelta(days=days) for days in (10, 7, 5, 3, 2, 1))
"""Before the promise: when the stated risk is noted, to be compared with what came."""
MOST_LOOKS = 20_000
"""More are a sample, which says as much."""
STEPS_TOGETHER = 500

_LESSON, _EVENT, _LOOK = range(3)
_Moment = tuple[datetime, int, int]
"""A time, what there is to do then, and with which order: its place in the sequence of their ids."""


class Alert(Struct, frozen=True):
    """One issue that would have been opened; a line of `alerts.jsonl` (DESIGN 7)."""

    order_id: str
    kind: Kind
    at: datetime
    risk: float | None
    reasons: tuple[str, ...]


class Look(Struct, frozen=True):
    """A risk as it was stated, so long before the promise, of an order that had not arrived."""

    row: HistoryRow
    before: timedelta
    risk: float


class Walk:
    """One walk. `steps` does the work; `alerts`, `issues` and `looks` are what has been found by then."""

    def __init__(self, rows: Iterable[HistoryRow], policy: Policy, *, learn: Iterable[HistoryRow] = ()) -> None:
        """What *learn* tells is known from the moment at which it was known; no order is learnt twice."""
        self.alerts: list[Alert] = []
        """In sequence of time."""
        self.looks: list[Look] = []
        self.reviews = 0
        """How often an order was looked at because nothing had happened."""
        self._rows = sorted(rows, key=lambda row: row.order_id)
        self._policy = policy
        calendar = policy.calendar
        self._learner = TransitLearner(transit_clock(policy.timezone, calendar.country, calendar.subdivision))
        known = {row.order_id for row in self._rows}
        lessons = [row for row in learn if row.order_id not in known and row.delivered_at is not None]
        self._lessons = sorted(lessons, key=lambda row: row.order_id)
        self._orders: dict[int, OrderView] = {}
        """As they stand, for as long as they may be looked at again."""
        self._due: list[tuple[datetime, int]] = []
        self._due_of: dict[int, datetime] = {}
        self._issues: dict[int, dict[str, Issue]] = {}
        self.events = sum(len(moments(row)) for row in self._rows)
        """How many there are; what happened to one order at the same moment is one."""

    @property
    def issues(self) -> Iterator[Issue]:
        """Every issue as it is by now, by order."""
        return (issue for place in sorted(self._issues) for issue in self._issues[place].values())

    def steps(self) -> Iterator[int]:
        """Walk to the last event; yields now and then how many events have been taken since it last did."""
        taken = 0
        for at, what, place in self._agenda():
            while self._due and self._due[0][0] <= at:
                self._review(*heapq.heappop(self._due))
            if what == _EVENT:
                self._orders[place] = order_at(self._rows[place], at, WORKSPACE)
                self._step(at, place)
                self._learn(self._rows[place], at)
                taken += 1
            elif what == _LESSON:
                self._learn(self._lessons[place], at)
            else:
                self._look(at, place)
            if taken == STEPS_TOGETHER:
                yield taken
                taken = 0
        yield taken

    def _agenda(self) -> list[_Moment]:
        """Everything that does not depend on what is found on the way, up to the last event.

        What was known before the first is learnt; what silence would have brought after the last nobody can know.
        """
        events = sorted((at, _EVENT, place) for place, row in enumerate(self._rows) for at in moments(row))
        if not events:
            return []
        begins, ends = events[0][0], events[-1][0]
        delivered = [(row.delivered_at or ends, _LESSON, place) for place, row in enumerate(self._lessons)]
        early = (leg_of_row(self._lessons[place], self._policy) for at, _, place in delivered if at < begins)
        self._learner.learn_all(leg for leg in early if leg is not None)
        others = (*delivered, *self._looks_to_take())
        return sorted([*events, *(moment for moment in others if begins <= moment[0] <= ends)])

    def _looks_to_take(self) -> Iterator[_Moment]:
        promised = [(place, row) for place, row in enumerate(self._rows) if row.promised_date is not None]
        one_in = -(-len(promised) * len(LOOKS) // MOST_LOOKS)
        for place, row in promised:
            chosen = one_in < 2 or int.from_bytes(blake2b(row.order_id.encode(), digest_size=4).digest()) % one_in == 0
            if chosen and row.promised_date is not None:
                yield from ((row.promised_date - before, _LOOK, place) for before in LOOKS)

    def _review(self, at: datetime, place: int) -> None:
        # Else something has happened to it meanwhile, or does right now.
        if self._due_of.get(place) == at and at not in moments(self._rows[place]):
            self.reviews += 1
            self._step(at, place)

    def _step(self, at: datetime, place: int) -> None:
        order = self._orders[place]
        assessment = assess(order, at, self._policy, self._learner.transit)
        if assessment.signals or place in self._issues:
            self._follow(order, assessment, at, place)
        if assessment.review_at is None:
            self._due_of.pop(place, None)
            del self._orders[place]
        else:
            self._due_of[place] = due = max(assessment.review_at, at + SHORTEST_REVIEW)
            heapq.heappush(self._due, (due, place))

    def _follow(self, order: OrderView, assessment: Assessment, at: datetime, place: int) -> None:
        """Open, change and end issues as `plan` says; there is no helpdesk to be told."""
        known = self._issues.get(place, {})
        planned = plan(order, assessment, tuple(known.values()), (), self._policy, helpdesk=None, now=at)
        if not planned.issues:
            return
        risks = {signal.kind: signal.risk for signal in assessment.signals}
        for issue in planned.issues:
            if issue.id not in known:
                self.alerts.append(Alert(order.key.order_id, issue.kind, at, risks.get(issue.kind), issue.reasons))
        self._issues[place] = known | {issue.id: issue for issue in planned.issues}

    def _learn(self, row: HistoryRow, at: datetime) -> None:
        if row.delivered_at == at and (leg := leg_of_row(row, self._policy)) is not None:
            self._learner.learn(leg)

    def _look(self, at: datetime, place: int) -> None:
        row = self._rows[place]
        if at < row.purchased_at or (row.delivered_at is not None and row.delivered_at <= at):
            return
        order = self._orders.get(place) or order_at(row, at, WORKSPACE)
        promise = assess(order, at, self._policy, self._learner.transit).promise
        if promise is not None and row.promised_date is not None:
            self.looks.append(Look(row, row.promised_date - at, promise.risk))
