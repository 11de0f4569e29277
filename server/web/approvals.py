"""This file takes requests for approval and decisions from the API (DESIGN 7)."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter
from msgspec import Struct
from msgspec.structs import replace

from server.approval_model import TicketPlace
from server.context import ApprovalContext
from server.errors import BadInput, BeforehandError, Unauthenticated
from server.flows import tokens
from server.flows.present_approvals import approval
from server.flows.ticket_places import confirmed_ticket
from server.model import Principal
from server.parts import Parts
from server.web.approval_bodies import AskBody, DecisionBody, TicketBody, WithdrawalBody, read_ask, read_states
from server.web.asked import read_limit, read_text
from server.web.authentication import admit, authenticate
from server.web.panel_bodies import read_key
from server.web.problems import documented

B = TypeVar("B", bound=Struct)
MOST = 200

Key = Annotated[
    str | None,
    HeaderParameter(name="Idempotency-Key", description="New for each request; the same one gives the same request."),
]
_Asked = Request[Any, Any, Any]


def _checked(parts: Parts, kind: type[B], read: Callable[[_Asked, B], object]) -> Callable[[_Asked], Awaitable[None]]:
    """Reads all of it before the route does, so that an attempt with nonsense in it is kept like any other."""

    async def check(request: _Asked) -> None:
        subject = str(request.path_params.get("request_id", ""))
        try:
            principal = await authenticate(parts, request)
        except Unauthenticated as error:
            was = await tokens.former_holder(parts.store, tokens.bearer(request.headers.get("authorization")))
            if was is not None and was.workspace in parts.workspaces:
                await parts.approvals.refused(was, subject, error)
            raise
        try:
            await admit(parts, request, str(request.path_params["workspace"]))
            read(request, _decoded(await request.body(), kind))
        except BeforehandError as error:
            await parts.approvals.refused(principal, subject, error)
            raise

    return check


def _decoded(body: bytes, kind: type[B]) -> B:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadInput(f"The body cannot be taken: {error}") from error


def _ask_and_key(request: _Asked, body: AskBody) -> None:
    read_ask(body)
    read_key(request.headers.get("idempotency-key"))


def _nothing(_: _Asked, __: object) -> None:
    """There is nothing more to read in it."""


class ApprovalsFound(Struct, frozen=True, kw_only=True):
    """Requests, newest first."""

    approvals: list[ApprovalContext]


def approval_routes(parts: Parts) -> list[HTTPRouteHandler]:
    """Ask, list, decide, take back. Nothing is ever decided by a GET."""
    approvals = parts.approvals

    async def ticket_of(principal: Principal, said: TicketBody, order: str) -> TicketPlace:
        try:
            place = parts.workspaces[principal.workspace]
            return await confirmed_ticket(place, said.connection, read_text(said.id, "ticket.id"))
        except BeforehandError as error:
            await approvals.refused(principal, order, error)
            raise

    @post(
        "/v1/approvals/{workspace:str}",
        tags=["approvals"],
        before_request=_checked(parts, AskBody, _ask_and_key),
        responses=documented(400, 401, 403, 404, 409, 503),
    )
    async def ask(
        request: _Asked, workspace: FromPath[str], data: JSONBody[AskBody], idempotency_key: Key = None
    ) -> ApprovalContext:
        """Ask for a refund, a cancellation and the like. Answers the request, with its version and its expiry."""
        principal = await admit(parts, request, workspace)
        wanted, key = read_ask(data), read_key(idempotency_key)
        if data.ticket is not None:
            wanted = replace(wanted, ticket=await ticket_of(principal, data.ticket, wanted.order))
        return approval(await approvals.ask(principal, wanted, key))

    @get("/v1/approvals/{workspace:str}", tags=["approvals"], responses=documented(400, 401, 404, 503))
    async def found(
        request: _Asked,
        workspace: FromPath[str],
        states: Annotated[
            str | None, QueryParameter(name="state", description="Only these states, separated by commas.")
        ] = None,
        limit: Annotated[str | None, QueryParameter(description=f"At most so many, 1 to {MOST}.")] = None,
    ) -> ApprovalsFound:
        """Requests, newest first."""
        await admit(parts, request, workspace)
        listed = await approvals.list(workspace, read_states(states), read_limit(limit, MOST))
        return ApprovalsFound(approvals=[approval(one) for one in listed])

    @get(
        "/v1/approvals/{workspace:str}/{request_id:str}",
        tags=["approvals"],
        responses=documented(401, 404, 503),
    )
    async def one(request: _Asked, workspace: FromPath[str], request_id: FromPath[str]) -> ApprovalContext:
        """One request."""
        principal = await admit(parts, request, workspace)
        return approval(await approvals.read(principal, request_id))

    @post(
        "/v1/approvals/{workspace:str}/{request_id:str}/decision",
        tags=["approvals"],
        before_request=_checked(parts, DecisionBody, _nothing),
        status_code=200,
        responses=documented(400, 401, 403, 404, 409, 410, 503),
    )
    async def decide(
        request: _Asked, workspace: FromPath[str], request_id: FromPath[str], data: JSONBody[DecisionBody]
    ) -> ApprovalContext:
        """Approve or reject. 409 carries `differences` and the `version` to decide on now."""
        principal = await admit(parts, request, workspace)
        return approval(await approvals.decide(principal, request_id, data.decision, data.reason, data.version))

    @post(
        "/v1/approvals/{workspace:str}/{request_id:str}/withdraw",
        tags=["approvals"],
        before_request=_checked(parts, WithdrawalBody, _nothing),
        status_code=200,
        responses=documented(400, 401, 403, 404, 409, 410, 503),
    )
    async def withdraw(
        request: _Asked, workspace: FromPath[str], request_id: FromPath[str], data: JSONBody[WithdrawalBody]
    ) -> ApprovalContext:
        """Take one's own request back."""
        principal = await admit(parts, request, workspace)
        return approval(await approvals.withdraw(principal, request_id, data.reason, data.version))

    return [ask, found, one, decide, withdraw]
