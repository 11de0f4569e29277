"""This file detects an order that was promised by a date which has passed, and that has not arrived.

Trigger: the promise's moment has passed and something that can be followed has neither arrived nor come back.
Evidence: the promise and where it comes from, the carrier's estimate, where the parcels are.
Silence: the promise's date passes.
Clears: everything arrives, or comes back.
Suppressed: cancelled, refunded, voided and test orders; what nobody follows (no tracking number, a small courier of
whom only the shop speaks, a download).
Defaults: severity normal, no wait.
"""

from datetime import timedelta

from server.model import Evidence, Kind, Level, PromiseRisk, Signal
from server.rules import goods, parcels, wording
from server.rules.case import Case

WELL_LATE = timedelta(days=7)
"""After so long an agent wants to be told again."""


def detect(case: Case) -> Signal | None:
    """See the module."""
    found = case.promise
    if found is None or case.all_arrived or found.level is not Level.MISSED:
        return None
    promised_by = found.promise.promised_by
    if not case.watch.reached(promised_by + timedelta(seconds=1)):
        return None
    policy = case.policy.detectors[Kind.PROMISE_MISSED]
    when = wording.relative_day(promised_by, case.now, case.policy.timezone)
    well_late = case.watch.reached(promised_by + WELL_LATE)
    states = " ".join(sorted(f"{s.shipment.key}:{s.shipment.state}" for s in case.moving))
    return Signal(
        kind=Kind.PROMISE_MISSED,
        since=promised_by,
        opens_at=promised_by + timedelta(seconds=1) + policy.wait,
        headline=f"has missed its delivery promise {when}",
        clause=wording.promise_clause(found, case.now, case.policy.timezone),
        severity=policy.severity,
        fingerprint=f"{promised_by.isoformat()} {states} {well_late}",
        reasons=found.reasons,
        evidence=_evidence(case, found),
        risk=found.risk,
        causes=_causes(case),
    )


def _causes(case: Case) -> tuple[str, ...]:
    """Of those who still have something of it: carriers of what has not arrived, the warehouse of what was not sent."""
    under_way = [s for s in case.moving if not (s.shipment.state and s.shipment.state.is_final)]
    waits = bool(case.to_send) or not case.moving
    return (*(goods.causes(case, case.to_send) if waits else ()), *parcels.causes(under_way))


def _evidence(case: Case, found: PromiseRisk) -> tuple[Evidence, ...]:
    zone, promise = case.policy.timezone, found.promise
    pieces = [Evidence("Promise", f"{wording.moment(promise.promised_by, zone)} (given by {promise.source})")]
    for parcel in case.moving:
        if parcel.estimated_current is not None:
            pieces.append(Evidence("Carrier's estimate", wording.day(parcel.estimated_current, zone)))
        pieces += parcels.evidence(case, parcel)
    return tuple(dict.fromkeys(pieces))
