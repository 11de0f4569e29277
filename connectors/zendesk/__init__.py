"""This file is Zendesk: tickets, webhooks, and who opened the sidebar."""

from datetime import datetime, timedelta

import msgspec

from connectors.connection import Connection
from connectors.contract import Denied, Envelope, Forged, HelpdeskUser, Missing
from connectors.model import Observation, Ticket, TicketChange, TicketDraft
from connectors.reading import decode, webhook
from connectors.signing import iso_time_is_fresh, matches_base64
from connectors.zendesk import events, translate, wire
from connectors.zendesk.api import SYSTEM, Api
from connectors.zendesk.contacts import contact_seen, is_ours
from connectors.zendesk.settings import Settings, is_id
from connectors.zendesk.sidebar import SidebarTokens, SidebarUser

__all__ = ["Settings", "SidebarUser", "Zendesk", "connect"]

MOST_PAGES = 10
MOST_USERS = 3
MOST_AUTHORS = 5
_LONGEST_ID = 100
_OURS = "beforehand:"
"""How the external id of every ticket that we open begins."""


class Zendesk:
    """One Zendesk account, by its subdomain."""

    system = SYSTEM

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self._settings = settings
        self._name = connection.name
        self._window = timedelta(seconds=connection.signature_window_seconds)
        origin = connection.base_url.rstrip("/") or f"https://{settings.subdomain}.zendesk.com"
        self._agent_url = f"{origin}/agent/tickets/"
        self._api = Api(settings, connection)
        self._tokens = SidebarTokens(
            self._api.transport, settings.subdomain, str(settings.app_id), str(settings.installation_id)
        )

    # --- webhooks ---

    def verify(self, envelope: Envelope) -> None:
        """Raise Forged unless the signature over time and body holds, and the time is fresh.

        The two are signed without a separator, so the time must be a whole ISO time before it counts for anything.
        """
        if not self._settings.webhook_secret:
            raise Forged("no webhook_secret is configured")
        time = envelope.headers.get("x-zendesk-webhook-signature-timestamp", "")
        if not iso_time_is_fresh(time, envelope.received_at, self._window):
            raise Forged("expected a fresh ISO 8601 UTC time in X-Zendesk-Webhook-Signature-Timestamp")
        signature = envelope.headers.get("x-zendesk-webhook-signature", "")
        if not matches_base64(signature, self._settings.webhook_secret, time.encode() + envelope.body):
            raise Forged("the signature does not match")

    def delivery_key(self, envelope: Envelope) -> str:
        """The event's id, or for a trigger's own body the invocation's id, which is in an unsigned header."""
        try:
            found = decode(envelope.body, wire.EventName)
        except (msgspec.DecodeError, ValueError):
            found = wire.EventName()
        key = found.id if found.type.startswith("zen:") else ""
        key = key or envelope.headers.get("x-zendesk-webhook-invocation-id", "")
        return key if len(key) <= _LONGEST_ID else ""

    def read(self, envelope: Envelope) -> tuple[Observation, ...]:
        """What the customer wrote, in a ticket not ours; of triggers only our app's own is known. Raises Unreadable."""
        with webhook():
            decode(envelope.body, msgspec.Raw)
            try:
                found = decode(envelope.body, wire.EventName)
            except msgspec.ValidationError:
                return ()
            if not found.type and is_ours(envelope.body):
                return events.touched(decode(envelope.body, wire.Touched), self._name)
            if not events.is_event(found.type):
                return ()
            return events.contact(decode(envelope.body, wire.Event), self._name, self._agent_url)

    # --- tickets ---

    def render_open(self, draft: TicketDraft) -> bytes:
        """The request that opens *draft*: an internal first comment, so that nobody is written to."""
        settings = self._settings
        return translate.open_request(draft, groups=settings.groups, order_field=settings.order_field_id)

    async def open_ticket(self, request: bytes, idempotency_key: str) -> Ticket:
        """Open a ticket. The same bytes and key give the same ticket for two hours; other bytes are Rejected."""
        answer = await self._api.write("POST", "/api/v2/tickets", request, {"idempotency-key": idempotency_key})
        return self._ticket(answer.read(wire.TicketAnswer))

    async def find_ticket(self, external_id: str) -> Ticket | None:
        """The oldest ticket with this external id. Not by search, which is minutes late."""
        found = (await self._api.read("/api/v2/tickets", {"external_id": external_id})).read(wire.TicketList)
        alive = [t for t in found.tickets if t.external_id == external_id and t.status != "deleted"]
        return self._ticket(wire.TicketAnswer(min(alive, key=lambda found: found.id))) if alive else None

    async def read_ticket(self, ticket_id: str) -> Ticket:
        """The ticket with its requester's e-mail address. Raises Missing when it was deleted."""
        answer = await self._api.read(_ticket_path(ticket_id), {"include": "users"})
        found = answer.read(wire.TicketAnswer)
        if found.ticket.status == "deleted":
            raise Missing(SYSTEM, f"ticket {ticket_id} was deleted")
        email = _email_of(found)
        if email is None and found.ticket.requester_id is not None:
            email = (await self._user(found.ticket.requester_id)).email
        return self._ticket(found, email or "")

    async def tickets_of(self, email: str) -> tuple[Ticket, ...]:
        """What the customer asked for and can still change, newest first; tickets that we opened are not theirs.

        The address must be the user's first one: Zendesk's search also finds what merely looks like it.
        """
        wanted = translate.searchable_email(email)
        if wanted is None:
            return ()
        answer = await self._api.read("/api/v2/users/search", {"query": f'email:"{wanted}"'})
        users = [user for user in answer.read(wire.UserList).users if (user.email or "").lower() == wanted]
        found: list[Ticket] = []
        for user in users[:MOST_USERS]:
            page = await self._api.read(
                f"/api/v2/users/{user.id}/tickets/requested",
                {"sort_by": "created_at", "sort_order": "desc", "per_page": "100"},
            )
            found += [self._ticket(wire.TicketAnswer(t), wanted) for t in page.read(wire.TicketList).tickets]
        theirs = [ticket for ticket in found if ticket.can_change and not ticket.external_id.startswith(_OURS)]
        return tuple(sorted(theirs, key=lambda ticket: int(ticket.id), reverse=True))

    async def was_touched_by_a_person(self, ticket: Ticket) -> bool:
        """Whether anybody wrote or changed something by hand, but us and the customers."""
        authors: set[int] = set()
        us = await self._api.us()
        async for page in self._api.pages(
            f"{_ticket_path(ticket.id)}/audits", {"page[size]": "100"}, wire.AuditPage, MOST_PAGES
        ):
            authors |= translate.people(page.audits, us)
        if us in authors or len(authors) > MOST_AUTHORS:
            return True
        return any([await self._is_staff(author) for author in sorted(authors)])

    def render_change(self, change: TicketChange) -> bytes:
        """The request that makes *change*. What the ticket has by then (tags, stamp) is added when it is sent."""
        return translate.change_request(change)

    async def change_ticket(self, ticket: Ticket, request: bytes) -> Ticket:
        """Change a ticket. Raises Collided when *ticket* is no longer the latest, Rejected when it is closed."""
        known = ticket if ticket.version else await self.read_ticket(ticket.id)
        answer = await self._api.write("PUT", _ticket_path(known.id), translate.finished_change(request, known))
        return self._ticket(answer.read(wire.TicketAnswer), known.requester_email)

    async def has_note(self, ticket_id: str, marker: str) -> bool:
        """Whether a note of ours with this marker is there, newest first."""
        async for page in self._api.pages(
            f"{_ticket_path(ticket_id)}/comments",
            {"sort_order": "desc", "per_page": "100"},
            wire.CommentPage,
            MOST_PAGES,
        ):
            if any(translate.has_marker(comment, marker) for comment in page.comments):
                return True
        return False

    async def read_contact(self, ticket_id: str) -> Observation | None:
        """What the customer wrote in a ticket, as of now; None for one that we opened. Raises Missing."""
        answer = await self._api.read(_ticket_path(ticket_id), {"include": "users"})
        found = answer.read(wire.TicketAnswer)
        if found.ticket.status == "deleted":
            raise Missing(SYSTEM, f"ticket {ticket_id} was deleted")
        if (found.ticket.external_id or "").startswith(_OURS):
            return None
        page = await self._api.read(
            f"{_ticket_path(ticket_id)}/comments", {"sort_order": "desc", "per_page": "100", "include": "users"}
        )
        return contact_seen(found.ticket, page.read(wire.CommentPage), self._name, self._agent_url)

    async def last_reply(self, ticket_id: str) -> datetime | None:
        """When anybody but the customer last wrote in public. Raises Missing."""
        async for page in self._api.pages(
            f"{_ticket_path(ticket_id)}/comments",
            {"sort_order": "desc", "per_page": "100", "include": "users"},
            wire.CommentPage,
            MOST_PAGES,
        ):
            if (found := translate.last_reply(page)) is not None:
                return found
        return None

    # --- people ---

    async def verify_sidebar(self, token: str, *, now: datetime) -> SidebarUser:
        """Who opened the sidebar, by the token that Zendesk posted. Raises Forged with the reason, and nothing else."""
        return await self._tokens.verify(token, now=now)

    async def read_user(self, user_id: str) -> tuple[str, str]:
        """Name and role (`end-user`, `agent`, `admin`) of a user. Raises Missing."""
        if not is_id(user_id):
            raise Missing(SYSTEM, "not the id of a user")
        user = await self._user(int(user_id))
        return user.name or "", user.role or ""

    async def user_role(self, user_id: str) -> str:
        """What a user may be: `end-user`, `agent` or `admin`. Raises Missing."""
        return (await self.read_user(user_id))[1]

    async def read_person(self, user_id: str) -> HelpdeskUser:
        """A user with role, verified address and whether they may still work there. Raises Missing."""
        if not is_id(user_id):
            raise Missing(SYSTEM, "not the id of a user")
        return translate.person(await self._user(int(user_id)), user_id)

    async def find_person(self, email: str) -> HelpdeskUser | None:
        """Whoever of the staff has this address. The search only finds who; what they may is read afterwards."""
        wanted = translate.searchable_email(email)
        if wanted is None:
            return None
        answer = await self._api.read("/api/v2/users/search", {"query": f'email:"{wanted}"'})
        users = [user for user in answer.read(wire.UserList).users if (user.email or "").lower() == wanted]
        for user in users[:MOST_USERS]:
            if user.id is not None and user.role in ("agent", "admin"):
                found = await self.read_person(str(user.id))
                if found.is_staff and found.email == wanted:
                    return found
        return None

    async def check(self) -> str:
        """Who we are there, and whether that is enough."""
        me = await self._api.me()
        sidebar = "" if self._settings.app_id != "" else "; the sidebar is off: app_id and installation_id are not set"
        if me.role not in ("agent", "admin"):
            raise Denied(SYSTEM, f"signed in as {me.name} ({me.role}), who may not work on tickets: expected an agent")
        return f"signed in to {self._settings.subdomain} as {me.name} ({me.role}){sidebar}"

    async def close(self) -> None:
        """Close network connections."""
        await self._api.transport.close()

    async def _user(self, user_id: int) -> wire.User:
        return (await self._api.read(f"/api/v2/users/{user_id}")).read(wire.UserAnswer).user

    async def _is_staff(self, user_id: int) -> bool:
        """Whoever is gone by now was somebody."""
        try:
            return (await self._user(user_id)).role != "end-user"
        except Missing:
            return True

    def _ticket(self, found: wire.TicketAnswer, requester_email: str = "") -> Ticket:
        return translate.ticket(
            found.ticket,
            url=f"{self._agent_url}{found.ticket.id}",
            requester_email=requester_email,
            order_field=self._settings.order_field_id,
        )


def connect(settings: Settings, connection: Connection) -> Zendesk:
    """Make the connector. No I/O."""
    return Zendesk(settings, connection)


def _ticket_path(ticket_id: str) -> str:
    if not is_id(ticket_id):
        raise Missing(SYSTEM, "not the number of a ticket")
    return f"/api/v2/tickets/{ticket_id}"


def _email_of(found: wire.TicketAnswer) -> str | None:
    return next((user.email or "" for user in found.users or () if user.id == found.ticket.requester_id), None)
