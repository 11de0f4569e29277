"""The whole server on a real loopback socket: it serves, obeys SIGTERM, and leaves nothing behind."""

import asyncio
import signal
import socket
import stat
from contextlib import asynccontextmanager

import httpx
import pytest

from server.control import HEADER, Control, control_path
from server.errors import BeforehandError
from server.flows.policy_files import PolicyFiles
from server.parts import Parts
from server.serving import run_server


@pytest.fixture
def parts(fakes, tmp_path, free_port):
    shop = fakes.Shop()
    shop.orders["A/1"] = fakes.order_seen("A/1", "#Ä/1")
    store = fakes.Store()
    store.keep(shop.orders["A/1"])
    settings = fakes.settings(bind=f"127.0.0.1:{free_port}", receive_seconds=0.3, database=f"sqlite:///{tmp_path}/b.db")
    return Parts(
        settings=settings,
        store=store,
        workspaces={"acme": fakes.workspace(shop=shop)},
        engine=fakes.Engine(),
        clock=fakes.Clock(),
    )


@pytest.fixture
def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@asynccontextmanager
async def running(parts):
    """The server until SIGTERM; yields a client."""
    task = asyncio.create_task(run_server(parts))
    address = f"http://{parts.settings.server.bind}"
    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        while True:
            assert not task.done(), task.result()
            try:
                await client.get("/healthz")
                break
            except httpx.ConnectError:
                await asyncio.sleep(0.01)
        yield client
        assert signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, None)
        signal.raise_signal(signal.SIGTERM)
        await asyncio.wait_for(task, timeout=10)


async def test_the_server_serves_and_ends_on_sigterm_without_leaving_anything(parts):
    path = control_path(parts.settings.server.database_path)
    async with running(parts) as client:
        assert (await client.get("/readyz")).status_code == 200
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert parts.engine.is_running
    assert not path.exists()
    assert not parts.engine.is_running


async def test_the_command_line_reaches_it_with_the_secret_of_this_run(parts):
    import msgspec

    async with running(parts) as client:
        control = msgspec.json.decode(control_path(parts.settings.server.database_path).read_bytes(), type=Control)
        body = {"workspace": "acme", "role": "agent", "user": "Ann"}
        assert (await client.post("/control/token_create", json=body)).status_code == 404
        answer = await client.post("/control/token_create", json=body, headers={HEADER: control.secret})
        token = answer.json()["token"]
        headers = {"authorization": f"Bearer {token}"}
        for reference in ("A%2F1", "%23%C3%84%2F1", "A/1"):
            found = await client.get(f"/v1/orders/acme/{reference}/context?live=false", headers=headers)
            assert found.json()["order"]["id"] == "A/1"
        unknown = await client.post("/control/nonsense", json={}, headers={HEADER: control.secret})
        assert (unknown.status_code, unknown.json()["detail"]) == (404, "there is no command 'nonsense'")


async def test_a_webhook_that_is_never_finished_is_cut_off(parts):
    async with running(parts):
        server = parts.settings.server
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"POST /webhooks/acme.shop HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
        answer = await asyncio.wait_for(reader.read(), timeout=5)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert parts.store.accepted == []


async def test_a_body_that_is_larger_than_announced_is_not_taken_for_a_part_of_it(parts):
    async with running(parts):
        server = parts.settings.server
        reader, writer = await asyncio.open_connection(server.host, server.port)
        head = b"POST /webhooks/acme.shop HTTP/1.1\r\nHost: a\r\nX-Signature: good\r\nContent-Length: 2\r\n\r\n"
        writer.write(head + b"{}" + b"x" * 100)
        answer = await asyncio.wait_for(reader.read(), timeout=5)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 202 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert [item.body for item in parts.store.accepted] == [b"{}"]


async def test_a_port_that_is_taken_is_said(parts):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", parts.settings.server.port))
        taken.listen()
        with pytest.raises(BeforehandError, match="could not start"):
            await run_server(parts)
    assert not parts.engine.is_running


async def test_sighup_has_the_policy_files_read_and_ends_nothing(parts):
    parts.policies = PolicyFiles(parts.workspaces, parts.store, parts.clock)
    async with running(parts) as client:
        woken = parts.engine.woken
        signal.raise_signal(signal.SIGHUP)
        assert (await client.get("/healthz")).status_code == 200
        assert parts.policies.is_hurried
        assert parts.engine.woken == woken + 1
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
