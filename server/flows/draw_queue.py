"""This file turns approval requests into what our own pages show of them, for whoever has signed in."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

from server.approval_model import ApprovalRequest, ApprovalState, Person, Verdict
from server.flows.draw_approvals import Viewer, draw_approvals
from server.flows.present_approvals import approval
from server.model import OrderKey, OrderView
from sidebar import words
from sidebar.asking import Requested
from sidebar.hosted import Entry, Link

VIEWS: Mapping[str, tuple[str, tuple[ApprovalState, ...]]] = {
    "": ("All", ()),
    "waiting": ("Waiting", (ApprovalState.PENDING,)),
    "approved": ("Approved", (ApprovalState.APPROVED, ApprovalState.EXECUTING, ApprovalState.EXECUTED)),
    "failed": ("Failed", (ApprovalState.FAILED,)),
    "closed": ("Not approved", (ApprovalState.REJECTED, ApprovalState.WITHDRAWN, ApprovalState.EXPIRED)),
}
"""By `?show=`: the name of the view and what it shows; nothing named is everything."""

DID = {
    "approve": "You approved this request.",
    "reject": "You rejected this request.",
    "withdraw": "You took this request back.",
}
_NOT_LONG = 120
"""Seconds for which a page says what has just been done."""

Orders = Callable[[OrderKey], OrderView | None]


def entries(
    requests: Sequence[ApprovalRequest],
    viewer: Viewer,
    orders: Orders,
    zone: ZoneInfo,
    now: datetime,
) -> tuple[Entry, ...]:
    """What waits first, oldest first; then what is over, newest first."""
    by_id = {found.id: found for found in requests}
    drawn = draw_approvals((approval(found, orders(found.order)) for found in requests), viewer, zone, now)
    return tuple(_entry(by_id[shown.id], shown, now) for shown in drawn)


def views(workspace: str, chosen: str) -> tuple[Link, ...]:
    """The ways to look at the queue."""
    path = queue_path(workspace)
    return tuple(
        Link(text=text, path=f"{path}?show={name}" if name else path, is_current=name == chosen)
        for name, (text, _) in VIEWS.items()
    )


def queue_path(workspace: str) -> str:
    """Of the queue."""
    return f"/app/{quote(workspace, safe='')}/approvals"


def request_path(request: ApprovalRequest) -> str:
    """Of one request's page."""
    return f"{queue_path(request.workspace)}/{quote(request.id, safe='')}"


def order_path(key: OrderKey) -> str:
    """Of an order's page."""
    return f"/app/{_quoted(key.workspace)}/orders/{_quoted(key.order_id)}?shop={_quoted(key.shop)}"


def just_done(request: ApprovalRequest, person: Person, did: str, now: datetime) -> str:
    """What this person has just done to it, in words; empty where they have not, whatever an address says."""
    if did == "withdraw":
        is_so = request.state is ApprovalState.WITHDRAWN and request.requester.is_same_as(person)
        return DID[did] if is_so and _is_recent(request.closed_at, now) else ""
    theirs = [
        found
        for found in request.decisions
        if found.person.is_same_as(person) and found.verdict == did and _is_recent(found.at, now)
    ]
    return DID[Verdict(did)] if theirs else ""


def names_of_views() -> Iterable[str]:
    """What `?show=` may say."""
    return (name for name in VIEWS if name)


def _is_recent(at: datetime | None, now: datetime) -> bool:
    return at is not None and (now - at).total_seconds() < _NOT_LONG


def _entry(request: ApprovalRequest, shown: Requested, now: datetime) -> Entry:
    place = request.ticket
    return Entry(
        request=shown,
        path=request_path(request),
        order=Link(text=f"Order {request.order_name or request.order.order_id}", path=order_path(request.order)),
        waited=_waited(request, now),
        ticket=None
        if place is None
        else Link(
            text=f"Ticket {place.ticket_id}",
            path=f"/app/{_quoted(request.workspace)}/tickets/{_quoted(place.connection)}/{_quoted(place.ticket_id)}",
        ),
    )


def _waited(request: ApprovalRequest, now: datetime) -> str:
    length = now - request.created_at
    is_worth_saying = request.state is ApprovalState.PENDING and length >= timedelta(minutes=1)
    return f"Waiting for {words.span(length)}" if is_worth_saying else ""


def _quoted(text: str) -> str:
    return quote(text, safe="")
