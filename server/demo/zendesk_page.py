"""This file is the page of the simulated helpdesk: tickets to look at, with the sidebar in a frame beside them."""

from importlib.resources import files
from typing import Any, Literal

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct

from server.demo.fake import answer
from server.demo.zendesk_sidebar import APP_ID, INSTALLATION_ID, SUBDOMAIN, SidebarKeys
from server.demo.zendesk_state import Desk, Refusal, Ticket, User

_ASSETS = files("server.demo") / "helpdesk_page"
_TYPES = {"page.css": "text/css", "page.js": "text/javascript", "zaf.js": "text/javascript"}


class Act(Struct, frozen=True):
    """What an agent does by hand."""

    do: Literal["reply", "solve", "reopen"]
    text: str = ""
    agent: int = Desk.AGENT.id


def page_routes(desk: Desk, keys: SidebarKeys) -> list[HTTPRouteHandler]:
    """Everything that the page asks for. `keys.sidebar_url` says where Beforehand is."""

    @get(["/", "/agent/tickets/{number:int}"])
    async def page(number: FromPath[int | None] = None) -> Response[bytes]:
        del number
        return Response((_ASSETS / "page.html").read_bytes(), media_type="text/html")

    @get("/_page/assets/{name:str}")
    async def asset(name: FromPath[str]) -> Response[bytes]:
        if name not in _TYPES:
            return Response(b"", status_code=404)
        return Response((_ASSETS / name).read_bytes(), media_type=_TYPES[name])

    @get("/_page/tickets.json")
    async def tickets() -> Response[Any]:
        shown = sorted((t for t in desk.tickets.values() if not t.deleted), key=lambda t: t.id, reverse=True)
        return answer([_row(desk, ticket) for ticket in shown])

    @get("/_page/tickets/{name:str}")
    async def ticket(name: FromPath[str]) -> Response[Any]:
        number = name.removesuffix(".json")
        found = desk.tickets.get(int(number)) if number.isdigit() else None
        return answer(_whole(desk, found)) if found else answer({"error": "no such ticket"}, 404)

    @get("/_page/agents.json")
    async def agents() -> Response[Any]:
        return answer([{"id": user.id, "name": user.name, "role": user.role} for user in Desk.AGENTS])

    @get("/_page/sidebar_token")
    async def sidebar_token(agent: FromQuery[int] = Desk.AGENT.id) -> Response[Any]:
        return answer(
            {
                "action_url": keys.sidebar_url,
                "token": keys.token(_agent(agent).id),
                "app_guid": "3f0e7a52-demo",
                "app_id": int(APP_ID),
                "installation_id": int(INSTALLATION_ID),
                "subdomain": SUBDOMAIN,
            }
        )

    @post("/_page/tickets/{number:int}/act", status_code=200)
    async def act(number: FromPath[int], data: JSONBody[Act]) -> Response[Any]:
        status = {"reply": "pending", "solve": "solved", "reopen": "open"}[data.do]
        try:
            desk.change(
                desk.ticket(number),
                _agent(data.agent),
                channel="web",
                body=data.text,
                public=data.do == "reply",
                status=status,
            )
        except Refusal as refusal:
            return answer(refusal.body, refusal.status)
        return answer({"ok": True})

    return [page, asset, tickets, ticket, agents, sidebar_token, act]


def _agent(number: int) -> User:
    """Who sits before the page: nobody else but one of its agents."""
    return next((user for user in Desk.AGENTS if user.id == number), Desk.AGENT)


def _row(desk: Desk, ticket: Ticket) -> dict[str, Any]:
    body = ticket.body()
    return {
        "id": ticket.id,
        "subject": ticket.subject,
        "status": ticket.status,
        "tags": body["tags"],
        "updated_at": body["updated_at"],
        "requester": desk.users[ticket.requester_id].name,
    }


def _whole(desk: Desk, ticket: Ticket) -> dict[str, Any]:
    requester = desk.users[ticket.requester_id]
    return {
        **_row(desk, ticket),
        "priority": ticket.priority,
        "external_id": ticket.external_id,
        "requester": {"name": requester.name, "email": requester.email},
        "comments": [
            {
                "author": desk.users[comment.author_id].name,
                "public": comment.public,
                "body": comment.body,
                "created_at": comment.created_at.isoformat(),
            }
            for comment in ticket.comments
        ],
    }
