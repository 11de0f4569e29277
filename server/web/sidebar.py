"""This file is the panel's data for every helpdesk that shows it in a frame: the stream of sections, and the search.

Who asks is known from our own session token alone; workspace and helpdesk come from it, never from the request.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any

import msgspec
import structlog
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from litestar.response import ServerSentEvent
from litestar.response.sse import ServerSentEventMessage

from server.context import CandidateContext, Context
from server.errors import BadInput, BeforehandError, NotFound, Unauthenticated
from server.flows import draw, tokens
from server.flows.resolve import Ambiguous
from server.flows.sessions import Session
from server.model import JsonObject
from server.parts import Parts
from server.store.contract import StoreUnavailable
from server.web.asked import read_text
from server.web.assets import asset_routes
from server.web.sidebar_actions import sidebar_action_routes
from server.web.sidebar_zendesk import zendesk_routes
from sidebar import html
from sidebar.panel import Panel

log = structlog.get_logger()

TROUBLE = "Beforehand has trouble of its own right now. Try again in a moment."
NO_MATCH = "Nothing matches. Try the order number, the customer's e-mail address, a phone or tracking number."


def sidebar_routes(parts: Parts) -> list[HTTPRouteHandler]:
    """Everything under /sidebar."""
    return [
        *asset_routes(),
        *zendesk_routes(parts),
        *panel_routes(parts, "/sidebar/zendesk"),
        *sidebar_action_routes(parts),
    ]


def panel_routes(parts: Parts, base: str) -> list[HTTPRouteHandler]:
    """The stream and the search of one helpdesk's surface."""

    @get(f"{base}/stream", include_in_schema=False)
    async def stream(
        request: Request[Any, Any, Any],
        ticket: Annotated[str | None, QueryParameter()] = None,
        order: Annotated[str | None, QueryParameter()] = None,
        shop: Annotated[str | None, QueryParameter()] = None,
    ) -> ServerSentEvent:
        session = signed_in(parts, request)
        if (ticket is None) == (order is None):
            raise BadInput("Expected either ticket or order")
        if ticket is not None:
            number = read_text(ticket, "ticket")
            contexts = parts.gathering.stream_ticket(session.workspace, session.connection, number)
        else:
            reference = read_text(order, "order")
            contexts = parts.gathering.stream_order(session.workspace, reference, shop=shop or "")
        return ServerSentEvent(_events(parts, session, contexts, (session.connection, ticket or "")))

    @get(f"{base}/search", include_in_schema=False)
    async def search(
        request: Request[Any, Any, Any], q: Annotated[str | None, QueryParameter()] = None
    ) -> Response[JsonObject]:
        session = signed_in(parts, request)
        found, sources = await parts.gathering.search(session.workspace, read_text(q, "q"))
        failed = [source.error for source in sources if source.error and source.status != "not_configured"]
        message = "" if found else " ".join([NO_MATCH, *failed])
        return Response({"message": message, "candidates": _choices(parts, session, found)})

    return [stream, search]


def signed_in(parts: Parts, request: Request[Any, Any, Any]) -> Session:
    """The session whose token the request carries. Raises Unauthenticated."""
    session = parts.sessions.read(tokens.bearer(request.headers.get("authorization")), parts.clock())
    if session is None or session.workspace not in parts.workspaces:
        raise Unauthenticated("Session ended. Reload the app to go on.")
    return session


async def _events(
    parts: Parts, session: Session, contexts: AsyncGenerator[Context], ticket: tuple[str, str]
) -> AsyncIterator[ServerSentEventMessage]:
    """A panel for every context, each with only those sections that changed; errors as a sentence; then the end."""
    sent: dict[str, str] = {}
    last: Context | None = None
    try:
        async for context in contexts:
            last = context
            yield _panel_event(draw.panel(context, is_live=True, ticket=ticket), sent)
        if last is not None:
            parts.measurements.sources(last.sources)
            yield _panel_event(draw.panel(last, ticket=ticket), sent)
    except Ambiguous as error:
        choices = _choices(parts, session, error.candidates)
        empty = {"sections": {}, "waiting": [], "as_of": ""}
        yield _event("panel", {"message": draw.SEVERAL, "candidates": choices, **empty})
    except NotFound as error:
        yield _event("failed", {"message": f"{str(error).rstrip('.')}."})
    except StoreUnavailable:
        yield _event("failed", {"message": TROUBLE})
    except BeforehandError as error:
        yield _event("failed", {"message": str(error)})
    except Exception:
        log.exception("panel_failed", workspace=session.workspace)
        yield _event("failed", {"message": TROUBLE})
    finally:
        await contexts.aclose()
    yield _event("done", {})


def _panel_event(panel: Panel, sent: dict[str, str]) -> ServerSentEventMessage:
    drawn = html.sections(panel)
    changed = {name: text for name, text in drawn.items() if sent.get(name) != text}
    sent |= changed
    return _event(
        "panel",
        {
            "message": panel.message,
            "candidates": html.candidates(panel),
            "sections": changed,
            "waiting": list(panel.waiting_for),
            "as_of": panel.as_of,
        },
    )


def _event(name: str, data: JsonObject) -> ServerSentEventMessage:
    return ServerSentEventMessage(event=name, data=msgspec.json.encode(data).decode())


def _choices(parts: Parts, session: Session, found: list[CandidateContext]) -> str:
    now, zone = parts.clock(), parts.workspaces[session.workspace].timezone
    return html.candidates(
        Panel(as_of="", candidates=tuple(draw.candidate(candidate, zone, now) for candidate in found))
    )
