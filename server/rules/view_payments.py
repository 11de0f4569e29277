"""This file merges what several sources said about an order's payments into each payment as it stands.

The processor is believed about its payments; the shop, which tells the same again, fills in what it leaves out.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from connectors.model import Dispute, Payment, PaymentAttempt, Refund
from server.model import OrderRecord
from server.rules.merging import Member, first_said, latest
from server.rules.money_states import HOLDS_MONEY

_REFUND_RANKS = {"pending": 0, "requires_action": 0, "succeeded": 1, "failed": 2, "cancelled": 2}
_CLOCKS_DIFFER = timedelta(hours=1)
_encode = msgspec.json.Encoder(order="deterministic").encode


def payments(record: OrderRecord, shop: str) -> tuple[Payment, ...]:
    """Every payment of the order once, the oldest first."""
    merged = [_payment(group, shop) for group in _same_payments(record)]
    return tuple(sorted(merged, key=lambda p: (p.created_at is None, p.created_at, p.id)))


def _same_payments(record: OrderRecord) -> Iterable[list[Member[Payment]]]:
    """Words that share an id or a reference, also through others, are about the same payment."""
    group_of: dict[str, str] = {}

    def root(name: str) -> str:
        while group_of.setdefault(name, name) != name:
            name = group_of[name]
        return name

    for payment_id, by_source in record.payments.items():
        for said in by_source.values():
            for reference in said.facts.references:
                group_of[root(reference)] = root(payment_id)
    groups: dict[str, list[Member[Payment]]] = defaultdict(list)
    for payment_id, by_source in record.payments.items():
        groups[root(payment_id)] += by_source.items()
    return groups.values()


def _payment(members: list[Member[Payment]], shop: str) -> Payment:
    if len(members) == 1:
        return _consistent(members[0][1].facts)
    members = sorted(members, key=lambda m: (m[0] == shop, latest(m[1]), m[1].facts.id, m[0]))
    words = [said.facts for _, said in members]
    merged = first_said(words)
    merged["references"] = tuple(sorted({*(r for w in words for r in w.references), *(w.id for w in words[1:])}))
    merged["attempts"] = _attempts(members, shop)
    if any(word.refunds for word in words):
        merged["refunds"] = _refunds(members, shop)
    if merged["dispute"] is not None:
        merged["dispute"] = _dispute(words)
    return _consistent(Payment(**merged))


def _attempts(members: list[Member[Payment]], shop: str) -> tuple[PaymentAttempt, ...]:
    """The shop tells the processor's tries again, under ids of its own: they count only where nobody else tells any."""
    of_processor = [said.facts for source, said in members if source != shop and said.facts.attempts]
    told = [attempt for word in of_processor or [said.facts for _, said in members] for attempt in word.attempts]
    if len(told) > 1:
        told = list({attempt.id: attempt for attempt in sorted(told, key=_encode)}.values())
    return tuple(sorted(told, key=lambda attempt: (attempt.at, attempt.id)))


def _refunds(members: list[Member[Payment]], shop: str) -> tuple[Refund, ...]:
    """Every refund as the latest word of its processor has it.

    The shop tells the processor's refunds again, often under ids of its own: one of the same amount is the same. Only
    of one that the processor never took (and so cannot tell of) the shop's word is all there is.
    """
    told = _one_word_each(refund for source, said in members if source != shop for refund in said.facts.refunds)
    of_shop = _one_word_each(refund for source, said in members if source == shop for refund in said.facts.refunds)
    of_shop = {id_: refund for id_, refund in of_shop.items() if not any(_is_again(refund, o) for o in told.values())}
    return tuple(sorted((of_shop | told).values(), key=lambda refund: (refund.at, refund.id)))


def _one_word_each(refunds: Iterable[Refund]) -> dict[str, Refund]:
    return {refund.id: refund for refund in sorted(refunds, key=refund_standing)}


def refund_standing(refund: Refund) -> tuple[int, datetime, bytes]:
    """Of two words about one refund the one with the higher standing counts: the further one, then the later one.

    A live look cannot tell when a refund came to be as it is. But none comes back from having failed, and one that
    went through can only fail.
    """
    return _REFUND_RANKS.get(refund.state, 0), refund.at, _encode(refund)


def _is_again(of_shop: Refund, other: Refund) -> bool:
    """Whether the processor's *other* is what the shop tells of; what failed before there was one is not."""
    return of_shop.amount == other.amount and (of_shop.state != "failed" or other.at >= of_shop.at - _CLOCKS_DIFFER)


def _dispute(words: list[Payment]) -> Dispute:
    """As the first has it who tells of one; what it leaves out, as others have it."""
    told = [word.dispute for word in words if word.dispute is not None]
    same = [dispute for dispute in told if dispute.id == told[0].id]
    if len(same) == 1:
        return told[0]
    return Dispute(
        id=told[0].id,
        state=told[0].state,
        reason=next((dispute.reason for dispute in same if dispute.reason), ""),
        amount=next((dispute.amount for dispute in same if dispute.amount), None),
        respond_by=next((dispute.respond_by for dispute in same if dispute.respond_by), None),
        opened_at=next((dispute.opened_at for dispute in same if dispute.opened_at), None),
    )


def _consistent(payment: Payment) -> Payment:
    """A payment that worked shows no failure; its attempts still do."""
    if payment.state in HOLDS_MONEY and (payment.failure_code or payment.failure_message):
        payment = replace(payment, failure_code="", failure_message="")
    if payment.refundable is None and payment.captured is not None:
        refunded = payment.refunded
        if refunded is None or refunded.currency == payment.captured.currency:
            payment = replace(payment, refundable=payment.captured if not refunded else payment.captured - refunded)
    return payment
