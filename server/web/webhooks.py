"""This file takes webhooks in: check, store, answer. Nothing else happens on this path."""

import asyncio
from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Any, Literal

from litestar import Request, post
from litestar.exceptions import ClientException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.response.base import ASGIResponse
from litestar.types import Receive
from msgspec import Struct

from server.flows.intake import accept
from server.parts import Parts
from server.store.contract import StoreUnavailable
from server.web.problems import documented

LARGEST_BODY = 2 * 1024 * 1024
LONGEST_WAIT = 3.0
"""Seconds after which we say that we could not store it: senders give up after five."""


class WebhookAnswer(Struct, frozen=True):
    """What became of it. It is on disk either way."""

    status: Literal["accepted", "duplicate"]


def webhook_routes(parts: Parts) -> list[HTTPRouteHandler]:
    """The address that is entered at each vendor."""
    store, clock, workspaces, wake = parts.store, parts.clock, parts.workspaces, parts.engine.wake
    count = parts.measurements.webhook
    # Made once: this is the path that has to be fast.
    answers = {
        status: ASGIResponse(body=f'{{"status":"{status}"}}'.encode(), status_code=202, media_type="application/json")
        for status in ("accepted", "duplicate")
    }

    @post(
        "/webhooks/{address:str}",
        status_code=202,
        responses={
            202: ResponseSpec(WebhookAnswer, description="It is stored durably", generate_examples=False),
            **documented(401, 404, 413, 503),
        },
        security=[{}],  # its signature speaks for it
        tags=["webhooks"],
    )
    async def receive_webhook(request: Request[Any, Any, Any]) -> ASGIResponse:
        """Take in a webhook for the connection `{workspace}.{connection}`."""
        headers = joined_headers(request.scope["headers"])
        body = await read_body(request.receive, headers.get("content-length", ""))
        started = perf_counter()
        result = "refused"
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                result = await accept(workspaces, store, clock, request.path_params["address"], headers, body)
        except TimeoutError as error:
            raise StoreUnavailable(f"storing took longer than {LONGEST_WAIT} s") from error
        finally:
            count(result, perf_counter() - started)
        wake()
        return answers[result]

    return [receive_webhook]


async def read_body(receive: Receive, announced: str) -> bytes:
    """The whole body, as the framework reads it but several times as fast. Raises RequestEntityTooLarge."""
    # An announced length saves the reading; what counts is what comes.
    if announced.isdigit() and int(announced[:10]) > LARGEST_BODY:
        raise RequestEntityTooLarge
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientException("The connection ended before the request was complete")
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            raise RequestEntityTooLarge
        if not message.get("more_body", False):
            return bytes(body)


def joined_headers(raw: Iterable[tuple[bytes, bytes]]) -> Mapping[str, str]:
    """Headers by lower-case name. One that is sent twice is joined, so that a doubled signature does not hold."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers
