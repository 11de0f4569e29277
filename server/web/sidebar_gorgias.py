"""This file answers Gorgias' servers with flat facts about the customer's order, and links to our own pages.

Gorgias shows rows and links, and no page of ours; it proves who it is by a secret of the connection, and nobody proves
which agent looks. So there is nothing here but what stands beside the named ticket, and every link leads to a page
where the agent signs in.
"""

import asyncio
import contextlib
from typing import Annotated, Any, Protocol, runtime_checkable

import structlog
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect

from connectors.contract import Envelope, Forged
from server.context import Context
from server.errors import BeforehandError, NotFound, NotNow, Unauthenticated
from server.flows import draw
from server.flows.links import Links
from server.flows.resolve import Ambiguous
from server.flows.ticket_places import confirmed_ticket
from server.model import JsonObject
from server.parts import Parts
from server.web.asked import read_text
from server.web.hosted_answers import ERRORS_AS_PAGES
from server.web.signed_in import Refusals
from sidebar.fields import fields, plain
from sidebar.panel import Panel

log = structlog.get_logger()

CONFIRM = 0.3
"""Seconds for which Gorgias may take to say that there is such a ticket."""
WAIT = 0.6
"""Seconds: Gorgias does not wait for long, and what it does not get it does not show."""
ROWS = "beforehand"
"""Under this name Gorgias' widget finds the rows (`manifests/gorgias`)."""


@runtime_checkable
class _Rows(Protocol):
    """A helpdesk that shows rows, and has a secret for asking."""

    shows_rows: bool

    def verify(self, envelope: Envelope) -> None:
        """Raises Forged."""
        ...


def gorgias_routes(parts: Parts) -> list[HTTPRouteHandler]:
    """The rows, and the way from a link to its page."""
    links, refusals = Links(parts.settings.server.secret_keys), Refusals(parts)

    @get("/sidebar/gorgias/{address:str}", include_in_schema=False)
    async def rows(
        request: Request[Any, Any, Any],
        address: FromPath[str],
        ticket: Annotated[str | None, QueryParameter()] = None,
    ) -> Response[JsonObject]:
        workspace, _, connection = address.partition(".")
        await _must_be_gorgias(parts, refusals, request, workspace, connection)
        number = read_text(ticket, "ticket")
        panel, reference = await _panel(parts, workspace, connection, number)
        page = links.make(workspace, "orders", reference, parts.clock()) if reference else ""
        page = page or links.make(workspace, "tickets", f"{connection}/{number}", parts.clock())
        link = f"{parts.settings.server.public_url.rstrip('/')}/app/link/{page}"
        return Response({ROWS: fields(panel, link)})

    @get("/app/link/{token:str}", include_in_schema=False, exception_handlers=ERRORS_AS_PAGES)
    async def follow(token: FromPath[str]) -> Redirect:
        link = links.read(token, parts.clock())
        if link is None or link.workspace not in parts.workspaces:
            raise NotFound("no such link, or it is too old")
        return Redirect(link.path, status_code=303)

    return [rows, follow]


async def _must_be_gorgias(
    parts: Parts, refusals: Refusals, request: Request[Any, Any, Any], workspace: str, connection: str
) -> None:
    """Raise Unauthenticated unless it has the connection's secret; the same for connections that do not exist."""
    found: object = parts.workspaces[workspace].connections.get(connection) if workspace in parts.workspaces else None
    headers = {name.lower(): value for name, value in request.headers.items()}
    if isinstance(found, _Rows) and found.shows_rows:
        try:
            found.verify(Envelope(headers=headers, body=b"", received_at=parts.clock()))
        except Forged as error:
            await refusals.note(workspace, f"rows: {error}", via="sidebar", subject=connection)
        else:
            return
    else:
        log.warning("rows_refused", workspace=workspace[:80], connection=connection[:80], reason="no such connection")
    raise Unauthenticated("Expected the secret of this connection")


async def _panel(parts: Parts, workspace: str, connection: str, ticket: str) -> tuple[Panel, str]:
    """The order that a ticket is about, as it is stored, and its id. Nothing fails here: what is wrong is a row."""
    try:
        found = await _context(parts, workspace, connection, ticket)
    except Ambiguous:
        return _sentence(draw.SEVERAL), ""
    except NotFound:
        return _sentence("There is no such ticket."), ""
    except BeforehandError as error:
        return _sentence(str(error)), ""
    order = found.order.id if found.order else ""
    return draw.panel(found, ticket=(connection, ticket)), order


async def _context(parts: Parts, workspace: str, connection: str, ticket: str) -> Context:
    """A ticket that Gorgias confirms and we know answers from the store; one that we do not know is read first."""
    # Gorgias may be slow to say so: what we have linked to an order ourselves is then shown all the same.
    with contextlib.suppress(NotNow, TimeoutError):
        async with asyncio.timeout(CONFIRM):
            await confirmed_ticket(parts.workspaces[workspace], connection, ticket)
    stored = await parts.gathering.of_ticket(workspace, connection, ticket, live=False)
    if stored.order is not None:
        return stored
    return await parts.gathering.of_ticket(workspace, connection, ticket, wait=WAIT)


def _sentence(text: str) -> Panel:
    return Panel(as_of="", message=plain(text))
