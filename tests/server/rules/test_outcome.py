"""How issues end: promise kept or missed, customer before or after us, person or nobody."""

from datetime import datetime

import pytest
from msgspec.structs import replace

from connectors.model import Contact
from server.model import (
    Action,
    ActionKind,
    Issue,
    IssueState,
    Kind,
    OrderKey,
    OrderView,
    Outcome,
    PromiseEnd,
    Severity,
)
from server.rules.assess import assess
from server.rules.detectors import DETECTORS
from server.rules.outcome import FORETELLS_MISS, customer_wrote, solved_with, with_outcomes
from server.rules.plan import plan

KEY = OrderKey("acme", "shop", "1")


def issue(
    build, *, kind: Kind = Kind.TRACKING_STALLED, opened: float = 10, solved: float | None = 20, **facts
) -> Issue:
    return Issue(
        id="i1",
        order=KEY,
        kind=kind,
        state=IssueState.OPEN if solved is None else IssueState.SOLVED,
        severity=Severity.NORMAL,
        headline="is in trouble",
        since=build.at(0),
        opened_at=build.at(opened),
        solved_at=None if solved is None else build.at(solved),
        **{"lead": "i1", **facts},
    )


def ended(build, order: OrderView, found: Issue, hours: float) -> Outcome | None:
    """The outcome as it is so many hours after Monday 9:00."""
    now, policy = build.at(hours), build.policy()
    changed = list(with_outcomes(order, assess(order, now, policy), [found], policy, now))
    return changed[0].outcome if changed else found.outcome


def arrived(build, hours: float, **facts) -> OrderView:
    return build.order(build.shipment(build.scan(1), build.scan(hours, "delivered")), **facts)


def on_its_way(build, **facts) -> OrderView:
    return build.order(build.shipment(build.scan(1)), **facts)


def wrote(build, order: OrderView, *hours: float) -> OrderView:
    return replace(order, contacts=tuple(Contact(id=str(h), at=build.at(h), channel="email") for h in hours))


# --- the promise ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("delivered", "promise", "now", "end", "came_true"),
    [
        (20, 40, 21, PromiseEnd.KEPT, False),
        (50, 40, 51, PromiseEnd.MISSED, True),
        (None, 40, 21, PromiseEnd.OPEN, None),
        (None, 40, 41, PromiseEnd.MISSED, True),
        (20, None, 21, PromiseEnd.NONE, None),
    ],
)
def test_a_warning_comes_true_when_the_promise_is_missed(build, delivered, promise, now, end, came_true) -> None:
    order = on_its_way(build, promise=promise) if delivered is None else arrived(build, delivered, promise=promise)
    found = ended(build, order, issue(build), now)
    assert found == Outcome(
        promise=end, promised_by=None if promise is None else build.at(promise), came_true=came_true
    )


def test_a_fact_cannot_come_true_but_its_promise_is_noted(build) -> None:
    found = ended(build, arrived(build, 50, promise=40), issue(build, kind=Kind.PAYMENT_FAILED), 51)
    assert found is not None
    assert (found.promise, found.came_true) == (PromiseEnd.MISSED, None)


def test_a_cancelled_order_has_no_promise_any_more(build) -> None:
    order = on_its_way(build, promise=40, cancelled_at=build.at(15))
    for kind in (Kind.TRACKING_STALLED, Kind.MARKETPLACE_SLA_RISK):
        assert ended(build, order, issue(build, kind=kind, deadline=build.at(18)), 21) == Outcome()


@pytest.mark.parametrize(("solved", "came_true"), [(20, False), (30, True)])
def test_a_marketplace_clock_is_judged_by_its_own_time(build, solved, came_true) -> None:
    found = issue(build, kind=Kind.MARKETPLACE_SLA_RISK, solved=solved, deadline=build.at(24))
    outcome = ended(build, on_its_way(build, promise=100), found, 31)
    assert outcome is not None
    assert outcome.came_true is came_true


