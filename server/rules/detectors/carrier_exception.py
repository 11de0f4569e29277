"""This file detects a parcel with which the carrier says something is wrong.

Trigger: the last word on a parcel is an exception: lost, damaged, in customs, held, refused, misrouted, delayed.
Evidence: what the carrier says and where, which kind of trouble it is, the last scan.
Silence: plays no part but for the policy's `wait`.
Clears: any later scan that is no exception; delivery; return.
Suppressed: where the trouble is the address (address_problem), a failed attempt (delivery_attempt_failed) or a return
(returned_to_sender), and on cancelled, refunded and test orders.
Defaults: severity high; one step less for what mostly cures itself (weather, delays, wrong routes). No wait.
"""

from connectors.model import Problem, ShipmentState
from server.model import Evidence, Kind, Severity, ShipmentView, Signal
from server.rules import parcels, wording
from server.rules.case import Case
from server.rules.detectors.address_problem import is_of_address
from server.rules.parcels import Finding

_PHRASES = {
    Problem.DAMAGED: "damaged on the way",
    Problem.LOST: "lost on the way",
    Problem.CUSTOMS: "held up in customs",
    Problem.HELD: "that {carrier} is holding",
    Problem.REFUSED: "refused at the door",
    Problem.WEATHER: "held up by the weather",
    Problem.MISROUTED: "that {carrier} sent the wrong way",
    Problem.DELAYED: "delayed by {carrier}",
}
_OTHERWISE = "with which {carrier} reports a problem"
_CURES_ITSELF = frozenset({Problem.WEATHER, Problem.MISROUTED, Problem.DELAYED})


def detect(case: Case) -> Signal | None:
    """See the module."""
    troubled = [s for s in case.moving if s.shipment.state is ShipmentState.EXCEPTION and not is_of_address(s)]
    return parcels.signal_of(case, Kind.CARRIER_EXCEPTION, [_finding(case, found) for found in troubled])


def problem_of(found: ShipmentView) -> Problem:
    """In one word of ours; `other` where nobody's code says it."""
    scan = parcels.last_scan(found)
    return found.shipment.problem or (scan.problem if scan else None) or Problem.OTHER


def _finding(case: Case, found: ShipmentView) -> Finding:
    problem, carrier = problem_of(found), parcels.carrier_of(found)
    since = parcels.begun_at(found, ShipmentState.EXCEPTION) or parcels.known_since(case, found)
    said = wording.one_line(found.shipment.exception or "", 160) or "no reason given"
    severity = case.policy.detectors[Kind.CARRIER_EXCEPTION].severity
    return Finding(
        parcel=found,
        since=since,
        due=since,
        phrase=_PHRASES.get(problem, _OTHERWISE).format(carrier=carrier),
        word=problem.value,
        reason=f"{carrier[0].upper()}{carrier[1:]} says since {wording.moment(since, case.policy.timezone)}: {said}",
        evidence=(Evidence("Kind of trouble", problem.value.replace("_", " ")),),
        severity=_one_less(severity) if problem in _CURES_ITSELF else None,
    )


def _one_less(severity: Severity) -> Severity:
    return list(Severity)[max(severity.rank - 1, 0)]
