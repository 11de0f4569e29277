"""This file is what a live answer of Shopify says of the work on an order: holds, deadlines, its warehouse, returns.

Webhooks say little of it: those of fulfilment orders name no order, and an order's own body leaves all of it out.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from connectors.model import Hold, Place, RefundRequest
from connectors.reading import instant, line, maybe_instant
from connectors.shopify import wire_graphql as wire
from connectors.shopify.translate import id_of, part_name, place
from connectors.shopify.words import ADDRESS_ERROR, HELD_FOR_ADDRESS, RETURN_STATES, word

T = TypeVar("T")

_HELD_BY_3PL = ("accepted", "cancellation_requested", "cancellation_rejected")
_OVER = ("cancelled", "closed", "incomplete")


def work(found: wire.Order) -> dict[str, Any]:
    """Fields of an Order; without those that the answer says nothing about."""
    told: dict[str, Any] = {}
    if found.fulfillment_orders is not None and found.fulfillment_orders.nodes is not None:
        told |= _work(nodes(found.fulfillment_orders))
    if found.returns is not None and found.returns.nodes is not None:
        told["refund_requests"] = tuple(_request(each) for each in nodes(found.returns))
    problem = _address_problem(found.shipping_address, told.get("holds"))
    if problem is not None:
        told["address_problem"] = problem
    return {name: value for name, value in told.items() if value is not None}


def nodes(found: wire.Nodes[T] | None) -> list[T]:
    """What a list holds, without what was withheld."""
    return [each for each in (found.nodes if found else None) or () if each is not None]


def _work(parts: list[wire.FulfillmentOrder]) -> dict[str, Any]:
    open_ = [each for each in parts if word(each.status) not in _OVER]
    warehouse, origin = _location(open_ or parts)
    return {
        "fulfillment_started_at": _began(parts),
        "cancel_requested_at": _asked_to_stop(parts),
        "promised_by": _promise(parts),
        "holds": tuple(hold for each in open_ for hold in _holds(each)),
        "ship_by": min((at for each in open_ if (at := _ship_by(each)) is not None), default=None),
        "warehouse": warehouse,
        "origin": origin,
        "parts": tuple(part_name(id_of(each.id, "fulfillmentOrders.id")) for each in parts if each.id) or None,
    }


def _holds(found: wire.FulfillmentOrder) -> list[Hold]:
    """Shopify does not say since when; the part that is held has hardly changed after that."""
    since = maybe_instant(found.updated_at, "fulfillmentOrders.updatedAt")
    return [
        Hold(reason=word(each.reason) or "other", text=line(each.reason_notes), since=since)
        for each in found.fulfillment_holds or ()
    ]


def _ship_by(found: wire.FulfillmentOrder) -> datetime | None:
    return maybe_instant(found.fulfill_by, "fulfillmentOrders.fulfillBy")


def _location(parts: Sequence[wire.FulfillmentOrder]) -> tuple[str | None, Place | None]:
    """Where the first part is sent from that still has to be."""
    for each in parts:
        if (at := each.assigned_location) is not None and at.name:
            return line(at.name), place(at.city, at.province, at.country_code, at.zip)
    return None, None


def _began(work: Iterable[wire.FulfillmentOrder]) -> datetime | None:
    """No later than this: Shopify says when a fulfilment order changed, not when its work began."""
    moments = [
        instant(each.updated_at, "fulfillmentOrders.updatedAt")
        for each in work
        if each.updated_at and (word(each.status) == "in_progress" or word(each.request_status) in _HELD_BY_3PL)
    ]
    return min(moments, default=None)


def _asked_to_stop(work: Iterable[wire.FulfillmentOrder]) -> datetime | None:
    moments = [
        instant(each.updated_at, "fulfillmentOrders.updatedAt")
        for each in work
        if each.updated_at and word(each.request_status) == "cancellation_requested"
    ]
    return max(moments, default=None)


def _promise(work: Iterable[wire.FulfillmentOrder]) -> datetime | None:
    """The last part's date: the order is there when all of it is."""
    moments = [
        instant(each.delivery_method.max_delivery_date_time, "deliveryMethod.maxDeliveryDateTime")
        for each in work
        if each.delivery_method and each.delivery_method.max_delivery_date_time and word(each.status) != "cancelled"
    ]
    return max(moments, default=None)


def _request(found: wire.Return) -> RefundRequest:
    lines = nodes(found.return_line_items)
    first = lines[0] if lines else wire.ReturnLine()
    reason = first.return_reason_definition.name if first.return_reason_definition else None
    return RefundRequest(
        id=id_of(found.id, "returns.id"),
        at=instant(found.created_at, "returns.createdAt"),
        state=RETURN_STATES.get(word(found.status), "closed"),
        reason=line(first.customer_note) or line(first.return_reason_note) or line(reason),
    )


def _address_problem(address: wire.Address | None, holds: Sequence[Hold] | None) -> str | None:
    """Empty where nothing is wrong; None where nobody has looked."""
    checked = word(address.validation_result_summary) if address else ""
    if checked == "error":
        return ADDRESS_ERROR
    if any(hold.reason == "incorrect_address" for hold in holds or ()):
        return HELD_FOR_ADDRESS
    return "" if checked or holds is not None else None
