"""This file is how a vendor's JSON becomes values that can be trusted: bounded times, exact money, short lines.

Everything here raises ValueError with the field's place where a value cannot be what it says.
A webhook then is Unreadable, a live answer Garbled.
"""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from hashlib import blake2b
from typing import Annotated, TypeVar

import msgspec
from babel.numbers import get_currency_precision

from connectors.contract import Garbled, Unreadable
from connectors.money import Money, currency_code

T = TypeVar("T")
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its offset; one without is refused."""

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=24)
"""How far a source's clock may be ahead of ours. A word from further in the future would win over all later ones."""
LONGEST_LINE = 200

_UNREADABLE = (msgspec.MsgspecError, RecursionError, ValueError, ArithmeticError)
_encode = msgspec.json.Encoder(order="deterministic").encode


@contextmanager
def webhook() -> Iterator[None]:
    """Whatever is wrong with a webhook's body is Unreadable."""
    try:
        yield
    except _UNREADABLE as error:
        raise Unreadable(str(error)) from error


@contextmanager
def answer_of(system: str) -> Iterator[None]:
    """Whatever is wrong with an answer of *system* is Garbled."""
    try:
        yield
    except _UNREADABLE as error:
        raise Garbled(system, str(error)) from error


def decode(body: bytes | msgspec.Raw, kind: type[T]) -> T:
    """JSON as *kind*. Nesting too deep, broken UTF-8 and numbers without end are errors like any other."""
    try:
        return msgspec.json.decode(body, type=kind)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deep") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"the JSON is not UTF-8 (byte {error.start})") from error


def instant(value: datetime, where: str, *, latest: datetime = LATEST) -> datetime:
    """The same time in UTC. Raises ValueError before 1990 and after *latest*."""
    try:
        moment = value.astimezone(UTC)
    except OverflowError:
        moment = None
    if moment is None or not EARLIEST <= moment <= latest:
        raise ValueError(f"{where}: expected a time between 1990 and {latest:%Y-%m-%d %H:%M} UTC, got {value}")
    return moment


def maybe_instant(value: datetime | None, where: str) -> datetime | None:
    """The same, or None where nothing is said."""
    return None if value is None else instant(value, where)


def from_unix(seconds: int, where: str, *, latest: datetime = LATEST) -> datetime:
    """Unix seconds in UTC, within the same bounds."""
    if not EARLIEST.timestamp() <= seconds <= latest.timestamp():
        said = str(seconds) if abs(seconds) < 10**20 else "a number with more than 20 digits"
        raise ValueError(f"{where}: expected Unix seconds between 1990 and {latest:%Y-%m-%d %H:%M} UTC, got {said}")
    return datetime.fromtimestamp(seconds, UTC)


def money(value: Decimal | int, currency: str, where: str) -> Money:
    """An amount in major units, rounded to the currency's minor unit where the vendor says more decimals."""
    try:
        code = currency_code(currency)
        exact = Decimal(value)
        if exact.is_finite() and exact.adjusted() < 20:
            unit = Decimal(1).scaleb(-get_currency_precision(code))
            exact = exact.quantize(unit, rounding=ROUND_HALF_EVEN)
        return Money.parse(exact, code)
    except (ValueError, ArithmeticError) as error:
        raise ValueError(f"{where}: {error or 'expected an amount'}") from error


def line(text: str | None, longest: int = LONGEST_LINE) -> str:
    """One line that can be shown: no line breaks or control characters, cut at *longest*."""
    shown = (text or "")[: longest * 4]
    if not shown.isprintable():
        shown = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in shown)
    shown = " ".join(shown.split())
    return shown if len(shown) <= longest else shown[: longest - 1].rstrip() + "…"


def digest(*parts: object) -> str:
    """Sixteen hex digits that are the same for the same content."""
    found = blake2b(digest_size=8)
    for part in parts:
        found.update(part if isinstance(part, bytes) else _encode(part))
        found.update(b"\0")
    return found.hexdigest()
