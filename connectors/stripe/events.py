"""This file is what Stripe's events say: a table from their types to functions, and a line of history for each."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from connectors.model import Observation, Payment, PaymentState, References
from connectors.reading import AHEAD, decode, digest, from_unix, line
from connectors.stripe import translate, wire
from connectors.stripe.words import FRAUD_TYPES, REFUND_FAILURES, REVIEWS


class Said(Struct, frozen=True):
    """What one object says: the payment, which order it is for, and a line of history."""

    payment: Payment | None
    about: References
    text: str = ""


class Row(Struct, frozen=True):
    """How one type of event is read."""

    kind: str
    object: type[Struct]
    read: Callable[[Any, str, datetime], Said]


def observations(body: bytes, source: str, received_at: datetime) -> tuple[Observation, ...]:
    """The event as one observation, or none for a type that does not concern orders. Raises ValueError."""
    event = decode(body, wire.Event)
    row = EVENTS.get(event.type)
    if row is None:
        return ()
    if event.created is None or event.data is None:
        raise ValueError(f"{event.type}: expected created and data.object, got neither or one")
    at = from_unix(event.created, "created", latest=received_at + AHEAD)
    try:
        found = decode(event.data.object, row.object)
        said = row.read(found, event.type, at)
    except ValueError as error:
        raise ValueError(f"{event.type}, data.object: {error}") from error
    name = getattr(found, "id", "")
    # Stripe may make two events of one thing: what counts is the object and its state.
    identity = f"{event.type}:{name}:{digest(bytes(event.data.object))}"
    return (
        Observation(
            source=source,
            kind=row.kind,
            identity=identity,
            at=at,
            about=said.about,
            text=said.text,
            payments=(said.payment,) if said.payment else (),
        ),
    )


def _intent(found: wire.PaymentIntent, type_: str, at: datetime) -> Said:
    payment = translate.intent(found, "$", tried_at=at, failed=type_ == "payment_intent.payment_failed")
    return Said(payment, translate.about(payment, found.metadata), _intent_sentence(payment, type_))


def _intent_sentence(payment: Payment, type_: str) -> str:
    of, by = f" of {payment.amount}", f" ({payment.method})" if payment.method else ""
    match type_:
        case "payment_intent.payment_failed":
            return line(f"Payment{of} failed{by}: {payment.failure_message or 'no reason given'}")
        case "payment_intent.succeeded":
            return line(f"Payment{of} succeeded{by}")
        case "payment_intent.amount_capturable_updated":
            return line(f"Payment{of} authorised{by}")
        case "payment_intent.requires_action":
            return line(f"Payment{of} waits for the customer to confirm it with the bank")
        case "payment_intent.canceled":
            return line(f"Payment{of} cancelled")
    return ""


def _charge(found: wire.Charge, type_: str, at: datetime) -> Said:
    payment = translate.charge(found, "$", tried_at=at)
    if type_ == "charge.updated" and payment.state is PaymentState.FAILED:
        # A failed try may be touched long after another one went through: it says nothing of the payment any more.
        payment = Payment(
            id=payment.id, processor=payment.processor, references=payment.references, attempts=payment.attempts
        )
    return Said(payment, translate.about(payment, found.metadata), _charge_sentence(found, payment, type_))


def _charge_sentence(found: wire.Charge, payment: Payment, type_: str) -> str:
    by = f" ({payment.method})" if payment.method else ""
    if type_ == "charge.refunded" and found.captured:
        return line(f"Refunded so far: {payment.refunded} of {payment.captured}")
    if type_ == "charge.expired":
        return line(f"Payment of {payment.amount} was authorised but not taken in time")
    if found.payment_intent:
        return ""  # its intent tells the same
    if type_ == "charge.failed":
        return line(f"Payment of {payment.amount} failed{by}: {payment.failure_message or 'no reason given'}")
    if type_ == "charge.succeeded":
        verb = "authorised" if payment.state is PaymentState.AUTHORIZED else "succeeded"
        return line(f"Payment of {payment.amount} {verb}{by}")
    return line(f"Payment of {payment.captured} taken{by}") if type_ == "charge.captured" else ""


def _refund(found: wire.Refund, type_: str, at: datetime) -> Said:
    """How much was refunded in all only the charge says, which comes with charge.refunded."""
    payment = replace(_linked(found, found.metadata), refunds=(translate.refund(found, at, "$"),))
    given = translate.amount(found.amount, found.currency, "$.amount")
    text = ""
    if type_ == "refund.updated" and found.status == "requires_action":
        text = f"Refund of {given} waits for the customer's bank details"
    elif type_ == "refund.failed":
        why = REFUND_FAILURES.get(found.failure_reason or "") or line(found.failure_reason) or "no reason given"
        text = f"Refund of {given} failed: {why.replace('_', ' ')}"
    elif type_ == "refund.created":
        text = f"Refund of {given} made" if found.status == "succeeded" else f"Refund of {given} on its way"
    elif type_ == "refund.updated" and found.status == "canceled":
        text = f"Refund of {given} called off"
    return Said(payment, translate.about(payment, found.metadata), line(text))


def _dispute(found: wire.Dispute, type_: str, _: datetime) -> Said:
    facts = translate.dispute(found, "$")
    payment = replace(_linked(found, None), dispute=facts)
    what = "Inquiry" if facts.state.startswith("warning_") else "Dispute"
    text = ""
    if type_ == "charge.dispute.created":
        by = f"; evidence is due by {facts.respond_by:%d %b %Y}" if facts.respond_by else ""
        text = f"{what} of {facts.amount} opened: {facts.reason or 'no reason given'}{by}"
    elif type_ == "charge.dispute.closed":
        text = f"{what} of {facts.amount} closed: {facts.state.replace('_', ' ')}"
    return Said(payment, translate.about(payment, found.metadata), line(text))


def _fraud_warning(found: wire.FraudWarning, type_: str, at: datetime) -> Said:
    warning = translate.fraud_warning(found, at, "$")
    payment = replace(_linked(found, None), fraud_warning=warning)
    why = FRAUD_TYPES.get(found.fraud_type or "")
    text = f"The bank warns of fraud{f': {why}' if why else ''}" if type_.endswith(".created") else ""
    return Said(payment, translate.about(payment, None), text)


def _review(found: wire.Review, type_: str, _: datetime) -> Said:
    payment = _linked(found, None)
    why = REVIEWS.get(found.reason or "") or line(found.reason).replace("_", " ")
    verb = "The payment is held for a review" if type_ == "review.opened" else "The review of the payment ended"
    return Said(payment, translate.about(payment, None), line(f"{verb}{f': {why}' if why else ''}"))


def _session(found: wire.Session, type_: str, _: datetime) -> Said:
    """A checkout: which order it was for, and whether it was paid."""
    text = _SESSION_TEXTS.get(type_, "")
    intent = translate.linked(found.payment_intent, "$.payment_intent")
    payment = translate.payment_of(intent, "", found.metadata)
    about = translate.about(payment, found.metadata, found.client_reference_id)
    if not intent:
        return Said(None, about, text)
    if found.amount_total is not None and found.currency:
        payment = replace(payment, amount=translate.amount(found.amount_total, found.currency, "$.amount_total"))
    if type_ == "checkout.session.async_payment_failed":
        payment = replace(payment, state=PaymentState.FAILED)
    elif found.payment_status == "paid":
        payment = replace(payment, state=PaymentState.PAID)
    return Said(payment, about, text)


_SESSION_TEXTS = {
    "checkout.session.async_payment_failed": "The payment that the checkout waited for failed",
    "checkout.session.expired": "The checkout expired without a payment",
}


def _linked(found: wire.Refund | wire.Dispute | wire.FraudWarning | wire.Review, metadata: Any) -> Payment:
    intent = translate.linked(found.payment_intent, "$.payment_intent")
    charge = translate.linked(found.charge, "$.charge")
    if not intent and not charge:
        raise ValueError("expected payment_intent or charge, got neither")
    return translate.payment_of(intent, charge, metadata)


def _rows(kind: type[Struct], read: Callable[[Any, str, datetime], Said], kinds: dict[str, str]) -> dict[str, Row]:
    return {type_: Row(name, kind, read) for type_, name in kinds.items()}


# https://docs.stripe.com/api/events/types
EVENTS: dict[str, Row] = {
    **_rows(
        wire.PaymentIntent,
        _intent,
        {
            "payment_intent.created": "payment.created",
            "payment_intent.processing": "payment.pending",
            "payment_intent.partially_funded": "payment.pending",
            "payment_intent.requires_action": "payment.requires_action",
            "payment_intent.amount_capturable_updated": "payment.authorized",
            "payment_intent.payment_failed": "payment.failed",
            "payment_intent.succeeded": "payment.succeeded",
            "payment_intent.canceled": "payment.cancelled",
        },
    ),
    **_rows(
        wire.Charge,
        _charge,
        {
            "charge.pending": "payment.pending",
            "charge.succeeded": "payment.succeeded",
            "charge.captured": "payment.succeeded",
            "charge.failed": "payment.failed",
            "charge.expired": "payment.cancelled",
            "charge.refunded": "payment.refunded",
            "charge.updated": "payment.updated",
        },
    ),
    **_rows(
        wire.Refund,
        _refund,
        {
            "refund.created": "refund.created",
            "refund.updated": "refund.updated",
            "refund.failed": "refund.failed",
            "charge.refund.updated": "refund.updated",  # the same as refund.updated, under its older name
        },
    ),
    **_rows(
        wire.Dispute,
        _dispute,
        {
            "charge.dispute.created": "payment.disputed",
            "charge.dispute.updated": "dispute.updated",
            "charge.dispute.closed": "dispute.closed",
            "charge.dispute.funds_withdrawn": "dispute.updated",
            "charge.dispute.funds_reinstated": "dispute.updated",
        },
    ),
    **_rows(
        wire.FraudWarning,
        _fraud_warning,
        {
            "radar.early_fraud_warning.created": "payment.fraud_warning",
            "radar.early_fraud_warning.updated": "payment.fraud_warning",
        },
    ),
    **_rows(wire.Review, _review, {"review.opened": "payment.review_opened", "review.closed": "payment.review_closed"}),
    **_rows(
        wire.Session,
        _session,
        {
            "checkout.session.completed": "checkout.completed",
            "checkout.session.async_payment_succeeded": "checkout.completed",
            "checkout.session.async_payment_failed": "payment.failed",
            "checkout.session.expired": "checkout.expired",
        },
    ),
}
