"""This file is what Shopify is sent to cancel an order, to change its address, and to give store credit.

A cancellation gives money back only where people agreed to an amount: the whole of what is left, since `orderCancel`
knows nothing in between. Money that was only authorised is let go in any case.
"""

import re
from datetime import datetime, timedelta
from typing import Any

from connectors.contract import CameToNothing, Garbled, Rejected
from connectors.money import Money
from connectors.order_actions import ActionReceipt, OrderAction
from connectors.reading import answer_of, digest, line, money
from connectors.shopify import wire_actions as wire
from connectors.shopify.action_words import SYSTEM, gid, in_words, note, short
from connectors.shopify.translate_look_work import nodes

CLOCKS_DIFFER_BY = timedelta(minutes=2)
"""At most, between us and Shopify, where a credit is looked for by its time."""
NO_CREDIT = "none"
_SENT = ("SUCCESS", "OPEN", "PENDING")
_CODE = re.compile(r"[A-Za-z0-9]{1,3}", re.ASCII)
_COUNTRY = re.compile(r"[A-Za-z]{2}", re.ASCII)

# --- cancellations ----------------------------------------------------------------------------------------------------


def cancellation(order: wire.CancellableOrder, action: OrderAction) -> dict[str, Any]:
    """The variables of `CancelOrder`. Raises Rejected where the order does not allow it (any more)."""
    if order.cancelled_at:
        raise Rejected(SYSTEM, "the order is already cancelled")
    if any(each.status in _SENT for each in order.fulfillments or ()):
        raise Rejected(SYSTEM, "the order has already been fulfilled, at least in part")
    if order.return_status in ("IN_PROGRESS", "RETURN_REQUESTED"):
        raise Rejected(SYSTEM, "a return of this order is under way")
    if action.amount is not None:
        _check_whole(order.suggested_refund, action.amount)
    return {
        "id": order.id,
        "reason": "OTHER",
        "refund": {"originalPaymentMethodsRefund": action.amount is not None},
        "restock": action.restock,
        "notify": action.notify_customer,
        "note": note(action.reason, action.key),
    }


def _check_whole(suggested: wire.SuggestedRefund | None, amount: Money) -> None:
    bag = suggested.maximum_refundable_set if suggested else None
    with answer_of(SYSTEM):
        said = bag.shop_money if bag else None
        left = money(said.amount, said.currency_code, "maximumRefundableSet") if said else Money(0, amount.currency)
    if left != amount:
        raise Rejected(SYSTEM, f"a cancellation gives back all that is left, which is {left} and not {amount}")


def cancelled(variables: dict[str, Any], at: datetime | None) -> ActionReceipt:
    """That the order is cancelled."""
    is_refunded = bool((variables.get("refund") or {}).get("originalPaymentMethodsRefund"))
    money_words = "what was paid goes back to the customer" if is_refunded else "no payment was refunded"
    name = short(variables.get("id"))
    return ActionReceipt(id=name, text=f"Cancelled in Shopify; {money_words} (order {name})", at=at)


def cancelling(job: wire.CancelJob | wire.JobNode, variables: dict[str, Any]) -> ActionReceipt:
    """How far the job is that cancels it. Raises CameToNothing where it failed."""
    if job.status == "FAILED":
        raise CameToNothing(SYSTEM, f"the cancellation failed: {in_words(job.errors or ())}")
    if job.done and job.status == "SUCCEEDED":
        return cancelled(variables, None)
    return ActionReceipt(id=short(job.id), text="Shopify is on the way to cancel the order", is_final=False)


# --- addresses --------------------------------------------------------------------------------------------------------


def address_input(order: wire.AddressedOrder, action: OrderAction) -> dict[str, Any]:
    """An `OrderInput` with every field of the address. Raises Rejected where the order does not allow it (any more)."""
    if order.cancelled_at:
        raise Rejected(SYSTEM, "the order is cancelled")
    if order.display_fulfillment_status in ("FULFILLED", "RESTOCKED"):
        raise Rejected(SYSTEM, "everything has already been fulfilled")
    wanted, now = action.address, order.shipping_address or wire.Address()
    if wanted is None or not (wanted.address1.strip() and wanted.city.strip() and wanted.country.strip()):
        raise Rejected(SYSTEM, "the new address needs a street, a town and a country")
    if not _COUNTRY.fullmatch(wanted.country.strip()):
        raise Rejected(SYSTEM, "the new address needs its country as two letters, such as US")
    first, _, last = line(wanted.name, 100).rpartition(" ")
    region = line(wanted.region, 60)
    return {
        "id": order.id,
        "shippingAddress": {
            "firstName": first if wanted.name.strip() else now.first_name or "",
            "lastName": last if wanted.name.strip() else now.last_name or "",
            "address1": line(wanted.address1),
            "address2": line(wanted.address2),
            "city": line(wanted.city),
            "provinceCode" if _CODE.fullmatch(region) or not region else "province": region,
            "countryCode": wanted.country.strip().upper(),
            "zip": line(wanted.postal_code, 20),
            "phone": line(wanted.phone, 40) or now.phone or "",
        },
    }


