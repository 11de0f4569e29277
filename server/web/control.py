"""This file answers the command line: `POST /control/{command}`, for whoever can read the control file."""

import hmac
from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from server import control
from server.errors import BadInput, NotFound
from server.flows import administer
from server.flows.desk import Desk
from server.model import JsonObject


def control_routes(desk: Desk, secret: str) -> list[HTTPRouteHandler]:
    """The one route, which does not exist for anybody without the secret."""

    @post("/control/{command:str}", include_in_schema=False, status_code=200)
    async def run_command(request: Request[Any, Any, Any], command: FromPath[str]) -> Response[JsonObject]:
        given = request.headers.get(control.HEADER, "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, secret.encode()):
            raise NotFound("there is nothing here")
        try:
            arguments = msgspec.json.decode(await request.body(), type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadInput(f"expected a JSON object: {error}") from error
        return Response(await administer.run(desk, command, arguments))

    return [run_command]
