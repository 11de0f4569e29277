"""This file decides who is asking, and whether the workspace in the path is theirs."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from server.errors import Forbidden, NotFound, Unauthenticated
from server.flows import tokens
from server.model import Principal, Role
from server.parts import Parts

Connection = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[Connection, BaseRouteHandler], Awaitable[None]]


async def authenticate(parts: Parts, connection: Connection) -> Principal:
    """Who sent this. Raises Unauthenticated, in the same words whatever is wrong with the credential."""
    credential = tokens.bearer(connection.headers.get("authorization"))
    if not credential:
        raise Unauthenticated("Expected a token in the header `Authorization: Bearer TOKEN`")
    principal = await tokens.holder(parts.store, parts.clock, credential)
    for authenticator in parts.authenticators:
        if principal is None:
            principal = await authenticator(credential)
    if principal is None:
        raise Unauthenticated("The token is not valid, has expired or was revoked")
    return principal


async def admit(parts: Parts, connection: Connection, workspace: str) -> Principal:
    """Who sent this, if the workspace is theirs. Raises Unauthenticated, NotFound."""
    principal = await authenticate(parts, connection)
    if principal.workspace != workspace or workspace not in parts.workspaces:
        raise NotFound(f"no workspace {workspace} for this token")
    return principal


def operators_only(parts: Parts) -> list[Guard]:
    """Guards for what concerns the whole server: open to this machine alone, else for admins."""
    host = urlsplit(parts.settings.server.public_url).hostname or ""
    if host in ("localhost", "127.0.0.1", "::1"):
        return []

    async def guard(connection: Connection, _: BaseRouteHandler) -> None:
        principal = await authenticate(parts, connection)
        if principal.role is not Role.ADMIN:
            raise Forbidden("This is for admins")

    return [guard]
