"""Whose a ticket is, who is told and when, by one policy."""

from datetime import timedelta

import pytest

from server.model import Kind, Severity
from server.rules.policy import Occasion, Team
from server.rules.routing import (
    Notice,
    Recipient,
    group_for,
    log_back_for,
    message_for,
    notices_for,
    owner_of,
    told_at,
)

TEAMS = {
    "logistics": {"group": "36", "slack": "#logistics", "email": "logistics@example.com"},
    "finance": {"slack": "#finance"},
}
STALLED = Kind.TRACKING_STALLED
SLACK = Recipient(name="logistics", slack="#logistics")
EMAIL = Recipient(name="logistics", email="logistics@example.com")


@pytest.fixture
def stalled(build):
    """A policy with two teams that says this of stalled tracking."""
    return lambda **keys: build.policy(teams=TEAMS, detectors={"tracking_stalled": keys}, tickets={"group": "all"})


def test_a_ticket_goes_to_its_owners_group_else_to_the_owner_by_name_else_to_everybodys(stalled) -> None:
    found = [group_for(STALLED, stalled(owner=owner)) for owner in ("logistics", "finance", "")]
    assert found == ["36", "finance", "all"]


def test_without_teams_an_owner_is_a_name(build) -> None:
    policy = build.policy(detectors={"tracking_stalled": {"owner": "Versand"}})
    assert owner_of(STALLED, policy) == Team(name="Versand")
    assert group_for(STALLED, policy) == "Versand"
    assert owner_of(Kind.PAYMENT_FAILED, policy) is None


def test_a_team_is_told_by_every_way_it_has_when_it_opens_and_escalates(stalled) -> None:
    policy = stalled(notify=["logistics"])
    told = {occasion: notices_for(STALLED, occasion, policy) for occasion in Occasion}
    both = (Notice(SLACK, timedelta()), Notice(EMAIL, timedelta()))
    assert told == {Occasion.OPENED: both, Occasion.ESCALATED: both, Occasion.DEADLINE: (), Occasion.SOLVED: ()}


def test_rules_say_when_and_after_how_long(stalled) -> None:
    policy = stalled(
        notify=["finance", {"who": "#bosses", "when": "opened", "after": "2h"}, {"who": "#x", "when": "solved"}]
    )
    opened = notices_for(STALLED, Occasion.OPENED, policy)
    assert opened == (
        Notice(Recipient(name="finance", slack="#finance"), timedelta()),
        Notice(Recipient(name="#bosses", slack="#bosses"), timedelta(hours=2)),
    )
    assert [n.recipient.name for n in notices_for(STALLED, Occasion.SOLVED, policy)] == ["#x"]


def test_who_is_named_twice_is_told_once_and_at_the_earlier_time(stalled) -> None:
    policy = stalled(notify=[{"who": "#x", "when": "opened", "after": "2h"}, {"who": "#x", "when": ["opened"]}])
    assert notices_for(STALLED, Occasion.OPENED, policy) == (Notice(Recipient(name="#x", slack="#x"), timedelta()),)


def test_what_is_no_channel_and_no_team_is_a_connection(build) -> None:
    policy = build.policy(detectors={"tracking_stalled": {"notify": ["warehouse"], "log_back": ["erp"]}})
    (notice,) = notices_for(STALLED, Occasion.OPENED, policy)
    assert notice.recipient == Recipient(name="warehouse", connection="warehouse")
    assert log_back_for(STALLED, policy) == ("erp",)


def test_the_customer_is_told_by_a_message_of_the_policy(build) -> None:
    policy = build.policy(
        messages={"late": {"subject": "{order}", "body": "Sorry"}},
        detectors={"tracking_stalled": {"customer_message": "late"}},
    )
    assert message_for(STALLED, policy).body == "Sorry"
    assert message_for(Kind.PAYMENT_FAILED, policy) is None


def test_only_what_is_urgent_is_said_in_quiet_hours(build) -> None:
    policy = build.policy(quiet_hours={"begins": "20:00", "ends": "12:00"})
    monday_nine = build.at(0)
    assert told_at(monday_nine, Severity.HIGH, policy) == build.at(3)
    assert told_at(monday_nine, Severity.URGENT, policy) == monday_nine
