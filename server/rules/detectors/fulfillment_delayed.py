"""This file detects an order that is paid for and of which nothing has been sent for too long.

Trigger: neither a label nor a parcel for the policy's `threshold` of working time (`[calendar]`) since it was placed
and paid, or authorised.
Evidence: when it was placed and could be sent, what waits and where, the promise.
Silence: this detector is nothing but silence; it is told again when it has lasted twice as long.
Clears: a label is made or a parcel is sent; the shop says that it was fulfilled.
Suppressed: while it is on hold (`fulfillment_on_hold` then) or scheduled for later, as long as it is not paid, where
nothing has to be sent, and on cancelled, refunded, archived and test orders.
Defaults: severity normal, threshold 72 hours, no wait.
"""

from datetime import datetime

from server.model import Evidence, Kind, Signal
from server.rules import goods, wording
from server.rules.case import Case


def detect(case: Case) -> Signal | None:
    """See the module."""
    since = waits_since(case)
    if since is None:
        return None
    policy = case.policy.detectors[Kind.FULFILLMENT_DELAYED]
    late_at = case.policy.calendar.after(since, policy.hours)
    if not case.watch.reached(late_at):
        return None
    twice = case.watch.reached(case.policy.calendar.after(since, 2 * policy.hours))
    span, limit = wording.span(case.now - since), wording.span(policy.hours)
    when = wording.moment(since, case.policy.timezone)
    return Signal(
        kind=Kind.FULFILLMENT_DELAYED,
        since=since,
        opens_at=late_at + policy.wait,
        deadline=case.promise.promise.promised_by if case.promise else case.order.order.ship_by,
        headline=f"has not been sent {span} after it could have been",
        clause=f"nothing has been sent for {span}",
        severity=policy.severity,
        fingerprint=f"{since.isoformat()}x{1 + twice}",
        reasons=(f"It could have been sent since {when}; at least {limit} of working time have passed",),
        evidence=waiting_evidence(case, since),
        causes=goods.causes(case, case.to_send),
    )


def waits_since(case: Case) -> datetime | None:
    """Since when it could have been sent and was not; None where that is not so, or on purpose."""
    if not goods.nothing_sent(case) or goods.is_on_hold(case) or goods.is_scheduled(case):
        return None
    return goods.ready_since(case)


def waiting_evidence(case: Case, since: datetime) -> tuple[Evidence, ...]:
    """What an agent needs to ask the warehouse."""
    order, zone = case.order.order, case.policy.timezone
    pieces = [Evidence("Could be sent since", wording.moment(since, zone))]
    if case.to_send:
        pieces.append(Evidence("Waiting", goods.in_words(case.to_send, unfulfilled=True)))
    if order.warehouse:
        pieces.append(Evidence("Warehouse", wording.one_line(order.warehouse, 80)))
    if order.fulfillment_started_at:
        pieces.append(Evidence("Work began", wording.moment(order.fulfillment_started_at, zone)))
    if order.shipping_method:
        pieces.append(Evidence("Shipping method", wording.one_line(order.shipping_method, 80)))
    if case.promise:
        pieces.append(Evidence("Promise", wording.moment(case.promise.promise.promised_by, zone)))
    return tuple(pieces)
