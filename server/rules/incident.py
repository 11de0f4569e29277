"""This file finds many orders with one cause: a carrier's outage, one warehouse, one article, one payment gateway.

An incident begins when the policy's `threshold` of orders got into trouble with the same cause `within` its time,
and three times as many as that cause usually brings in such a time: a large carrier's everyday noise is none.
It ends when no more than a third of the threshold are left. While it lasts, its one ticket speaks for them.
It is an issue like others, of an order that does not exist, so that its ticket lives by the same rules.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from connectors.carriers import carrier_name
from connectors.model import Order
from server.model import Assessment, Evidence, Issue, Kind, OrderKey, OrderView, Severity, Signal
from server.rules import wording
from server.rules.policy import Policy

INCIDENTS = "*"
"""Stands for the shop in an incident's key: no connection can be named so."""
USUAL_TIMES = 3
USUAL_TIME = timedelta(days=14)
"""How far back it is counted what is usual."""
LEFT = 3
"""The incident ends at the threshold divided by this."""
LOOK_AGAIN = timedelta(hours=1)
MOST_MEMBERS = 500
MOST_NAMED = 25

_SPECIFIC_FIRST = ("sku", "place", "warehouse", "seller", "gateway", "carrier")


class Member(Struct, frozen=True):
    """An order that is in trouble for this cause."""

    order: OrderKey
    name: str
    kind: Kind
    issue_id: str


def incident_key(workspace: str, cause: str) -> OrderKey:
    """Where an incident's issues and actions are kept."""
    return OrderKey(workspace, INCIDENTS, cause)


def is_incident_key(key: OrderKey) -> bool:
    """Whether this is no order but the place of an incident."""
    return key.shop == INCIDENTS


def specific_first(causes: Iterable[str]) -> list[str]:
    """The causes, those first that explain the most: one article before a whole warehouse."""
    return sorted(dict.fromkeys(causes), key=lambda cause: (_rank(cause), cause))


def may_be_covered(assessment: Assessment, policy: Policy) -> bool:
    """Whether an incident may speak for an order's trouble: VIPs always have a ticket of their own."""
    detector = policy.detectors[Kind.INCIDENT]
    return detector.enabled and not detector.dry_run and not assessment.vip


def begins(recent: int, usual: int, policy: Policy) -> bool:
    """Whether *recent* orders within the policy's time are an incident, with *usual* in the two weeks before."""
    detector = policy.detectors[Kind.INCIDENT]
    expected = usual * (detector.within / USUAL_TIME)
    return recent >= threshold(policy) and recent >= USUAL_TIMES * expected


def goes_on(left: int, policy: Policy) -> bool:
    """Whether an incident with so many orders left in trouble lasts."""
    return left > max(threshold(policy) // LEFT, 1)


def threshold(policy: Policy) -> int:
    """How many orders make an incident; two at the least."""
    return max(2, int(policy.detectors[Kind.INCIDENT].count))


def incident_view(key: OrderKey) -> OrderView:
    """The order that does not exist."""
    return OrderView(key=key, order=Order(id=key.order_id, name=label(key.order_id)))


def assess_incident(
    cause: str, members: Sequence[Member], open_issue: Issue | None, policy: Policy, now: datetime
) -> Assessment:
    """The incident as a signal; none when it is over."""
    detector = policy.detectors[Kind.INCIDENT]
    if not detector.enabled or (open_issue is not None and not goes_on(_orders(members), policy)):
        return Assessment()
    since = open_issue.since if open_issue is not None else now
    return Assessment(signals=(_signal(cause, members, since, policy),), review_at=now + LOOK_AGAIN)


def _signal(cause: str, members: Sequence[Member], since: datetime, policy: Policy) -> Signal:
    detector, count = policy.detectors[Kind.INCIDENT], _orders(members)
    kinds = sorted({member.kind for member in members})
    troubles = wording.listed([kind.value.replace("_", " ") for kind in kinds])
    shown = f"{count}{' or more' if len(members) >= MOST_MEMBERS else ''}"
    names = list(dict.fromkeys(wording.one_line(member.name or member.order.order_id, 40) for member in members))
    more = f" and {count - MOST_NAMED} more" if count > MOST_NAMED else ""
    severity = detector.severity if count < 5 * threshold(policy) else Severity.URGENT
    return Signal(
        kind=Kind.INCIDENT,
        since=since,
        opens_at=since + detector.wait,
        headline=f"troubles {shown} orders at once: {troubles}",
        clause=f"{shown} orders have the same trouble",
        severity=severity,
        # Told again when it has doubled or another kind of trouble joins, and not for every order.
        fingerprint=f"{_doublings(count, threshold(policy))} {' '.join(kinds)} {severity}",
        reasons=(f"{shown} orders have this in common: {label(cause)}",),
        evidence=(Evidence("Orders", ", ".join(names[:MOST_NAMED]) + more),),
    )


def label(cause: str) -> str:
    """`Carrier UPS`, `UPS in Memphis`, `Warehouse Newark`, `Article MUG-1`, `Payments by Stripe`."""
    sort, _, name = cause.partition(":")
    name = wording.one_line(name, 80)
    if sort == "place":
        carrier, _, city = name.partition("|")
        return f"{carrier_name(carrier)} in {city.title()}"
    if sort == "carrier":
        return f"Carrier {carrier_name(name)}"
    if sort == "gateway":
        return f"Payments by {name.replace('_', ' ').title()}"
    return f"{'Article' if sort == 'sku' else sort.capitalize()} {name}"


def _rank(cause: str) -> int:
    sort = cause.partition(":")[0]
    return _SPECIFIC_FIRST.index(sort) if sort in _SPECIFIC_FIRST else len(_SPECIFIC_FIRST)


def _orders(members: Sequence[Member]) -> int:
    return len({member.order for member in members})


def _doublings(count: int, begin: int) -> int:
    return (max(count // begin, 1)).bit_length()
