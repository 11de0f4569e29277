"""This file takes requests for approval and decisions from the API."""

from litestar.handlers import HTTPRouteHandler

from server.parts import Parts


def approval_routes(parts: Parts) -> list[HTTPRouteHandler]:
    """The routes."""
    del parts
    return []
