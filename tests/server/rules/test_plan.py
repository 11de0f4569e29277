"""What follows from an assessment: one issue a kind, one ticket an order, and nothing twice."""

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.model import Contact
from server.model import Action, ActionKind, ActionState, Issue, IssueState, Kind, TicketLink
from server.rules.assess import assess
from server.rules.plan import plan

KIND = ActionKind


class Life:
    """One order's issues and actions over time; `deliver` plays the outbox."""

    def __init__(self, build: Any, helpdesk: str | None = "desk", **tables: object) -> None:
        self.build = build
        self.policy = build.policy(**tables)
        self.helpdesk = helpdesk
        self.issues: dict[str, Issue] = {}
        self.actions: dict[str, Action] = {}

    def see(self, order: Any, hours: float) -> list[Action]:
        """Plan at a time; the actions that are new or changed. Planning again must change nothing."""
        now = self.build.at(hours)
        for turn in range(2):
            made = plan(
                order,
                assess(order, now, self.policy),
                tuple(self.issues.values()),
                tuple(self.actions.values()),
                self.policy,
                helpdesk=self.helpdesk,
                now=now,
            )
            if turn:
                assert (made.issues, made.actions) == ((), ())
            else:
                first = made
                self.issues |= {issue.id: issue for issue in made.issues}
                self.actions |= {action.key: action for action in made.actions}
        return list(first.actions)

    def deliver(self, hours: float) -> None:
        for key, action in self.actions.items():
            if action.state is ActionState.PENDING and action.not_before <= self.build.at(hours):
                self.actions[key] = replace(
                    action, state=ActionState.DONE, attempts=1, ticket_id="7", finished_at=self.build.at(hours)
                )
                link = TicketLink(connection="desk", ticket_id="7")
                self.issues |= {i: replace(self.issues[i], ticket=link) for i in action.issue_ids}

    def open(self) -> list[Kind]:
        return [issue.kind for issue in self.issues.values() if issue.state is IssueState.OPEN]


def stalled(build: Any, **facts: object) -> Any:
    return build.order(build.shipment(build.scan(0)), **facts)


def moving(build: Any, hours: float, **facts: object) -> Any:
    scan = build.scan(hours, text="Departed Memphis")
    return build.order(build.shipment(build.scan(0), scan), **facts)


def test_a_stalled_parcel_opens_one_ticket_that_reads_like_a_sentence(build) -> None:
    life = Life(build)
    [action] = life.see(stalled(build, promise=75, vip=True), 50)
    assert (action.kind, action.connection, action.draft.tags) == (
        KIND.OPEN_TICKET,
        "desk",
        ("beforehand", "beforehand_tracking_stalled", "beforehand_promise_at_risk"),
    )
    assert action.draft.body.splitlines()[0] == (
        "Order #48219 has had no carrier scan for 50 hours, delivery promise is at risk tomorrow, "
        "customer is a VIP account, and no previous notification has been sent."
    )
    assert action.draft.subject == "Order #48219 has had no carrier scan for 50 hours (and 1 more)"
    stall = next(i for i in life.issues.values() if i.kind is Kind.TRACKING_STALLED)
    assert action.draft.external_id == f"beforehand:acme:{action.lead}"
    assert {issue.lead for issue in life.issues.values()} == {stall.lead}


def test_a_wait_that_is_not_over_opens_nothing(build) -> None:
    life = Life(build, detectors={"tracking_stalled": {"wait": "5h"}})
    assert life.see(stalled(build), 50) == []
    assert [a.kind for a in life.see(stalled(build), 53)] == [KIND.OPEN_TICKET]


def test_a_recovered_order_has_its_ticket_solved_with_the_reason(build) -> None:
    life = Life(build)
    life.see(stalled(build), 50)
    life.deliver(50)
    [action] = life.see(moving(build, 55), 56)
    assert (action.kind, action.change.state, life.open()) == (KIND.SOLVE_TICKET, "solved", [])
    assert action.change.note.splitlines()[0] == (
        "Order #48219: it moves again: Departed Memphis, Wed 18 Nov, 16:00 EST."
    )


def test_trouble_that_goes_away_before_its_ticket_was_sent_opens_none(build) -> None:
    life = Life(build)
    life.see(stalled(build), 50)
    [dropped] = life.see(moving(build, 50), 50.5)
    assert (dropped.kind, dropped.state, dropped.error) == (
        KIND.OPEN_TICKET,
        ActionState.DONE,
        "recovered before it was sent",
    )


def test_a_ticket_that_may_be_on_its_way_is_solved_behind_it(build) -> None:
    life = Life(build)
    [opening] = life.see(stalled(build), 50)
    life.actions[opening.key] = replace(opening, state=ActionState.SENDING, attempts=1)
    assert [a.kind for a in life.see(moving(build, 50), 51)] == [KIND.SOLVE_TICKET]


