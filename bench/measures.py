"""This file is the measurements: each sends load to a running server and returns lines of the table."""

import asyncio
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from bench.client import Answers, request, send_all
from bench.orders import FIRST, make_order, webhook
from bench.running import Running

ACKS = 1000
ROUNDS = 6
EVENTS = 300
UPSTREAM = 50
"""Milliseconds that every upstream takes."""
SYSTEMS = ("shopify", "stripe", "easypost", "ups", "zendesk")
REUSED_SECONDS = 2.1
"""After which the server asks its sources anew."""


@dataclass(frozen=True)
class Line:
    """One line of the table. *ratio* is measured by target; what is reached is marked."""

    what: str
    measured: str
    target: str = ""
    ratio: float | None = None
    is_reached: bool | None = None


def at_most(what: str, value: float, limit: float, unit: str, *, of: str = "") -> Line:
    """A line for something that should be small."""
    return Line(what, f"{value:,.2f} {unit}{of}", f"<= {limit:g} {unit}", value / limit, value <= limit)


def at_least(what: str, value: float, limit: float, unit: str, *, of: str = "") -> Line:
    """A line for something that should be large."""
    return Line(what, f"{value:,.2f} {unit}{of}", f">= {limit:,g} {unit}", value / limit, value >= limit)


async def acks(server: Running) -> list[Line]:
    """Durable acknowledgements against the barest route of the same server, in turns."""
    bare = [request("GET", "/healthz")] * ACKS
    bare_rates, ack_rates, all_acks = [], [], Answers()
    # The first of a kind pay for what is made only once.
    await send_all(server.port, bare[:500], 32, 200)
    await send_all(server.port, [_hook(900_000 + n, "orders/create") for n in range(500)], 32, 202)
    await settle(server)
    for turn in range(ROUNDS):
        hooks = [_hook(1_000_000 + turn * ACKS + n, "orders/create") for n in range(ACKS)]
        bare_rates.append((await send_all(server.port, bare, 32, 200)).rate)
        found = await send_all(server.port, hooks, 32, 202)
        ack_rates.append(found.rate)
        all_acks += found
        await settle(server)
    ratio = median(ack / base for ack, base in zip(ack_rates, bare_rates, strict=True))
    return [
        Line("bare route, 32 connections", f"{median(bare_rates):,.0f}/s"),
        at_least("durable acks, 8 KB, engine at work", ratio, 0.22, "x bare", of=f" ({median(ack_rates):,.0f}/s)"),
        at_most("durable acks, p99", all_acks.milliseconds(99), 50, "ms"),
    ]


async def stored_context(server: Running, orders: int) -> list[Line]:
    """Takes in *orders* orders, then asks for what is stored of them."""
    await send_all(server.port, [_hook(n, "orders/create") for n in range(1, orders + 1)], 8, 202)
    await settle(server)
    found = await send_all(server.port, _contexts(server, range(1, orders), "?live=false"), 1, 200)
    return [at_most("stored context, p50", found.milliseconds(50), 3, "ms")]


async def live_contexts(server: Running) -> list[Line]:
    """So many different orders asked for in the same moment, over five upstreams of 50 ms."""
    await set_delay(server, SYSTEMS, UPSTREAM / 1000)
    # As in life: they have been looked at before, so that the ids of their payments are known.
    await send_all(server.port, _contexts(server, range(1, 321)), 8, 200)
    await settle(server)
    await asyncio.sleep(REUSED_SECONDS)
    lines = []
    for together, first, bursts, limit in ((1, 1, 20, 1.1), (20, 21, 5, 1.1), (100, 21, 3, 2.0)):
        await asyncio.sleep(REUSED_SECONDS)
        found = Answers()
        for start in range(first, first + together * bursts, together):
            found += await send_all(server.port, _contexts(server, range(start, start + together)), together, 200)
        _expect_whole(found)
        p50 = found.milliseconds(50)
        what = f"live context, {together} at once, p50"
        lines.append(at_most(what, p50 / UPSTREAM, limit, "x slowest upstream", of=f" ({p50:.0f} ms)"))
    return lines


