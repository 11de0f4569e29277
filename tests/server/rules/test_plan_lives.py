"""Whatever comes and goes in whatever sequence, the helpdesk ends up knowing exactly what is open."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from server.model import ActionKind, ActionState, Assessment, IssueState, Kind, Severity, Signal, TicketLink
from server.rules.plan import plan

UNFINISHED = (ActionState.PENDING, ActionState.SENDING)


class Desk:
    """A helpdesk that carries out an order's actions strictly in turn, and remembers what every ticket was told."""

    def __init__(self):
        self.tickets = {}

    def carry_out(self, action):
        told = action.change.note
        if action.kind is ActionKind.OPEN_TICKET:
            assert action.draft.external_id not in {t["external_id"] for t in self.tickets.values()}
            number = str(len(self.tickets) + 1)
            fresh = {"external_id": action.draft.external_id, "state": "open", "told": action.draft.body}
            self.tickets[number] = fresh | {"priority": action.draft.priority}
            return number
        number = action.ticket_id
        ticket = self.tickets[number]
        assert told
        if action.kind is ActionKind.ADD_NOTE:
            assert ticket["state"] == "open"
        if action.kind is ActionKind.REOPEN_TICKET:
            assert action.draft.external_id not in {t["external_id"] for t in self.tickets.values()}
        ticket["told"] += f"\n{told}"
        ticket["state"] = action.change.state or ticket["state"]
        ticket["priority"] = action.change.priority or ticket["priority"]
        return number


class Life:
    """One order: what is stored of it, and the desk that its actions reach."""

    def __init__(self, build):
        self.build = build
        self.order = build.order()
        self.hours = 0.0
        self.issues = {}
        self.actions = {}
        self.desk = Desk()

    @property
    def now(self):
        return self.build.at(self.hours)

    def signal(self, kind, version, severity, wait=0):
        since = self.now - timedelta(hours=1)
        return Signal(
            kind=kind,
            since=since,
            headline=f"has {kind} number {version}",
            clause=f"it has {kind} number {version}",
            severity=severity,
            fingerprint=f"{version} {severity}",
            opens_at=since + timedelta(hours=wait),
        )

    def plan(self, signals, *, helpdesk="desk", **tables):
        policy = self.build.policy(**tables)
        for turn in ("first", "again"):
            made = plan(
                self.order,
                Assessment(signals=tuple(signals)),
                tuple(self.issues.values()),
                tuple(self.actions.values()),
                policy,
                helpdesk=helpdesk,
                now=self.now,
            )
            if turn == "again":
                assert made.issues == made.actions == ()
            self.issues |= {issue.id: issue for issue in made.issues}
            self.actions |= {action.key: action for action in made.actions}

    def deliver(self, most=100, *, hold=False, fail=False):
        """Send what is due, in turn. With *hold* the first is left on its way, with *fail* it is given up."""
        for key in list(self.actions):
            action = self.actions[key]
            if action.state not in UNFINISHED:
                continue
            if action.not_before > self.now or most == 0:
                return
            most -= 1
            action = replace(action, attempts=action.attempts + 1)
            if hold or fail:
                state = ActionState.FAILED if fail else ActionState.SENDING
                self.actions[key] = replace(action, state=state)
                return
            ticket = self._ticket_of(action.lead)
            if not ticket and action.kind is not ActionKind.OPEN_TICKET:
                self.actions[key] = replace(action, state=ActionState.FAILED)
                continue
            number = self.desk.carry_out(replace(action, ticket_id=ticket))
            link = TicketLink(connection="desk", ticket_id=number)
            self.actions[key] = replace(action, state=ActionState.DONE, ticket_id=number, finished_at=self.now)
            for name, issue in self.issues.items():
                if name in action.issue_ids or action.lead in (name, issue.lead):
                    self.issues[name] = replace(issue, ticket=link)

    def _ticket_of(self, lead):
        issues = sorted(self.issues.values(), key=lambda issue: issue.id != lead)
        links = [issue.ticket for issue in issues if lead in (issue.id, issue.lead) and issue.ticket]
        return links[0].ticket_id if links else ""

    def drain(self, hours=1):
        """Everything that is planned, in twenty steps: what comes and goes is solved after a day."""
        for _ in range(20):
            self.hours += hours
            self.deliver()

    @property
    def open(self):
        return [issue for issue in self.issues.values() if issue.state is IssueState.OPEN]


