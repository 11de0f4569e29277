"""This file is the panel's data for every surface that shows it: the stream of sections, and the search.

Who asks is known from our own session token alone; workspace and helpdesk come from it, never from the request.
`/panel` serves our own pages, `/sidebar/zendesk` the helpdesk's frame.
"""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from litestar.response import ServerSentEvent

from server.context import CandidateContext
from server.errors import BadInput
from server.flows import draw
from server.flows.sessions import Session
from server.model import JsonObject
from server.parts import Parts
from server.web.asked import read_text
from server.web.assets import asset_routes
from server.web.panel_events import Wanted, panel_events, topics_of
from server.web.sidebar_actions import sidebar_action_routes
from server.web.sidebar_zendesk import zendesk_routes
from server.web.signed_in import signed_in
from sidebar import html
from sidebar.panel import Panel

NO_MATCH = "Nothing matches. Try the order number, the customer's e-mail address, a phone or tracking number."


def sidebar_routes(parts: Parts) -> list[HTTPRouteHandler]:
    """The assets, Zendesk's surface, and the data and actions of every surface that shows the panel."""
    return [
        *asset_routes(),
        *zendesk_routes(parts),
        *(route for base in ("/sidebar/zendesk", "/panel") for route in panel_routes(parts, base)),
        *(route for base in ("/sidebar/zendesk", "/panel") for route in sidebar_action_routes(parts, base)),
    ]


def panel_routes(parts: Parts, base: str) -> list[HTTPRouteHandler]:
    """The stream and the search of one surface."""
    topics = {name: topics_of(workspace) for name, workspace in parts.workspaces.items()}

    @get(f"{base}/stream", include_in_schema=False)
    async def stream(
        request: Request[Any, Any, Any],
        ticket: Annotated[str | None, QueryParameter()] = None,
        order: Annotated[str | None, QueryParameter()] = None,
        shop: Annotated[str | None, QueryParameter()] = None,
        source: Annotated[str | None, QueryParameter(description="Ask this connection alone again.")] = None,
        alone: Annotated[str | None, QueryParameter(description="Without the customer's other orders.")] = None,
    ) -> ServerSentEvent:
        session = signed_in(parts, request)
        if (ticket is None) == (order is None):
            raise BadInput("Expected either ticket or order")
        only = read_text(source, "source") if source is not None else ""
        if ticket is not None:
            number = read_text(ticket, "ticket")
            contexts = parts.gathering.stream_ticket(session.workspace, session.connection, number, only=only)
        else:
            reference = read_text(order, "order")
            contexts = parts.gathering.stream_order(session.workspace, reference, shop=shop or "", only=only)
        wanted = Wanted(ticket=(session.connection, ticket or ""), only=only, with_others=not alone and not only)
        return ServerSentEvent(panel_events(parts, session, contexts, wanted, topics[session.workspace]))

    @get(f"{base}/search", include_in_schema=False)
    async def search(
        request: Request[Any, Any, Any], q: Annotated[str | None, QueryParameter()] = None
    ) -> Response[JsonObject]:
        session = signed_in(parts, request)
        found, sources = await parts.gathering.search(session.workspace, read_text(q, "q"))
        failed = [source.error for source in sources if source.error and source.status != "not_configured"]
        message = "" if found else " ".join([NO_MATCH, *failed])
        return Response({"message": message, "candidates": _choices(parts, session, found)})

    return [stream, search]


def _choices(parts: Parts, session: Session, found: list[CandidateContext]) -> str:
    now, zone = parts.clock(), parts.workspaces[session.workspace].timezone
    return html.candidates(
        Panel(as_of="", candidates=tuple(draw.candidate(candidate, zone, now) for candidate in found))
    )
