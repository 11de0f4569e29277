"""This file is how the simulated helpdesk answers: tickets' comments and audits, users, and lists page by page."""

from collections.abc import Sequence
from html import escape
from typing import Any

from server.demo.fake import AnyRequest
from server.demo.zendesk_state import Ticket, User, written

MOST_ON_A_PAGE = 100


def user_body(user: User) -> dict[str, Any]:
    """A user as the API gives it."""
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "role": user.role,
        "active": True,
        "verified": user.verified,
        "suspended": user.suspended,
    }


def comments_of(ticket: Ticket) -> list[dict[str, Any]]:
    """The ticket's comments, oldest first."""
    return [
        {
            "id": ticket.id * 1000 + number,
            "type": "Comment",
            "author_id": comment.author_id,
            "body": comment.body,
            "plain_body": comment.body,
            "html_body": f'<div class="zd-comment">{escape(comment.body)}</div>',
            "public": comment.public,
            "attachments": [],
            "created_at": written(comment.created_at),
        }
        for number, comment in enumerate(ticket.comments, 1)
    ]


def audits_of(ticket: Ticket) -> list[dict[str, Any]]:
    """Who did what to the ticket, oldest first."""
    return [
        {
            "id": ticket.id * 1000 + number,
            "ticket_id": ticket.id,
            "author_id": audit.author_id,
            "created_at": written(audit.created_at),
            "metadata": {"system": {}, "custom": {}},
            "via": {"channel": audit.channel, "source": {}},
            "events": [
                {"id": number * 10 + place, "type": kind, "via": {"channel": audit.channel}}
                for place, kind in enumerate(audit.events)
            ],
        }
        for number, audit in enumerate(ticket.audits, 1)
    ]


def page_of(request: AnyRequest, name: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The page that was asked for: by cursor with `page[size]`, else by number."""
    asked = request.query_params
    if asked.get("sort_order") == "desc" or asked.get("sort", "").startswith("-"):
        rows = rows[::-1]
    if "page[size]" in asked:
        size, begin = _bounded(asked["page[size]"]), int(asked.get("page[after]", "0"))
        more = begin + size < len(rows)
        link = _link(request, {"page[size]": size, "page[after]": begin + size}) if more else None
        meta = {"has_more": more, "after_cursor": str(begin + size) if more else None, "before_cursor": None}
        return {name: rows[begin : begin + size], "meta": meta, "links": {"next": link, "prev": None}}
    size, number = _bounded(asked.get("per_page", "100")), int(asked.get("page", "1"))
    more = number * size < len(rows)
    link = _link(request, {"per_page": size, "page": number + 1}) if more else None
    shown = rows[(number - 1) * size : number * size]
    return {name: shown, "next_page": link, "previous_page": None, "count": len(rows)}


def _bounded(size: str) -> int:
    return max(1, min(int(size), MOST_ON_A_PAGE))


def _link(request: AnyRequest, changes: dict[str, int]) -> str:
    return str(request.url.with_replacements(query="&".join(_query(request, changes))))


def _query(request: AnyRequest, changes: dict[str, int]) -> list[str]:
    together = {**dict(request.query_params.items()), **{name: str(value) for name, value in changes.items()}}
    return [f"{name}={value}" for name, value in together.items()]
