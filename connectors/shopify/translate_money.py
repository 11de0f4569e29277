"""This file is what order_transactions/*, refunds/* and disputes/* say, in our words."""

from datetime import datetime

from connectors.model import Dispute, Observation, Payment, PaymentState
from connectors.money import Money
from connectors.reading import AHEAD, digest, instant, line, maybe_instant
from connectors.shopify import payments, wire
from connectors.shopify.received import Webhook
from connectors.shopify.translate import amount, id_of, maybe_id
from connectors.shopify.words import DISPUTE_REASONS, word


def transaction(found: wire.Transaction, where: str) -> payments.Transaction:
    """One transaction of REST. Raises ValueError where it lacks its id or time."""
    at = found.processed_at or found.created_at
    if at is None:
        raise ValueError(f"{where}.created_at: expected a time, got nothing")
    details = found.payment_details or wire.PaymentDetails()
    return payments.Transaction(
        id=id_of(found.id, f"{where}.id"),
        parent=maybe_id(found.parent_id, f"{where}.parent_id"),
        kind=word(found.kind),
        status=word(found.status),
        gateway=word(found.gateway) or "shopify",
        amount=amount(found.amount, found.currency, f"{where}.amount"),
        at=instant(at, f"{where}.processed_at"),
        error_code=word(found.error_code),
        message=found.message or "",
        method=payments.method(
            details.credit_card_company,
            details.credit_card_number,
            details.credit_card_wallet,
            details.payment_method_name,
        ),
        references=payments.references(found.payment_id, found.authorization, found.receipt),
        refund_name=payments.refund_name(found.receipt),
    )


def order_transaction(found: wire.Transaction, webhook: Webhook) -> tuple[Observation, ...]:
    """order_transactions/create: one transaction that succeeded or failed."""
    order_id = id_of(found.order_id, "$.order_id")
    done = transaction(found, "$")
    at = webhook.as_of("$.processed_at", done.at)
    identity = f"transaction:{done.id}:{done.status}:{digest(webhook.body)}"
    return (
        webhook.observation(
            payments.kind(done),
            identity,
            at,
            order_id,
            payments=(payments.single(done),),
            text=payments.sentence(done),
        ),
    )


def refund(found: wire.Refund, webhook: Webhook) -> tuple[Observation, ...]:
    """refunds/create: a line of history. The sums come with orders/updated, which carries every refund."""
    return (refund_moment(found, id_of(found.order_id, "$.order_id"), webhook, "$"),)


def refund_moment(found: wire.Refund, order_id: str, webhook: Webhook, where: str) -> Observation:
    refund_id = id_of(found.id, f"{where}.id")
    at = webhook.as_of(f"{where}.created_at", found.processed_at, found.created_at)
    given = [transaction(each, f"{where}.transactions[{n}]") for n, each in enumerate(found.transactions or ())]
    amounts = [each.amount for each in given if each.kind == "refund" and not each.failed and each.amount]
    note = f": {line(found.note)}" if line(found.note) else ""
    if amounts and all(amount.currency == amounts[0].currency for amount in amounts):
        total = Money(sum(amount.amount for amount in amounts), amounts[0].currency)
        text = f"Refund of {total}{note}"
    elif amounts:
        text = f"Refund of {', '.join(map(str, amounts))}{note}"
    else:
        text = f"Refund without money{note}"
    return webhook.moment("refund.created", f"refund:{refund_id}", at, order_id, line(text))


def dispute(found: wire.Dispute, webhook: Webhook) -> tuple[Observation, ...]:
    """disputes/*. Shopify names the order and not the payment; one without an order concerns none of ours."""
    dispute_id = id_of(found.id, "$.id")
    order_id = maybe_id(found.order_id, "$.order_id")
    if not order_id:
        return ()
    at = _dispute_time(found, webhook)
    status, reason = word(found.status), word(found.reason)
    facts = Dispute(
        id=dispute_id,
        state=status or "unknown",
        reason=DISPUTE_REASONS.get(reason, line(reason.replace("_", " "))),
        amount=amount(found.amount, found.currency, "$.amount"),
        respond_by=maybe_instant(found.evidence_due_by, "$.evidence_due_by"),
        opened_at=maybe_instant(found.initiated_at, "$.initiated_at"),
    )
    payment = Payment(id=payments.payment_id(f"dispute:{dispute_id}"), processor="shopify_payments", dispute=facts)
    return (
        webhook.observation(
            "payment.disputed" if status == "needs_response" else "dispute.updated",
            f"dispute:{dispute_id}:{status}:{digest(webhook.body)}",
            at,
            order_id,
            payments=(payment,),
            text=_dispute_sentence(found, facts),
        ),
    )


def _dispute_time(found: wire.Dispute, webhook: Webhook) -> datetime:
    """A dispute does not say when it was changed: the latest thing that is said to have happened to it."""
    first = webhook.as_of("$.initiated_at", found.initiated_at)
    latest = webhook.received_at + AHEAD
    sent = maybe_instant(found.evidence_sent_on, "$.evidence_sent_on")
    finished = maybe_instant(found.finalized_on, "$.finalized_on")
    return max([first, *(moment for moment in (sent, finished) if moment is not None and moment <= latest)])


def _dispute_sentence(found: wire.Dispute, facts: Dispute) -> str:
    what = "Inquiry" if word(found.type) == "inquiry" else "Chargeback"
    of_amount = f" of {facts.amount}" if facts.amount else ""
    if facts.state == "needs_response":
        by = f"; evidence is due by {facts.respond_by:%d %b %Y}" if facts.respond_by else ""
        return line(f"{what}{of_amount} opened: {facts.reason or 'no reason given'}{by}")
    return line(f"{what}{of_amount}: {facts.state.replace('_', ' ')}")


def refunded_payments(found: wire.Order) -> tuple[Payment, ...]:
    """What was given back of each payment in all, and each refund: an order's body carries every one of them."""
    given: dict[str, list[payments.Transaction]] = {}
    for index, refund_ in enumerate(found.refunds or ()):
        for number, each in enumerate(refund_.transactions or ()):
            done = transaction(each, f"$.refunds[{index}].transactions[{number}]")
            if done.kind == "refund" and done.parent and done.amount is not None:
                given.setdefault(done.parent, []).append(done)
    worked = [parent for parent, each in given.items() if any(done.worked for done in each)]
    state = None
    if len(worked) == 1:
        state = {"refunded": PaymentState.REFUNDED, "partially_refunded": PaymentState.PARTIALLY_REFUNDED}.get(
            word(found.financial_status)
        )
    return tuple(_given_back(parent, each, state if parent in worked else None) for parent, each in given.items())


def _given_back(parent: str, given: list[payments.Transaction], state: PaymentState | None) -> Payment:
    amounts = [done.amount for done in given if done.worked and done.amount is not None]
    names = {name for done in given for name in (*done.references, payments.payment_id(done.id))}
    return Payment(
        id=payments.payment_id(parent),
        processor=given[0].gateway,
        state=state,
        refunded=sum(amounts[1:], amounts[0]) if amounts else None,
        references=tuple(sorted(names)),
        refunds=tuple(refund_ for done in given for refund_ in payments.refunds(done)),
    )
