"""This file detects money that was to go back to the customer and did not arrive.

Trigger: a refund failed or was cancelled, and what was refunded after it does not cover its amount.
Evidence: the amount, why, by which processor, when.
Silence: plays no part.
Clears: a later refund of the order (one that is on its way counts) covers the amount.
Suppressed: test orders. Not by cancellation or because the shop says refunded: then most of all is it trouble.
Defaults: severity high, no wait.
"""

from collections import Counter

from connectors.model import Payment, Refund
from server.model import Evidence, Kind, Signal
from server.rules import wording
from server.rules.case import Case

_CAME_TO_NOTHING = frozenset({"failed", "cancelled"})

_Found = tuple[Payment, Refund]


def detect(case: Case) -> Signal | None:
    """See the module."""
    told = [(payment, refund) for payment in case.order.payments for refund in payment.refunds]
    if not told:
        return None
    lost = _uncovered(told)
    if not lost:
        return None
    payment, last = lost[-1]
    policy, zone = case.policy.detectors[Kind.REFUND_FAILED], case.policy.timezone
    of_amount = f" of {last.amount}" if last.amount else ""
    verb = _verb(last)
    headline = f"has a refund{of_amount} that {verb}"
    if len(lost) > 1:
        headline = f"has {len(lost)} refunds that did not go through"
    return Signal(
        kind=Kind.REFUND_FAILED,
        since=last.at,
        opens_at=last.at + policy.wait,
        headline=headline,
        clause=f"a refund{of_amount} {verb}",
        severity=policy.severity,
        fingerprint=" ".join(sorted(f"{refund.id}:{refund.state}" for _, refund in lost)),
        reasons=tuple(
            f"The refund {_verb(refund)} {wording.moment(refund.at, zone)}: {_why(refund)}" for _, refund in lost
        ),
        evidence=tuple(_evidence(each, case) for each in lost),
        causes=(f"gateway:{payment.processor}",),
    )


def _uncovered(told: list[_Found]) -> list[_Found]:
    """From the latest back: what came to nothing, less what went through later. Oldest first.

    One whose amount is not known stands for another such one only.
    """
    lost: list[_Found] = []
    spare: Counter[str] = Counter()
    for found in sorted(told, key=lambda found: (found[1].at, found[1].id), reverse=True):
        amount = found[1].amount
        currency, units = (amount.currency, amount.amount) if amount is not None else ("", 1)
        if found[1].state not in _CAME_TO_NOTHING:
            spare[currency] += units
        elif spare[currency] >= units:
            spare[currency] -= units
        else:
            lost.append(found)
    return lost[::-1]


def _verb(refund: Refund) -> str:
    return "was cancelled" if refund.state == "cancelled" else "failed"


def _why(refund: Refund) -> str:
    return wording.one_line(refund.failure) or "no reason given"


def _evidence(found: _Found, case: Case) -> Evidence:
    payment, refund = found
    processor, when = payment.processor.replace("_", " ").title(), wording.moment(refund.at, case.policy.timezone)
    return Evidence("Refund", f"{refund.amount or 'amount not known'} by {processor}, {when}: {_why(refund)}")
