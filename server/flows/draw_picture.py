"""This file places an order's promise, its scans and today on one line of time."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from server.context import Context
from server.flows.draw_shipment import FINAL, GAP
from sidebar import words
from sidebar.picture import Caption, Mark, Picture, Stretch

MOST_SCANS = 60
_DAY = timedelta(days=1)
_EDGE = 3.0
"""Percent at each end that stay free, so that no mark is cut off."""
_NEAR = 34.0
"""Percent between two captions below the line that both can be read at 258 px."""


def draw_picture(context: Context, zone: ZoneInfo) -> Picture | None:
    """The picture; None where there is nothing to compare: neither a promise nor a scan."""
    order, promise = context.order, context.promise
    scans = sorted(scan.time for shipment in context.shipments for scan in shipment.scans)[-MOST_SCANS:]
    if order is None or not (promise or scans):
        return None
    return _Line(context, zone, scans).picture()


class _Line:
    """The scale, and what stands on it."""

    def __init__(self, context: Context, zone: ZoneInfo, scans: list[datetime]) -> None:
        self.context, self.zone, self.scans, self.now = context, zone, scans, context.as_of
        self.placed = context.order.placed_at if context.order else None
        self.promised = context.promise.promised_by if context.promise else None
        moving = [found for found in context.shipments if found.state not in FINAL]
        self.estimate = max((at for found in moving if (at := found.estimated_delivery.current)), default=None)
        arrived = [found.delivered_at for found in context.shipments if found.delivered_at]
        self.is_moving = bool(moving)
        self.delivered = max(arrived) if arrived and not moving else None
        day = self._promised_day()
        known = [at for at in (self.placed, self.estimate, self.delivered, self.now, *day, *scans) if at]
        self.begins, self.ends = min(known), max(known)

    def picture(self) -> Picture:
        return Picture(
            sentence=" ".join(self._sentences()),
            stretches=tuple(self._stretches()),
            marks=tuple(self._marks()),
            captions=tuple(self._captions()),
        )

    def _at(self, moment: datetime) -> float:
        length = (self.ends - self.begins) / _DAY
        part = (moment - self.begins) / _DAY / length if length > 0 else 0.5
        return round(_EDGE + part * (100 - 2 * _EDGE), 1)

    def _promised_day(self) -> tuple[datetime, ...]:
        """Begin and end of the promised day in the workspace's time zone: until its end the promise is kept."""
        if self.promised is None:
            return ()
        begins = self.promised.astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        return begins, max(self.promised, begins + timedelta(hours=23, minutes=59))

    def _stretches(self) -> Iterable[Stretch]:
        if day := self._promised_day():
            begins, ends = (self._at(moment) for moment in day)
            yield Stretch(begins, round(max(2.0, ends - begins), 1), "promise")
        if silence := self._silence():
            begins = self._at(self.scans[-1])
            yield Stretch(begins, round(max(0.0, self._at(self.scans[-1] + silence) - begins), 1), "silence")

    def _silence(self) -> timedelta | None:
        """How long nothing has been heard, where that is long."""
        if not self.scans or not self.is_moving:
            return None
        silence = self.now - self.scans[-1]
        return silence if silence >= GAP else None

    def _marks(self) -> Iterable[Mark]:
        if self.placed:
            yield Mark(self._at(self.placed), "ordered")
        yield from (Mark(self._at(at), "scan") for at in self.scans)
        if self.estimate:
            yield Mark(self._at(self.estimate), "estimate")
        if self.delivered:
            yield Mark(self._at(self.delivered), "delivered")
        yield Mark(self._at(self.now), "now")

    def _captions(self) -> Iterable[Caption]:
        yield _caption(self._at(self.now), "now", is_above=True)
        end = None
        if self.promised:
            end = _caption(self._at(self.promised), f"promised {words.day(self.promised, self.zone, self.now)}")
            yield end
        if self.placed and (end is None or end.at - self._at(self.placed) > _NEAR + 20 * (end.anchor == "middle")):
            yield _caption(self._at(self.placed), words.date(self.placed, self.zone, self.now))

    def _sentences(self) -> Iterable[str]:
        if self.placed:
            yield f"Ordered {words.date(self.placed, self.zone, self.now)}."
        if self.promised:
            yield f"Promised for {words.full_day(self.promised, self.zone, self.now)}."
        if self.estimate:
            yield f"The carrier expects {words.full_day(self.estimate, self.zone, self.now)}."
        if self.delivered:
            yield f"Delivered {words.moment(self.delivered, self.zone)}."
        if self.scans:
            count = "1 scan" if len(self.scans) == 1 else f"{len(self.scans)} scans"
            yield f"{count}, the last one {words.ago(self.scans[-1], self.now)}."
        else:
            yield "No scan so far."


def _caption(at: float, text: str, *, is_above: bool = False) -> Caption:
    """Anchored so that it stays on the line."""
    anchor = "start" if at < 25 else "end" if at > 75 else "middle"
    return Caption(at, anchor, text, is_above)
