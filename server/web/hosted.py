"""This file is our own pages: an order, and the queue of approval requests, for whoever has signed in."""

from litestar.handlers import HTTPRouteHandler

from server.parts import Parts


def hosted_routes(parts: Parts) -> list[HTTPRouteHandler]:
    """The routes."""
    del parts
    return []
