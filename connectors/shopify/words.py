"""This file is what Shopify's words mean in ours: tables alone.

REST says them in lower case and GraphQL in upper case; both are looked up in lower case.
https://shopify.dev/docs/api/admin-graphql/2026-10/enums/FulfillmentDisplayStatus
https://shopify.dev/docs/api/admin-graphql/2026-10/enums/OrderTransactionErrorCode
"""

from connectors.model import ShipmentState

SHIPMENT_STATES = {
    # before the carrier has it
    "submitted": ShipmentState.LABEL_CREATED,
    "fulfilled": ShipmentState.LABEL_CREATED,
    "marked_as_fulfilled": ShipmentState.LABEL_CREATED,
    "confirmed": ShipmentState.LABEL_CREATED,  # the default where Shopify knows nothing else
    "label_purchased": ShipmentState.LABEL_CREATED,
    "label_printed": ShipmentState.LABEL_CREATED,
    "label_voided": ShipmentState.CANCELLED,
    "canceled": ShipmentState.CANCELLED,
    "cancelled": ShipmentState.CANCELLED,
    # with the carrier
    "carrier_picked_up": ShipmentState.IN_TRANSIT,
    "in_transit": ShipmentState.IN_TRANSIT,
    "delayed": ShipmentState.EXCEPTION,
    "out_for_delivery": ShipmentState.OUT_FOR_DELIVERY,
    "attempted_delivery": ShipmentState.DELIVERY_FAILED,
    "buyer_action_required": ShipmentState.EXCEPTION,
    "ready_for_pickup": ShipmentState.AVAILABLE_FOR_PICKUP,
    "ready_for_recipient_pickup": ShipmentState.AVAILABLE_FOR_PICKUP,
    "not_delivered": ShipmentState.EXCEPTION,
    "failure": ShipmentState.EXCEPTION,
    "returning_to_sender": ShipmentState.RETURNING,
    # for good
    "picked_up": ShipmentState.DELIVERED,  # by the customer; by the carrier is carrier_picked_up
    "delivered": ShipmentState.DELIVERED,
}

EXCEPTIONS = {
    "delayed": "The carrier reports a delay",
    "attempted_delivery": "A delivery was attempted without success",
    "buyer_action_required": "The carrier waits for the customer to do something",
    "not_delivered": "The carrier could not deliver the parcel",
    "failure": "The carrier could not deliver the parcel",
    "returning_to_sender": "The parcel is on its way back to the sender",
}

NEVER_SHIPPED = ("cancelled", "failure", "error")
"""Fulfilments of these states came to nothing: with a failed one, no parcel was handed over either."""

FULFILLMENT_STATES = {
    # displayFulfillmentStatus -> the word that webhooks use for the same
    "partially_fulfilled": "partial",
    "open": "unfulfilled",
    "pending_fulfillment": "in_progress",
}

