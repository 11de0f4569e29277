"""This file is what may be done to an order in an outside system, once people have agreed to it, in our words.

Money is minor units with its currency. `ActionDesk` in `contract.py` carries it out.
"""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from connectors.money import Money


class OrderActionKind(StrEnum):
    """What people ask for; spelled as in the API and the policy (DESIGN 7)."""

    REFUND = "refund"
    CANCEL = "cancel"
    RESHIP = "reship"
    ADDRESS_CHANGE = "address_change"
    HOLD = "hold"
    RELEASE = "release"
    COMPENSATION = "compensation"
    """Store credit for the customer."""
    FRAUD_OVERRIDE = "fraud_override"
    """Let an order go on that a fraud check holds back."""
    OTHER = "other"
    """Whatever people agree on in words: nothing carries it out but a person."""


class ActionItem(Struct, frozen=True):
    """So many of one line of an order. `line` is the shop's own id of the line."""

    line: str
    quantity: int


class Address(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a parcel should go."""

    name: str = ""
    address1: str = ""
    address2: str = ""
    city: str = ""
    region: str = ""
    """As the shop spells it: a code such as `NY`."""
    postal_code: str = ""
    country: str = ""
    """Two letters, ISO 3166."""
    phone: str = ""


class OrderAction(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing to be done to one order, once."""

    key: str
    """The same for every try, at most 64 letters, digits and hyphens: the vendor's idempotency key."""
    kind: OrderActionKind
    order_id: str
    """The shop's own id."""
    order_name: str = ""
    amount: Money | None = None
    """What is given back or credited; None where the kind has no amount, or for all that can be given back."""
    items: tuple[ActionItem, ...] = ()
    """Empty: the whole order."""
    payment: str = ""
    """Which payment it is about, by `Payment.id`, where it is about one."""
    payment_references: tuple[str, ...] = ()
    """The other ids under which anybody names that payment."""
    customer: str = ""
    """The shop's id of the customer, for store credit."""
    address: Address | None = None
    reason: str = ""
    """What the person who asked for it wrote."""
    restock: bool = False
    notify_customer: bool = False


class ActionReceipt(Struct, frozen=True, kw_only=True):
    """That it was done. `id` is the vendor's own, `text` one sentence for people: `Refunded $12.00 (re_123)`."""

    id: str
    text: str
    at: datetime | None = None
    is_final: bool = True
    """False while the vendor still works on it (Shopify cancels in the background): ask again with `find_action`."""