changes = st.fixed_dictionaries(
    {
        "hours": st.sampled_from([0, 0.1, 1, 5, 80]),
        "signals": st.dictionaries(
            st.sampled_from([Kind.PAYMENT_FAILED, Kind.TRACKING_STALLED, Kind.PROMISE_AT_RISK]),
            st.tuples(st.integers(1, 2), st.sampled_from(list(Severity)), st.sampled_from([0, 0, 3])),
        ),
        "deliver": st.sampled_from(["nothing", "all", "one", "hold"]),
    }
)


def play(life, steps, **tables):
    for number, step in enumerate(steps):
        life.hours += step["hours"]
        signals = [life.signal(kind, *values) for kind, values in sorted(step["signals"].items())]
        life.plan(signals, **tables)
        check_always(life)
        if step["deliver"] != "nothing":
            life.deliver(1 if step["deliver"] == "one" else 100, hold=step["deliver"] == "hold" and number % 2 == 0)


def check_always(life):
    kinds = [issue.kind for issue in life.open]
    assert len(kinds) == len(set(kinds))
    alive = [a for a in life.actions.values() if a.kind is ActionKind.OPEN_TICKET and (a.attempts or not a.error)]
    leads = [a.lead for a in alive if a.state is not ActionState.FAILED]
    assert len(leads) == len(set(leads))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(changes, min_size=1, max_size=9), reopen_within=st.sampled_from(["0s", "4h", "72h"]))
def test_in_the_end_the_helpdesk_has_one_open_ticket_that_tells_what_is_open(build, steps, reopen_within) -> None:
    life = Life(build)
    play(life, steps, tickets={"reopen_within": reopen_within, "note_every": "30m"})
    life.drain(2)
    assert all(action.state not in UNFINISHED for action in life.actions.values())
    opened = [ticket for ticket in life.desk.tickets.values() if ticket["state"] == "open"]
    assert len(opened) == (1 if life.open else 0)
    for issue in life.open:
        assert issue.headline.removeprefix("has ") in opened[0]["told"]
        assert issue.ticket is not None
        assert issue.ticket == next(iter(life.open)).ticket


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(changes, min_size=1, max_size=6), last=changes)
def test_what_was_recorded_only_is_told_once_a_helpdesk_is_there_and_the_dry_run_over(build, steps, last) -> None:
    life = Life(build)
    for step in steps:
        quiet = {"helpdesk": None} if step["hours"] else {"detectors": {kind: {"dry_run": True} for kind in Kind}}
        life.hours += step["hours"]
        life.plan([life.signal(kind, *values) for kind, values in step["signals"].items()], **quiet)
        assert life.actions == {}
        check_always(life)
    play(life, [last])
    life.drain(2)
    opened = [ticket for ticket in life.desk.tickets.values() if ticket["state"] == "open"]
    assert len(opened) == (1 if life.open else 0)
    assert all(issue.headline.removeprefix("has ") in opened[0]["told"] for issue in life.open)


HIGH, NORMAL, URGENT = Severity.HIGH, Severity.NORMAL, Severity.URGENT
STALLED, RISK, PAYMENT = Kind.TRACKING_STALLED, Kind.PROMISE_AT_RISK, Kind.PAYMENT_FAILED


def test_a_note_never_lowers_the_priority(build) -> None:
    life = Life(build)
    life.plan([life.signal(STALLED, 1, URGENT)])
    life.deliver()
    life.plan([life.signal(STALLED, 1, URGENT), life.signal(RISK, 1, NORMAL)])
    life.drain()
    life.plan([life.signal(RISK, 1, NORMAL)])
    life.drain()
    assert [ticket["priority"] for ticket in life.desk.tickets.values()] == ["urgent"]
    assert [a.change.priority for a in life.actions.values()] == ["urgent", "", ""]


def test_a_note_raises_the_priority_with_the_trouble(build) -> None:
    life = Life(build)
    life.plan([life.signal(STALLED, 1, NORMAL)])
    life.deliver()
    life.plan([life.signal(STALLED, 2, HIGH)])
    assert [a.change.priority for a in life.actions.values()] == ["normal", "high"]


def test_new_trouble_opens_a_ticket_that_an_agent_has_solved_and_a_change_does_not(build) -> None:
    life = Life(build)
    life.plan([life.signal(STALLED, 1, NORMAL)])
    life.deliver()
    life.plan([life.signal(STALLED, 2, NORMAL)])
    life.drain()
    life.plan([life.signal(STALLED, 2, NORMAL), life.signal(RISK, 1, NORMAL)])
    assert [action.change.state for action in life.actions.values()] == ["", "", "open"]


