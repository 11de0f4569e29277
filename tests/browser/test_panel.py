"""The panel itself: the picture, several orders, one source at a time, and that nothing jumps."""

import asyncio
from datetime import timedelta

import pytest

from server.demo.fake import DOWN, Mishap
from server.demo.orders import Person, WorldScan

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADA = Person(501, "Ada Byrne", "ada.byrne@example.com", "Portland", "OR")
WHERE = """() => Object.fromEntries([...document.querySelectorAll("#order [data-section] > h2, #order svg")].map(
    (found) => [found.textContent.trim().split("asking")[0].trim(), Math.round(found.getBoundingClientRect().top)]))"""
WATCH = """() => {
    window.shifts = 0;
    new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.shifts += entry.value; })
        .observe({ type: "layout-shift" });
}"""
"""What Chromium calls cumulative layout shift, from now on."""


async def known(stage):
    """The stalled order, stored, and a ticket about it."""
    order = stage.stalled()
    await stage.know(order)
    return order, stage.ticket(f"Where is order {order.name}?", "Hello, any news of my skillet?")


async def test_the_picture_tells_the_story_on_one_line(stage, new_page):
    _, ticket = await known(stage)
    page = await (await (await new_page()).open(ticket, width=258)).settled()
    picture = page.app.get_by_role("img")
    assert await picture.get_attribute("aria-label") == (
        "Ordered Wed 18 Nov. Promised for tomorrow, Tue 24 Nov. The carrier expects Wed 25 Nov. "
        "4 scans, the last one 51 h ago."
    )
    frame = await page.frame()
    places = await frame.evaluate(
        """() => Object.fromEntries(["scan", "now", "promise", "estimate"].map((kind) => {
            const box = [...document.querySelectorAll(`svg .${kind}`)].at(-1).getBoundingClientRect();
            return [kind, box.left + box.width / 2];
        }))"""
    )
    assert places["scan"] < places["now"] < places["promise"] < places["estimate"]
    inside = await frame.evaluate(
        """() => { const edge = document.querySelector("svg").getBoundingClientRect();
            return [...document.querySelectorAll("svg text")].every((text) => {
                const box = text.getBoundingClientRect();
                return box.left >= edge.left - 1 && box.right <= edge.right + 1; }); }"""
    )
    assert inside
    assert page.errors == []  # no inline style, which the policy forbids


async def test_nothing_jumps_while_sources_answer(stage, new_page):
    _, ticket = await known(stage)
    gates = {name: asyncio.Event() for name in ("shopify", "stripe", "ups")}
    for name, gate in gates.items():
        getattr(stage.world, name).standing_mishap = Mishap(waits_for=gate)
    page = await (await new_page()).open(ticket)
    await page.app.get_by_text("Waiting for Shopify, Stripe, UPS", exact=True).wait_for()
    assert "asking UPS" in await page.text("#shipments h2")
    assert "asking Stripe" in await page.text("#payments h2")
    assert "asking Shopify" in await page.text("#header h2")
    await page.picture("panel-waiting")
    frame = await page.frame()
    await page.grown()
    before = await frame.evaluate(WHERE)
    assert len(before) >= 5
    await frame.evaluate(WATCH)
    for gate in gates.values():
        gate.set()
        await page.page.wait_for_timeout(50)
    await page.settled()
    assert "asking" not in await page.text("main")
    assert await frame.evaluate(WHERE) == before
    await page.page.wait_for_timeout(100)
    assert await frame.evaluate("shifts") < 0.02


async def test_an_order_that_has_to_be_fetched_keeps_room_for_what_is_still_asked(stage, new_page):
    order = stage.stalled()
    gates = {name: asyncio.Event() for name in ("stripe", "ups")}
    for name, gate in gates.items():
        getattr(stage.world, name).standing_mishap = Mishap(waits_for=gate)
    page = await (await new_page()).open(stage.ticket(f"Order {order.name}"))
    await page.app.get_by_text("Waiting for Stripe, UPS", exact=True).wait_for()
    assert "asking Stripe" in await page.text("#payments h2")
    await page.grown()
    frame = await page.frame()
    await frame.evaluate(WATCH)
    await page.picture("panel-fetching")
    for gate in gates.values():
        gate.set()
        await page.page.wait_for_timeout(50)
    await page.settled()
    await page.page.wait_for_timeout(100)
    assert await frame.evaluate("shifts") < 0.1
    assert await page.app.locator(".placeholder").count() == 0