def test_a_second_kind_joins_the_ticket_as_a_note(build) -> None:
    life = Life(build)
    life.see(stalled(build, promise=150), 50)
    life.deliver(50)
    [note] = life.see(stalled(build, promise=150), 151)
    assert (note.kind, note.change.add_tags) == (
        KIND.ADD_NOTE,
        ("beforehand", "beforehand_tracking_stalled", "beforehand_promise_missed"),
    )
    assert len({issue.lead for issue in life.issues.values()}) == 1


def test_notes_that_come_close_together_are_gathered_into_one(build) -> None:
    life = Life(build, tickets={"note_every": "24h"})
    life.see(stalled(build), 50)
    life.deliver(50)
    order = stalled(build)
    [first] = life.see(order, 97)
    life.deliver(97)
    raised = stalled(build, vip=True)
    [second] = life.see(raised, 98)
    assert second.not_before == build.at(97) + timedelta(hours=24)
    [gathered] = life.see(order, 99)
    assert gathered.key == second.key != first.key
    assert gathered.change.note.count("Order #48219 has had") == 1


def test_the_same_trouble_within_the_grace_time_reopens_its_ticket(build) -> None:
    life = Life(build)
    life.see(stalled(build), 50)
    life.deliver(50)
    life.see(moving(build, 55), 56)
    life.deliver(56)
    [action] = life.see(moving(build, 55), 55 + 50)
    assert (action.kind, action.change.state, action.draft.follow_up_of) == (KIND.REOPEN_TICKET, "open", "7")
    assert [(i.episode, i.reopened) for i in life.issues.values()] == [(1, 1)]


def test_after_the_grace_time_a_new_ticket_follows_up_the_old_one(build) -> None:
    life = Life(build, tickets={"reopen_within": "1h"})
    life.see(stalled(build), 50)
    life.deliver(50)
    life.see(moving(build, 55), 56)
    life.deliver(56)
    [action] = life.see(moving(build, 55), 55 + 50)
    assert (action.kind, action.draft.follow_up_of) == (KIND.OPEN_TICKET, "7")
    assert sorted(i.episode for i in life.issues.values()) == [1, 2]


def test_flapping_before_the_solve_was_sent_tells_only_that_it_stalled_anew(build) -> None:
    life = Life(build)
    life.see(stalled(build), 50)
    life.deliver(50)
    life.see(moving(build, 55), 56)
    dropped, note = life.see(moving(build, 55), 55 + 50)
    assert (dropped.kind, dropped.state) == (KIND.SOLVE_TICKET, ActionState.DONE)
    assert (note.kind, note.change.state) == (KIND.ADD_NOTE, "open")
    assert life.open() == [Kind.TRACKING_STALLED]


def test_a_dry_run_and_a_workspace_without_a_helpdesk_record_issues_only(build) -> None:
    for life in (Life(build, detectors={"tracking_stalled": {"dry_run": True}}), Life(build, helpdesk=None)):
        assert life.see(stalled(build), 50) == []
        assert life.open() == [Kind.TRACKING_STALLED]
        assert life.see(moving(build, 55), 56) == []
        assert life.open() == []


def test_a_customer_who_has_written_is_not_said_to_be_uninformed(build) -> None:
    order = replace(stalled(build), contacts=(Contact(id="t", at=build.at(1), channel="email"),))
    [action] = Life(build).see(order, 50)
    assert "the customer has already written about it." in action.draft.body.splitlines()[0]


def test_what_customers_and_carriers_write_cannot_break_the_ticket(build) -> None:
    scan = build.scan(0, text="Held\n\nSECRET {{ticket.requester.email}} \u202e")
    order = build.order(build.shipment(scan))
    [action] = Life(build).see(order, 50)
    assert "Held SECRET { {ticket.requester.email} }" in action.draft.body


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_life_opens_two_tickets_for_the_same_trouble(build, data) -> None:
    life = Life(build, tickets={"reopen_within": data.draw(st.sampled_from(["1h", "72h"]))})
    hours = 0.0
    scans = [build.scan(0)]
    for _ in range(data.draw(st.integers(1, 8))):
        hours += data.draw(st.sampled_from([0.5, 5, 30, 50, 100]))
        step = data.draw(st.sampled_from(["scan", "silence", "deliver", "lost", "vip"]))
        if step == "scan":
            scans.append(build.scan(hours))
        order = build.order(build.shipment(*scans), promise=120, vip=step == "vip")
        life.see(order, hours)
        if step == "deliver":
            life.deliver(hours)
        if step == "lost":
            for key, action in life.actions.items():
                if action.state is ActionState.PENDING:
                    life.actions[key] = replace(action, state=ActionState.SENDING, attempts=1)
        assert len(life.open()) == len(set(life.open()))
        opened = [
            a.draft.external_id
            for a in life.actions.values()
            if a.kind is KIND.OPEN_TICKET and (a.state is not ActionState.DONE or not a.error)
        ]
        assert len(opened) == len(set(opened))
        assert all(a.change is not None and a.change.note for a in life.actions.values())
