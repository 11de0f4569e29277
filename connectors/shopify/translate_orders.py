"""This file is what orders/* say, in our words.

An order's body tells of its placing, its cancellation, its fulfilments and refunds too. Each of these is the same word
whichever webhook brings it.
"""

from connectors.model import Customer, Observation, Order
from connectors.reading import digest, line, maybe_instant
from connectors.shopify import wire
from connectors.shopify.received import Webhook
from connectors.shopify.translate import amount, id_of, items, maybe_id, stamp, town
from connectors.shopify.translate_deadlines import deliver_by, marketplace, ship_by
from connectors.shopify.translate_fulfillments import fulfillment_history, shipments
from connectors.shopify.translate_money import refund_moment, refunded_payments
from connectors.shopify.words import CANCEL_REASONS, NEVER_SHIPPED, word

ORDER_KINDS = {
    "orders/create": "order.created",
    "orders/updated": "order.updated",
    "orders/paid": "order.paid",
    "orders/cancelled": "order.cancelled",
    "orders/fulfilled": "order.fulfilled",
    "orders/partially_fulfilled": "order.partially_fulfilled",
}


def order(found: wire.Order, webhook: Webhook) -> tuple[Observation, ...]:
    """orders/*: the whole order as of its `updated_at`, and what its body tells of its history."""
    order_id = id_of(found.id, "$.id")
    at = webhook.as_of("$.updated_at", found.updated_at, found.created_at)
    facts = _order_facts(found, order_id, webhook)
    parcels = [
        parcel
        for index, each in enumerate(found.fulfillments or ())
        for parcel in shipments(each, f"$.fulfillments[{index}]")
    ]
    state = webhook.observation(
        ORDER_KINDS.get(webhook.topic, "order.updated"),
        f"order:{order_id}:{stamp(at)}:{digest(webhook.body)}",
        at,
        order_id,
        order=facts,
        shipments=tuple(parcels),
        payments=refunded_payments(found),
    )
    return (state, *_history(found, facts, webhook))


def _order_facts(found: wire.Order, order_id: str, webhook: Webhook) -> Order:
    lines = [each.title for each in found.shipping_lines or () if each.title and not each.is_removed]
    currency, attributes = found.currency, _attributes(found.note_attributes)
    return Order(
        id=order_id,
        name=line(found.name) or None,
        placed_at=maybe_instant(found.created_at, "$.created_at"),
        updated_at=maybe_instant(found.updated_at, "$.updated_at"),
        total=amount(found.total_price, currency, "$.total_price"),
        financial_state=word(found.financial_status) or None,
        fulfillment_state=_fulfillment_state(found),
        cancelled_at=webhook.maybe_as_of("$.cancelled_at", found.cancelled_at),
        cancel_reason=word(found.cancel_reason) or None,
        closed_at=maybe_instant(found.closed_at, "$.closed_at"),
        tags=_tags(found.tags),
        email=found.email or found.contact_email or None,
        phone=found.phone or None,
        customer=_customer(found.customer, currency),
        destination=town(found.shipping_address) if found.shipping_address else None,
        shipping_method=line(lines[0]) if lines else None,
        line_items=None if found.line_items is None else items(found.line_items, currency, "$.line_items"),
        attributes=attributes,
        marketplace=marketplace(found.source_name),
        ship_by=ship_by(attributes),
        deliver_by=deliver_by(attributes),
        admin_url=f"https://{webhook.shop}/admin/orders/{order_id}",
        is_test=found.test,
    )


def _fulfillment_state(found: wire.Order) -> str | None:
    """Null says no more than "nothing is fulfilled", also of an order on hold, so it is not held against other words.

    Only where a fulfilment came to nothing it takes back an earlier "fulfilled".
    """
    if found.fulfillment_status:
        return word(found.fulfillment_status)
    undone = any(word(each.status) in NEVER_SHIPPED for each in found.fulfillments or ())
    return "unfulfilled" if undone else None


def _history(found: wire.Order, facts: Order, webhook: Webhook) -> list[Observation]:
    placed = webhook.maybe_as_of("$.created_at", found.created_at)
    moments = []
    if placed is not None:
        # As of its placing nothing was fulfilled, which any later word overrides.
        unfulfilled = Order(id=facts.id, placed_at=placed, fulfillment_state="unfulfilled")
        identity = f"order:{facts.id}:placed"
        moments.append(
            webhook.observation("order.created", identity, placed, facts.id, order=unfulfilled, text="Order placed")
        )
    if facts.cancelled_at is not None:
        because = CANCEL_REASONS.get(facts.cancel_reason or "")
        text = f"Order cancelled because {because}" if because else "Order cancelled"
        name = f"order:{facts.id}:cancelled"
        moments.append(webhook.moment("order.cancelled", name, facts.cancelled_at, facts.id, text))
    for index, each in enumerate(found.fulfillments or ()):
        moments += fulfillment_history(each, facts.id, webhook, f"$.fulfillments[{index}]")
    for index, refund_ in enumerate(found.refunds or ()):
        moments.append(refund_moment(refund_, facts.id, webhook, f"$.refunds[{index}]"))
    return moments


def edited(found: wire.Edited, webhook: Webhook) -> tuple[Observation, ...]:
    """orders/edited: a line of history; what the order became comes with orders/updated."""
    if found.order_edit is None:
        raise ValueError("$.order_edit: expected an object, got nothing")
    edit = found.order_edit
    order_id = id_of(edit.order_id, "$.order_edit.order_id")
    at = webhook.as_of("$.order_edit.committed_at", edit.committed_at, edit.created_at)
    lines = edit.line_items or wire.EditLines()
    added, removed = len(lines.additions or ()), len(lines.removals or ())
    what = [
        f"{count} {'line' if count == 1 else 'lines'} {verb}"
        for count, verb in ((added, "added"), (removed, "removed"))
        if count
    ]
    text = f"Order edited: {', '.join(what)}" if what else "Order edited"
    return (webhook.moment("order.edited", f"edit:{id_of(edit.id, '$.order_edit.id')}", at, order_id, text),)


def _customer(found: wire.Customer | None, currency: str | None) -> Customer | None:
    if found is None:
        return None
    name = line(" ".join(part for part in (found.first_name, found.last_name) if part))
    return Customer(
        id=maybe_id(found.id, "$.customer.id") or None,
        name=name or None,
        email=found.email or None,
        phone=found.phone or None,
        orders_count=found.orders_count,
        total_spent=amount(found.total_spent, found.currency or currency, "$.customer.total_spent"),
        tags=_tags(found.tags),
    )


def _tags(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(tag for part in text.split(",") if (tag := line(part)))


def _attributes(found: list[wire.Attribute] | None) -> dict[str, str] | None:
    if found is None:
        return None
    return {each.name: "" if each.value is None else str(each.value) for each in found if each.name}
