"""This file checks what somebody asks for against the order as it is now, and makes the request.

What is wrong with it is raised as BadInput with the field and what was expected; what the order does not allow, as
Conflict. Both are sentences for an agent.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from connectors.money import Money
from connectors.order_actions import ActionItem, OrderActionKind
from server.approval_model import ApprovalRequest, Person, TicketPlace
from server.errors import BadInput, Conflict
from server.model import OrderView
from server.rules.approval_action import ADDRESS, PAYMENT
from server.rules.approval_amounts import at_stake, items_left
from server.rules.approval_asked_amount import asked_amount
from server.rules.approval_basis import basis
from server.rules.approval_clock import due_at
from server.rules.approval_deciding import needed
from server.rules.order_action_rules import objection
from server.rules.policy import ApprovalPolicy, Policy

SHORTEST_REASON, LONGEST_REASON = 3, 1000
LONGEST_DETAIL = 200
MOST_ITEMS = 100
_ASKED_ALREADY = "The very same has already been asked for, and is not over yet: look at that request."
_FLAGS = ("restock", "notify_customer")
_ADDRESS_NEEDS = ("address1", "city", "postal_code", "country")
_WITH_ITEMS = (OrderActionKind.REFUND, OrderActionKind.RESHIP)
_DETAILS: Mapping[OrderActionKind, tuple[str, ...]] = {
    OrderActionKind.REFUND: (*_FLAGS, PAYMENT),
    OrderActionKind.CANCEL: _FLAGS,
    OrderActionKind.ADDRESS_CHANGE: ADDRESS,
    OrderActionKind.COMPENSATION: ("notify_customer",),
    OrderActionKind.OTHER: ("text",),
}


class Wanted(Struct, frozen=True, kw_only=True):
    """What somebody asks for, of an order that is known by now."""

    kind: OrderActionKind
    reason: str
    amount: Money | None = None
    items: tuple[ActionItem, ...] = ()
    details: dict[str, str] = {}
    ticket: TicketPlace | None = None


def make_request(
    wanted: Wanted,
    view: OrderView,
    requests: Sequence[ApprovalRequest],
    policy: Policy,
    now: datetime,
    *,
    request_id: str,
    requester: Person,
    ask_key: str = "",
    ask_digest: bytes = b"",
) -> ApprovalRequest:
    """The request that *wanted* comes to. *requests* are all of this order. Raises BadInput, Conflict."""
    rules = policy.approvals.get(wanted.kind, ApprovalPolicy())
    if not rules.enabled:
        raise Conflict("The policy does not allow this here.")
    if reason := objection(wanted.kind, view):
        raise Conflict(f"{reason}.")
    details = _details(wanted)
    items = _items(wanted, view, requests)
    amount = asked_amount(wanted.kind, wanted.amount, items, view, requests, details)
    request = ApprovalRequest(
        id=request_id,
        workspace=view.key.workspace,
        order=view.key,
        order_name=view.order.name or view.key.order_id,
        kind=wanted.kind,
        amount=amount,
        items=items,
        reason=_reason(wanted.reason),
        details=details,
        requester=requester,
        created_at=now,
        expires_at=now + rules.expires_after,
        basis=basis(wanted.kind, view),
        ticket=wanted.ticket,
        ask_key=ask_key,
        ask_digest=ask_digest,
    )
    if any(_is_same(other, request) for other in requests):
        raise Conflict(_ASKED_ALREADY)
    return finished(request, view, policy, requests)


def finished(
    request: ApprovalRequest, view: OrderView, policy: Policy, requests: Sequence[ApprovalRequest]
) -> ApprovalRequest:
    """The request with what limits count of it, and what the policy says: how many must agree, and when it is due."""
    return replace(
        request,
        stake=at_stake(request, view),
        needs=needed(request, view, policy, requests),
        due_at=due_at(request, policy),
    )


def _is_same(other: ApprovalRequest, request: ApprovalRequest) -> bool:
    """Whether *other* is under way and would do the very same: of what is done once, a second one is a slip.

    Amounts may well be asked for twice: what is left of the payment bounds them.
    """
    if request.amount is not None or other.is_over or other.kind is not request.kind:
        return False
    is_in_words = request.kind is OrderActionKind.OTHER
    return (other.items, other.details) == (request.items, request.details) and (
        not is_in_words or other.reason == request.reason
    )


def _reason(text: str) -> str:
    found = text.strip()
    if not SHORTEST_REASON <= len(found) <= LONGEST_REASON:
        raise BadInput(
            f"reason: expected {SHORTEST_REASON} to {LONGEST_REASON} characters, so that others understand it"
        )
    return found


def _details(wanted: Wanted) -> dict[str, str]:
    known = _DETAILS.get(wanted.kind, ())
    if unknown := sorted(set(wanted.details) - set(known)):
        expected = f"one of {', '.join(known)}" if known else "none"
        raise BadInput(f"details.{unknown[0][:40]}: no such detail of this kind; expected {expected}")
    found = {name: value.strip() for name, value in wanted.details.items() if value.strip()}
    for name, value in found.items():
        if len(value) > LONGEST_DETAIL:
            raise BadInput(f"details.{name}: expected at most {LONGEST_DETAIL} characters")
        if name in _FLAGS and value not in ("true", "false"):
            raise BadInput(f"details.{name}: expected true or false")
    if wanted.kind is OrderActionKind.ADDRESS_CHANGE:
        _check_address(found)
    return found


def _check_address(found: Mapping[str, str]) -> None:
    for name in _ADDRESS_NEEDS:
        if not found.get(name):
            raise BadInput(f"details.{name}: expected the whole new address")
    country = found["country"]
    if len(country) != 2 or not (country.isascii() and country.isalpha() and country.isupper()):
        raise BadInput("details.country: expected two capital letters such as US")


def _items(wanted: Wanted, view: OrderView, requests: Sequence[ApprovalRequest]) -> tuple[ActionItem, ...]:
    if not wanted.items:
        return ()
    if wanted.kind not in _WITH_ITEMS:
        raise BadInput("items: expected none for this kind")
    if len(wanted.items) > MOST_ITEMS or len({item.line for item in wanted.items}) < len(wanted.items):
        raise BadInput(f"items: expected at most {MOST_ITEMS} lines, each once")
    known = {item.id: item for item in view.order.line_items or ()}
    for item in wanted.items:
        line = known.get(item.line)
        if line is None:
            raise BadInput(f"items: the order has no line {item.line[:40]!r}")
        if not 1 <= item.quantity <= line.quantity:
            raise BadInput(f"items: expected 1 to {line.quantity} of {line.title}, got {item.quantity}")
        if wanted.kind is OrderActionKind.REFUND and item.quantity > (left := items_left(line, view, requests)):
            raise Conflict(
                f"At most {left} of {line.title} can still be refunded, once other requests are taken off."
                if left
                else f"{line.title}: all of it was refunded before, or has already been asked for."
            )
    return wanted.items
