"""This file is Shopify's GraphQL answers, as far as our documents ask for them.

Whatever we are not allowed to see comes as null, also where the schema promises a value: nearly everything may be null.
"""

from decimal import Decimal
from typing import Any, Generic, TypeVar

from msgspec import Struct

from connectors.reading import Moment

T = TypeVar("T")


class Money(Struct, kw_only=True, rename="camel"):
    amount: Decimal
    currency_code: str


class MoneyBag(Struct, kw_only=True, rename="camel"):
    shop_money: Money | None = None


class PageInfo(Struct, kw_only=True, rename="camel"):
    has_next_page: bool = False


class Nodes(Struct, Generic[T], kw_only=True, rename="camel"):
    nodes: list[T | None] | None = None
    page_info: PageInfo | None = None


class Reference(Struct, kw_only=True, rename="camel"):
    id: str


class Attribute(Struct, kw_only=True, rename="camel"):
    key: str
    value: str | None = None


class Email(Struct, kw_only=True, rename="camel"):
    email_address: str | None = None


class Phone(Struct, kw_only=True, rename="camel"):
    phone_number: str | None = None


class Customer(Struct, kw_only=True, rename="camel"):
    id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    number_of_orders: int | str | None = None  # UnsignedInt64 comes as text
    amount_spent: Money | None = None
    tags: list[str] | None = None
    default_email_address: Email | None = None
    default_phone_number: Phone | None = None


class Address(Struct, kw_only=True, rename="camel"):
    city: str | None = None
    province_code: str | None = None
    country_code_v2: str | None = None
    zip: str | None = None
    validation_result_summary: str | None = None


class ShippingLine(Struct, kw_only=True, rename="camel"):
    title: str | None = None


class LineItem(Struct, kw_only=True, rename="camel"):
    id: str
    title: str | None = None
    sku: str | None = None
    quantity: int | None = None
    refundable_quantity: int | None = None
    unfulfilled_quantity: int | None = None
    requires_shipping: bool | None = None
    original_unit_price_set: MoneyBag | None = None


class TrackingInfo(Struct, kw_only=True, rename="camel"):
    company: str | None = None
    number: str | None = None
    url: str | None = None


class FulfillmentEvent(Struct, kw_only=True, rename="camel"):
    status: str | None = None
    happened_at: Moment
    message: str | None = None
    city: str | None = None
    province: str | None = None
    country: str | None = None
    zip: str | None = None


class FulfillmentLineItem(Struct, kw_only=True, rename="camel"):
    quantity: int | None = None
    line_item: LineItem | None = None


class Fulfillment(Struct, kw_only=True, rename="camel"):
    id: str
    status: str | None = None
    display_status: str | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    delivered_at: Moment | None = None
    estimated_delivery_at: Moment | None = None
    tracking_info: list[TrackingInfo] | None = None
    events: Nodes[FulfillmentEvent] | None = None
    fulfillment_line_items: Nodes[FulfillmentLineItem] | None = None


class DeliveryMethod(Struct, kw_only=True, rename="camel"):
    max_delivery_date_time: Moment | None = None


class Hold(Struct, kw_only=True, rename="camel"):
    reason: str | None = None
    reason_notes: str | None = None


class AssignedLocation(Struct, kw_only=True, rename="camel"):
    name: str | None = None
    city: str | None = None
    province: str | None = None
    country_code: str | None = None
    zip: str | None = None


class FulfillmentOrder(Struct, kw_only=True, rename="camel"):
    id: str | None = None
    status: str | None = None
    request_status: str | None = None
    updated_at: Moment | None = None
    fulfill_by: Moment | None = None
    fulfillment_holds: list[Hold] | None = None
    assigned_location: AssignedLocation | None = None
    delivery_method: DeliveryMethod | None = None


class ReturnReason(Struct, kw_only=True, rename="camel"):
    name: str | None = None


