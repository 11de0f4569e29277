"""This file turns what may be asked for now into buttons with short forms, and the rest into reasons."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from server.approval_model import ApprovalState
from server.context import ActionContext, Context, ItemContext
from server.flows.draw_approvals import Viewer, title
from sidebar import words
from sidebar.asking import Choice, Field, Form, Line, Possible, Refused

LONGEST_REASON = 1000
LONGEST_DETAIL = 200
_LABELS = {
    "refund": "Refund",
    "cancel": "Cancel order",
    "reship": "Ship again",
    "address_change": "Change address",
    "hold": "Hold",
    "release": "Release",
    "compensation": "Store credit",
    "fraud_override": "Override fraud check",
    "other": "Other",
}
_REASON = Field(name="reason", kind="area", label="Reason", is_required=True, longest=LONGEST_REASON)
_NOTIFY = Field(name="details.notify_customer", kind="check", label="Let the shop tell the customer")
_ADDRESS = (
    Field(name="details.name", kind="text", label="Name"),
    Field(name="details.address1", kind="text", label="Street and number", is_required=True),
    Field(name="details.address2", kind="text", label="Flat, floor, company"),
    Field(name="details.city", kind="text", label="Town", is_required=True),
    Field(name="details.region", kind="text", label="State or region", hint="As a code: NY"),
    Field(name="details.postal_code", kind="text", label="Postal code", is_required=True, longest=20),
    Field(name="details.country", kind="text", label="Country", is_required=True, hint="Two letters: US", longest=2),
    Field(name="details.phone", kind="text", label="Phone", longest=30),
)


def draw_actions(context: Context, viewer: Viewer) -> tuple[tuple[Possible, ...], tuple[Refused, ...]]:
    """The buttons of what is allowed now, and why the others are not."""
    possible = tuple(_possible(found, context, viewer) for found in context.actions if found.allowed)
    refused = tuple(Refused(_label(found.kind), found.reason) for found in context.actions if not found.allowed)
    return possible, refused


def _label(kind: str) -> str:
    return _LABELS.get(kind, kind.replace("_", " ").capitalize())


def _possible(action: ActionContext, context: Context, viewer: Viewer) -> Possible:
    order = context.order.name if context.order else ""
    return Possible(
        kind=action.kind,
        label=_label(action.kind),
        form=Form(
            kind=action.kind,
            title=f"{title(action.kind)}: {order}" if action.kind != "other" else f"Something else for {order}",
            fields=(*_fields(action, context), _REASON),
            submit="Ask for approval",
            note=_note(action, viewer),
        ),
    )


def _note(action: ActionContext, viewer: Viewer) -> str:
    who = viewer.deciders.of(action.kind)
    note = f"Nothing happens before {who} agrees."
    return f"{note} A person then carries it out." if action.record_only else note


def _fields(action: ActionContext, context: Context) -> Iterable[Field]:
    items = context.order.items if context.order else []
    match action.kind:
        case "refund":
            yield from _refund(action, context)
        case "cancel":
            yield Field(name="details.restock", kind="check", label="Put the items back into stock", value="true")
            yield _NOTIFY
        case "reship":
            if items:
                yield _lines("Send again", items, hint="All at 0: the whole order")
        case "address_change":
            yield from _ADDRESS
        case "compensation":
            yield _amount(action, context, is_required=True)
            yield _NOTIFY
        case "other":
            yield Field(
                name="details.text", kind="area", label="What should be done", is_required=True, longest=LONGEST_DETAIL
            )


def _refund(action: ActionContext, context: Context) -> Iterable[Field]:
    items = context.order.items if context.order else []
    limit = words.money(action.limit, action.currency)
    choices = [Choice("full", f"All that can be given back{f' ({limit})' if limit else ''}")]
    if items:
        choices.append(Choice("items", "By item"))
    choices.append(Choice("amount", "By amount"))
    yield Field(name="mode", kind="choice", label="How much", value="full", choices=tuple(choices))
    if items:
        yield _lines("Which items", items, when="items")
    yield _amount(action, context, is_required=True, when="amount")
    if items:
        label = "Put the items back into stock"
        yield Field(name="details.restock", kind="check", label=label, when="full items")
    yield _NOTIFY


def _lines(label: str, items: list[ItemContext], *, when: str = "", hint: str = "") -> Field:
    lines = tuple(Line(item.line, item.title, item.quantity) for item in items if item.quantity > 0)
    return Field(name="items", kind="lines", label=label, lines=lines, when=when, hint=hint)


def _amount(action: ActionContext, context: Context, *, is_required: bool, when: str = "") -> Field:
    currency = action.currency or (context.order.currency if context.order else None) or ""
    return Field(
        name="amount",
        kind="money",
        label="Amount",
        is_required=is_required,
        hint=_limit(action, context, currency),
        limit=action.limit or "",
        currency=currency,
        when=when,
    )


def _limit(action: ActionContext, context: Context, currency: str) -> str:
    """`Up to $109.00. Another $20.00 is already asked for`."""
    most = words.money(action.limit, currency)
    if not most:
        return ""
    asked = _already_asked(action.kind, context, currency)
    return (
        f"Up to {most}. Another {words.money(str(asked), currency)} is already asked for" if asked else f"Up to {most}"
    )


def _already_asked(kind: str, context: Context, currency: str) -> Decimal:
    """What other requests that are still under way have asked for."""
    waiting = (ApprovalState.PENDING, ApprovalState.APPROVED, ApprovalState.EXECUTING)
    asked = Decimal()
    for request in context.approvals:
        if request.kind == kind and request.state in waiting and request.amount and request.currency == currency:
            try:
                asked += Decimal(request.amount)
            except InvalidOperation:
                continue
    return asked
