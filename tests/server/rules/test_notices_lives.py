"""Whatever comes, goes and breaks in whatever sequence: nobody hears the same twice, and only what is true."""

from datetime import time
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.model import Contact
from server.model import ActionKind, ActionState, IssueState, Kind, Severity
from tests.server.desk import NEW_YORK
from tests.server.rules.noticing import Noticing

KINDS = (Kind.TRACKING_STALLED, Kind.PAYMENT_FAILED, Kind.PROMISE_AT_RISK)
LISTENERS = (
    ["logistics", "#logistics"],
    ["finance", {"who": "logistics", "when": ["opened", "solved"]}],
    [{"who": "finance", "after": "3h"}, {"who": "logistics", "when": ["opened", "escalated", "deadline"]}, "wms"],
    [],
)
MESSAGES = ("", "delay", "mail", "date")
detectors = st.fixed_dictionaries(
    {
        kind.value: st.fixed_dictionaries(
            {
                "notify": st.sampled_from(LISTENERS),
                "customer_message": st.sampled_from(MESSAGES),
                "customer_wait": st.sampled_from(["0s", "2h"]),
                "log_back": st.sampled_from([[], ["wms"], ["wms", "erp"]]),
                "dry_run": st.sampled_from([False, False, False, True]),
            }
        )
        for kind in KINDS
    }
)
found = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from([Severity.NORMAL, Severity.HIGH, Severity.URGENT])),
    max_size=3,
    unique_by=lambda each: each[0],
)
turns = st.lists(
    st.fixed_dictionaries(
        {
            "found": found,
            "version": st.integers(1, 3),
            "hours": st.sampled_from([0, 0.1, 1, 5, 12, 40, 100]),
            "also": st.sampled_from(["", "", "open ticket", "answered"]),
            "send": st.sampled_from(["well", "well", "well", "lost", "never left", "refused", "crash", ""]),
        }
    ),
    min_size=3,
    max_size=12,
)
"""Something is found, time passes, something else happens, and what is due is sent, well or not."""


class Courier:
    """Does to notices what the real one does, also when it is cut off between any two steps."""

    def __init__(self, bench):
        self.bench = bench
        self.there = set()
        """Keys of what has really arrived."""

    def send_due(self, how):
        for action in self.bench.due():
            if action.state is ActionState.SENDING:
                self._resolve(action)
            elif how == "never left":
                later = replace(action, error="cannot be reached", attempts=action.attempts)
                self.bench.actions[action.key] = later
            else:
                self._send(action, how)

    def _send(self, action, how):
        started = self.bench.begin(action)
        if how in ("well", "lost"):
            # A fresh message is seen by whoever gets it, whatever key it has.
            self.there.add(started.key)
            self.bench.arrive(started)
        if how == "well":
            self.bench.finish(started)
        elif how == "refused":
            self.bench.finish(started, ActionState.FAILED, error="refused")
        # else: the process died, before or after it left; or the answer was lost

    def _resolve(self, action):
        """What the answer would have said is looked up, or cannot be known."""
        if action.connection == "slack":
            self._arrive(action)  # unless it is found there
            self.bench.finish(action)
        elif action.kind is ActionKind.LOG_BACK:
            self._arrive(action)  # the receiver knows the repeat by its id
            self.bench.finish(action)
        else:
            self.bench.finish(action, ActionState.UNCERTAIN, error="nobody can tell")

    def _arrive(self, action):
        """A repeat of what may have left: the other side knows the key, or we have looked for it."""
        if action.key not in self.there:
            self.there.add(action.key)
            self.bench.arrive(action)


@given(tables=detectors, turns=turns, is_quiet_at_night=st.booleans())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nobody_hears_the_same_twice_and_nothing_is_told_that_is_over(build, tables, turns, is_quiet_at_night):
    bench = Noticing(build, **tables)
    bench.tables["tickets"] = {"most_reopenings": 10}
    if is_quiet_at_night:
        bench.tables["quiet_hours"] = {"begins": "20:00", "ends": "08:00"}
    courier = Courier(bench)
    for turn in turns:
        signals = [bench.signal(kind, severity=s, version=turn["version"], deadline=60) for kind, s in turn["found"]]
        bench.plan(*signals)
        bench.pass_(turn["hours"])
        if turn["also"] == "open ticket":
            bench.open_ticket()
        elif turn["also"] == "answered":
            told = Contact(id="9", at=bench.build.at(0), channel="desk", answered_at=bench.now)
            bench.order = replace(bench.order, contacts=(told,))
            bench.plan(*signals)
        check_what_is_due(bench, is_quiet_at_night)
        if turn["send"]:
            courier.send_due(turn["send"])
        check_what_was_heard(bench)


def check_what_was_heard(bench):
    heard = [(audience, turn) for audience, turn, _ in bench.heard]
    assert len(heard) == len(set(heard)), "somebody heard the same twice"
    told = sorted(hours for audience, turn, hours in bench.heard if audience == "customer")
    assert all(later - earlier >= 24 for earlier, later in pairwise(told))
    quiet = {issue.id for issue in bench.issues.values() if issue.dry_run and not issue.reopened}
    assert not quiet & {turn.partition(":")[0] for _, turn in heard}
    order = [(turn.split(":")[0], turn.split(":")[1]) for audience, turn in heard if audience == "wms"]
    for number, (issue, occasion) in enumerate(order):
        # What was refused for good is no beginning; a later word of the same trouble is one.
        assert occasion != "solved" or issue in dict(order[:number]), "an end before its beginning"


def check_what_is_due(bench, is_quiet_at_night):
    """As the courier finds it: planning has the last word on everything that has not left yet."""
    for action in bench.due():
        if action.state is not ActionState.PENDING or action.is_edit:
            continue
        issues = [bench.issues[name] for name in action.issue_ids]
        over = action.occasion == "solved"
        assert all((issue.state is IssueState.SOLVED) == over for issue in issues)
        local = bench.now.astimezone(NEW_YORK).time()
        is_night = is_quiet_at_night and (local >= time(20) or local < time(8))
        if is_night and action.kind is ActionKind.MESSAGE_CUSTOMER and not action.error:
            # It became due by day, and nobody sent it then.
            assert action.not_before.astimezone(NEW_YORK).time() >= time(8)
            assert action.not_before.astimezone(NEW_YORK).time() < time(20)
