"""This file turns approval requests of the context into what the panel shows of them, for whoever looks at it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from server.approval_model import ApprovalState, Verdict
from server.context import ApprovalContext, DecisionContext
from server.flows.deciders import Deciders
from sidebar import words
from sidebar.asking import Requested, Told
from sidebar.tones import Pill, Tone

_STATES = {
    ApprovalState.PENDING: Pill("Waiting for approval", Tone.WARN),
    ApprovalState.APPROVED: Pill("Approved", Tone.GOOD),
    ApprovalState.REJECTED: Pill("Rejected", Tone.PLAIN),
    ApprovalState.WITHDRAWN: Pill("Taken back", Tone.PLAIN),
    ApprovalState.EXPIRED: Pill("Expired", Tone.PLAIN),
    ApprovalState.EXECUTING: Pill("Being carried out", Tone.WARN),
    ApprovalState.EXECUTED: Pill("Done", Tone.GOOD),
    ApprovalState.FAILED: Pill("Failed", Tone.BAD),
}
BY_HAND = Pill("Approved, to be done by hand", Tone.WARN)
_TITLES = {
    "refund": "Refund",
    "cancel": "Cancel the order",
    "reship": "Ship again",
    "address_change": "Change the address",
    "hold": "Hold the order",
    "release": "Release the order",
    "compensation": "Store credit",
    "fraud_override": "Override the fraud check",
    "other": "Other",
}
_ADDRESS = ("name", "address1", "address2", "city", "region", "postal_code", "country", "phone")
_HIDDEN = (*_ADDRESS, "payment")
_LABELS = {"restock": "Restock", "notify_customer": "Tell the customer", "text": "What"}


class Viewer(Struct, frozen=True, kw_only=True):
    """Who looks at the panel, as far as it matters to requests."""

    own: frozenset[str] = frozenset()
    """Ids of the requests that they made, as far as it is known."""
    why_not: Mapping[tuple[str, int], str] = {}
    """By request and its version: why they may not decide it; empty text where they may. Missing: not known yet."""
    deciders: Deciders = Deciders()


def draw_approvals(
    found: Iterable[ApprovalContext], viewer: Viewer, zone: ZoneInfo, now: datetime
) -> tuple[Requested, ...]:
    """What waits first, oldest first; then what is over, newest first."""
    drawn = sorted(found, key=lambda request: request.created_at)
    waiting = [request for request in drawn if _is_open(request)]
    over = [request for request in reversed(drawn) if not _is_open(request)]
    return tuple(_draw(request, viewer, zone, now) for request in (*waiting, *over))


def title(kind: str, amount: str | None = None, currency: str | None = None) -> str:
    """What a request asks for: `Refund $12.00`."""
    name = _TITLES.get(kind, kind.replace("_", " ").capitalize())
    said = words.money(amount, currency)
    return f"{name} {said}" if said else name


def _draw(request: ApprovalContext, viewer: Viewer, zone: ZoneInfo, now: datetime) -> Requested:
    is_pending = request.state == ApprovalState.PENDING
    why_not = viewer.why_not.get((request.id, request.version)) if is_pending else None
    is_by_hand = request.state == ApprovalState.APPROVED and request.record_only
    return Requested(
        id=request.id,
        version=request.version,
        title=title(request.kind, request.amount, request.currency),
        pill=BY_HAND if is_by_hand else _STATES.get(ApprovalState(request.state), Pill(request.state)),
        asked=_asked(request, zone, now, is_pending=is_pending),
        reason=request.reason,
        facts=tuple(_facts(request)),
        said=tuple(_said(request, decision, zone, now) for decision in request.decisions),
        differences=tuple(request.differences) if is_pending else (),
        line=_line(request, viewer),
        problem=request.error,
        is_open=_is_open(request),
        may_decide=is_pending and why_not == "",
        why_not=why_not or "",
        may_withdraw=is_pending and request.id in viewer.own,
        decide_label="Approve as it is now" if is_pending and request.differences else "Approve",
    )


def _is_open(request: ApprovalContext) -> bool:
    if request.state == ApprovalState.APPROVED:
        return not request.record_only
    return request.state in (ApprovalState.PENDING, ApprovalState.EXECUTING)


def _asked(request: ApprovalContext, zone: ZoneInfo, now: datetime, *, is_pending: bool) -> str:
    asked = f"{request.requester.name} asked {_when(request.created_at, zone, now)}"
    return f"{asked}. Expires {words.moment(request.expires_at, zone)}" if is_pending else asked


def _when(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    said = words.clock(at, zone, now)
    return f"at {said}" if len(said) == 5 else said


def _facts(request: ApprovalContext) -> Iterable[Told]:
    if request.items:
        yield Told("Items", ", ".join(f"{item.quantity} {item.title or item.line}" for item in request.items))
    if request.kind == "refund" and request.amount is None and not request.items:
        yield Told("Amount", "All that can be given back")
    if address := ", ".join(request.details[key] for key in _ADDRESS if request.details.get(key)):
        yield Told("New address", address)
    for key, value in request.details.items():
        if key not in _HIDDEN and value and value != "false":
            yield Told(_LABELS.get(key, key.replace("_", " ").capitalize()), "Yes" if value == "true" else value)


def _said(request: ApprovalContext, decision: DecisionContext, zone: ZoneInfo, now: datetime) -> str:
    verb = "approved" if decision.decision == Verdict.APPROVE else "rejected"
    if request.state == ApprovalState.WITHDRAWN and decision is request.decisions[-1]:
        verb = "took it back"
    reason = f": {decision.reason}" if decision.reason else ""
    return f"{decision.person.name} {verb} {_when(decision.at, zone, now)}{reason}"


def _line(request: ApprovalContext, viewer: Viewer) -> str:
    match request.state:
        case ApprovalState.PENDING:
            return waiting_for(request, viewer)
        case ApprovalState.APPROVED if request.record_only:
            return f"A person has to carry it out. {request.record_only_reason}".strip()
        case ApprovalState.APPROVED:
            return "It is carried out in a moment."
        case _:
            return request.result


def waiting_for(request: ApprovalContext, viewer: Viewer) -> str:
    """`Waiting for approval by Dana Lopez`; of two, how many have agreed."""
    agreed = len({found.person.id for found in request.decisions if found.decision == Verdict.APPROVE})
    who = viewer.deciders.of(request.kind, {request.requester.id, *(found.person.id for found in request.decisions)})
    if request.needs > 1:
        return f"{agreed} of {request.needs} have agreed. Waiting for approval by {who}."
    return f"Waiting for approval by {who}."
