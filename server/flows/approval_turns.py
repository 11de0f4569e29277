"""This file stores one turn of an approval request, with all that follows from it, in one transaction.

Whoever changes a request does it here, so that the request, the audit log, the ticket's note, the messages to people
and the order's history cannot disagree.
"""

from datetime import datetime

from server.approval_model import ApprovalRequest, AuditFact, Person, Turn
from server.flows.notify import outlets_of
from server.flows.show_customer import plan_to_show
from server.rules.approval_follow_up import follow_up
from server.rules.timeline import view
from server.store.contract import Writing
from server.workspaces import Workspace


def record_turn(
    tx: Writing, request: ApprovalRequest, turn: Turn, workspace: Workspace, now: datetime, *, by: Person | None = None
) -> None:
    """Store *request* as it is after *turn*. *by* is who brought it about; None: nobody, by time or by a system."""
    tx.put_approval(request)
    tx.add_audit(audit_fact(request, turn, now, by))
    for action in follow_up(
        request,
        turn,
        workspace.policy,
        now,
        earlier=tx.actions_of(request.order),
        issues=tx.issues_of(request.order),
        outlets=outlets_of(workspace, None),
    ):
        tx.put_action(action)
    if (record := tx.record(request.order)) is not None:
        plan_to_show(tx, workspace, view(record), now)


def audit_fact(request: ApprovalRequest, turn: Turn, now: datetime, by: Person | None) -> AuditFact:
    """What the log keeps of a turn."""
    amount = {"amount": request.amount.value, "currency": request.amount.currency} if request.amount else {}
    receipt = {"receipt": request.receipt.id} if request.receipt and turn is Turn.EXECUTED else {}
    return AuditFact(
        workspace=request.workspace,
        at=now,
        event=f"approval.{turn}",
        actor=by.id if by else "",
        via=by.via if by else "",
        subject=request.id,
        details={
            "order": str(request.order),
            "kind": request.kind,
            "version": str(request.version),
            **amount,
            **receipt,
        },
    )
