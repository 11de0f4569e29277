"""This file is what Stripe's words mean in ours: tables alone.

https://docs.stripe.com/declines/codes, https://docs.stripe.com/error-codes, https://docs.stripe.com/disputes/categories
"""

from connectors.model import PaymentState

INTENT_STATES = {
    "requires_payment_method": PaymentState.PENDING,  # or failed, where there was an attempt
    "requires_confirmation": PaymentState.PENDING,
    "requires_action": PaymentState.REQUIRES_ACTION,
    "processing": PaymentState.PENDING,
    "requires_capture": PaymentState.AUTHORIZED,
    "canceled": PaymentState.CANCELLED,
    "succeeded": PaymentState.PAID,
}

_CALL_BANK = "The bank declined without saying why; the customer has to call the bank"
_OTHER_CARD = "The bank declined the card; the customer has to use another one"
_TRY_AGAIN = "The payment could not be processed; trying again may work"

DECLINES = {
    "amount_too_large": "The amount is too large to be charged",
    "amount_too_small": "The amount is too small to be charged",
    "approve_with_id": "The bank could not authorise the payment; trying again may work",
    "authentication_not_handled": "The customer did not finish the bank's confirmation",
    "authentication_required": "The bank asks the customer to confirm the payment",
    "balance_insufficient": "There is not enough money on the account",
    "bank_account_declined": "The bank account cannot be charged",
    "bank_account_unusable": "The bank account cannot be charged",
    "call_issuer": _CALL_BANK,
    "card_declined": "The bank declined the card",
    "card_not_supported": "The card does not allow this kind of purchase",
    "card_velocity_exceeded": "The card has reached the bank's limit of payments",
    "charge_exceeds_source_limit": "The payment method has reached its limit",
    "currency_not_supported": "The card does not support this currency",
    "debit_not_authorized": "The customer told the bank that the debit was not authorised",
    "do_not_honor": _CALL_BANK,
    "do_not_try_again": "The bank declined and asks not to try again",
    "duplicate_transaction": "The same payment was made a moment before",
    "elevated_risk_level": "The payment was stopped because it looks like fraud",
    "expired_card": "The card has expired",
    # Also used where the issuer suspects it: the customer must not be told more than that it was declined.
    "fraudulent": "The payment was stopped because it looks like fraud",
    "generic_decline": _CALL_BANK,
    "highest_risk_level": "The payment was stopped because it looks like fraud",
    "incorrect_address": "The billing address does not match the card",
    "incorrect_cvc": "The card's security code is wrong",
    "incorrect_number": "The card number is wrong",
    "incorrect_pin": "The PIN is wrong",
    "incorrect_zip": "The postal code does not match the card",
    "insufficient_funds": "There is not enough money on the card",
    "invalid_account": "The card, or the account behind it, is not valid",
    "invalid_amount": "The bank does not accept this amount",
    "invalid_cvc": "The card's security code is wrong",
    "invalid_expiry_month": "The expiry date of the card is wrong",
    "invalid_expiry_year": "The expiry date of the card is wrong",
    "invalid_number": "The card number is wrong",
    "invalid_pin": "The PIN is wrong",
    "issuer_not_available": "The bank could not be reached; trying again may work",
    "lost_card": _OTHER_CARD,  # that it was reported lost or stolen is the bank's to tell
    "merchant_blacklist": "One of the shop's own rules stopped the payment",
    "new_account_information_available": "The card's details have changed; the customer has to enter them again",
    "no_action_taken": _CALL_BANK,
    "not_permitted": "The card does not allow this kind of purchase",
    "offline_pin_required": "The card asks for its PIN",
    "online_or_offline_pin_required": "The card asks for its PIN",
    "payment_intent_authentication_failure": "The customer did not pass the bank's confirmation",
    "payment_intent_payment_attempt_expired": "The customer did not finish the payment in time",
    "payment_intent_payment_attempt_failed": "The payment method was declined",
    "payment_method_customer_decline": "The customer declined the payment",
    "payment_method_provider_decline": "The payment method was declined",
    "payment_method_provider_timeout": "The payment method did not answer in time; trying again may work",
    "payment_method_unactivated": "The payment method is not active",
    "pickup_card": _OTHER_CARD,
    "pin_try_exceeded": "The wrong PIN was entered too often",
    "processing_error": _TRY_AGAIN,
    "reenter_transaction": _TRY_AGAIN,
    "restricted_card": _OTHER_CARD,
    "revocation_of_all_authorizations": "The customer told the bank to stop these payments",
    "revocation_of_authorization": "The customer told the bank to stop these payments",
    "rule": "One of the shop's own rules stopped the payment",
    "security_violation": _CALL_BANK,
    "service_not_allowed": "The card does not allow this kind of purchase",
    "setup_intent_authentication_failure": "The customer did not pass the bank's confirmation",
    "stolen_card": _OTHER_CARD,
    "stop_payment_order": "The customer told the bank to stop this payment",
    "testmode_decline": "A test card was declined",
    "transaction_not_allowed": "The card does not allow this kind of purchase",
    "try_again_later": "The bank declined for now; trying again later may work",
    "withdrawal_count_limit_exceeded": "The card has reached its limit",
}
NO_REASON = "The payment was refused without a reason"

