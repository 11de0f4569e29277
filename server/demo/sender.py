"""This file is how the simulated systems deliver webhooks: again when they fail, twice now and then, never in order."""

import asyncio
from collections.abc import Iterable
from random import Random

import httpx
from msgspec import Struct

TRIES = 5
FIRST_PAUSE = 0.2


class Letter(Struct, frozen=True, kw_only=True):
    """A webhook on its way to the connection of that name."""

    connection: str
    body: bytes
    headers: dict[str, str]


class Sender:
    """Delivers to one Beforehand. *random* decides what comes twice and in which sequence.

    *pause* is how many seconds pass before the second try; before each further one twice as many.
    """

    def __init__(
        self, client: httpx.AsyncClient, workspace: str, random: Random, *, pause: float = FIRST_PAUSE
    ) -> None:
        self._client = client
        self._workspace = workspace
        self._random = random
        self._pause = pause
        self.accepted = 0
        self.duplicates = 0

    async def send(self, letters: Iterable[Letter]) -> None:
        """Deliver them all, shuffled, some of them twice. Raises RuntimeError when one is refused."""
        waiting = list(letters)
        waiting += [letter for letter in waiting if self._random.random() < 0.3]
        self._random.shuffle(waiting)
        for letter in waiting:
            await self._deliver(letter)

    async def _deliver(self, letter: Letter) -> None:
        address = f"/webhooks/{self._workspace}.{letter.connection}"
        for attempt in range(TRIES):
            try:
                answer = await self._client.post(address, content=letter.body, headers=letter.headers)
            except httpx.HTTPError:
                await asyncio.sleep(self._pause * 2**attempt)
                continue
            if answer.status_code == 202:
                is_new = answer.json()["status"] == "accepted"
                self.accepted += is_new
                self.duplicates += not is_new
                return
            if answer.status_code < 500:
                raise RuntimeError(f"{address} answered {answer.status_code}: {answer.text[:200]}")
            await asyncio.sleep(self._pause * 2**attempt)
        raise RuntimeError(f"{address} could not be reached in {TRIES} tries")
