"""Whom an agent waits for, in words."""

from zoneinfo import ZoneInfo

import msgspec
import pytest

from server.flows.deciders import Deciders, deciders
from server.model import Role
from server.rules.policy import ApprovalPolicy, Colleague, Team
from server.rules.policy_reading import load_policy


def person(name, role=Role.APPROVER):
    return name, Colleague(id=name, name=name.capitalize(), role=role)


@pytest.mark.parametrize(
    ("people", "approvers", "said"),
    [
        ([], (), "an approver"),
        ([person("robin", Role.AGENT)], (), "an approver"),
        ([person("dana"), person("robin", Role.AGENT)], (), "Dana"),
        ([person("dana"), person("kim", Role.ADMIN)], (), "Dana or Kim"),
        ([person("dana"), person("kim"), person("lee")], (), "Dana, Kim or Lee"),
        ([person("dana"), person("kim"), person("lee"), person("sam")], (), "Dana, Kim, Lee or another approver"),
        ([person("dana"), person("kim")], ("kim", "finance"), "Kim or the team finance"),
    ],
)
def test_the_policy_says_who_decides(people, approvers, said):
    policy = msgspec.structs.replace(
        load_policy(None, ZoneInfo("UTC"), None),
        people=dict(people),
        teams={"finance": Team(name="finance")},
        approvals={"refund": ApprovalPolicy(approvers=approvers)},
    )
    assert deciders(policy).of("refund") == said


def test_nobody_waits_for_who_may_not_decide_this_one():
    found = Deciders({"refund": {"dana": "Dana", "kim": "Kim", "lee": "Lee"}})
    assert found.of("refund", {"dana"}) == "Kim or Lee"
    assert found.of("refund", {"dana", "kim", "lee"}) == "another approver"
