"""What all stand-ins share: they keep their calls, and misbehave when told to, in this process and on a socket."""

import asyncio

import httpx
import pytest
from litestar import Response, post

from server.demo.fake import (
    BROKEN,
    DOWN,
    HTML,
    LOST,
    REFUSED,
    AnswerLost,
    AnyRequest,
    Call,
    Fake,
    Mishap,
    answer,
    too_many,
)
from server.demo.serving import served

ANY_PORT = 9300


class Counter(Fake):
    """Counts what it was told to add."""

    def __init__(self):
        self.total = 0

        @post("/add", status_code=200)
        async def add(request: AnyRequest) -> Response[dict]:
            self.total += int(await request.body())
            return answer({"total": self.total})

        super().__init__([add])


@pytest.fixture
def fake():
    return Counter()


@pytest.fixture
async def client(fake):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=fake.app), base_url="http://fake.test") as client:
        yield client


async def test_calls_are_kept_with_their_bodies(fake, client):
    await client.post("/add?why=test", content=b"2", headers={"X-Who": "us"})
    call = fake.calls[0]
    assert call == Call("POST", "/add", "why=test", call.headers, b"2")
    assert call.headers["x-who"] == "us"


@pytest.mark.parametrize(
    ("mishap", "status", "kind"),
    [
        (DOWN, 503, "application/json"),
        (BROKEN, 500, "application/json"),
        (REFUSED, 401, "application/json"),
        (HTML, 200, "text/html"),
        (too_many(7), 429, "application/json"),
    ],
)
async def test_a_mishap_happens_once_and_nothing_is_carried_out(fake, client, mishap, status, kind):
    fake.next_answers(mishap)
    first, second = await client.post("/add", content=b"1"), await client.post("/add", content=b"1")
    assert (first.status_code, first.headers["content-type"]) == (status, kind)
    assert first.headers.get("retry-after") == ("7" if status == 429 else None)
    assert second.json() == {"total": 1}


async def test_a_standing_mishap_lasts_until_it_is_taken_away(fake, client):
    fake.standing_mishap = DOWN
    assert [(await client.post("/add", content=b"1")).status_code for _ in range(3)] == [503, 503, 503]
    fake.standing_mishap = None
    assert (await client.post("/add", content=b"1")).json() == {"total": 1}


async def test_a_lost_answer_is_lost_after_the_call_was_carried_out(fake, client):
    fake.next_answers(LOST)
    with pytest.raises(AnswerLost):
        await client.post("/add", content=b"5")
    assert fake.total == 5


async def test_a_lost_answer_breaks_the_connection_of_a_socket(fake):
    fake.next_answers(LOST)
    async with served(fake, ANY_PORT) as address, httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post(f"{address}/add", content=b"5")
        assert (await client.post(f"{address}/add", content=b"1")).json() == {"total": 6}


async def test_a_call_may_hang_until_it_is_let_go(fake, client):
    gate = asyncio.Event()
    fake.next_answers(Mishap(waits_for=gate))
    call = asyncio.create_task(client.post("/add", content=b"3"))
    await fake.until_called(1)
    assert not call.done()
    gate.set()
    assert (await call).json() == {"total": 3}


async def test_a_call_whose_caller_has_left_is_not_carried_out(fake):
    fake.next_answers(Mishap(waits_for=asyncio.Event()))
    async with served(fake, ANY_PORT) as address, httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(f"{address}/add", content=b"3", timeout=0.05)
        assert (await client.post(f"{address}/add", content=b"4")).json() == {"total": 4}


async def test_two_stand_ins_that_want_one_port_both_get_one(fake):
    async with served(fake, ANY_PORT) as first, served(Counter(), ANY_PORT) as second:
        assert first != second
