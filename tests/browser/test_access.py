"""Whether everybody can use it: axe's rules, the keyboard, narrow and dark."""

import pytest

from connectors.money import Money
from server.demo.fake import DOWN
from server.flows.approvals import Ask
from server.model import Principal, Role
from tests.browser.conftest import DANA, ROBIN

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def violations(where):
    axe = pytest.importorskip("axe_playwright_python.async_playwright")
    found = await axe.Axe().run(where)
    return [
        f"{rule['id']} ({rule['impact']}): {rule['nodes'][0]['html'][:200]}" for rule in found.response["violations"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [258, 320, 450])
async def test_the_panel_is_for_everybody(stage, new_page, scheme, width):
    order = stage.stalled()
    key = await stage.know(order)
    ticket = stage.ticket(f"Where is order {order.name}?", "Hello")
    await stage.link_issues(key, ticket)
    stage.world.ups.standing_mishap = DOWN
    page = await new_page(color_scheme=scheme)
    await (await page.open(ticket, width=width)).settled()
    for summary in await page.app.locator("summary").all():
        await summary.click()
    await page.grown()
    frame = await page.frame()
    assert await violations(frame) == []
    assert await frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.picture(f"sidebar-{scheme}-{width}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_search_is_for_everybody(stage, new_page, scheme):
    first, second = stage.order(), stage.order()
    await stage.know(first)
    await stage.know(second)
    page = await new_page(color_scheme=scheme)
    await (await page.open(stage.ticket("Hello"), width=258)).settled()
    await page.app.locator("#others details").nth(1).wait_for()
    assert await violations(await page.frame()) == []


async def test_the_helpdesk_is_for_everybody(stage, new_page):
    ticket = stage.ticket("Hello", "Hi there")
    stage.note(ticket, "An internal note")
    page = await (await (await new_page()).open(ticket)).settled()
    assert [found for found in await violations(page.page.main_frame) if "iframe" not in found] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [258, 450])
async def test_forms_and_requests_are_for_everybody(stage, new_page, scheme, width):
    order = stage.stalled()
    await stage.know(order)
    await stage.know(stage.order(title="Enamel pot"))
    ticket = stage.ticket(f"Where is order {order.name}?", "Hello")
    wanted = Ask(order=str(order.id), kind="refund", reason="It came broken", amount=Money(1200, "USD"))
    robin = Principal(workspace="acme", user=f"zendesk:{ROBIN}", role=Role.AGENT, via="desk")
    await stage.parts.approvals.ask(robin, wanted, "a-key-of-a-test")
    page = await new_page(color_scheme=scheme)
    await (await page.open(ticket, width=width, agent=DANA)).settled()
    await page.press("Approve", within="#requests")
    await page.press("Approve", within="form.ask")
    frame = await page.frame()
    assert await violations(frame) == []
    await page.press("Refund")
    await page.app.get_by_label("By item").check()
    await page.press("Ask for approval")
    await page.app.locator("#others details.other > summary").click()
    await page.app.locator("#others").get_by_text("As of 14:05", exact=True).wait_for()
    await page.grown()
    assert await violations(frame) == []
    assert await frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.picture(f"actions-{scheme}-{width}")


async def test_everything_is_reached_by_keyboard(stage, new_page):
    order = stage.stalled()
    await stage.know(order)
    page = await (await (await new_page()).open(stage.ticket(f"Order {order.name}"))).settled()
    await page.app.locator("#header a").focus()
    frame, reached = await page.frame(), []
    while "Refresh all" not in reached and len(reached) < 30:
        reached.append(await frame.evaluate("document.activeElement.textContent.trim()"))
        await page.page.keyboard.press("Tab")
    assert reached == [
        *("Order #48219", "Refund", "Ship again", "Store credit", "Other", "Not possible now"),
        *("1Z999AA10000048219", "3 earlier scans"),
        *(("Refresh",) * 5),  # Zendesk, Gorgias, Shopify, Stripe, UPS, by their labels
        *("Find order", "Refresh all"),
    ]
