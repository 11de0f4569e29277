"""This file tests how a vendor's JSON becomes values that can be trusted."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from connectors.contract import Garbled, Unreadable
from connectors.money import Money
from connectors.reading import answer_of, decode, digest, from_unix, instant, line, maybe_instant, money, webhook

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_times_are_utc_within_their_bounds() -> None:
    there = timezone(timedelta(hours=-5))
    assert instant(datetime(2026, 11, 23, 7, tzinfo=there), "x") == NOON
    assert instant(datetime(2026, 11, 23, 7, tzinfo=there), "x").tzinfo is UTC
    assert maybe_instant(None, "x") is None
    assert from_unix(int(NOON.timestamp()), "x") == NOON


@pytest.mark.parametrize(
    "moment", [datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), datetime(9999, 12, 31, tzinfo=UTC)]
)
def test_absurd_time_is_named(moment: datetime) -> None:
    with pytest.raises(ValueError, match=r"^\$\.at: expected a time between 1990 and 2100-01-01 00:00 UTC, got "):
        instant(moment, "$.at")


@pytest.mark.parametrize("seconds", [0, -1, 10**12, 10**400, -(10**400)])
def test_absurd_seconds_are_named(seconds: int) -> None:
    with pytest.raises(ValueError, match=r"^created: expected Unix seconds between 1990"):
        from_unix(seconds, "created")


@pytest.mark.parametrize(
    ("value", "currency", "found"),
    [
        (Decimal("41.94"), "usd", Money(4194, "USD")),
        (Decimal("-3.5"), "EUR", Money(-350, "EUR")),
        (Decimal("0.125"), "USD", Money(12, "USD")),
        (Decimal("0.135"), "USD", Money(14, "USD")),
        (Decimal("348.0"), "JPY", Money(348, "JPY")),
        (7, "KWD", Money(7000, "KWD")),
    ],
)
def test_money_is_exact_to_the_currencys_minor_unit(value: Decimal | int, currency: str, found: Money) -> None:
    assert money(value, currency, "x") == found


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("-Infinity"), Decimal("1e999999"), Decimal("1e20"), 10**400])
def test_absurd_amount_is_named(value: Decimal | int) -> None:
    with pytest.raises(ValueError, match=r"^\$\.amount: expected a finite amount"):
        money(value, "USD", "$.amount")


def test_line_is_one_line_that_ends() -> None:
    assert line("a\r\n\tb\x00\u2028c") == "a b c"
    assert line(None) == ""
    assert line("x" * 500) == "x" * 199 + "…"


def test_digest_is_that_of_the_content() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert len({digest(b"ab"), digest(b"a", b"b"), digest(b"b", b"a")}) == 3


def test_whatever_is_wrong_is_the_error_of_where_it_came_from() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    with pytest.raises(Unreadable, match="nested too deep"), webhook():
        decode(deep, list)
    with pytest.raises(Garbled, match="not UTF-8"), answer_of("Shopify"):
        decode(b'"\xff"', str)
