"""This file is what returns/* say, in our words: a customer who asks for their money back, and what became of it."""

from connectors.model import Observation, Order, RefundRequest
from connectors.reading import digest, line
from connectors.shopify import wire
from connectors.shopify.received import Webhook
from connectors.shopify.translate import id_of, maybe_id
from connectors.shopify.words import RETURN_STATES, word

_TEXTS = {
    "requested": "Customer asked for a return",
    "approved": "Return approved",
    "declined": "Return declined",
    "cancelled": "Return cancelled",
    "closed": "Return closed",
}


def return_(found: wire.Return, webhook: Webhook) -> tuple[Observation, ...]:
    """returns/*: one return as of now. A webhook need not say when that is; then it is when it came."""
    return_id = id_of(found.id, "$.id")
    order_id = maybe_id(found.order.id if found.order else None, "$.order.id") or maybe_id(found.order_id, "$.order_id")
    if not order_id:
        return ()
    state = RETURN_STATES.get(word(found.status), "closed")
    at = webhook.as_of("$.updated_at", found.updated_at, webhook.received_at)
    request = RefundRequest(
        id=return_id,
        at=webhook.as_of("$.created_at", found.created_at, at),
        state=state,
        reason=_reason(found.return_line_items or []),
    )
    why = f": {request.reason}" if request.reason else ""
    identity = f"return:{return_id}:{state}:{digest(webhook.body)}"
    facts = Order(id=order_id, refund_requests=(request,))
    text = line(f"{_TEXTS[state]}{why if state == 'requested' else ''}")
    return (webhook.observation(f"return.{state}", identity, at, order_id, order=facts, text=text),)


def _reason(lines: list[wire.ReturnLine]) -> str:
    """In the customer's own words, else in Shopify's."""
    first = lines[0] if lines else wire.ReturnLine()
    reason = word(first.return_reason).replace("_", " ")
    return line(first.customer_note) or line(first.return_reason_note) or line("" if reason == "unknown" else reason)
