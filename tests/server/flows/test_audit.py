"""The audit log in a real database that somebody has laid hands on, and its head in our own log."""

import asyncio
import sqlite3

import pytest
import structlog

from server.approval_model import AuditFact, AuditHead
from server.engine.embedded import Engine
from server.errors import BadInput
from server.flows import audit
from server.store.sqlite import SqliteStore
from tests.server.desk import NOW, Clock, make_workspace

SWAP = """UPDATE audit SET
    body = (SELECT body FROM audit AS other WHERE other.sequence = 6 - audit.sequence),
    hash = (SELECT hash FROM audit AS other WHERE other.sequence = 6 - audit.sequence) WHERE sequence IN (2, 4)"""


async def add(store, count, workspace="acme"):
    def work(tx):
        for number in range(count):
            tx.add_audit(
                AuditFact(workspace=workspace, at=NOW, event="approval.requested", actor="sam", subject=f"r{number}")
            )
        return tx.audit_head(workspace)

    return await store.write(work)


@pytest.mark.parametrize(
    ("sql", "bad"),
    [
        ("UPDATE audit SET body = replace(body, 'r1', 'r7') WHERE sequence = 2", 2),
        ("UPDATE audit SET body = x'00ff' WHERE sequence = 2", 2),
        ("UPDATE audit SET hash = 7 WHERE sequence = 2", 2),
        ("UPDATE audit SET hash = x'ff' WHERE sequence = 5", 5),
        ("UPDATE audit SET body = '' WHERE sequence = 1", 1),
        ("UPDATE audit SET body = 12 WHERE sequence = 3", 3),
        ("DELETE FROM audit WHERE sequence = 3", 3),
        ("DELETE FROM audit WHERE sequence = 1", 1),
        ("DELETE FROM audit WHERE sequence = 5", 5),
        ("DELETE FROM audit", 1),
        ("UPDATE audit SET sequence = sequence + 10 WHERE sequence = 4", 4),
        ("UPDATE audit SET sequence = 'x' WHERE sequence = 4", 4),
        ("UPDATE audit SET workspace = 'other' WHERE sequence = 4", 4),
        (SWAP, 2),
    ],
)
async def test_whatever_is_done_to_the_table_is_named(tmp_path, sql, bad):
    path = tmp_path / "b.db"
    store = await SqliteStore.open(path, clock=Clock())
    kept = await add(store, 5)
    assert (await audit.check(store, "acme", kept)).is_sound
    await store.close()
    connection = sqlite3.connect(path)
    with connection:
        assert connection.execute(sql).rowcount
    connection.close()
    store = await SqliteStore.open(path, clock=Clock())
    finding = await audit.check(store, "acme", kept)
    await store.close()
    assert (finding.bad, finding.count) == (bad, bad - 1)


async def test_long_log_is_read_page_by_page(store, monkeypatch):
    monkeypatch.setattr(audit, "PAGE", 7)
    for count in (0, 6, 1, 1, 13):
        head = await add(store, count)
        finding = await audit.check(store, "acme", head)
        assert (finding.is_sound, finding.count) == (True, head.count)
    assert [row.sequence async for row in audit.rows(store, "acme", 4)] == list(range(5, 22))


@pytest.mark.parametrize(
    "text", ["", "1", "1:", "-1:" + "a" * 64, "1:" + "A" * 64, "\u0661:" + "a" * 64, "1:" + "a" * 63]
)
def test_head_that_is_none_is_refused(text):
    with pytest.raises(BadInput, match="expected COUNT:HASH"):
        audit.parse_head(text)


def test_head_as_it_is_printed_is_read():
    assert audit.parse_head(f" 12:{'0a' * 32}\n") == AuditHead(12, "0a" * 32)


async def test_heads_are_logged_at_the_start_and_after_every_hundred(store):
    clock = Clock()
    heads = audit.HeadLog(["acme", "other"], store, clock)
    with structlog.testing.capture_logs() as logged:
        await heads.look()
        head = await add(store, 99)
        clock.pass_(minutes=2)
        await heads.look()
        assert [(entry["workspace"], entry["head"]) for entry in logged] == [
            ("acme", f"0:{'0' * 64}"),
            ("other", f"0:{'0' * 64}"),
        ]
        head = await add(store, 1)
        await heads.look()
        assert len(logged) == 2, "it is looked at once a minute at most"
        clock.pass_(minutes=2)
        await heads.look()
    assert (logged[-1]["event"], logged[-1]["head"], len(logged)) == ("audit_head", f"100:{head.hash}", 3)
    assert audit.parse_head(logged[-1]["head"]) == head


async def test_engine_logs_the_heads_when_it_starts(store):
    await add(store, 3)
    engine = Engine({"acme": make_workspace()}, store, Clock())
    with structlog.testing.capture_logs() as logged:
        await engine.start()
        async with asyncio.timeout(10):
            while not any(entry["event"] == "audit_head" for entry in logged):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        await engine.stop()
    (entry,) = [entry for entry in logged if entry["event"] == "audit_head"]
    assert audit.parse_head(entry["head"]) == await store.read(lambda tx: tx.audit_head("acme"))
