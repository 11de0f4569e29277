"""This file is Gorgias: tickets and internal notes, its webhooks, and what it shows beside a customer's tickets."""

from datetime import datetime
from typing import Any

import msgspec

from connectors.connection import Connection
from connectors.contract import Envelope, Forged, HelpdeskUser, Missing
from connectors.gorgias import events, install, integration, people, translate, wire
from connectors.gorgias.api import SYSTEM
from connectors.gorgias.integration import SECRET_HEADER
from connectors.gorgias.settings import Settings, is_id
from connectors.gorgias.tickets import Tickets
from connectors.model import Observation
from connectors.reading import decode, webhook
from connectors.signing import is_one_of

__all__ = ["Gorgias", "Settings", "connect"]


class Gorgias(Tickets):
    """One Gorgias account, by its domain."""

    system = SYSTEM
    shows_rows = True
    """Beside a ticket it shows rows and links, which its servers ask us for; no page of ours."""

    # --- webhooks ---

    def verify(self, envelope: Envelope) -> None:
        """Raise Forged unless the shared secret is there: Gorgias signs nothing."""
        if not self._settings.webhook_secrets:
            raise Forged("no webhook_secret is configured")
        if not is_one_of(envelope.headers.get(SECRET_HEADER.lower(), ""), self._settings.webhook_secrets):
            raise Forged(f"the secret in {SECRET_HEADER} does not match")

    def delivery_key(self, envelope: Envelope) -> str:
        """None: the same change has the same body, whichever trigger told it."""
        del envelope
        return ""

    def read(self, envelope: Envelope) -> tuple[Observation, ...]:
        """Which ticket has changed; bodies that are not our template's do not concern us. Raises Unreadable."""
        with webhook():
            decode(envelope.body, msgspec.Raw)
            try:
                found = decode(envelope.body, wire.Touched)
            except msgspec.ValidationError:
                return ()
            return events.touched(found, self._name)

    # --- people ---

    @property
    def shows_customers(self) -> bool:
        """Whether there is an app whose widget shows what is sent."""
        return bool(self._settings.app_id)

    async def show_customer(self, email: str, facts: dict[str, object], version: datetime) -> str:
        """Put *facts* beside the customer's tickets; Gorgias leaves newer ones. The customer's id there, or empty."""
        wanted = translate.usable_email(email)
        customers = await self._customers(wanted) if wanted else []
        if not customers:
            return ""
        body = msgspec.json.encode({"data": facts, "version": translate.written(version)}, order="sorted")
        await self._api.write("PUT", f"/api/customers/{customers[0]}/data", body)
        return str(customers[0])

    async def read_person(self, user_id: str) -> HelpdeskUser:
        """A user with their role, as of now. Raises Missing."""
        if not is_id(user_id):
            raise Missing(SYSTEM, "not the id of a user")
        return people.person((await self._api.read(f"/api/users/{user_id}")).read(wire.User))

    async def find_person(self, email: str) -> HelpdeskUser | None:
        """Whoever of the staff has this address as of now."""
        wanted = translate.usable_email(email)
        found = await self._api.find_user(wanted) if wanted else None
        made = people.person(found) if found else None
        return made if made and made.is_staff else None

    # --- setting it up ---

    @property
    def first_secret(self) -> str:
        """The secret that integrations are set up with; the others still hold."""
        return next(iter(self._settings.webhook_secrets), "")

    @property
    def app_id(self) -> str:
        """Under which what we send of customers is shown; empty: not at all."""
        return str(self._settings.app_id)

    def events_integration(self, *, url: str) -> dict[str, Any]:
        """The integration that has every change of a ticket told to *url*."""
        return integration.events_integration(url=url, secret=self.first_secret)

    async def put_integration(self, wanted: dict[str, Any]) -> install.Placed:
        """Make an HTTP integration, or change the one of that name. Raises ConnectorError."""
        return await install.put_integration(self._api, wanted)

    async def put_widget(self, wanted: dict[str, Any]) -> install.Placed:
        """Make a widget, or change the one that belongs to the same. Raises ConnectorError."""
        return await install.put_widget(self._api, wanted)

    async def missing(self, integrations: list[dict[str, Any]], widgets: int) -> list[str]:
        """What is not there, or not as it should be, in words. Raises ConnectorError."""
        return await install.missing(self._api, integrations, widgets)

    async def check(self) -> str:
        """Which account it is, who we are there, and how full its bucket was."""
        answer = await self._api.read("/api/account")
        account = answer.read(wire.Account).domain or self._settings.domain
        us = await self._api.us()
        used = answer.headers.get("x-gorgias-account-api-call-limit", "")
        bucket = f"; requests in use just now: {used}" if len(used) <= 20 and "/" in used else ""
        deaf = "" if self._settings.webhook_secrets else "; its webhooks are refused: webhook_secret is not set"
        return f"signed in to {account}, notes are written by {us.name or us.email}{bucket}{deaf}"

    async def close(self) -> None:
        """Close network connections."""
        await self._api.transport.close()


def connect(settings: Settings, connection: Connection) -> Gorgias:
    """Make the connector. No I/O."""
    return Gorgias(settings, connection)
