"""This file is what the app has to be allowed in Shopify to carry things out, and why it may not, in words.

Scopes by mutation: https://shopify.dev/docs/api/usage/access-scopes, and the page of each mutation.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from connectors.order_actions import OrderAction, OrderActionKind
from connectors.shopify.wire_graphql import Installation
from connectors.transport import Clock

REMEMBERED_FOR = timedelta(hours=1)
"""How long what we may do there is taken for granted: an admin may change it at any time."""

ORDERS = "write_orders"
CREDIT = ("write_store_credit_account_transactions", "read_store_credit_accounts")
"""The second to find out, after a lost answer, whether the credit was given."""
_HOLDS = "write_merchant_managed_fulfillment_orders"
_NEEDED: Mapping[OrderActionKind, tuple[str, ...]] = {
    OrderActionKind.REFUND: (ORDERS,),
    OrderActionKind.CANCEL: (ORDERS,),
    OrderActionKind.ADDRESS_CHANGE: (ORDERS,),
    OrderActionKind.HOLD: (_HOLDS,),
    OrderActionKind.RELEASE: (_HOLDS,),
    OrderActionKind.FRAUD_OVERRIDE: (_HOLDS,),
    OrderActionKind.COMPENSATION: CREDIT,
}
_FOR = {ORDERS: "refunds, cancellations, addresses", _HOLDS: "holds", CREDIT[0]: "store credit"}
_UNSUPPORTED = {
    OrderActionKind.RESHIP: (
        # Neither `orderCreate` nor `draftOrderComplete` has an idempotency key, and new orders are found by a search
        # that is late: after a lost answer nobody could tell whether a second parcel would go out.
        "Shopify cannot ship an order again, and a second order could go out twice: create the replacement there by "
        "hand, as a copy of the order with a discount of 100%"
    ),
    OrderActionKind.OTHER: "only a person can do this",
}


class Permissions:
    """What we know of our own access to one shop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._scopes: frozenset[str] | None = None
        self._learnt_at = clock()
        self._refused: dict[OrderActionKind, datetime] = {}

    def learn(self, installation: Installation | None) -> None:
        """Remember the scopes, where the answer has them."""
        if installation is not None and installation.access_scopes is not None:
            self._scopes = frozenset(scope.handle for scope in installation.access_scopes)
            self._learnt_at = self._clock()

    def refused(self, kind: OrderActionKind) -> tuple[str, ...]:
        """Remember that it was refused; which scopes it takes."""
        self._refused[kind] = self._clock()
        return _NEEDED[kind]

    def missing(self, kind: OrderActionKind) -> tuple[str, ...]:
        """The scopes that it takes and that we are known not to have."""
        if self._scopes is None or self._clock() >= self._learnt_at + REMEMBERED_FOR:
            return ()
        granted = self._scopes
        return tuple(scope for scope in _NEEDED[kind] if not _has(scope, granted))

    def objection(self, kind: OrderActionKind) -> str:
        """Why we may not do it, as far as we know; empty where we may."""
        lacking = self.missing(kind)
        refused = self._refused.get(kind)
        if not lacking and refused is not None and self._clock() < refused + REMEMBERED_FOR:
            lacking = _NEEDED[kind]
        return not_allowed(lacking) if lacking else ""


def unsupported(action: OrderAction) -> str:
    """Why Shopify cannot do it at all, whatever it allows us; empty where it can."""
    if action.kind not in _NEEDED:
        return _UNSUPPORTED[action.kind]
    if action.kind is OrderActionKind.REFUND:
        names = [name for name in (action.payment, *action.payment_references) if name]
        if names and not any(name.startswith("shopify:") for name in names):
            return "Shopify does not keep this payment"
    if action.kind is OrderActionKind.COMPENSATION:
        if not action.customer:
            return "Shopify knows no customer of this order, so nobody can be given store credit"
        if action.amount is None:
            return "store credit needs an amount"
    return ""


def not_allowed(scopes: Collection[str]) -> str:
    """What to tell an agent."""
    which = " and ".join(scopes)
    return f"Shopify does not let this app do that: an admin has to give it the access scope {which}"


def record_only(granted: Collection[str]) -> str:
    """What cannot be carried out with these scopes, for `beforehand doctor`; empty where all can."""
    lacking = [f"{scope} ({what})" for scope, what in _FOR.items() if not _has(scope, granted)]
    return f"; people carry out by hand what needs {', '.join(lacking)}" if lacking else ""


def _has(scope: str, granted: Collection[str]) -> bool:
    """To write includes to read. Of fulfilment orders those of any kind of location will do."""
    if scope == _HOLDS:
        return any(each.startswith("write_") and each.endswith("fulfillment_orders") for each in granted)
    return scope in granted or scope.replace("read_", "write_", 1) in granted
