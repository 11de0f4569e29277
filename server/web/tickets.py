"""This file answers for tickets: the context of the order that a helpdesk ticket is about."""

from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from server.context import Context
from server.parts import Parts
from server.web.asked import read_live, read_text, read_wait
from server.web.authentication import admit
from server.web.orders import Live, Wait
from server.web.problems import documented


def ticket_routes(parts: Parts) -> list[HTTPRouteHandler]:
    """Reading an order by a ticket."""

    @get(
        "/v1/tickets/{workspace:str}/{connection:str}/{ticket_id:str}/context",
        tags=["orders"],
        responses=documented(400, 401, 404, 503),
    )
    async def ticket_context(
        request: Request[Any, Any, Any],
        workspace: FromPath[str],
        connection: FromPath[str],
        ticket_id: FromPath[str],
        live: Live = None,
        wait: Wait = None,
    ) -> Context:
        """The order that a ticket is about. `order` is null where it fits none, or several (`candidates`)."""
        await admit(parts, request, workspace)
        found = await parts.gathering.of_ticket(
            workspace, connection, read_text(ticket_id, "ticket_id"), live=read_live(live), wait=read_wait(wait)
        )
        parts.measurements.sources(found.sources)
        return found

    return [ticket_context]
