"""This file measures the sidebar in a real browser: how soon the stored order is painted, and each source's answer.

The server runs in a process of its own; the simulated helpdesk and the other systems run here, each a little late.
"""

import asyncio
import contextlib
import gzip
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from bench.measures import Line, at_most
from bench.orders import make_order
from bench.running import BEFOREHAND, SERVER_CORE, process, stay_everywhere
from connectors.transport import utc_now
from server.demo.fake import Call, Mishap
from server.demo.run import write_configuration
from server.demo.serving import served
from server.demo.world import World

CHROMIUM = Path("/usr/bin/chromium")
TIMES = 10
"""Tickets opened each way; as many looks at once as the shop allows."""
FIRST_PORT = 9300
DELAYS = {"shop": 0.15, "payments": 0.3, "tracking": 0.45, "ups": 0.6}
"""Seconds that each system takes: apart, so that each panel's own way is seen."""
SYSTEMS = {"Shopify": "shop", "Stripe": "payments", "EasyPost": "tracking", "UPS": "ups"}

# Runs in every frame before its own scripts: notes when the stored order and each source's answer were painted.
WATCH = """
(() => {
  const painted = {};
  window.__painted = painted;
  const note = (name) => {
    if (name in painted) return;
    painted[name] = 0;
    // A message that is sent before a frame is drawn arrives right after it.
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        painted[name] = performance.timeOrigin + performance.now();
      };
      port2.postMessage(null);
    });
  };
  const look = () => {
    const order = document.querySelector("#header h2");
    if (order && order.textContent.includes("Order")) note("order");
    for (const line of document.querySelectorAll("#sources li")) {
      const text = line.textContent;
      const isNew = text.includes("as of") && !/stored|asked|Shown/.test(text);
      if (painted.order !== undefined && isNew) note(line.querySelector("strong").textContent.trim());
    }
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true });
})();
"""


async def sidebar(folder: Path) -> list[Line]:
    """Opens a ticket several times; medians."""
    lines = [_weight()]
    if not CHROMIUM.exists():  # noqa: ASYNC240  # once, before anything is measured
        return [*lines, Line(f"the sidebar was not measured: there is no browser at {CHROMIUM}", "")]
    async with _stage(folder) as (browser, tickets, answered):
        lags: dict[str, list[float]] = {name: [] for name in SYSTEMS}
        context = await browser.new_context()

        async def opened(page: Page, ticket: str) -> float:
            answered.clear()
            painted = await _open(page, ticket)
            for name, connection in SYSTEMS.items():
                if painted.get(name) and connection in answered:
                    lags[name].append(painted[name] - 1000 * answered[connection])
            return painted["order"] - painted["begun"]

        tab = await _tab(context)
        cold = await opened(tab, tickets[0])
        one_tab = [await opened(tab, ticket) for ticket in tickets[1:TIMES]]
        await tab.close()
        own_tabs = []
        for ticket in tickets[TIMES:]:
            tab = await _tab(context)
            own_tabs.append(await opened(tab, ticket))
            await tab.close()
    lines += [
        at_most("sidebar: stored order painted, p50", median(one_tab), 150, "ms"),
        at_most("sidebar: the same, each in a new tab with all of the helpdesk, p50", median(own_tabs), 150, "ms"),
        Line("sidebar: the same, first of all, nothing cached", f"{cold:.0f} ms"),
    ]
    lines += [
        at_most(f"sidebar: {name} painted after its answer, p50", median(found[1:]), 100, "ms")
        for name, found in lags.items()
        if len(found) > 1
    ]
    return lines


def _weight() -> Line:
    """Everything of ours that a browser loads."""
    static = Path(__file__).parents[1] / "sidebar" / "static"
    files = [path for path in static.rglob("*") if path.suffix in (".css", ".js")]
    size = sum(len(gzip.compress(path.read_bytes(), 9)) for path in files) / 1024
    return at_most("sidebar: CSS and JS, gzipped", size, 60, "KB")


@asynccontextmanager
async def _stage(folder: Path) -> AsyncIterator[tuple[Browser, list[str], dict[str, float]]]:
    """A browser, the addresses of tickets whose orders are stored, and when each system answered last."""
    world, answered = World(utc_now), dict[str, float]()
    orders = [make_order(number) for number in range(1, 2 * TIMES + 1)]
    for order in orders:
        parcels, order.parcels = order.parcels, []
        world.add(order)
        for parcel in parcels:
            world.ship(order, parcel)
    async with AsyncExitStack() as stack:
        addresses = {
            name: await stack.enter_async_context(served(fake, FIRST_PORT + place))
            for place, (name, fake) in enumerate(world.fakes.items())
        }
        port = _free_port()
        settings = write_configuration(folder, port, addresses)
        world.zendesk.sidebar.sidebar_url = f"{settings.server.public_url}/sidebar/zendesk"
        stay_everywhere()
        path = folder / "beforehand.toml"
        stack.enter_context(process([BEFOREHAND, "serve", "--config", str(path)], port, SERVER_CORE))
        token = await _token(path)
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            for order in orders:
                address = f"{settings.server.public_url}/v1/orders/acme/{order.id}/context"
                (await client.get(address, headers={"authorization": f"Bearer {token}"})).raise_for_status()
        await asyncio.sleep(3)  # what was seen is stored, and no answer of a moment ago counts any more
        for name, fake in world.fakes.items():
            if name in DELAYS:
                fake.misbehaves = _late(name, DELAYS[name], answered)
        desk = world.zendesk.desk
        tickets = []
        for order in orders:
            customer = desk.user(order.customer.name, order.customer.email)
            ticket = desk.open(
                subject=f"Where is order {order.name}?",
                requester=customer,
                author=customer,
                body="",
                public=True,
                channel="email",
            )
            tickets.append(f"{addresses['desk']}/agent/tickets/{ticket.id}")
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        stack.push_async_callback(browser.close)
        yield browser, tickets, answered


def _late(name: str, seconds: float, answered: dict[str, float]) -> Any:
    def hold(_: Call) -> Mishap:
        event = asyncio.Event()

        def let_go() -> None:
            answered[name] = time.time()
            event.set()

        asyncio.get_running_loop().call_later(seconds, let_go)
        return Mishap(waits_for=event)

    return hold


async def _tab(context: BrowserContext) -> Page:
    page = await context.new_page()
    await page.add_init_script(WATCH)
    return page


async def _open(page: Page, address: str) -> dict[str, float]:
    """Open a ticket in the helpdesk's list, as an agent does all day; what was painted, in milliseconds since 1970."""
    ticket = address.rpartition("/")[2]
    if page.url == "about:blank":
        await page.goto(address)
    else:
        await page.click(f'#tickets button[data-id="{ticket}"]')
    async with asyncio.timeout(20):
        while True:
            frame = next((found for found in page.frames if found.name.endswith(f"_{ticket}")), None)
            painted = await _painted(frame) if frame else {}
            if all(painted.get(name) for name in ("order", *SYSTEMS)):
                break
            await asyncio.sleep(0.05)
    return painted


async def _painted(frame: Any) -> dict[str, float]:
    with contextlib.suppress(Exception):
        found: dict[str, float] = await frame.evaluate("({...window.__painted, begun: performance.timeOrigin})")
        return found
    return {}


async def _token(path: Path) -> str:
    command = [BEFOREHAND, "token", "create", "--config", str(path), "--workspace", "acme", "--role", "agent"]
    done = await asyncio.to_thread(subprocess.check_output, [*command, "--user", "bench"], text=True)
    return done.strip()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
