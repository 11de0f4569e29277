"""This file is who is told of an issue at one turn of its life, each of them once and by one way only.

A team that has a channel and an address hears in its channel. Whoever is named twice, as a team and as its channel or
in two teams with one address, is told once, by the earliest of the rules.
"""

from collections.abc import Iterable
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from server.model import Issue
from server.rules import routing
from server.rules.outlets import Outlets
from server.rules.policy import NoticeRule, Occasion, Policy, Team


class Audience(Struct, frozen=True, kw_only=True):
    """One place to tell: *address* within *connection*. *after* is how long after the occasion."""

    name: str
    """By what it is known again; the same for every spelling."""
    connection: str
    address: str = ""
    is_sink: bool = False
    """It is another system, which takes tasks."""
    after: timedelta = timedelta()


def audiences(issue: Issue, occasion: Occasion, policy: Policy, outlets: Outlets) -> tuple[Audience, ...]:
    """Whom to tell of *issue* on *occasion*."""
    found: dict[str, Audience] = {}
    if occasion in (Occasion.OPENED, Occasion.SOLVED):
        for sink in routing.log_back_for(issue.kind, policy):
            if sink in outlets.sinks:
                found[sink] = Audience(name=sink, connection=sink, is_sink=True)
    heard_by: dict[str, str] = {}
    for recipient, after in _one_way_each(routing.notices_for(issue.kind, occasion, policy), outlets):
        audience = _audience(recipient, after, outlets)
        if audience is None:
            continue
        name = next((heard_by[place] for place in _places(recipient, policy) if place in heard_by), audience.name)
        known = found.get(name)
        if known is None:
            found[name] = audience
        elif after < known.after:
            found[name] = replace(known, after=after)
        heard_by |= dict.fromkeys(_places(recipient, policy), name)
    return tuple(found.values())


def listeners(names: Iterable[str], policy: Policy, outlets: Outlets) -> tuple[Audience, ...]:
    """Whom a plain list of teams, channels and connections reaches, each of them once.

    A connection that takes tasks as well as messages is sent messages here.
    """
    rules = (NoticeRule(who=name) for name in names)
    told = [routing.Notice(each, timedelta()) for rule in rules for each in routing.recipients_of(rule, policy)]
    listening = replace(outlets, sinks=outlets.sinks - outlets.notifiers)
    found = (_audience(each.recipient, each.after, listening) for each in _one_way_each(told, outlets))
    return tuple({audience.name: audience for audience in found if audience is not None}.values())


def _one_way_each(notices: Iterable[routing.Notice], outlets: Outlets) -> Iterable[routing.Notice]:
    """Teams by their channel where there is a chat, else by their address."""
    listed = list(notices)
    in_chat = {n.recipient.name for n in listed if n.recipient.slack} if outlets.chat else set()
    return (n for n in listed if not (n.recipient.email and n.recipient.name in in_chat))


def _audience(recipient: routing.Recipient, after: timedelta, outlets: Outlets) -> Audience | None:
    if recipient.slack and outlets.chat:
        address, connection = recipient.slack, outlets.chat
    elif recipient.email and outlets.mail:
        address, connection = recipient.email, outlets.mail
    elif recipient.connection in outlets.sinks:
        return Audience(name=recipient.connection, connection=recipient.connection, is_sink=True, after=after)
    elif recipient.connection in outlets.notifiers:
        address, connection = "", recipient.connection
    else:
        return None
    return Audience(name=address.casefold() or connection, connection=connection, address=address, after=after)


def _places(recipient: routing.Recipient, policy: Policy) -> list[str]:
    """Every address behind a recipient, also those by which it is not told."""
    team = policy.teams.get(recipient.name, Team(name=""))
    places = (recipient.slack, recipient.email, team.slack, team.email)
    return [place.casefold() for place in places if place]
