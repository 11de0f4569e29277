"""This file says what follows from a turn of an approval request: notes in the ticket, messages to people."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import blake2b

from msgspec.structs import replace

from connectors.model import TicketChange
from server.approval_model import ApprovalRequest, TicketPlace, Turn
from server.model import Action, ActionKind, ActionState, Issue, IssueState, Severity
from server.rules import routing, telling_approvals
from server.rules.approval_clock import policy_of
from server.rules.notice_audience import Audience, listeners
from server.rules.outbox import marker_of
from server.rules.outlets import Outlets
from server.rules.policy import Policy

DECIDED = "it was decided before this was sent"
REPLACED = "a later word has taken its place"
_ASKING = (Turn.REQUESTED, Turn.REMINDED)
"""Turns of which people are told by a message of its own; of all others where the first one stands."""
_IN_TICKET = (Turn.EXECUTED, Turn.FAILED, Turn.REJECTED, Turn.WITHDRAWN, Turn.EXPIRED, Turn.RETURNED)
_STILL_OPEN = (Turn.AGREED, Turn.RETURNED)


def follow_up(
    request: ApprovalRequest,
    turn: Turn,
    policy: Policy,
    now: datetime,
    *,
    earlier: Sequence[Action],
    issues: Sequence[Issue] = (),
    outlets: Outlets | None = None,
) -> tuple[Action, ...]:
    """Actions to store with the turn, new or changed. The same turn gives the same keys, and nothing twice.

    *earlier* and *issues* are all of the order. Without *outlets* nobody but the ticket is told.
    """
    found = [*_note(request, turn, now, issues)]
    if outlets is not None:
        mine = [a for a in earlier if a.approval == request.id and a.kind is ActionKind.NOTIFY_TEAM]
        if turn in _ASKING:
            found += _messages(request, turn, policy, now, mine, outlets)
        else:
            found += _edits(request, turn, policy, now, mine, outlets)
    known = {action.key: action for action in earlier}
    # What has been planned before may have been sent since: it is not planned once more.
    return tuple(a for a in found if a.key not in known or _changes(known[a.key], a))


def _changes(known: Action, action: Action) -> bool:
    return known.state is ActionState.PENDING and known != action and known.created_at == action.created_at


# --- the ticket -------------------------------------------------------------------------------------------------------


def _note(request: ApprovalRequest, turn: Turn, now: datetime, issues: Iterable[Issue]) -> Iterable[Action]:
    """The result, where whoever asked sees it: beside the ticket they asked from, else in the one about the order."""
    is_result = turn in _IN_TICKET or (turn is Turn.APPROVED and request.is_record_only)
    place = request.ticket or _ticket_of(issues)
    if not is_result or place is None:
        return
    key = f"approval:{request.id}:{turn}:{request.version}:ticket"
    yield Action(
        key=key,
        order=request.order,
        kind=ActionKind.TELL_TICKET,
        connection=place.connection,
        issue_ids=(),
        lead="",
        approval=request.id,
        occasion=turn,
        target=place.ticket_id,
        change=TicketChange(marker=marker_of(key), note=telling_approvals.note(request, turn)),
        created_at=now,
        not_before=now,
    )


def _ticket_of(issues: Iterable[Issue]) -> TicketPlace | None:
    """The ticket of the order's newest issue, open ones first."""
    ranked = sorted((i for i in issues if i.ticket), key=lambda i: (i.state is IssueState.OPEN, i.opened_at, i.id))
    link = ranked[-1].ticket if ranked else None
    return TicketPlace(connection=link.connection, ticket_id=link.ticket_id) if link else None


# --- teams ------------------------------------------------------------------------------------------------------------


def _messages(
    request: ApprovalRequest, turn: Turn, policy: Policy, now: datetime, mine: Sequence[Action], outlets: Outlets
) -> Iterable[Action]:
    """A message to everybody who is told of such requests. What still waits unsent gives way to it."""
    moment = routing.told_at(now, Severity.NORMAL, policy)
    asked_at = request.reminded_at if turn is Turn.REMINDED else request.created_at
    stamp = f"{(asked_at or now).timestamp():.0f}"
    for audience in listeners(policy_of(request, policy).notify, policy, outlets):
        if audience.is_sink:
            continue
        key = f"approval:{request.id}:{turn}:{stamp}:{_digest(audience)}"
        for waiting in mine:
            if waiting.audience == audience.name and waiting.key != key and not waiting.is_edit and _waits(waiting):
                yield _given_up(waiting, REPLACED, now)
        yield Action(
            key=key,
            order=request.order,
            kind=ActionKind.NOTIFY_TEAM,
            connection=audience.connection,
            issue_ids=(),
            lead="",
            approval=request.id,
            audience=audience.name,
            occasion=turn,
            notice=telling_approvals.notice(request, turn, policy, now, key=key, to=audience.address),
            created_at=now,
            not_before=moment,
        )


def _edits(
    request: ApprovalRequest, turn: Turn, policy: Policy, now: datetime, mine: Sequence[Action], outlets: Outlets
) -> Iterable[Action]:
    """Every message so far says how it stands by now: also its buttons are those of now, or gone."""
    for sent in mine:
        if sent.is_edit or sent.notice is None:
            continue
        written = telling_approvals.notice(request, turn, policy, now, key=sent.key, to=sent.notice.to)
        if _waits(sent):
            is_open = turn in _STILL_OPEN
            yield replace(sent, notice=written) if is_open else _given_up(sent, DECIDED, now)
            continue
        if not _may_stand(sent) or sent.connection not in outlets.editable:
            continue
        for waiting in mine:
            if waiting.follows == sent.key and _waits(waiting):
                yield _given_up(waiting, REPLACED, now)
        yield Action(
            key=f"{sent.key}:{turn}:{request.version}",
            order=sent.order,
            kind=ActionKind.NOTIFY_TEAM,
            connection=sent.connection,
            issue_ids=(),
            lead="",
            approval=request.id,
            audience=sent.audience,
            occasion=turn,
            follows=sent.key,
            notice=written,
            created_at=now,
            not_before=now,
        )


def _waits(action: Action) -> bool:
    """Whether surely nothing of it has left us."""
    return action.state is ActionState.PENDING


def _may_stand(sent: Action) -> bool:
    """Whether the message is there, or will be once it is known what became of it."""
    return sent.state is ActionState.SENDING or (sent.state is ActionState.DONE and bool(sent.receipt))


def _given_up(action: Action, why: str, now: datetime) -> Action:
    return replace(action, state=ActionState.DONE, error=why, finished_at=now)


def _digest(audience: Audience) -> str:
    return blake2b(f"{audience.connection}|{audience.name}".encode(), digest_size=5).hexdigest()
