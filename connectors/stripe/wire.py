"""This file is Stripe's objects, as far as we read them, in webhooks and answers alike.

https://docs.stripe.com/api; fields that name another object hold its id, or the object where it was expanded.
"""

from typing import Any

import msgspec
from msgspec import Struct


class Named(Struct, kw_only=True):
    id: str


Link = str | Named | None


class Card(Struct, kw_only=True):
    brand: str | None = None
    last4: str | None = None


class Method(Struct, kw_only=True):
    """Both a payment method and the details of a charge say it like this."""

    type: str | None = None
    card: Card | None = None
    us_bank_account: Card | None = None
    sepa_debit: Card | None = None


class Outcome(Struct, kw_only=True):
    reason: str | None = None
    seller_message: str | None = None


class Charge(Struct, kw_only=True):
    id: str
    created: int | None = None
    amount: int
    currency: str
    status: str
    amount_captured: int | None = None
    amount_refunded: int | None = None
    captured: bool | None = None
    refunded: bool | None = None
    disputed: bool | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    outcome: Outcome | None = None
    payment_intent: Link = None
    payment_method_details: Method | None = None
    metadata: dict[str, Any] | None = None
    refunds: "Refunds | None" = None  # on request; always before API version 2022-11-15


class PaymentError(Struct, kw_only=True):
    type: str | None = None
    code: str | None = None
    decline_code: str | None = None
    message: str | None = None
    charge: Link = None
    payment_method: Method | None = None


class Charges(Struct, kw_only=True):
    data: list[Charge] | None = None


class PaymentIntent(Struct, kw_only=True):
    id: str
    created: int | None = None
    amount: int
    currency: str
    status: str
    amount_received: int | None = None
    last_payment_error: PaymentError | None = None
    latest_charge: str | Charge | None = None
    charges: Charges | None = None  # instead of latest_charge before API version 2022-11-15
    metadata: dict[str, Any] | None = None


class Refund(Struct, kw_only=True):
    id: str
    created: int | None = None
    amount: int
    currency: str
    status: str | None = None
    failure_reason: str | None = None
    charge: Link = None
    payment_intent: Link = None
    metadata: dict[str, Any] | None = None


class Refunds(Struct, kw_only=True):
    data: list[Refund] | None = None


class RefundList(Struct, kw_only=True):
    """One page of `GET /v1/refunds`, newest first."""

    data: list[Refund]
    has_more: bool = False


class ErrorDetails(Struct, kw_only=True):
    """https://docs.stripe.com/api/errors"""

    type: str | None = None
    code: str | None = None
    message: str | None = None


class ErrorAnswer(Struct, kw_only=True):
    error: ErrorDetails


class EvidenceDetails(Struct, kw_only=True):
    due_by: int | None = None


class Dispute(Struct, kw_only=True):
    id: str
    created: int | None = None
    amount: int
    currency: str
    status: str
    reason: str | None = None
    charge: Link = None
    payment_intent: Link = None
    evidence_details: EvidenceDetails | None = None
    metadata: dict[str, Any] | None = None


class FraudWarning(Struct, kw_only=True):
    id: str
    created: int | None = None
    actionable: bool | None = None
    fraud_type: str | None = None
    charge: Link = None
    payment_intent: Link = None


class Review(Struct, kw_only=True):
    id: str
    open: bool | None = None
    reason: str | None = None
    charge: Link = None
    payment_intent: Link = None


class Session(Struct, kw_only=True):
    id: str
    amount_total: int | None = None
    currency: str | None = None
    payment_status: str | None = None
    payment_intent: Link = None
    client_reference_id: str | None = None
    metadata: dict[str, Any] | None = None


class EventData(Struct, kw_only=True):
    object: msgspec.Raw


class Event(Struct, kw_only=True):
    type: str
    created: int | None = None
    data: EventData | None = None


class EventId(Struct, kw_only=True):
    id: str = ""


class PaymentIntents(Struct, kw_only=True):
    data: list[PaymentIntent]


class Disputes(Struct, kw_only=True):
    data: list[Dispute]


class Profile(Struct, kw_only=True):
    name: str | None = None


class Account(Struct, kw_only=True):
    id: str
    business_profile: Profile | None = None


class Balance(Struct, kw_only=True):
    livemode: bool | None = None
