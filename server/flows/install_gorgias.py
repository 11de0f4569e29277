"""This file sets a Gorgias account up for us: what tells us of tickets, what asks us for rows, and what shows them."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from connectors.gorgias import Gorgias
from connectors.gorgias.integration import http_integration
from server.errors import BadInput
from server.workspaces import Workspace
from sidebar.fields import FIELDS

ROWS_NAME = "Beforehand: the order beside the ticket"
ROWS = "beforehand"
TITLE = "Beforehand"
ROWS_TRIGGERS = ("ticket-created", "ticket-message-created", "ticket-updated", "ticket-status-updated")


class Installed(Struct, frozen=True):
    """One thing that was set up, and what became of it."""

    what: str
    id: int
    change: str


def widget_template(fields: Mapping[str, str] = FIELDS) -> dict[str, Any]:
    """The widget as Gorgias' API takes it: a card with a row for each field, in their order.

    Links are left out: the shape of a link in a template is not documented, so an admin adds it in Gorgias' own editor
    (`docs/gorgias.md`); the row with the address is there.
    """
    rows = [{"type": "text", "path": name, "title": title} for name, title in fields.items()]
    return {"type": "wrapper", "widgets": [{"type": "card", "path": ROWS, "title": TITLE, "widgets": rows}]}


def rows_integration(*, url: str, secret: str) -> dict[str, Any]:
    """Asks us for the rows whenever something happens to a ticket. *url* is `{public_url}/sidebar/gorgias/...`."""
    return http_integration(
        name=ROWS_NAME,
        description="Asks Beforehand for the order of a ticket.",
        # The braces must not be percent-encoded.
        url=f"{url}?ticket={{{{ticket.id}}}}",
        secret=secret,
        method="GET",
        form=None,
        triggers=ROWS_TRIGGERS,
    )


async def install(workspace: Workspace, connection: str) -> list[Installed]:
    """Set everything up, or bring it up to date. Raises BadInput, ConnectorError."""
    desk = _desk(workspace, connection)
    events, rows = _integrations(workspace, connection, desk)
    told = await desk.put_integration(events)
    asked = await desk.put_integration(rows)
    wanted = {
        "type": "http",
        "context": "ticket",
        "integration_id": asked.id,
        "template": widget_template(),
        "order": 0,
    }
    shown = [("the widget beside tickets", await desk.put_widget(wanted))]
    if desk.app_id:
        pushed = {"type": "customer_external_data", "context": "ticket", "app_id": desk.app_id, "order": 0}
        shown.append(("the widget of what is sent", await desk.put_widget({**pushed, "template": widget_template()})))
    named = [("the webhook for tickets", told), ("the question for the order", asked), *shown]
    return [Installed(what, placed.id, placed.change) for what, placed in named]


async def check(workspace: Workspace, connection: str) -> list[str]:
    """What is missing or set up otherwise, in words; empty where all is well. Raises BadInput, ConnectorError."""
    desk = _desk(workspace, connection)
    return await desk.missing([*_integrations(workspace, connection, desk)], 2 if desk.app_id else 1)


def _integrations(workspace: Workspace, connection: str, desk: Gorgias) -> tuple[dict[str, Any], dict[str, Any]]:
    secret, place = desk.first_secret, f"{workspace.name}.{connection}"
    if not secret:
        raise BadInput(f"{place}: expected webhook_secret in the configuration, which both integrations carry")
    events = desk.events_integration(url=f"{workspace.public_url}/webhooks/{place}")
    return events, rows_integration(url=f"{workspace.public_url}/sidebar/gorgias/{place}", secret=secret)


def _desk(workspace: Workspace, connection: str) -> Gorgias:
    found: object = workspace.connections.get(connection)
    if not isinstance(found, Gorgias):
        raise BadInput(f"{workspace.name}.{connection}: expected a connection of kind gorgias")
    return found
