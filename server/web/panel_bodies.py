"""This file reads what the panel's forms send. Whatever is wrong is said with the field's name before it.

What the order allows is for the approvals' own rules.
"""

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from connectors.money import Money
from connectors.order_actions import ActionItem, OrderActionKind
from server.approval_model import Verdict
from server.errors import BadInput
from server.flows.approvals import Ask

LONGEST_KEY = 255
LONGEST_REASON = 1000
LONGEST_DETAIL = 1000
MOST_DETAILS = 20
MOST_ITEMS = 100
_B = TypeVar("_B", bound=Struct)


class _Amount(Struct):
    value: str
    currency: str


class _Item(Struct):
    line: str
    quantity: int


class _Ask(Struct):
    order: str
    kind: OrderActionKind
    reason: str = ""
    shop: str = ""
    amount: _Amount | None = None
    items: list[_Item] = []
    details: dict[str, str] = {}


class _Decision(Struct):
    decision: Verdict
    version: int
    reason: str = ""


class _Withdrawal(Struct):
    version: int
    reason: str = ""


class Said(Struct, frozen=True):
    """What an approver says."""

    decision: Verdict
    reason: str
    version: int


def read_ask(body: bytes) -> Ask:
    """What is asked for, without its ticket. Raises BadInput."""
    found = _read(body, _Ask)
    if len(found.items) > MOST_ITEMS:
        raise BadInput(f"items: expected at most {MOST_ITEMS}")
    if any(not 0 < item.quantity < 1_000_000 or not item.line for item in found.items):
        raise BadInput("items: expected a line of the order and a whole number from 1 on")
    return Ask(
        order=_text(found.order, "order", longest=200),
        shop=_text(found.shop, "shop", longest=200, is_required=False),
        kind=found.kind,
        reason=_text(found.reason, "reason", longest=LONGEST_REASON),
        amount=_money(found.amount) if found.amount else None,
        items=tuple(ActionItem(item.line, item.quantity) for item in found.items),
        details=_details(found.details),
    )


def read_decision(body: bytes) -> Said:
    """What an approver says. Raises BadInput."""
    found = _read(body, _Decision)
    return Said(found.decision, _text(found.reason, "reason", longest=LONGEST_REASON), found.version)


def read_withdrawal(body: bytes) -> tuple[str, int]:
    """Why somebody takes their request back, and as of which version. Raises BadInput."""
    found = _read(body, _Withdrawal)
    return _text(found.reason, "reason", longest=LONGEST_REASON, is_required=False), found.version


def read_key(text: str | None) -> str:
    """The client's idempotency key. Raises BadInput."""
    key = (text or "").strip()
    if not (8 <= len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise BadInput(f"Idempotency-Key: expected a header of 8 to {LONGEST_KEY} characters, new for each form")
    return key


def _read(body: bytes, kind: type[_B]) -> _B:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise BadInput(_placed(str(error))) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadInput("The form could not be read: expected JSON") from error


def _placed(said: str) -> str:
    """`Expected `str`, got `int` - at `$.amount.value`` with the field before it."""
    text, _, path = said.partition(" - at `$.")
    name = path.rstrip("`").split(".")[0].split("[")[0]
    return f"{name}: {text[:1].lower()}{text[1:]}" if name else text


def _text(text: str, name: str, *, longest: int, is_required: bool = True) -> str:
    found = text.strip()
    if (is_required and not found) or len(found) > longest:
        raise BadInput(f"{name}: expected {1 if is_required else 0} to {longest} characters")
    return found


def _money(said: _Amount) -> Money:
    try:
        amount = Money.parse(said.value, said.currency)
    except ValueError as error:
        raise BadInput(f"amount: {error}") from error
    if amount.amount <= 0:
        raise BadInput("amount: expected more than nothing")
    return amount


def _details(found: dict[str, Any]) -> dict[str, str]:
    if len(found) > MOST_DETAILS:
        raise BadInput(f"details: expected at most {MOST_DETAILS}")
    return {
        name: text
        for name, value in found.items()
        if (text := _text(value, f"details.{name[:40]}", longest=LONGEST_DETAIL, is_required=False))
    }
