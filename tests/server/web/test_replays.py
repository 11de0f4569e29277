"""One signed token, one browser: reloading works, bringing it from elsewhere does not."""

from datetime import UTC, datetime, timedelta

import pytest

from connectors.contract import Forged
from connectors.zendesk import SidebarUser
from server.web import replays
from server.web.replays import MOST_LOADS, Replays

NOW = datetime(2026, 11, 23, 19, 5, tzinfo=UTC)


def user(token="t1", minutes=5):
    return SidebarUser(user_id="901", installation_id="1", token_id=token, expires_at=NOW + timedelta(minutes=minutes))


def test_whoever_brought_it_may_reload():
    seen = Replays()
    for _ in range(MOST_LOADS):
        seen.check("acme.desk", user(), b"one browser", NOW)
    with pytest.raises(Forged, match="more than"):
        seen.check("acme.desk", user(), b"one browser", NOW)


def test_nobody_else_may_bring_it():
    seen = Replays()
    seen.check("acme.desk", user(), b"one browser", NOW)
    with pytest.raises(Forged, match="before, from another"):
        seen.check("acme.desk", user(), b"another", NOW)
    seen.check("acme.desk", user("t2"), b"another", NOW)
    seen.check("other.desk", user(), b"another", NOW)  # ids are each installation's own


def test_what_is_over_is_forgotten(monkeypatch):
    monkeypatch.setattr(replays, "MOST_TOKENS", 4)
    seen = Replays()
    for number in range(4):
        seen.check("acme.desk", user(f"t{number}", minutes=number + 1), b"a", NOW)
    seen.check("acme.desk", user("new"), b"a", NOW)
    with pytest.raises(Forged):  # those that are good for longest are kept
        seen.check("acme.desk", user("t3", minutes=4), b"b", NOW)
    assert len(seen._seen) <= 4


async def test_a_stolen_token_opens_nothing_and_is_written_down(world_site):
    client, keys, store = world_site
    token = keys.token(901)
    first = await client.post("/sidebar/zendesk", data={"token": token}, headers={"user-agent": "Firefox"})
    again = await client.post("/sidebar/zendesk", data={"token": token}, headers={"user-agent": "Firefox"})
    stolen = await client.post("/sidebar/zendesk", data={"token": token}, headers={"user-agent": "curl"})
    assert [answer.status_code for answer in (first, again, stolen)] == [200, 200, 401]
    assert "bhs_" not in stolen.text
    (fact,) = store.audit_facts
    assert (fact.workspace, fact.event, fact.via) == ("acme", "sidebar.refused", "desk")
    assert "another browser or network" in fact.details["reason"]


@pytest.fixture
async def world_site(fakes, tmp_path):
    from litestar.testing import AsyncTestClient

    from server import settings as configuration
    from server.app import Parts, create_app
    from server.demo.clock import StoppedClock
    from server.demo.world import World
    from server.demo.world import configuration as world_configuration
    from server.workspaces import connect_all

    clock = StoppedClock(fakes.NOW)
    simulated = World(clock)
    addresses = {name: f"http://{name}.world.test" for name in simulated.fakes}
    document = world_configuration(
        public_url="http://127.0.0.1:8080", bind="127.0.0.1:8080", database=tmp_path / "b.db", addresses=addresses
    )
    (tmp_path / "policy.toml").touch()
    found = configuration.parse(document, tmp_path, {})
    workspaces = connect_all(found, clock=clock, clients=simulated.clients)
    store = fakes.Store()
    parts = Parts(settings=found, store=store, workspaces=workspaces, engine=fakes.Engine(), clock=clock)
    async with AsyncTestClient(create_app(parts), raise_server_exceptions=False) as client:
        yield client, simulated.zendesk.sidebar, store
    for workspace in workspaces.values():
        await workspace.close()
