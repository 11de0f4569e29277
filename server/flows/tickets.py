"""This file finds the order that a helpdesk ticket is about, and says by what, so that a weak match shows as one.

From the surest to the weakest: a link of our own, the ticket's order field, an order or tracking number in its
subject, one in its first message, the customer's e-mail.
"""

import asyncio
from collections.abc import Iterator, Sequence

import structlog
from msgspec import Struct

from connectors.contract import ConnectorError, Helpdesk, Missing
from connectors.model import Ticket
from server.context import CandidateContext
from server.errors import NotFound
from server.flows.resolve import Ambiguous, Candidate, Finder, as_context, numbers
from server.model import OrderKey
from server.rules.identity import mentions, parse_query
from server.store.contract import Reading, Reference, ReferenceKind, StoreUnavailable

OURS = "Beforehand opened this ticket"
LINKED = "this ticket was found to be about it before"
FIELD = "the order field of the ticket"
EMAIL_ONLY = "the customer's e-mail only"
OTHER_CUSTOMER = ", but the order has another e-mail address"
MOST_ISSUES = 5000
MOST_TEXTS = 3
"""Numbers in a ticket about which the shops are asked."""

log = structlog.get_logger()


class TicketMatch(Struct, frozen=True, kw_only=True):
    """What a ticket was found to be about: one order, or none (`candidates` are those that it may mean)."""

    order: Candidate | None = None
    key: OrderKey | None = None
    matched_by: str | None = None
    candidates: tuple[CandidateContext, ...] = ()


class _Clue(Struct, frozen=True):
    """Something in a ticket that may name an order: where it stands, what it may mean, and how it is written."""

    where: str
    references: tuple[Reference, ...]
    texts: tuple[str, ...]

    def label(self, candidate: Candidate) -> str:
        """By what the order was found."""
        return self.where if self.where == FIELD else f"{candidate.match} {self.where}"


async def match_ticket(finder: Finder, connection: str, ticket_id: str, *, live: bool, deadline: float) -> TicketMatch:
    """The order that a ticket is about. Raises NotFound where there is no such helpdesk or ticket."""
    helpdesk = finder.reach.helpdesks.get(connection)
    if helpdesk is None:
        raise NotFound(f"no helpdesk is connected as {connection}")
    if linked := await _linked(finder, connection, ticket_id):
        # Its number came from a browser: what is known of it is shown once the helpdesk knows it too.
        if live and not finder.reach.is_confirmed(connection, ticket_id, finder.clock()):
            await _fetch(finder, helpdesk, connection, ticket_id, deadline)
        return linked
    if not live:
        finder.sources.expect(connection, finder.reach.system(connection), ("ticket", ticket_id))
        return TicketMatch()
    ticket = await _fetch(finder, helpdesk, connection, ticket_id, deadline)
    return await _read(finder, connection, ticket, deadline) if ticket else TicketMatch()


async def _fetch(finder: Finder, helpdesk: Helpdesk, connection: str, ticket_id: str, deadline: float) -> Ticket | None:
    """The ticket as the helpdesk has it; None where it cannot be asked right now."""
    system, topic = finder.reach.system(connection), ("ticket", ticket_id)
    loop = asyncio.get_running_loop()
    started = loop.time()
    try:
        async with asyncio.timeout_at(min(deadline, started + finder.source_seconds)):
            ticket = await helpdesk.read_ticket(ticket_id)
    except Missing as error:
        raise NotFound(f"{system} has no ticket {ticket_id}") from error
    except (ConnectorError, TimeoutError) as error:
        failure: Exception = error
    except Exception as error:
        log.exception("source_failed", connection=connection, system=system)
        failure = error
    else:
        finder.sources.heard(connection, system, topic, finder.clock(), _milliseconds(started))
        finder.reach.confirm(connection, ticket_id, finder.clock())
        return ticket
    finder.sources.failed(connection, system, topic, failure, _milliseconds(started))
    return None


def _milliseconds(started: float) -> int:
    return round((asyncio.get_running_loop().time() - started) * 1000)


async def _linked(finder: Finder, connection: str, ticket_id: str) -> TicketMatch | None:
    workspace = finder.reach.workspace.name
    reference = Reference(ReferenceKind.TICKET, f"{connection}|{ticket_id}")

    def work(tx: Reading) -> tuple[tuple[OrderKey, ...], bool]:
        keys = tx.find(workspace, [reference])
        issues = tx.issues_of(keys[0]) if len(keys) == 1 else ()
        links = (issue.ticket for issue in issues if issue.ticket)
        return keys, any(
            (link.connection, link.ticket_id, link.is_ours) == (connection, ticket_id, True) for link in links
        )

    keys, is_ours = await finder.store.read(work)
    if len(keys) > 1:
        return _several([*await finder.stored([reference])], LINKED)
    return TicketMatch(key=keys[0], matched_by=OURS if is_ours else LINKED) if keys else None


