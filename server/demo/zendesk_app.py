"""This file is what the installed app does in the simulated Zendesk: its trigger fires its webhook, signed."""

import base64
import hashlib
import hmac
import json

from msgspec.structs import replace

from server.demo.sender import Letter
from server.demo.zendesk_state import Ticket, written

WEBHOOK_SECRET = "demo-webhook-secret-of-the-zendesk-app"


def touched(ticket: Ticket, connection: str = "desk") -> Letter:
    """That a ticket has changed, in the words of the app's trigger (`manifests/zendesk/requirements.json`)."""
    updated = written(ticket.updated_at)
    body = json.dumps({"beforehand": "ticket.touched", "ticket_id": str(ticket.id), "updated_at": updated}).encode()
    return signed(Letter(connection=connection, body=body, headers={}), updated, f"{ticket.id}-{updated}")


def signed(letter: Letter, time: str, invocation: str) -> Letter:
    """The letter as it is sent at a time, which is signed with it."""
    signature = base64.b64encode(hmac.digest(WEBHOOK_SECRET.encode(), time.encode() + letter.body, hashlib.sha256))
    return replace(
        letter,
        headers={
            "content-type": "application/json",
            "x-zendesk-webhook-signature": signature.decode(),
            "x-zendesk-webhook-signature-timestamp": time,
            "x-zendesk-webhook-invocation-id": invocation,
        },
    )
