"""This file detects an order that the shop or its warehouse holds back and that nobody lets go on.

Trigger: a hold on its fulfilment stays open for the policy's `threshold` of working time (`[calendar]`).
Evidence: why it is held in plain words, since when, what waits and where.
Silence: this detector is nothing but silence; it is told again when it has lasted twice as long.
Clears: every hold is released; the order is sent.
Suppressed: cancelled, refunded, archived and test orders, and where everything has been sent.
Defaults: severity normal, threshold 24 hours, no wait.
"""

from datetime import datetime

from connectors.model import Hold
from server.model import Evidence, Kind, Signal
from server.rules import goods, wording
from server.rules.case import Case

_REASONS = {
    "awaiting_payment": "the payment is not complete",
    "awaiting_return_items": "returned items have not come back yet",
    "high_risk_of_fraud": "it looks like fraud",
    "incorrect_address": "the address is wrong",
    "inventory_out_of_stock": "it is out of stock",
    "online_store_post_purchase_cross_sell": "the customer could still add to it",
    "unknown_delivery_date": "the delivery date is not known",
}
UNKNOWN = "no reason was given"


def detect(case: Case) -> Signal | None:
    """See the module."""
    order = case.order.order
    if not goods.is_on_hold(case) or order.closed_at is not None:
        return None
    if order.line_items is not None and not case.to_send:
        return None
    holds = order.holds or (Hold(reason=""),)
    since = held_since(case, holds)
    if since is None:
        return None
    policy = case.policy.detectors[Kind.FULFILLMENT_ON_HOLD]
    late_at = case.policy.calendar.after(since, policy.hours)
    if not case.watch.reached(late_at):
        return None
    twice = case.watch.reached(case.policy.calendar.after(since, 2 * policy.hours))
    whys = list(dict.fromkeys(reason(hold) for hold in holds))
    span, because = wording.span(case.now - since), wording.listed(whys)
    return Signal(
        kind=Kind.FULFILLMENT_ON_HOLD,
        since=since,
        opens_at=late_at + policy.wait,
        deadline=case.promise.promise.promised_by if case.promise else order.ship_by,
        headline=f"has been on hold for {span}: {because}",
        clause=f"it has been on hold for {span} ({because})",
        severity=policy.severity,
        fingerprint=f"{','.join(sorted(hold.reason for hold in holds))} {since.isoformat()}x{1 + twice}",
        reasons=(
            f"Held since {wording.moment(since, case.policy.timezone)}: {because}; "
            f"at least {wording.span(policy.hours)} of working time have passed",
        ),
        evidence=_evidence(case, holds),
        causes=goods.causes(case, case.to_send if any(h.reason == "inventory_out_of_stock" for h in holds) else ()),
    )


def held_since(case: Case, holds: tuple[Hold, ...]) -> datetime | None:
    """The oldest hold; where none says since when, the order's own beginning."""
    order = case.order.order
    known = [hold.since for hold in holds if hold.since is not None]
    return min(known, default=order.fulfillment_started_at or order.placed_at)


def reason(hold: Hold) -> str:
    """Why it is held, in plain words: ours, else what whoever holds it wrote."""
    known = _REASONS.get(hold.reason.lower())
    written = wording.one_line(hold.text, 120)
    spoken = wording.one_line(hold.reason.replace("_", " "), 60) if hold.reason.lower() != "other" else ""
    return known or written or spoken or UNKNOWN


def _evidence(case: Case, holds: tuple[Hold, ...]) -> tuple[Evidence, ...]:
    zone, pieces = case.policy.timezone, []
    for hold in holds:
        why, note = reason(hold), wording.one_line(hold.text, 120)
        since = f", since {wording.moment(hold.since, zone)}" if hold.since else ""
        pieces.append(Evidence("On hold because", why + (f" ({note})" if note and note != why else "") + since))
    if case.to_send:
        pieces.append(Evidence("Waiting", goods.in_words(case.to_send, unfulfilled=True)))
    if case.order.order.warehouse:
        pieces.append(Evidence("Warehouse", wording.one_line(case.order.order.warehouse, 80)))
    return tuple(pieces)
