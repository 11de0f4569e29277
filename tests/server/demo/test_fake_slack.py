"""The stand-in for Slack, judged by Slack's own client, and the one for a warehouse by the library it stands for."""

import base64
from datetime import UTC, datetime

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from standardwebhooks.webhooks import Webhook as Sender

from connectors import registry
from connectors.connection import Connection
from connectors.contract import Arrival
from connectors.model import Notice
from server.demo import slack, warehouse
from server.demo.serving import served

NOW = datetime.now(UTC)


@pytest.fixture
async def address():
    fake = slack.FakeSlack(lambda: NOW)
    async with served(fake, 0) as url:
        yield fake, url


async def test_slacks_own_client_reads_what_it_answers(address):
    fake, url = address
    client = AsyncWebClient(token=slack.TOKEN, base_url=f"{url}/api/")
    assert (await client.auth_test())["team"] == "Acme"
    posted = await client.chat_postMessage(channel="#logistics", text="Hello")
    await client.chat_update(channel=posted["channel"], ts=posted["ts"], text="Bye")
    assert fake.texts("#logistics") == ["Bye"]
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel="#nowhere", text="Hello")
    assert caught.value.response["error"] == "channel_not_found"
    with pytest.raises(SlackApiError, match="invalid_auth"):
        await AsyncWebClient(token="xoxb-other", base_url=f"{url}/api/").auth_test()


async def test_our_connector_finds_in_it_what_it_sent(address):
    fake, url = address
    connection = Connection(workspace="acme", name="chat", base_url=url, allow_private=True)
    made = registry.connect("slack", {"bot_token": slack.TOKEN}, connection)
    request = made.render_notice(Notice(key="k", to="#logistics", headline="H", text="H, and more."))
    receipt = await made.send(request, "k")
    assert receipt == f"{slack.CHANNELS['#logistics']}|{fake.messages[0].ts}"
    earlier = datetime.fromtimestamp(NOW.timestamp() - 30, UTC)
    assert await made.arrival(request, "k", earlier) is Arrival.ARRIVED
    assert await made.arrival(request, "other", earlier) is Arrival.REPEATABLE
    await made.edit(receipt, request)
    assert fake.messages[0].edits == 1
    await made.close()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 202),
        ({"webhook-id": "other"}, 401),
        ({"webhook-timestamp": "1"}, 401),
        ({"webhook-signature": "v1,x"}, 401),
    ],
)
async def test_warehouse_takes_what_is_signed_by_the_standard(change, status):
    fake = warehouse.FakeWarehouse(lambda: NOW)
    body = '{"type": "issue.opened", "data": {"order_name": "#1"}}'
    signature = Sender(warehouse.SECRET).sign("msg_1", NOW, body)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": signature,
        **change,
    }
    transport = httpx.ASGITransport(app=fake.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://warehouse") as client:
        answers = [await client.post("/tasks", content=body, headers=headers) for _ in range(2)]
    assert answers[0].status_code == status
    assert (len(fake.tasks), fake.repeats) == ((1, 1) if status == 202 else (0, 0))


def test_secret_is_long_enough():
    assert len(base64.b64decode(warehouse.SECRET.removeprefix("whsec_"))) >= 24
