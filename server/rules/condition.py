"""This file is a condition of the policy: a CEL expression over facts of the order and its customer."""

from collections.abc import Mapping
from typing import Any

import cel

from connectors.money import Money
from server.model import OrderView

EVERY_FACT: Mapping[str, Mapping[str, Any]] = {
    "order": {
        "name": "#1001",
        "value": 100.0,
        "currency": "USD",
        "tags": ["gift"],
        "country": "US",
        "shipping_method": "Standard",
        "items": 1,
    },
    "customer": {"vip": False, "orders_count": 1},
}
"""What a condition may ask about, as of some order."""


class Condition:
    """A CEL expression over `order` and `customer`, compiled once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._program = cel.compile(text)

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Whether it is true. Where it cannot be told (a field it needs is unknown) the signal is kept: true."""
        try:
            return bool(self._program.execute(dict(facts)))
        except (KeyError, ValueError, TypeError, RuntimeError, ArithmeticError):
            return True

    def check(self) -> None:
        """Try it on an order of which everything is known. Raises ValueError where it cannot be asked of any."""
        try:
            found = self._program.execute(dict(EVERY_FACT))
        except ArithmeticError:
            return
        except KeyError as error:
            names = [f"{table}.{name}" for table, facts in EVERY_FACT.items() for name in facts]
            raise ValueError(f"no such field {error}; there are {', '.join(names)}") from error
        except (TypeError, RuntimeError) as error:
            raise ValueError(str(error)) from error
        if not isinstance(found, bool):
            raise ValueError(f"it must be true or false, but for some orders it is {found!r}")  # noqa: TRY004


def condition_facts(order: OrderView, *, vip: bool) -> dict[str, Any]:
    """The variables of CEL conditions: unknown ones are left out, and a condition that needs them holds."""
    facts = order.order
    known: dict[str, Any] = {
        "name": facts.name,
        "value": _number(facts.total),
        "currency": facts.total.currency if facts.total else None,
        "tags": list(facts.tags) if facts.tags is not None else None,
        "country": facts.destination.country if facts.destination else None,
        "shipping_method": facts.shipping_method,
        "items": sum(item.quantity for item in facts.line_items) if facts.line_items is not None else None,
    }
    count = facts.customer.orders_count if facts.customer else None
    customer = {"vip": vip, "orders_count": count}
    return {
        "order": {name: value for name, value in known.items() if value is not None},
        "customer": {name: value for name, value in customer.items() if value is not None},
    }


def _number(money: Money | None) -> float | None:
    # CEL has no decimals; comparing an amount with a limit is all that conditions do with it.
    return float(money.decimal) if money else None
