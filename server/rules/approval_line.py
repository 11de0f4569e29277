"""This file is the line in an order's history about a request that has ended: what was agreed to, by whom."""

from datetime import datetime

from connectors.model import Observation, References
from connectors.order_actions import OrderActionKind
from connectors.reading import line
from server.approval_model import ApprovalRequest, ApprovalState

OURSELVES = "beforehand"
"""The source of what nobody but us can know."""
LONGEST_LINE = 400
WORDS = {
    OrderActionKind.REFUND: "Refund",
    OrderActionKind.CANCEL: "Cancellation",
    OrderActionKind.RESHIP: "Reshipment",
    OrderActionKind.ADDRESS_CHANGE: "Change of address",
    OrderActionKind.HOLD: "Hold",
    OrderActionKind.RELEASE: "Release from hold",
    OrderActionKind.COMPENSATION: "Store credit",
    OrderActionKind.FRAUD_OVERRIDE: "Override of the fraud check",
    OrderActionKind.OTHER: "Other request",
}


def observation_of(request: ApprovalRequest, now: datetime) -> Observation:
    """What we say of the order once *request* has ended. The same for every repeat, whenever it is said."""
    return Observation(
        source=OURSELVES,
        kind=f"approval.{request.state}",
        identity=f"{OURSELVES}:approval:{request.id}:{request.state}",
        at=now,
        about=References(shop=request.order.shop, shop_order=request.order.order_id),
        text=line(text_of(request), LONGEST_LINE),
    )


def text_of(request: ApprovalRequest) -> str:
    """`Refund of $12.00 approved by Dana, asked by Sam`; of what failed also why."""
    amount = f" of {request.amount}" if request.amount else ""
    names = " and ".join(dict.fromkeys(decision.person.name for decision in request.approvals))
    by = f" approved by {names}," if names else ""
    text = f"{WORDS[request.kind]}{amount}{by} asked by {request.requester.name}"
    if request.state is ApprovalState.FAILED:
        return f"{text}, was not carried out: {request.error}"
    return text
