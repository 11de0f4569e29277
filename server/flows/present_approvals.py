"""This file puts approval requests into the words of the API."""

from server.approval_model import ApprovalRequest, Decision, Person
from server.context import ApprovalContext, DecisionContext, PersonContext, RequestedItemContext
from server.model import OrderView


def approval(request: ApprovalRequest, view: OrderView | None = None) -> ApprovalContext:
    """One request; the names of its items come from the order, where that is at hand."""
    titles = {item.id: item.title for item in (view.order.line_items or ())} if view else {}
    return ApprovalContext(
        id=request.id,
        kind=request.kind,
        state=request.state,
        version=request.version,
        order=str(request.order),
        order_name=request.order_name,
        amount=request.amount.value if request.amount else None,
        currency=request.amount.currency if request.amount else None,
        items=[
            RequestedItemContext(line=item.line, title=titles.get(item.line, ""), quantity=item.quantity)
            for item in request.items
        ],
        reason=request.reason,
        details=request.details,
        requester=_person(request.requester),
        created_at=request.created_at,
        expires_at=request.expires_at,
        needs=request.needs,
        decisions=[_decision(found) for found in request.decisions],
        differences=list(request.differences),
        record_only=request.is_record_only,
        record_only_reason=request.record_only_reason,
        result=request.receipt.text if request.receipt else "",
        error=request.error,
        closed_at=request.closed_at,
    )


def _person(person: Person) -> PersonContext:
    return PersonContext(id=person.id, name=person.name)


def _decision(decision: Decision) -> DecisionContext:
    return DecisionContext(
        person=_person(decision.person), decision=decision.verdict, reason=decision.reason, at=decision.at
    )