async def test_one_source_is_asked_again_alone(stage, new_page):
    order, ticket = await known(stage)
    stage.world.ups.standing_mishap = DOWN
    page = await (await (await new_page()).open(ticket)).settled()
    assert "UPS has trouble of its own right now" in await page.text("#sources")
    stage.world.ups.standing_mishap = None
    order.parcels[0].scans.append(WorldScan(stage.clock(), "in_transit", "Departed again", "Memphis", "TN"))
    asked = {name: len(getattr(stage.world, name).calls) for name in ("shopify", "stripe", "ups")}
    await page.press("Refresh UPS", within="#sources")
    await page.app.locator("#shipments").get_by_text("Departed again").first.wait_for()
    await page.settled()
    assert "UPS as of 14:05" in await page.text("#sources")
    assert len(stage.world.ups.calls) > asked["ups"]
    assert len(stage.world.shopify.calls) == asked["shopify"]
    assert len(stage.world.stripe.calls) == asked["stripe"]
    focused = "document.activeElement.getAttribute('aria-label')"
    assert await (await page.frame()).evaluate(focused) == "Refresh UPS"


async def test_the_customer_s_other_orders_wait_below(stage, new_page):
    order, ticket = await known(stage)
    other = stage.order(title="Enamel pot", price=60, promised=None)
    await stage.know(other)
    page = await (await (await new_page()).open(ticket, width=320)).settled()
    assert await page.text("#header h2") == f"Order {order.name}"
    assert await page.text("#others h2") == "Another order of this customer"
    folded = page.app.locator("#others details.other")
    assert "Paid Not fulfilled" in await page.text("#others details.other > summary")
    assert await folded.get_attribute("open") is None
    await folded.locator("> summary").click()
    await folded.get_by_text("Enamel pot").first.wait_for()
    await folded.get_by_text("As of 14:05").first.wait_for()
    await page.press("Hide details")
    assert await page.app.locator("#body").is_hidden()
    assert await page.app.locator("#header").is_visible()
    await page.picture("panel-other-order")
    await page.press("Show details")
    assert await page.app.locator("#shipments").is_visible()
    # What was opened stays open when all of it is asked again.
    await page.press("Refresh all", within="footer")
    await page.settled()
    assert await folded.get_attribute("open") == ""
    assert page.errors == []


async def test_an_order_that_is_opened_below_can_fail_by_itself(stage, new_page):
    _, ticket = await known(stage)
    await stage.know(stage.order(title="Enamel pot"))
    page = await (await (await new_page()).open(ticket)).settled()
    await page.page.route("**/stream?order=*", lambda route: route.abort())
    await page.app.locator("#others details.other > summary").click()
    await page.app.locator("#others").get_by_text("The connection to Beforehand broke.").wait_for()
    assert "No scan for 51 h" in await page.text("#shipments")


async def test_what_is_said_aloud_is_said_once(stage, new_page):
    _, ticket = await known(stage)
    page = await new_page()
    await page.page.add_init_script(
        """window.said = []; addEventListener("DOMContentLoaded", () => {
            const status = document.getElementById("status");
            if (status) new MutationObserver(() => said.push(status.textContent)).observe(status, { childList: true });
        });"""
    )
    await (await page.open(ticket)).settled()
    assert await (await page.frame()).evaluate("said") == ["As of 14:05"]


async def test_a_dispute_and_its_deadline_are_in_plain_words(stage, new_page):
    order, ticket = await known(stage)
    order.intent.disputed_at = stage.clock() - timedelta(days=1)
    order.intent.dispute_reason = "product_not_received"
    page = await (await (await new_page()).open(ticket)).settled()
    said = await page.text("#payments")
    assert "The customer's bank disputes $129.00. The customer says the goods never arrived. Answer by" in said
    await page.app.locator("#actions summary").click()
    assert "The payment is disputed: the bank decides who gets the money" in await page.text("#actions dl")
    await page.picture("panel-disputed")
