"""This file answers six questions for every kind of trouble by one policy, in plain words.

Who owns the ticket, what status triggers it, which team is alerted, when is the customer told, what happens when the
carrier later updates the scan, what is logged back. `policy explain`, `policy try` and the API give the same answers.
"""

from collections.abc import Mapping
from datetime import timedelta

from msgspec import Struct

from server.model import Kind, Severity
from server.rules import routing
from server.rules.kinds import SUMMARY
from server.rules.policy import NoticeRule, Policy, Recovery
from server.rules.policy_text import duration_text, threshold_text
from server.rules.precedence import NEVER_BESIDE, SILENCED_BY

_RECOVERY: Mapping[Recovery, str] = {
    Recovery.SOLVE: "is solved, unless a person has worked on it",
    Recovery.NOTE: "stays open for a person to solve",
}


class Answers(Struct, frozen=True, kw_only=True):
    """One kind. The six answers are texts; what they follow from stands beside them."""

    kind: Kind
    title: str
    enabled: bool
    dry_run: bool
    severity: Severity
    wait: str
    threshold: str
    within: str
    when: str
    owner: str
    trigger: str
    alerted: str
    customer: str
    later_scan: str
    logged_back: str
    clears: str
    silent_while: tuple[Kind, ...]
    """Other kinds that say more: while one of them is found, this one is not told."""


def explain(policy: Policy) -> list[Answers]:
    """Every kind."""
    return [answers_for(kind, policy) for kind in Kind]


def answers_for(kind: Kind, policy: Policy) -> Answers:
    """One kind."""
    detector, summary = policy.detectors[kind], SUMMARY[kind]
    return Answers(
        kind=kind,
        title=summary.title,
        enabled=detector.enabled,
        dry_run=detector.dry_run,
        severity=detector.severity,
        wait=duration_text(detector.wait),
        threshold="" if detector.threshold is None else threshold_text(detector).strip('"'),
        within=duration_text(detector.within) if detector.within else "",
        when=detector.when.text if detector.when else "",
        owner=_owner(kind, policy),
        trigger=_trigger(kind, policy),
        alerted=_alerted(kind, policy),
        customer=_customer(kind, policy),
        later_scan=summary.later_scan.format(recovery=_RECOVERY[detector.on_recovery]),
        logged_back=_logged_back(kind, policy),
        clears=summary.clears,
        silent_while=tuple(sorted(SILENCED_BY.get(kind, frozenset()) | NEVER_BESIDE.get(kind, frozenset()))),
    )


def _owner(kind: Kind, policy: Policy) -> str:
    owner = routing.owner_of(kind, policy)
    if owner is not None:
        return f"{owner.name} (group {owner.group})" if owner.group else owner.name
    return f"group {policy.group}" if policy.group else "whoever takes it"


def _trigger(kind: Kind, policy: Policy) -> str:
    detector, summary = policy.detectors[kind], SUMMARY[kind]
    pieces = [summary.trigger]
    if detector.threshold is not None:
        within = f" within {duration_text(detector.within)}" if detector.within else ""
        pieces.append(f"Threshold: {threshold_text(detector).strip(chr(34))} ({summary.threshold}){within}.")
    if detector.wait:
        pieces.append(f"A ticket opens once it has held for {duration_text(detector.wait)}.")
    if detector.when is not None:
        pieces.append(f"Only if {detector.when.text}")
    return " ".join(pieces)


def _alerted(kind: Kind, policy: Policy) -> str:
    return "; ".join(_rule(rule, policy) for rule in policy.detectors[kind].notify) or "nobody"


def _rule(rule: NoticeRule, policy: Policy) -> str:
    recipients = routing.recipients_of(rule, policy)
    ways = ", ".join(way for r in recipients if (way := r.slack or r.email) and way != rule.who)
    after = f"{duration_text(rule.after)} after it is " if rule.after else "when "
    return f"{rule.who}{f' ({ways})' if ways else ''} {after}{' or '.join(rule.when)}"


def _customer(kind: Kind, policy: Policy) -> str:
    message, wait = routing.message_for(kind, policy), policy.detectors[kind].customer_wait
    if message is None:
        return "not told"
    when = f"{duration_text(wait)} after the ticket has opened" if wait else "when the ticket opens"
    by = "in the ticket" if message.via in ("", "helpdesk") else f"by {message.via}"
    lately = _unless_told(policy.customer_told_within)
    return f'"{message.name}" {when}, {by}{lately}'


def _unless_told(within: timedelta) -> str:
    return f", unless told anything in the last {duration_text(within)}" if within else ""


def _logged_back(kind: Kind, policy: Policy) -> str:
    found = routing.log_back_for(kind, policy)
    return f"opening and end, to {', '.join(found)}" if found else "nothing"
