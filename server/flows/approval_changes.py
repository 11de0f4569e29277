"""This file is what becomes of a stored request within one transaction, when somebody decides on it.

A refusal that changes the request is given back and not raised, so that the change is stored as well.
"""

from collections.abc import Callable
from datetime import datetime

from server.approval_model import ApprovalRequest, ApprovalState, Person, Turn, Verdict
from server.errors import BeforehandError, Conflict, Gone, NotFound
from server.flows import approval_checks as checks
from server.flows.approval_turns import record_turn
from server.flows.look import SeenNow
from server.flows.process import look_item
from server.rules.approval_asking import finished
from server.rules.approval_basis import basis, differences
from server.rules.approval_clock import tick
from server.rules.approval_deciding import decided, recorded_only, returned, why_not
from server.rules.approval_line import observation_of
from server.rules.approval_obstacle import obstacle
from server.store.contract import Reading, Store, Writing
from server.workspaces import Workspace

NO_REQUEST = "no such request"
Outcome = ApprovalRequest | BeforehandError


async def in_one_transaction(store: Store, work: Callable[[Writing], Outcome]) -> ApprovalRequest:
    """What *work* gives back; where that is a refusal it is raised, once it is stored."""
    outcome = await store.write(work)
    if isinstance(outcome, BeforehandError):
        raise outcome
    return outcome


def latest(tx: Reading, request_id: str) -> ApprovalRequest:
    """The request as it is stored. Raises NotFound."""
    if (found := tx.approval(request_id)) is None:
        raise NotFound(NO_REQUEST)
    return found


def why_not_now(
    tx: Reading,
    request: ApprovalRequest,
    person: Person,
    workspace: Workspace,
    now: datetime,
    verdict: Verdict = Verdict.APPROVE,
    seen: SeenNow | None = None,
) -> str:
    """Why *person* may not decide it, in words; without *seen* by the order as it is stored."""
    order = seen.view if seen else checks.stored_view(tx, request)
    others = checks.counted(tx, request, workspace.policy, now)
    return why_not(request, person, order, workspace.policy, others, now, verdict=verdict)


def expired(tx: Writing, request: ApprovalRequest, workspace: Workspace, now: datetime) -> Gone | None:
    """That it is too late, which is stored where it was not yet."""
    after, turn = tick(request, workspace.policy, now)
    if turn is Turn.EXPIRED:
        record_turn(tx, after, turn, workspace, now)
    return Gone(checks.EXPIRED) if after.state is ApprovalState.EXPIRED else None


def gone_back(
    tx: Writing, request: ApprovalRequest, seen: SeenNow, workspace: Workspace, now: datetime
) -> Conflict | None:
    """What has changed on the order since it was asked: the request goes back with that. None where nothing has."""
    now_is = basis(request.kind, seen.view)
    requests = tx.approvals_of(request.order)
    changed = differences(request.basis, now_is)
    in_the_way = obstacle(request, seen.view, requests)
    if not changed and not in_the_way:
        return None
    told = (*changed, *((in_the_way,) if in_the_way else ()))
    if not changed and in_the_way in request.differences:
        # It has gone back for this before, and stands as it stood.
        return Conflict(f"{in_the_way}.", differences=told, version=request.version)
    after = finished(returned(request, now_is, told), seen.view, workspace.policy, requests)
    record_turn(tx, after, Turn.RETURNED, workspace, now)
    sentence = "The order has changed since this was asked for. Look at what has changed, and decide again."
    return Conflict(sentence, differences=told, version=after.version)


def decide_now(
    tx: Writing,
    request: ApprovalRequest,
    person: Person,
    verdict: Verdict,
    reason: str,
    workspace: Workspace,
    now: datetime,
    seen: SeenNow | None,
) -> ApprovalRequest:
    """The request once *person*, who may, has decided; *seen* is the order as it was just read, for an approval."""
    if seen is not None:
        request = finished(request, seen.view, workspace.policy, tx.approvals_of(request.order))
    after, turn = decided(request, person, verdict, reason, now)
    if turn is Turn.APPROVED and seen is not None and (why := checks.nobody_can(after, seen, workspace)):
        after = recorded_only(after, why, now)
        # Nothing else ends it: what is carried out has its line in the order's history from its end.
        tx.add_inbox(look_item(workspace.name, (observation_of(after, now),), now))
    record_turn(tx, after, turn, workspace, now, by=person)
    return after