def fingerprint(address: wire.Address | None) -> str:
    """A short name of an address as it stands; nobody can read the address from it."""
    return digest(address or wire.Address())


def has_address(order: wire.AddressedOrder, wanted: dict[str, Any]) -> bool:
    """Whether the order goes where `address_input` said, as far as Shopify shows it the way it was sent."""
    now = order.shipping_address or wire.Address()
    pairs = (
        (now.first_name, wanted.get("firstName")),
        (now.last_name, wanted.get("lastName")),
        (now.address1, wanted.get("address1")),
        (now.address2, wanted.get("address2")),
        (now.city, wanted.get("city")),
        (now.zip, wanted.get("zip")),
        (now.country_code_v2, wanted.get("countryCode")),
        (now.province_code if wanted.get("provinceCode") else None, wanted.get("provinceCode")),
    )
    return all(_plain(one) == _plain(other) for one, other in pairs)


def _plain(text: object) -> str:
    return "".join(str(text or "").split()).casefold()


def addressed(order: wire.AddressedOrder | None, variables: dict[str, Any]) -> ActionReceipt:
    """That the order goes elsewhere now."""
    name = short((variables.get("input") or {}).get("id"))
    state = order.display_fulfillment_status if order else None
    warning = ""
    if state in ("IN_PROGRESS", "PARTIALLY_FULFILLED", "PENDING_FULFILLMENT"):
        warning = ". The warehouse is already at work: tell it too"
    return ActionReceipt(id=name, text=f"The shipping address was changed in Shopify (order {name}){warning}")


# --- store credit -----------------------------------------------------------------------------------------------------


def credit_variables(action: OrderAction) -> dict[str, Any]:
    """The variables of `CreditCustomer`. Raises Rejected."""
    amount = action.amount
    if amount is None or amount.amount <= 0:
        raise Rejected(SYSTEM, "store credit needs an amount above zero")
    return {
        "id": gid("Customer", action.customer),
        "credit": {
            "creditAmount": {"amount": amount.value, "currencyCode": amount.currency},
            "notify": action.notify_customer,
        },
    }


def latest_credit(customer: wire.CreditedCustomer, currency: str) -> str:
    """The newest credit of the account in that currency: what comes after it is new."""
    return next((each.id for each in _movements(customer, currency)[0] if each.id), NO_CREDIT)


def find_credit(
    customer: wire.CreditedCustomer, variables: dict[str, Any], before: str, since: datetime
) -> ActionReceipt | None:
    """The credit that our request made. Shopify keeps no note with it (before 2027-01), so it is known by its amount:

    a credit by hand, made after our request was written and sent, of the very same amount. Raises Garbled where there
    are too many movements to be sure.
    """
    wanted = variables["credit"]["creditAmount"]
    with answer_of(SYSTEM):
        amount = Money.parse(str(wanted["amount"]), str(wanted["currencyCode"]))
    movements, is_all = _movements(customer, amount.currency)
    for each in movements:
        if (each.id and each.id == before) or each.created_at < since - CLOCKS_DIFFER_BY:
            return None
        if each.id and each.event == "ADJUSTMENT" and each.amount and _amount(each.amount) == amount:
            return credited(each)
    if not is_all:
        raise Garbled(SYSTEM, "the customer's store credit has too many movements to find one among them")
    return None


def credited(found: wire.Credit) -> ActionReceipt:
    """That the customer has the credit."""
    amount = _amount(found.amount) if found.amount else None
    name = short(found.id)
    what = f" of {amount}" if amount else ""
    return ActionReceipt(id=name, text=f"Store credit{what} was given (transaction {name})", at=found.created_at)


def _movements(customer: wire.CreditedCustomer, currency: str) -> tuple[list[wire.Credit], bool]:
    """What moved on the account in that currency, newest first, and whether that is all of it."""
    for account in nodes(customer.store_credit_accounts):
        if account.balance is not None and account.balance.currency_code == currency:
            page = account.transactions.page_info if account.transactions else None
            return nodes(account.transactions), not (page and page.has_next_page)
    return [], True


def _amount(found: Any) -> Money:
    with answer_of(SYSTEM):
        return money(found.amount, found.currency_code, "amount")
