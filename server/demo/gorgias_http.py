"""This file is the HTTP integrations and widgets of the simulated Gorgias: templates filled in, and sent at triggers.

As Gorgias does it: values are written into the template as text (`None`, `True`), nothing is signed, a failure is not
repeated, and after a hundred in a row the integration is switched off. A JSON answer is kept with the customer.
"""

import json
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

from msgspec import to_builtins

from server.demo.gorgias_answers import written
from server.demo.gorgias_requests import HttpInput, IntegrationInput, WidgetInput
from server.demo.gorgias_state import Account, Refusal, Ticket
from server.demo.sender import Letter

TRIGGERS = frozenset(
    {
        "ticket-created",
        "ticket-updated",
        "ticket-message-created",
        "ticket-self-unsnoozed",
        "ticket-message-failed",
        "ticket-assignment-updated",
        "ticket-status-updated",
        "ticket-handed-over",
    }
)
FAILURES_UNTIL_OFF = 100
_PLACEHOLDER = re.compile(r"\{\{\s*([a-z_.0-9]+)\s*(\|\s*tojson\s*)?\}\}")
_WEBHOOK = "/webhooks/"


@dataclass(frozen=True)
class Outgoing:
    """A request that Gorgias makes: nothing in it proves who it is but the headers that the integration has."""

    integration: int
    ticket: int
    method: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Integration:
    id: int
    values: IntegrationInput
    failures: int = 0
    deactivated_at: datetime | None = None


@dataclass
class Widget:
    id: int
    values: WidgetInput


class HttpIntegrations:
    """What an admin has set up. `sent` are the requests that triggers made, the oldest first."""

    def __init__(self) -> None:
        self.integrations: dict[int, Integration] = {}
        self.widgets: dict[int, Widget] = {}
        self.sent: deque[Outgoing] = deque(maxlen=10_000)
        self._numbers = count(701)

    def add(self, values: IntegrationInput) -> Integration:
        """A new integration. Raises Refusal for triggers that Gorgias does not have, and braces that it cannot read."""
        found = Integration(next(self._numbers), _checked(values))
        self.integrations[found.id] = found
        return found

    def change(self, number: int, values: IntegrationInput) -> Integration:
        """An update, which also switches it on again."""
        found = self.integration(number)
        found.values, found.failures, found.deactivated_at = _checked(values), 0, None
        return found

    def integration(self, number: int) -> Integration:
        """Raises Refusal (404)."""
        if number not in self.integrations:
            raise Refusal(404, "Integration not found")
        return self.integrations[number]

    def add_widget(self, values: WidgetInput) -> Widget:
        """A new widget. Raises Refusal for one whose data nobody brings."""
        self._check_widget(values)
        found = Widget(next(self._numbers), values)
        self.widgets[found.id] = found
        return found

    def change_widget(self, number: int, values: WidgetInput) -> Widget:
        """An update. Raises Refusal."""
        self._check_widget(values)
        self.widget(number).values = values
        return self.widget(number)

    def widget(self, number: int) -> Widget:
        """Raises Refusal (404)."""
        if number not in self.widgets:
            raise Refusal(404, "Widget not found")
        return self.widgets[number]

    def _check_widget(self, values: WidgetInput) -> None:
        if values.type == "http" and values.integration_id not in self.integrations:
            raise Refusal(400, "integration_id: a widget of type http needs an HTTP integration")
        if values.type == "customer_external_data" and not values.app_id:
            raise Refusal(400, "app_id: a widget of type customer_external_data needs one")
        if values.template.get("type") != "wrapper" or not isinstance(values.template.get("widgets"), list):
            raise Refusal(400, "template: expected a wrapper with widgets")

    def fire(self, trigger: str, account: Account, ticket: Ticket) -> None:
        """Make the requests that are due at a trigger."""
        context = _context(account, ticket)
        for found in self.integrations.values():
            http = found.values.http
            if found.deactivated_at is None and http.triggers.get(trigger):
                self.sent.append(_request(found.id, http, ticket.id, context))

    def heard(self, sent: Outgoing, status: int, body: bytes, account: Account) -> None:
        """What came of a request: good JSON stays with the customer, a hundred failures in a row switch it off."""
        found = self.integrations[sent.integration]
        if not 200 <= status < 300:
            found.failures += 1
            if found.failures >= FAILURES_UNTIL_OFF:
                found.deactivated_at = account.now()
            return
        found.failures = 0
        ticket = account.tickets.get(sent.ticket)
        customer = account.customers.get(ticket.customer_id or 0) if ticket else None
        if customer is None:
            return
        try:
            customer.integrations[str(found.id)] = json.loads(body)
        except ValueError:
            return

    def letters(self) -> list[Letter]:
        """The webhooks that were sent since this was asked last; requests to other addresses stay."""
        webhooks = [sent for sent in self.sent if _WEBHOOK in sent.url]
        others = [sent for sent in self.sent if _WEBHOOK not in sent.url]
        self.sent.clear()
        self.sent.extend(others)
        return [
            Letter(connection=sent.url.rpartition(".")[2], body=sent.body, headers=sent.headers) for sent in webhooks
        ]


