"""Opening the sidebar: who may, what the page may do, and who may frame it."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import AsyncExitStack
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from litestar.testing import AsyncTestClient

from connectors.contract import Forged
from connectors.zendesk import SidebarUser
from server import settings as configuration
from server.app import Parts, create_app
from server.demo.clock import StoppedClock
from server.demo.world import World
from server.demo.world import configuration as world_configuration
from server.demo.zendesk_sidebar import INSTALLATION_ID, LIFE, SUBDOMAIN
from server.web.assets import FILES, STATIC, VERSION
from server.web.sidebar_zendesk import ELSEWHERE
from server.workspaces import connect_all

FORM = {"content-type": "application/x-www-form-urlencoded"}


class Desk:
    """Vouches for whoever brings the word `good`, with the audience that tokens of real accounts have."""

    system = "Zendesk"

    def __init__(self, now):
        self.now = now
        self.asked = []

    async def verify_sidebar(self, token, *, now):
        self.asked.append((token, now))
        if not token.endswith(".good"):
            raise Forged("not good")
        return SidebarUser(user_id="901", installation_id="1", token_id="t", expires_at=now + timedelta(minutes=5))

    async def close(self): ...


def zendesk(subdomain, installation="7", **more):
    return {"kind": "zendesk", "subdomain": subdomain, "access_token": "t", "app_id": "1", **more} | {
        "installation_id": installation
    }


@pytest.fixture
async def site(fakes, tmp_path):
    """Makes an application: `client, parts = await site(settings by workspace and connection)`."""
    async with AsyncExitStack() as stack:

        async def make(workspaces, **server):
            document = {
                "server": {
                    "public_url": "http://127.0.0.1:8080",
                    "secret_keys": ["k" * 32],
                    "allow_private_base_urls": True,
                    **server,
                },
                "workspace": {name: {"connections": connections} for name, connections in workspaces.items()},
            }
            parts = Parts(
                settings=configuration.parse(document, tmp_path, {}),
                store=fakes.Store(),
                workspaces={
                    name: fakes.workspace(name, **{key: Desk(fakes.NOW) for key in connections})
                    for name, connections in workspaces.items()
                },
                engine=fakes.Engine(),
                clock=fakes.Clock(),
            )
            app = create_app(parts)
            return await stack.enter_async_context(AsyncTestClient(app, raise_server_exceptions=False)), parts

        yield make


@pytest.fixture
async def world(fakes, tmp_path):
    """An application beside the simulated Zendesk: `client, keys, clock`."""
    clock = StoppedClock(fakes.NOW)
    simulated = World(clock)
    addresses = {name: f"http://{name}.world.test" for name in simulated.fakes}
    document = world_configuration(
        public_url="http://127.0.0.1:8080", bind="127.0.0.1:8080", database=tmp_path / "b.db", addresses=addresses
    )
    (tmp_path / "policy.toml").touch()
    found = configuration.parse(document, tmp_path, {})
    workspaces = connect_all(found, clock=clock, clients=simulated.clients)
    parts = Parts(settings=found, store=fakes.Store(), workspaces=workspaces, engine=fakes.Engine(), clock=clock)
    async with AsyncTestClient(create_app(parts), raise_server_exceptions=False) as client:
        yield client, simulated.zendesk.sidebar, clock
    for workspace in workspaces.values():
        await workspace.close()


def claiming(audience, word="good"):
    """A token that an unverified look finds *audience* in."""
    payload = urlsafe_b64encode(json.dumps({"aud": audience}).encode()).decode().rstrip("=")
    return f"e30.{payload}.{word}"


def audience(subdomain, installation="7"):
    return f"https://{subdomain}.zendesk.com/api/v2/apps/installations/{installation}.json"


async def post(client, token, **query):
    return await client.post(f"/sidebar/zendesk?{urlencode(query)}", content=urlencode({"token": token}), headers=FORM)


def policy(answer):
    parts = (part.strip().partition(" ") for part in answer.headers["content-security-policy"].split(";"))
    return {name: value for name, _, value in parts}


# --- the page ---------------------------------------------------------------------------------------------------------


async def test_the_page_comes_with_a_session_and_a_narrow_policy(site):
    client, parts = await site({"acme": {"desk": zendesk("acme")}})
    answer = await post(client, claiming(audience("acme")), origin="https://acme.zendesk.com", app_guid="g")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    nonce = re.search(r"'nonce-([\w-]{20,})'", answer.headers["content-security-policy"])[1]
    assert policy(answer) == {
        "default-src": "'none'",
        "script-src": f"'self' 'nonce-{nonce}'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "object-src": "'none'",
        "frame-ancestors": "https://acme.zendesk.com",
    }
    assert answer.text.count(f'nonce="{nonce}"') == 3
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert not {"x-frame-options", "set-cookie"} & set(answer.headers)
    session = json.loads(re.search(r'id="session">(.*?)</script>', answer.text)[1])
    found = parts.sessions.read(session["token"], parts.clock())
    assert (found.workspace, found.connection, found.user) == ("acme", "desk", "zendesk:901")
    assert found.expires_at == parts.clock() + timedelta(minutes=30)


async def test_every_page_has_a_nonce_of_its_own(site):
    client, _ = await site({"acme": {"desk": zendesk("acme")}})
    answers = [await post(client, claiming(audience("acme"))) for _ in range(3)]
    assert len({policy(answer)["script-src"] for answer in answers}) == 3


async def test_a_sandbox_frames_from_its_own_address(site):
    client, _ = await site({"acme": {"desk": zendesk("acme", base_url="http://127.0.0.1:9100")}})
    answer = await post(client, claiming(audience("acme")))
    assert policy(answer)["frame-ancestors"] == "http://127.0.0.1:9100"


async def test_zendesk_s_own_sdk_can_be_used(site):
    url = "https://static.zdassets.com/zendesk_app_framework_sdk/2.0/zaf_sdk.min.js"
    client, _ = await site({"acme": {"desk": zendesk("acme")}}, zaf_sdk_url=url)
    answer = await post(client, claiming(audience("acme")))
    assert policy(answer)["script-src"].endswith(" https://static.zdassets.com")
    assert f'src="{url}"' in answer.text


async def test_without_a_signature_there_is_only_an_explanation(site):
    client, _ = await site({"acme": {"desk": zendesk("acme")}})
    answer = await client.get("/sidebar/zendesk?origin=https://acme.zendesk.com&app_guid=g")
    assert answer.status_code == 200
    assert ELSEWHERE in answer.text
    assert policy(answer)["frame-ancestors"] == "'none'"
    assert "<script" not in answer.text


# --- which installation -----------------------------------------------------------------------------------------------


async def test_the_token_chooses_among_what_is_configured(site):
    client, parts = await site(
        {"acme": {"desk": zendesk("acme"), "second": zendesk("acme", "8")}, "other": {"help": zendesk("other")}}
    )
    answer = await post(client, claiming(audience("other")))
    assert policy(answer)["frame-ancestors"] == "https://other.zendesk.com"
    asked = {
        (name, key): len(desk.asked) for name, w in parts.workspaces.items() for key, desk in w.connections.items()
    }
    assert asked == {("acme", "desk"): 0, ("acme", "second"): 0, ("other", "help"): 1}


async def test_the_address_chooses_before_the_token(site):
    client, parts = await site({"acme": {"desk": zendesk("acme")}, "other": {"help": zendesk("other")}})
    await post(client, claiming(audience("acme")), workspace="other", connection="help")
    assert parts.workspaces["acme"].connections["desk"].asked == []
    assert len(parts.workspaces["other"].connections["help"].asked) == 1


@pytest.mark.parametrize(
    "query", [{"workspace": "acme"}, {"connection": "desk"}, {"workspace": "acme", "connection": "x"}]
)
async def test_an_address_that_names_nothing_finds_nothing(site, query):
    client, parts = await site({"acme": {"desk": zendesk("acme")}})
    answer = await post(client, claiming(audience("acme")), **query)
    assert answer.status_code == 401
    assert parts.workspaces["acme"].connections["desk"].asked == []


@pytest.mark.parametrize(
    "token",
    [
        *("", "x", "a.b.c", "a.b", "." * 100_000, "a.!!!.c", "a.e30.c", "é.é.é"),
        *(claiming(None), claiming([audience("acme")]), claiming({"a": 1}), claiming(audience("acme") + ".evil")),
        *(claiming(audience("acme", "8")), claiming(audience("acme.zendesk.com.evil"))),
    ],
)
async def test_a_token_for_nobody_reaches_no_helpdesk(site, token):
    client, parts = await site({"acme": {"desk": zendesk("acme")}})
    answer = await post(client, token)
    assert answer.status_code == 401
    assert "Zendesk did not confirm who you are" in answer.text
    assert policy(answer)["frame-ancestors"] == "https://*.zendesk.com"
    assert parts.workspaces["acme"].connections["desk"].asked == []


@pytest.mark.parametrize("body", [b"", b"token=a&token=b", b"token=%ff%fe", b"\xff\xfe", b"x" * 200_000, b"&" * 5000])
async def test_a_form_without_one_token_is_refused(site, body):
    client, _ = await site({"acme": {"desk": zendesk("acme")}})
    answer = await client.post("/sidebar/zendesk?workspace=acme&connection=desk", content=body, headers=FORM)
    assert answer.status_code == 401
    assert "nothing is shown" in answer.text


async def test_a_token_in_the_address_counts_for_nothing(site):
    client, parts = await site({"acme": {"desk": zendesk("acme")}})
    answer = await client.post(f"/sidebar/zendesk?token={claiming(audience('acme'))}", content=b"", headers=FORM)
    assert answer.status_code == 401
    assert parts.workspaces["acme"].connections["desk"].asked == []


async def test_a_refusal_holds_a_sentence_and_no_reason(site):
    client, _ = await site({"acme": {"desk": zendesk("acme")}})
    answer = await post(client, claiming(audience("acme"), "bad"))
    assert answer.status_code == 401
    assert policy(answer)["frame-ancestors"] == "https://acme.zendesk.com"
    assert "not good" not in answer.text
    assert "<script" not in answer.text
    assert "session" not in answer.text


# --- with real tokens -------------------------------------------------------------------------------------------------


async def test_a_token_that_zendesk_signed_opens_it(world):
    client, keys, _ = world
    answer = await post(client, keys.token(901), workspace="acme", connection="desk")
    assert answer.status_code == 200
    assert policy(answer)["frame-ancestors"] == "http://desk.world.test"
    assert (await post(client, keys.token(901))).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1},
        {"nbf": 4_000_000_000, "iat": 4_000_000_000, "exp": 4_000_000_100},
        {"iss": "evil.zendesk.com"},
        {"iss": f"{SUBDOMAIN}.zendesk.com.evil.com"},
        {"aud": f"https://{SUBDOMAIN}.zendesk.com/api/v2/apps/installations/{INSTALLATION_ID}.json.evil"},
        {"aud": [f"https://{SUBDOMAIN}.zendesk.com/api/v2/apps/installations/{INSTALLATION_ID}.json"]},
        {"context": {"product": "support", "location": "new_ticket_sidebar"}},
    ],
)
async def test_a_token_that_is_not_for_us_now_is_refused(world, changes):
    client, keys, _ = world
    answer = await post(client, keys.token(901, **changes), workspace="acme", connection="desk")
    assert answer.status_code == 401


async def test_a_token_is_refused_after_its_time(world):
    client, keys, clock = world
    token = keys.token(901)
    assert (await post(client, token)).status_code == 200
    clock.advance(LIFE + timedelta(seconds=11))
    assert (await post(client, token)).status_code == 401


async def test_a_token_by_another_key_is_refused(world):
    client, keys, _ = world
    head, payload, _ = keys.token(901).split(".")
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    by_another = jwt.encode({"alg": "RS256"}, claims, RSAKey.generate_key(2048), algorithms=["RS256"])
    for forged in (by_another, f"{head}.{payload}.", f"{head}.{payload}.AAAA", f"eyJhbGciOiJub25lIn0.{payload}."):
        assert (await post(client, forged)).status_code == 401


# --- files ------------------------------------------------------------------------------------------------------------


async def test_files_are_served_for_ever_under_their_own_address(site):
    client, _ = await site({"acme": {"desk": zendesk("acme")}})
    for name, (kind, content) in FILES.items():
        answer = await client.get(f"{STATIC}/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.content == content
    assert set(FILES) >= {"sidebar.css", "sidebar.js", "talk.js", "view.js", "vendor/zaf_sdk.js"}


@pytest.mark.parametrize(
    "path",
    [
        f"/sidebar/static/{VERSION}/../panel.py",
        f"/sidebar/static/{VERSION}/%2e%2e/panel.py",
        f"/sidebar/static/{VERSION}/vendor/README.md",
        f"/sidebar/static/{VERSION}/",
        "/sidebar/static/000000000000/sidebar.js",
    ],
)
async def test_other_files_do_not_exist(site, path):
    client, _ = await site({"acme": {"desk": zendesk("acme")}})
    assert (await client.get(path)).status_code == 404
