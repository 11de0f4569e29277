"""This file is how Shopify's transactions become payments: one for each chain that begins with a sale or authorisation.

A chain is an authorisation with its captures, voids and refunds; each transaction names its parent.
A webhook brings one transaction without the others, a live look brings all.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from connectors.model import Payment, PaymentAttempt, PaymentState, Refund
from connectors.money import Money
from connectors.reading import line
from connectors.shopify.words import ERRORS, NO_REASON

TAKES = ("sale", "capture")
RESERVES = ("authorization", "emv_authorization")
FAILED = ("failure", "error")
_WAITS = ("pending", "awaiting_response")
_STRIPE_ID = re.compile(r"(ch|pi|py)_[A-Za-z0-9]{8,200}", re.ASCII)
_STRIPE_REFUND = re.compile(r"(re|pyr)_[A-Za-z0-9]{8,200}", re.ASCII)
_GATEWAY_ID = re.compile(r"(?=.*\d)[A-Za-z0-9_\-]{12,200}", re.ASCII)
"""Long enough to be the processor's name for one payment; an approval code such as 123456 is shared by many."""
_DEEPEST = 4
_MOST_VALUES = 200


class Transaction(Struct, frozen=True, kw_only=True):
    """One transaction, however Shopify said it. `parent` is empty for the first of a chain."""

    id: str
    parent: str
    kind: str
    status: str
    gateway: str
    amount: Money | None
    at: datetime
    error_code: str = ""
    message: str = ""
    method: str = ""
    refundable: Money | None = None
    references: tuple[str, ...] = ()
    refund_name: str = ""
    """What the processor calls a refund."""

    @property
    def worked(self) -> bool:
        return self.status == "success"

    @property
    def failed(self) -> bool:
        return self.status in FAILED

    @property
    def why(self) -> str:
        """Why it failed, in words."""
        return ERRORS.get(self.error_code) or line(self.message).rstrip(".") or NO_REASON


def references(payment_id: str | None, authorization: str | None, receipt: Any) -> tuple[str, ...]:
    """Other names of the payment: Shopify's payment id, the processor's reference, Stripe's ids in the receipt."""
    found = [name.strip() for name in (payment_id,) if name and len(name) <= 200 and name.strip()]
    if authorization and _GATEWAY_ID.fullmatch(authorization):
        found.append(authorization)
    found += (value for value in islice(_texts(receipt, _DEEPEST), _MOST_VALUES) if _STRIPE_ID.fullmatch(value))
    return tuple(sorted(set(found)))


def refund_name(receipt: Any) -> str:
    """The processor's own name of a refund, where the receipt has it: then both tell of the same one."""
    found = (value for value in islice(_texts(receipt, _DEEPEST), _MOST_VALUES) if _STRIPE_REFUND.fullmatch(value))
    return next(found, "")


def refunds(transaction: Transaction) -> tuple[Refund, ...]:
    """The refund that a transaction is, if it is one."""
    if transaction.kind != "refund":
        return ()
    state = "succeeded" if transaction.worked else "failed" if transaction.failed else "pending"
    return (
        Refund(
            id=transaction.refund_name or payment_id(transaction.id),
            at=transaction.at,
            state=state,
            amount=transaction.amount,
            failure=transaction.why if transaction.failed else "",
        ),
    )


def _texts(value: Any, depth: int) -> Iterator[str]:
    """The texts in a receipt, whose shape each gateway makes up as it likes."""
    if isinstance(value, str):
        yield value
    elif depth and isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each, depth - 1)


def method(company: str | None, number: str | None, wallet: str | None, other: str | None) -> str:
    """For people: `Visa ending 4242`, `PayPal`."""
    last = re.sub(r"\D", "", number or "", flags=re.ASCII)[-4:]
    brand = line(company or other or "", 40).replace("_", " ")
    brand = brand if brand != brand.lower() else brand.title()
    shown = f"{brand or 'Card'} ending {last}" if len(last) == 4 else brand
    through = line(wallet or "", 40).replace("_", " ").title()
    return f"{shown} ({through})" if shown and through else shown or through


def payment_id(transaction_id: str) -> str:
    """How we name the payment whose chain begins with this transaction."""
    return f"shopify:{transaction_id}"


def single(transaction: Transaction) -> Payment:
    """What one transaction alone says of its payment. Sums over a chain are left to those who see all of it."""
    first = transaction.parent or transaction.id
    names = {*transaction.references} | ({payment_id(transaction.id)} if transaction.parent else set())
    payment = Payment(
        id=payment_id(first),
        processor=transaction.gateway,
        references=tuple(sorted(names)),
        attempts=tuple(_attempts(transaction)),
        refunds=refunds(transaction),
        method=transaction.method or None,
        created_at=None if transaction.parent else transaction.at,
    )
    if transaction.kind in (*TAKES, *RESERVES) and not transaction.parent:
        payment = replace(payment, amount=transaction.amount)
    if transaction.worked:
        return replace(payment, **_when_worked(transaction))
    if transaction.parent or transaction.kind not in (*TAKES, *RESERVES):
        return payment
    if transaction.failed:
        return replace(
            payment,
            state=PaymentState.FAILED,
            failure_code=transaction.error_code,
            failure_message=transaction.why,
        )
    return replace(payment, state=PaymentState.PENDING if transaction.status in _WAITS else PaymentState.UNKNOWN)


