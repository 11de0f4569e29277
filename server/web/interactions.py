"""This file takes what people press in chats: signed by the chat, decided like any other decision.

The chat gives up after three seconds, and reading an order again can take longer. So it is answered as soon as its
signature holds, and whoever pressed is told the outcome beside the message. Until then nothing has changed there: if we
break down in between, the buttons are still to be pressed.
"""

from typing import Any

import structlog
from litestar import Request, post
from litestar.background_tasks import BackgroundTask
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from connectors.contract import ConnectorError, Envelope, Forged, Interactive, Press, Unreadable
from server.errors import BadInput, NotFound
from server.flows.chat_decisions import ChatDecisions
from server.parts import Parts
from server.web.signed_in import Refusals
from server.web.webhooks import joined_headers, read_body
from server.workspaces import Workspace

log = structlog.get_logger()

REFUSED = "interaction.refused"


def interaction_routes(parts: Parts) -> list[HTTPRouteHandler]:
    """The address that is entered in the chat's app as its request URL for interactivity."""
    decisions = ChatDecisions(parts.approvals, parts.directory)
    refusals = Refusals(parts)

    async def follow(workspace: Workspace, connection: str, chat: Interactive, press: Press) -> None:
        text = await decisions.take(workspace, connection, press)
        try:
            await chat.answer_press(press, text)
        except ConnectorError as error:
            log.warning("press_not_answered", workspace=workspace.name, connection=connection, reason=error.sentence)

    @post("/interactions/{address:str}", status_code=200, include_in_schema=False)
    async def take_interaction(request: Request[Any, Any, Any]) -> ASGIResponse:
        headers = joined_headers(request.scope["headers"])
        body = await read_body(request.receive, headers.get("content-length", ""))
        workspace, connection, chat = _chat(parts, request.path_params["address"])
        envelope = Envelope(headers=headers, body=body, received_at=parts.clock())
        try:
            chat.verify_interaction(envelope)
            press = chat.read_interaction(envelope)
        except Forged as error:
            await refusals.note(workspace.name, str(error), via=connection, event=REFUSED)
            raise
        except Unreadable as error:
            raise BadInput(str(error)[:300]) from error
        if press is None or decisions.is_repeat(workspace, connection, press):
            return ASGIResponse(body=b"", status_code=200)
        task = BackgroundTask(follow, workspace, connection, chat, press)
        return ASGIResponse(body=b"", status_code=200, background=task)

    return [take_interaction]


def _chat(parts: Parts, address: str) -> tuple[Workspace, str, Interactive]:
    """Raises NotFound, in the same words whatever is missing."""
    name, _, connection = address.partition(".")
    workspace = parts.workspaces.get(name)
    found: object = workspace.connections.get(connection) if workspace else None
    if workspace is None or not isinstance(found, Interactive):
        raise NotFound("there is no such chat")
    return workspace, connection, found
