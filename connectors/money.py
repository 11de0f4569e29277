"""This file is money: an integer of minor units and an ISO 4217 currency, never a float."""

import re
from decimal import Context, Decimal, Inexact, InvalidOperation

from babel.numbers import format_currency, get_currency_precision
from msgspec import Struct

LARGEST_AMOUNT = 10**15
"""In minor units. Nothing anybody sells costs more; SQLite and JavaScript still hold it exactly."""
_PLAIN = re.compile(r"[+-]?\d+(\.\d*)?", re.ASCII)
"""Python's own reading of numbers also takes 1_000, ١٢ and 1e400."""
_EXACT = Context(prec=40, traps=[Inexact, InvalidOperation])
"""Refuses where it would have to round."""


class Money(Struct, frozen=True):
    """An amount in minor units (cents, yen, fils) of one currency (ISO 4217, upper case)."""

    amount: int
    currency: str

    @classmethod
    def parse(cls, text: str | int | Decimal, currency: str) -> "Money":
        """Read a decimal amount such as `"598.94"`.

        Raises ValueError when it is not a finite number, has more decimals than the currency, or is absurdly large.
        """
        code = currency_code(currency)
        said = repr(str(text)[:40])
        if isinstance(text, str) and not _PLAIN.fullmatch(text.strip()):
            raise ValueError(f"expected an amount such as 12.00, got {said}")
        value = Decimal(text.strip()) if isinstance(text, str) else Decimal(text)
        if not value.is_finite() or value.adjusted() > 20:
            raise ValueError(f"expected a finite amount of at most {LARGEST_AMOUNT} minor units, got {said}")
        try:
            scaled = value.scaleb(get_currency_precision(code), _EXACT).to_integral_exact(context=_EXACT)
        except Inexact as error:
            raise ValueError(f"{said} has more decimals than {code} has") from error
        if abs(scaled) > LARGEST_AMOUNT:
            raise ValueError(f"expected a finite amount of at most {LARGEST_AMOUNT} minor units, got {said}")
        return cls(int(scaled), code)

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, exact, with the currency's own number of decimals."""
        return Decimal(self.amount).scaleb(-get_currency_precision(self.currency))

    @property
    def value(self) -> str:
        """The amount as the API spells it, for example `"12.00"`."""
        return f"{self.decimal:f}"

    def __str__(self) -> str:
        """The amount as a person reads it, for example `$12.00` or `€1,234.50`."""
        return format_currency(self.decimal, self.currency, locale="en_US")

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return self + Money(-other.amount, other.currency)


def currency_code(text: str) -> str:
    """The ISO 4217 spelling of a currency code. Raises ValueError for anything that is not three letters."""
    code = text.strip().upper()
    if len(code) != 3 or not (code.isascii() and code.isalpha()):
        raise ValueError(f"expected a currency code such as USD, got {text[:20]!r}")
    return code
