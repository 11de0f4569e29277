"""This file runs every detector on one order: what is wrong with it now, and when to look again.

The same function serves the sidebar, the tickets and the replay of history.
"""

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from server.model import Assessment, Kind, OrderView, Severity, Signal, Silenced
from server.rules.case import Case, examine
from server.rules.detectors import DETECTORS
from server.rules.policy import Policy
from server.rules.precedence import OUTLIVE_ARRIVAL, OUTLIVE_THE_ORDER, PRECEDENCE, SILENCED_BY, worth_asking
from server.rules.promise import judge, promise_of
from server.rules.transit import UNLEARNED, Transit
from server.rules.watch import Watch


def assess(order: OrderView, now: datetime, policy: Policy, transit: Transit = UNLEARNED) -> Assessment:
    """Everything there is to say about *order* at *now*.

    `review_at` lies after *now* and is no later than the first moment at which silence alone would change the answer.
    """
    watch = Watch(now)
    case = examine(order, policy, watch, transit)
    if order.order.is_test:
        return Assessment(high_value=case.high_value, vip=case.vip)
    promise = promise_of(order, policy)
    judged = None if promise is None or order.order.cancelled_at else judge(case, promise)
    case = replace(case, promise=judged)
    found = {kind: signal for kind in _worth_asking(case) if (signal := _signal(case, kind)) is not None}
    # What is over and has no trouble has nothing to forget: it need not be looked at again for that.
    if (found or not _is_over(case)) and _is_forgotten(case):
        return Assessment(high_value=case.high_value, vip=case.vip)
    silenced = _silenced(found, now, policy) if len(found) > 1 else ()
    for each in silenced:
        del found[each.kind]
    return Assessment(
        signals=tuple(found.values()),
        silenced=silenced,
        promise=judged,
        high_value=case.high_value,
        vip=case.vip,
        review_at=watch.next,
    )


def _silenced(found: Mapping[Kind, Signal], now: datetime, policy: Policy) -> tuple[Silenced, ...]:
    """Which of the signals are silent because another one says more. One that is silent itself still says more."""
    told = [kind for kind in found if found[kind].opens_at <= now and not policy.detectors[kind].dry_run]
    louder = {
        kind: [by for by in told if by in SILENCED_BY.get(kind, ()) and _covers(found[by], signal)]
        for kind, signal in found.items()
    }
    return tuple(Silenced(kind, by[0]) for kind, by in louder.items() if by)


def _covers(louder: Signal, signal: Signal) -> bool:
    """Whether it is about all that *signal* is about: what is said of one parcel says nothing of another."""
    return not louder.parcels or set(signal.parcels) <= set(louder.parcels)


def _signal(case: Case, kind: Kind) -> Signal | None:
    policy = case.policy.detectors[kind]
    if not policy.enabled:
        return None
    signal = DETECTORS[kind](case)
    if signal is None or (policy.when is not None and not policy.when.holds(case.facts)):
        return None
    case.watch.reached(signal.opens_at)
    severity = _raised(case, signal)
    return replace(signal, severity=severity, fingerprint=f"{signal.fingerprint} {severity}")


def _worth_asking(case: Case) -> tuple[Kind, ...]:
    """Which detectors can have anything to say: a cancellation, a refund or an arrival ends most trouble."""
    order, payments = case.order.order, case.order.payments
    has = [
        "parcels" if case.moving else "no parcels",
        *(("payments", "money asked back") if payments else ()),
        *(("money asked back",) if order.refund_requests else ()),
        *(("contacts",) if case.order.contacts else ()),
        *(("cancellation",) if order.cancelled_at or order.cancel_requested_at else ()),
        *(("a high value",) if case.high_value else ()),
        *(("a promise",) if case.promise is not None else ()),
        *(("deadlines",) if order.ship_by or order.deliver_by else ()),
    ]
    kinds: tuple[Kind, ...] = PRECEDENCE
    if _was_called_off(case):
        kinds = OUTLIVE_THE_ORDER
    elif case.all_arrived:
        kinds = OUTLIVE_ARRIVAL
    return worth_asking(kinds, frozenset(has))


def _was_called_off(case: Case) -> bool:
    return case.order.order.cancelled_at is not None or case.is_settled


def _is_over(case: Case) -> bool:
    return case.all_arrived or _was_called_off(case)


def _raised(case: Case, signal: Signal) -> Severity:
    """One step up for a VIP or a valuable order, and one when the deadline is near (`escalate_before`)."""
    steps = int(case.vip or case.high_value)
    if signal.deadline is not None:
        steps += case.watch.reached(signal.deadline - case.policy.escalate_before)
    ladder = list(Severity)
    return ladder[min(signal.severity.rank + steps, len(ladder) - 1)]


def _is_forgotten(case: Case) -> bool:
    """Nothing has been heard of it for so long that nobody waits for it: backfills must not open tickets."""
    order = case.order.order
    news = [order.updated_at, order.placed_at, order.cancelled_at, order.cancel_requested_at]
    news += [moment for s in case.order.shipments for moment in (s.last_scan_at, s.shipment.shipped_at)]
    news += [payment.created_at for payment in case.order.payments]
    news += [attempt.at for payment in case.order.payments for attempt in payment.attempts]
    news += [refund.at for payment in case.order.payments for refund in payment.refunds]
    news += [payment.dispute.opened_at for payment in case.order.payments if payment.dispute]
    news += [payment.fraud_warning.at for payment in case.order.payments if payment.fraud_warning]
    news += [contact.at for contact in case.order.contacts]
    last = max((moment for moment in news if moment is not None), default=None)
    return last is not None and case.watch.reached(last + case.policy.ignore_after)
