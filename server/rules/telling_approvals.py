"""This file writes what people are told of an approval request: a short note for the ticket, a message for a team.

Both names, what it is about, why, and what came of it. Everything that somebody wrote is kept on one line.
"""

from datetime import datetime

from connectors.model import Choice, Link, Notice
from connectors.order_actions import OrderActionKind
from server.approval_model import ApprovalRequest, Decision, Turn, Verdict
from server.rules import wording
from server.rules.approval_line import WORDS
from server.rules.policy import Policy

LONGEST_REASON = 500
_ENDS_WITH = (".", "!", "?", "…")
_HEADS = {
    Turn.REQUESTED: "To be decided",
    Turn.REMINDED: "Still to be decided",
    Turn.AGREED: "One more has to agree",
    Turn.RETURNED: "To be decided again",
    Turn.APPROVED: "Approved",
    Turn.REJECTED: "Rejected",
    Turn.WITHDRAWN: "Taken back",
    Turn.EXPIRED: "Expired",
    Turn.EXECUTED: "Approved and done",
    Turn.FAILED: "Approved, but it failed",
}


def subject(request: ApprovalRequest) -> str:
    """`Refund of $12.00 for order #1001`."""
    amount = f" of {request.amount}" if request.amount else ""
    return f"{WORDS[request.kind]}{amount} for order {_line(request.order_name or request.order.order_id, 60)}"


def note(request: ApprovalRequest, turn: Turn) -> str:
    """For the ticket: what came of it, then who asked and who decided, and why."""
    lines = [f"{subject(request)}: {_result(request, turn)}", *_scope(request)]
    said = [f"Asked for by {_name(request.requester.name)}: {_sentence(request.reason)}"]
    said += [f"Approved by {_name(each.person.name)}: {_sentence(each.reason)}" for each in request.approvals]
    return "\n".join([*lines, " ".join(said)])


def notice(request: ApprovalRequest, turn: Turn, policy: Policy, now: datetime, *, key: str, to: str) -> Notice:
    """For a team. As long as it waits there are buttons; of what is over, what came of it."""
    waits = turn in (Turn.REQUESTED, Turn.REMINDED, Turn.AGREED, Turn.RETURNED)
    changed = "The order has changed since it was asked for. " if turn is Turn.RETURNED else ""
    asked = (
        f"{changed}{_name(request.requester.name)} {'asks' if waits else 'asked'} for it: {_sentence(request.reason)}"
    )
    details = [*_scope(request), *(_line(found) for found in request.differences)]
    if waits:
        details += [f"Agreed: {_name(each.person.name)}" for each in request.approvals]
        details += ["Two people have to agree"] if request.needs > 1 else []
        details.append(f"Expires {wording.moment(request.expires_at, policy.timezone)}")
    return Notice(
        key=key,
        to=to,
        headline=f"{_HEADS[turn]}: {subject(request)}",
        text=asked if waits else f"{_capital(_result(request, turn))} {asked}",
        details=tuple(details),
        links=(Link("Look at it and decide" if waits else "Look at it", page(request)),),
        choices=_choices(request) if waits else (),
        is_over=not waits,
        written_at=now,
    )


def page(request: ApprovalRequest) -> str:
    """Where it is on our own pages; the address in front is known to whoever sends it."""
    return f"/app/{request.workspace}/approvals/{request.id}"


def _choices(request: ApprovalRequest) -> tuple[Choice, ...]:
    """What may be decided, of this version alone; they are sealed before they leave."""
    return (
        Choice(Verdict.APPROVE, "Approve", f"{request.id}|{request.version}|{Verdict.APPROVE}"),
        Choice(Verdict.REJECT, "Reject", f"{request.id}|{request.version}|{Verdict.REJECT}", is_dangerous=True),
    )


def _result(request: ApprovalRequest, turn: Turn) -> str:
    """What came of it, as the rest of a sentence."""
    match turn:
        case Turn.EXECUTED:
            done = f"approved by {_names(request)}, and done."
            return f"{done} {_sentence(request.receipt.text)}" if request.receipt else done
        case Turn.FAILED:
            return f"approved by {_names(request)}, but it could not be carried out: {_sentence(request.error)}"
        case Turn.APPROVED if request.is_record_only:
            why = f" ({_line(request.record_only_reason).rstrip('.')})" if request.record_only_reason else ""
            return f"approved by {_names(request)}. A person has to carry it out now{why}."
        case Turn.APPROVED:
            return f"approved by {_names(request)}. It is being carried out."
        case Turn.REJECTED:
            last = _last(request)
            return f"rejected by {_name(last.person.name)}: {_sentence(last.reason)}" if last else "rejected."
        case Turn.WITHDRAWN:
            last = _last(request)
            why = f": {_sentence(last.reason)}" if last and last.reason else "."
            return f"taken back by {_name(request.requester.name)}{why}"
        case Turn.EXPIRED:
            return "expired, because nobody decided in time. It can be asked for again."
        case Turn.RETURNED:
            changes = "; ".join(_line(found).rstrip(".") for found in request.differences)
            return (
                f"not decided yet, because the order has changed since it was asked for. {_sentence(changes)}".strip()
            )
        case _:
            return "waits to be decided."


def _scope(request: ApprovalRequest) -> list[str]:
    """What it is about beside the amount."""
    found = []
    if pieces := sum(item.quantity for item in request.items):
        found.append("Only 1 item" if pieces == 1 else f"Only {pieces} items")
    if request.kind is OrderActionKind.ADDRESS_CHANGE:
        names = ("name", "address1", "address2", "city", "region", "postal_code", "country")
        found.append(_line(f"To: {', '.join(request.details[name] for name in names if request.details.get(name))}"))
    elif text := request.details.get("text"):
        found.append(_line(text))
    return found


def _names(request: ApprovalRequest) -> str:
    return wording.listed([_name(each.person.name) for each in request.approvals]) or "somebody"


def _last(request: ApprovalRequest) -> Decision | None:
    return request.decisions[-1] if request.decisions else None


def _name(text: str) -> str:
    return _line(text, 80) or "somebody"


def _line(text: str, most: int = LONGEST_REASON) -> str:
    return wording.one_line(text, most)


def _sentence(text: str) -> str:
    """Somebody's words, with an end."""
    line = _line(text)
    return line if not line or line.endswith(_ENDS_WITH) else f"{line}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
