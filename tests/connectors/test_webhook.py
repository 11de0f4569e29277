"""The signed webhook, verified by the reference library of Standard Webhooks."""

import asyncio
import base64
import json
from datetime import UTC, datetime

import httpx
import pytest
import respx
from standardwebhooks.webhooks import Webhook as Receiver

from connectors import registry
from connectors.connection import Connection
from connectors.contract import Arrival, Denied, Missing, Rejected, TaskSink, Throttled, Unavailable, Unreachable
from connectors.model import Parcel, Task
from connectors.transport import build_client

SECRET = "whsec_" + base64.b64encode(bytes(range(24))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(40, 72))).decode()
URL = "https://wms.example/hooks/canary-path?token=canary-query"
TASK = Task(
    key="i1:opened:0:ab",
    event="issue.opened",
    at=datetime(2026, 11, 23, 12, tzinfo=UTC),
    workspace="acme",
    issue="i1",
    kind="cancellation_after_fulfillment",
    severity="high",
    order="5001",
    order_name="#1001",
    text="Order #1001 was cancelled é stop it.",
    parcels=(Parcel("ups", "1Z1"),),
)


@pytest.fixture
def router():
    with respx.mock(assert_all_called=False) as found:
        yield found


@pytest.fixture
async def webhook(router):
    made = connect(router)
    yield made
    await made.close()


def connect(router, base_url="", **settings):
    connection = Connection(
        workspace="acme",
        name="wms",
        base_url=base_url,
        clients=lambda _: httpx.AsyncClient(transport=httpx.MockTransport(router.async_handler)),
    )
    return registry.connect("webhook", {"url": URL, "secret": SECRET, **settings}, connection)


async def test_reference_library_verifies_what_we_send(webhook, router):
    route = router.post(URL).mock(return_value=httpx.Response(202))
    assert isinstance(webhook, TaskSink)
    request = webhook.render_task(TASK)
    await webhook.send(request, TASK.key)
    call = route.calls[0].request
    body = Receiver(SECRET).verify(call.content, dict(call.headers))
    assert (body["type"], body["timestamp"]) == ("issue.opened", "2026-11-23T12:00:00Z")
    assert body["data"]["parcels"] == [{"carrier": "ups", "tracking_number": "1Z1"}]
    with pytest.raises(Exception, match="No matching signature"):
        Receiver(OTHER).verify(call.content, dict(call.headers))


async def test_repeat_has_the_same_id_and_the_same_bytes(webhook, router):
    route = router.post(URL).mock(side_effect=[httpx.Response(500), httpx.Response(200)])
    request = webhook.render_task(TASK)
    with pytest.raises(Unavailable):
        await webhook.send(request, TASK.key)
    assert await webhook.arrival(request, TASK.key, TASK.at) is Arrival.REPEATABLE
    await webhook.send(request, TASK.key)
    first, second = (call.request for call in route.calls)
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == TASK.key
    assert first.content == second.content == request


async def test_while_secrets_change_both_verify(router):
    route = router.post(URL).mock(return_value=httpx.Response(200))
    made = connect(router, secret=OTHER, previous_secret=SECRET)
    await made.send(made.render_task(TASK), TASK.key)
    call = route.calls[0].request
    for secret in (SECRET, OTHER):
        assert Receiver(secret).verify(call.content, dict(call.headers))
    await made.close()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, Denied),
        (404, Missing),
        (409, Rejected),
        (410, Missing),
        (422, Rejected),
        (429, Throttled),
        (503, Unavailable),
    ],
)
async def test_answers_mean_what_they_say_and_show_no_secret(webhook, router, status, kind):
    answer = httpx.Response(status, headers={"retry-after": "7"}, text="no")
    router.post(URL).mock(return_value=answer)
    with pytest.raises(kind) as caught:
        await webhook.send(webhook.render_task(TASK), TASK.key)
    assert caught.value.status == status
    assert "canary" not in f"{caught.value} {caught.value.detail} {caught.value!r}"
    if status in (429, 503):
        assert caught.value.retry_after == 7


async def test_redirect_is_not_followed(webhook, router):
    router.post(URL).mock(return_value=httpx.Response(302, headers={"location": "http://127.0.0.1/"}))
    with pytest.raises(Exception, match="302"):
        await webhook.send(webhook.render_task(TASK), TASK.key)


async def test_private_addresses_are_refused_unless_allowed():
    visitors = []
    server = await asyncio.start_server(lambda *streams: visitors.append(streams), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for host in ("127.0.0.1", "localhost"):
        connection = Connection(workspace="acme", name="wms", clients=build_client)
        made = registry.connect("webhook", {"url": f"http://{host}:{port}/x", "secret": SECRET}, connection)
        with pytest.raises(Unreachable):
            await made.send(made.render_task(TASK), TASK.key)
        await made.close()
    server.close()
    assert visitors == []


async def test_base_url_replaces_scheme_host_and_port(router):
    route = router.post("http://127.0.0.1:9106/hooks/canary-path?token=canary-query").mock(
        return_value=httpx.Response(200)
    )
    made = connect(router, base_url="http://127.0.0.1:9106")
    await made.send(made.render_task(TASK), TASK.key)
    assert route.called
    await made.close()


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "http://wms.example/"},
        {"url": "ftp://wms.example/"},
        {"url": "https://user@wms.example/"},
        {"url": "wms.example"},
        {"secret": "plain"},
        {"secret": "whsec_c2hvcnQ="},
        {"previous_secret": "x"},
    ],
)
def test_bad_settings_say_what_was_expected(router, settings):
    with pytest.raises(ValueError, match="expected"):
        connect(router, **settings)


def test_unpadded_secret_is_taken(router):
    connect(router, secret="whsec_" + base64.b64encode(bytes(25)).decode().rstrip("="))


async def test_check_asks_without_doing_anything(webhook, router):
    route = router.head("https://wms.example/").mock(return_value=httpx.Response(405))
    assert await webhook.check() == "Webhook wms.example answers; tasks are posted there, signed"
    assert route.called


def test_body_is_json_with_sorted_keys(webhook):
    assert json.loads(webhook.render_task(TASK))["data"]["text"] == TASK.text
    assert webhook.render_task(TASK) == webhook.render_task(TASK)