async def dead_source(server: Running) -> list[Line]:
    """What the other sources of an answer take while one does not answer at all."""
    await set_delay(server, ("ups",), 60)
    await asyncio.sleep(REUSED_SECONDS)
    found = await send_all(server.port, _contexts(server, range(301, 311)), 10, 200)
    await set_delay(server, ("ups",), UPSTREAM / 1000)
    others = [
        source["latency_ms"]
        for body in found.bodies
        for source in json.loads(body)["sources"]
        if source["status"] == "ok"
    ]
    return [
        at_most("one source dead: the others, slowest", max(others) / 1000, 2.5, "s"),
        at_most("one source dead: the whole answer, slowest", max(found.seconds), 2.6, "s"),
    ]


async def tickets(server: Running) -> list[Line]:
    """From sending a webhook to the creation of its ticket, in a helpdesk that answers at once."""
    await set_delay(server, SYSTEMS, 0)
    some = await _tickets(server, 2_000_000, "every tenth a ticket", every=10)
    return [*some, *await _tickets(server, 3_000_000, "each a ticket", every=1)]


async def _tickets(server: Running, first: int, mix: str, *, every: int) -> list[Line]:
    """100 events a second, of which only *every* so many are about an order in trouble."""
    before, sent = len(await _opened(server)), {}
    hooks = [_event(first + n, in_trouble=n % every == 0) for n in range(EVENTS)]
    started, sending = time.time(), []
    for number, hook in enumerate(hooks):
        await asyncio.sleep(max(0.0, started + number / 100 - time.time()))
        if number % every == 0:
            sent[make_order(first + number).name] = time.time()
        sending.append(asyncio.create_task(send_all(server.port, [hook], 1, 202)))
    await asyncio.gather(*sending)
    opened: list[tuple[str, float]] = []
    for _ in range(200):
        opened = (await _opened(server))[before:]
        if len(opened) >= len(sent):
            break
        await asyncio.sleep(0.1)
    await settle(server)
    opened = (await _opened(server))[before:]
    took = [1000 * (at - sent[name]) for name, at in opened]
    return [
        at_most(f"event to ticket, 100/s, {mix}, p50", median(took), 25, "ms"),
        Line(
            "opened; twice",
            f"{len(opened)}; {len(opened) - len(set(dict(opened)))}",
            f"{len(sent)}; 0",
            None,
            sorted(sent) == sorted(name for name, _ in opened),
        ),
    ]


def _event(number: int, *, in_trouble: bool) -> bytes:
    return _hook(number, "orders/cancelled" if in_trouble else "orders/create", cancelled=in_trouble)


async def _opened(server: Running) -> list[tuple[str, float]]:
    """The names of the orders about which tickets were opened, and when."""
    found: list[tuple[str, float]] = json.loads(
        (await send_all(server.upstreams, [request("GET", "/opened")], 1, 200)).bodies[0]
    )
    return found


async def set_delay(server: Running, systems: Iterable[str], seconds: float) -> None:
    """How long systems take to answer."""
    await send_all(server.upstreams, [request("POST", f"/delay/{name}/{seconds}") for name in systems], 1, 200)


async def settle(server: Running) -> None:
    """Wait until everything that was taken in has been processed."""
    for _ in range(1200):
        found = await send_all(server.port, [request("GET", "/readyz")], 1, 200)
        if not json.loads(found.bodies[0])["waiting"]:
            return
        await asyncio.sleep(0.1)
    raise SystemExit("the server does not get done")


def _hook(number: int, topic: str, *, cancelled: bool = False) -> bytes:
    body, headers = webhook(make_order(number, cancelled=cancelled), topic)
    return request("POST", "/webhooks/acme.shop", headers, body)


def _contexts(server: Running, numbers: range, tail: str = "") -> list[bytes]:
    headers = {"authorization": f"Bearer {server.token}"}
    return [request("GET", f"/v1/orders/acme/{FIRST + n}/context{tail}", headers) for n in numbers]


def _expect_whole(found: Answers) -> None:
    """Every source of every answer must have answered, or it would be fast for the wrong reason."""
    for body in found.bodies:
        sources = {source["connection"]: source["status"] for source in json.loads(body)["sources"]}
        if len(sources) != len(SYSTEMS) or set(sources.values()) != {"ok"}:
            raise SystemExit(f"expected an answer of all {len(SYSTEMS)} sources, got {sources}")
