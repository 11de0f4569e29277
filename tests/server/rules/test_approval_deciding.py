"""Who may decide: never whoever asked, nobody twice, nobody beyond a limit however the amount is split."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.order_actions import ActionItem, OrderActionKind
from server.approval_model import ApprovalState, Turn, Verdict
from server.model import Role
from server.rules.approval_asking import finished
from server.rules.approval_deciding import (
    UNKNOWN_WORTH,
    decided,
    needed,
    recorded_only,
    returned,
    why_not,
    withdrawn,
)
from tests.server.rules.asking import DANA, KIM, LEE, SAM, agreed, ask, paid_order, payment, request, said, usd, vip

PEOPLE = {
    "dana": {"role": "approver", "teams": ["finance"]},
    "kim": {"role": "approver", "max_amount": "20.00"},
    "sam": {},
}


@pytest.fixture
def view(build):
    return paid_order(build, payment(captured=100_000))


def refund(build, **table):
    return build.policy(people=PEOPLE, approvals={"refund": table})


def test_whoever_asked_does_not_decide_whichever_way_they_come(build, view):
    policy, now = refund(build), build.at(1)
    asked = request(requester=DANA)
    for same in (
        DANA,
        replace(DANA, id="desk:9001", also=()),  # the same address
        replace(DANA, id="chat:U1", email="", also=("dana",)),
        replace(LEE, email=DANA.email),  # also as an admin
    ):
        for verdict in Verdict:
            assert "Somebody else" in why_not(asked, same, view, policy, (), now, verdict=verdict)
    assert why_not(asked, KIM, view, policy, (), now) == ""


def test_an_agent_does_not_decide_and_everybody_else_may(build, view):
    policy, now = refund(build), build.at(1)
    asked = request(requester=replace(SAM, id="other", email=""))
    assert "not among those" in why_not(asked, SAM, view, policy, (), now)
    assert [why_not(asked, person, view, policy, (), now) for person in (DANA, KIM, LEE)] == ["", "", ""]


def test_named_approvers_are_the_only_ones(build, view):
    now = build.at(1)
    by_team, by_name = refund(build, approvers=["finance"]), refund(build, approvers=["kim", "sam"])
    assert why_not(request(), DANA, view, by_team, (), now) == ""
    assert "not among" in why_not(request(), KIM, view, by_team, (), now)
    assert "not among" in why_not(request(), LEE, view, by_team, (), now)
    assert why_not(request(), KIM, view, by_name, (), now) == ""


@given(cents=st.integers(1, 100_000))
def test_no_amount_beyond_a_limit(build, cents):
    view, now = paid_order(build, payment(captured=100_000)), build.at(1)
    policy = refund(build, max_amount="50.00")
    asked = request(cents=cents)
    assert bool(why_not(asked, DANA, view, policy, (), now)) == (cents > 5000)
    assert bool(why_not(asked, KIM, view, policy, (), now)) == (cents > 2000)
    assert why_not(asked, KIM, view, policy, (), now, verdict=Verdict.REJECT) == ""


@given(parts=st.lists(st.integers(1, 4900), min_size=1, max_size=12))
def test_many_small_ones_on_one_order_are_one_large_one(build, parts):
    """Ten times 49 under a limit of 50: whatever is approved on the order stays within it."""
    view, now, policy = paid_order(build, payment(captured=100_000)), build.at(1), refund(build, max_amount="50.00")
    approved = []
    for number, cents in enumerate(parts):
        asked = request(f"r{number}", cents)
        if not why_not(asked, DANA, view, policy, approved, now):
            approved.append(agreed(f"r{number}", cents, now))
    assert 0 < sum(found.amount.amount for found in approved) <= 5000


@given(parts=st.lists(st.tuples(st.integers(1, 4900), st.integers(0, 40)), min_size=1, max_size=12))
def test_nobody_agrees_to_more_in_a_day_than_they_may(build, parts):
    view = paid_order(build, payment(captured=100_000))
    policy = refund(build, max_per_day="60.00", max_per_order="10000.00")
    approved, now = [], build.at(0)
    for number, (cents, hours) in enumerate(parts):
        now += timedelta(hours=hours)
        elsewhere = replace(request().order, order_id=str(number))
        asked = request(f"r{number}", cents, now, order=elsewhere)
        if not why_not(asked, DANA, view, policy, approved, now):
            approved.append(agreed(f"r{number}", cents, now, order=elsewhere))
        for moment in [found.created_at for found in approved]:
            window = [f.amount.amount for f in approved if timedelta() <= moment - f.created_at < timedelta(hours=24)]
            assert sum(window) <= 6000


def test_a_day_is_counted_by_the_human_being_and_not_by_the_way_in(build, view):
    policy, now = refund(build, max_per_day="60.00", max_per_order="1000.00"), build.at(1)
    before = agreed("o1", 5000, now, by=replace(DANA, id="chat:U1"))
    assert "within 24 hours" in why_not(request(cents=1001), DANA, view, policy, [before], now)
    assert why_not(request(cents=1000), DANA, view, policy, [before], now) == ""
    assert why_not(request(cents=1001), LEE, view, policy, [before], now) == ""


def test_what_came_to_nothing_or_is_about_something_else_does_not_count(build, view):
    policy, now = refund(build, max_amount="50.00"), build.at(1)
    elsewhere = replace(request().order, order_id="2")
    others = [
        agreed("o1", 4900, now, state=ApprovalState.FAILED),
        agreed("o2", 4900, now, state=ApprovalState.WITHDRAWN),
        agreed("o3", 4900, now, kind=OrderActionKind.COMPENSATION),
        agreed("o4", 4900, now, order=elsewhere),
        request("o5", 4900),
    ]
    assert why_not(request(cents=5000), DANA, view, policy, others, now) == ""


def test_a_person_has_a_limit_of_their_own_on_one_order(build, view):
    policy, now = refund(build), build.at(1)
    before = agreed("o1", 1500, now, by=KIM)
    assert "$15.00 of it already" in why_not(request(cents=501), KIM, view, policy, [before], now)
    assert why_not(request(cents=501), DANA, view, policy, [before], now) == ""


def test_a_limit_of_ones_own_holds_by_every_way_in(build, view):
    """An admin of the helpdesk whom the policy names by another way in does not get rid of their limit."""
    policy, now = refund(build), build.at(1)
    elsewhere = replace(LEE, also=("kim",))
    assert "You may approve up to $20.00" in why_not(request(cents=2001), elsewhere, view, policy, (), now)
    assert why_not(request(cents=2001), LEE, view, policy, (), now) == ""


def test_a_cancellation_gives_no_money_back_and_has_no_limit(build, view):
    policy = build.policy(people=PEOPLE, approvals={"cancel": {"second_above": "5.00", "max_amount": "10.00"}})
    asked = ask(view, policy, build.at(0), kind="cancel")
    assert (asked.needs, why_not(asked, KIM, view, policy, (), build.at(1))) == (1, "")


def test_goods_sent_again_count_as_what_they_cost(build):
    view = paid_order(build, vip=False)
    policy = build.policy(people=PEOPLE, approvals={"reship": {"max_amount": "50.00"}})
    lamps = request(cents=None, kind=OrderActionKind.RESHIP, items=(ActionItem("l1", 2),))
    book = request(cents=None, kind=OrderActionKind.RESHIP, items=(ActionItem("l2", 1),))
    assert why_not(lamps, DANA, view, policy, (), build.at(1)) == ""
    assert "Up to $50.00" in why_not(book, DANA, view, policy, (), build.at(1))


def test_the_first_special_rule_that_holds_replaces_what_it_names(build, view):
    policy = refund(
        build,
        approvers=["dana"],
        max_amount="50.00",
        rules=[
            {"when": "customer.vip", "max_amount": "900.00"},
            {"when": "true", "approvers": ["kim", "dana"], "max_amount": "10.00"},
        ],
    )
    now, asked = build.at(1), request(cents=1500)
    assert why_not(asked, DANA, vip(view), policy, (), now) == ""
    assert "not among" in why_not(asked, KIM, vip(view), policy, (), now)
    assert "Up to $10.00" in why_not(asked, KIM, view, policy, (), now)


@given(order=st.permutations([DANA, KIM, LEE]), repeats=st.integers(1, 3))
def test_two_different_people_agree_above_an_amount(build, order, repeats):
    view, now = paid_order(build, payment(captured=100_000)), build.at(1)
    policy = build.policy(approvals={"refund": {"second_above": "10.00"}})
    found = finished(request(cents=1001), view, policy, ())
    assert found.needs == 2
    people = [person for person in order for _ in range(repeats)]
    for person in people:
        if found.state is not ApprovalState.PENDING:
            break
        if why_not(found, person, view, policy, (found,), now):
            continue
        found, _ = decided(found, person, Verdict.APPROVE, "fine", now)
    assert found.state is ApprovalState.APPROVED
    assert [decision.person for decision in found.approvals] == order[:2]


def test_a_second_person_is_not_avoided_by_splitting(build, view):
    policy, now = refund(build, second_above="10.00"), build.at(1)
    assert needed(request(cents=1000), view, policy, ()) == 1
    assert needed(request("r2", 1), view, policy, (agreed("r1", 1000, now),)) == 2


def test_a_change_of_the_order_voids_who_has_agreed(build):
    once, turn = decided(request(needs=2), DANA, Verdict.APPROVE, "fine", build.at(1))
    assert (turn, once.state, once.version) == (Turn.AGREED, ApprovalState.PENDING, 2)
    back = returned(once, {"Refunded": "$1.00"}, ("Refunded: was nothing, is now $1.00",))
    assert (back.decisions, back.version, back.needs) == ((), 3, 2)


@pytest.mark.parametrize(
    ("verdict", "state", "turn"),
    [
        (Verdict.APPROVE, ApprovalState.APPROVED, Turn.APPROVED),
        (Verdict.REJECT, ApprovalState.REJECTED, Turn.REJECTED),
    ],
)
def test_a_decision_is_written_down_with_the_version_it_is_of(build, verdict, state, turn):
    now = build.at(1)
    after, found = decided(request(version=4), DANA, verdict, "fine", now)
    assert (after.state, found, after.version) == (state, turn, 5)
    assert after.decisions == (said(DANA, now, verdict, 4),)
    assert after.due_at == (now if verdict is Verdict.APPROVE else None)


def test_what_is_only_recorded_or_taken_back_is_never_due(build):
    now = build.at(1)
    recorded = recorded_only(agreed("r1", 100, now), "The policy has a person carry this out.", now)
    assert (recorded.is_over, recorded.due_at) == (True, None)
    taken = withdrawn(request(), SAM, "kept", now)
    assert (taken.state, taken.is_over, taken.due_at, taken.closed_at) == (ApprovalState.WITHDRAWN, True, None, now)
    assert SAM.role is Role.AGENT


RESHIP = OrderActionKind.RESHIP


def sent_again(request_id, line, quantity, **facts):
    return request(request_id, None, kind=RESHIP, details={}, items=(ActionItem(line, quantity),), **facts)


def test_goods_sent_again_add_up_on_an_order_and_in_a_day(build):
    view, now = paid_order(build), build.at(1)
    policy = build.policy(people=PEOPLE, approvals={"reship": {"max_per_order": "50.00", "max_per_day": "70.00"}})
    asked = finished(sent_again("r1", "l1", 2), view, policy, ())
    before = replace(asked, state=ApprovalState.APPROVED, decisions=(said(DANA, now),))
    assert before.stake == usd(4000)
    one_more = sent_again("r2", "l1", 1)
    assert "$40.00 of it has been already" in why_not(one_more, DANA, view, policy, (before,), now)
    elsewhere = replace(before, order=replace(before.order, order_id="2"))
    assert why_not(one_more, DANA, view, policy, (elsewhere,), now) == ""
    both = sent_again("r3", "l1", 2)
    assert "within 24 hours" in why_not(both, DANA, view, policy, (elsewhere,), now)
    assert why_not(both, LEE, view, policy, (elsewhere,), now) == ""


def test_goods_of_unknown_worth_count_as_the_whole_order_or_stop_at_a_limit(build):
    view, now = paid_order(build), build.at(1)
    lines = tuple(replace(line, price=None) for line in view.order.line_items)
    unknown = replace(view, order=replace(view.order, line_items=lines, total=usd(9000)))
    bound = build.policy(people=PEOPLE, approvals={"reship": {"max_amount": "80.00", "second_above": "70.00"}})
    asked = sent_again("r1", "l1", 1)
    assert "Up to $80.00" in why_not(asked, DANA, unknown, bound, (), now)
    nothing = replace(unknown, order=replace(unknown.order, total=None))
    assert why_not(asked, DANA, nothing, bound, (), now) == UNKNOWN_WORTH
    assert finished(asked, nothing, bound, ()).needs == 2
    assert why_not(asked, DANA, nothing, build.policy(people=PEOPLE), (), now) == ""
    assert why_not(asked, KIM, nothing, build.policy(people=PEOPLE), (), now) == UNKNOWN_WORTH
