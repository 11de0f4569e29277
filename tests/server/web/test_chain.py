"""The whole chain over the real database: a webhook in, a context out, what was seen live kept for the next one."""

from contextlib import asynccontextmanager

import httpx
import pytest

from server.app import Parts, create_app
from server.flows import tokens
from server.flows.process import process_inbox
from server.model import Role
from server.store.sqlite import SqliteStore


@pytest.fixture
async def store(tmp_path, fakes):
    found = await SqliteStore.open(tmp_path / "beforehand.db", clock=fakes.Clock())
    yield found
    await found.close()


@pytest.fixture
def shop(fakes):
    """A shop whose webhooks say what it has."""

    class Shop(fakes.Shop):
        def read(self, envelope):
            return (self.orders[envelope.body.decode()],)

    found = Shop()
    found.orders["5001"] = fakes.order_seen(at=fakes.NOW)
    return found


@pytest.fixture
def parts(store, shop, fakes):
    stripe = fakes.Payments()
    stripe.by_name["5001"] = (fakes.payment_seen(order_ids=("5001",)),)
    return Parts(
        settings=fakes.settings(source_seconds=1.0),
        store=store,
        workspaces={"acme": fakes.workspace(shop=shop, stripe=stripe, desk=fakes.Desk())},
        engine=fakes.Engine(),
        clock=fakes.Clock(),
    )


@asynccontextmanager
async def serving(parts):
    """The application in the loop of the test: a database belongs to the loop that opened it."""
    app = create_app(parts)
    transport = httpx.ASGITransport(app)
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def test_a_webhook_becomes_a_context_and_a_live_look_is_kept(parts, shop, fakes):
    work = parts.workspaces, parts.store, parts.clock
    token = await tokens.create(parts.store, parts.clock, "acme", Role.AGENT, "Ann")
    headers = {"authorization": f"Bearer {token}"}
    async with serving(parts) as client:
        for expected in ("accepted", "duplicate"):
            answer = await client.post("/webhooks/acme.shop", content=b"5001", headers={"x-signature": "good"})
            assert (answer.status_code, answer.json()) == (202, {"status": expected})
        await process_inbox(*work)
        stored = await client.get("/v1/orders/acme/%231001/context?live=false", headers=headers)
        assert stored.status_code == 200
        assert stored.json()["order"]["id"] == "5001"
        assert stored.json()["payments"] == []
        live = await client.get("/v1/orders/acme/%231001/context", headers=headers)
        assert [payment["id"] for payment in live.json()["payments"]] == ["pi_1"]
        await parts.gathering.close()
        await process_inbox(*work)
        again = await client.get("/v1/orders/acme/%231001/context?live=false", headers=headers)
        assert [payment["id"] for payment in again.json()["payments"]] == ["pi_1"]
        assert {s["connection"]: s["status"] for s in again.json()["sources"]} == {
            "shop": "stale",
            "stripe": "stale",
            "desk": "stale",
        }
        found = await client.get("/v1/orders/acme?q=JANE@example.com", headers=headers)
        assert [order["order_id"] for order in found.json()["orders"]] == ["5001"]


async def test_an_order_found_live_is_known_afterwards(parts, shop, fakes):
    token = await tokens.create(parts.store, parts.clock, "acme", Role.AGENT, "Ann")
    headers = {"authorization": f"Bearer {token}"}
    shop.orders["6001"] = fakes.order_seen("6001", "#2002")
    parts.workspaces["acme"].connections["desk"].hold("77", subject="#2002", requester_email="jane@example.com")
    async with serving(parts) as client:
        live = await client.get("/v1/tickets/acme/desk/77/context", headers=headers)
        assert (live.json()["order"]["id"], live.json()["matched_by"]) == ("6001", "order number in the subject")
        await parts.gathering.close()
        await process_inbox(parts.workspaces, parts.store, parts.clock)
        stored = await client.get("/v1/orders/acme/2002/context?live=false", headers=headers)
        assert stored.json()["order"]["id"] == "6001"


async def test_readiness_looks_at_the_real_database(parts, store):
    async with serving(parts) as client:
        assert (await client.get("/readyz")).status_code == 200
        await store.close()
        assert (await client.get("/readyz")).status_code == 503
