"""Who works here and who may approve what, as the policy says it; every mistake is named with its place."""

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from server.model import Role
from server.rules.policy import ApprovalPolicy
from server.rules.policy_names import Connections
from server.rules.policy_reading import PolicyRefused, parse_policy

ZONE = ZoneInfo("UTC")
CONNECTIONS = Connections(names=frozenset({"desk", "chat"}), helpdesks=frozenset({"desk"}), reaches_channels=True)
DANA = {
    "name": "Dana Reyes",
    "email": "Dana@Acme.test",
    "role": "approver",
    "identities": ["desk:9001", "chat:U02DANA", "token:dana"],
    "teams": ["finance"],
    "max_amount": "200.00",
}
TEAMS = {"finance": {"slack": "#finance"}}


def mistakes_of(connections=CONNECTIONS, **document):
    with pytest.raises(PolicyRefused) as error:
        parse_policy({"teams": TEAMS, **document}, ZONE, connections)
    return [str(mistake) for mistake in error.value.mistakes]


def refund(**table):
    return {"refund": table}


def test_everything_is_read():
    policy = parse_policy(
        {
            "teams": TEAMS,
            "people": {"dana": DANA, "kim": {}},
            "approvals": {
                "helpdesk_admins_approve": False,
                "refund": {
                    "approvers": ["dana", "finance"],
                    "max_amount": "500.00",
                    "second_above": 200,
                    "max_per_order": "600.00",
                    "max_per_day": "2000.00",
                    "expires_after": "2d",
                    "remind_after": "1h",
                    "record_only": True,
                    "notify": ["finance", "#money"],
                    "rules": [{"when": "customer.vip", "approvers": ["kim"], "max_amount": "900.00"}],
                },
                "reship": {"enabled": False},
            },
        },
        ZONE,
        CONNECTIONS,
    )
    dana, kim = policy.people["dana"], policy.people["kim"]
    assert (dana.email, dana.role, dana.teams, dana.max_amount) == (
        "dana@acme.test",
        Role.APPROVER,
        ("finance",),
        Decimal("200.00"),
    )
    assert (kim.role, kim.identities, kim.max_amount) == (Role.AGENT, (), None)
    found = policy.approvals["refund"]
    assert (found.approvers, found.second_above, found.max_per_day) == (
        ("dana", "finance"),
        Decimal(200),
        Decimal(2000),
    )
    assert (found.expires_after, found.remind_after, found.record_only) == (timedelta(days=2), timedelta(hours=1), True)
    assert [(rule.approvers, rule.max_amount, rule.second_above) for rule in found.rules] == [
        (("kim",), Decimal(900), None)
    ]
    assert not policy.helpdesk_admins_approve
    assert not policy.approvals["reship"].enabled


def test_what_is_left_out_has_its_default():
    policy = parse_policy({"approvals": {"refund": {}}}, ZONE)
    assert policy.approvals["refund"] == ApprovalPolicy()
    assert (policy.people, policy.helpdesk_admins_approve) == ({}, True)


@pytest.mark.parametrize(
    ("other", "place"),
    [
        ({"identities": ["desk:9001"]}, "people.kim.identities"),
        ({"identities": ["desk:9001".upper().lower(), "chat:u02dana"]}, "people.kim.identities"),
        ({"identities": ["token:dana"]}, "people.kim.identities"),
        ({"email": "DANA@acme.test"}, "people.kim.email"),
        ({"identities": ["email:dana@acme.test"]}, "people.kim.identities"),
    ],
)
def test_one_way_in_leads_to_one_person(other, place):
    found = mistakes_of(people={"dana": DANA, "kim": other})
    assert found
    assert all(text.startswith(place) and "dana already" in text for text in found)


def test_a_token_of_somebodys_name_is_theirs_also_unsaid():
    (found,) = mistakes_of(people={"kim": {"identities": ["token:dana"]}, "dana": {}})
    assert "dana already" in found


@pytest.mark.parametrize(
    ("person", "said"),
    [
        ({"identities": ["9001"]}, "expected a connection and the id there"),
        ({"identities": ["dsek:9001"]}, "no connection"),
        ({"teams": ["finanze"]}, "no such team"),
        ({"email": "dana"}, "expected an address"),
        ({"role": "boss"}, "agent"),
        ({"max_amount": "-1"}, "max_amount"),
        ({"max_amout": "1"}, "max_amount"),
    ],
)
def test_a_persons_mistakes_are_named(person, said):
    (found,) = mistakes_of(people={"dana": person})
    assert found.startswith("people.dana")
    assert said in found


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"approvers": ["dnaa"]}, "approvals.refund.approvers[0]: no such person or team"),
        ({"max_amount": "10", "second_above": "10"}, "approvals.refund.second_above: expected less than max_amount"),
        ({"approvers": ["dana"], "second_above": "10"}, "needs two different people"),
        ({"expires_after": "0s"}, "approvals.refund.expires_after"),
        ({"expires_after": "soon"}, "approvals.refund.expires_after"),
        ({"rules": [{"when": "customer.vipp"}]}, "approvals.refund.rules[0].when"),
        ({"rules": [{"max_amount": "1"}]}, "approvals.refund.rules[0].when: expected a condition"),
        ({"rules": [{"when": "true", "approvers": ["x"]}]}, "approvals.refund.rules[0].approvers[0]"),
        ({"rules": "all"}, "approvals.refund.rules"),
        ({"aprovers": []}, "approvers"),
        ({"max_amount": "1e309"}, "approvals.refund.max_amount"),
        ({"max_per_day": "NaN"}, "approvals.refund.max_per_day"),
    ],
)
def test_an_approvals_mistakes_are_named(table, said):
    found = mistakes_of(people={"dana": DANA}, approvals=refund(**table))
    assert len(found) == 1, found
    assert said in found[0]


def test_other_kinds_and_keys_are_named():
    assert "approvals.refunds" in mistakes_of(approvals={"refunds": {}})[0]
    assert "approvals" in mistakes_of(approvals={"helpdesk_admin_approve": True})[0]
