"""Taking webhooks in."""

import pytest

from connectors.contract import Forged
from connectors.transport import Clock as ClockType
from server.errors import NotFound
from server.flows import intake
from server.store.contract import InboxState, StoreUnavailable
from server.store.sqlite import SqliteStore
from tests.server.desk import NOW, Clock, FakeHelpdesk, make_workspace

GOOD = {"x-signature": "good", "x-topic": "orders/paid"}


@pytest.fixture
async def store(tmp_path):
    opened = await SqliteStore.open(tmp_path / "beforehand.db", clock=Clock())
    yield opened
    await opened.close()


@pytest.fixture
def accept(store):
    workspaces = {"acme": make_workspace("acme", desk=FakeHelpdesk()), "globex": make_workspace("globex")}
    clock: ClockType = Clock()

    async def call(body=b"{}", headers=GOOD, address="acme.shop"):
        return await intake.accept(workspaces, store, clock, address, headers, body)

    return call


async def rows(store):
    return await store.read(lambda tx: tx.inbox(InboxState, 100))


async def test_a_signed_webhook_is_stored_as_it_came(accept, store):
    assert await accept(b'{"id": 1}', {**GOOD, "x-id": "e1", "content-type": "application/json"}) == "accepted"
    (row,) = await rows(store)
    assert (row.item.workspace, row.item.connection, row.item.body) == ("acme", "shop", b'{"id": 1}')
    assert (row.item.delivery_key, row.item.received_at, row.state) == ("orders/paid|e1", NOW, InboxState.NEW)
    assert row.item.headers == {"x-topic": "orders/paid", "x-id": "e1", "content-type": "application/json"}


async def test_a_forged_webhook_is_not_stored(accept, store):
    with pytest.raises(Forged):
        await accept(headers={"x-signature": "bad"})
    assert await rows(store) == ()


@pytest.mark.parametrize(
    "address",
    ["acme.nothing", "nobody.shop", "acme", "", ".shop", "acme.", "acme.shop.more", "acme.desk"],
)
async def test_an_address_that_takes_no_webhooks_is_not_found(accept, store, address):
    with pytest.raises(NotFound, match="no connection at this address"):
        await accept(address=address)
    assert await rows(store) == ()


@pytest.mark.parametrize(
    ("first", "second", "result"),
    [
        ({"x-id": "e1"}, {"x-id": "e1"}, "duplicate"),
        ({"x-id": "e1"}, {"x-id": "fresh"}, "duplicate"),
        ({"x-id": "e1"}, {}, "duplicate"),
        ({}, {}, "duplicate"),
        ({"x-id": "e1"}, {"x-id": "e1", "x-topic": "orders/updated"}, "accepted"),
    ],
    ids=["same", "fresh unsigned id", "id left out", "no id", "other topic"],
)
async def test_the_same_word_is_taken_once(accept, first, second, result):
    assert await accept(headers={**GOOD, **first}) == "accepted"
    assert await accept(headers={**GOOD, **second}) == result


async def test_the_same_id_with_another_body_is_a_repeat_and_another_id_with_another_body_is_not(accept):
    assert await accept(b"1", {**GOOD, "x-id": "e1"}) == "accepted"
    assert await accept(b"2", {**GOOD, "x-id": "e1"}) == "duplicate"
    assert await accept(b"2", {**GOOD, "x-id": "e2"}) == "accepted"


async def test_the_same_body_at_another_address_is_another_event(accept):
    assert await accept(address="acme.shop") == "accepted"
    assert await accept(address="globex.shop") == "accepted"


async def test_secrets_and_the_way_here_are_not_kept(accept, store):
    dropped = {
        "authorization": "Bearer secret",
        "cookie": "a=b",
        "x-shopify-hmac-sha256": "abc",
        "stripe-signature": "t=1",
        "x-zendesk-webhook-signature": "abc",
        "x-api-key": "secret",
        "x-shopify-access-token": "secret",
        "x-forwarded-for": "10.0.0.1",
        "x-real-ip": "10.0.0.1",
        "host": "example.com",
        "user-agent": "Shopify",
        "x-long": "y" * 5000,
    }
    await accept(headers={**GOOD, **dropped, "x-shopify-triggered-at": "2026-11-18T15:00:00Z"})
    (row,) = await rows(store)
    assert row.item.headers == {"x-topic": "orders/paid", "x-shopify-triggered-at": "2026-11-18T15:00:00Z"}


async def test_a_store_that_cannot_take_it_is_said(accept, store):
    await store.close()
    with pytest.raises(StoreUnavailable):
        await accept()
