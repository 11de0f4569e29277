"""This file answers for orders: one order's context, and the search for orders."""

from typing import Annotated, Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Struct

from server.context import CandidateContext, Context, SourceContext
from server.errors import NotFound
from server.parts import Parts
from server.web.asked import read_live, read_text, read_wait
from server.web.authentication import admit
from server.web.problems import documented

CONTEXT = "/context"

Live = Annotated[str | None, QueryParameter(description="`false` answers from what is stored, and asks nobody.")]
Wait = Annotated[str | None, QueryParameter(description="Seconds, 0 to 10, that all live sources together may take.")]


class OrdersFound(Struct, frozen=True, kw_only=True):
    """Orders that match, newest first; `sources` names shops that were asked because nothing stored matched."""

    orders: list[CandidateContext]
    sources: list[SourceContext]


def order_routes(parts: Parts) -> list[HTTPRouteHandler]:
    """Reading orders."""
    gathering = parts.gathering

    @get("/v1/orders/{workspace:str}", tags=["orders"], responses=documented(400, 401, 404, 503))
    async def search_orders(
        request: Request[Any, Any, Any], workspace: FromPath[str], q: FromQuery[str | None] = None, live: Live = None
    ) -> OrdersFound:
        """Search by name, e-mail, phone or tracking number."""
        await admit(parts, request, workspace)
        text = read_text(q, "q")
        orders, sources = await gathering.search(workspace, text, live=read_live(live))
        parts.measurements.sources(sources)
        return OrdersFound(orders=orders, sources=sources)

    # A reference may hold a slash, so it takes the rest of the path.
    @get(
        "/v1/orders/{workspace:str}/{reference:path}",
        tags=["orders"],
        responses=documented(400, 401, 404, 409, 503),
    )
    async def order_context(
        request: Request[Any, Any, Any],
        workspace: FromPath[str],
        reference: FromPath[str],
        live: Live = None,
        wait: Wait = None,
        shop: Annotated[
            str | None, QueryParameter(description="The shop's connection, where several shops have such an order.")
        ] = None,
    ) -> Context:
        """One order as it is now, by shop order id, order name (`#1001`, `1001`) or tracking number."""
        await admit(parts, request, workspace)
        path = reference.removeprefix("/")
        if not path.endswith(CONTEXT):
            raise NotFound("no such address")
        text = read_text(path.removesuffix(CONTEXT), "reference")
        found = await gathering.of_order(workspace, text, live=read_live(live), wait=read_wait(wait), shop=shop or "")
        parts.measurements.sources(found.sources)
        return found

    return [search_orders, order_context]
