"""This file is what we have Gorgias send: the HTTP integrations of an account, as its API takes them.

Gorgias signs nothing, and fills text of customers into a body without a promise to escape it. So a webhook says only
which ticket has changed, in numbers and times; what the customer wrote we ask for ourselves. Whoever learns the secret
can make us look at a ticket, and nothing else.
"""

from typing import Any

TOUCHED = "ticket.touched"
"""What the body says: look at this ticket."""
SECRET_HEADER = "X-Beforehand-Secret"  # noqa: S105  # its name
TRIGGERS = (
    "ticket-created",
    "ticket-updated",
    "ticket-message-created",
    "ticket-status-updated",
)
"""Those that say something about the customer's contact."""
ALL_TRIGGERS = (
    *TRIGGERS,
    "ticket-self-unsnoozed",
    "ticket-message-failed",
    "ticket-assignment-updated",
    "ticket-handed-over",
)
EVENTS_NAME = "Beforehand: tickets that change"
BODY = {
    "beforehand": TOUCHED,
    "ticket_id": "{{ticket.id}}",
    "updated_at": "{{ticket.updated_datetime}}",
    "last_message_at": "{{ticket.last_message_datetime}}",
}
"""The template of a webhook. The braces must not be percent-encoded."""


def events_integration(*, url: str, secret: str) -> dict[str, Any]:
    """The body of `POST /api/integrations` that has every change of a ticket told to *url*.

    *url* is `{public_url}/webhooks/{workspace}.{connection}`, *secret* the first `webhook_secret` of the connection.
    """
    return http_integration(
        name=EVENTS_NAME,
        description="Tells Beforehand which ticket has changed. Carries no words of customers.",
        url=url,
        secret=secret,
        method="POST",
        form=BODY,
        triggers=TRIGGERS,
    )


def http_integration(
    *,
    name: str,
    description: str,
    url: str,
    secret: str,
    method: str,
    form: dict[str, str] | None,
    triggers: tuple[str, ...],
) -> dict[str, Any]:
    """Any HTTP integration under our shared secret; every trigger is said, on or off."""
    return {
        "name": name,
        "description": description,
        "type": "http",
        "http": {
            "url": url,
            "method": method,
            "headers": {SECRET_HEADER: secret},
            "form": form,
            "request_content_type": "application/json",
            "response_content_type": "application/json",
            "triggers": {trigger: trigger in triggers for trigger in ALL_TRIGGERS},
        },
    }
