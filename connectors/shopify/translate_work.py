"""This file is what fulfillment_orders/* say, in our words: holds, the beginning of the work, requests to stop it."""

from datetime import datetime

import msgspec

from connectors.model import Hold, Observation, Order, References
from connectors.reading import digest, line, maybe_instant
from connectors.shopify import wire
from connectors.shopify.received import Webhook
from connectors.shopify.translate import id_of, maybe_id, part_name, place
from connectors.shopify.words import HOLD_REASONS, word

_OVER = ("cancelled", "closed", "incomplete")


def fulfillment_order(found: wire.FulfillmentOrderEvent, webhook: Webhook) -> tuple[Observation, ...]:
    """fulfillment_orders/*: holds, the beginning of the work, requests to stop it.

    As documented these bodies name no order, only the fulfilment order, by which a live look has made the order known.
    Then they say that something happened and what Shopify put in; the next look finds the rest in the order.
    """
    inner = (
        found.fulfillment_order
        or found.submitted_fulfillment_order
        or found.moved_fulfillment_order
        or found.original_fulfillment_order
        or found
    )
    own_id = id_of(inner.id, "$.id")
    order_id = maybe_id(inner.order_id, "$.order_id") or maybe_id(found.order_id, "$.order_id")
    at = webhook.as_of("$.updated_at", inner.updated_at, found.updated_at, webhook.received_at)
    status, asked = word(inner.status), word(inner.request_status)
    began = status == "in_progress" or asked in ("accepted", "cancellation_requested", "cancellation_request")
    stop = asked in ("cancellation_requested", "cancellation_request")
    method = inner.delivery_method or wire.DeliveryMethod()
    location = inner.assigned_location or wire.AssignedLocation()
    facts = Order(
        id=order_id,
        holds=_holds(found, inner, status, at, webhook),
        ship_by=maybe_instant(inner.fulfill_by, "$.fulfill_by") if status not in _OVER else None,
        warehouse=line(location.name) or None,
        origin=place(location.city, location.province, location.country_code, location.zip),
        fulfillment_state=_state_of_work(found, status, webhook),
        fulfillment_started_at=at if began else None,
        cancel_requested_at=at if stop else None,
        promised_by=maybe_instant(method.max_delivery_date_time, "$.delivery_method.max_delivery_date_time"),
    )
    kind, text = _work_sentence(found, inner, status, asked, webhook)
    identity = f"fulfillment_order:{own_id}:{status}:{asked}:{digest(webhook.body)}"
    told = webhook.observation(kind, identity, at, order_id, order=facts, text=text)
    if not order_id:
        told = msgspec.structs.replace(told, about=References(order_ids=(part_name(own_id),)))
    return (told,)


def _holds(
    found: wire.FulfillmentOrderEvent, inner: wire.FulfillmentOrder, status: str, at: datetime, webhook: Webhook
) -> tuple[Hold, ...] | None:
    if status == "on_hold":
        created = [found.created_fulfillment_hold] if found.created_fulfillment_hold else []
        told = inner.fulfillment_holds or created
        known = tuple(Hold(reason=word(h.reason) or "other", text=line(h.reason_notes), since=at) for h in told)
        return known or (Hold(reason="other", since=at),)
    # Another part may still be held, as long as it is not said that this one was let go on.
    return () if webhook.topic.endswith("/hold_released") and status == "open" else None


def _state_of_work(found: wire.FulfillmentOrderEvent, status: str, webhook: Webhook) -> str | None:
    if status in ("on_hold", "in_progress", "scheduled"):
        return status
    if status == "cancelled" and found.replacement_fulfillment_order is None:
        return status
    # An open one says nothing of the order's other parts, except when what held it back is gone.
    return "unfulfilled" if status == "open" and webhook.topic.endswith("/hold_released") else None


def _work_sentence(
    found: wire.FulfillmentOrderEvent, inner: wire.FulfillmentOrder, status: str, asked: str, webhook: Webhook
) -> tuple[str, str]:
    request = found.fulfillment_order_merchant_request or wire.MerchantRequest()
    said = line(found.message or request.message)
    tail = f": {said}" if said else ""
    if asked in ("cancellation_requested", "cancellation_request"):
        return "cancellation.requested", line(f"Warehouse asked to stop the fulfilment{tail}")
    if asked == "cancellation_rejected":
        return "cancellation.rejected", line(f"Warehouse refused to stop the fulfilment{tail}")
    if status == "on_hold":
        hold = found.created_fulfillment_hold or next(iter(inner.fulfillment_holds or ()), wire.Hold())
        because = HOLD_REASONS.get(word(hold.reason)) or line(hold.reason_notes)
        return "fulfillment.held", line(f"Fulfilment on hold{f' because {because}' if because else ''}")
    if status == "cancelled":
        return "fulfillment.cancelled", line(f"Fulfilment called off{tail}")
    if status == "in_progress":
        return "fulfillment.started", line(f"Fulfilment began{tail}")
    if webhook.topic.endswith("/hold_released") and status == "open":
        return "fulfillment.released", "Fulfilment is no longer on hold"
    return "fulfillment.updated", ""
