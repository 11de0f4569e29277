"""This file says why a payment failed in words an agent can repeat to a customer.

Stripe's codes: https://docs.stripe.com/declines/codes and https://docs.stripe.com/error-codes;
Shopify's: https://shopify.dev/docs/api/admin-graphql/latest/enums/OrderTransactionErrorCode
"""

_WORDS = {
    "amount_too_small": "The amount is too small to be charged",
    "approve_with_id": "The bank could not authorise the payment; trying again may work",
    "authentication_required": "The bank asks the customer to confirm the payment",
    "authentication_failed": "The customer did not pass the bank's confirmation",
    "call_issuer": "The bank refused without saying why; the customer has to call the bank",
    "card_declined": "The bank declined the card",
    "card_not_supported": "The card does not allow this kind of purchase",
    "card_velocity_exceeded": "The card has reached the bank's limit of payments",
    "currency_not_supported": "The card does not support this currency",
    "do_not_honor": "The bank declined without saying why; the customer has to call the bank",
    "do_not_try_again": "The bank declined and asks not to try again",
    "expired_card": "The card has expired",
    "fraudulent": "The payment was stopped because it looks like fraud",
    "generic_decline": "The bank declined without saying why; the customer has to call the bank",
    "generic_error": "The payment provider gave no reason",
    "incorrect_address": "The billing address does not match the card",
    "incorrect_cvc": "The card's security code is wrong",
    "incorrect_number": "The card number is wrong",
    "incorrect_pin": "The PIN is wrong",
    "incorrect_zip": "The postal code does not match the card",
    "insufficient_funds": "There is not enough money on the card",
    "invalid_account": "The card, or the account behind it, is not valid",
    "invalid_amount": "The bank does not accept this amount",
    "invalid_cvc": "The card's security code is wrong",
    "invalid_expiry_date": "The expiry date of the card is wrong",
    "invalid_number": "The card number is wrong",
    "issuer_not_available": "The bank could not be reached; trying again may work",
    "lost_card": "The bank declined the card; the customer has to use another one",
    "payment_intent_authentication_failure": "The customer did not pass the bank's confirmation",
    "payment_intent_payment_attempt_expired": "The customer did not finish the payment in time",
    "payment_method_unavailable": "The payment method is not available right now",
    "pick_up_card": "The bank declined the card; the customer has to use another one",
    "processing_error": "The payment could not be processed; trying again may work",
    "reenter_transaction": "The bank could not process the payment; trying again may work",
    "stolen_card": "The bank declined the card; the customer has to use another one",
    "transaction_not_allowed": "The card does not allow this kind of purchase",
    "try_again_later": "The bank declined for now; trying again later may work",
    "unsupported_feature": "The card does not support this payment",
    "withdrawal_count_limit_exceeded": "The card has reached its limit",
}
_NO_REASON = "The payment was refused without a reason"


def in_words(code: str | None, message: str | None) -> str:
    """One sentence without its full stop. Lost and stolen cards are not named: it is the bank's to tell."""
    # Some vendors put the bank's own reason behind theirs, as in `card_declined: insufficient_funds`.
    for part in reversed((code or "").lower().replace("/", ":").split(":")):
        if words := _WORDS.get(part.strip()):
            return words
    return (message or "").strip().rstrip(".") or _NO_REASON
