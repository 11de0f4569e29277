"""This file takes what people press in chats: signed by the chat, decided like any other decision."""

from litestar.handlers import HTTPRouteHandler

from server.parts import Parts


def interaction_routes(parts: Parts) -> list[HTTPRouteHandler]:
    """The routes."""
    del parts
    return []