ERRORS = {
    "amazon_payments_invalid_payment_method": "The payment method is not valid",
    "amazon_payments_max_amount_charged": "The largest amount for this order has been charged",
    "amazon_payments_max_amount_refunded": "The largest amount for this order has been refunded",
    "amazon_payments_max_authorizations_captured": "No further payment can be taken for this order",
    "amazon_payments_max_refunds_processed": "No further refund can be made for this order",
    "amazon_payments_order_reference_canceled": "The payment was cancelled at Amazon",
    "amazon_payments_stale": "The payment was not confirmed in time",
    "amount_too_large": "The amount is too large to be charged",
    "amount_too_small": "The amount is too small to be charged",
    "authentication_failed": "The customer did not pass the bank's confirmation",
    "authentication_required": "The bank asks the customer to confirm the payment",
    "authorization_expired": "The authorisation ran out before the money was taken",
    "call_issuer": "The bank refused without saying why; the customer has to call the bank",
    "cancelled_payment": "The payment was cancelled",
    "card_declined": "The bank declined the card",
    "card_testing": "The payment was stopped because it looks like somebody testing stolen cards",
    "config_error": "The shop's payment settings are wrong",
    "do_not_honor": "The bank declined without saying why; the customer has to call the bank",
    "expired_card": "The card has expired",
    "fraud_suspected": "The payment was stopped because it looks like fraud",
    "generic_error": "The payment provider gave no reason",
    "incorrect_address": "The billing address does not match the card",
    "incorrect_cvc": "The card's security code is wrong",
    "incorrect_number": "The card number is wrong",
    "incorrect_pin": "The PIN is wrong",
    "incorrect_zip": "The postal code does not match the card",
    "instrument_declined": "The payment method was declined",
    "insufficient_funds": "There is not enough money on the card",
    "invalid_amount": "The amount is not valid",
    "invalid_country": "The payment method cannot be used in the customer's country",
    "invalid_currency": "The payment method does not support this currency",
    "invalid_cvc": "The card's security code is wrong",
    "invalid_expiry_date": "The expiry date of the card is wrong",
    "invalid_number": "The card number is wrong",
    "invalid_payment_method": "The payment method is not valid",
    "invalid_purchase_type": "The payment method does not allow this kind of purchase",
    "merchant_account_error": "Something is wrong with the shop's account at the payment provider",
    "merchant_rule": "One of the shop's own rules stopped the payment",
    "payment_method_unavailable": "The payment method is not available right now",
    "payment_method_unsupported": "The payment method is not supported",
    "payment_provider_error": "The payment provider had an error; trying again may work",
    # Reported lost or stolen: that is the bank's to tell.
    "pick_up_card": "The bank declined the card; the customer has to use another one",
    "processing_error": "The payment could not be processed; trying again may work",
    "retry_declined": "The bank declined again",
    "test_mode_live_card": "A real card was used while the shop takes test payments only",
    "transaction_limit_exceeded": "The card has been used too often in a short time",
    "unsupported_feature": "The payment provider does not support this payment",
}
NO_REASON = "The payment was refused without a reason"

DISPUTE_REASONS = {
    "bank_cannot_process": "The customer's bank cannot process the charge",
    "credit_not_processed": "The customer says that a promised refund never came",
    "customer_initiated": "The customer disputes the payment without a stated reason",
    "debit_not_authorized": "The customer's bank says the debit was not authorised",
    "duplicate": "The customer says they were charged more than once",
    "fraudulent": "The cardholder says they did not make this payment",
    "general": "The customer disputes the payment without a stated reason",
    "incorrect_account_details": "The customer's account details are wrong",
    "insufficient_funds": "There was not enough money on the customer's account",
    "noncompliant": "The card network says its rules were not followed",
    "product_not_received": "The customer says the goods never arrived",
    "product_unacceptable": "The customer says the goods were defective or not as described",
    "subscription_canceled": "The customer says they had cancelled the subscription",
    "subscription_cancelled": "The customer says they had cancelled the subscription",
    "unrecognized": "The customer does not recognise the payment",
}

CANCEL_REASONS = {
    "customer": "the customer wanted to",
    "declined": "the payment was declined",
    "fraud": "it looked like fraud",
    "inventory": "there was not enough stock",
    "staff": "of a mistake by staff",
}

RETURN_STATES = {
    "requested": "requested",
    "open": "approved",
    "declined": "declined",
    "canceled": "cancelled",
    "cancelled": "cancelled",
    "closed": "closed",
}

ADDRESS_ERROR = "Shopify's check says that the address is very likely wrong"
HELD_FOR_ADDRESS = "The order is held because the address is wrong"

MARKETPLACES = ("amazon", "ebay", "etsy", "tiktok", "walmart", "zalando", "kaufland", "bol.com", "cdiscount", "target")
"""As the apps that bring their orders into Shopify name themselves."""

SHIP_BY_NOTES = frozenset({"shipby", "shipbydate", "latestshipdate", "amazonlatestshipdate", "shippingdeadline"})
DELIVER_BY_NOTES = frozenset(
    {"deliverby", "deliverbydate", "latestdeliverydate", "amazonlatestdeliverydate", "deliverydeadline"}
)
"""Under which they keep its deadlines among the order's attributes; letters and digits alone count."""

HOLD_REASONS = {
    "awaiting_payment": "the payment is pending",
    "awaiting_return_items": "returned items have not arrived yet",
    "high_risk_of_fraud": "it looks like fraud",
    "incorrect_address": "the address is wrong",
    "inventory_out_of_stock": "it is out of stock",
    "online_store_post_purchase_cross_sell": "the customer may still add to it",
    "unknown_delivery_date": "the delivery date is not known",
}


def word(text: str | None) -> str:
    """A word as it is looked up."""
    return (text or "").strip().lower()
