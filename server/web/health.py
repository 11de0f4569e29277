"""This file says whether the server is alive, whether it can do its work, and how much it does."""

import asyncio
from typing import Any, Literal

from litestar import MediaType, Response, get
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from server.flows.policy_files import in_words
from server.parts import Parts
from server.store.contract import Counts, StoreUnavailable
from server.web.authentication import operators_only
from server.web.problems import RETRY_AFTER

LONGEST_CHECK = 2.0


class Alive(Struct, frozen=True):
    status: Literal["ok"] = "ok"


class Readiness(Struct, frozen=True, kw_only=True):
    """`store`, `engine` and `policy` say `ok`, or what is wrong. A wrong policy file stops nothing."""

    status: Literal["ready", "not ready"]
    store: str
    engine: str
    policy: str = "ok"
    waiting: int = 0
    """Events that are stored and not yet processed."""


def health_routes(parts: Parts) -> list[HTTPRouteHandler]:
    """Health for load balancers and people, figures for Prometheus."""

    @get("/healthz", sync_to_thread=False, tags=["health"], security=[{}])
    def alive() -> Alive:
        """Whether the process answers at all."""
        return Alive()

    @get("/readyz", tags=["health"], security=[{}])
    async def ready() -> Response[Readiness]:
        """Whether webhooks can be stored and worked on. 503 with what is wrong, where not."""
        counts, trouble = await look_at_store(parts)
        engine = "ok" if parts.engine.healthy else "The engine has stopped, or keeps failing; the log says why"
        is_ready = not trouble and engine == "ok"
        found = Readiness(
            status="ready" if is_ready else "not ready",
            store=trouble or "ok",
            engine=engine,
            policy=in_words(parts.policies.troubles) if parts.policies else "ok",
            waiting=counts.inbox.get("new", 0) if counts else 0,
        )
        if is_ready:
            return Response(found)
        return Response(found, status_code=503, headers={"retry-after": str(RETRY_AFTER)})

    @get("/metrics", media_type=MediaType.TEXT, include_in_schema=False, guards=[*operators_only(parts)])
    async def metrics() -> Response[bytes]:
        counts, _ = await look_at_store(parts)
        return Response(parts.measurements.exposition(counts), media_type="text/plain; version=0.0.4; charset=utf-8")

    return [alive, ready, metrics]


async def look_at_store(parts: Parts) -> tuple[Counts | None, str]:
    """How much there is, and what is wrong with the store; empty where it reads and writes."""
    try:
        async with asyncio.timeout(LONGEST_CHECK):
            counts = await parts.store.read(lambda tx: tx.counts())
            await parts.store.write(_nothing)
    except TimeoutError:
        return None, f"Storage did not answer within {LONGEST_CHECK:g} seconds"
    except StoreUnavailable as error:
        return None, f"Storage is not available: {error}"
    return counts, ""


def _nothing(_: Any) -> None:
    """A write that only has to get its turn."""
