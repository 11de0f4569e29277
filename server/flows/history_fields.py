"""This file reads the fields of one order of a history; every mistake is named with its column."""

import math
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from connectors.money import LARGEST_AMOUNT, currency_code
from server.rules.history import HistoryRow, total_of
from server.rules.wording import one_line

YEARS = range(2000, 2060)
LONGEST_TEXT = 200
MOST_ITEMS = 100_000
MOST_ORDERS = 1_000_000
"""That one row of a sample may stand for."""
_DAY_ENDS = time(23, 59, 59)
_TEXTS = ("order_id", "status", "origin", "destination", "seller")
_MOMENTS = ("approved_at", "handed_over_at", "delivered_at", "promised_date", "ship_by", "complained_at")


class Wrong(Exception):
    """What is wrong with a line: columns and texts."""

    def __init__(self, *mistakes: tuple[str, str]) -> None:
        super().__init__(*mistakes)
        self.mistakes = mistakes


def read_row(fields: dict[str, str], timezone: ZoneInfo) -> HistoryRow:
    """A row from the fields of a line, by column name. Raises Wrong with every mistake."""
    reading = _Reading(fields, timezone)
    texts = {name: reading.text(name) for name in _TEXTS}
    purchased_at = reading.moment("purchased_at", ends=False)
    if not texts["order_id"]:
        reading.mistakes.append(("order_id", "expected an order's id, got nothing"))
    if purchased_at is None and not reading.is_wrong("purchased_at"):
        reading.mistakes.append(("purchased_at", f"expected {_A_TIME}, got nothing"))
    times = {name: reading.moment(name, ends=True) for name in _MOMENTS}
    for name, moment in times.items():
        if moment is not None and purchased_at is not None and moment < purchased_at:
            placed = fields["purchased_at"].strip()
            reading.wrong(name, f"expected a time after the order was placed ({placed})")
    value, currency, items, weight = reading.value(), reading.currency(), reading.items(), reading.weight()
    if reading.mistakes or purchased_at is None:
        raise Wrong(*reading.mistakes)
    row = HistoryRow(
        order_id=texts["order_id"],
        purchased_at=purchased_at,
        status=texts["status"],
        approved_at=times["approved_at"],
        handed_over_at=times["handed_over_at"],
        delivered_at=times["delivered_at"],
        promised_date=times["promised_date"],
        origin=texts["origin"],
        destination=texts["destination"],
        ship_by=times["ship_by"],
        value=value,
        currency=currency,
        items=items,
        seller=texts["seller"],
        complained_at=times["complained_at"],
        weight=weight,
    )
    try:
        total_of(row)
    except (ValueError, ArithmeticError) as error:
        raise Wrong(("value", f"expected an amount of {currency}, got {fields['value'].strip()[:60]!r}")) from error
    return row


_A_TIME = f"an ISO time from {YEARS[0]} to {YEARS[-1]}, such as 2026-11-23T14:05:00+01:00"


class _Reading:
    """One line while it is read."""

    def __init__(self, fields: dict[str, str], timezone: ZoneInfo) -> None:
        self.mistakes: list[tuple[str, str]] = []
        self._fields = fields
        self._timezone = timezone

    def wrong(self, name: str, expected: str) -> None:
        self.mistakes.append((name, f"{expected}, got {one_line(self._fields[name], 60)!r}"))

    def is_wrong(self, name: str) -> bool:
        return any(column == name for column, _ in self.mistakes)

    def text(self, name: str) -> str:
        found = self._fields[name].strip()
        if len(found) > LONGEST_TEXT:
            self.wrong(name, f"expected at most {LONGEST_TEXT} characters")
        return found

    def moment(self, name: str, *, ends: bool) -> datetime | None:
        """A time in UTC. A date alone means the end of that day, or with *ends* off its beginning."""
        text = self._fields[name].strip()
        if not text:
            return None
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            self.wrong(name, f"expected {_A_TIME}")
            return None
        if found.year not in YEARS:
            self.wrong(name, f"expected {_A_TIME}")
            return None
        # Spreadsheets and databases write a promised day as its midnight.
        is_day = _is_date(text) or (name == "promised_date" and found.time() == time(0))
        if is_day and ends:
            found = datetime.combine(found.date(), _DAY_ENDS, found.tzinfo)
        if found.tzinfo is None:
            found = found.replace(tzinfo=self._timezone)
        return found.astimezone(UTC)

    def value(self) -> Decimal | None:
        text = self._fields["value"].strip()
        if not text:
            return None
        try:
            found = Decimal(text) if text.isascii() else Decimal("NaN")
        except InvalidOperation:
            found = Decimal("NaN")
        if not found.is_finite() or not 0 <= found <= LARGEST_AMOUNT or "_" in text:
            self.wrong("value", "expected an amount such as 12.00 and not below 0")
            return None
        return found

    def currency(self) -> str:
        text = self._fields["currency"]
        try:
            return currency_code(text) if text.strip() else ""
        except ValueError:
            self.wrong("currency", "expected a currency code such as USD")
            return ""

    def items(self) -> int | None:
        found = self._number("items")
        if found is None or (found.is_integer() and 0 <= found <= MOST_ITEMS):
            return None if found is None else int(found)
        self.wrong("items", "expected a whole number and not below 0")
        return None

    def weight(self) -> float:
        found = self._number("weight")
        if found is None or 0 < found <= MOST_ORDERS:
            return 1.0 if found is None else found
        self.wrong("weight", "expected a number above 0")
        return 1.0

    def _number(self, name: str) -> float | None:
        text = self._fields.get(name, "").strip()
        if not text:
            return None
        try:
            found = float(text) if text.isascii() and "_" not in text else math.nan
        except ValueError:
            found = math.nan
        # What is no number is below everything that is expected.
        return found if math.isfinite(found) else -1.0


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
