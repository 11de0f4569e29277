"""This file tests money: what is read exactly, and what is refused rather than rounded."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.money import LARGEST_AMOUNT, Money, currency_code


@pytest.mark.parametrize(
    ("text", "currency", "expected"),
    [
        ("598.94", "USD", Money(59894, "USD")),
        (" 12.00 ", "usd", Money(1200, "USD")),
        ("12.0000", "USD", Money(1200, "USD")),
        ("12.", "USD", Money(1200, "USD")),
        ("-0.10", "EUR", Money(-10, "EUR")),
        ("5", "JPY", Money(5, "JPY")),
        ("1.234", "KWD", Money(1234, "KWD")),
        (7, "USD", Money(700, "USD")),
        (Decimal("1E+2"), "USD", Money(10000, "USD")),
        ("10000000000000.00", "USD", Money(LARGEST_AMOUNT, "USD")),
    ],
)
def test_amounts_are_read_exactly(text: str | int | Decimal, currency: str, expected: Money) -> None:
    assert Money.parse(text, currency) == expected


@pytest.mark.parametrize(
    ("text", "currency", "reason"),
    [
        ("", "USD", "expected an amount"),
        ("free", "USD", "expected an amount"),
        ("1e400", "USD", "expected an amount"),
        ("1_000", "USD", "expected an amount"),
        ("1,000.00", "USD", "expected an amount"),
        ("١٢", "USD", "expected an amount"),
        ("NaN", "USD", "expected an amount"),
        (Decimal("NaN"), "USD", "expected a finite amount"),
        (Decimal("Infinity"), "USD", "expected a finite amount"),
        (Decimal("1E+999999"), "USD", "expected a finite amount"),
        ("9" * 5000, "USD", "expected a finite amount"),
        ("10000000000000.01", "USD", "expected a finite amount"),
        ("5.5", "JPY", "more decimals than JPY"),
        ("1.005", "USD", "more decimals than USD"),
        ("1." + "0" * 60 + "1", "USD", "more decimals than USD"),
        (Decimal("1E-400"), "USD", "more decimals than USD"),
        ("1", "US", "expected a currency code"),
        ("1", "U$D", "expected a currency code"),
        ("1", "ÜSD", "expected a currency code"),
    ],
)
def test_anything_else_is_refused_with_a_reason(text: str | Decimal, currency: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Money.parse(text, currency)


@given(st.integers(-LARGEST_AMOUNT, LARGEST_AMOUNT), st.sampled_from(["USD", "JPY", "KWD", "EUR"]))
def test_what_is_written_is_read_back(amount: int, currency: str) -> None:
    money = Money(amount, currency)
    assert Money.parse(money.value, currency) == money


def test_money_is_shown_as_people_write_it() -> None:
    assert [str(money) for money in (Money(123450, "EUR"), Money(500, "JPY"), Money(-10, "USD"))] == [
        "€1,234.50",
        "¥500",
        "-$0.10",
    ]


def test_only_the_same_currency_adds_up() -> None:
    assert Money(100, "USD") + Money(50, "USD") - Money(1, "USD") == Money(149, "USD")
    with pytest.raises(ValueError, match="cannot add EUR to USD"):
        Money(100, "USD") + Money(50, "EUR")
    assert currency_code(" usd ") == "USD"