def test_what_was_open_is_completed_later_and_what_is_known_is_never_forgotten(build) -> None:
    found = issue(build)
    found = replace(found, outcome=ended(build, on_its_way(build, promise=40), found, 21))
    assert found.outcome is not None
    assert found.outcome.promise is PromiseEnd.OPEN
    found = replace(found, outcome=ended(build, arrived(build, 50, promise=40), found, 51))
    assert found.outcome is not None
    assert found.outcome.promise is PromiseEnd.MISSED
    refunded = arrived(build, 50, promise=40, financial_state="refunded", cancelled_at=build.at(60))
    later = ended(build, refunded, found, 61)
    assert later is not None
    assert later.promise is PromiseEnd.MISSED


def test_an_open_issue_has_no_outcome_and_loses_it_when_it_is_opened_again(build) -> None:
    open_again = issue(build, solved=None, outcome=Outcome(promise=PromiseEnd.KEPT))
    assert ended(build, on_its_way(build, promise=40), open_again, 21) is None


# --- the customer -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "first", "word"),
    [
        ((), None, "never"),
        ((-5,), None, "never"),
        ((5,), 5, "before"),
        ((10,), 10, "after"),
        ((30, 12), 12, "after"),
        ((20 + 14 * 24,), 20 + 14 * 24, "after"),
        ((21 + 14 * 24,), None, "never"),
    ],
)
def test_the_customers_first_message_since_the_trouble_began(build, hours, first, word) -> None:
    found = issue(build)
    outcome = ended(build, wrote(build, arrived(build, 20, promise=40), *hours), found, 21)
    assert outcome is not None
    at: datetime | None = None if first is None else build.at(first)
    assert outcome.customer_wrote_at == at
    assert customer_wrote(found.opened_at, at) == word


# --- who dealt with it ------------------------------------------------------------------------------------------------


def solve(build, lead: str = "i1") -> Action:
    return Action(
        key="k",
        order=KEY,
        kind=ActionKind.SOLVE_TICKET,
        connection="desk",
        issue_ids=("i1",),
        lead=lead,
        created_at=build.at(20),
        not_before=build.at(20),
    )


def test_every_issue_that_ended_with_the_ticket_learns_who_dealt_with_it(build) -> None:
    shared = replace(issue(build), id="i2", outcome=Outcome(promise=PromiseEnd.MISSED, came_true=True))
    others = [
        replace(issue(build, solved=None), id="open"),
        replace(issue(build), id="other", lead="other"),
        replace(issue(build), id="dry", dry_run=True),
        replace(issue(build), id="known", outcome=Outcome(by_person=True)),
    ]
    found = list(solved_with(solve(build), [issue(build), shared, *others], by_person=False))
    assert [(each.id, each.outcome) for each in found] == [
        ("i1", Outcome(by_person=False)),
        ("i2", Outcome(promise=PromiseEnd.MISSED, came_true=True, by_person=False)),
    ]


def test_who_dealt_with_it_is_kept_when_more_becomes_known(build) -> None:
    found = issue(build, outcome=Outcome(promise=PromiseEnd.OPEN, by_person=True))
    outcome = ended(build, arrived(build, 30, promise=40), found, 31)
    assert outcome is not None
    assert (outcome.promise, outcome.by_person) == (PromiseEnd.KEPT, True)


# --- in the plan ------------------------------------------------------------------------------------------------------


def test_an_issue_gets_its_outcome_when_it_ends_and_planning_again_changes_nothing(build) -> None:
    policy = build.policy()
    stalled, moved = on_its_way(build, promise=300), arrived(build, 60, promise=300)
    opened = plan(
        stalled, assess(stalled, build.at(55), policy), (), (), policy, helpdesk=None, now=build.at(55)
    ).issues
    assert [(each.kind, each.outcome) for each in opened] == [(Kind.TRACKING_STALLED, None)]
    assessment = assess(moved, build.at(61), policy)
    solved = plan(moved, assessment, opened, (), policy, helpdesk=None, now=build.at(61)).issues
    assert [each.outcome for each in solved] == [
        Outcome(promise=PromiseEnd.KEPT, promised_by=build.at(300), came_true=False)
    ]
    assert plan(moved, assessment, solved, (), policy, helpdesk=None, now=build.at(61)).issues == ()


def test_every_kind_that_foretells_has_a_detector() -> None:
    assert FORETELLS_MISS.issubset(DETECTORS)