def test_trouble_that_gives_way_to_other_trouble_keeps_its_ticket(build) -> None:
    life = Life(build)
    life.plan([life.signal(STALLED, 1, NORMAL)])
    life.deliver()
    life.plan([life.signal(RISK, 1, NORMAL)])
    life.drain()
    assert [ticket["state"] for ticket in life.desk.tickets.values()] == ["open"]
    assert [issue.kind for issue in life.open] == [RISK]


def test_trouble_that_comes_back_joins_the_ticket_that_is_open_by_then(build) -> None:
    life = Life(build)
    life.plan([life.signal(STALLED, 1, NORMAL)])
    life.drain()
    life.plan([])
    life.drain()
    life.plan([life.signal(RISK, 1, NORMAL)])
    life.drain()
    life.plan([life.signal(STALLED, 2, NORMAL), life.signal(RISK, 1, NORMAL)])
    life.drain()
    assert [ticket["state"] for ticket in life.desk.tickets.values()] == ["solved", "open"]
    assert {issue.ticket.ticket_id for issue in life.open} == {"2"}
    assert sorted(issue.reopened for issue in life.open) == [0, 1]


def test_a_ticket_not_sent_yet_is_written_anew_instead_of_noted(build) -> None:
    life = Life(build)
    life.plan([life.signal(STALLED, 1, NORMAL)])
    life.plan([life.signal(STALLED, 2, HIGH), life.signal(RISK, 1, NORMAL)])
    [action] = life.actions.values()
    assert (action.kind, action.draft.priority, action.draft.tags) == (
        ActionKind.OPEN_TICKET,
        "high",
        ("beforehand", "beforehand_tracking_stalled", "beforehand_promise_at_risk"),
    )
    assert "tracking_stalled number 2, it has promise_at_risk number 1" in action.draft.body


def test_a_finding_that_came_and_went_before_its_note_was_sent_is_not_mentioned(build) -> None:
    life = Life(build)
    life.plan([life.signal(STALLED, 1, NORMAL)])
    life.deliver()
    life.plan([life.signal(STALLED, 2, NORMAL)])
    life.deliver()
    life.plan([life.signal(STALLED, 2, NORMAL), life.signal(RISK, 1, NORMAL)])
    [waiting] = [a for a in life.actions.values() if a.state is ActionState.PENDING]
    assert waiting.not_before == life.now + timedelta(minutes=10)
    life.plan([life.signal(STALLED, 2, NORMAL)])
    dropped = life.actions[waiting.key]
    assert (dropped.state, dropped.error) == (ActionState.DONE, "recovered before it was sent")


def test_an_opening_that_failed_for_good_is_tried_again_when_there_is_news(build) -> None:
    life = Life(build)
    life.plan([life.signal(STALLED, 1, NORMAL)])
    life.deliver(fail=True)
    life.plan([life.signal(STALLED, 1, NORMAL)])
    assert len(life.actions) == 1
    life.plan([life.signal(STALLED, 2, NORMAL)])
    life.drain()
    assert [ticket["state"] for ticket in life.desk.tickets.values()] == ["open"]


def test_notes_go_to_the_helpdesk_that_has_the_ticket(build) -> None:
    life = Life(build)
    life.plan([life.signal(STALLED, 1, NORMAL)])
    life.deliver()
    life.plan([life.signal(STALLED, 2, NORMAL)], helpdesk="another")
    assert [action.connection for action in life.actions.values()] == ["desk", "desk"]


def test_a_second_follow_up_has_an_external_id_of_its_own(build) -> None:
    life = Life(build)
    for version in (1, 2, 3):
        life.plan([life.signal(STALLED, version, NORMAL)])
        life.drain()
        life.plan([])
        life.drain()
    drafts = [action.draft for action in life.actions.values() if action.draft]
    first = drafts[0].external_id
    assert [draft.external_id for draft in drafts] == [first, f"{first}:1", f"{first}:2"]


@pytest.mark.parametrize("change", [{"number": 2}, {"severity": HIGH}])
def test_a_solve_that_is_taken_back_tells_only_what_is_new(build, change) -> None:
    life = Life(build)
    life.plan([life.signal(STALLED, 1, NORMAL)])
    life.deliver()
    life.plan([])
    life.plan([life.signal(STALLED, 1, NORMAL)])
    assert [(a.kind, a.state) for a in life.actions.values()][1:] == [(ActionKind.SOLVE_TICKET, ActionState.DONE)]
    life.plan([])
    life.plan([life.signal(STALLED, change.get("number", 1), change.get("severity", NORMAL))])
    assert [a.kind for a in life.actions.values() if a.state is ActionState.PENDING] == [ActionKind.ADD_NOTE]
