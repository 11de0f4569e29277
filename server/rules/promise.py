"""This file judges the delivery promise: how likely it is to be missed, every reason in words and numbers.

What the carrier says of this very parcel comes first (trouble, an estimate after the promise, silence): stated chances,
round numbers of thumb. What other orders have taught (`transit.py`) gives the rest; as long as too few have been
delivered to teach anything, a stated rule of the working hours that are left stands in for it.
The answer is the largest chance, and a little for each further stated reason.
"""

import re
from datetime import date, datetime, timedelta

from msgspec import Struct

from connectors.carriers import carrier_name
from connectors.model import ShipmentState
from server.model import Kind, Level, OrderView, Promise, PromiseRisk, ShipmentView
from server.rules import wording
from server.rules.case import Case
from server.rules.parcels import calendar_of, is_followed
from server.rules.policy import Policy
from server.rules.promise_odds import WATCH_FROM, Odds, odds_of_shipment, odds_of_unshipped

SUREST = 0.9999
"""What has not happened yet is never certain."""
HOUR = timedelta(hours=1)
DAY = 24 * HOUR
_ISO_DATE = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ].*)?")
_TROUBLE = {
    ShipmentState.EXCEPTION: (0.7, "reports a problem"),
    ShipmentState.DELIVERY_FAILED: (0.7, "could not deliver it"),
    ShipmentState.RETURNING: (0.95, "is sending it back"),
}


class Reason(Struct, frozen=True):
    """One condition that holds: the chance it gives alone, a word for it that never changes, and the sentence."""

    chance: float
    word: str
    text: str
    warned: float | None = None
    """The chance as a warning goes by it, where that differs."""
    is_learnt: bool = False


def promise_of(order: OrderView, policy: Policy) -> Promise | None:
    """The date that the customer was given: the shop's own, else a note of the checkout, else the policy's rule."""
    facts = order.order
    if facts.promised_by is not None:
        return Promise(facts.promised_by, "the shop")
    attribute = policy.promise_attribute
    if attribute and facts.attributes:
        wanted = attribute.strip().casefold()
        noted = next((v for k, v in facts.attributes.items() if k.strip().casefold() == wanted), "")
        if (day := _written_date(noted)) is not None:
            return Promise(policy.calendar.end_of_day(day), f'order note "{attribute}"')
    if policy.promise_business_days and facts.placed_at is not None:
        end = policy.calendar.end_of_working_day(facts.placed_at, policy.promise_business_days)
        return Promise(end, f"policy: {policy.promise_business_days} working days")
    return None


def _written_date(text: str) -> date | None:
    """A date with the year first; day-month orders are guesses, so they are not read."""
    match = _ISO_DATE.fullmatch(text.strip())
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def judge(case: Case, promise: Promise) -> PromiseRisk:
    """How likely the promise is to be missed, and why."""
    if case.all_arrived:
        return _kept_or_missed(case, promise)
    if not _can_be_followed(case):
        return _settled(promise, 0.05, Level.ON_TRACK, "Nobody follows what is left of it")
    if case.watch.reached(promise.promised_by + timedelta(seconds=1)):
        late = wording.day(promise.promised_by, case.policy.timezone)
        return _risk(promise, [Reason(1.0, "missed", f"The promise was {late} and not everything has arrived")], case)
    reasons = [reason for shipment in case.moving for reason in _shipment_reasons(case, shipment, promise)]
    if _something_unshipped(case):
        reasons += _handover_reasons(case, promise, "unshipped", "Not everything is with the carrier yet")
    return _risk(promise, sorted(reasons, key=lambda reason: (-reason.chance, reason.word)), case)


def _risk(promise: Promise, reasons: list[Reason], case: Case) -> PromiseRisk:
    stated = _together([reason.chance for reason in reasons if not reason.is_learnt])
    learnt = [reason for reason in reasons if reason.is_learnt]
    risk = max([stated, *(min(reason.chance, SUREST) for reason in learnt)])
    warned = max([stated, *(min(reason.warned or 0.0, SUREST) for reason in learnt)])
    texts = tuple(dict.fromkeys(reason.text for reason in reasons)) or ("Nothing speaks against it so far",)
    return PromiseRisk(
        promise=promise,
        risk=risk,
        level=_level(risk, case.policy),
        reasons=texts,
        words=tuple(sorted({reason.word for reason in reasons})),
        warned=warned,
    )


def _together(chances: list[float]) -> float:
    """The largest, and a little for each further one; as it is shown, so that it is compared as it is shown."""
    if not chances:
        return 0.05
    return round(min(0.99, max(chances) + 0.05 * (len(chances) - 1)), 2) if max(chances) < 1 else 1.0


def _learnt(odds: Odds, word: str) -> Reason:
    return Reason(odds.risk, word, odds.text, odds.warned, is_learnt=True)


def _level(risk: float, policy: Policy) -> Level:
    if risk >= 1:
        return Level.MISSED
    if risk >= policy.detectors[Kind.PROMISE_AT_RISK].share:
        return Level.AT_RISK
    return Level.WATCH if risk >= WATCH_FROM else Level.ON_TRACK


