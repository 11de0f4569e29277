"""This file is Gorgias' tickets: opened, found, read, changed, and what customers wrote in theirs."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

from connectors.connection import Connection
from connectors.contract import Collided, ConnectorError, Cursor, Missing, ReadBack, Rejected
from connectors.gorgias import events, history, people, touches, translate, wire
from connectors.gorgias.api import SYSTEM, Api
from connectors.gorgias.late import LateWrites
from connectors.gorgias.settings import Settings, is_id
from connectors.model import Observation, Ticket, TicketChange, TicketDraft
from connectors.reading import answer_of

MOST_PAGES = 10
MOST_CUSTOMERS = 3
MOST_READ = 3
"""Of a customer's open tickets, whose first message is read as well."""
MOST_AUTHORS = 5
_OLDEST = {"order_by": "created_datetime:asc", "trashed": "false"}
_NEWEST = {"order_by": "created_datetime:desc", "trashed": "false"}


class Tickets:
    """What is done with the tickets of one account."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self._settings = settings
        self._name = connection.name
        origin = connection.base_url.rstrip("/") or f"https://{settings.domain}.gorgias.com"
        self._agent_url = f"{origin}/app/ticket/"
        self._api = Api(settings, connection)
        self._late = LateWrites(SYSTEM, connection.clock)

    def render_open(self, draft: TicketDraft) -> bytes:
        """The request that opens *draft* with an internal note, so that nobody is written to."""
        settings = self._settings
        return translate.open_request(
            draft, sender=settings.sender, teams=settings.teams, order_field=settings.order_field_id
        )

    async def open_ticket(self, request: bytes, idempotency_key: str) -> Ticket:
        """Open a ticket, unless one with its external id is there. Other bytes under the same key are Rejected.

        Gorgias has no idempotency keys, so a try whose answer was lost is given time to arrive before the next one.
        """
        external_id, sent = translate.signed_opening(request, idempotency_key)
        name = f"open:{idempotency_key}"
        if external_id and (known := await self._opened(external_id, request, idempotency_key)):
            return self._ticket(known)
        self._late.wait_for(name)
        with self._late.watch(name):
            answer = await self._api.write("POST", "/api/tickets", sent)
            return self._ticket(answer.read(wire.Ticket))

    async def find_ticket(self, external_id: str) -> Ticket | None:
        """The oldest ticket with this external id, which Gorgias does not keep unique."""
        found = await self._alive(external_id)
        return self._ticket(found[0]) if found else None

    async def read_ticket(self, ticket_id: str) -> Ticket:
        """The ticket with its customer's e-mail address. Raises Missing when it was deleted or is in the trash."""
        return self._ticket(await self._read(ticket_id))

    async def tickets_of(self, email: str) -> tuple[Ticket, ...]:
        """What the customer wrote, newest first; neither spam nor what we opened ourselves."""
        wanted = translate.usable_email(email)
        if wanted is None:
            return ()
        found: list[wire.Ticket] = []
        for customer in (await self._customers(wanted))[:MOST_CUSTOMERS]:
            page, _ = await self._api.page("/api/tickets", {**_NEWEST, "customer_id": str(customer)}, wire.TicketPage)
            found += [ticket for ticket in page.data if not (translate.is_gone(ticket) or ticket.spam)]
        theirs = [ticket for ticket in found if not (ticket.external_id or "").startswith(translate.OURS)]
        theirs.sort(key=lambda ticket: ticket.id, reverse=True)
        whole = await self._whole([ticket for ticket in theirs if translate.state_of(ticket) != "solved"][:MOST_READ])
        return tuple(self._ticket(whole.get(ticket.id, ticket), wanted) for ticket in theirs)

    async def was_touched_by_a_person(self, ticket: Ticket) -> bool:
        """Whether anybody wrote or changed something by hand, but us and the customer."""
        ours = await self._api.ours()
        addresses = {(user.email or "").lower() for user in ours}
        customers: set[int | None] = set()
        async for page in self._messages(ticket.id):
            if any(touches.wrote_by_hand(message, addresses) for message in page.data):
                return True
            customers |= {m.sender.id for m in page.data if m.sender and translate.is_theirs(m)}
        asked = {"object_id": ticket.id, "object_type": "Ticket", "order_by": "created_datetime:desc"}
        actors: set[int] = set()
        async for events_page in self._api.pages("/api/events", asked, wire.EventPage, MOST_PAGES):
            actors |= touches.actors(events_page.data, {*(user.id for user in ours), *customers})
        return len(actors) > MOST_AUTHORS or any([await self._is_person(actor) for actor in sorted(actors)])

    def render_change(self, change: TicketChange) -> bytes:
        """The request that makes *change*. Where a reply goes, and which tags are new, is found when it is sent."""
        return translate.change_request(change, sender=self._settings.sender)

    async def change_ticket(self, ticket: Ticket, request: bytes) -> Ticket:
        """Change a ticket. Raises Collided when *ticket* is no longer the latest, Missing, Rejected.

        It takes several requests. What may be repeated goes first and the message, which carries the marker, last:
        where the message is, everything is.
        """
        change = translate.read_change(request)
        name = f"change:{ticket.id}:{change.marker}"
        found = await self._read(ticket.id)
        if ticket.version and translate.version_of(found) != ticket.version:
            raise Collided(SYSTEM, f"ticket {ticket.id} has changed since it was read", status=409)
        self._late.wait_for(name)
        message = change.message
        if change.is_public:
            message = translate.addressed(message, found, self._settings.reply_from)
        path = _ticket_path(ticket.id)
        if change.values:
            await self._update(path, change.values)
        # The marker of a reply must not be there before the reply is.
        if tags := [t for t in change.add_tags if t not in translate.tags_of(found) and t != change.marker]:
            await self._add_tags(path, tags)
        with self._late.watch(name):
            answer = await self._api.write("POST", f"{path}/messages", msgspec.json.encode(message, order="sorted"))
            answer.read(wire.Message)
        return await self._after(ticket, change)

    async def has_note(self, ticket_id: str, marker: str) -> bool:
        """Whether a note of ours with this marker is there, newest first."""
        is_empty = True
        async for page in self._messages(ticket_id):
            is_empty = is_empty and not page.data
            if any(translate.has_marker(message, marker) for message in page.data):
                return True
        if is_empty:
            await self._read(ticket_id)  # a ticket has at least one message, so this one may not be there
        return False

    async def last_reply(self, ticket_id: str) -> datetime | None:
        """When anybody but the customer last wrote in public. Raises Missing."""
        is_empty = True
        async for page in self._messages(ticket_id):
            is_empty = is_empty and not page.data
            if (found := translate.last_reply(page.data)) is not None:
                return found
        if is_empty:
            await self._read(ticket_id)
        return None

    async def read_contact(self, ticket_id: str) -> Observation | None:
        """What the customer wrote in a ticket, as of now; None for one that we opened. Raises Missing."""
        found = (await self._api.read(_ticket_path(ticket_id))).read(wire.Ticket)
        if (found.external_id or "").startswith(translate.OURS):
            return None
        with answer_of(SYSTEM):
            return events.contact(found, self._name, f"{self._agent_url}{found.id}")

    async def read_back(self, cursor: Cursor, *, now: datetime) -> ReadBack:
        """One page of the tickets that have changed, in the words of our webhook: Gorgias never sends one again."""
        return await history.read_back(self._api, self._name, cursor, now=now)

    # --- parts of these ---

    async def _read(self, ticket_id: str) -> wire.Ticket:
        found = (await self._api.read(_ticket_path(ticket_id))).read(wire.Ticket)
        if translate.is_gone(found):
            raise Missing(SYSTEM, f"ticket {ticket_id} is in the trash")
        return found

    async def _alive(self, external_id: str) -> list[wire.Ticket]:
        """All with this external id that are not in the trash, the oldest first."""
        found: list[wire.Ticket] = []
        asked = {**_OLDEST, "external_id": external_id}
        async for page in self._api.pages("/api/tickets", asked, wire.TicketPage, MOST_PAGES):
            found += [t for t in page.data if t.external_id == external_id and not translate.is_gone(t)]
        return sorted(found, key=lambda ticket: ticket.id)

    async def _opened(self, external_id: str, request: bytes, key: str) -> wire.Ticket | None:
        """The ticket that this very request opened before, or another key's: that is somebody else's affair."""
        alive = await self._alive(external_id)
        expected = translate.fingerprint(request, key)
        by_key = expected.partition("-")[0]
        for ticket in alive:
            mark = translate.fingerprint_of(ticket)
            if mark and mark != expected and mark.partition("-")[0] == by_key:
                raise Rejected(SYSTEM, "the same key was used for another request before")
        return alive[0] if alive else None

    async def _whole(self, tickets: list[wire.Ticket]) -> dict[int, wire.Ticket]:
        """Tickets with their messages, which lists leave out; those that cannot be read are left as they are."""

        async def read(ticket: wire.Ticket) -> wire.Ticket:
            try:
                return await self._read(str(ticket.id))
            except Missing:
                return ticket

        return {found.id: found for found in await asyncio.gather(*(read(ticket) for ticket in tickets))}

    def _messages(self, ticket_id: str) -> AsyncIterator[wire.MessagePage]:
        _ticket_path(ticket_id)
        asked = {"ticket_id": ticket_id, "order_by": "created_datetime:desc"}
        return self._api.pages("/api/messages", asked, wire.MessagePage, MOST_PAGES)

    async def _customers(self, email: str) -> list[int]:
        """Ids of the customers with exactly this address, the oldest first."""
        page, _ = await self._api.page("/api/customers", {"email": email}, wire.CustomerPage)
        return sorted(customer.id for customer in page.data if translate.has_address(customer, email))

    async def _is_person(self, user_id: int) -> bool:
        """Whoever is gone by now was somebody."""
        try:
            return not people.is_machine((await self._api.read(f"/api/users/{user_id}")).read(wire.User))
        except Missing:
            return True

    async def _update(self, path: str, values: dict[str, object]) -> None:
        answer = await self._api.write("PUT", path, msgspec.json.encode(values, order="sorted"))
        if answer.body:
            answer.read(wire.Ticket)

    async def _add_tags(self, path: str, tags: list[str]) -> None:
        await self._api.write("POST", f"{path}/tags", msgspec.json.encode({"names": tags}))

    async def _after(self, ticket: Ticket, change: translate.Change) -> Ticket:
        """The ticket once the message is there. Trouble from here on must not look as if it were not."""
        try:
            if change.marker in change.add_tags:
                await self._add_tags(_ticket_path(ticket.id), [change.marker])
            found = await self._read(ticket.id)
            wanted = change.values.get("status")
            if wanted and found.status != wanted:
                # A rule may open a ticket again when it gets a message.
                await self._update(_ticket_path(ticket.id), {"status": wanted})
                found = await self._read(ticket.id)
        except ConnectorError:
            return msgspec.structs.replace(ticket, version="")
        return self._ticket(found, ticket.requester_email)

    def _ticket(self, found: wire.Ticket, requester_email: str = "") -> Ticket:
        made = translate.ticket(found, url=f"{self._agent_url}{found.id}", order_field=self._settings.order_field_id)
        if requester_email and not made.requester_email:
            made = msgspec.structs.replace(made, requester_email=requester_email)
        return made


def _ticket_path(ticket_id: str) -> str:
    if not is_id(ticket_id):
        raise Missing(SYSTEM, "not the number of a ticket")
    return f"/api/tickets/{ticket_id}"
