"""This file confirms a ticket at its helpdesk before anything is written down beside it."""

from connectors.contract import ConnectorError, Missing
from server.approval_model import TicketPlace
from server.errors import BadInput, NotFound, NotNow
from server.workspaces import Workspace


async def confirmed_ticket(workspace: Workspace, connection: str, ticket_id: str) -> TicketPlace:
    """The ticket, once the helpdesk says that there is one. Raises BadInput, NotFound, NotNow."""
    helpdesk = workspace.helpdesks.get(connection)
    if helpdesk is None:
        raise BadInput(f"ticket: no helpdesk is connected as {connection[:60]!r}")
    try:
        found = await helpdesk.read_ticket(ticket_id)
    except Missing as error:
        raise NotFound(f"no ticket {ticket_id}") from error
    except (ConnectorError, TimeoutError) as error:
        said = error.sentence if isinstance(error, ConnectorError) else "The helpdesk did not answer in time"
        raise NotNow(f"{said}. The ticket could not be checked, so nothing was asked for: try again.") from error
    return TicketPlace(connection=connection, ticket_id=found.id)
