"""This file works through the inbox and through orders that are due: from what arrived to what is planned."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
import structlog
from msgspec import Struct

from connectors.contract import Envelope, Unreadable
from connectors.model import Observation
from connectors.transport import Clock
from server.errors import NotFound
from server.flows.intake import digest, event_source
from server.flows.judge import Judge, Outcome
from server.model import OrderKey
from server.store.contract import InboxItem, InboxRow, InboxState, Reading, Store, StoreUnavailable, Writing
from server.workspaces import Workspaces

T = TypeVar("T")
Notice = Callable[[str, Sequence[Observation]], None]
log = structlog.get_logger()

MOST_ATTEMPTS = 5
TOGETHER = 50
"""Rows or orders in one transaction: long enough to be quick, short enough to let webhooks in between."""
LIVE = "live"
"""Stands for the connection of what a live look has found."""
PUT_OFF = timedelta(hours=1)
"""When to look again at an order that cannot be judged."""

_decode_look = msgspec.json.Decoder(tuple[Observation, ...]).decode
_encode_look = msgspec.json.Encoder().encode


class Event(Struct, frozen=True):
    """A row of the inbox with what it says, or why it says nothing."""

    row: InboxRow
    observations: tuple[Observation, ...] = ()
    trouble: str = ""


async def process_inbox(
    workspaces: Workspaces, store: Store, clock: Clock, *, limit: int = 200, notice: Notice | None = None
) -> int:
    """Take up to *limit* new events into their orders. How many there were. Raises StoreUnavailable.

    *notice* is told of every event that was taken in, by its workspace.
    """
    rows = await store.read(lambda tx: _next_rows(tx, workspaces, limit))
    fresh = [row for row in rows if row.attempts == 0]
    # What was tried before may be what ended the process, so it is tried alone.
    chunks = [[row] for row in rows if row.attempts] + [fresh[i : i + TOGETHER] for i in range(0, len(fresh), TOGETHER)]
    for chunk in chunks:
        events = await _process(chunk, workspaces, store, clock)
        for event in events:
            if notice is not None and not event.row.item.is_look:
                notice(event.row.item.workspace, event.observations)
    return len(rows)


async def review_due(workspaces: Workspaces, store: Store, clock: Clock, limit: int = 200) -> int:
    """Look again at up to *limit* orders whose time has come. How many there were. Raises StoreUnavailable."""
    now = clock()

    def put_off(tx: Writing, key: OrderKey, _: Exception) -> None:
        tx.set_review(key, now + PUT_OFF)

    due = await store.read(lambda tx: tx.due_orders(now, limit))
    for start in range(0, len(due), TOGETHER):
        keys = due[start : start + TOGETHER]
        await _each(store, keys, lambda tx, keys: _review(tx, keys, workspaces, now), put_off)
    return len(due)


async def record_looks(store: Store, clock: Clock, workspace: str, observations: Sequence[Observation]) -> bool:
    """Take in what a live look has found, like any other event. False when there is nothing new in it."""
    return bool(observations) and await store.accept(look_item(workspace, observations, clock()))


def look_item(workspace: str, observations: Sequence[Observation], now: datetime) -> InboxItem:
    """The row of the inbox for what we have found out ourselves."""
    body = _encode_look(tuple(observations))
    return InboxItem(
        workspace=workspace,
        connection=LIVE,
        delivery_key="",
        digest=digest(body),
        headers={},
        body=body,
        received_at=now,
        is_look=True,
    )


# --- the inbox ------------------------------------------------------------------------------------------------------


def _next_rows(tx: Reading, workspaces: Workspaces, limit: int) -> list[InboxRow]:
    """The oldest new rows, of every workspace its share: a flood in one must not drown the others."""
    new = (InboxState.NEW,)
    found: dict[int, InboxRow] = {}
    if len(workspaces) > 1:
        share = max(1, limit // len(workspaces))
        found = {row.id: row for name in workspaces for row in tx.inbox(new, share, workspace=name)}
    for row in tx.inbox(new, limit) if len(found) < limit else ():
        if len(found) < limit:
            found[row.id] = row
    return [found[row_id] for row_id in sorted(found)]


async def _process(rows: Sequence[InboxRow], workspaces: Workspaces, store: Store, clock: Clock) -> Sequence[Event]:
    live = [row for row in rows if row.attempts < MOST_ATTEMPTS]
    if live:
        # Counted before the work: what kills the process is found out all the same.
        await store.write(lambda tx: tx.start_attempt([row.id for row in live]))
    events = [_read(row, workspaces) if row.attempts < MOST_ATTEMPTS else _given_up(row) for row in rows]
    now = clock()
    await _each(store, events, lambda tx, events: _take_in(tx, events, workspaces, now), _note_failure)
    return events


def _read(row: InboxRow, workspaces: Workspaces) -> Event:
    item = row.item
    try:
        if item.is_look:
            return Event(row, _decode_look(item.body))
        source = event_source(workspaces, item.workspace, item.connection)
        return Event(row, source.read(Envelope(item.headers, item.body, item.received_at)))
    except NotFound:
        return Event(row, trouble=f"the configuration has no connection {item.workspace}.{item.connection} any more")
    except Unreadable as error:
        return Event(row, trouble=str(error))
    except Exception as error:
        # A vendor's body must never stop us, whatever it does to a connector; too deep or too large included.
        log.exception("event_not_read", workspace=item.workspace, connection=item.connection, row=row.id)
        return Event(row, trouble=_in_words(error))


def _given_up(row: InboxRow) -> Event:
    last = row.reason or "the process ended while working on it"
    return Event(row, trouble=f"failed {row.attempts} times: {last}")


def _take_in(tx: Writing, events: Sequence[Event], workspaces: Workspaces, now: datetime) -> None:
    judges: dict[str, Judge] = {}
    for event in events:
        name = event.row.item.workspace
        if event.trouble or name not in workspaces:
            reason = event.trouble or f"the configuration has no workspace {name} any more"
            log.warning("event_dead", workspace=name, connection=event.row.item.connection, row=event.row.id)
            tx.settle(event.row.id, InboxState.DEAD, reason)
            continue
        if name not in judges:
            judges[name] = Judge(tx, workspaces[name], now)
        _settle(tx, event.row, judges[name].take_in(event.observations))
    for judge in judges.values():
        judge.finish()


def _settle(tx: Writing, row: InboxRow, outcome: Outcome) -> None:
    if outcome.waits_for:
        tx.wait_for(row.id, row.item.workspace, outcome.waits_for)
    else:
        tx.settle(row.id, outcome.state, outcome.reason)


def _note_failure(tx: Writing, event: Event, error: Exception) -> None:
    tx.settle(event.row.id, InboxState.NEW, _in_words(error))


# --- orders that are due --------------------------------------------------------------------------------------------


def _review(tx: Writing, keys: Sequence[OrderKey], workspaces: Workspaces, now: datetime) -> None:
    judges = {name: Judge(tx, workspaces[name], now) for name in {key.workspace for key in keys} & workspaces.keys()}
    for key in keys:
        if key.workspace in judges:
            judges[key.workspace].review(key)
        else:
            tx.set_review(key, now + PUT_OFF)


async def _each(
    store: Store,
    items: Sequence[T],
    work: Callable[[Writing, Sequence[T]], None],
    on_failure: Callable[[Writing, T, Exception], None],
) -> None:
    """Do all in one transaction; where that fails, each in its own, so that only what cannot be done suffers."""
    try:
        await store.write(lambda tx: work(tx, items))
    except StoreUnavailable:
        raise
    except Exception as error:
        if len(items) > 1:
            for item in items:
                await _each(store, [item], work, on_failure)
            return
        log.exception("not_processed", item=_name(items[0]))
        failure = error
        await store.write(lambda tx: on_failure(tx, items[0], failure))


def _name(item: object) -> str:
    return f"event {item.row.id}" if isinstance(item, Event) else str(item)


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
