"""The same panel on a page of our own: no helpdesk around it, no SDK, and the same requests."""

from datetime import timedelta

import pytest

from server.web.assets import STATIC
from server.web.framing import panel_policy
from sidebar import html

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def hosted(stage, new_page, *, user="email:dana@acme-outfitters.example", until=None, **about):
    """The page as `server/web/hosted.py` sends it to whoever has signed in."""
    token = stage.parts.sessions.open("acme", "", user, stage.clock(), via="sign_in", until=until)
    text = html.page(
        nonce="n0nce",
        host="hosted",
        static=STATIC,
        title="Order #48219",
        session={"token": token, "base": "/panel", **about},
    )
    page = await new_page(viewport={"width": 900, "height": 1250})
    address = f"{stage.server_url}/app/acme/orders/x"

    async def answer(route):
        headers = {"content-type": "text/html", "content-security-policy": panel_policy("n0nce")}
        await route.fulfill(body=text, headers=headers)

    await page.page.route(address, answer)
    await page.page.goto(address)
    return page


async def settled(page):
    await page.page.locator("main:not([aria-busy])").wait_for(timeout=15_000)


async def said(page, selector):
    return " ".join((await page.page.locator(selector).inner_text()).split())


async def test_the_order_is_shown_without_a_helpdesk(stage, new_page):
    order = stage.stalled()
    await stage.know(order)
    page = await hosted(stage, new_page, order=str(order.id), shop="shop")
    await settled(page)
    assert await said(page, "#header h2") == "Order #48219"
    assert "No scan for 51 h" in await said(page, "#shipments")
    assert await page.page.evaluate("document.scripts.length") == 1  # the module; the session's block is gone
    assert await page.page.evaluate("[document.cookie, 'ZAFClient' in window]") == ["", False]
    assert page.errors == []
    await page.picture("hosted-order", of="body")


async def test_a_refund_is_asked_for_beside_no_ticket(stage, new_page):
    order = stage.stalled()
    await stage.know(order)
    page = await hosted(stage, new_page, order=order.name)
    await settled(page)
    await page.page.get_by_role("button", name="Refund", exact=True).click()
    await page.page.get_by_label("By amount").check()
    await page.page.get_by_role("textbox", name="Amount").fill("5.00")
    await page.page.get_by_label("Reason").fill("By e-mail")
    await page.page.get_by_role("button", name="Ask for approval").click()
    await page.page.locator("#requests .open").wait_for()
    (request,) = await stage.parts.approvals.list("acme", (), 10)
    assert (request.ticket, request.requester.id) == (None, "dana")
    # Dana asked here; whichever way she comes in, she cannot decide it.
    assert "Somebody else has to decide" in await said(page, "#requests")


async def test_a_search_leads_to_another_order_and_back(stage, new_page):
    order, other = stage.stalled(), stage.order(title="Enamel pot")
    await stage.know(order)
    await stage.know(other)
    page = await hosted(stage, new_page, order=str(order.id), shop="shop")
    await settled(page)
    await page.page.get_by_role("button", name="Find order").click()
    await page.page.get_by_label("Find another order").fill(other.name)
    await page.page.keyboard.press("Enter")
    await page.page.locator("#candidates button").click()
    await page.page.get_by_text("Enamel pot").first.wait_for()
    await page.page.locator("#back").click()
    await page.page.get_by_text("Cast-iron skillet").first.wait_for()


async def test_without_an_order_it_says_so(stage, new_page):
    page = await hosted(stage, new_page)
    await page.page.get_by_text("This address names no order. Search for one.").first.wait_for()


async def test_a_session_that_ended_leads_back_by_reloading(stage, new_page):
    order = stage.stalled()
    await stage.know(order)
    page = await hosted(stage, new_page, order=str(order.id), until=stage.clock() + timedelta(minutes=5))
    await settled(page)
    stage.clock.advance(timedelta(minutes=6))
    await page.page.locator("#refresh").click()
    await page.page.get_by_text("Session ended.").first.wait_for()
    assert "Eleanor" not in await said(page, "body")
    assert await page.page.locator("#reload").is_visible()
