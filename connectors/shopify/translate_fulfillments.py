"""This file is what fulfillments/* and fulfillment_events/* say, in our words."""

from connectors.model import Observation, Place, Scan, Shipment, ShipmentState
from connectors.reading import digest, line, maybe_instant
from connectors.shopify import wire
from connectors.shopify.received import Webhook
from connectors.shopify.translate import (
    exception_of,
    id_of,
    items,
    named,
    parcels,
    place,
    shipment_state,
    spoken,
    stamp,
    town,
)
from connectors.shopify.words import EXCEPTIONS, SHIPMENT_STATES, word


def fulfillment(found: wire.Fulfillment, webhook: Webhook) -> tuple[Observation, ...]:
    """fulfillments/*: its parcels as of its `updated_at`."""
    order_id = id_of(found.order_id, "$.order_id")
    at = webhook.as_of("$.updated_at", found.updated_at, found.created_at)
    state = webhook.observation(
        "fulfillment.created" if webhook.topic == "fulfillments/create" else "fulfillment.updated",
        f"fulfillment:{id_of(found.id, '$.id')}:{stamp(at)}:{digest(webhook.body)}",
        at,
        order_id,
        shipments=shipments(found, "$"),
    )
    return (state, *fulfillment_history(found, order_id, webhook, "$"))


def shipments(found: wire.Fulfillment, where: str) -> tuple[Shipment, ...]:
    """The parcels of one fulfilment, one for each tracking number."""
    numbers = found.tracking_numbers or [found.tracking_number]
    urls = found.tracking_urls or [found.tracking_url]
    state, said = shipment_state(found.status, found.shipment_status, has_number=any(numbers))
    created = maybe_instant(found.created_at, f"{where}.created_at")
    updated = maybe_instant(found.updated_at, f"{where}.updated_at")
    base = Shipment(
        carrier="",
        tracking_number="",
        fulfillment_id=id_of(found.id, f"{where}.id"),
        state=state,
        vendor_state=said or None,
        shipped_at=created if word(found.status) == "success" else None,
        cancelled_at=updated if word(found.status) == "cancelled" else None,
        destination=town(found.destination) if found.destination else None,
        items=None
        if found.line_items is None
        else items(found.line_items, None, f"{where}.line_items", with_unfulfilled=False),
        exception=exception_of(found.shipment_status, state),
    )
    return parcels(base, found.tracking_company, numbers, urls)


def fulfillment_history(found: wire.Fulfillment, order_id: str, webhook: Webhook, where: str) -> list[Observation]:
    """That it was made, and that it came to nothing."""
    fulfillment_id = id_of(found.id, f"{where}.id")
    created = webhook.maybe_as_of(f"{where}.created_at", found.created_at)
    if created is None:
        return []
    who = ", ".join(named(each.carrier, each.tracking_number) for each in shipments(found, where))
    name = f"fulfillment:{fulfillment_id}:created"
    moments = [webhook.moment("fulfillment.created", name, created, order_id, line(f"Fulfilment created: {who}"))]
    updated = webhook.maybe_as_of(f"{where}.updated_at", found.updated_at)
    ended = {"cancelled": "cancelled", "failure": "failed", "error": "failed"}.get(word(found.status))
    if ended and updated is not None:
        name = f"fulfillment:{fulfillment_id}:{ended}"
        text = line(f"Fulfilment {ended}: {who}")
        moments.append(webhook.moment(f"fulfillment.{ended}", name, updated, order_id, text))
    return moments


def fulfillment_event(found: wire.FulfillmentEvent, webhook: Webhook) -> tuple[Observation, ...]:
    """fulfillment_events/create: one scan. It names the fulfilment, not the tracking number.

    A deleted one cannot be taken back out of the scans, which only add up, so the history says it.
    """
    order_id = id_of(found.order_id, "$.order_id")
    event_id = id_of(found.id, "$.id")
    at = webhook.as_of("$.happened_at", found.happened_at, found.created_at)
    scan = Scan(
        at=at,
        state=SHIPMENT_STATES.get(word(found.status), ShipmentState.UNKNOWN),
        text=line(found.message) or EXCEPTIONS.get(word(found.status)) or spoken(found.status),
        code=word(found.status),
        place=place(found.city, found.province, found.country, found.zip) or Place(),
    )
    where = f" ({scan.place})" if str(scan.place) else ""
    if webhook.topic == "fulfillment_events/delete":
        text = line(f"Tracking update withdrawn: {scan.text}{where}")
        return (webhook.moment("shipment.withdrawn", f"fulfillment_event:{event_id}:deleted", at, order_id, text),)
    shipment = Shipment(
        carrier="unknown",
        tracking_number="",
        fulfillment_id=id_of(found.fulfillment_id, "$.fulfillment_id"),
        estimated_delivery=maybe_instant(found.estimated_delivery_at, "$.estimated_delivery_at"),
        scans=(scan,),
    )
    identity = f"fulfillment_event:{event_id}:{digest(webhook.body)}"
    text = line(f"{scan.text}{where}")
    return (webhook.observation("shipment.scanned", identity, at, order_id, shipments=(shipment,), text=text),)
