"""This file takes requests and decisions from the panel's forms: who it is comes from our own session, never the form.

The ticket beside which somebody asks is asked for at the helpdesk again, since its number comes from a browser.
"""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, HeaderParameter
from msgspec import Struct

from connectors.contract import ConnectorError, Missing
from server.approval_model import ApprovalRequest, TicketPlace
from server.errors import BadInput, Forbidden, NotFound, NotNow
from server.flows.deciders import deciders
from server.flows.draw_approvals import title
from server.flows.sessions import Session
from server.model import JsonObject
from server.parts import Parts
from server.web.asked import read_text
from server.web.panel_bodies import read_ask, read_decision, read_key, read_withdrawal
from server.web.signed_in import Refusals

KeyHeader = Annotated[str | None, HeaderParameter(name="Idempotency-Key")]
_Asked = Request[Any, Any, Any]


class _Beside(Struct):
    """What the panel says on top of what the API takes: where somebody asks."""

    ticket: str = ""


def sidebar_action_routes(parts: Parts, base: str) -> list[HTTPRouteHandler]:
    """Ask, decide, take back, for one surface. There is no GET: following a link never decides anything."""
    refusals = Refusals(parts)

    @post(f"{base}/approvals", include_in_schema=False, status_code=201)
    async def ask(request: _Asked, idempotency_key: KeyHeader = None) -> Response[JsonObject]:
        session = await refusals.signed_in(request, "asked for an approval")
        async with refusals.noted(session, "asked for an approval"):
            _must_be_somebody(session)
            body = await request.body()
            key = read_key(idempotency_key)
            asked = msgspec.structs.replace(read_ask(body), ticket=await _ticket(parts, session, body))
        found = await parts.approvals.ask(session.principal, asked, key)
        return Response(_told(parts, found), status_code=201)

    @post(f"{base}/approvals/{{request_id:str}}/decision", include_in_schema=False, status_code=200)
    async def decide(request: _Asked, request_id: FromPath[str]) -> Response[JsonObject]:
        session = await refusals.signed_in(request, "decided a request")
        async with refusals.noted(session, "decided a request", subject=request_id):
            _must_be_somebody(session)
            said = read_decision(await request.body())
        found = await parts.approvals.decide(session.principal, request_id, said.decision, said.reason, said.version)
        return Response(_told(parts, found))

    @post(f"{base}/approvals/{{request_id:str}}/withdraw", include_in_schema=False, status_code=200)
    async def withdraw(request: _Asked, request_id: FromPath[str]) -> Response[JsonObject]:
        session = await refusals.signed_in(request, "took a request back")
        async with refusals.noted(session, "took a request back", subject=request_id):
            _must_be_somebody(session)
            reason, version = read_withdrawal(await request.body())
        found = await parts.approvals.withdraw(session.principal, request_id, reason, version)
        return Response(_told(parts, found))

    return [ask, decide, withdraw]


def _must_be_somebody(session: Session) -> None:
    """A helpdesk's token may name no agent: enough to look, not to act."""
    if session.user.endswith(":"):
        raise Forbidden("The helpdesk did not say who you are, so nothing can be asked for here.")


async def _ticket(parts: Parts, session: Session, body: bytes) -> TicketPlace | None:
    """The ticket beside which somebody asks, once the helpdesk has confirmed it. Raises BadInput, NotFound."""
    try:
        said = msgspec.json.decode(body, type=_Beside).ticket
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadInput("ticket: expected a text") from error
    if not said:
        return None
    number = read_text(said, "ticket")
    helpdesk = parts.workspaces[session.workspace].helpdesks.get(session.connection)
    if helpdesk is None:
        raise BadInput("ticket: expected none, since this panel stands beside no ticket")
    try:
        found = await helpdesk.read_ticket(number)
    except Missing as error:
        raise NotFound(f"no ticket {number}") from error
    except (ConnectorError, TimeoutError) as error:
        said_so = error.sentence if isinstance(error, ConnectorError) else "The helpdesk did not answer in time"
        raise NotNow(f"{said_so}. The ticket could not be checked, so nothing was asked for: try again.") from error
    return TicketPlace(connection=session.connection, ticket_id=found.id)


def _told(parts: Parts, request: ApprovalRequest) -> JsonObject:
    """What became of it, in one sentence; the panel is drawn again anyway."""
    return {
        "id": request.id,
        "state": request.state,
        "version": request.version,
        "expires_at": request.expires_at,
        "is_carried_out_soon": request.state in ("approved", "executing") and not request.is_over,
        "message": _sentence(parts, request),
    }


def _sentence(parts: Parts, request: ApprovalRequest) -> str:
    amount = request.amount
    name = title(request.kind, amount.value if amount else None, amount.currency if amount else None)
    match request.state:
        case "pending":
            may_not = {request.requester.id, *(found.person.id for found in request.decisions)}
            who = deciders(parts.workspaces[request.workspace].policy).of(request.kind, may_not)
            agreed = len(request.approvals)
            said = f"{agreed} of {request.needs} have agreed. " if agreed else ""
            return f"{name}: {said}Waiting for approval by {who}."
        case "rejected":
            return f"{name}: rejected."
        case "withdrawn":
            return f"{name}: taken back."
        case "approved" if request.is_record_only:
            return f"{name}: approved. A person has to carry it out."
        case _:
            return f"{name}: approved."
