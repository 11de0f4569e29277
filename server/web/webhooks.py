"""This file takes webhooks in: check, store, answer. Nothing else happens on this path."""

import asyncio
from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Any, Literal

from litestar import Request, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.response.base import ASGIResponse
from msgspec import Struct

from server.flows.intake import accept
from server.parts import Parts
from server.store.contract import StoreUnavailable

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
        status: ASGIResponse(
            body=f'{{"status":"{status}"}}'.encode(), status_code=202, media_type="application/json"
        )
        for status in ("accepted", "duplicate")
    }

    @post(
        "/webhooks/{address:str}",
        status_code=202,
        request_max_body_size=LARGEST_BODY,
        responses={202: ResponseSpec(data_container=WebhookAnswer, description="It is stored durably")},
        tags=["webhooks"],
    )
    async def receive_webhook(request: Request[Any, Any, Any]) -> ASGIResponse:
        """Take in a webhook for the connection `{workspace}.{connection}`."""
        body = await request.body()
        started = perf_counter()
        result = "refused"
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                headers = joined_headers(request.scope["headers"])
                result = await accept(workspaces, store, clock, request.path_params["address"], headers, body)
        except TimeoutError as error:
            raise StoreUnavailable(f"storing took longer than {LONGEST_WAIT} s") from error
        finally:
            count(result, perf_counter() - started)
        wake()
        return answers[result]

    return [receive_webhook]


def joined_headers(raw: Iterable[tuple[bytes, bytes]]) -> Mapping[str, str]:
    """Headers by lower-case name. One that is sent twice is joined, so that a doubled signature does not hold."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers
