"""This file puts the web application together from its parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar

from server.flows.desk import Desk
from server.parts import Parts
from server.web.approvals import approval_routes
from server.web.control import control_routes
from server.web.headers import security_headers
from server.web.health import health_routes
from server.web.hosted import hosted_routes
from server.web.interactions import interaction_routes
from server.web.issues import issue_routes
from server.web.orders import order_routes
from server.web.problems import handlers
from server.web.quality import quality_routes
from server.web.schema import openapi_config
from server.web.sidebar import sidebar_routes
from server.web.sidebar_gorgias import gorgias_routes
from server.web.sign_in import sign_in_routes
from server.web.tickets import ticket_routes
from server.web.webhooks import webhook_routes

__all__ = ["Parts", "create_app"]

LARGEST_BODY = 256 * 1024
"""Of every request but webhooks, which have their own limit."""


def create_app(parts: Parts, *, control_secret: str = "") -> Litestar:
    """The whole application. With *control_secret* it also answers the command line of this machine."""

    @asynccontextmanager
    async def running(_: Litestar) -> AsyncIterator[None]:
        await parts.engine.start()
        try:
            yield
        finally:
            # What was seen last is stored before the engine stops looking.
            await parts.gathering.close()
            await parts.engine.stop()

    desk = Desk(
        store=parts.store,
        workspaces=parts.workspaces,
        clock=parts.clock,
        wake=parts.engine.wake,
        policies=parts.policies,
        approvals=parts.approvals,
    )
    return Litestar(
        route_handlers=[
            *webhook_routes(parts),
            *health_routes(parts),
            *order_routes(parts),
            *ticket_routes(parts),
            *issue_routes(parts),
            *quality_routes(parts),
            *approval_routes(parts),
            *sidebar_routes(parts),
            *gorgias_routes(parts),
            *sign_in_routes(parts),
            *hosted_routes(parts),
            *interaction_routes(parts),
            *(control_routes(desk, control_secret) if control_secret else []),
        ],
        lifespan=[running],
        before_send=[security_headers(parts.settings.server.public_url)],
        exception_handlers=handlers(parts.measurements),
        openapi_config=openapi_config(parts),
        request_max_body_size=LARGEST_BODY,
        logging_config=None,
        debug=False,
    )
