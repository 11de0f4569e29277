"""This file is what the API takes about approvals: bodies of requests, each field as DESIGN 7 names it.

Unknown fields are refused: nobody sets a state, an approver or a workspace from outside.
"""

import msgspec
from msgspec import Struct

from connectors.order_actions import OrderActionKind
from server.approval_model import ApprovalState, Verdict
from server.errors import BadInput
from server.flows.approvals import Ask
from server.web import panel_bodies


class AmountBody(Struct, frozen=True, forbid_unknown_fields=True):
    """`value` is a decimal string in major units such as `12.00`."""

    value: str
    currency: str


class ItemBody(Struct, frozen=True, forbid_unknown_fields=True):
    """So many of one line of the order, by the shop's own id of the line."""

    line: str
    quantity: int


class TicketBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Beside which ticket it is asked; it is told what comes of it."""

    connection: str
    id: str


class AskBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody asks for. `order` is a shop order id, an order name or a tracking number."""

    order: str
    kind: OrderActionKind
    reason: str
    shop: str = ""
    amount: AmountBody | None = None
    items: list[ItemBody] = []
    details: dict[str, str] = {}
    ticket: TicketBody | None = None


class DecisionBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an approver says, of which version of the request."""

    decision: Verdict
    reason: str
    version: int


class WithdrawalBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why somebody takes their own request back."""

    version: int
    reason: str = ""


def read_ask(body: AskBody) -> Ask:
    """What is asked for, checked as far as that needs no order. Raises BadInput."""
    return panel_bodies.read_ask(msgspec.json.encode(body))


def read_states(text: str | None) -> tuple[ApprovalState, ...]:
    """`?state=pending,approved`; none for all of them. Raises BadInput."""
    if not text:
        return ()
    try:
        return tuple(dict.fromkeys(ApprovalState(name.strip()) for name in text.split(",")))
    except ValueError as error:
        raise BadInput(f"state: expected some of {', '.join(ApprovalState)}, separated by commas") from error
