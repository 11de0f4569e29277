"""This file serves the OpenAPI description: `/schema`, for machines; no page that loads anything from elsewhere."""

from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Request, Router
from litestar.enums import OpenAPIMediaType
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from server.parts import Parts
from server.web.authentication import operators_only
from server.web.orders import CONTEXT

PATH = "/schema"
_PLACES = (PATH, f"{PATH}/openapi.json")
_REFERENCE = "/v1/orders/{workspace}/{reference}"


def openapi_config(parts: Parts) -> OpenAPIConfig:
    """What is described, where, and for whom."""

    async def only_known_places(request: Request[Any, Any, Any]) -> None:
        # The framework would answer other paths below it with a page of its own.
        if request.scope["path"].rstrip("/") not in _PLACES:
            raise NotFoundException

    return OpenAPIConfig(
        title="Beforehand",
        version=version("beforehand"),
        description="Order context inside the helpdesk, and the ticket that starts before the complaint.",
        components=Components(
            security_schemes={"token": SecurityScheme(type="http", scheme="bearer", description="An API token")}
        ),
        security=[{"token": []}],
        use_handler_docstrings=True,
        render_plugins=[_Json()],
        openapi_router=Router(
            PATH,
            route_handlers=[],
            include_in_schema=False,
            guards=[*operators_only(parts)],
            before_request=only_known_places,
        ),
    )


class _Json(OpenAPIRenderPlugin):
    """The description as JSON."""

    def __init__(self) -> None:
        super().__init__(path="/openapi.json", media_type=OpenAPIMediaType.OPENAPI_JSON)

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        # A reference may hold slashes, so its route takes the rest of the path; people write the whole address.
        paths = {path + CONTEXT if path == _REFERENCE else path: item for path, item in openapi_schema["paths"].items()}
        return msgspec.json.encode({**openapi_schema, "paths": paths})
