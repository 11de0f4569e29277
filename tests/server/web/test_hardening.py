"""Whatever is asked, the answer is guarded: headers on every one, no traceback, nothing to see for strangers."""

import msgspec
import pytest
from litestar import Litestar, Response, get, post
from litestar.params import JSONBody
from litestar.testing import AsyncTestClient

from server.app import create_app
from server.flows.policy_files import PolicyFiles
from server.web.headers import security_headers
from server.web.measure import Measurements
from server.web.problems import handlers


@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/v1/issues/acme", "/webhooks/acme.shop", "/schema"])
async def test_every_answer_carries_the_security_headers(client, path):
    answer = await client.get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"
    assert "server" not in answer.headers


async def test_a_page_that_may_be_framed_says_so_itself():
    @get("/framed", sync_to_thread=False)
    def framed() -> Response[str]:
        policy = "frame-ancestors https://acme.zendesk.com"
        return Response("", headers={"content-security-policy": policy, "cache-control": "max-age=60"})

    app = Litestar([framed], before_send=[security_headers("https://x.example.com")], openapi_config=None)
    async with AsyncTestClient(app) as client:
        answer = await client.get("/framed")
    assert answer.headers.get_list("content-security-policy") == ["frame-ancestors https://acme.zendesk.com"]
    assert answer.headers.get_list("cache-control") == ["max-age=60"]
    assert "x-frame-options" not in answer.headers
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/nothing/here", 404),
        ("GET", "/v1/orders/acme/1001", 404),
        ("GET", "/control/token_create", 405),
        ("POST", "/control/token_create", 404),
        ("DELETE", "/v1/issues/acme", 405),
        ("GET", "/schema/unknown", 404),
    ],
)
async def test_what_is_not_there_is_a_problem_document(client, bearer, method, path, status):
    answer = await client.request(method, path, headers=bearer.agent)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "instance"} <= set(answer.json())


class Wanted(msgspec.Struct):
    name: str
    count: int = 0


@pytest.fixture
async def echo():
    """Routes that read a JSON body, and one that has a bug."""

    @post("/echo")
    async def take(data: JSONBody[Wanted]) -> Wanted:
        return data

    @get("/bug", sync_to_thread=False)
    def bug() -> None:
        raise RuntimeError("the secret is 4711")

    @get("/deep", sync_to_thread=False)
    def deep() -> None:
        raise RecursionError

    app = Litestar([take, bug, deep], exception_handlers=handlers(Measurements()), openapi_config=None)
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"name": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"name": "\xff\xfe"}',
        b'{"name": "\xed\xa0\x80"}',
        b"not json",
        b"",
        b'{"name": 1}',
        b'{"count": 1}',
        b'{"name": "a", "count": ' + b"9" * 100_000 + b"}",
        b"null",
        b"\x00",
    ],
)
async def test_a_body_that_cannot_be_read_is_a_400(echo, body):
    answer = await echo.post("/echo", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 400


@pytest.mark.parametrize("path", ["/bug", "/deep"])
async def test_a_mistake_of_ours_is_an_incident_number_and_no_traceback(echo, path, capsys):
    answer = await echo.get(path)
    assert answer.status_code == 500
    found = answer.json()
    assert found["detail"] == f"Something went wrong on our side. The log has it as incident {found['incident']}"
    assert "4711" not in answer.text
    assert "Traceback" not in answer.text
    assert found["incident"] in capsys.readouterr().out


async def test_health_is_told_to_anybody(client, parts):
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ready", "store": "ok", "engine": "ok", "policy": "ok", "waiting": 0},
    )
    assert parts.engine.is_running


async def test_readiness_turns_red_with_the_store_and_green_again(client, parts):
    parts.store.broken = True
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["store"] == "Storage is not available: the disk is full"
    assert (await client.get("/healthz")).status_code == 200
    parts.store.broken = False
    assert (await client.get("/readyz")).status_code == 200


async def test_a_wrong_policy_file_is_told_and_stops_nothing(client, parts):
    parts.policies = PolicyFiles(parts.workspaces, parts.store, parts.clock)
    parts.policies.troubles["acme"] = "/secret/place/policy.toml: teams.ops.email: got 'ops'"
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert answer.json()["policy"].startswith("The policy file of acme has a mistake: the policy before it stays.")
    assert "ops" not in answer.text
    assert "secret" not in answer.text


async def test_readiness_turns_red_with_the_engine(client, parts):
    parts.engine.healthy = False
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["engine"] != "ok"


async def test_an_api_without_its_store_is_a_503_everywhere(client, parts, bearer):
    parts.store.broken = True
    for path in ("/v1/orders/acme/1001/context", "/v1/issues/acme", "/v1/tickets/acme/desk/1/context"):
        answer = await client.get(path, headers=bearer.agent)
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        assert int(answer.headers["retry-after"]) > 0


async def test_figures_are_counted_and_name_nobody(client, parts, bearer):
    await client.post("/webhooks/acme.shop", content=b"{}", headers={"x-signature": "good"})
    await client.get("/v1/orders/acme/1001/context", headers=bearer.agent)
    await client.get("/nothing")
    text = (await client.get("/metrics")).text
    assert 'beforehand_webhooks_total{result="accepted"} 1.0' in text
    assert 'beforehand_sources_total{status="ok",system="Stripe"} 1.0' in text
    assert 'beforehand_problems_total{status="404"} 1.0' in text
    assert 'beforehand_inbox{state="new"}' in text
    for secret in ("acme", "jane", "1001", "5001"):
        assert secret not in text


async def test_figures_work_without_the_store(client, parts):
    parts.store.broken = True
    assert (await client.get("/metrics")).status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/schema", "/schema/openapi.json"])
async def test_figures_and_description_are_for_admins_where_the_world_can_see_us(parts, fakes, bearer, path):
    parts.settings = fakes.settings(public_url="https://beforehand.example.com")
    async with AsyncTestClient(create_app(parts)) as client:
        assert (await client.get(path)).status_code == 401
        assert (await client.get(path, headers=bearer.agent)).status_code == 403
        assert (await client.get(path, headers=bearer.admin)).status_code == 200


async def test_the_description_names_every_route_and_how_to_authenticate(client):
    description = (await client.get("/schema")).json()
    assert {
        "/webhooks/{address}",
        "/v1/orders/{workspace}",
        "/v1/orders/{workspace}/{reference}/context",
        "/v1/tickets/{workspace}/{connection}/{ticket_id}/context",
        "/v1/issues/{workspace}",
        "/v1/signals/{workspace}",
        "/healthz",
        "/readyz",
    } <= set(description["paths"])
    assert not any(path.startswith("/control") for path in description["paths"])
    assert description["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert description["info"]["title"] == "Beforehand"
    answers = description["paths"]["/v1/orders/{workspace}/{reference}/context"]["get"]["responses"]
    assert set(answers) == {"200", "400", "401", "404", "409", "503"}
    assert list(answers["400"]["content"]) == ["application/problem+json"]
    assert description["paths"]["/webhooks/{address}"]["post"]["security"] == [{}]


async def test_stopping_finishes_what_was_seen_and_stops_the_engine(parts, bearer):
    stored = []

    async def record(workspace, observations):
        stored.append(parts.engine.is_running)

    parts.gathering._record = record
    async with AsyncTestClient(create_app(parts)) as client:
        await client.get("/v1/orders/acme/1001/context", headers=bearer.agent)
    assert stored == [True]
    assert not parts.engine.is_running
