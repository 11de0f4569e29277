"""This file answers, for one kind of trouble and one policy: whose it is, who is told and when, what is logged back.

Everything that plans, sends or shows asks here, so that tickets, notices, `policy explain` and the API say the same.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import Struct

from server.model import Kind, Severity
from server.rules.policy import Message, NoticeRule, Occasion, Policy, Team


class Recipient(Struct, frozen=True, kw_only=True):
    """One way to reach somebody; exactly one of *slack*, *email* and *connection* is set."""

    name: str
    """What the policy calls them."""
    slack: str = ""
    """A channel such as `#logistics`."""
    email: str = ""
    connection: str = ""
    """A connection that takes notices by itself, such as a webhook."""


class Notice(NamedTuple):
    """Somebody is to be told, so long after the occasion, if the issue is open then."""

    recipient: Recipient
    after: timedelta


def owner_of(kind: Kind, policy: Policy) -> Team | None:
    """The team that tickets of *kind* belong to. Without a `[teams]` table an owner is a team of which nothing else is
    known than its name."""
    name = policy.detectors[kind].owner
    return policy.teams.get(name) or Team(name=name) if name else None


def group_for(kind: Kind, policy: Policy) -> str:
    """The helpdesk's group for a ticket that *kind* leads: an id, or a name that the connection may know; or nothing.

    The owner's group, else the owner's name, else the group for all tickets.
    """
    owner = owner_of(kind, policy)
    return policy.group if owner is None else owner.group or owner.name


def notices_for(kind: Kind, occasion: Occasion, policy: Policy) -> tuple[Notice, ...]:
    """Who is told at this turn of an issue's life, each of them once, by the earliest of their rules."""
    found: dict[Recipient, timedelta] = {}
    for rule in policy.detectors[kind].notify:
        for recipient in recipients_of(rule, policy) if occasion in rule.when else ():
            found[recipient] = min(rule.after, found.get(recipient, rule.after))
    return tuple(Notice(recipient, after) for recipient, after in found.items())


def recipients_of(rule: NoticeRule, policy: Policy) -> tuple[Recipient, ...]:
    """Every way in which a rule reaches somebody: a team by Slack and by e-mail, where it has both."""
    who = rule.who
    if who.startswith("#"):
        return (Recipient(name=who, slack=who),)
    team = policy.teams.get(who)
    if team is None:
        return (Recipient(name=who, connection=who),)
    slack = (Recipient(name=who, slack=team.slack),) if team.slack else ()
    return (*slack, Recipient(name=who, email=team.email)) if team.email else slack


def message_for(kind: Kind, policy: Policy) -> Message | None:
    """What the customer is told of *kind*, `customer_wait` after the issue has opened; None: nothing."""
    return policy.messages.get(policy.detectors[kind].customer_message)


def log_back_for(kind: Kind, policy: Policy) -> tuple[str, ...]:
    """The connections that are told when an issue of *kind* opens and ends, for other systems to keep."""
    return policy.detectors[kind].log_back


def told_at(moment: datetime, severity: Severity, policy: Policy) -> datetime:
    """When what would be said to people at *moment* is said: after the quiet hours, unless it is urgent."""
    if severity is Severity.URGENT:
        return moment
    return policy.quiet_hours.over_at(moment, policy.timezone)