def _kept_or_missed(case: Case, promise: Promise) -> PromiseRisk:
    if any(s.shipment.state is ShipmentState.RETURNED for s in case.moving):
        return _settled(promise, 1.0, Level.MISSED, "It came back", "back")
    arrived = max((s.shipment.delivered_at for s in case.moving if s.shipment.delivered_at), default=None)
    shown = f"Delivered {wording.moment(arrived, case.policy.timezone)}" if arrived else "Delivered, nobody says when"
    if arrived is None or arrived <= promise.promised_by:
        return _settled(promise, 0.0, Level.ON_TRACK, shown)
    late = wording.span(arrived - promise.promised_by)
    return _settled(promise, 1.0, Level.MISSED, f"{shown}, {late} late", "late")


def _settled(promise: Promise, risk: float, level: Level, reason: str, *words: str) -> PromiseRisk:
    return PromiseRisk(promise=promise, risk=risk, level=level, reasons=(reason,), words=words)


def _can_be_followed(case: Case) -> bool:
    """Whether anybody will say when the rest arrives. Untracked mail and downloads would else all be missed."""
    if _something_unshipped(case):
        return True
    return any(is_followed(case, s) for s in case.moving if not (s.shipment.state and s.shipment.state.is_final))


def _shipment_reasons(case: Case, found: ShipmentView, promise: Promise) -> list[Reason]:
    shipment, state = found.shipment, found.shipment.state or ShipmentState.UNKNOWN
    carrier = carrier_name(shipment.carrier) if shipment.carrier != "unknown" else "The carrier"
    reasons: list[Reason] = []
    if state.is_final or not is_followed(case, found):
        return reasons
    estimate = found.estimated_current
    if estimate is not None and estimate > promise.promised_by:
        reasons.append(Reason(0.9, "estimate", f"{carrier} now estimates {_estimated(case, estimate, promise)}"))
    if state in _TROUBLE:
        chance, words = _TROUBLE[state]
        detail = f": {wording.one_line(shipment.exception, 80)}" if shipment.exception else ""
        reasons.append(Reason(chance, state, f"{carrier} {words}{detail}"))
    elif state.is_with_carrier:
        reasons += _transit_reasons(case, found, promise, carrier)
    else:
        reasons += _handover_reasons(case, promise, "label", f"{carrier} has a label but not the parcel")
    return reasons


def _estimated(case: Case, estimate: datetime, promise: Promise) -> str:
    zone = case.policy.timezone
    days = (estimate.astimezone(zone).date() - promise.promised_by.astimezone(zone).date()).days
    if days < 1:
        return f"{wording.moment(estimate, zone)}, later that day than promised"
    return f"{wording.day(estimate, zone)}, {days} {'day' if days == 1 else 'days'} after the promise"


def _transit_reasons(case: Case, found: ShipmentView, promise: Promise, carrier: str) -> list[Reason]:
    reached, end = case.watch.reached, promise.promised_by
    last, calendar = found.last_scan_at, calendar_of(case, found)
    if found.shipment.state is ShipmentState.OUT_FOR_DELIVERY and not (last and reached(calendar.after(last, DAY))):
        return []
    reasons: list[Reason] = []
    if last is not None:
        long_silence = reached(calendar.after(last, 48 * HOUR))
        if (long_silence and reached(end - 72 * HOUR)) or (
            reached(calendar.after(last, DAY)) and reached(end - 24 * HOUR)
        ):
            left = wording.span(end - case.now)
            reasons.append(Reason(0.75, "silent", f"No scan by {carrier} for {_gap(case, last)} with {left} left"))
        elif long_silence:
            reasons.append(Reason(0.35, "quiet", f"No scan by {carrier} for {_gap(case, last)}"))
    estimate = found.estimated_current
    trusted = not reasons and estimate is not None and estimate <= end and not reached(estimate)
    if (odds := odds_of_shipment(case, found, promise, trusted=trusted)) is not None:
        return [*reasons, _learnt(odds, "in transit so long")]
    if estimate is None and reached(end - 12 * HOUR):
        reasons.append(Reason(0.35, "late in transit", f"Still on its way with {wording.span(end - case.now)} left"))
    return reasons


def _gap(case: Case, last: datetime) -> str:
    return wording.span(case.now - last)


def _something_unshipped(case: Case) -> bool:
    items = case.order.order.line_items
    if items is not None and any(item.unfulfilled is not None for item in items):
        return any(item.unfulfilled for item in items)
    return not case.moving


def _handover_reasons(case: Case, promise: Promise, word: str, text: str) -> list[Reason]:
    if (odds := odds_of_unshipped(case, promise)) is not None:
        return [_learnt(odds, f"{word} so long")]
    for hours, chance in ((24, 0.85), (48, 0.65), (72, 0.35)):
        if case.watch.reached(case.policy.calendar.before(promise.promised_by, hours * HOUR)):
            left = wording.span(case.policy.calendar.elapsed(case.now, promise.promised_by))
            return [Reason(chance, f"{word} {hours}", f"{text}, with {left} of working time left")]
    return []
