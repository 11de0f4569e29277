"""This file reads an order anew once something was done to it, so that everybody sees it as it is from then on.

What cannot be had is left: the systems' own webhooks tell it too.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import structlog

from connectors.contract import ConnectorError, OrderSource, PaymentSource, WorkSource
from connectors.model import Observation, References
from connectors.transport import Clock
from server.flows.process import record_looks
from server.model import OrderKey, OrderRecord
from server.store.contract import Store, StoreUnavailable
from server.workspaces import Workspace

log = structlog.get_logger()

LONGEST_LOOK = 10.0
"""Seconds for all of it."""
Look = Callable[[], Awaitable[Iterable[Observation]]]


async def read_again(workspace: Workspace, key: OrderKey, connection: str, store: Store, clock: Clock) -> None:
    """Ask the order's shop, and *connection* which has just done something. Never raises but when it is cancelled."""
    try:
        async with asyncio.timeout(LONGEST_LOOK):
            record = await store.read(lambda tx: tx.record(key))
            looks = _looks(workspace, key, connection, record)
            found = await asyncio.gather(*(_tried(key, look) for look in looks))
            await record_looks(store, clock, workspace.name, [seen for each in found for seen in each])
    except (TimeoutError, StoreUnavailable) as error:
        log.info("not_read_again", order=str(key), reason=str(error) or type(error).__name__)


def _looks(workspace: Workspace, key: OrderKey, connection: str, record: OrderRecord | None) -> list[Look]:
    looks: list[Look] = []
    shop: object = workspace.connections.get(key.shop)
    source: object = workspace.connections.get(connection)
    if isinstance(shop, OrderSource):
        looks.append(partial(_one, shop.read_order, key.order_id))
    if isinstance(shop, WorkSource) and shop.can_look:
        looks.append(partial(_one, shop.read_work, key.order_id))
    if isinstance(source, PaymentSource) and connection != key.shop:
        about = References(order_ids=(key.order_id,), payments=_payments(record, connection))
        looks.append(partial(source.read_payments, about))
    return looks


async def _one(read: Callable[[str], Awaitable[Observation]], order_id: str) -> tuple[Observation, ...]:
    return (await read(order_id),)


def _payments(record: OrderRecord | None, connection: str) -> tuple[str, ...]:
    """All names of the order's payments that *connection* has spoken of."""
    words = record.payments.values() if record else ()
    said = [by_source[connection].facts for by_source in words if connection in by_source]
    return tuple(dict.fromkeys(name for payment in said for name in (payment.id, *payment.references)))


async def _tried(key: OrderKey, look: Look) -> tuple[Observation, ...]:
    try:
        return tuple(await look())
    except ConnectorError as error:
        log.info("not_read_again", order=str(key), reason=str(error))
    except Exception:
        log.exception("look_broke", order=str(key))
    return ()
