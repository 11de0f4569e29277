"""This file is the panel as a stream: a panel for every context, each with only those sections that changed."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping

import msgspec
import structlog
from litestar.response.sse import ServerSentEventMessage
from msgspec import Struct

from connectors.contract import TrackingSource
from server.context import CandidateContext, Context
from server.errors import BeforehandError, NotFound
from server.flows import draw
from server.flows.other_orders import other_orders, with_status
from server.flows.resolve import Ambiguous
from server.flows.sessions import Session
from server.flows.viewing import Viewing
from server.model import JsonObject
from server.parts import Parts
from server.store.contract import StoreUnavailable
from server.workspaces import Workspace
from sidebar import html
from sidebar.panel import Panel

Topics = Mapping[str, tuple[str, ...]]

log = structlog.get_logger()

TROUBLE = "Beforehand has trouble of its own right now. Try again in a moment."
FIRST_PAINT = 0.04
"""Seconds for which the first panel waits to say who may decide: what is stored is known sooner, a helpdesk later."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What of the panel is asked for."""

    ticket: tuple[str, str] = ("", "")
    """Connection and id of the ticket beside which it stands."""
    only: str = ""
    """The one connection that is asked again."""
    with_others: bool = True
    """Whether the customer's other orders are listed too."""


async def panel_events(
    parts: Parts, session: Session, contexts: AsyncGenerator[Context], wanted: Wanted, topics: Topics
) -> AsyncIterator[ServerSentEventMessage]:
    """The events; errors as a sentence; then the end."""
    workspace = parts.workspaces[session.workspace]
    viewing = Viewing(parts.approvals, parts.directory, workspace.policy, session.principal)
    try:
        async for event in _Stream(parts, workspace, viewing, wanted, topics).events(contexts):
            yield event
    except Ambiguous as error:
        yield _event("panel", await _several(parts, workspace, error.candidates))
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
        viewing.cancel()
        await contexts.aclose()
    yield _event("done", {})


class _Stream:
    """What has been sent of one panel."""

    def __init__(self, parts: Parts, workspace: Workspace, viewing: Viewing, wanted: Wanted, topics: Topics) -> None:
        self._parts = parts
        self._workspace = workspace
        self._viewing = viewing
        self._wanted = wanted
        self._topics = topics
        self._sent: dict[str, str] = {}

    async def events(self, contexts: AsyncGenerator[Context]) -> AsyncIterator[ServerSentEventMessage]:
        last: Context | None = None
        async for context in contexts:
            self._viewing.look_at(context)
            if last is None:
                await self._viewing.settle(FIRST_PAINT)
            yield self._panel(context, is_live=True)
            if last is None and (others := await self._others(context)):
                yield _event("others", {"html": others})
            last = context
        if last is None:
            return
        if not self._wanted.only:
            self._parts.measurements.sources(last.sources)
        await self._viewing.settle(self._parts.settings.server.source_seconds)
        yield self._panel(last)

    def _panel(self, context: Context, *, is_live: bool = False) -> ServerSentEventMessage:
        panel = draw.panel(
            context,
            is_live=is_live,
            ticket=self._wanted.ticket,
            viewer=self._viewing.viewer,
            topics=self._topics,
            asked=self._wanted.only,
        )
        drawn = html.sections(panel)
        changed = {name: text for name, text in drawn.items() if self._sent.get(name) != text}
        self._sent |= changed
        order = {"order": context.order.id, "shop": context.order.shop} if context.order else None
        return _event("panel", _facts(panel, changed) | {"order": order})

    async def _others(self, context: Context) -> str:
        """The accordions below: the customer's other orders, or those that the ticket may mean."""
        now = self._parts.clock()
        if context.candidates:
            found = await with_status(self._parts.store, self._workspace, context.candidates, now)
            return html.others(found, is_choice=True)
        if not self._wanted.with_others:
            return ""
        return html.others(await other_orders(self._parts.store, self._workspace, context, now))


def topics_of(workspace: Workspace) -> Topics:
    """Which sections each connection fills, so that those say whom they wait for. Slow: once is enough."""
    found: dict[str, tuple[str, ...]] = dict.fromkeys(workspace.helpdesks, ("contacts",))
    trackers = (name for name, one in workspace.connections.items() if isinstance(one, TrackingSource))
    found |= dict.fromkeys(trackers, ("shipments",))
    found |= dict.fromkeys(workspace.payment_sources, ("payments",))
    return found | dict.fromkeys(workspace.shops, ("header",))


async def _several(parts: Parts, workspace: Workspace, candidates: list[CandidateContext]) -> JsonObject:
    found = await with_status(parts.store, workspace, candidates, parts.clock())
    return _facts(Panel(as_of="", message=draw.SEVERAL), {}) | {"others": html.others(found, is_choice=True)}


def _facts(panel: Panel, changed: dict[str, str]) -> JsonObject:
    return {
        "message": panel.message,
        "sections": changed,
        "waiting": list(panel.waiting_for),
        "as_of": panel.as_of,
    }


def _event(name: str, data: JsonObject) -> ServerSentEventMessage:
    return ServerSentEventMessage(event=name, data=msgspec.json.encode(data).decode())
