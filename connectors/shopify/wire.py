"""This file is Shopify's webhook bodies, as far as we read them: REST resources without their outer key.

Nearly everything may be null or absent; what must be there is checked where it is used, so that the error names it.
https://shopify.dev/docs/api/webhooks/latest
"""

from decimal import Decimal
from typing import Any

from msgspec import Struct

from connectors.reading import Moment

Id = int | str
"""A 64-bit number, or a `gid://shopify/Order/1`."""


class Address(Struct, kw_only=True):
    city: str | None = None
    province: str | None = None
    province_code: str | None = None
    country: str | None = None
    country_code: str | None = None
    zip: str | None = None


class Attribute(Struct, kw_only=True):
    name: str | None = None
    value: Any = None


class Customer(Struct, kw_only=True):
    id: Id | None = None
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    tags: str | None = None
    orders_count: int | None = None
    total_spent: Decimal | None = None
    currency: str | None = None


class LineItem(Struct, kw_only=True):
    id: Id | None = None
    title: str | None = None
    name: str | None = None
    sku: str | None = None
    quantity: int | None = None
    fulfillable_quantity: int | None = None
    requires_shipping: bool | None = None
    price: Decimal | None = None


class ShippingLine(Struct, kw_only=True):
    title: str | None = None
    is_removed: bool | None = None


class PaymentDetails(Struct, kw_only=True):
    credit_card_number: str | None = None
    credit_card_company: str | None = None
    credit_card_wallet: str | None = None
    payment_method_name: str | None = None


class Transaction(Struct, kw_only=True):
    id: Id | None = None
    order_id: Id | None = None
    parent_id: Id | None = None
    kind: str | None = None
    status: str | None = None
    gateway: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    created_at: Moment | None = None
    processed_at: Moment | None = None
    error_code: str | None = None
    message: str | None = None
    authorization: str | None = None
    payment_id: str | None = None
    payment_details: PaymentDetails | None = None
    receipt: Any = None


class Refund(Struct, kw_only=True):
    id: Id | None = None
    order_id: Id | None = None
    created_at: Moment | None = None
    processed_at: Moment | None = None
    note: str | None = None
    transactions: list[Transaction] | None = None
    refund_line_items: list[Any] | None = None


class Fulfillment(Struct, kw_only=True):
    id: Id | None = None
    order_id: Id | None = None
    status: str | None = None
    shipment_status: str | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    tracking_company: str | None = None
    tracking_number: str | None = None
    tracking_numbers: list[str | None] | None = None
    tracking_url: str | None = None
    tracking_urls: list[str | None] | None = None
    line_items: list[LineItem] | None = None
    destination: Address | None = None


class FulfillmentEvent(Struct, kw_only=True):
    id: Id | None = None
    fulfillment_id: Id | None = None
    order_id: Id | None = None
    status: str | None = None
    message: str | None = None
    happened_at: Moment | None = None
    created_at: Moment | None = None
    estimated_delivery_at: Moment | None = None
    city: str | None = None
    province: str | None = None
    country: str | None = None
    zip: str | None = None


class Order(Struct, kw_only=True):
    id: Id | None = None
    name: str | None = None
    created_at: Moment | None = None
    processed_at: Moment | None = None
    updated_at: Moment | None = None
    cancelled_at: Moment | None = None
    cancel_reason: str | None = None
    closed_at: Moment | None = None
    currency: str | None = None
    total_price: Decimal | None = None
    financial_status: str | None = None
    fulfillment_status: str | None = None
    email: str | None = None
    contact_email: str | None = None
    phone: str | None = None
    tags: str | None = None
    source_name: str | None = None
    test: bool | None = None
    customer: Customer | None = None
    shipping_address: Address | None = None
    shipping_lines: list[ShippingLine] | None = None
    line_items: list[LineItem] | None = None
    note_attributes: list[Attribute] | None = None
    fulfillments: list[Fulfillment] | None = None
    refunds: list[Refund] | None = None


class EditLine(Struct, kw_only=True):
    delta: int | None = None


class EditLines(Struct, kw_only=True):
    additions: list[EditLine] | None = None
    removals: list[EditLine] | None = None


class OrderEdit(Struct, kw_only=True):
    id: Id | None = None
    order_id: Id | None = None
    created_at: Moment | None = None
    committed_at: Moment | None = None
    line_items: EditLines | None = None


class Edited(Struct, kw_only=True):
    """orders/edited alone has an outer key, and says what was changed instead of the order."""

    order_edit: OrderEdit | None = None


class Dispute(Struct, kw_only=True):
    id: Id | None = None
    order_id: Id | None = None
    type: str | None = None
    status: str | None = None
    reason: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    initiated_at: Moment | None = None
    evidence_due_by: Moment | None = None
    evidence_sent_on: Moment | None = None
    finalized_on: Moment | None = None


class Hold(Struct, kw_only=True):
    reason: str | None = None
    reason_notes: str | None = None


class AssignedLocation(Struct, kw_only=True):
    name: str | None = None
    city: str | None = None
    province: str | None = None
    country_code: str | None = None
    zip: str | None = None


class DeliveryMethod(Struct, kw_only=True):
    max_delivery_date_time: Moment | None = None


class FulfillmentOrder(Struct, kw_only=True):
    id: Id | None = None
    order_id: Id | None = None
    status: str | None = None
    request_status: str | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    fulfill_by: Moment | None = None
    assigned_location: AssignedLocation | None = None
    fulfillment_holds: list[Hold] | None = None
    delivery_method: DeliveryMethod | None = None


class MerchantRequest(Struct, kw_only=True):
    message: str | None = None


class FulfillmentOrderEvent(FulfillmentOrder, kw_only=True):
    """The resource itself, or one under `fulfillment_order` beside what happened to it."""

    fulfillment_order: FulfillmentOrder | None = None
    submitted_fulfillment_order: FulfillmentOrder | None = None
    moved_fulfillment_order: FulfillmentOrder | None = None
    original_fulfillment_order: FulfillmentOrder | None = None
    replacement_fulfillment_order: FulfillmentOrder | None = None
    created_fulfillment_hold: Hold | None = None
    fulfillment_order_merchant_request: MerchantRequest | None = None
    message: str | None = None


class ReturnOrder(Struct, kw_only=True):
    id: Id | None = None


class ReturnLine(Struct, kw_only=True):
    customer_note: str | None = None
    return_reason: str | None = None
    return_reason_note: str | None = None


class Return(Struct, kw_only=True):
    """returns/* name their order inside."""

    id: Id | None = None
    order_id: Id | None = None
    order: ReturnOrder | None = None
    status: str | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    return_line_items: list[ReturnLine] | None = None
