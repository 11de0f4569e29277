"""This file is what Shopify answers when something is done, or asked about for that, as far as we ask for it.

As in `wire_graphql.py` nearly everything may be null.
"""

from typing import Any

from msgspec import Struct

from connectors.reading import Moment
from connectors.shopify.wire_graphql import Installation, Money, MoneyBag, Nodes, Reference


class Problem(Struct, kw_only=True, rename="camel"):
    """Why a mutation did nothing. Not every mutation has a `code`."""

    message: str = ""
    field: list[str] | None = None
    code: str | None = None


class Request(Struct, kw_only=True, rename="camel"):
    """The body of a request of ours."""

    query: str
    operation_name: str
    variables: dict[str, Any]


# --- refunds ----------------------------------------------------------------------------------------------------------


class RefundTransaction(Struct, kw_only=True, rename="camel"):
    id: str | None = None
    status: str | None = None
    error_code: str | None = None
    amount_set: MoneyBag | None = None


class Refund(Struct, kw_only=True, rename="camel"):
    id: str
    note: str | None = None
    created_at: Moment | None = None
    total_refunded_set: MoneyBag | None = None
    transactions: Nodes[RefundTransaction] | None = None


class RefundCreate(Struct, kw_only=True, rename="camel"):
    refund: Refund | None = None
    user_errors: list[Problem] = []


class RefundOrder(Struct, kw_only=True, rename="camel"):
    refund_create: RefundCreate | None = None


class OrderRefunds(Struct, kw_only=True, rename="camel"):
    id: str
    refunds: list[Refund] | None = None


class RefundsData(Struct, kw_only=True, rename="camel"):
    order: OrderRefunds | None = None


class Line(Struct, kw_only=True, rename="camel"):
    id: str
    title: str | None = None
    refundable_quantity: int | None = None
    unfulfilled_quantity: int | None = None


class SuggestedLine(Struct, kw_only=True, rename="camel"):
    quantity: int | None = None
    restock_type: str | None = None
    location: Reference | None = None
    line_item: Reference | None = None


class ParentTransaction(Struct, kw_only=True, rename="camel"):
    id: str
    payment_id: str | None = None
    receipt_json: Any = None
    parent_transaction: Reference | None = None


class SuggestedTransaction(Struct, kw_only=True, rename="camel"):
    gateway: str | None = None
    amount_set: MoneyBag | None = None
    maximum_refundable_set: MoneyBag | None = None
    parent_transaction: ParentTransaction | None = None


class SuggestedRefund(Struct, kw_only=True, rename="camel"):
    amount_set: MoneyBag | None = None
    maximum_refundable_set: MoneyBag | None = None
    refund_line_items: list[SuggestedLine] | None = None
    suggested_transactions: list[SuggestedTransaction] | None = None


class RefundableOrder(Struct, kw_only=True, rename="camel"):
    id: str
    currency_code: str | None = None
    presentment_currency_code: str | None = None
    line_items: Nodes[Line] | None = None
    suggested_refund: SuggestedRefund | None = None


class RefundableData(Struct, kw_only=True, rename="camel"):
    current_app_installation: Installation | None = None
    order: RefundableOrder | None = None


# --- cancellations ----------------------------------------------------------------------------------------------------


class CancelJob(Struct, kw_only=True, rename="camel"):
    id: str
    done: bool | None = None
    status: str | None = None
    errors: list[Problem] | None = None


class OrderCancel(Struct, kw_only=True, rename="camel"):
    job_result: CancelJob | None = None
    order_cancel_user_errors: list[Problem] = []


class CancelOrder(Struct, kw_only=True, rename="camel"):
    order_cancel: OrderCancel | None = None


class JobNode(Struct, kw_only=True, rename="camel"):
    id: str = ""
    done: bool | None = None
    status: str | None = None
    errors: list[Problem] | None = None


class JobData(Struct, kw_only=True, rename="camel"):
    node: JobNode | None = None


