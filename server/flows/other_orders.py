"""This file lists a customer's other orders, each with its status before any detail, from what is stored."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from server.context import CandidateContext, Context
from server.flows.draw import candidate
from server.model import OrderKey, OrderRecord, OrderView
from server.rules.assess import assess
from server.rules.timeline import view
from server.store.contract import Reading, Reference, ReferenceKind, Store
from server.workspaces import Workspace
from sidebar import words
from sidebar.panel import Candidate
from sidebar.tones import Pill, Tone

MOST_OTHERS = 10


async def other_orders(store: Store, workspace: Workspace, context: Context, now: datetime) -> tuple[Candidate, ...]:
    """The other orders of the customer whose order *context* shows, newest first. Raises StoreUnavailable.

    Only by e-mail address: a phone number may be a household's.
    """
    email = (context.customer.email if context.customer else None) or ""
    if context.order is None or not email:
        return ()
    own = (context.order.shop, context.order.id)
    reference = Reference(ReferenceKind.EMAIL, email.strip().casefold())

    def work(tx: Reading) -> list[OrderRecord]:
        found = tx.search(workspace.name, [reference], MOST_OTHERS + 1)
        keys = [summary.key for summary in found if (summary.key.shop, summary.key.order_id) != own]
        return [record for key in keys[:MOST_OTHERS] if (record := tx.record(key))]

    return tuple(_drawn(view(record), workspace, now) for record in await store.read(work))


async def with_status(
    store: Store, workspace: Workspace, found: Iterable[CandidateContext], now: datetime
) -> tuple[Candidate, ...]:
    """Orders to choose from, with the status of those that are stored. Raises StoreUnavailable."""
    wanted = list(found)

    def work(tx: Reading) -> list[OrderRecord | None]:
        return [tx.record(OrderKey(workspace.name, one.shop, one.order_id)) for one in wanted]

    records = await store.read(work)
    return tuple(
        _labelled(one, view(record) if record else None, workspace, now)
        for one, record in zip(wanted, records, strict=True)
    )


def _labelled(found: CandidateContext, order: OrderView | None, workspace: Workspace, now: datetime) -> Candidate:
    plain = candidate(found, workspace.timezone, now)
    if order is None:
        return plain
    return Candidate(
        reference=plain.reference,
        shop=plain.shop,
        title=plain.title,
        line=plain.line,
        match=plain.match,
        pills=_pills(order, workspace, now),
    )


def _drawn(order: OrderView, workspace: Workspace, now: datetime) -> Candidate:
    facts = order.order
    return Candidate(
        reference=order.key.order_id,
        shop=order.key.shop,
        title=f"Order {facts.name or order.key.order_id}",
        line=_line(order, workspace.timezone, now),
        pills=_pills(order, workspace, now),
    )


def _line(order: OrderView, zone: ZoneInfo, now: datetime) -> str:
    facts = order.order
    placed = words.day(facts.placed_at, zone, now) if facts.placed_at else ""
    return " · ".join(part for part in (placed, str(facts.total or "")) if part)


def _pills(order: OrderView, workspace: Workspace, now: datetime) -> tuple[Pill, ...]:
    """How it stands: cancelled or paid, shipped, and whether its promise is in danger."""
    facts = order.order
    first = Pill("Cancelled", Tone.BAD) if facts.cancelled_at else words.payment(facts.financial_state)
    found = assess(order, now, workspace.policy, workspace.learner.transit)
    pills = [first, words.fulfilment(facts.fulfillment_state)]
    if found.promise and found.promise.level not in ("on_track",):
        pills.append(words.level(found.promise.level))
    return tuple(pills)