def _when_worked(transaction: Transaction) -> dict[str, Any]:
    if transaction.kind in TAKES:
        # Of several captures this is the latest only: the live look has the sum.
        return {
            "state": PaymentState.PAID,
            "captured": transaction.amount,
            "failure_code": "",
            "failure_message": "",
        }
    if transaction.kind in RESERVES:
        return {"state": PaymentState.AUTHORIZED, "failure_code": "", "failure_message": ""}
    if transaction.kind == "void":
        return {"state": PaymentState.CANCELLED}
    # Whether a refund was the whole of it only the chain, or the order, can say.
    return {}


def _attempts(transaction: Transaction) -> Iterator[PaymentAttempt]:
    begins = transaction.kind in (*RESERVES, "sale")
    if not (begins and (transaction.worked or transaction.failed)) and not (
        transaction.kind == "capture" and transaction.failed
    ):
        return
    # A try has the processor's own id where we know it, so that both tell of the same one.
    charge = next((name for name in transaction.references if name.startswith(("ch_", "py_"))), "")
    yield PaymentAttempt(
        id=charge or payment_id(transaction.id),
        at=transaction.at,
        succeeded=transaction.worked,
        failure_code="" if transaction.worked else transaction.error_code,
        failure_message="" if transaction.worked else transaction.why,
    )


def chains(transactions: Sequence[Transaction], *, complete: bool) -> tuple[Payment, ...]:
    """The payments of all of an order's transactions. Without *complete* no sums are told."""
    parents = {each.id: each.parent for each in transactions}
    groups: dict[str, list[Transaction]] = defaultdict(list)
    for each in transactions:
        groups[_root(each.id, parents)].append(each)
    return tuple(_chain(root, sorted(group, key=_order), complete=complete) for root, group in groups.items())


def _order(transaction: Transaction) -> tuple[datetime, str]:
    return transaction.at, transaction.id.zfill(20)


def _root(name: str, parents: dict[str, str]) -> str:
    seen = {name}
    while (parent := parents.get(name, "")) and parent not in seen:
        seen.add(parent)
        name = parent
    return name


def _chain(root: str, group: list[Transaction], *, complete: bool) -> Payment:
    words = [single(each) for each in group]
    first = next((each for each in group if each.id == root), group[0])
    found = Payment(
        id=payment_id(root),
        processor=first.gateway,
        created_at=None if first.parent else first.at,
        amount=first.amount if first.id == root else None,
        method=next((each.method for each in group if each.method), None),
        references=tuple(sorted({name for word in words for name in word.references} - {payment_id(root)})),
        attempts=tuple(attempt for word in words for attempt in word.attempts),
        refunds=tuple(refund for word in words for refund in word.refunds),
        state=_last_state(words),
    )
    if found.state is PaymentState.FAILED:
        return replace(found, failure_code=first.error_code, failure_message=first.why)
    if found.state is not None:
        found = replace(found, failure_code="", failure_message="")
    return _with_sums(found, group) if complete else found


def _last_state(words: Iterable[Payment]) -> PaymentState | None:
    return next((word.state for word in reversed(list(words)) if word.state is not None), None)


def _with_sums(payment: Payment, group: list[Transaction]) -> Payment:
    captured = _sum(each for each in group if each.kind in TAKES and each.worked)
    refunded = _sum(each for each in group if each.kind == "refund" and each.worked)
    left = [each.refundable for each in group if each.refundable and each.kind in TAKES and each.worked]
    payment = replace(payment, captured=captured, refunded=refunded)
    if len(left) == 1:
        payment = replace(payment, refundable=left[0])
    if captured and refunded and captured.currency == refunded.currency and refunded.amount > 0:
        whole = refunded.amount >= captured.amount
        payment = replace(payment, state=PaymentState.REFUNDED if whole else PaymentState.PARTIALLY_REFUNDED)
    return payment


def _sum(transactions: Iterable[Transaction]) -> Money | None:
    amounts = [each.amount for each in transactions if each.amount]
    if not amounts or any(amount.currency != amounts[0].currency for amount in amounts):
        return None
    return Money(sum(amount.amount for amount in amounts), amounts[0].currency)


def sentence(transaction: Transaction) -> str:
    """The transaction for the order's timeline; empty for a refund that worked, of which the refund itself tells."""
    of_amount = f" of {transaction.amount}" if transaction.amount else ""
    by = f" ({transaction.method})" if transaction.method else ""
    what = _NOUNS.get(transaction.kind, "Transaction")
    if transaction.failed:
        return line(f"{what}{of_amount} failed{by}: {transaction.why}")
    if not transaction.worked or transaction.kind not in _VERBS:
        return ""
    return line(_VERBS[transaction.kind].format(of=of_amount, by=by))


_NOUNS = {
    "sale": "Payment",
    "authorization": "Payment",
    "emv_authorization": "Payment",
    "capture": "Taking the payment",
    "void": "Releasing the payment",
    "refund": "Refund",
}
_VERBS = {
    "sale": "Payment{of} succeeded{by}",
    "authorization": "Payment{of} authorised{by}",
    "emv_authorization": "Payment{of} authorised{by}",
    "capture": "Payment{of} taken{by}",
    "void": "Payment{of} released without taking it{by}",
}


def kind(transaction: Transaction) -> str:
    """The kind of the observation that a transaction becomes."""
    if transaction.kind == "refund":
        return "refund.failed" if transaction.failed else "refund.updated"
    if transaction.failed:
        return "payment.failed"
    if not transaction.worked:
        return "payment.pending"
    if transaction.kind == "void":
        return "payment.cancelled"
    return "payment.authorized" if transaction.kind in RESERVES else "payment.succeeded"
