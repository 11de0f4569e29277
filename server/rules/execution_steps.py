"""This file is how carrying out an approved request goes on, step by step, and how long it is tried.

approved -> executing      stored, with the exact bytes, before the first of them leaves
executing -> approved      surely nothing left us, or arrived: later
executing -> executing     nobody knows: it is looked for before anything is sent again
executing -> executed, failed
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from connectors.contract import Collided, ConnectorError, Denied, Garbled, Missing, Rejected
from connectors.order_actions import ActionReceipt
from server.approval_model import ApprovalRequest, ApprovalState, Execution

PATIENCE = timedelta(hours=20)
"""From the agreement on. It was given for the order as it was, and Stripe keeps its idempotency keys for 24 hours:
after that nothing is sent, only looked for."""
LEASE = timedelta(seconds=90)
"""How long whoever has begun a try has it for themselves; longer than any try takes."""
SETTLES = timedelta(seconds=10)
"""A request whose answer was lost may still be under way: before that it is not looked for."""
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(seconds=20), timedelta(minutes=10)
SHORTEST_POLL, LONGEST_POLL = timedelta(seconds=4), timedelta(hours=1)
ACCESS_PAUSE = timedelta(minutes=5)
OUR_FAULT = "a fault in Beforehand"
MOST_FAULTS = 3
"""Tries that broke in our own code: a further one breaks too."""
_LONGEST_TEXT = 500


def is_to_carry_out(request: ApprovalRequest) -> bool:
    """Whether something is to be done outside, or to be found out there."""
    is_agreed = request.state is ApprovalState.APPROVED and not request.is_record_only
    return is_agreed or request.state is ApprovalState.EXECUTING


def gives_up_at(request: ApprovalRequest) -> datetime:
    """From when on nothing is sent any more."""
    return _agreed_at(request) + PATIENCE


def _agreed_at(request: ApprovalRequest) -> datetime:
    return max((decision.at for decision in request.approvals), default=request.created_at)


# --- the steps --------------------------------------------------------------------------------------------------------


def started(request: ApprovalRequest, connection: str, key: str, body: bytes, now: datetime) -> ApprovalRequest:
    """The request as it is stored before a try. Bytes, key and the first time that may count are kept."""
    known = request.execution
    may_be_there = request.state is ApprovalState.EXECUTING and known is not None
    execution = Execution(
        connection=connection,
        key=key,
        request=body,
        attempts=(known.attempts if known else 0) + 1,
        started_at=(known.started_at if known and may_be_there else None) or now,
        error=known.error if known else "",
    )
    return _changed(request, state=ApprovalState.EXECUTING, execution=execution, due_at=now + LEASE)


def put_off(
    request: ApprovalRequest, why: str, until: datetime, *, connection: str = "", key: str = ""
) -> ApprovalRequest:
    """Looked at again at *until*. What is known to have been sent, or not, stays as it is."""
    known = request.execution or Execution(connection=connection, key=key)
    return _changed(request, execution=replace(known, error=why[:_LONGEST_TEXT]), due_at=until)


def unsent(before: ApprovalRequest, after: ApprovalRequest) -> ApprovalRequest:
    """*after* as if the try had not been made, but for its count: surely nothing of it is there."""
    known, now_known = before.execution, after.execution
    assert now_known is not None  # noqa: S101  # it was started
    since = known.started_at if known and before.state is ApprovalState.EXECUTING else None
    return replace(after, state=before.state, execution=replace(now_known, started_at=since))


def taken_on(request: ApprovalRequest, receipt: ActionReceipt, until: datetime) -> ApprovalRequest:
    """The vendor has it and is not done: asked again at *until*."""
    known = request.execution
    return _changed(request, receipt=receipt, execution=replace(known, error="") if known else None, due_at=until)


def executed(request: ApprovalRequest, receipt: ActionReceipt, now: datetime) -> ApprovalRequest:
    """It was carried out."""
    known = request.execution
    return _changed(
        request,
        state=ApprovalState.EXECUTED,
        receipt=receipt,
        execution=replace(known, error="") if known else None,
        error="",
        closed_at=now,
        due_at=None,
    )


def failed(request: ApprovalRequest, why: str, now: datetime) -> ApprovalRequest:
    """Surely nothing was carried out, and nothing will be."""
    return _changed(
        request, state=ApprovalState.FAILED, error=why[:_LONGEST_TEXT], receipt=None, closed_at=now, due_at=None
    )


def _changed(request: ApprovalRequest, **changes: object) -> ApprovalRequest:
    return replace(request, version=request.version + 1, **changes)


# --- trouble ----------------------------------------------------------------------------------------------------------


def may_have_happened(error: Exception) -> bool:
    """A fault of ours, an answer that cannot be read, or a collision (with ourselves?) do not say that it was not."""
    return not isinstance(error, ConnectorError) or error.outcome_unknown or isinstance(error, Garbled | Collided)


def is_refusal(error: Exception) -> bool:
    """Whether it was understood and refused, so that no repeat helps."""
    return isinstance(error, Rejected | Missing)


def in_words(error: Exception) -> str:
    """What went wrong, for people. Where a connector found words of its own, those."""
    if isinstance(error, TimeoutError):
        return "no answer came in time"
    if not isinstance(error, ConnectorError):
        return f"{OUR_FAULT} ({type(error).__name__})"
    if isinstance(error, Rejected | Missing | Denied) and error.status is None:
        return f"{error.system}: {error.detail}"
    return error.sentence


def pause(request: ApprovalRequest, now: datetime) -> timedelta:
    """Before the next try: a quarter of the time that it has been tried for."""
    return min(LONGEST_PAUSE, max(SHORTEST_PAUSE, (now - _agreed_at(request)) / 4))


def poll_pause(request: ApprovalRequest, now: datetime) -> timedelta:
    """Before the vendor is asked again whether it is done."""
    since = request.execution.started_at if request.execution else None
    return min(LONGEST_POLL, max(SHORTEST_POLL, (now - (since or _agreed_at(request))) / 4))
