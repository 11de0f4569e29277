"""Whatever anybody puts into an address, the answer is an honest status and never a failure of ours."""

from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.app import create_app
from server.flows import tokens
from server.model import Role

TEXT = st.text(max_size=300)
SHAPES = st.sampled_from(
    [
        "/v1/orders/acme/{}/context?live=false",
        "/v1/orders/{}/1001/context?live=false",
        "/v1/orders/acme?live=false&q={}",
        "/v1/tickets/acme/desk/{}/context?live=false",
        "/v1/tickets/acme/{}/77/context?live=false",
        "/v1/issues/acme?state={}",
        "/v1/orders/acme/1001/context?live=false&wait={}",
        "/v1/orders/acme/1001/context?live={}",
        "/webhooks/{}",
        "/{}",
    ]
)


@pytest.fixture
async def agent(parts):
    token = await tokens.create(parts.store, parts.clock, "acme", Role.AGENT, "Ann")
    return {"authorization": f"Bearer {token}"}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shape=SHAPES, text=TEXT)
async def test_no_address_makes_the_server_fail(parts, agent, shape, text):
    address = shape.format(quote(text.encode("utf-8", "replace"), safe=""))
    transport = httpx.ASGITransport(create_app(parts))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get(address, headers=agent)
    assert answer.status_code < 500
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
