"""This file answers what is open and why: issues as we keep them, signals as the orders stand right now."""

from typing import Annotated, Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from server.context import IssueContext
from server.errors import BadInput
from server.flows.overview import OrderSignal, current_signals, issues_of
from server.parts import Parts
from server.web.asked import read_limit
from server.web.authentication import admit
from server.web.problems import documented

MOST_ISSUES = 1000
MOST_ORDERS = 200

Limit = Annotated[str | None, QueryParameter(description="How many at most; the newest.")]


class Issues(Struct, frozen=True):
    """Newest first."""

    issues: list[IssueContext]


class Signals(Struct, frozen=True):
    """Of orders that have an open issue or whose review is due, as they stand in the store."""

    signals: list[OrderSignal]


def issue_routes(parts: Parts) -> list[HTTPRouteHandler]:
    """Reading issues and signals."""

    @get("/v1/issues/{workspace:str}", tags=["issues"], responses=documented(400, 401, 404, 503))
    async def list_issues(
        request: Request[Any, Any, Any],
        workspace: FromPath[str],
        which: Annotated[str | None, QueryParameter(name="state", description="`open` (the default) or `all`.")] = None,
        limit: Limit = None,
    ) -> Issues:
        """Troubles that we keep a ticket for, the newest first."""
        await admit(parts, request, workspace)
        if which not in (None, "open", "all"):
            raise BadInput("state: expected open or all")
        count = read_limit(limit, MOST_ISSUES)
        return Issues(await issues_of(parts.store, parts.workspaces[workspace], open_only=which != "all", limit=count))

    @get("/v1/signals/{workspace:str}", tags=["issues"], responses=documented(400, 401, 404, 503))
    async def list_signals(request: Request[Any, Any, Any], workspace: FromPath[str], limit: Limit = None) -> Signals:
        """What the detectors say right now of orders that have an open issue or are due for a review."""
        await admit(parts, request, workspace)
        count = read_limit(limit, MOST_ORDERS)
        return Signals(await current_signals(parts.store, parts.workspaces[workspace], parts.clock(), count))

    return [list_issues, list_signals]
