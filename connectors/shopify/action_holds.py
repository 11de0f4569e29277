"""This file is holds on an order's fulfilment: what is held, what is let go, and what became of either.

A hold of ours has the request's key as its handle, which Shopify takes once for each fulfilment order: a repeat is
refused as a duplicate. Releasing names the very holds that people saw; one placed since stays. A hold for a high risk
of fraud is never let go by a plain release, only by an override, which those decide who may.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.contract import Garbled, Rejected
from connectors.order_actions import ActionReceipt, OrderAction, OrderActionKind
from connectors.reading import line
from connectors.shopify import action_documents as documents
from connectors.shopify import wire_actions as wire
from connectors.shopify.action_words import SYSTEM, body, in_words, refuse, short
from connectors.shopify.translate_look_work import nodes

FRAUD = "HIGH_RISK_OF_FRAUD"
_DUPLICATE = "DUPLICATE_FULFILLMENT_HOLD_HANDLE"
_LONGEST_HANDLE = 64
"""As the schema says for `FulfillmentOrderHoldInput.handle`."""
_NAMES = {OrderActionKind.RELEASE: "ReleaseOrder", OrderActionKind.FRAUD_OVERRIDE: "OverrideFraudHold"}


def hold(order: wire.HeldOrder, action: OrderAction) -> bytes:
    """The request that holds what is not sent yet. Raises Rejected where there is no such thing (any more)."""
    if order.cancelled_at:
        raise Rejected(SYSTEM, "the order is cancelled")
    parts = [part for part in _parts(order) if part.supports("HOLD")]
    if not parts:
        raise Rejected(SYSTEM, "nothing of this order can be put on hold (any more)")
    how = {
        "reason": "OTHER",
        "reasonNotes": line(action.reason),
        "notifyMerchant": False,
        "handle": action.key[:_LONGEST_HANDLE],
        "externalId": action.key,
    }
    ids = {f"id{place}": part.id for place, part in enumerate(parts)}
    return body("HoldOrder", documents.hold_order(len(parts)), {"hold": how, **ids})


def release(order: wire.HeldOrder, action: OrderAction) -> bytes:
    """The request that lets the order go on. Raises Rejected where none of its holds may be lifted this way."""
    if order.cancelled_at:
        raise Rejected(SYSTEM, "the order is cancelled")
    overrides = action.kind is OrderActionKind.FRAUD_OVERRIDE
    every = [(part.id, each) for part in _parts(order) for each in part.fulfillment_holds or ()]
    chosen = [(part, each.id) for part, each in every if (each.reason == FRAUD) is overrides]
    if not chosen:
        if overrides:
            raise Rejected(SYSTEM, "no fraud check holds this order back (any more)")
        if every:
            raise Rejected(SYSTEM, "it is held for a high risk of fraud: ask for an override of the fraud review")
        raise Rejected(SYSTEM, "the order is not on hold (any more)")
    variables: dict[str, Any] = {"key": action.key}
    for place, part in enumerate(dict.fromkeys(part for part, _ in chosen)):
        variables[f"id{place}"] = part
        variables[f"holds{place}"] = [each for owner, each in chosen if owner == part]
    name = _NAMES[action.kind]
    return body(name, documents.release_order(name, (len(variables) - 1) // 2), variables)


def held(answer: Mapping[str, wire.PartChange | None], variables: Mapping[str, Any]) -> ActionReceipt:
    """That it is on hold, as far as it is. Raises Rejected where nothing of it is."""
    done, problems = _sorted(answer, harmless=_DUPLICATE)
    if not done:
        refuse(problems)
        raise Garbled(SYSTEM, "the answer does not say what became of it")
    return hold_receipt(variables, is_part=len(done) < len(answer), why=problems)


def hold_receipt(
    variables: Mapping[str, Any], *, is_part: bool = False, why: Sequence[wire.Problem] = ()
) -> ActionReceipt:
    """That the order is on hold."""
    text = "On hold in Shopify: nothing more is sent before the hold is released"
    return ActionReceipt(id=short(variables.get("id0")), text=text + (_rest(why) if is_part else ""))


def released(name: str, answer: Mapping[str, wire.PartChange | None], variables: Mapping[str, Any]) -> ActionReceipt:
    """That it may go on, as far as it may. Raises Rejected where nothing of it may."""
    done, problems = _sorted(answer)
    if not done:
        refuse(problems)
        raise Garbled(SYSTEM, "the answer does not say what became of it")
    return release_receipt(name, variables, is_part=len(done) < len(answer), why=problems)


def release_receipt(
    name: str, variables: Mapping[str, Any], *, is_part: bool = False, why: Sequence[wire.Problem] = ()
) -> ActionReceipt:
    """That the order goes on."""
    text = "Released in Shopify: the order goes on"
    if name == _NAMES[OrderActionKind.FRAUD_OVERRIDE]:
        text = "The hold for a high risk of fraud was lifted in Shopify: the order goes on, at the merchant's own risk"
    return ActionReceipt(id=short(variables.get("id0")), text=text + (_rest(why) if is_part else ""))


def is_held(parts: Sequence[wire.Part], variables: Mapping[str, Any]) -> bool:
    """Whether every part that was to be held has our hold."""
    handle = variables["hold"]["handle"]
    marked = {part.id for part in parts if any(e.handle == handle for e in part.fulfillment_holds or ())}
    return marked.issuperset(value for name, value in variables.items() if name.startswith("id"))


def is_released(parts: Sequence[wire.Part], variables: Mapping[str, Any]) -> bool:
    """Whether none of the holds that were to be lifted is there any more."""
    there = {each.id for part in parts for each in part.fulfillment_holds or ()}
    return not any(there.intersection(holds) for name, holds in variables.items() if name.startswith("holds"))


def _parts(order: wire.HeldOrder) -> list[wire.Part]:
    return nodes(order.fulfillment_orders)


def _sorted(
    answer: Mapping[str, wire.PartChange | None], *, harmless: str = ""
) -> tuple[list[str], list[wire.Problem]]:
    """Which parts were done, and what was said of the others."""
    done, problems = [], []
    for name, change in answer.items():
        said = [each for each in (change.user_errors if change else ()) if not harmless or each.code != harmless]
        if change is not None and not said:
            done.append(name)
        problems += said
    return done, problems


def _rest(problems: Sequence[wire.Problem]) -> str:
    return f". Another part of the order was refused: {in_words(problems)}"