class ReturnLine(Struct, kw_only=True, rename="camel"):
    customer_note: str | None = None
    return_reason_note: str | None = None
    return_reason_definition: ReturnReason | None = None


class Return(Struct, kw_only=True, rename="camel"):
    id: str
    status: str | None = None
    created_at: Moment
    return_line_items: Nodes[ReturnLine] | None = None


class App(Struct, kw_only=True, rename="camel"):
    name: str | None = None


class PaymentDetails(Struct, kw_only=True, rename="camel"):
    company: str | None = None
    number: str | None = None
    wallet: str | None = None
    payment_method_name: str | None = None


class Transaction(Struct, kw_only=True, rename="camel"):
    id: str
    kind: str | None = None
    status: str | None = None
    error_code: str | None = None
    gateway: str | None = None
    created_at: Moment
    processed_at: Moment | None = None
    payment_id: str | None = None
    receipt_json: Any = None
    parent_transaction: Reference | None = None
    amount_set: MoneyBag | None = None
    maximum_refundable_v2: Money | None = None
    payment_details: PaymentDetails | None = None


class Dispute(Struct, kw_only=True, rename="camel"):
    id: str
    status: str | None = None
    initiated_as: str | None = None


class Count(Struct, kw_only=True, rename="camel"):
    count: int | None = None


class Order(Struct, kw_only=True, rename="camel"):
    id: str
    name: str | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    cancelled_at: Moment | None = None
    cancel_reason: str | None = None
    closed_at: Moment | None = None
    test: bool | None = None
    tags: list[str] | None = None
    source_name: str | None = None
    app: App | None = None
    display_financial_status: str | None = None
    display_fulfillment_status: str | None = None
    email: str | None = None
    phone: str | None = None
    total_price_set: MoneyBag | None = None
    custom_attributes: list[Attribute] | None = None
    customer: Customer | None = None
    shipping_address: Address | None = None
    shipping_line: ShippingLine | None = None
    line_items: Nodes[LineItem] | None = None
    fulfillments: list[Fulfillment] | None = None
    fulfillment_orders: Nodes[FulfillmentOrder] | None = None
    returns: Nodes[Return] | None = None
    transactions: list[Transaction] | None = None
    transactions_count: Count | None = None
    disputes: list[Dispute] | None = None


class OrderData(Struct, kw_only=True, rename="camel"):
    order: Order | None = None


class OrdersData(Struct, kw_only=True, rename="camel"):
    orders: Nodes[Order] | None = None


class Shop(Struct, kw_only=True, rename="camel"):
    name: str | None = None
    myshopify_domain: str | None = None


class Scope(Struct, kw_only=True, rename="camel"):
    handle: str


class Installation(Struct, kw_only=True, rename="camel"):
    access_scopes: list[Scope] | None = None


class CheckData(Struct, kw_only=True, rename="camel"):
    shop: Shop | None = None
    current_app_installation: Installation | None = None


class ErrorExtensions(Struct, kw_only=True, rename="camel"):
    code: str = ""


class GraphError(Struct, kw_only=True, rename="camel"):
    message: str = ""
    path: list[str | int] | None = None
    extensions: ErrorExtensions | None = None

    @property
    def code(self) -> str:
        return self.extensions.code if self.extensions else ""


class ThrottleStatus(Struct, kw_only=True, rename="camel"):
    maximum_available: float = 1000.0
    currently_available: float = 0.0
    restore_rate: float = 50.0


class Cost(Struct, kw_only=True, rename="camel"):
    requested_query_cost: float = 0.0
    throttle_status: ThrottleStatus | None = None


class Extensions(Struct, kw_only=True, rename="camel"):
    cost: Cost | None = None


class Reply(Struct, Generic[T], kw_only=True):
    """A GraphQL answer. `errors` is a bare text where the request itself was refused."""

    data: T | None = None
    errors: list[GraphError] | str | None = None
    extensions: Extensions | None = None