class FulfillmentStatus(Struct, kw_only=True, rename="camel"):
    status: str | None = None


class CancellableOrder(Struct, kw_only=True, rename="camel"):
    id: str
    cancelled_at: Moment | None = None
    fulfillments: list[FulfillmentStatus] | None = None
    return_status: str | None = None
    suggested_refund: SuggestedRefund | None = None


class CancellableData(Struct, kw_only=True, rename="camel"):
    current_app_installation: Installation | None = None
    order: CancellableOrder | None = None


class Cancellation(Struct, kw_only=True, rename="camel"):
    staff_note: str | None = None


class CancelledOrder(Struct, kw_only=True, rename="camel"):
    id: str
    cancelled_at: Moment | None = None
    cancellation: Cancellation | None = None


class CancellationData(Struct, kw_only=True, rename="camel"):
    order: CancelledOrder | None = None


# --- addresses --------------------------------------------------------------------------------------------------------


class Address(Struct, kw_only=True, rename="camel"):
    first_name: str | None = None
    last_name: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    province_code: str | None = None
    country_code_v2: str | None = None
    zip: str | None = None
    phone: str | None = None


class AddressedOrder(Struct, kw_only=True, rename="camel"):
    id: str
    cancelled_at: Moment | None = None
    display_fulfillment_status: str | None = None
    shipping_address: Address | None = None


class AddressData(Struct, kw_only=True, rename="camel"):
    current_app_installation: Installation | None = None
    order: AddressedOrder | None = None


class OrderUpdate(Struct, kw_only=True, rename="camel"):
    order: AddressedOrder | None = None
    user_errors: list[Problem] = []


class ChangeAddress(Struct, kw_only=True, rename="camel"):
    order_update: OrderUpdate | None = None


# --- holds ------------------------------------------------------------------------------------------------------------


class SupportedAction(Struct, kw_only=True, rename="camel"):
    action: str | None = None


class Hold(Struct, kw_only=True, rename="camel"):
    id: str
    handle: str | None = None
    reason: str | None = None
    reason_notes: str | None = None


class Part(Struct, kw_only=True, rename="camel"):
    """A fulfilment order."""

    id: str = ""
    status: str | None = None
    supported_actions: list[SupportedAction] | None = None
    fulfillment_holds: list[Hold] | None = None

    def supports(self, action: str) -> bool:
        return any(each.action == action for each in self.supported_actions or ())


class HeldOrder(Struct, kw_only=True, rename="camel"):
    id: str
    cancelled_at: Moment | None = None
    fulfillment_orders: Nodes[Part] | None = None


class HoldsData(Struct, kw_only=True, rename="camel"):
    current_app_installation: Installation | None = None
    order: HeldOrder | None = None


class PartsData(Struct, kw_only=True, rename="camel"):
    nodes: list[Part | None] = []


class PartChange(Struct, kw_only=True, rename="camel"):
    """What became of one fulfilment order."""

    fulfillment_order: Part | None = None
    user_errors: list[Problem] = []


# --- store credit -----------------------------------------------------------------------------------------------------


class Credit(Struct, kw_only=True, rename="camel"):
    """A movement of an account; only credits are asked for their id."""

    id: str = ""
    created_at: Moment
    event: str | None = None
    amount: Money | None = None


class CreditAccount(Struct, kw_only=True, rename="camel"):
    id: str
    balance: Money | None = None
    transactions: Nodes[Credit] | None = None


class CreditedCustomer(Struct, kw_only=True, rename="camel"):
    id: str
    store_credit_accounts: Nodes[CreditAccount] | None = None


class CreditsData(Struct, kw_only=True, rename="camel"):
    current_app_installation: Installation | None = None
    customer: CreditedCustomer | None = None


class AccountCredit(Struct, kw_only=True, rename="camel"):
    store_credit_account_transaction: Credit | None = None
    user_errors: list[Problem] = []


class CreditCustomer(Struct, kw_only=True, rename="camel"):
    store_credit_account_credit: AccountCredit | None = None