DISPUTE_REASONS = {
    "bank_cannot_process": "The customer's bank cannot process the charge",
    "check_returned": "The cheque was returned",
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
    "unrecognized": "The customer does not recognise the payment",
}

REFUND_STATES = {
    "pending": "pending",
    "requires_action": "requires_action",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "cancelled",
}

REFUND_FAILURES = {
    "charge_for_pending_refund_disputed": "the payment is disputed",
    "declined": "the customer's bank declined it",
    "expired_or_canceled_card": "the card has expired or was cancelled",
    "insufficient_funds": "there is not enough money in the Stripe balance",
    "lost_or_stolen_card": "the card can no longer be used",
    "merchant_request": "the shop asked to stop it",
}

REFUSALS = {
    "amount_too_large": "that is more than can still be refunded",
    "amount_too_small": "the amount is too small to be refunded",
    "balance_insufficient": "there is not enough money in the Stripe balance",
    "insufficient_funds": "there is not enough money in the Stripe balance",
    "charge_already_refunded": "the payment has already been refunded in full",
    "charge_disputed": "the payment is disputed: the bank decides who gets the money",
    "charge_expired_for_capture": "the payment was never taken and has lapsed",
    "charge_not_refundable": "this payment cannot be refunded",
    "refund_disputed_payment": "the payment is disputed: the bank decides who gets the money",
    "resource_missing": "this payment is not known in the account",
}
"""Why a refund is refused, by https://docs.stripe.com/error-codes."""

FRAUD_TYPES = {
    "card_never_received": "the card never reached its owner",
    "fraudulent_card_application": "the card was applied for in another person's name",
    "made_with_counterfeit_card": "a counterfeit card was used",
    "made_with_lost_card": "a lost card was used",
    "made_with_stolen_card": "a stolen card was used",
    "misc": "no reason given",
    "unauthorized_use_of_card": "the cardholder did not agree to the use",
}

REVIEWS = {
    "rule": "one of the shop's rules asks for it",
    "manual": "somebody asked for it",
    "approved": "approved",
    "refunded": "the payment was refunded",
    "refunded_as_fraud": "the payment was refunded as fraud",
    "disputed": "the payment is disputed",
    "redacted": "its data was deleted",
    "canceled": "the payment was cancelled",
    "payment_never_settled": "the payment never came in",
    "acknowledged": "it was taken note of",
}

METHODS = {
    "sepa_debit": "SEPA debit",
    "us_bank_account": "Bank account",
    "paypal": "PayPal",
    "ideal": "iDEAL",
    "eps": "EPS",
    "p24": "Przelewy24",
    "acss_debit": "Bank account",
    "au_becs_debit": "BECS debit",
    "bacs_debit": "Bacs debit",
    "afterpay_clearpay": "Afterpay",
    "amex": "American Express",
    "diners": "Diners Club",
    "jcb": "JCB",
    "unionpay": "UnionPay",
    "mastercard": "Mastercard",
}
