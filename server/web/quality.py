"""This file answers how good the issues of a workspace were: `GET /v1/quality/{workspace}`."""

from typing import Annotated, Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from server.flows.quality import Quality, quality
from server.parts import Parts
from server.web.asked import read_count
from server.web.authentication import admit
from server.web.problems import documented

USUAL_DAYS = 90
MOST_DAYS = 730


def quality_routes(parts: Parts) -> list[HTTPRouteHandler]:
    """Reading quality."""

    @get("/v1/quality/{workspace:str}", tags=["issues"], responses=documented(400, 401, 404, 503))
    async def read_quality(
        request: Request[Any, Any, Any],
        workspace: FromPath[str],
        days: Annotated[
            str | None,
            QueryParameter(
                description=f"Issues opened in the last so many days, 1 to {MOST_DAYS}; {USUAL_DAYS} without it."
            ),
        ] = None,
    ) -> Quality:
        """How the issues of a period ended, by kind: precision, lead time, contacts preceded, solved untouched."""
        await admit(parts, request, workspace)
        asked = USUAL_DAYS if days is None else read_count(days, "days", MOST_DAYS)
        return await quality(parts.store, workspace, parts.clock(), asked)

    return [read_quality]
