"""How the simulated systems deliver: again when it fails, some twice, never in order, and never in silence."""

from collections import Counter
from random import Random

import httpx
import pytest

from server.demo.sender import Letter, Sender


class Receiver(httpx.AsyncBaseTransport):
    """Answers with the next of *statuses*; after them as a server does that knows repeats by their body."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        self.bodies = []

    async def handle_async_request(self, request):
        status = self.statuses.pop(0) if self.statuses else 202
        if status == 0:
            raise httpx.ConnectError("refused")
        if status != 202:
            return httpx.Response(status, text="no")
        body = (str(request.url.path), request.content)
        self.bodies.append(body)
        return httpx.Response(202, json={"status": "accepted" if self.bodies.count(body) == 1 else "duplicate"})


def sender(receiver, seed=1):
    client = httpx.AsyncClient(transport=receiver, base_url="http://server.test")
    return Sender(client, "acme", Random(seed), pause=0)


def letters(many):
    return [Letter(connection="shop", body=str(n).encode(), headers={"x-n": str(n)}) for n in range(many)]


async def test_everything_arrives_some_of_it_twice_and_not_in_order():
    receiver = Receiver()
    found = sender(receiver)
    await found.send(letters(50))
    counted = Counter(receiver.bodies)
    assert set(counted) == {("/webhooks/acme.shop", str(n).encode()) for n in range(50)}
    assert [body for _, body in receiver.bodies] != sorted(body for _, body in receiver.bodies)
    assert (found.accepted, found.duplicates) == (50, len(receiver.bodies) - 50)
    assert found.duplicates > 5


async def test_a_server_that_is_down_for_a_moment_is_tried_again():
    receiver = Receiver(0, 503, 500)
    found = sender(receiver)
    await found.send(letters(1)[:1])
    assert found.accepted == 1


@pytest.mark.parametrize("statuses", [(401,), (503,) * 5], ids=["refused", "down for good"])
async def test_what_cannot_be_delivered_is_said(statuses):
    with pytest.raises(RuntimeError, match=r"/webhooks/acme\.shop"):
        await sender(Receiver(*statuses)).send(letters(1))
