"""This file is what Stripe's objects say about payments, in our words. Pure functions."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from connectors.model import Dispute, FraudWarning, Payment, PaymentAttempt, PaymentState, References, Refund
from connectors.money import Money
from connectors.reading import from_unix, line, money
from connectors.stripe import wire
from connectors.stripe.words import (
    DECLINES,
    DISPUTE_REASONS,
    FRAUD_TYPES,
    INTENT_STATES,
    METHODS,
    NO_REASON,
    REFUND_FAILURES,
    REFUND_STATES,
)

ORDER_KEYS = ("order_id", "order_name", "order_number", "shopify_order_id", "shopify_order_name")
"""Metadata under which shops write which order a payment is for."""
_PAYMENT_KEYS = ("payment_id", "shopify_payment_id")
"""Metadata under which shops write their own id of the payment."""
MOST_REFUNDS = 50
_LONGEST_NAME = 200
_ID = re.compile(r"[\w\-]{1,255}", re.ASCII)
_INTENT = re.compile(r"pi_\w{1,250}", re.ASCII)
_CHARGE = re.compile(r"(ch|py)_\w{1,250}", re.ASCII)
_GID = re.compile(r"gid://shopify/Order/(\d{1,20})", re.ASCII)

# https://docs.stripe.com/currencies#zero-decimal. Its list names UGX too, but its special cases say that UGX and ISK
# keep two decimals in amounts, always 00; HUF and TWD are without decimals in payouts alone.
_NO_DECIMALS = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_THREE_DECIMALS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})


def amount(minor: int, currency: str, where: str) -> Money:
    """An amount as Stripe counts it. Its minor units are not those of ISO 4217 for every currency."""
    code = currency.upper()
    decimals = 0 if code in _NO_DECIMALS else 3 if code in _THREE_DECIMALS else 2
    if abs(minor) > 10**20:
        raise ValueError(f"{where}: expected an amount, got a number with more than 20 digits")
    return money(Decimal(minor).scaleb(-decimals), currency, where)


def minor(amount: Money) -> int:
    """The amount as Stripe counts it. Raises ValueError where it cannot be said so.

    Of three decimals the last must be zero (https://docs.stripe.com/currencies#three-decimal).
    """
    code = amount.currency
    decimals = 0 if code in _NO_DECIMALS else 3 if code in _THREE_DECIMALS else 2
    found = amount.decimal.scaleb(decimals)
    if found != found.to_integral_value() or (decimals == 3 and found % 10):
        raise ValueError(f"Stripe cannot take {amount}: it has too many decimals")
    return int(found)


def is_intent(name: str) -> bool:
    """Whether this is the id of a payment intent."""
    return _INTENT.fullmatch(name) is not None


def is_charge(name: str) -> bool:
    """Whether this is the id of a charge, or of a payment that is kept like one."""
    return _CHARGE.fullmatch(name) is not None


def checked(name: str, where: str) -> str:
    """An id of Stripe's. Raises ValueError where it cannot be one."""
    if not _ID.fullmatch(name):
        raise ValueError(f"{where}: expected an id, got {name[:60]!r}")
    return name


def linked(link: wire.Link | wire.Charge, where: str) -> str:
    """The id of the object that a field names; empty where it names none."""
    if link is None:
        return ""
    return checked(link if isinstance(link, str) else link.id, where)


def payment_of(intent: str, charge: str, metadata: Mapping[str, Any] | None = None) -> Payment:
    """The payment with its names alone. An intent and its charges are one payment, named after the intent."""
    names = {name for name in (intent, charge, *_named(metadata, _PAYMENT_KEYS)) if name}
    return Payment(id=f"stripe:{intent or charge}", processor="stripe", references=tuple(sorted(names)))


def about(payment: Payment, metadata: Mapping[str, Any] | None, *others: str | None) -> References:
    """Which order it is about: what the shop wrote into the metadata, and ids seen before."""
    names = [*_named(metadata, ORDER_KEYS), *(name.strip()[:_LONGEST_NAME] for name in others if name and name.strip())]
    return References(order_ids=tuple(dict.fromkeys(names)), payments=payment.references)


def _named(metadata: Mapping[str, Any] | None, keys: tuple[str, ...]) -> list[str]:
    found = {re.sub(r"[\s\-]", "_", key.strip().lower()): value for key, value in (metadata or {}).items()}
    values = [line(str(found[key]), _LONGEST_NAME) for key in keys if isinstance(found.get(key), str | int)]
    return [gid[1] if (gid := _GID.fullmatch(value)) else value for value in values if value]


# --- charges ----------------------------------------------------------------------------------------------------------


def charge(found: wire.Charge, where: str, *, tried_at: datetime | None = None) -> Payment:
    """One try to take money, and what became of it. *tried_at* stands in where it does not say when it was made."""
    base = payment_of(linked(found.payment_intent, f"{where}.payment_intent"), checked(found.id, f"{where}.id"))
    base = replace(base, references=payment_of("", "", found.metadata).references + base.references)
    state = _charge_state(found)
    taken = amount(found.amount_captured or 0, found.currency, f"{where}.amount_captured")
    back = amount(found.amount_refunded or 0, found.currency, f"{where}.amount_refunded")
    code, message = _why_declined(found)
    failed = state is PaymentState.FAILED
    return replace(
        base,
        references=tuple(sorted(set(base.references))),
        state=state,
        amount=amount(found.amount, found.currency, f"{where}.amount"),
        captured=taken,
        # Cancelling an authorisation looks like a refund of what was never taken.
        refunded=back if found.captured else Money(0, taken.currency),
        refundable=Money(max(0, taken.amount - back.amount), taken.currency) if found.captured else None,
        method=method(found.payment_method_details) or None,
        created_at=created(found, where),
        failure_code=code if failed else "",
        failure_message=message if failed else "",
        attempts=_attempt(found, state, created(found, where) or tried_at),
        refunds=_refunds(found, where),
    )


def _charge_state(found: wire.Charge) -> PaymentState:
    if found.status == "failed":
        return PaymentState.FAILED
    if found.status == "pending":
        return PaymentState.PENDING
    if found.status != "succeeded":
        return PaymentState.UNKNOWN
    if not found.captured:
        return PaymentState.CANCELLED if found.refunded else PaymentState.AUTHORIZED
    if found.refunded:
        return PaymentState.REFUNDED
    return PaymentState.PARTIALLY_REFUNDED if found.amount_refunded else PaymentState.PAID


def _why_declined(found: wire.Charge) -> tuple[str, str]:
    """The bank's reason is in the outcome; `failure_code` is mostly no more than `card_declined`."""
    outcome = found.outcome or wire.Outcome()
    code = found.failure_code or ""
    if code in ("card_declined", "") and outcome.reason:
        code = outcome.reason
    return code, in_words(code, found.failure_message or outcome.seller_message)


def in_words(code: str | None, message: str | None) -> str:
    """Why a payment failed, without a full stop."""
    return DECLINES.get(code or "") or line(message).rstrip(".") or NO_REASON


def created(
    found: wire.Charge | wire.PaymentIntent | wire.Refund | wire.Dispute | wire.FraudWarning, where: str
) -> datetime | None:
    """When it was made, where it says so."""
    return None if found.created is None else from_unix(found.created, f"{where}.created")


def _attempt(found: wire.Charge, state: PaymentState, at: datetime | None) -> tuple[PaymentAttempt, ...]:
    if at is None or state in (PaymentState.PENDING, PaymentState.UNKNOWN):
        return ()
    failed = state is PaymentState.FAILED
    code, message = _why_declined(found)
    return (
        PaymentAttempt(
            id=found.id,
            at=at,
            succeeded=not failed,
            failure_code=code if failed else "",
            failure_message=message if failed else "",
        ),
    )


def method(found: wire.Method | None) -> str:
    """For people: `Visa ending 4242`, `PayPal`."""
    if found is None:
        return ""
    card = found.card or found.us_bank_account or found.sepa_debit or wire.Card()
    brand = (found.card.brand if found.card else "") or found.type or ""
    name = METHODS.get(brand) or line(brand.replace("_", " "), 40).title()
    last = card.last4 or ""
    return f"{name} ending {last}" if len(last) == 4 and last.isalnum() else name


# --- payment intents --------------------------------------------------------------------------------------------------


def intent(found: wire.PaymentIntent, where: str, *, tried_at: datetime | None = None, failed: bool = False) -> Payment:
    """The whole payment. *tried_at* is when its last error happened, which the object does not say.

    *failed* is what an event says by its type alone, where the object holds no error.
    """
    last = _latest_charge(found)
    told = charge(last, f"{where}.latest_charge") if last else Payment(id="", processor="stripe")
    charge_id = last.id if last else linked(_as_link(found.latest_charge), f"{where}.latest_charge")
    base = payment_of(checked(found.id, f"{where}.id"), charge_id, found.metadata)
    base = replace(base, references=tuple(sorted({*base.references, *told.references})))
    state = INTENT_STATES.get(found.status, PaymentState.UNKNOWN)
    error = found.last_payment_error or (wire.PaymentError() if failed else None)
    if found.status == "requires_payment_method" and error is not None:
        state = PaymentState.FAILED
    if state is PaymentState.PAID and told.state in (PaymentState.REFUNDED, PaymentState.PARTIALLY_REFUNDED):
        state = told.state
    base = replace(
        base,
        state=state,
        amount=amount(found.amount, found.currency, f"{where}.amount"),
        captured=amount(found.amount_received or 0, found.currency, f"{where}.amount_received"),
        refunded=told.refunded,
        refundable=told.refundable,
        method=told.method,
        created_at=created(found, where),
        attempts=told.attempts,
        refunds=told.refunds,
        failure_code="",
        failure_message="",
    )
    return _with_error(base, error, told, tried_at, where) if state is PaymentState.FAILED and error else base


def _latest_charge(found: wire.PaymentIntent) -> wire.Charge | None:
    if isinstance(found.latest_charge, wire.Charge):
        return found.latest_charge
    listed = (found.charges.data if found.charges else None) or []
    return max(listed, key=lambda each: each.created or 0, default=None)


def _as_link(found: str | wire.Charge | None) -> str | None:
    return found if isinstance(found, str) else None


def _with_error(
    payment: Payment, error: wire.PaymentError, told: Payment, tried_at: datetime | None, where: str
) -> Payment:
    code = error.decline_code or error.code or error.type or ""
    message = in_words(code, error.message)
    charge_id = linked(error.charge, f"{where}.last_payment_error.charge")
    # An error before any charge was made (the bank's confirmation was not passed) is a try of its own.
    name = charge_id or (f"{payment.id}:{int(tried_at.timestamp())}" if tried_at else "")
    known = {attempt.id for attempt in told.attempts}
    attempts = payment.attempts
    if tried_at and name and name not in known:
        failed = PaymentAttempt(id=name, at=tried_at, succeeded=False, failure_code=code, failure_message=message)
        attempts = (*attempts, failed)
    return replace(
        payment,
        failure_code=code,
        failure_message=message,
        method=payment.method or method(error.payment_method) or None,
        references=tuple(sorted({*payment.references, *([charge_id] if charge_id else [])})),
        attempts=attempts,
    )


# --- refunds ----------------------------------------------------------------------------------------------------------


def refund(found: wire.Refund, at: datetime, where: str) -> Refund:
    """One refund as of *at*."""
    reason = found.failure_reason or ""
    return Refund(
        id=checked(found.id, f"{where}.id"),
        at=at,
        state=REFUND_STATES.get(found.status or "succeeded", "pending"),
        amount=amount(found.amount, found.currency, f"{where}.amount"),
        failure=REFUND_FAILURES.get(reason) or line(reason.replace("_", " ")),
    )


def _refunds(found: wire.Charge, where: str) -> tuple[Refund, ...]:
    """Those that came with the charge, as of when they were made: a look must say the same until something changes."""
    listed = (found.refunds.data if found.refunds else None) or []
    return tuple(
        refund(each, at, f"{where}.refunds.data[{index}]")
        for index, each in enumerate(listed[:MOST_REFUNDS])
        if (at := created(each, f"{where}.refunds.data[{index}]")) is not None
    )


# --- disputes ---------------------------------------------------------------------------------------------------------


def dispute(found: wire.Dispute, where: str) -> Dispute:
    """A chargeback, or with a state that begins with `warning_` an inquiry before one."""
    due = found.evidence_details.due_by if found.evidence_details else None
    reason = found.reason or ""
    return Dispute(
        opened_at=created(found, where),
        id=checked(found.id, f"{where}.id"),
        state=found.status,
        reason=DISPUTE_REASONS.get(reason) or line(reason.replace("_", " ")),
        amount=amount(found.amount, found.currency, f"{where}.amount"),
        respond_by=from_unix(due, f"{where}.evidence_details.due_by") if due else None,
    )


def fraud_warning(found: wire.FraudWarning, at: datetime, where: str) -> FraudWarning:
    """An early fraud warning. *at* stands in where it does not say when it was made."""
    kind = found.fraud_type or ""
    return FraudWarning(
        id=checked(found.id, f"{where}.id"),
        at=created(found, where) or at,
        reason=FRAUD_TYPES.get(kind) or line(kind.replace("_", " ")),
        is_actionable=found.actionable is not False,
    )
