"""This file is our own pages: an order, a ticket, and the queue of approval requests, for whoever has signed in.

A GET never decides anything: links are opened by mail scanners and previews too. What is decided comes by a form.
"""

import secrets
from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from server.approval_model import ApprovalRequest, Verdict
from server.errors import BadInput, BeforehandError, Conflict, Forbidden, Gone, NotFound, NotNow
from server.flows import draw_queue
from server.parts import Parts
from server.web.asked import read_count, read_text
from server.web.assets import STATIC
from server.web.framing import panel_policy
from server.web.hosted_answers import ERRORS_AS_PAGES, page, status_of
from server.web.hosted_views import one_view, queue_view
from server.web.visiting import Visitor, leads_to, noted, visitor, visitor_with_form
from sidebar import hosted, html

_Asked = Request[Any, Any, Any]
_SAID_ON_THE_PAGE = (BadInput, Forbidden, Conflict, Gone, NotNow)
"""What may come of a decision that was not let through, and is said where it was made."""
_MOST_VERSIONS = 999_999


def hosted_routes(parts: Parts) -> list[HTTPRouteHandler]:
    """The routes."""
    return [*_queue_routes(parts), *_decision_routes(parts), *_panel_pages(parts), no_icon]


def _queue_routes(parts: Parts) -> list[HTTPRouteHandler]:
    @get("/app/{workspace:str}", include_in_schema=False, exception_handlers=ERRORS_AS_PAGES)
    async def home(request: _Asked, workspace: FromPath[str]) -> Response[str]:
        await visitor(parts, request, workspace)
        return leads_to(draw_queue.queue_path(workspace))

    @get("/app/{workspace:str}/approvals", include_in_schema=False, exception_handlers=ERRORS_AS_PAGES)
    async def queue(
        request: _Asked, workspace: FromPath[str], show: Annotated[str | None, QueryParameter()] = None
    ) -> Response[str]:
        found = await visitor(parts, request, workspace)
        if (show or "") not in draw_queue.VIEWS:
            raise BadInput(f"show: expected one of {', '.join(draw_queue.names_of_views())}")
        return page(hosted.queue(await queue_view(parts, found, show or "")))

    @get("/app/{workspace:str}/approvals/{request_id:str}", include_in_schema=False, exception_handlers=ERRORS_AS_PAGES)
    async def one(
        request: _Asked,
        workspace: FromPath[str],
        request_id: FromPath[str],
        did: Annotated[str | None, QueryParameter()] = None,
    ) -> Response[str]:
        found = await visitor(parts, request, workspace)
        shown = await parts.approvals.read(found.session.principal, request_id)
        message = ""
        if did in draw_queue.DID:
            message = draw_queue.just_done(shown, found.person, did, parts.clock())
        return page(hosted.one(await one_view(parts, found, shown, message=message)))

    return [home, queue, one]


def _decision_routes(parts: Parts) -> list[HTTPRouteHandler]:
    @post(
        "/app/{workspace:str}/approvals/{request_id:str}/decision",
        include_in_schema=False,
        status_code=200,
        exception_handlers=ERRORS_AS_PAGES,
    )
    async def decide(request: _Asked, workspace: FromPath[str], request_id: FromPath[str]) -> Response[str]:
        async with noted(parts, request, request_id):
            found, form = await visitor_with_form(parts, request, workspace)
        try:
            async with noted(parts, request, request_id):
                verdict, reason, version = _verdict(form), form.get("reason", ""), _version(form)
            after = await parts.approvals.decide(found.session.principal, request_id, verdict, reason, version)
        except _SAID_ON_THE_PAGE as error:
            return await _why_not(parts, found, request_id, error)
        return leads_to(f"{draw_queue.request_path(after)}?did={verdict}")

    @post(
        "/app/{workspace:str}/approvals/{request_id:str}/withdraw",
        include_in_schema=False,
        status_code=200,
        exception_handlers=ERRORS_AS_PAGES,
    )
    async def withdraw(request: _Asked, workspace: FromPath[str], request_id: FromPath[str]) -> Response[str]:
        async with noted(parts, request, request_id):
            found, form = await visitor_with_form(parts, request, workspace)
        try:
            async with noted(parts, request, request_id):
                version = _version(form)
            after = await parts.approvals.withdraw(found.session.principal, request_id, form.get("reason", ""), version)
        except _SAID_ON_THE_PAGE as error:
            return await _why_not(parts, found, request_id, error)
        return leads_to(f"{draw_queue.request_path(after)}?did=withdraw")

    return [decide, withdraw]


def _panel_pages(parts: Parts) -> list[HTTPRouteHandler]:
    @get("/app/{workspace:str}/orders/{reference:str}", include_in_schema=False, exception_handlers=ERRORS_AS_PAGES)
    async def order(
        request: _Asked,
        workspace: FromPath[str],
        reference: FromPath[str],
        shop: Annotated[str | None, QueryParameter()] = None,
    ) -> Response[str]:
        found = await visitor(parts, request, workspace)
        named = read_text(reference, "reference")
        about = {"order": named, "shop": read_text(shop, "shop") if shop else ""}
        return _panel(parts, found, "", f"Order {named}", about)

    @get(
        "/app/{workspace:str}/tickets/{connection:str}/{ticket_id:str}",
        include_in_schema=False,
        exception_handlers=ERRORS_AS_PAGES,
    )
    async def ticket(
        request: _Asked, workspace: FromPath[str], connection: FromPath[str], ticket_id: FromPath[str]
    ) -> Response[str]:
        found = await visitor(parts, request, workspace)
        if connection not in parts.workspaces[workspace].helpdesks:
            raise NotFound(f"There is no helpdesk connection {connection[:80]}")
        number = read_text(ticket_id, "ticket")
        return _panel(parts, found, connection, f"Ticket {number}", {"ticket": number})

    return [order, ticket]


@get("/favicon.ico", include_in_schema=False, status_code=204)
async def no_icon() -> None:
    """Browsers ask for one on every page."""


def _panel(parts: Parts, found: Visitor, connection: str, title: str, about: Mapping[str, str]) -> Response[str]:
    """The same panel as in a helpdesk's sidebar. Its token ends with the session, and is no cookie of ours."""
    session = found.session
    token = parts.sessions.open(
        session.workspace,
        connection,
        session.principal.user,
        parts.clock(),
        via=session.principal.via,
        until=session.expires_at,
        within=session.id,
    )
    nonce = secrets.token_urlsafe(16)
    text = html.page(
        nonce=nonce,
        host="hosted",
        static=STATIC,
        title=title,
        session={"token": token, "base": "/panel", **about},
    )
    return page(text, policy=panel_policy(nonce))


async def _why_not(parts: Parts, found: Visitor, request_id: str, error: BeforehandError) -> Response[str]:
    """The request's page as it is now, with what stood in the way."""
    shown: ApprovalRequest = await parts.approvals.read(found.session.principal, request_id)
    return page(hosted.one(await one_view(parts, found, shown, error=error)), status=status_of(error))


def _verdict(form: Mapping[str, str]) -> Verdict:
    try:
        return Verdict(form.get("decision", ""))
    except ValueError as error:
        raise BadInput("Expected approve or reject") from error


def _version(form: Mapping[str, str]) -> int:
    return read_count(form.get("version", ""), "version", _MOST_VERSIONS)
