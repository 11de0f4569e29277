"""Webhooks are checked, stored and answered; nothing of what arrives is lost or taken on trust."""

import asyncio

import httpx
import pytest

from server.app import create_app
from server.web import webhooks
from server.web.webhooks import LARGEST_BODY, joined_headers

GOOD = {"x-signature": "good"}
PATH = "/webhooks/acme.shop"


async def test_a_webhook_is_stored_then_answered_then_worked_on(client, parts):
    answer = await client.post(PATH, content=b'{"id": 1}', headers=GOOD)
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted"})
    [item] = parts.store.accepted
    assert (item.workspace, item.connection, item.body) == ("acme", "shop", b'{"id": 1}')
    assert parts.engine.woken == 1


async def test_a_repeat_is_a_duplicate(client):
    await client.post(PATH, content=b"{}", headers=GOOD)
    answer = await client.post(PATH, content=b"{}", headers=GOOD)
    assert (answer.status_code, answer.json()) == (202, {"status": "duplicate"})


async def test_the_body_is_kept_to_the_byte(client, parts):
    body = b'\xef\xbb\xbf{ "a":\r\n 1}\xff\x00'
    await client.post(PATH, content=body, headers={**GOOD, "content-encoding": "gzip", "content-type": "text/plain"})
    assert parts.store.accepted[0].body == body


@pytest.mark.parametrize("headers", [{}, {"x-signature": "bad"}, [("x-signature", "good"), ("x-signature", "good")]])
async def test_a_signature_that_does_not_hold_is_a_401_and_nothing_is_stored(client, parts, headers):
    answer = await client.post(PATH, content=b"{}", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert parts.store.accepted == []
    assert parts.engine.woken == 0


@pytest.mark.parametrize(
    "address", ["acme.nowhere", "nowhere.shop", "acme", "acme.", ".shop", "acme.shop.x", "acme.stripe", "%00"]
)
async def test_an_unknown_address_is_a_404(client, address):
    answer = await client.post(f"/webhooks/{address}", content=b"{}", headers=GOOD)
    assert answer.status_code == 404


async def test_two_megabytes_fit_and_a_byte_more_does_not(client, parts):
    answer = await client.post(PATH, content=b"a" * LARGEST_BODY, headers=GOOD)
    assert answer.status_code == 202
    answer = await client.post(PATH, content=b"a" * (LARGEST_BODY + 1), headers=GOOD)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert len(parts.store.accepted) == 1


async def test_a_body_of_unknown_length_is_cut_at_the_same_size(parts):
    async def pieces():
        for _ in range(10_000):
            nonlocal sent
            sent += 65536
            yield b"a" * 65536

    sent = 0
    transport = httpx.ASGITransport(create_app(parts))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.post(PATH, content=pieces(), headers=GOOD)
    assert answer.status_code == 413
    assert sent == 33 * 65536
    assert parts.store.accepted == []


async def test_what_could_not_be_stored_is_a_503_to_be_sent_again(client, parts):
    parts.store.broken = True
    answer = await client.post(PATH, content=b"{}", headers=GOOD)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    parts.store.broken = False
    answer = await client.post(PATH, content=b"{}", headers=GOOD)
    assert answer.json() == {"status": "accepted"}


async def test_storage_that_hangs_is_a_503_before_the_sender_gives_up(client, parts, monkeypatch):
    monkeypatch.setattr(webhooks, "LONGEST_WAIT", 0.01)
    parts.store.gate = asyncio.Event()
    answer = await client.post(PATH, content=b"{}", headers=GOOD)
    assert answer.status_code == 503


async def test_only_post_is_answered(client):
    answer = await client.get(PATH)
    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")
    assert "POST" in answer.headers["allow"]


def test_headers_sent_twice_are_joined():
    raw = [(b"x-a", b"1"), (b"x-b", b"2"), (b"x-a", b"\xe9")]
    assert joined_headers(raw) == {"x-a": "1, é", "x-b": "2"}