async def _read(finder: Finder, connection: str, ticket: Ticket, deadline: float) -> TicketMatch:
    if key := await _by_external_id(finder, ticket.external_id):
        await _remember(finder, key, connection, ticket.id)
        return TicketMatch(key=key, matched_by=OURS)
    email = ticket.requester_email.strip().casefold()
    own = await finder.stored([Reference(ReferenceKind.EMAIL, email)]) if email else []
    clues = list(_clues(ticket))
    doubtful: list[tuple[Candidate, str]] = []
    for clue in clues:
        found = await finder.stored(clue.references)
        same = [candidate for candidate in found if candidate.summary.email.casefold() == email] if email else []
        if len(same or found) > 1:
            return TicketMatch(candidates=tuple(_labelled(each, clue.label(each)) for each in same or found))
        if not found:
            continue
        candidate = (same or found)[0]
        if same or not email or not candidate.summary.email:
            await _remember(finder, candidate.key, connection, ticket.id)
            return TicketMatch(order=candidate, key=candidate.key, matched_by=clue.label(candidate))
        doubtful.append((candidate, clue.label(candidate) + OTHER_CUSTOMER))
    if doubtful and own:
        first = [_labelled(candidate, label) for candidate, label in doubtful]
        return TicketMatch(candidates=(*first, *(_labelled(candidate, EMAIL_ONLY) for candidate in own)))
    if doubtful:
        candidate, label = doubtful[0]
        return TicketMatch(order=candidate, key=candidate.key, matched_by=label)
    return await _in_shops(finder, clues, email, own, deadline)


async def _in_shops(
    finder: Finder, clues: Sequence[_Clue], email: str, own: list[Candidate], deadline: float
) -> TicketMatch:
    """Nothing stored has any of the numbers: ask the shops, then fall back on the e-mail."""
    texts = {text: clue for clue in reversed(clues) for text in reversed(clue.texts)}
    for text, clue in list(reversed(texts.items()))[:MOST_TEXTS]:
        try:
            candidate = await finder.order(text, live=True, deadline=deadline)
        except NotFound:
            continue
        except Ambiguous as error:
            return TicketMatch(candidates=tuple(error.candidates))
        other = candidate.summary.email.casefold()
        return TicketMatch(
            order=candidate,
            key=candidate.key,
            matched_by=clue.label(candidate) + (OTHER_CUSTOMER if email and other and other != email else ""),
        )
    if email and not own:
        own = await finder.in_shops(email, deadline)
    if len(own) == 1:
        return TicketMatch(order=own[0], key=own[0].key, matched_by=EMAIL_ONLY)
    return _several(own, EMAIL_ONLY)


async def _by_external_id(finder: Finder, external_id: str) -> OrderKey | None:
    prefix = f"beforehand:{finder.reach.workspace.name}:"
    if not external_id.startswith(prefix):
        return None
    # A follow-up carries a number of its own behind the issue.
    issue_id = external_id.removeprefix(prefix).partition(":")[0]
    workspace = finder.reach.workspace.name
    issues = await finder.store.read(lambda tx: tx.issues(workspace, open_only=False, limit=MOST_ISSUES))
    return next((issue.order for issue in issues if issue.id == issue_id), None)


def _clues(ticket: Ticket) -> Iterator[_Clue]:
    for text in ticket.order_references:
        if references := numbers(parse_query(text)):
            yield _Clue(FIELD, references, (text,))
    for where, text in (("subject", ticket.subject), ("message", ticket.description)):
        if references := mentions(text):
            names = (found.value for found in references if found.kind is ReferenceKind.NAME)
            yield _Clue(f"in the {where}", references, tuple(names))


async def _remember(finder: Finder, key: OrderKey, connection: str, ticket_id: str) -> None:
    """So that next time nobody has to be asked. Not worth failing for."""
    try:
        await finder.store.write(lambda tx: tx.link_ticket(key, connection, ticket_id))
    except StoreUnavailable as error:
        log.warning("ticket_not_linked", order=str(key), reason=str(error))


def _several(found: Sequence[Candidate], where: str) -> TicketMatch:
    return TicketMatch(candidates=tuple(_labelled(candidate, where) for candidate in found))


def _labelled(candidate: Candidate, match: str) -> CandidateContext:
    return as_context(Candidate(summary=candidate.summary, match=match))
