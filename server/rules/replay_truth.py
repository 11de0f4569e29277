"""This file says what came of the orders of a history, and how the risks that were stated compare with it."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from server.rules.history import HistoryRow
from server.rules.walk import Look

BINS = 10


class Trouble(Struct, frozen=True):
    """What a kind warns of, on one order: until when it could be prevented, and whether it came."""

    deadline: datetime
    came: bool


class Bin(Struct, frozen=True, kw_only=True):
    """Risks that were stated alike, and how many of those promises were missed."""

    low: float
    high: float
    weight: float
    stated: float
    came: float


def missed_promise(row: HistoryRow, ends: datetime) -> Trouble | None:
    """Missed: not delivered by the end of the promised day. None where there is no promise or nobody knows yet."""
    if row.promised_date is None or row.promised_date > ends:
        return None
    return Trouble(row.promised_date, row.delivered_at is None or row.delivered_at > row.promised_date)


def late_handover(row: HistoryRow, ends: datetime) -> Trouble | None:
    """What a marketplace minds: not handed over by the time it set."""
    if row.ship_by is None or row.ship_by > ends:
        return None
    gone = min((at for at in (row.handed_over_at, row.delivered_at) if at is not None), default=None)
    return Trouble(row.ship_by, gone is None or gone > row.ship_by)


def calibration(looks: Sequence[Look], ends: datetime) -> tuple[tuple[Bin, ...], float | None, float | None]:
    """Risks in bins, their mean squared distance from what came, and that of one risk for all."""
    known = [(look, trouble) for look in looks if (trouble := missed_promise(look.row, ends)) is not None]
    if not known:
        return (), None, None
    total = sum(look.row.weight for look, _ in known)
    base = sum(look.row.weight for look, trouble in known if trouble.came) / total
    bins = []
    for number in range(BINS):
        mine = [(k, t) for k, t in known if min(int(k.risk * BINS), BINS - 1) == number]
        weight = sum(look.row.weight for look, _ in mine)
        if not mine:
            continue
        bins.append(
            Bin(
                low=number / BINS,
                high=(number + 1) / BINS,
                weight=weight,
                stated=sum(look.row.weight * look.risk for look, _ in mine) / weight,
                came=sum(look.row.weight for look, trouble in mine if trouble.came) / weight,
            )
        )
    brier = sum(look.row.weight * (look.risk - trouble.came) ** 2 for look, trouble in known) / total
    return tuple(bins), brier, base * (1 - base)
