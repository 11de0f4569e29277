"""This file detects an order that will probably miss the date the customer was given.

Trigger: the risk that `rules/promise.py` states reaches the policy's `threshold`, by what was known with `[promise]
notice` still left before the date: the mere approach of the date warns nobody in its last hours.
Evidence: the promise and where it comes from, the carrier's original and current estimate, every reason.
Silence: the closer the date without progress, the higher the risk.
Clears: the risk falls below the threshold, or everything arrives.
Suppressed: by promise_missed once the date has passed; cancelled, refunded, voided and test orders; after arrival.
Defaults: severity normal, threshold 0.6, no wait.
"""

from datetime import datetime

from server.model import Evidence, Kind, Level, PromiseRisk, Signal
from server.rules import wording
from server.rules.case import Case


def detect(case: Case) -> Signal | None:
    """See the module."""
    found = case.promise
    if found is None or case.all_arrived or not _is_worth_a_warning(found, case):
        return None
    policy = case.policy.detectors[Kind.PROMISE_AT_RISK]
    since = last_news(case)
    return Signal(
        kind=Kind.PROMISE_AT_RISK,
        since=since,
        opens_at=since + policy.wait,
        deadline=found.promise.promised_by,
        headline=_headline(found, case),
        clause=wording.promise_clause(found, case.now, case.policy.timezone),
        severity=policy.severity,
        fingerprint=f"{found.promise.promised_by.isoformat()} {found.level} {','.join(sorted(found.words))}",
        reasons=found.reasons,
        evidence=_evidence(case, found),
        risk=found.risk,
    )


def _is_worth_a_warning(found: PromiseRisk, case: Case) -> bool:
    """By the risk while there still was time to act; a warning that came in time stays until the date has passed."""
    return found.level is not Level.MISSED and found.warned >= case.policy.detectors[Kind.PROMISE_AT_RISK].share


def last_news(case: Case) -> datetime:
    """Since when the order has been as it is: its last scan, else when it was placed, else now."""
    scans = [s.last_scan_at for s in case.order.shipments if s.last_scan_at is not None]
    return max(scans, default=case.order.order.placed_at or case.now)


def _headline(found: PromiseRisk, case: Case) -> str:
    when = wording.relative_day(found.promise.promised_by, case.now, case.policy.timezone)
    return f"may miss its delivery promise {when} (risk {found.risk:.0%})"


def _evidence(case: Case, found: PromiseRisk) -> tuple[Evidence, ...]:
    zone = case.policy.timezone
    promise = found.promise
    pieces = [Evidence("Promise", f"{wording.moment(promise.promised_by, zone)} (given by {promise.source})")]
    for shipment in case.moving:
        current, original = shipment.estimated_current, shipment.estimated_original
        if current is None:
            continue
        was = f", first {wording.day(original, zone)}" if original is not None and original != current else ""
        pieces.append(Evidence("Carrier's estimate", f"{wording.day(current, zone)}{was}"))
    return tuple(pieces)