def integration_body(found: Integration) -> dict[str, Any]:
    """An integration as the API gives it."""
    return {
        "id": found.id,
        "uri": f"/api/integrations/{found.id}/",
        "deactivated_datetime": written(found.deactivated_at),
        **to_builtins(found.values),
    }


def widget_body(found: Widget) -> dict[str, Any]:
    """A widget as the API gives it."""
    return {"id": found.id, "uri": f"/api/widgets/{found.id}/", **to_builtins(found.values)}


def filled(template: Any, context: Mapping[str, Any]) -> Any:
    """A template with its values written in, as text."""
    if isinstance(template, dict):
        return {name: filled(value, context) for name, value in template.items()}
    if isinstance(template, list):
        return [filled(value, context) for value in template]
    if not isinstance(template, str):
        return template
    return _PLACEHOLDER.sub(lambda match: _value(match[1], match[2] is not None, context), template)


def _value(path: str, as_json: bool, context: Mapping[str, Any]) -> str:
    found: Any = context
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return json.dumps(found) if as_json else str(found)


def _request(number: int, http: HttpInput, ticket: int, context: Mapping[str, Any]) -> Outgoing:
    body = b"" if http.form is None else json.dumps(filled(http.form, context)).encode()
    headers = {name.lower(): filled(value, context) for name, value in (http.headers or {}).items()}
    if body:
        headers["content-type"] = http.request_content_type
    return Outgoing(number, ticket, http.method, filled(http.url, context), headers, body)


def _context(account: Account, ticket: Ticket) -> dict[str, Any]:
    """What templates may name (the TicketHttpIntegration object, and the customer)."""
    customer = account.customers.get(ticket.customer_id or 0)
    return {
        "ticket": {
            "id": ticket.id,
            "external_id": ticket.external_id,
            "status": ticket.status,
            "channel": ticket.channel,
            "via": ticket.via,
            "spam": ticket.spam,
            "customer_id": ticket.customer_id,
            "subject": ticket.subject,
            "created_datetime": written(ticket.created_at),
            "updated_datetime": written(ticket.updated_at),
            "last_message_datetime": written(ticket.last_message_at),
            "closed_datetime": written(ticket.closed_at),
            "trashed_datetime": written(ticket.trashed_at),
            "customer": {"id": customer.id, "email": customer.email, "name": customer.name} if customer else None,
        }
    }


def _checked(values: IntegrationInput) -> IntegrationInput:
    http = values.http
    if unknown := sorted(http.triggers.keys() - TRIGGERS):
        raise Refusal(400, f"triggers: {unknown[0]} is not one")
    if not http.url.startswith(("https://", "http://")):
        raise Refusal(400, "url: is not an address")
    if "%7B" in http.url.upper():
        raise Refusal(400, "url: the braces of a variable must not be encoded")
    if http.method == "GET" and http.form:
        raise Refusal(400, "form: a GET request has none")
    return values
