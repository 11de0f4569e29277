"""This file is how the simulated Gorgias answers: tickets, messages, people, events, and lists by cursor."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from server.demo.fake import AnyRequest
from server.demo.gorgias_state import Account, Customer, Event, Message, Refusal, Ticket, User


def written(at: datetime | None) -> str | None:
    """A time as Gorgias writes it: UTC, without saying so."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") if at else None


def user_body(user: User) -> dict[str, Any]:
    """A user as the API gives it."""
    first, _, last = user.name.partition(" ")
    return {
        "id": user.id,
        "active": True,
        "email": user.email,
        "name": user.name,
        "firstname": first,
        "lastname": last,
        "role": {"id": 1, "name": user.role},
        "uri": f"/api/users/{user.id}/",
    }


def customer_body(customer: Customer) -> dict[str, Any]:
    """A customer as the API gives them."""
    return {
        "id": customer.id,
        "email": customer.email,
        "name": customer.name,
        "external_id": None,
        "channels": [{"id": customer.id * 10, "type": "email", "address": customer.email, "preferred": True}],
        "data": customer.data,
        "integrations": customer.integrations,
        "uri": f"/api/customers/{customer.id}/",
    }


def ticket_body(account: Account, ticket: Ticket, *, with_messages: bool = False) -> dict[str, Any]:
    """A ticket: in lists with an excerpt, alone with its messages."""
    customer = account.customers.get(ticket.customer_id or 0)
    received = [message.created_at for message in ticket.messages if not message.from_agent]
    agent = account.users.get(ticket.assignee_user or 0)
    found = {
        "id": ticket.id,
        "uri": f"/api/tickets/{ticket.id}/",
        "external_id": ticket.external_id,
        "language": "en",
        "status": ticket.status,
        "priority": ticket.priority,
        "channel": ticket.channel,
        "via": ticket.via,
        "from_agent": ticket.messages[0].from_agent if ticket.messages else None,
        "spam": ticket.spam,
        "customer": _short(customer),
        "requester": _short(customer),
        "integrations": [],
        "assignee_user": user_body(agent) if agent else None,
        "assignee_team": {"id": ticket.assignee_team, "name": "Team"} if ticket.assignee_team else None,
        "subject": ticket.subject,
        "excerpt": ticket.messages[-1].body_text[:200] if ticket.messages else "",
        "meta": ticket.meta,
        "tags": [{"id": account.tags.index(tag) + 1, "name": tag} for tag in ticket.tags],
        "custom_fields": {str(n): {"id": n, "value": value} for n, value in ticket.custom_fields.items()},
        "messages_count": len(ticket.messages),
        "is_unread": True,
        "created_datetime": written(ticket.created_at),
        "opened_datetime": None,
        "last_received_message_datetime": written(max(received, default=None)),
        "last_message_datetime": written(ticket.last_message_at),
        "updated_datetime": written(ticket.updated_at),
        "closed_datetime": written(ticket.closed_at),
        "snooze_datetime": written(ticket.snoozed_until),
        "trashed_datetime": written(ticket.trashed_at),
    }
    if with_messages:
        found["messages"] = [message_body(account, ticket, message) for message in ticket.messages]
    return found


def message_body(account: Account, ticket: Ticket, message: Message) -> dict[str, Any]:
    """A message as the API gives it."""
    people: dict[int, User | Customer] = {**account.customers, **account.users}
    return {
        "id": message.id,
        "uri": f"/api/tickets/{ticket.id}/messages/{message.id}/",
        "ticket_id": ticket.id,
        "external_id": message.external_id,
        "message_id": None,
        "channel": message.channel,
        "via": message.via,
        "public": message.public,
        "from_agent": message.from_agent,
        "sender": _short(people[message.sender]),
        "receiver": _short(people.get(message.receiver or 0)),
        "source": message.source,
        "subject": message.subject,
        "body_text": message.body_text,
        "body_html": message.body_html,
        "stripped_text": message.body_text,
        "stripped_html": None,
        "stripped_signature": None,
        "headers": None,
        "actions": [],
        "meta": None,
        "last_sending_error": None,
        "rule_id": message.rule_id,
        "integration_id": None,
        "created_datetime": written(message.created_at),
        "sent_datetime": written(message.created_at) if message.public else None,
        "failed_datetime": None,
        "deleted_datetime": None,
        "opened_datetime": None,
    }


def event_body(event: Event) -> dict[str, Any]:
    """An event as the API gives it."""
    return {
        "id": event.id,
        "context": event.context,
        "created_datetime": written(event.created_at),
        "data": None,
        "object_id": event.ticket_id,
        "object_type": "Ticket",
        "type": event.type,
        "uri": f"/api/events/{event.id}/",
        "user_id": event.user_id,
    }


def page_of(request: AnyRequest, rows: Sequence[dict[str, Any]], order: str = "", most: int = 100) -> dict[str, Any]:
    """The page that was asked for, of *rows* (oldest first). A cursor goes on behind the row that it names."""
    asked = request.query_params
    wanted = asked.get("order_by", order)
    field, _, direction = wanted.partition(":")
    if field:
        rows = sorted(rows, key=lambda row: (row[field], row["id"]), reverse=direction == "desc")
    limit = asked.get("limit", "30")
    if not limit.isdigit() or not 1 <= int(limit) <= most:
        raise Refusal(400, f"limit: must be between 1 and {most}")
    begin = _behind(rows, asked["cursor"], field, direction) if "cursor" in asked else 0
    shown = list(rows[begin : begin + int(limit)])
    more = begin + int(limit) < len(rows)
    cursor = base64.b64encode(f"{shown[-1]['id']}|{shown[-1].get(field, '')}".encode()).decode() if more else None
    return {
        "object": "list",
        "uri": request.url.path,
        "data": shown,
        "meta": {"next_cursor": cursor, "prev_cursor": None},
    }


def _behind(rows: Sequence[dict[str, Any]], cursor: str, field: str, direction: str) -> int:
    """Where the page begins. The cursor names a place in the order, not a count: rows may have moved since."""
    try:
        number, _, value = base64.b64decode(cursor, validate=True).decode().partition("|")
        place = (value, int(number))
    except ValueError as error:
        raise Refusal(400, "cursor: is not one of ours") from error
    for begin, row in enumerate(rows):
        key = (row[field], row["id"])
        if key < place if direction == "desc" else key > place:
            return begin
    return len(rows)


def _short(person: User | Customer | None) -> dict[str, Any] | None:
    if person is None:
        return None
    first, _, last = person.name.partition(" ")
    return {
        "id": person.id,
        "email": person.email,
        "name": person.name,
        "firstname": first,
        "lastname": last,
        "meta": {},
    }
