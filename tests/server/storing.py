"""Rows, orders, issues and actions to put into a store."""

from datetime import timedelta

from connectors.model import Order
from server.model import (
    Action,
    ActionKind,
    Issue,
    IssueState,
    Kind,
    OrderKey,
    OrderRecord,
    Said,
    Severity,
)
from server.store.contract import (
    InboxItem,
    InboxState,
    Reference,
    ReferenceKind,
)
from tests.server.desk import NOW

KEY = OrderKey("acme", "shop", "5001")
OTHER = OrderKey("acme", "shop", "5002")
NAME = Reference(ReferenceKind.NAME, "1001")
PAYMENT = Reference(ReferenceKind.PAYMENT, "pi_1")
TICKET = Reference(ReferenceKind.TICKET, "desk|77")


def item(number=1, **facts):
    facts = {"workspace": "acme", "connection": "shop", "delivery_key": f"key-{number}", **facts}
    return InboxItem(
        digest=facts.pop("digest", number.to_bytes(16, "big")),
        headers={"x-topic": "orders/paid"},
        body=facts.pop("body", b'{"id":%d}' % number),
        received_at=NOW + timedelta(seconds=number, microseconds=1),
        **facts,
    )


def put(tx, key=KEY, references=(NAME,), *, review_at=None, placed_at=NOW, record=None):
    return tx.put_record(
        record or OrderRecord(key=key, order={"shop": Said(Order(id=key.order_id), {"id": NOW})}),
        references,
        review_at=review_at,
        name="#1001",
        placed_at=placed_at,
        email="jane@example.com",
        customer_name="Jane",
        total="$50.00",
    )


def issue(number=1, order=KEY, **facts):
    return Issue(
        id=f"issue{number}",
        order=order,
        kind=Kind.TRACKING_STALLED,
        severity=Severity.NORMAL,
        headline="has had no carrier scan",
        since=NOW,
        opened_at=NOW + timedelta(minutes=number),
        **{"state": IssueState.OPEN, **facts},
    )


def action(number=1, order=KEY, **facts):
    return Action(
        key=f"{order.order_id}:{number}",
        order=order,
        issue_ids=("issue1",),
        lead="issue1",
        created_at=NOW,
        **{"kind": ActionKind.ADD_NOTE, "connection": "desk", "not_before": NOW, **facts},
    )


async def ids(store, *states):
    return [row.id for row in await store.read(lambda tx: tx.inbox(states, 100))]


async def new_rows(store):
    return len(await store.read(lambda tx: tx.inbox([InboxState.NEW], 10_000)))


def large(number=1, size=8000):
    """As long as a shop's order is."""
    return item(number, body=b"x" * size)
