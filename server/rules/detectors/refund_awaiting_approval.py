"""This file detects a customer who asked for their money back and has waited too long for an answer.

Trigger: a refund or return request that nobody has decided, or a refund that waits for somebody to act, for the
policy's `threshold` of working time (`[calendar]`).
Evidence: what is asked, how much, why, since when.
Silence: this detector is nothing but silence; it is told again when the wait has lasted twice as long.
Clears: the request is approved, declined, cancelled or closed; the refund goes on.
Suppressed: test orders; a request, not a stuck refund, where the shop says that all the money went back. Not by
delivery, since most requests come after it, nor by cancellation, which returns no money by itself.
Defaults: severity normal, threshold 24 hours, no wait.
"""

from datetime import datetime

from msgspec import Struct

from connectors.money import Money
from server.model import Evidence, Kind, Signal
from server.rules import wording
from server.rules.case import Case


class _Waiting(Struct, frozen=True):
    id: str
    at: datetime
    amount: Money | None
    what: str
    why: str


def detect(case: Case) -> Signal | None:
    """See the module."""
    policy = case.policy.detectors[Kind.REFUND_AWAITING_APPROVAL]
    after = case.policy.calendar.after
    late = [each for each in _waiting(case) if case.watch.reached(after(each.at, policy.hours))]
    if not late:
        return None
    twice = [each for each in late if case.watch.reached(after(each.at, 2 * policy.hours))]
    first = min(late, key=lambda each: (each.at, each.id))
    zone, span = case.policy.timezone, wording.span(case.now - first.at)
    of_amount = f" of {first.amount}" if first.amount else ""
    headline = f"has a refund request{of_amount} that has waited for {span}"
    if len(late) > 1:
        headline = f"has {len(late)} refund requests that have waited for up to {span}"
    limit = wording.span(policy.hours)
    return Signal(
        kind=Kind.REFUND_AWAITING_APPROVAL,
        since=first.at,
        opens_at=after(first.at, policy.hours) + policy.wait,
        headline=headline,
        clause=f"a refund{of_amount} has waited for a decision for {span}",
        severity=policy.severity,
        fingerprint=" ".join(f"{each.id}x{1 + (each in twice)}" for each in sorted(late, key=lambda each: each.id)),
        reasons=(f"{first.what} {wording.moment(first.at, zone)}; at least {limit} of working time have passed",),
        evidence=tuple(
            Evidence(each.what, f"{each.amount or 'amount not stated'}, {wording.moment(each.at, zone)}: {each.why}")
            for each in late
        ),
    )


def _waiting(case: Case) -> list[_Waiting]:
    asked = [
        _Waiting(each.id, each.at, each.amount, "Refund asked for", wording.one_line(each.reason) or "no reason given")
        for each in case.order.order.refund_requests or ()
        if each.state == "requested" and not case.is_settled
    ]
    stuck = [
        _Waiting(each.id, each.at, each.amount, "Refund stuck", "the customer has to give the bank details it goes to")
        for payment in case.order.payments
        for each in payment.refunds
        if each.state == "requires_action"
    ]
    return [*asked, *stuck]
