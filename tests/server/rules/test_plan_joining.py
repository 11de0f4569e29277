"""The customer writes while our ticket is open; trouble that comes and goes; trouble that grows graver."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from connectors.model import Contact
from server.model import ActionKind, ActionState, TicketLink
from server.rules.outbox import leaving
from tests.server.rules.test_plan import Life, moving, stalled


def contact(build: Any, hours: float, *, number: str = "35", state: str = "open") -> Contact:
    return Contact(id=number, at=build.at(hours), channel="email", subject="Where is it?", state=state)


def opened(build: Any, **tables: object) -> Life:
    life = Life(build, **tables)
    life.see(stalled(build), 50)
    life.deliver(50)
    return life


def test_a_ticket_that_the_customer_opens_later_takes_over(build) -> None:
    life = opened(build)
    [join] = life.see(stalled(build, contacts=(contact(build, 51),)), 51)
    assert (join.kind, join.target, join.leaves.ticket_id) == (ActionKind.JOIN_TICKET, "35", "7")
    assert "has had no carrier scan for 51 hours" in join.change.note
    assert "Ticket 7 was opened about it before." in join.change.note
    assert join.change.state == ""
    assert life.see(stalled(build, contacts=(contact(build, 51),)), 52) == []


@pytest.mark.parametrize("state", ["solved", "closed", "deleted", ""])
def test_only_a_ticket_that_is_open_can_take_over(build, state: str) -> None:
    assert opened(build).see(stalled(build, contacts=(contact(build, 51, state=state),)), 51) == []


def test_what_was_there_before_was_looked_at_when_ours_was_opened(build) -> None:
    assert opened(build).see(stalled(build, contacts=(contact(build, 49),)), 51) == []


def test_our_own_ticket_is_not_the_customers(build) -> None:
    assert opened(build).see(stalled(build, contacts=(contact(build, 51, number="7"),)), 51) == []


def test_the_policy_may_keep_them_apart(build) -> None:
    life = opened(build, tickets={"join_customer_ticket": False})
    assert life.see(stalled(build, contacts=(contact(build, 51),)), 51) == []


def test_trouble_that_comes_and_goes_is_written_down_ever_more_seldom(build) -> None:
    life, hours, writes = Life(build, tickets={"reopen_within": "300d"}), 50.0, []
    for _ in range(12):
        scan = hours
        life.see(stalled_since(build, scan - 49), hours)
        life.deliver(hours)
        life.see(moving_since(build, scan), hours + 0.5)
        life.deliver(hours + 0.5)
        writes.append(sum(action.state is ActionState.DONE and not action.error for action in life.actions.values()))
        hours += 168
    each = [after - before for before, after in pairwise(writes)]
    assert each[0] >= 1
    assert each[-3:] == [0, 0, 0] or max(each) <= 2
    openings = [a for a in life.actions.values() if a.kind is ActionKind.OPEN_TICKET]
    assert len(openings) == 1


def stalled_since(build: Any, hours: float) -> Any:
    return build.order(build.shipment(build.scan(hours)))


def moving_since(build: Any, hours: float) -> Any:
    return build.order(build.shipment(build.scan(hours - 49), build.scan(hours, text="Departed")))


def test_it_must_stay_away_longer_each_time_before_its_ticket_is_solved(build) -> None:
    life, waits = Life(build, tickets={"reopen_within": "300d"}), []
    for turn in range(6):
        at = 50 + 168 * turn
        life.see(stalled_since(build, at - 49), at)
        life.deliver(at)
        [solve] = [a for a in life.see(moving_since(build, at), at + 1) if a.kind is ActionKind.SOLVE_TICKET]
        waits.append(solve.not_before - build.at(at + 1))
        life.deliver(at + 100)
    minutes = [wait / timedelta(minutes=1) for wait in waits]
    assert minutes == [0, 20, 40, 1440, 1440, 1440]


def test_what_is_back_before_its_ticket_was_solved_is_not_told_again(build) -> None:
    life = opened(build, tickets={"reopen_within": "300d"})
    life.see(moving(build, 51), 52)
    life.deliver(52)
    life.see(stalled_since(build, 51), 101)
    life.deliver(101)
    [solve] = life.see(build.order(build.shipment(build.scan(51), build.scan(101))), 101.1)
    assert solve.not_before > build.at(101.1)
    later = life.see(stalled_since(build, 101), 150)
    assert [a.kind for a in later if a.state is not ActionState.DONE] in (
        [],
        [ActionKind.REOPEN_TICKET],
        [ActionKind.ADD_NOTE],
    )


def test_a_deadline_that_nears_makes_it_graver_once(build) -> None:
    life = Life(build)
    order = build.order(build.shipment(build.scan(0), build.scan(1, "exception")), promise=90)
    life.see(order, 2)
    life.deliver(2)
    first = next(iter(life.issues.values()))
    assert first.escalated_at is None
    life.see(order, 65.9)
    assert next(iter(life.issues.values())).escalated_at is None
    note = next(a for a in life.see(order, 66) if a.kind is ActionKind.ADD_NOTE)
    assert note.change.priority == "urgent"
    assert next(iter(life.issues.values())).escalated_at == build.at(66)
    life.deliver(66)
    life.see(order, 70)
    assert next(iter(life.issues.values())).escalated_at == build.at(66)


def test_our_own_ticket_is_left_also_when_the_order_recovers_just_after(build) -> None:
    """The customer's ticket has the finding, ours is about to be told so, and then the parcel moves."""
    life = opened(build)
    [joined] = life.see(stalled(build, contacts=(contact(build, 51),)), 51)
    life.actions[joined.key] = replace(joined, state=ActionState.DONE, attempts=1, ticket_id="35")
    link = TicketLink(connection="desk", ticket_id="35", is_ours=False)
    life.issues = {name: replace(issue, ticket=link) for name, issue in life.issues.items()}
    left = leaving(joined, tuple(life.actions.values()), build.at(51))
    life.actions[left.key] = left
    life.see(moving(build, 52, contacts=(contact(build, 51),)), 52.5)
    assert life.actions[left.key].state is ActionState.PENDING
    assert [a.kind for a in life.actions.values() if a.state is ActionState.PENDING] == [
        ActionKind.LEAVE_TICKET,
        ActionKind.SOLVE_TICKET,
    ]


def test_a_ticket_that_could_not_take_over_is_not_asked_again(build) -> None:
    life = opened(build)
    order = stalled(build, contacts=(contact(build, 51),))
    [join] = life.see(order, 51)
    refused = "the ticket is closed for good"
    life.actions[join.key] = replace(join, state=ActionState.DONE, error=refused, finished_at=build.at(51))
    assert life.see(order, 52) == []
    # Another ticket of theirs may still take over.
    made = life.see(stalled(build, contacts=(contact(build, 51), contact(build, 53, number="36"))), 53)
    assert [a.target for a in made if a.kind is ActionKind.JOIN_TICKET] == ["36"]
